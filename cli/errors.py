"""The error of the command line: its message says what to do, and is shown as it is."""

from __future__ import annotations


class CannotRun(Exception):
    """When a command cannot begin: an option, the bucket, or what stands between. Exit status 3."""
