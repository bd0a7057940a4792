"""Copies that S3 confirmed, and that nothing short of reading them would prove again.

Of two large objects without a checksum in common, whose ETags are of different kinds or made with
different keys, S3 does not tell whether they are the same; and what is archived cannot be read.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from functions.s3_versions import sameness
from functions.s3_versions.outcome import Outcome, Result
from functions.s3_versions.values import ARCHIVED, NULL
from functions.s3_versions.wire import Bucket

MOST_READ: Final = sameness.MOST_READ
"""Bytes up to which all that can be read is compared."""


class Copy(NamedTuple):
    """The version `made` of a key is a copy of its version `version`."""

    key: str
    version: str
    made: str


def of(outcome: Outcome) -> Copy | None:
    """The copy that an outcome tells of, where it cannot be compared later; else None."""
    action, made = outcome.action, outcome.version
    if outcome.result is not Result.DONE or not outcome.bytes or made in ("", NULL):
        return None
    if action.size <= MOST_READ and action.storage_class not in ARCHIVED:
        return None
    return Copy(action.key, action.version, made)


def agrees(copy: Copy, source: Bucket, target: Bucket, *, encryption: bool = True) -> bool:
    """Whether all that S3 tells of a copy agrees with the version it was made from.

    Headers, metadata and tags, and the encryption unless it was not to be kept; of the bytes their
    number, for nothing else is told. Raises RequestRefused and NoAnswer.
    """
    wanted = sameness.look(source, copy.key, copy.version)
    made = sameness.look(target, copy.key, copy.made)
    return bool(
        wanted
        and made
        and wanted.size == made.size
        and wanted.headers == made.headers
        and (not encryption or wanted.encrypting == made.encrypting)
        and not wanted.checksums.keys() & made.checksums.keys()
        and not (wanted.etag_is_md5 and made.etag_is_md5)
        and sameness.tags(source, wanted) == sameness.tags(target, made)
    )
