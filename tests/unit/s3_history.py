"""A bucket that keeps versions, told by its write log: what is true, to hold an answer against.

The bucket lists itself as S3 does; who reads the listing sees whole seconds, and the beginning of
an upload in parts. The oracle reads the log alone: when each thing really happened, and how it
ended. Times are whole microseconds after EPOCH.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

from functions.s3_versions.state_at import Seen
from functions.s3_versions.values import NULL, Caveat, Entry, moment

EPOCH: Final = datetime(2026, 11, 2, 5, tzinfo=UTC)
SECOND: Final = 1_000_000

KEYS: Final = (
    "a",
    "a/",
    "a//b c",
    "a+b%41&<>\"'",
    "e\u0301\n\r\t",
    "\u00e9 ",
    "\uff5e",
    "\U0001f600" * 200,
)
"""Awkward ones, in the order of their UTF-8; that of UTF-16 would have the last two swapped."""


class Versioning(Enum):
    """A bucket's versioning; it never comes back to OFF."""

    OFF = "off"
    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


class End(Enum):
    """How something that was written went away."""

    REMOVED = "removed by id"
    OVERWRITTEN = "overwritten, or replaced by a marker, without versions"
    EXPIRED = "noncurrent, deleted by a lifecycle rule"
    FORGOTTEN = "a marker with nothing below it, deleted by a lifecycle rule"
    NOT_YET = "still there"


@dataclass(frozen=True, slots=True)
class Content:
    """What an object holds: bytes, told by a number, and metadata, by another."""

    body: int
    metadata: int = 0

    @property
    def data(self) -> bytes:
        """The bytes. Some bodies differ in size, some do not."""
        return b"%d" % self.body + b"." * (1 + self.body % 3)

    @property
    def halves(self) -> tuple[bytes, bytes]:
        """The bytes as they are uploaded in parts."""
        return self.data[:1], self.data[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A line of the log: something became a key's newest, at `at`; `dated` is what S3 says.

    `content` is None for a marker, `parts` 0 for what was uploaded whole.
    """

    serial: int
    key: str
    at: int
    dated: int
    version_id: str
    content: Content | None
    parts: int = 0
    storage_class: str = "STANDARD"

    @property
    def etag(self) -> str:
        """As S3 makes it: a digest of the bytes, or one of parts with their number."""
        if self.content is None:
            return ""
        if not self.parts:
            return _md5(self.content.data).hexdigest()
        digests = b"".join(_md5(half).digest() for half in self.content.halves)
        return f"{_md5(digests).hexdigest()}-{self.parts}"


def _md5(data: bytes) -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)


class Ended(NamedTuple):
    """The other kind of line: when and how a write went away."""

    at: int
    how: End


class Rule(NamedTuple):
    """A lifecycle rule: `age` in microseconds, and of how many bytes an object is spared."""

    age: int
    spared: int = 0

    def spares(self, write: Write) -> bool:
        """Whether the rule is not for this one."""
        return write.content is not None and len(write.content.data) == self.spared


@dataclass(slots=True)
class Upload:
    """An upload in parts that has begun."""

    key: str
    begun: int
    content: Content


@dataclass(slots=True)
class Bucket:
    """Keys with their histories, newest first, and the log of how they came about."""

    versioning: Versioning = Versioning.OFF
    now: int = 0
    stacks: dict[str, list[Write]] = field(default_factory=dict)
    uploads: list[Upload] = field(default_factory=list)
    thawed: set[int] = field(default_factory=set)
    writes: list[Write] = field(default_factory=list)
    ends: dict[int, Ended] = field(default_factory=dict)

    def put(
        self,
        key: str,
        content: Content,
        *,
        begun: int | None = None,
        storage_class: str = "STANDARD",
    ) -> Write:
        """A version; one that was uploaded in parts, if it was `begun` at some time."""
        return self._write(
            key,
            content,
            dated=self.now if begun is None else begun,
            parts=0 if begun is None else 2,
            storage_class=storage_class,
        )

    def begin(self, key: str, content: Content) -> None:
        """An upload in parts begins. Nothing is to be seen of it yet."""
        self.uploads.append(Upload(key, self.now, content))

    def complete(self, number: int) -> None:
        """An upload in parts is completed, and becomes its key's newest."""
        if self.uploads:
            upload = self.uploads.pop(number % len(self.uploads))
            self.put(upload.key, upload.content, begun=upload.begun)

    def copy(self, version: Write, key: str) -> Write:
        """A version onto a key, with one request."""
        assert version.content is not None
        return self.put(key, version.content, storage_class=version.storage_class)

    def delete(self, key: str) -> None:
        """A marker; while versioning is off, the object is gone."""
        if self.versioning is not Versioning.OFF:
            self._write(key, None, dated=self.now)
        elif key in self.stacks:
            self.remove(self.stacks[key][0])

    def remove(self, write: Write, how: End = End.REMOVED) -> None:
        """A version or marker goes away for good."""
        stack = self.stacks[write.key]
        stack.remove(write)
        if not stack:
            del self.stacks[write.key]
        self.ends[write.serial] = Ended(self.now, how)

    def expire(self, rule: Rule) -> None:
        """What the lifecycle rule is for goes: what has been noncurrent for its age.

        So does a marker with nothing below it, once it is as old.
        """
        for stack in list(self.stacks.values()):
            for older, newer in list(zip(stack[1:], stack, strict=False)):
                if newer.at <= self.now - rule.age and not rule.spares(older):
                    self.remove(older, End.EXPIRED)
            if len(stack) == 1 and stack[0].content is None and stack[0].at <= self.now - rule.age:
                self.remove(stack[0], End.FORGOTTEN)

    def _write(
        self,
        key: str,
        content: Content | None,
        *,
        dated: int,
        parts: int = 0,
        storage_class: str = "STANDARD",
    ) -> Write:
        serial = len(self.writes)
        enabled = self.versioning is Versioning.ENABLED
        if not enabled:
            for null in [one for one in self.stacks.get(key, ()) if one.version_id == NULL]:
                self.remove(null, End.OVERWRITTEN)
        write = Write(
            serial=serial,
            key=key,
            at=self.now,
            dated=dated,
            version_id=f"v{serial * 7919 % 10_007}.{serial}" if enabled else NULL,
            content=content,
            parts=parts,
            storage_class=storage_class,
        )
        self.writes.append(write)
        self.stacks.setdefault(key, []).insert(0, write)
        return write

    def current(self, key: str) -> Write | None:
        """The version that a GET finds now; None where the key is absent."""
        stack = self.stacks.get(key)
        return stack[0] if stack and stack[0].content else None

    def find(self, key: str, version_id: str) -> Write:
        """What is there under an id."""
        return next(one for one in self.stacks[key] if one.version_id == version_id)

    def listing(self) -> Iterator[Entry]:
        """Every version and marker, as ListObjectVersions has it."""
        for key in sorted(self.stacks, key=str.encode):
            for number, one in enumerate(self.stacks[key]):
                yield Entry(
                    key=key,
                    version_id=one.version_id,
                    marker=one.content is None,
                    modified=wire_date(one.dated),
                    etag=one.etag,
                    size=len(one.content.data) if one.content else 0,
                    storage_class=one.storage_class if one.content else "",
                    latest=number == 0,
                    restored="ready" if one.serial in self.thawed else "",
                )

    def pages(self, size: int) -> Iterator[list[Entry]]:
        """The same in pages, each begun where the last entry of the one before it says."""
        entries = list(self.listing())
        names = [(entry.key, entry.version_id) for entry in entries]
        start = 0
        while start < len(entries):
            page = entries[start : start + size]
            yield page
            start = names.index((page[-1].key, page[-1].version_id)) + 1


def instant(time: int) -> datetime:
    """A time of the model on the calendar."""
    return EPOCH + timedelta(microseconds=time)


def text(time: int) -> str:
    """A time of the model as T is given."""
    return moment(instant(time))


def wire_date(time: int) -> str:
    """A time of the model as the listing has it: whole seconds, without a zone."""
    return f"{instant(time):%Y-%m-%dT%H:%M:%S}"


class Step(NamedTuple):
    """One thing that happens, as numbers: whatever they are, they mean something."""

    what: str
    after: int
    """microseconds after the step before"""
    key: int
    number: int


WHAT: Final = (
    *("put", "put", "put", "put", "delete", "delete", "copy", "archive"),
    *("begin", "complete", "remove", "enable", "enable", "suspend", "expire"),
)
PAUSES: Final = (0, 1, 1_000, 250_000, 999_999, SECOND, 1_700_000, 4 * SECOND)


def run(
    steps: Sequence[Step],
    *,
    keys: Sequence[str],
    rule: Rule | None = None,
    bucket: Bucket | None = None,
) -> Bucket:
    """The bucket after some steps, a new one if none is given; with a lifecycle rule or without."""
    bucket = bucket or Bucket()
    for step in steps:
        bucket.now += step.after
        _take(bucket, step, keys[step.key % len(keys)], rule)
    bucket.now += 5 * SECOND
    if rule is not None:
        bucket.expire(rule)
    return bucket


def _take(bucket: Bucket, step: Step, key: str, rule: Rule | None) -> None:
    content = Content(step.number % 5, step.number % 2)
    stack = bucket.stacks.get(key, [])
    versions = [one for one in stack if one.content]
    match step.what:
        case "put":
            bucket.put(key, content)
        case "archive":
            bucket.put(key, content, storage_class="GLACIER")
        case "delete":
            bucket.delete(key)
        case "begin":
            bucket.begin(key, content)
        case "complete":
            bucket.complete(step.number)
        case "copy" if versions:
            bucket.copy(versions[step.number % len(versions)], key)
        case "remove" if stack:
            bucket.remove(stack[step.number % len(stack)])
        case "enable":
            bucket.versioning = Versioning.ENABLED
        case "suspend" if bucket.versioning is Versioning.ENABLED:
            bucket.versioning = Versioning.SUSPENDED
        case "expire" if rule is not None:
            bucket.expire(rule)


def at_random(rng: random.Random, *, length: int) -> list[Step]:
    """Some steps; the same for the same generator."""
    return [
        Step(rng.choice(WHAT), rng.choice(PAUSES), rng.randrange(8), rng.randrange(60))
        for _ in range(length)
    ]


def times_of_interest(bucket: Bucket) -> list[int]:
    """Before, at and after what happened: where an answer is likeliest to be wrong."""
    found = {0, bucket.now}
    for write in bucket.writes:
        second = write.at - write.at % SECOND
        found |= {write.at - 1, write.at, write.at + 1, second, second - 1, second + SECOND}
    for ended in bucket.ends.values():
        found.add(ended.at)
    return sorted(time for time in found if 0 <= time <= bucket.now)


class Truth(NamedTuple):
    """What the log says of a key at T, and what a listing can know of it.

    `then` was its newest at T. `left` is the newest of what was there at T and still is. `listed`
    is all that is left now, newest first, of which `late` are sure to have come after T; the first
    of the others is `claimed`.
    """

    then: Write | None
    left: Write | None
    listed: list[Write]
    late: list[Write]
    claimed: Write | None

    def may_mislead(self, at: int) -> bool:
        """Whether what bears a date of T or before has come after it."""
        return self.claimed is not None and self.claimed.at > at


def truth(bucket: Bucket, key: str, at: int) -> Truth:
    """What there is to know of a key."""
    log = [write for write in reversed(bucket.writes) if write.key == key]
    there = [write for write in log if write.at <= at and _ended(bucket, write).at > at]
    listed = [write for write in log if write.serial not in bucket.ends]
    late = max((n for n, write in enumerate(listed, 1) if _second(write.dated) > at), default=0)
    return Truth(
        then=next(iter(there), None),
        left=next((write for write in there if write.serial not in bucket.ends), None),
        listed=listed,
        late=listed[:late],
        claimed=next(iter(listed[late:]), None),
    )


def fault(bucket: Bucket, seen: Seen, at: int, rule: Rule | None = None) -> str:
    """What is wrong with an answer, as far as a listing can tell; empty for nothing.

    What a listing cannot tell is what left no trace in it: a version that was removed by id, and
    one that was replaced without versions, or expired, by something that is gone itself.
    """
    known = truth(bucket, seen.key, at)
    due = _caveats(bucket, known, at, rule)
    if sorted(seen.caveats) != sorted(due):
        return f"{seen.key!r}: caveats {seen.caveats}: expected {sorted(due)}"
    answer = bucket.find(seen.key, seen.target.version_id) if seen.target else None
    if known.may_mislead(at):
        wanted, excused = known.claimed, due & {Caveat.MULTIPART, Caveat.SAME_SECOND}
        if not excused:
            return f"{seen.key!r}: {wanted} came later, and no caveat says that it may have"
    else:
        wanted = known.left
        lost = _lost(bucket, known)
        if lost and lost not in due:
            return f"{seen.key!r}: {known.then} is lost: expected the caveat {lost}"
    if answer != (wanted if wanted and wanted.content else None):
        return f"{seen.key!r}: {answer}: expected {wanted}"
    return ""


def _caveats(bucket: Bucket, known: Truth, at: int, rule: Rule | None) -> set[Caveat]:
    due = set()
    if known.claimed:
        if known.claimed.parts:
            due.add(Caveat.MULTIPART)
        if _second(known.claimed.dated) == _second(at) and at % SECOND != SECOND - 1:
            due.add(Caveat.SAME_SECOND)
    if any(write.version_id == NULL for write in known.late):
        due.add(Caveat.NULL_OVERWRITTEN)
    if known.late and rule and _second(known.late[-1].dated) <= bucket.now - rule.age:
        due.add(Caveat.MAYBE_EXPIRED)
    return due


def _lost(bucket: Bucket, known: Truth) -> Caveat | None:
    """How what was there at T went away, if something that is left shows that it may have."""
    if known.then is None or known.then == known.left:
        return None
    how = _ended(bucket, known.then).how
    if how is End.OVERWRITTEN and any(write.version_id == NULL for write in known.listed):
        return Caveat.NULL_OVERWRITTEN
    oldest_since = min(write.serial for write in known.late) if known.late else 0
    between = [
        _ended(bucket, write).how
        for write in bucket.writes[known.then.serial : oldest_since]
        if write.key == known.then.key
    ]
    if between and all(how is End.EXPIRED for how in between):
        return Caveat.MAYBE_EXPIRED
    return None


def _ended(bucket: Bucket, write: Write) -> Ended:
    return bucket.ends.get(write.serial, Ended(bucket.now + 1, End.NOT_YET))


def _second(time: int) -> int:
    return time - time % SECOND
