"""What a bucket's versions are, and what is to be done with them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

NULL = "null"
"""The version id of what was written before versioning was on, or while it was suspended."""

LARGEST_COPY = 5 * 1024**3
"""Bytes that one CopyObject copies; what is larger is copied in parts (S3 API, CopyObject)."""

ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes that must be asked back before they can be read; GLACIER_IR is not of them."""


class Entry(NamedTuple):
    """One version or delete marker of ListObjectVersions, as on the wire.

    `modified` is the text of LastModified (UTC, whole seconds on S3); `etag` is without quotes, and
    empty for a marker, as are `size` (bytes, 0) and `storage_class`. `restored` tells of an
    archived version: "ongoing", "ready", or empty.
    """

    key: str
    version_id: str
    marker: bool
    modified: str
    etag: str = ""
    size: int = 0
    storage_class: str = ""
    latest: bool = False
    restored: str = ""

    @property
    def multipart(self) -> bool:
        """Whether it was uploaded in parts: its ETag ends in their number."""
        return "-" in self.etag


class Diff(StrEnum):
    """What becomes of a key."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    UNCHANGED = "unchanged"
    UNRESTORABLE = "unrestorable"


class How(StrEnum):
    """By which request."""

    COPY = "copy"
    """the version is copied forward, and becomes the newest"""
    UNDELETE = "undelete"
    """the markers above the version are removed, by id; the very same version is current again"""
    MARKER = "marker"
    """a delete marker is added; what is below it stays"""
    THAW = "thaw"
    """the archived version is asked back first; it is copied by a later run"""
    COMPARE = "compare"
    """nothing, if what is current is the same in content, metadata and tags; else it is copied"""
    NOTHING = "nothing"


class Caveat(StrEnum):
    """Why what the listing says of a key may not be the whole truth."""

    MULTIPART = "multipart"
    """uploaded in parts: its date is that of the beginning, it may have been visible only later"""
    SAME_SECOND = "same_second"
    """written in the very second of T: before or after it, dates of whole seconds do not tell"""
    NULL_OVERWRITTEN = "null_overwritten"
    """written after T while versioning was off or suspended: what was there before is gone"""
    MAYBE_EXPIRED = "maybe_expired"
    """a lifecycle rule may have deleted what was current at T"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What is to be done with one key, and what was seen of it when that was decided.

    `version` (with `etag`, `size` in bytes, `storage_class`) is what was current at T; empty for a
    key that was absent. `expects` is the ETag of what is current now and may be replaced, empty
    where nothing is. `markers` are the ids to remove, where `how` is UNDELETE. `reason` says why
    a key is unrestorable.
    """

    key: str
    diff: Diff
    how: How
    version: str = ""
    etag: str = ""
    size: int = 0
    storage_class: str = ""
    expects: str = ""
    current: str = ""
    markers: tuple[str, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    reason: str = ""

    def to_record(self) -> dict[str, Any]:
        """As a line of a plan file: what is empty is left out."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name in self.__slots__
            if (value := getattr(self, name))
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Action:
        """The action of a plan file's line. Raises KeyError, TypeError or ValueError for others.

        >>> one = Action(key="a", diff=Diff.CREATE, how=How.COPY, version="1", size=3)
        >>> Action.from_record(one.to_record()) == one
        True
        """
        return cls(
            **{
                **record,
                "diff": Diff(record["diff"]),
                "how": How(record["how"]),
                "markers": tuple(record.get("markers", ())),
                "caveats": tuple(map(Caveat, record.get("caveats", ()))),
            }
        )


def moment(instant: datetime) -> str:
    """A time in the form in which LastModified compares with it as text: `modified <= moment`.

    With nine digits of a second and no zone, every shorter writing of the same or an earlier time
    sorts before it.

    >>> T = moment(datetime(2026, 11, 2, 5, 0, 0, 500_000, tzinfo=UTC))
    >>> T
    '2026-11-02T05:00:00.500000000'
    >>> [text <= T for text in ("2026-11-02T05:00:00", "2026-11-02T05:00:00.5",
    ...                         "2026-11-02T05:00:00.501", "2026-11-02T05:00:01")]
    [True, True, False, False]

    Raises ValueError for a naive datetime.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no zone")
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000"


def end_of_second(modified: str) -> str:
    """The last moment of the second of a date, for a T that all of that second is before.

    >>> end_of_second("2026-11-02T05:00:01")
    '2026-11-02T05:00:01.999999999'
    """
    return f"{modified[:19]}.999999999"
