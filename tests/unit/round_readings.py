"""What the witness reads of the model in rounds.py, and what Verify says of a copy of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

from functions.aurora import passing, row_check
from functions.aurora.comparison import BLOCK_BYTES, Bounds
from functions.aurora.database import Session
from functions.aurora.judging import Judged
from functions.aurora.manifest import Witnessed
from functions.aurora.passing import Pass, Read
from functions.aurora.rows_of_copy import Comparison
from functions.aurora.sandwich import Chunk, Sandwich
from functions.aurora.scanning import Relation
from functions.aurora.second_reading import Room, read_late
from functions.aurora.witness import ROUNDS
from functions.aurora.witness_second import of_readings
from functions.aurora.witness_turn import Between
from functions.model import Check, Level
from tests.unit.rounds import Cluster, Reader

TABLE: Final = Relation(schema="s", name="t", digest="digest")
NUMBERS: Final = replace(TABLE, digest="")

T = TypeVar("T")


def go_on(
    going: Pass, step: Callable[[Pass], tuple[Pass, list[T]]], between: Callable[[], None]
) -> tuple[Pass, list[T]]:
    """A pass to its end; something happens after each slice."""
    found: list[T] = []
    for _ in range(50):
        going, made = step(going)
        found += made
        if going.finished:
            return going, found
        between()
    raise AssertionError(going)


def nothing() -> None:
    """What happens where nothing does."""


LIMITS: Final[dict[str, Any]] = {"slice_bytes": BLOCK_BYTES, "remaining_seconds": 900}


def read_first(
    cluster: Cluster, between: Callable[[], None] = nothing, relation: Relation = TABLE
) -> Read:
    """The first reading, as the witness takes it: what is ambiguous is read again."""
    session = cast(Session, Reader(cluster))
    going, found = go_on(
        Pass(), lambda going: passing.first_on(session, going, relation, **LIMITS), between
    )
    chunks = {chunk.start: chunk for chunk in found}
    for _ in range(ROUNDS):
        unsure = [chunk for chunk in chunks.values() if chunk.ambiguous]
        if not unsure:
            break
        between()
        going, found = _retaken(session, going.again, relation, unsure, between)
        chunks |= {chunk.start: chunk for chunk in found}
    return Read(going=going, chunks=tuple(chunks.values()))


def _retaken(
    session: Session,
    going: Pass,
    relation: Relation,
    chunks: Sequence[Chunk],
    between: Callable[[], None],
) -> tuple[Pass, list[Chunk]]:
    return go_on(
        going,
        lambda going: passing.retake_on(session, going, relation, chunks, **LIMITS),
        between,
    )


@dataclass
class Seen:
    """Both readings of the source: what the manifest says of them, and the sandwiches."""

    facts: dict[str, Any]
    sandwiches: list[Sandwich]


def read_second(
    cluster: Cluster,
    first: Read,
    *,
    closed_after: int | None = None,
    between: Callable[[], None] = nothing,
    relation: Relation = TABLE,
) -> Seen:
    """The second reading, when the first snapshot is closed."""
    if first.problem:
        return Seen(of_readings(first, [], ""), [])
    session, act = cast(Session, Reader(cluster)), read_late(closed_after, Room())
    going, made = go_on(
        first.going.again,
        lambda going: passing.again_on(session, going, relation, first.chunks, act, **LIMITS),
        between,
    )
    return Seen(of_readings(first, made, going.problem), made)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A server as the snapshots of a turn see it, and the transactions around T."""

    early: Cluster
    middle: Cluster
    late: Cluster
    closed_after: int

    def read(self, first: Read, relation: Relation = TABLE, room: Room | None = None) -> Seen:
        """The second reading, while all of them are open."""
        if first.problem:
            return Seen(of_readings(first, [], ""), [])
        early, middle, late = (
            cast(Session, Reader(each)) for each in (self.early, self.middle, self.late)
        )
        between = Between(
            early=early,
            late=late,
            middle=middle,
            closed_after=self.closed_after,
            next_xid=self.late.next_xid,
            room=room or Room(),
        )
        going, made = go_on(
            first.going.again,
            lambda going: passing.again_on(
                late, going, relation, first.chunks, between.sandwiches, **LIMITS
            ),
            nothing,
        )
        return Seen(of_readings(first, made, going.problem), made)


def judged(
    copy: Cluster,
    seen: Seen,
    *,
    own_from: int,
    closed_after: int | None = None,
    relation: Relation = TABLE,
) -> Check:
    """What Verify says of the copy; without a witness it only counts the rows."""
    found, bounds = Judged(rows=len(copy.rows)), None
    if "least" in seen.facts:
        item = {"digest": relation.digest, "own_from": own_from, "closed_after": closed_after}
        kept = [sandwich.to_row() for sandwich in seen.sandwiches]
        against = Comparison({**item, "end": None}, kept)
        session = cast(Session, Reader(copy))
        _, parts = go_on(
            Pass(),
            lambda going: passing.again_on(
                session, going, relation, against.chunks, against.act, **LIMITS
            ),
            nothing,
        )
        found = sum(parts, Judged())
        bounds = Bounds(least=seen.facts["least"], most=seen.facts["most"])
    table = Witnessed(
        schema="s", name="t", kind="r", counted=True, digest=relation.digest, **seen.facts
    )
    return row_check.rows(
        target=table.target,
        found=found,
        bounds=bounds,
        unbounded_because=table.reason,
        inexact=table.inexact,
        required=Level.BOUNDED if table.inexact else Level.EXACT,
    )
