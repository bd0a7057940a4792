"""What a copy must hold, chunk by chunk, by what the source held before T and after it. Pure.

A chunk is a range of a table's blocks. Its *first* reading, by a snapshot before the restore point
T, has a horizon: the oldest transaction that still ran. A row version written before the horizon is
*old*: of those there can only become fewer. The *second* reading is by a snapshot after T. Versions
never change, so of the old ones the copy holds those of the first reading, but for some of those
that the second one misses; where it misses none, the two agree on what the copy must hold.

What lies between is decided row by row, by the copy's own account of which transactions have ended:
a version that went is there if and only if the transaction that ended it had not, a version that
came if and only if the one that wrote it had. What came and went again between the readings is
there rightly as well, and nobody can say what it should hold: such a row is *undecided*.

The proof is in docs/verification.md; tests/unit/test_sandwich.py plays random histories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions.aurora.comparison import ROUND, WINDOW
from functions.aurora.digest import Digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """The first reading of the blocks from `start` up to below `end`; None is the table's end.

    `old` is the digest of the old rows (their number alone where a table has no digest), `rows` how
    many were seen in all. `next_xid` was not in use yet. `gap` is the least place of a row that is
    a round old, and `unsure` are the rows that may be new or a round old: comparison.py says what
    that is about.
    """

    start: int
    end: int | None
    horizon: int
    next_xid: int
    old: Digest
    rows: int
    gap: int = WINDOW
    unsure: int = 0

    @property
    def new(self) -> int:
        """How many of the rows were not old: transactions before them still ran."""
        return self.rows - self.old.rows

    @property
    def ambiguous(self) -> bool:
        """Whether old rows cannot be told from new ones in it.

        While ids have not begun anew and no row bears one that is still to come, all are new.
        """
        return self.unsure > 0 and (self.next_xid > ROUND or self.gap < WINDOW)

    def xid(self, place: int) -> int:
        """The transaction so many ids after the horizon.

        >>> Chunk(start=0, end=None, horizon=700, next_xid=705, old=Digest(), rows=0).xid(3)
        703
        """
        return self.horizon + place

    def to_row(self) -> list[Any]:
        """As evidence keeps it."""
        old = self.old
        return [
            *(self.start, self.end, self.horizon, self.next_xid),
            *(old.rows, old.first, old.second, self.rows, self.gap, self.unsure),
        ]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Chunk:
        """The chunk of a row.

        >>> chunk = Chunk(start=0, end=64, horizon=700, next_xid=705, rows=3,
        ...               old=Digest(rows=2, first=5, second=7))
        >>> Chunk.from_row(chunk.to_row()) == chunk
        True
        """
        start, end, horizon, next_xid, old, first, second, rows, gap, unsure = row
        return cls(
            start=start,
            end=end,
            horizon=horizon,
            next_xid=next_xid,
            old=Digest(rows=old, first=first, second=second),
            rows=rows,
            gap=gap,
            unsure=unsure,
        )


@dataclass(frozen=True, slots=True)
class Version:
    """A row version: where it is, which transaction wrote it (None for an old one), its digest.

    `enders` are the transactions that may have ended it: one, or two where its mark can mean
    either; none where nobody can tell. `certain`: it was committed before T, as the source saw.
    """

    ctid: str
    writer: int | None
    digest: Digest
    enders: tuple[int, ...] = ()
    certain: bool = False

    def to_row(self) -> list[Any]:
        """As evidence keeps it."""
        digest, certain = self.digest, int(self.certain)
        return [self.ctid, self.writer, digest.first, digest.second, certain, *self.enders]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Version:
        """The version of a row.

        >>> version = Version("(0,1)", None, Digest(rows=1, first=5, second=7), (712,))
        >>> Version.from_row(version.to_row()) == version
        True
        """
        ctid, writer, first, second, certain, *enders = row
        digest = Digest(rows=1, first=first, second=second)
        return cls(ctid, writer, digest, tuple(enders), bool(certain))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandwich:
    """Both readings of a chunk.

    `left` are the old rows that the second one still saw. `gone` are the versions of the first one,
    old or new, that the second one missed; `listed` is false where that is not known, because the
    first snapshot was closed by then: `left` says how many old ones they are, and what came after
    the first reading and went before the second one, nobody has seen. `came` are the new
    versions of the second one that may have been committed by T. `glimpsed` are new versions that
    other snapshots between the two have seen: what they hold, not whether they must be there.
    `omitted` says how many new ones were too many to be listed. `digested` is false where `old` is
    a number only.
    """

    chunk: Chunk
    left: Digest
    gone: tuple[Version, ...] = ()
    came: tuple[Version, ...] = ()
    glimpsed: tuple[Version, ...] = ()
    listed: bool = True
    omitted: int = 0
    digested: bool = True

    @property
    def lost(self) -> int:
        """How many old rows the second reading missed."""
        return self.chunk.old.rows - self.left.rows

    @property
    def proves(self) -> bool:
        """Whether every row of the copy can be decided by it, but for those that came and went."""
        return self.digested and self.listed

    @property
    def plain(self) -> bool:
        """Whether the copy must hold the old rows, all of them, and nobody wrote a new one."""
        return self.proves and not (self.gone or self.came or self.glimpsed)

    def transactions(self) -> set[int]:
        """Those whose end on the copy decides."""
        ended = {xid for version in self.gone for xid in version.enders}
        arrived = (*self.came, *self.glimpsed)
        return ended | {version.writer for version in arrived if version.writer is not None}

    def to_row(self) -> list[Any]:
        """As evidence keeps it: short where nothing happened."""
        row: list[Any] = [self.chunk.to_row()]
        if self.listed and self.plain and self.left == self.chunk.old:
            return row
        left = self.left
        lists = [[v.to_row() for v in each] for each in (self.gone, self.came, self.glimpsed)]
        return [
            *row,
            [left.rows, left.first, left.second],
            *lists,
            self.listed,
            self.omitted,
            self.digested,
        ]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Sandwich:
        """The sandwich of a row.

        >>> old = Digest(rows=2, first=5, second=7)
        >>> chunk = Chunk(start=0, end=64, horizon=700, next_xid=705, rows=3, old=old)
        >>> quiet = Sandwich(chunk=chunk, left=old)
        >>> Sandwich.from_row(quiet.to_row()) == quiet, len(quiet.to_row())
        (True, 1)
        >>> busy = Sandwich(chunk=chunk, left=Digest(rows=1), listed=False,
        ...                 came=(Version("(0,9)", 705, Digest(rows=1, first=1, second=1)),))
        >>> Sandwich.from_row(busy.to_row()) == busy
        True
        """
        chunk = Chunk.from_row(row[0])
        if len(row) == 1:
            return cls(chunk=chunk, left=chunk.old)
        (rows, first, second), gone, came, glimpsed, listed, omitted, digested = row[1:]
        return cls(
            chunk=chunk,
            left=Digest(rows=rows, first=first, second=second),
            gone=tuple(Version.from_row(each) for each in gone),
            came=tuple(Version.from_row(each) for each in came),
            glimpsed=tuple(Version.from_row(each) for each in glimpsed),
            listed=listed,
            omitted=omitted,
            digested=digested,
        )
