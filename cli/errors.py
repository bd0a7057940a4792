"""The errors of the command line: the message says what to do, and is shown as it is."""

from __future__ import annotations


class CannotRun(Exception):
    """When a command cannot begin: an option, the bucket, or what stands between. Exit status 3."""


class StoppedHalfway(Exception):
    """When something ends a restore that has begun; the same command goes on. Exit status 2."""
