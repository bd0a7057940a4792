"""What came of an action. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from functions.s3_versions.values import Action


class Result(StrEnum):
    """Whether a key is now what it was at T."""

    DONE = "done"
    ALREADY = "already"
    """it was so before: nothing was written"""
    CONFLICT = "conflict"
    """somebody wrote after the listing: what they wrote is kept"""
    THAWING = "thawing"
    """the archived version was asked back; a later run copies it"""
    FAILED = "failed"


class Outcome(NamedTuple):
    """What came of an action.

    `version` is the id of what is current by it, where S3 tells; `bytes` those that were copied.
    `detail` says why it was not done, in S3's words.
    """

    action: Action
    result: Result
    version: str = ""
    seconds: float = 0.0
    bytes: int = 0
    detail: str = ""
