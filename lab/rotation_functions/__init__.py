"""Rotation functions that a company may have in the place of the stack's own: good ones and bad.

Each module here is put beside the asset's code, and runs in a process of its own with nothing but
that and the layer: it imports `functions`, never `lab`.
"""
