"""The pass over a table's blocks: source and copy are read by the same statements, slice by slice.

A slice is a short transaction with a snapshot of its own, so that nothing has to outlive a call,
the source's vacuum is never held up for long, and a long table goes on in the next call. Within a
longer transaction it is a part of that, and gives its locks back likewise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from functions.aurora import database
from functions.aurora.comparison import (
    WINDOW,
    Places,
    places_of_first,
    places_of_later,
)
from functions.aurora.database import QueryFailed, Session
from functions.aurora.digest import Digest
from functions.aurora.sandwich import Chunk, Sandwich, Version

SLICE_BYTES: Final = 128 * 1024 * 1024
"""Bytes of a table that one transaction reads."""

SLICE_SECONDS: Final = 120.0
LEAST_SECONDS: Final = 10.0
RESERVE_SECONDS: Final = 20.0
"""A call begins no slice when it has less time left than this."""

ATTEMPTS: Final = 5
"""How often a slice is tried before its table is given up."""

LEAST_CHUNK: Final = 64
MOST_CHUNK: Final = 1024
MANY_CHUNKS: Final = 4096
MOST_CHUNKS: Final = 200_000
"""Blocks of a chunk, and how many chunks of a table, or of a database, make them grow."""

OPEN_END: Final = 4294967295  # one past the highest block number
_TID_RANGE_SCAN: Final = 140000  # PostgreSQL 14; an older server would read all for each chunk


class Changed(Exception):
    """When a table is not the one that was asked for: dropped, renamed, just being rewritten."""


class Overtaken(Exception):
    """When more transactions have begun since a first reading than can be told apart."""


class Behind(Exception):
    """When a reader has not replayed yet what an earlier slice of the table has seen.

    Or when transactions still run that have to end before it is read again.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """A table to read. `digest` is the expression of a row's digest, empty where there is none.

    `least_chunk` is how many blocks its chunks have at least.
    """

    schema: str
    name: str
    digest: str = ""
    least_chunk: int = LEAST_CHUNK


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """A table in a snapshot: which it is, its file, its length in blocks, the snapshot's edges.

    `weight` is how many times as long it is with what is stored out of line.
    """

    oid: int
    filenode: int
    blocks: int
    weight: int
    oldest_running: int
    next_xid: int
    whole: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What an earlier reading has shown: from the transaction `clear_from` up to below
    `clear_below` no row is a round old. `settled` demands that all before them have ended."""

    clear_from: int = 0
    clear_below: int = 0
    settled: bool = False

    @classmethod
    def of(cls, chunk: Chunk, *, settled: bool = False) -> Known:
        """What a chunk has shown, for another first reading of it."""
        return cls(
            clear_from=chunk.next_xid, clear_below=chunk.horizon + chunk.gap, settled=settled
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """A chunk as one snapshot sees it: its rows, and the old ones of them.

    `late` are those of transactions that cannot have ended by the restore point, `unsure` those
    that may be new or a round old, `nearest` is the least place of one of the latter within the
    window. `all_old` is whether no row is new, `overtaken` how many transactions have begun since
    the horizon, where they are more than can be told apart.
    """

    rows: int
    old: Digest
    all_old: bool
    overtaken: int = 0
    late: int = 0
    unsure: int = 0
    nearest: int | None = None


def chunk_blocks(blocks: int, least: int = LEAST_CHUNK) -> int:
    """How many blocks a chunk of a table has: few, so that a difference is told closely.

    >>> chunk_blocks(100), chunk_blocks(1_000_000), chunk_blocks(10**9), chunk_blocks(100, 512)
    (64, 256, 1024, 512)
    """
    size = least
    while size < MOST_CHUNK and blocks > size * MANY_CHUNKS:
        size *= 2
    return size


def least_chunk(blocks: int) -> int:
    """How many blocks a chunk has at least in a database of so many: all of them must fit into the
    memory of a function.

    >>> least_chunk(10**6), least_chunk(10**8), least_chunk(10**10)
    (64, 512, 1024)
    """
    size = LEAST_CHUNK
    while size < MOST_CHUNK and blocks > size * MOST_CHUNKS:
        size *= 2
    return size


def cut(start: int, blocks: int, size: int, most: int) -> list[tuple[int, int | None]]:
    """At most `most` ranges of `size` blocks from `start` on; the last one of a table has no end.

    >>> cut(0, 10, 4, 9), cut(4, 10, 4, 1), cut(0, 0, 4, 9)
    ([(0, 4), (4, 8), (8, None)], [(4, 8)], [(0, None)])
    """
    starts = range(start, max(blocks, start + 1), size)[: max(1, most)]
    return [(at, at + size if at + size < blocks else None) for at in starts]


@contextmanager
def opened(session: Session, relation: Relation, *, seconds: float) -> Iterator[Storage]:
    """A transaction in which a table can be read: `seconds` limit each statement.

    Raises Changed when the table is gone, or was rewritten between snapshot and reading; and
    QueryFailed.
    """
    schema, name = relation.schema, relation.name
    with session.snapshot(seconds=seconds):
        found = session.all("storage_in_snapshot", schema=schema, name=name)
        if not found:
            raise Changed("it does not exist")
        seen = found[0]
        if seen["blocks"] is None:  # the snapshot's catalogs still have it
            raise Changed("it was dropped while it was read")
        yield Storage(
            oid=seen["oid"],
            filenode=seen["filenode"],
            blocks=seen["blocks"],
            weight=seen["weight"],
            oldest_running=seen["oldest_running"],
            next_xid=seen["next_xid"],
            whole=seen["version_number"] < _TID_RANGE_SCAN,
        )
        # What was read has locked the table against a rewrite, until the transaction ends.
        now = session.one("storage_now", schema=schema, name=name)
        if (now["oid"], now["filenode"]) != (seen["oid"], seen["filenode"]):
            raise Changed("it was rewritten while it was read")


def read_first(
    session: Session,
    relation: Relation,
    storage: Storage,
    ranges: Sequence[tuple[int, int | None]],
    known: Known = Known(),
) -> list[Chunk]:
    """First readings of these ranges of blocks, with the horizon of this snapshot.

    Raises Behind when transactions still run that `known` demands to have ended; and QueryFailed.
    """
    horizon, next_xid = storage.oldest_running, storage.next_xid
    if known.settled and horizon < known.clear_from:
        raise Behind(f"transactions that began before {known.clear_from} still run")
    places = places_of_first(
        horizon=horizon,
        next_xid=next_xid,
        clear_from=known.clear_from,
        clear_below=known.clear_below,
    )
    blank = [
        Chunk(start=start, end=end, horizon=horizon, next_xid=next_xid, old=Digest(), rows=0)
        for start, end in ranges
    ]
    chunks = []
    for chunk, seen in zip(blank, _survey(session, relation, blank), strict=True):
        looked = seen if seen.all_old else _look(session, relation, chunk, places)
        chunks.append(
            Chunk(
                start=chunk.start,
                end=chunk.end,
                horizon=horizon,
                next_xid=next_xid,
                old=looked.old,
                rows=looked.rows,
                gap=WINDOW if looked.nearest is None else looked.nearest,
                unsure=looked.unsure,
            )
        )
    return chunks


def read_again(
    session: Session,
    relation: Relation,
    storage: Storage,
    chunks: Sequence[Chunk],
    *,
    closed_after: int | None = None,
    restored: bool = False,
) -> list[Looked]:
    """The chunks as this snapshot sees them, by the horizon of each.

    `closed_after` is the transaction from which on none can have ended by the restore point; None
    where nobody knows. `restored` says that this is the copy: of its transaction ids the last ones
    of the source may be missing.

    Raises Behind when this server's snapshot is older than a horizon, and QueryFailed.
    """
    newest = max((chunk.horizon for chunk in chunks), default=0)
    if not restored and storage.oldest_running < newest:
        raise Behind(f"the snapshot ends at {storage.oldest_running}, before {newest}")
    looked = []
    for chunk, seen in zip(chunks, _survey(session, relation, chunks), strict=True):
        used = storage.next_xid - chunk.horizon
        if seen.all_old:
            looked.append(seen)
            continue
        if used > chunk.gap and not restored:
            looked.append(replace(seen, overtaken=used))
            continue
        places = places_of_later(
            horizon=chunk.horizon,
            next_xid=storage.next_xid,
            gap=chunk.gap,
            closed_after=closed_after,
        )
        looked.append(_look(session, relation, chunk, places))
    return looked


def counted(
    session: Session, relation: Relation, ranges: Sequence[tuple[int, int | None]]
) -> list[int]:
    """How many rows are in these ranges of blocks. Raises QueryFailed."""
    blank = [
        Chunk(start=start, end=end, horizon=3, next_xid=3, old=Digest(), rows=0)
        for start, end in ranges
    ]
    plain = replace(relation, digest="")
    return [each.rows for each in _survey(session, plain, blank)]


def new_versions(
    session: Session, relation: Relation, chunk: Chunk, *, below: int | None, most: int
) -> list[Version]:
    """The versions in a chunk that are not old, `most` of them at most. Raises QueryFailed.

    `below` leaves out those of that transaction and later ones.
    """
    limit = chunk.gap if below is None else min(chunk.gap, max(0, below - chunk.horizon))
    found = session.all(
        "new_versions",
        parts=_parts(relation),
        horizon=_modular(chunk.horizon),
        below=limit,
        most=most,
        **_range(chunk),
    )
    return [_version(chunk, row) for row in found]


def ending_versions(
    session: Session, relation: Relation, chunk: Chunk, *, most: int
) -> list[tuple[Version, int, bool]]:
    """The versions in a chunk that bear the mark of what ended or locked them.

    With each the mark, as 32 bits, and whether it may stand for several transactions. Raises
    QueryFailed.
    """
    found = session.all(
        "ending_versions",
        parts=_parts(relation),
        horizon=_modular(chunk.horizon),
        most=most,
        **_range(chunk),
    )
    return [(_version(chunk, row), row["mark"], row["several"]) for row in found]


def versions_at(
    session: Session, relation: Relation, chunk: Chunk, ctids: Collection[str]
) -> list[Version]:
    """The versions at these places. Raises QueryFailed."""
    if not ctids:
        return []
    found = session.all(
        "versions_at",
        parts=_parts(relation),
        horizon=_modular(chunk.horizon),
        ctids=list(ctids),
    )
    return [_version(chunk, row) for row in found]


def updaters(session: Session, mark: int) -> tuple[int, ...] | None:
    """The transactions that changed a row, of those a mark stands for; None for another mark."""
    try:
        with session.snapshot(seconds=LEAST_SECONDS):
            return tuple(row["xid"] for row in session.all("updaters", mark=str(mark)))
    except QueryFailed as failure:
        if failure.passing:
            raise
        return None


def committed(session: Session, sandwiches: Sequence[Sandwich]) -> frozenset[int]:
    """The transactions that decide these, of which this server says that they are committed."""
    asked = sorted(set().union(*(sandwich.transactions() for sandwich in sandwiches)))
    if not asked:
        return frozenset()
    return frozenset(row["xid"] for row in session.all("committed", xids=asked))


def expect_within(chunk: Chunk, looked: Looked) -> None:
    """Raises Overtaken where old rows cannot be told from new ones any more."""
    used = looked.overtaken
    if not used:
        return
    if chunk.gap >= WINDOW:
        told = f"{used} transactions began between its readings: more than can be told apart"
    else:
        told = (
            f"{used} transactions began between its readings, and all but {chunk.gap} of their ids"
            " may be those of rows written 2^32 transactions earlier: old rows and new ones cannot"
            " be told apart; run the drill at another time, when fewer transactions begin"
        )
    raise Overtaken(told)


def seconds_for(remaining: float) -> float:
    """The time limit of a statement in a call that has so much time left."""
    return max(LEAST_SECONDS, min(SLICE_SECONDS, remaining - LEAST_SECONDS))


def _survey(session: Session, relation: Relation, chunks: Sequence[Chunk]) -> list[Looked]:
    """All rows of the chunks. Where they are not all old, that says nothing of the old ones."""
    rows = session.all(
        "scan_chunks" if relation.digest else "count_chunks",
        parts=_parts(relation),
        starts=[chunk.start for chunk in chunks],
        ends=[OPEN_END if chunk.end is None else chunk.end for chunk in chunks],
        horizons=[_modular(chunk.horizon) for chunk in chunks],
    )
    return [
        Looked(rows=row["rows"], old=_digest(row["rows"], row), all_old=row["all_old"])
        for row in rows
    ]


def _look(session: Session, relation: Relation, chunk: Chunk, places: Places) -> Looked:
    row = session.one(
        "scan_chunk",
        parts=_parts(relation),
        horizon=_modular(chunk.horizon),
        **asdict(places),
        window=WINDOW,
        **_range(chunk),
    )
    old = _digest(row["old"], row) if relation.digest else Digest(rows=row["old"])
    return Looked(
        rows=row["rows"],
        old=old,
        all_old=row["old"] == row["rows"],
        late=row["late"],
        unsure=row["unsure"],
        nearest=row["nearest"],
    )


def _parts(relation: Relation) -> dict[str, database.Part]:
    return {
        "table": database.table(relation.schema, relation.name),
        "digest": database.expression(relation.digest or "0::bigint"),
    }


def _range(chunk: Chunk) -> dict[str, str]:
    end = OPEN_END if chunk.end is None else chunk.end
    return {"start": f"({chunk.start},0)", "end": f"({end},0)"}


def _modular(xid: int) -> str:
    return str(xid % 2**32)


def _digest(rows: int, row: dict[str, Any]) -> Digest:
    return Digest(rows=int(rows), first=int(row["first"]), second=int(row["second"]))


def _version(chunk: Chunk, row: dict[str, Any]) -> Version:
    writer = None if row["place"] >= chunk.gap else chunk.xid(row["place"])
    return Version(row["ctid"], writer, _digest(1, row))
