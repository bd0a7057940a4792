"""What the lab's S3 keeps: buckets, the history of each key in them, and uploads under way."""

from __future__ import annotations

import itertools
import secrets
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

NULL = "null"
"""The id of what is written while versioning is off or suspended."""

ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""The storage classes that must be asked back before they can be read."""

_BASE = 36
_sequence = itertools.count(_BASE**5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checksum:
    """A checksum of an object, in base 64, and of what: FULL_OBJECT or, of its parts, COMPOSITE."""

    algorithm: str
    value: str
    kind: str = "FULL_OBJECT"


@dataclass(kw_only=True, slots=True)
class Lock:
    """What keeps a version from being deleted."""

    mode: str | None = None
    until: datetime | None = None
    legal_hold: str | None = None

    def holds(self, now: datetime, *, bypassed: bool) -> bool:
        """Whether the version must stay; `bypassed` lifts a retention in GOVERNANCE mode."""
        if self.legal_hold == "ON":
            return True
        if self.until is None or self.until <= now:
            return False
        return self.mode == "COMPLIANCE" or not bypassed


@dataclass(kw_only=True, slots=True)
class Content:
    """What an object is, wherever it is kept: its bytes, and what was said of them.

    `etag` is without quotes, `parts` are the sizes of its parts in bytes, none if it was put whole.
    """

    body: bytes = b""
    etag: str = ""
    storage_class: str = "STANDARD"
    encryption: str = "AES256"
    key_arn: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    checksum: Checksum | None = None
    parts: tuple[int, ...] = ()
    lock: Lock = field(default_factory=Lock)


@dataclass(kw_only=True, slots=True)
class Version:
    """A version of a key, or a delete marker, whose content is None.

    `sequence` is its place in the key's history, whatever `modified` says. An archived version has
    been asked back for so many `days_back`, none if it was not, and can be read when it has a
    `back_until`.
    """

    key: str
    id: str
    sequence: int
    modified: datetime
    content: Content | None
    days_back: int = 0
    back_until: datetime | None = None

    @property
    def readable(self) -> bool:
        """Whether its bytes can be had now: it has some, and they are not archived."""
        archived = self.content is not None and self.content.storage_class in ARCHIVES
        return self.content is not None and (not archived or self.back_until is not None)


class History:
    """The versions and markers of one key, the oldest first."""

    __slots__ = ("_by_id", "_null_place", "key", "versions")

    def __init__(self, key: str) -> None:
        self.key = key
        self.versions: list[Version] = []
        self._by_id: dict[str, Version] = {}
        self._null_place = 0

    @property
    def current(self) -> Version:
        """The newest one. Raises IndexError when there is none."""
        return self.versions[-1]

    def add(self, version: Version) -> None:
        """Make it the newest; in the place of the null version, if it is one."""
        if version.id == NULL:
            self.remove(NULL)
            self._null_place = version.sequence
        self.versions.append(version)
        self._by_id[version.id] = version

    def find(self, version_id: str) -> Version | None:
        """The version or marker of that id."""
        return self._by_id.get(version_id)

    def remove(self, version_id: str) -> Version | None:
        """Take it out; what was taken."""
        version = self._by_id.pop(version_id, None)
        if version is not None:
            del self.versions[self._place(version.sequence)]
        return version

    def older_than(self, version_id: str) -> int:
        """How many are older than that one, which may be gone.

        Raises ValueError for what is no version id.
        """
        place = self._null_place if version_id == NULL else place_of(version_id)
        return self._place(place)

    def _place(self, sequence: int) -> int:
        return bisect_left(self.versions, sequence, key=attrgetter("sequence"))


@dataclass(kw_only=True, slots=True)
class Part:
    """A part of an upload; `etag` is without quotes."""

    number: int
    body: bytes
    etag: str
    modified: datetime
    checksum: Checksum | None = None


@dataclass(kw_only=True, slots=True)
class Upload:
    """A multipart upload: `content` is that of the object it will be, without its bytes."""

    id: str
    key: str
    begun: datetime
    content: Content
    algorithm: str | None = None
    checksum_kind: str = "COMPOSITE"
    parts: dict[int, Part] = field(default_factory=dict)


class Bucket:
    """The keys of a bucket in the order of their UTF-8 bytes, with their histories.

    `documents` are parts of its configuration, as they were put.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.documents: dict[str, bytes] = {}
        self.uploads: dict[str, Upload] = {}
        self._order: list[bytes] = []
        self._histories: dict[bytes, History] = {}

    @property
    def empty(self) -> bool:
        """Whether there is neither a version nor a marker in it."""
        return not self._order

    def history(self, key: str) -> History | None:
        """The history of a key; None for one that was never written, or of which all is gone."""
        return self._histories.get(key.encode())

    def current(self, key: str) -> Version | None:
        """The newest version or marker of a key."""
        history = self.history(key)
        return history.current if history else None

    def find(self, key: str, version_id: str) -> Version | None:
        """The version or marker of that id."""
        history = self.history(key)
        return history.find(version_id) if history else None

    def versions(self) -> Iterator[Version]:
        """All versions and markers, each key's oldest first."""
        for name in self._order:
            yield from self._histories[name].versions

    def add(
        self, key: str, content: Content | None, *, modified: datetime, versioned: bool
    ) -> Version:
        """Write the newest version, or a marker, of a key; what was written."""
        sequence = next(_sequence)
        version = Version(
            key=key,
            id=_id_at(sequence) if versioned else NULL,
            sequence=sequence,
            modified=modified,
            content=content,
        )
        name = key.encode()
        history = self._histories.get(name)
        if history is None:
            history = self._histories[name] = History(key)
            insort(self._order, name)
        history.add(version)
        return version

    def remove(self, key: str, version_id: str) -> Version | None:
        """Take a version or a marker out for good; what was taken."""
        name = key.encode()
        history = self._histories.get(name)
        if history is None:
            return None
        removed = history.remove(version_id)
        if not history.versions:
            del self._histories[name]
            del self._order[bisect_left(self._order, name)]
        return removed

    def following(self, prefix: bytes, after: bytes, *, itself: bool = False) -> History | None:
        """The history of the first key with this prefix after `after`, or of `after` itself."""
        find = bisect_left if itself else bisect_right
        at = max(bisect_left(self._order, prefix), find(self._order, after))
        if at == len(self._order) or not self._order[at].startswith(prefix):
            return None
        return self._histories[self._order[at]]


def beyond(prefix: bytes) -> bytes:
    r"""The first text that comes after all that begin with a prefix.

    >>> beyond(b"a/"), beyond(b"a\xff")
    (b'a0', b'b')
    """
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1])


def place_of(version_id: str) -> int:
    """The place in time that is hidden in an id. Raises ValueError for what is no version id."""
    return int(version_id.rpartition(".")[2], _BASE)


def _id_at(sequence: int) -> str:
    """An id that sorts at random, from which the place can be read again."""
    digits = []
    while sequence:
        sequence, digit = divmod(sequence, _BASE)
        digits.append("0123456789abcdefghijklmnopqrstuvwxyz"[digit])
    return f"{secrets.token_urlsafe(18)}.{''.join(reversed(digits))}"
