"""A range of a rehearsal's objects, each held against the version that Witness saw.

That version is found by what ListObjectsV2 told of it, not by the planner whose work is compared.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from functions.evidence import Evidence
from functions.model import Check, CheckClass, Status
from functions.s3_versions import objects, restore, sameness
from functions.s3_versions.manifest import Row, Witnessed, unpack
from functions.s3_versions.plan import MOST_UNITS
from functions.s3_versions.values import Entry
from functions.s3_versions.wire import Bucket

LEAST_OF_A_UNIT = 250
"""Objects that a unit compares at least, unless there are fewer."""

CONNECTIONS = 16
MOST_NAMED = 3

_META = "x-amz-meta-"


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


def compare(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    witness: Mapping[str, Any],
    unit: int,
    evidence: Evidence,
) -> list[Check]:
    """The checks of one unit."""
    seen = list(unpack(evidence.get_bytes(witness["key"])))
    part = slice_of(seen, unit)
    rows = {one.row.key: one for one in seen[part.start : part.stop]}
    sampled = _sampled(plan["run_id"], total=len(seen), sample=drill["sample"])
    read = {seen[number].row.key for number in sampled if part.start <= number < part.stop}
    with (
        Bucket(drill["bucket"], client=objects.client(), connections=CONNECTIONS) as source,
        Bucket(plan["place"]["bucket"], client=objects.client(), connections=CONNECTIONS) as copy,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        versions = _witnessed_versions(source, drill["prefix"], part, rows)
        there = _current(copy, drill["prefix"], part)
        comparable = [
            (key, versions[key])
            for key, one in rows.items()
            if not one.moved and key in versions and key in there
        ]
        differences = list(
            pool.map(
                lambda pair: _differences(source, copy, *pair, read=pair[0] in read), comparable
            )
        )
    still = [key for key, one in rows.items() if not one.moved]
    target = f"objects {part.start + 1} to {part.stop}"
    lost = [key for key in still if key not in versions]
    missing = [key for key in still if key in versions and key not in there]
    extra = [key for key in there if key not in rows]
    checks = [
        _check(
            "versions",
            CheckClass.RESTORE_POINT,
            target,
            lost,
            "every version is listed",
            len(still),
        ),
        _check(
            "keys",
            CheckClass.RESTORE_POINT,
            target,
            [*missing, *(f"{key} (too much)" for key in extra)],
            "every object, and no other",
            len(still),
        ),
    ]
    for name, expected in _EXPECTED.items():
        compared = len(comparable) if name != "read_back" else len(read & dict(comparable).keys())
        wrong = [
            key for (key, _), found in zip(comparable, differences, strict=True) if name in found
        ]
        if compared or name != "read_back":
            checks.append(_check(name, CheckClass.CONTENT, target, wrong, expected, compared))
    return checks


_EXPECTED = {
    "content": "size and checksum of the version",
    "headers": "as of the version",
    "metadata": "as of the version",
    "tags": "as of the version",
    "storage_class": "as of the version",
    "read_back": "every byte of the sample, read on both sides",
}


def _sampled(run: str, *, total: int, sample: int) -> list[int]:
    """Which objects are read in full: chosen by the run's id, so that a retry chooses the same."""
    return random.Random(run).sample(range(total), min(sample, total))  # noqa: S311 - no secret


def _witnessed_versions(
    source: Bucket, prefix: str, part: Slice, rows: Mapping[str, Witnessed]
) -> dict[str, Entry]:
    """The versions that Witness saw as current, by their ETags, sizes and dates."""
    found: dict[str, Entry] = {}
    for entry in restore.entries(source, prefix=prefix, after=part.after, until=part.until):
        one = rows.get(entry.key)
        if one and not entry.marker and entry.key not in found and _is(entry, one.row):
            found[entry.key] = entry
    return found


def _is(entry: Entry, row: Row) -> bool:
    return (entry.etag, entry.size, entry.modified[:19]) == (row.etag, row.size, row.modified)


def _current(bucket: Bucket, prefix: str, part: Slice) -> dict[str, Entry]:
    entries = restore.entries(bucket, prefix=prefix, after=part.after, until=part.until)
    newest = (next(history) for _, history in groupby(entries, key=attrgetter("key")))
    return {entry.key: entry for entry in newest if not entry.marker}


def _differences(
    source: Bucket, copy: Bucket, key: str, version: Entry, *, read: bool
) -> frozenset[str]:
    """In what a restored object is not the version that it came from: names of checks."""
    wanted = sameness.look(source, key, version.version_id)
    current = sameness.look(copy, key)
    if wanted is None or current is None:
        return frozenset({"content"})
    differs = {
        "content": wanted.size != current.size
        or not sameness.has_same_content(source, wanted, copy, current),
        "headers": _headers(wanted, meta=False) != _headers(current, meta=False),
        "metadata": _headers(wanted, meta=True) != _headers(current, meta=True),
        "tags": sameness.tags(source, wanted) != sameness.tags(copy, current),
        "storage_class": wanted.storage_class != current.storage_class,
        "read_back": False,
    }
    if read and not differs["content"]:
        there = sameness.digest(source, key, version.version_id)
        differs["read_back"] = there != sameness.digest(copy, key, current.version)
    return frozenset(name for name, other in differs.items() if other)


def _headers(facts: sameness.Facts, *, meta: bool) -> dict[str, str]:
    return {name: text for name, text in facts.headers.items() if name.startswith(_META) == meta}


def _check(
    name: str,
    check_class: CheckClass,
    target: str,
    wrong: Sequence[str],
    expected: str,
    compared: int,
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
        target=target,
        status=status,
        expected=expected,
        observed=observed,
    )


def _named(keys: Sequence[str]) -> str:
    more = len(keys) - MOST_NAMED
    return ", ".join(map(repr, keys[:MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
