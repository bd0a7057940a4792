"""How the pass over a table goes on, slice by slice, and what becomes of an error on the way.

What passes is tried again, ATTEMPTS times at most: a conflict with recovery, a lock, a time limit,
a rewrite this very moment, or a reader that lags, which is given some time. What was cancelled is
read by half the blocks from then on. Anything else ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias, TypeVar

from functions.aurora import scanning
from functions.aurora.comparison import BLOCK_BYTES
from functions.aurora.database import QueryFailed, Session
from functions.aurora.sandwich import Chunk
from functions.aurora.scanning import Behind, Changed, Known, Overtaken, Relation, Storage

T = TypeVar("T")
Act: TypeAlias = Callable[[Session, Relation, Storage, Sequence[Chunk]], list[T]]
"""What is done with chunks of a table: one thing comes of each."""

REWRITTEN = "it was rewritten between its readings"
ALTERED = "its columns were altered since the witness began"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """How far the pass over a table has come: goes in the document.

    `at` is the next block of a first reading, or the next chunk of a later one. `oid` and
    `filenode` are what must not change meanwhile; `problem` says why it was given up, with the
    SQLSTATE if that was an error's. `attempts` were made at the next slice, `halved` says how often
    a slice was made half as long. `bytes` of the table were read.
    """

    at: int = 0
    oid: int | None = None
    filenode: int | None = None
    attempts: int = 0
    halved: int = 0
    behind: bool = False
    finished: bool = False
    problem: str = ""
    sqlstate: str = ""
    bytes: int = 0

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_document(cls, record: Mapping[str, Any]) -> Pass:
        """The pass of a record."""
        return cls(**record)

    def given_up(self, problem: str, sqlstate: str = "") -> Pass:
        """The pass that ends here."""
        return replace(self, finished=True, behind=False, problem=problem, sqlstate=sqlstate)

    @property
    def passing(self) -> bool:
        """Whether what it was given up for may be over a moment later."""
        return QueryFailed("", sqlstate=self.sqlstate).passing

    @property
    def again(self) -> Pass:
        """The pass over the same table, to be begun anew."""
        return Pass(oid=self.oid, filenode=self.filenode)


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A table that was read for the first time: its pass, and its chunks in order."""

    going: Pass
    chunks: tuple[Chunk, ...]

    @property
    def problem(self) -> str:
        """Why nothing can be compared with it; empty where something can."""
        if self.going.problem:
            return self.going.problem
        ends = [0, *(chunk.end for chunk in self.chunks)]
        if [chunk.start for chunk in self.chunks] != ends[:-1] or ends[-1] is not None:
            return "what was read of it has gaps"
        return ambiguity(self.chunks)

    def to_document(self) -> dict[str, Any]:
        """As evidence keeps it."""
        rows = [chunk.to_row() for chunk in self.chunks]
        return {"pass": self.going.to_document(), "chunks": rows}

    @classmethod
    def from_document(cls, record: Mapping[str, Any]) -> Read:
        """The table of a record."""
        chunks = tuple(Chunk.from_row(row) for row in record["chunks"])
        return cls(going=Pass.from_document(record["pass"]), chunks=chunks)


def ambiguity(chunks: Iterable[Chunk]) -> str:
    """Why old rows cannot be told from new ones in some of these; empty where they can."""
    unsure = sum(chunk.unsure for chunk in chunks if chunk.ambiguous)
    if not unsure:
        return ""
    return (
        f"{unsure} of its rows may be new, or written 2^32 transactions earlier: a transaction"
        " that had begun before and went on kept them from being told apart; run the drill"
        " while no transaction lasts for long"
    )


def _blocks(chunks: Sequence[Chunk], storage: Storage) -> int:
    """How many blocks these chunks are."""
    ends = (max(storage.blocks, c.start) if c.end is None else c.end for c in chunks)
    return sum(end - chunk.start for chunk, end in zip(chunks, ends, strict=True))


def first_on(
    session: Session,
    going: Pass,
    relation: Relation,
    *,
    slice_bytes: int,
    remaining_seconds: float,
) -> tuple[Pass, list[Chunk]]:
    """Take the first reading of the next slice of a table."""

    def read(storage: Storage) -> tuple[int | None, list[Chunk], int]:
        most = _most_blocks(going, storage, slice_bytes)
        if storage.whole:
            ranges: list[tuple[int, int | None]] = [(0, None)]
        else:
            size = min(scanning.chunk_blocks(storage.blocks, relation.least_chunk), most)
            ranges = scanning.cut(going.at, storage.blocks, size, most // size)
        chunks = scanning.read_first(session, relation, storage, ranges)
        return ranges[-1][1], chunks, _blocks(chunks, storage)

    return _attempt(session, going, relation, remaining_seconds, read)


def retake_on(
    session: Session,
    going: Pass,
    relation: Relation,
    chunks: Sequence[Chunk],
    *,
    slice_bytes: int,
    remaining_seconds: float,
) -> tuple[Pass, list[Chunk]]:
    """Take another first reading of some chunks, which knows what the one before has shown.

    It waits for the transactions that ran then, though not for ever.
    """

    def read(storage: Storage) -> tuple[int | None, list[Chunk], int]:
        settled = going.attempts + 1 < scanning.ATTEMPTS
        taken = []
        for chunk in chunks[going.at : going.at + _many(chunks, going, storage, slice_bytes)]:
            known = Known.of(chunk, settled=settled)
            taken += scanning.read_first(
                session, relation, storage, [(chunk.start, chunk.end)], known
            )
        return _next(chunks, going.at + len(taken)), taken, _blocks(taken, storage)

    return _attempt(session, going, relation, remaining_seconds, read)


def again_on(
    session: Session,
    going: Pass,
    relation: Relation,
    chunks: Sequence[Chunk],
    act: Act[T],
    *,
    slice_bytes: int,
    remaining_seconds: float,
) -> tuple[Pass, list[T]]:
    """Do something with the next slice of chunks: one thing comes of each."""

    def read(storage: Storage) -> tuple[int | None, list[T], int]:
        chosen = chunks[going.at : going.at + _many(chunks, going, storage, slice_bytes)]
        found = act(session, relation, storage, chosen)
        return _next(chunks, going.at + len(found)), found, _blocks(chosen, storage)

    return _attempt(session, going, relation, remaining_seconds, read)


def blocks_on(
    session: Session,
    going: Pass,
    relation: Relation,
    end: int | None,
    act: Callable[[Session, Relation, Sequence[tuple[int, int | None]]], list[T]],
    *,
    slice_bytes: int,
    remaining_seconds: float,
) -> tuple[Pass, list[T]]:
    """Do something with the next slice of blocks, up to `end`: None is the table's own."""

    def read(storage: Storage) -> tuple[int | None, list[T], int]:
        most = _most_blocks(going, storage, slice_bytes)
        if storage.whole:
            ranges: list[tuple[int, int | None]] = [(0, None)]
        else:
            ranges = scanning.cut(going.at, storage.blocks if end is None else end, most, 1)
            if end is not None and ranges[-1][1] is None:
                ranges = [(going.at, end)]
        at = ranges[-1][1]
        return (None if at == end else at), act(session, relation, ranges), 0

    return _attempt(session, going, relation, remaining_seconds, read)


def _next(chunks: Sequence[Chunk], at: int) -> int | None:
    return at if at < len(chunks) else None


def _most_blocks(going: Pass, storage: Storage, slice_bytes: int) -> int:
    """How many blocks are a slice: fewer where each of them has values stored out of line."""
    return max(1, (slice_bytes // (BLOCK_BYTES * storage.weight)) >> going.halved)


def _many(chunks: Sequence[Chunk], going: Pass, storage: Storage, slice_bytes: int) -> int:
    """How many chunks are a slice. The last one of a table counts like the others."""
    first = chunks[going.at]
    blocks = scanning.LEAST_CHUNK if first.end is None else first.end - first.start
    return max(1, _most_blocks(going, storage, slice_bytes) // max(1, blocks))


def _attempt(
    session: Session,
    going: Pass,
    relation: Relation,
    remaining_seconds: float,
    read: Callable[[Storage], tuple[int | None, list[T], int]],
) -> tuple[Pass, list[T]]:
    last_attempt = going.attempts + 1 >= scanning.ATTEMPTS
    seconds = scanning.seconds_for(remaining_seconds)
    try:
        with scanning.opened(session, relation, seconds=seconds) as storage:
            found_at = (storage.oid, storage.filenode)
            if going.oid is not None and (going.oid, going.filenode) != found_at:
                return going.given_up(REWRITTEN), []
            at, found, blocks = read(storage)
    except QueryFailed as failure:
        if failure.passing and not last_attempt:
            shorter = going.halved + (not failure.locked)
            again = replace(going, attempts=going.attempts + 1, halved=shorter, behind=False)
            return again, []
        told = f"{ALTERED}: {failure}" if failure.altered else str(failure)
        return going.given_up(told, failure.sqlstate), []
    except Overtaken as trouble:
        return going.given_up(str(trouble)), []
    except (Changed, Behind) as trouble:
        if not last_attempt:
            behind = isinstance(trouble, Behind)
            return replace(going, attempts=going.attempts + 1, behind=behind), []
        return going.given_up(str(trouble)), []
    after = replace(
        going,
        at=going.at if at is None else at,
        oid=storage.oid,
        filenode=storage.filenode,
        attempts=0,
        behind=False,
        finished=at is None,
        bytes=going.bytes + blocks * BLOCK_BYTES,
    )
    return after, found
