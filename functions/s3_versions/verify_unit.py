"""A range of a rehearsal's objects, each held against the version that Witness saw.

That version is found by what ListObjectsV2 told of it, not by the planner whose work is compared.
What was written while Witness listed may have been there at T or not, and is not compared; nor is
what is archived.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from typing import Any

from functions.evidence import Evidence
from functions.model import Check, CheckClass, Status
from functions.s3_versions import objects, restore, sameness
from functions.s3_versions.manifest import Row, Witnessed, unpack
from functions.s3_versions.plan import MOST_UNITS
from functions.s3_versions.values import ARCHIVED, Entry
from functions.s3_versions.wire import Bucket

LEAST_OF_A_UNIT = 250
"""Objects that a unit compares at least, unless there are fewer."""

MOST_READ_OF_ONE = 1024**3
"""Bytes of an object that is read in full, be it of the sample."""

MOST_READ = 4 * 1024**3
"""Bytes that a unit reads of objects of which S3 tells nothing else that settles their content."""

CONNECTIONS = 16
MOST_NAMED = 3

_META = "x-amz-meta-"

_EXPECTED = {
    "content": "size and checksum of the version",
    "headers": "as of the version",
    "metadata": "as of the version",
    "tags": "as of the version",
    "storage_class": "as of the version",
    "read_back": "every byte of the sample, read on both sides",
}


def count(witnessed: int) -> int:
    """How many units compare so many objects.

    >>> count(1), count(251), count(1_000_000)
    (1, 2, 60)
    """
    return max(1, min(MOST_UNITS, -(-witnessed // LEAST_OF_A_UNIT)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """What a unit compares: the objects from `start` to `stop` of the witness, and all keys in
    (`after`, `until`], both open where empty, so that the units together see every key."""

    start: int
    stop: int
    after: str
    until: str

    def __str__(self) -> str:
        return f"objects {self.start + 1} to {self.stop}"


def slice_of(seen: Sequence[Witnessed], unit: int) -> Slice:
    """The slice of a unit.

    >>> rows = [Witnessed(Row(key, "", 0, ""), moved=False) for key in "ab"]
    >>> slice_of(rows, 0)
    Slice(start=0, stop=2, after='', until='')
    """
    units, total = count(len(seen)), len(seen)
    start, stop = total * unit // units, total * (unit + 1) // units
    return Slice(
        start=start,
        stop=stop,
        after=seen[start - 1].row.key if start else "",
        until=seen[stop - 1].row.key if stop < total else "",
    )


@dataclass(kw_only=True, slots=True)
class Found:
    """What the source's own listing says of a slice's keys.

    `versions` are those that Witness saw; `moving` the keys of which something else may have been
    current at T.
    """

    versions: dict[str, Entry] = field(default_factory=dict)
    moving: set[str] = field(default_factory=set)


def compare(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    witness: Mapping[str, Any],
    exercise: Mapping[str, Any],
    unit: int,
    evidence: Evidence,
) -> list[Check]:
    """The checks of one unit."""
    seen = list(unpack(evidence.get_bytes(witness["key"])))
    part = slice_of(seen, unit)
    rows = {one.row.key: one for one in seen[part.start : part.stop]}
    sampled = _sampled(plan["run_id"], seen, sample=drill["sample"])
    with (
        _open(drill["bucket"], plan) as source,
        _open(plan["place"]["bucket"], plan) as copy,
    ):
        found = _look(source, drill["prefix"], part, rows, witness)
        there = _current(copy, drill["prefix"], part)
        moving = found.moving | {key for key, one in rows.items() if one.moved}
        still = [key for key in rows if key not in moving]
        kept = [key for key in still if key in found.versions]
        readable = [key for key in kept if found.versions[key].storage_class not in ARCHIVED]
        pairs = [(key, found.versions[key]) for key in readable if key in there]
        comparison = _Comparison(source=source, copy=copy, sampled=sampled)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            differences = list(pool.map(comparison.differences, pairs))
    lost = [key for key in still if key not in found.versions]
    checks = [
        _check(
            "versions", CheckClass.RESTORE_POINT, part, lost, "every version is kept", len(still)
        ),
        _keys(
            part,
            missing=[key for key in readable if key not in there],
            extra=[key for key in there if key not in rows and key not in moving],
            compared=len(readable),
            exercise=exercise,
            detail=comparison.told(moving=len(moving), archived=len(kept) - len(readable)),
        ),
    ]
    for name, expected in _EXPECTED.items():
        wrong = [key for (key, _), one in zip(pairs, differences, strict=True) if name in one]
        compared = len(sampled & dict(pairs).keys()) if name == "read_back" else len(pairs)
        if compared or name != "read_back":
            checks.append(_check(name, CheckClass.CONTENT, part, wrong, expected, compared))
    return checks


def _open(bucket: str, plan: Mapping[str, Any]) -> Bucket:
    return Bucket(bucket, client=objects.client(), owner=plan["account"], connections=CONNECTIONS)


def _sampled(run: str, seen: Iterable[Witnessed], *, sample: int) -> set[str]:
    """Which objects are read in full: chosen by the run's id, so that a retry chooses the same."""
    keys = [one.row.key for one in seen if not one.moved and one.row.size <= MOST_READ_OF_ONE]
    chosen = random.Random(run)  # noqa: S311 - no secret
    return set(chosen.sample(keys, min(sample, len(keys))))


def _look(
    source: Bucket,
    prefix: str,
    part: Slice,
    rows: Mapping[str, Witnessed],
    witness: Mapping[str, Any],
) -> Found:
    """Find the versions that Witness saw as current, by their ETags, sizes and dates."""
    found = Found()
    entries = restore.entries(source, prefix=prefix, after=part.after, until=part.until)
    for key, history in groupby(entries, key=attrgetter("key")):
        row = rows[key].row if key in rows else None
        above = []
        for entry in history:
            if row and not entry.marker and _is(entry, row):
                found.versions[key] = entry
                break
            above.append(entry)
        lost = row is not None and key not in found.versions
        if not lost and _is_moving(above, witnessed=row is not None, witness=witness):
            found.moving.add(key)
    return found


def _is(entry: Entry, row: Row) -> bool:
    return (entry.etag, entry.size, entry.modified[:19]) == (row.etag, row.size, row.modified)


def _is_moving(above: Sequence[Entry], *, witnessed: bool, witness: Mapping[str, Any]) -> bool:
    """Whether something above the witnessed version, or of a key without one, is of around T.

    It was written between the two listings; or uploaded in parts, and so bears a date of before
    though it was finished only after.

    >>> told = {"at": "2026-11-02T05:00:09"}
    >>> told["between"] = ["2026-11-02T05:00:05", "2026-11-02T05:00:12"]
    >>> made = [Entry("a", "1", False, f"2026-11-02T05:00:{second}", etag) for second, etag in
    ...         (("04", "x"), ("07", "x"), ("04", "x-2"), ("13", "x-2"))]
    >>> [_is_moving([one], witnessed=False, witness=told) for one in made]
    [False, True, True, False]
    """
    first, last = witness["between"]
    if not witnessed and any(first <= entry.modified[:19] <= last for entry in above):
        return True
    return any(entry.multipart and entry.modified <= witness["at"] for entry in above)


def _current(bucket: Bucket, prefix: str, part: Slice) -> dict[str, Entry]:
    entries = restore.entries(bucket, prefix=prefix, after=part.after, until=part.until)
    newest = (next(history) for _, history in groupby(entries, key=attrgetter("key")))
    return {entry.key: entry for entry in newest if not entry.marker}


class _Comparison:
    """Compares restored objects with the versions that they came from, many at once.

    `unread` counts those of which S3 tells nothing that settles their content, and that were too
    large to be read: of them sizes alone were compared.
    """

    def __init__(self, *, source: Bucket, copy: Bucket, sampled: set[str]) -> None:
        self._source = source
        self._copy = copy
        self._sampled = sampled
        self._left = MOST_READ
        self._lock = threading.Lock()
        self.unread = 0

    def differences(self, pair: tuple[str, Entry]) -> frozenset[str]:
        """In what a restored object is not the version that it came from: names of checks."""
        key, version = pair
        wanted = sameness.look(self._source, key, version.version_id)
        current = sameness.look(self._copy, key)
        if wanted is None or current is None:
            return frozenset({"content"})
        differs = {
            "content": wanted.size != current.size or not self._has_same_content(wanted, current),
            "headers": _headers(wanted, meta=False) != _headers(current, meta=False),
            "metadata": _headers(wanted, meta=True) != _headers(current, meta=True),
            "tags": sameness.tags(self._source, wanted) != sameness.tags(self._copy, current),
            "storage_class": wanted.storage_class != current.storage_class,
        }
        if key in self._sampled and not differs["content"]:
            differs["read_back"] = not self._reads_the_same(wanted, current)
        return frozenset(name for name, other in differs.items() if other)

    def told(self, *, moving: int, archived: int) -> str:
        """What was not compared, or not in full."""
        parts = {
            f"{moving} written around T, not compared": moving,
            f"{archived} archived, not brought back": archived,
            f"{self.unread} too large to be read, and no checksum in common: by size": self.unread,
        }
        return "; ".join(part for part, number in parts.items() if number)

    def _has_same_content(self, wanted: sameness.Facts, current: sameness.Facts) -> bool:
        if wanted.etag == current.etag:
            return True
        for algorithm in wanted.checksums.keys() & current.checksums.keys():
            return wanted.checksums[algorithm] == current.checksums[algorithm]
        if wanted.etag_is_md5 and current.etag_is_md5:
            return False
        with self._lock:
            affordable = wanted.size <= min(MOST_READ_OF_ONE, self._left)
            if affordable:
                self._left -= wanted.size
            else:
                self.unread += 1
        return not affordable or self._reads_the_same(wanted, current)

    def _reads_the_same(self, wanted: sameness.Facts, current: sameness.Facts) -> bool:
        there = sameness.digest(self._source, wanted.key, wanted.version)
        return there == sameness.digest(self._copy, current.key, current.version)


def _headers(facts: sameness.Facts, *, meta: bool) -> dict[str, str]:
    return {name: text for name, text in facts.headers.items() if name.startswith(_META) == meta}


def _keys(
    part: Slice,
    *,
    missing: Sequence[str],
    extra: Sequence[str],
    compared: int,
    exercise: Mapping[str, Any],
    detail: str,
) -> Check:
    """Whether the same keys are there; what Exercise could not bring back is told by its check."""
    wrong = [*missing, *(f"{key} (too much)" for key in extra)]
    expected = "every object, and no other"
    check = _check("keys", CheckClass.RESTORE_POINT, part, wrong, expected, compared, detail=detail)
    if missing and not extra and exercise["not_back"]:
        return replace(check, status=Status.NOT_RUN, detail="see brought_back")
    return check


def _check(
    name: str,
    check_class: CheckClass,
    part: Slice,
    wrong: Sequence[str],
    expected: str,
    compared: int,
    *,
    detail: str = "",
) -> Check:
    if not compared and not wrong:
        status, observed = Status.NOT_RUN, "nothing to compare"
    elif wrong:
        status, observed = Status.FAILED, f"{len(wrong)} not: {_named(wrong)}"
    else:
        status, observed = Status.PASSED, f"so, of {compared}"
    return Check(
        name=name,
        check_class=check_class,
        target=str(part),
        status=status,
        expected=expected,
        observed=observed,
        detail=detail,
    )


def _named(keys: Sequence[str]) -> str:
    more = len(keys) - MOST_NAMED
    return ", ".join(map(repr, keys[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
