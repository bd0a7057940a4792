"""What two readings find of a table whose history is known, and what a restore gives.

Both are taken from the log of histories.py, as a witness and a restore would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from functions.aurora.comparison import ROUND, WINDOW
from functions.aurora.sandwich import Chunk, Sandwich, Version
from tests.unit.histories import (
    CHUNK_BLOCKS,
    CHUNKS,
    Moments,
    Place,
    Row,
    Source,
    digest_of,
    total,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the readings of a chunk have found, and which versions that was.

    Ids below `used` were in use, as the second one saw it.
    """

    number: int
    sandwich: Sandwich
    first: tuple[Row, ...]
    second: tuple[Row, ...]
    glimpsed: tuple[Row, ...]
    used: int

    @property
    def horizon(self) -> int:
        """Before it all had ended at the first reading."""
        return self.sandwich.chunk.horizon

    def writer(self, xid: int) -> int | None:
        """How a version shows its writer, of which it bears 32 bits: None for an old one."""
        place = (xid - self.horizon) % ROUND
        return None if place >= self.sandwich.chunk.gap else self.horizon + place

    def comparable(self, next_xid: int) -> bool:
        """Whether versions tell if they are old, as long as so many ids are in use."""
        chunk = self.sandwich.chunk
        return not chunk.ambiguous and max(self.used, next_xid) - self.horizon <= chunk.gap


def read(
    source: Source,
    moments: Moments,
    number: int,
    *,
    bounded: bool = True,
    looked: bool = True,
    untold: int = 0,
) -> Read:
    """Both readings of a chunk.

    `bounded`: the id is known from which on nothing ended by the restore point. `looked`: another
    look, when the history began, has shown which ids no row bears. Of every so many versions,
    `untold`, nobody can tell what ended them; of none for 0.
    """
    rows = [row for row in source.rows if row.place.chunk == number]
    one, two = (source.snapshots[at[number]] for at in (moments.firsts, moments.seconds))
    first, second = (tuple(row for row in rows if each.sees(row)) for each in (one, two))
    horizon, edge = one.xmin, one.xmax - one.xmin

    def place(row: Row, since: int = horizon) -> int:
        return (row.writer.xid - since) % ROUND

    def in_time(row: Row) -> bool:
        return not bounded or horizon + place(row) < source.closed_after

    began = source.snapshots[0].xmax
    free = [place(row, began) for row in rows if source.snapshots[0].sees(row)]
    clear = looked and one.xmax <= began + min([*free, WINDOW])
    gap = min([WINDOW, *(place(row) for row in first if place(row) >= edge)])
    chunk = Chunk(
        start=number * CHUNK_BLOCKS,
        end=None if number == CHUNKS - 1 else (number + 1) * CHUNK_BLOCKS,
        horizon=horizon,
        next_xid=one.xmax,
        old=total(row.content for row in first if place(row) >= edge),
        rows=len(first),
        gap=gap,
        unsure=0 if clear else sum(place(row) < edge for row in first),
    )

    def version(row: Row, enders: tuple[int, ...] = ()) -> Version:
        writer = horizon + place(row) if place(row) < gap else None
        return Version(row.place.ctid, writer, digest_of(row.content), enders)

    def enders(row: Row) -> tuple[int, ...]:
        assert row.ending
        if untold and row.place.line % untold == 0:
            return ()
        itself = horizon + (row.ending.mark - horizon) % ROUND
        updater = source.updaters.get(row.ending.mark)
        return (*([itself] if itself < two.xmax else []), *([updater.xid] if updater else []))

    listed = moments.listed[number]

    def arrived(row: Row) -> Version:
        return replace(version(row), certain=listed and row in first)

    looks = [
        source.snapshots[tick]
        for tick in moments.between
        if moments.firsts[number] <= tick <= moments.seconds[number]
    ]
    glimpsed = [
        row
        for row in rows
        if place(row) < gap
        and row not in second
        and not (listed and row in first)
        and any(each.sees(row) for each in looks)
    ]
    sandwich = Sandwich(
        chunk=chunk,
        left=total(row.content for row in second if place(row) >= gap),
        gone=tuple(version(r, enders(r)) for r in first if listed and not two.sees(r)),
        came=tuple(arrived(row) for row in second if place(row) < gap and in_time(row)),
        glimpsed=tuple(map(version, glimpsed)),
        listed=listed,
    )
    return Read(
        number=number,
        sandwich=sandwich,
        first=first,
        second=second,
        glimpsed=tuple(glimpsed),
        used=two.xmax,
    )


class Held(NamedTuple):
    """A row of a copy: what wrote it, in 64 bits, and what it holds."""

    writer: int
    content: int


@dataclass(frozen=True, slots=True)
class Copy:
    """A restored server: its rows by their places, and which transactions it holds committed.

    From `own_from` on the ids are its own, up to below `next_xid`.
    """

    rows: dict[Place, Held]
    committed: frozenset[int]
    own_from: int
    next_xid: int

    def within(self, read: Read) -> list[tuple[Place, int | None, int]]:
        """The rows of a chunk, each with its writer as a version shows it."""
        return [
            (place, read.writer(held.writer), held.content)
            for place, held in self.rows.items()
            if place.chunk == read.number
        ]


def restore(source: Source, at: int, *, own: int = 0) -> Copy:
    """The copy that a restore to a moment gives, after so many transactions of its own.

    Those begin with the first id that the log did not bear by then. Each third of them is undone.
    """
    ids = [one for each in source.transactions for one in each.ids]
    own_from = max([source.began - 1, *(one.xid for one in ids if one.wrote <= at)]) + 1
    logged = {one.xid for one in ids if one.committed(at)}
    itself = {own_from + number for number in range(own) if number % 3 != 2}
    rows = [row for row in source.rows if row.there(at)]
    held = {row.place: Held(row.writer.xid, row.content) for row in rows}
    assert len(held) == len(rows)
    return Copy(held, frozenset(logged | itself), own_from, own_from + own)
