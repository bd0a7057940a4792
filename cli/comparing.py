"""What two tables are to each other, from the digests of their chunks and rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from functions.aurora.chunks import Blocks, Row, Server
from functions.aurora.digest import Digest

BUCKETS: Final = 4096
FEW_ROWS: Final = 20_000
"""As many rows are looked at one by one, without looking for buckets first."""

MOST_ROWS: Final = 100_000
"""No more rows are held at once. Where more would differ, the counts are those of a part."""


class Standing(Enum):
    """What a table of the copy is to that of the source."""

    EQUAL = "equal"
    DIFFERENT = "different"
    MOVED = "moved"
    NOT_COMPARED = "not compared"
    LEFT_OUT = "left out"


class Kind(Enum):
    """How a row differs."""

    CHANGED = "changed"
    ONLY_SOURCE = "only in the source"
    ONLY_COPY = "only in the copy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A chunk of a table, as both sides held it."""

    blocks: Blocks
    source: Digest
    copy: Digest

    @property
    def alike(self) -> bool:
        """Whether both hold the same rows there."""
        return self.source == self.copy


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A row that differs: where it is on each side, and the digest of its key."""

    kind: Kind
    key: int
    source: str = ""
    copy: str = ""

    def to_record(self) -> dict[str, Any]:
        """As it stands in the document."""
        return {
            "kind": self.kind.value,
            "key_digest": hexadecimal(self.key),
            "source_ctid": self.source or None,
            "copy_ctid": self.copy or None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """What came of a table. `chunks` are the ranges of blocks that differ.

    `partial`: more rows differ than were counted. `keyed`: a row is known by its key, so that a
    change of it is told from one that is lost and one that is new. `elsewhere`: the same rows, in
    other places. `unproven` names columns of whose type nobody knows that all of it was seen.
    `read`: its rows were looked at, all of them.
    """

    target: str
    standing: Standing
    detail: str = ""
    source: Digest = field(default_factory=Digest)
    copy: Digest = field(default_factory=Digest)
    chunks: Sequence[Blocks] = ()
    spots: Sequence[Spot] = ()
    counts: dict[Kind, int] = field(default_factory=dict)
    partial: bool = False
    keyed: bool = False
    elsewhere: bool = False
    unproven: Sequence[str] = ()
    read: bool = True

    @property
    def level(self) -> str:
        """Of the evidence."""
        if not self.read or self.standing not in (Standing.EQUAL, Standing.DIFFERENT):
            return "none"
        return "unproven" if self.unproven else "exact"

    def to_record(self) -> dict[str, Any]:
        """As it stands in the document."""
        return {
            "table": self.target,
            "standing": self.standing.value,
            "level": self.level,
            "detail": self.detail,
            "source_rows": self.source.rows,
            "copy_rows": self.copy.rows,
            "elsewhere": self.elsewhere,
            "keyed": self.keyed,
            "unproven_columns": list(self.unproven),
            "blocks": [[each.start, each.end] for each in self.chunks],
            "rows": {kind.name.lower(): self.counts.get(kind, 0) for kind in Kind},
            "partial": self.partial,
            "places": [spot.to_record() for spot in self.spots],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What came of all of it. `moving` are the sides on which transactions ended meanwhile."""

    source: Server
    copy: Server
    results: Sequence[Compared]
    only_source: Sequence[str]
    only_copy: Sequence[str]
    moving: Sequence[str]
    seconds: float
    bytes: int

    @property
    def status(self) -> int:
        """The exit status."""
        return exit_status(self.results, lopsided=bool(self.only_source or self.only_copy))


@dataclass(slots=True)
class Matching:
    """Rows of both sides, cancelled out as they come; what remains differs."""

    source: dict[int, list[Row]] = field(default_factory=dict)
    copy: dict[int, list[Row]] = field(default_factory=dict)

    def add(self, source: Iterable[Row], copy: Iterable[Row]) -> None:
        """Rows of both sides.

        >>> matching = Matching()
        >>> matching.add([Row("(0,1)", 7, 1, False)], [])
        >>> matching.add([], [Row("(5,1)", 7, 1, False), Row("(5,2)", 8, 2, False)])
        >>> [(spot.kind.value, spot.copy) for spot in matching.spots()]
        [('only in the copy', '(5,2)')]
        """
        for rows, own, other in ((source, self.source, self.copy), (copy, self.copy, self.source)):
            for row in rows:
                if not _cancelled(row, other):
                    own.setdefault(row.key, []).append(row)

    @property
    def late(self) -> bool:
        """Whether one of what remains was written since the comparison began."""
        sides = (self.source, self.copy)
        return any(row.late for side in sides for rows in side.values() for row in rows)

    def spots(self) -> Iterator[Spot]:
        """The rows that differ."""
        for key, rows in self.source.items():
            others = self.copy.get(key, [])
            for number, row in enumerate(rows):
                if number < len(others):
                    yield Spot(
                        kind=Kind.CHANGED, key=key, source=row.ctid, copy=others[number].ctid
                    )
                else:
                    yield Spot(kind=Kind.ONLY_SOURCE, key=key, source=row.ctid)
        for key, rows in self.copy.items():
            for row in rows[len(self.source.get(key, [])) :]:
                yield Spot(kind=Kind.ONLY_COPY, key=key, copy=row.ctid)


def chosen_buckets(more: dict[int, Digest], rows: dict[int, int]) -> tuple[list[int], bool]:
    """The buckets to look into: those that differ, up to MOST_ROWS rows; and whether that is all.

    `more` is what the source has more than the copy, `rows` how many both have, by bucket.

    >>> chosen_buckets({1: Digest(rows=0, first=2), 2: Digest(), 3: Digest(rows=1)}, {1: 5, 3: 9})
    ([1, 3], True)
    """
    differing = sorted(bucket for bucket, digest in more.items() if digest != Digest())
    taken: list[int] = []
    total = 0
    for bucket in differing:
        total += rows.get(bucket, 0)
        if taken and total > MOST_ROWS:
            return taken, False
        taken.append(bucket)
    return taken, True


def added(these: dict[int, Digest], those: dict[int, Digest]) -> dict[int, Digest]:
    """The digests of both, by bucket."""
    none = Digest()
    return {
        bucket: these.get(bucket, none) + those.get(bucket, none) for bucket in {*these, *those}
    }


def exit_status(results: Sequence[Compared], *, lopsided: bool) -> int:
    """0 equal, 1 different, 2 not comparable in part. `lopsided`: a side has tables of its own.

    >>> equal = Compared(target="s.t", standing=Standing.EQUAL)
    >>> moved = Compared(target="s.u", standing=Standing.MOVED)
    >>> exit_status([equal], lopsided=False), exit_status([equal, moved], lopsided=False)
    (0, 2)
    >>> exit_status([equal, moved], lopsided=True)
    1
    """
    standings = {result.standing for result in results}
    if lopsided or Standing.DIFFERENT in standings:
        return 1
    unproven = any(result.unproven for result in results if result.standing is Standing.EQUAL)
    if unproven or standings & {Standing.MOVED, Standing.NOT_COMPARED}:
        return 2
    return 0


def hexadecimal(digest: int) -> str:
    """A digest as people see it.

    >>> hexadecimal(-1)
    'ffffffffffffffff'
    """
    return f"{digest % 2**64:016x}"


def _cancelled(row: Row, others: dict[int, list[Row]]) -> bool:
    """Take the same row out of the others, if it is there."""
    rows = others.get(row.key, [])
    for number, other in enumerate(rows):
        if other.digest == row.digest:
            del rows[number]
            if not rows:
                del others[row.key]
            return True
    return False
