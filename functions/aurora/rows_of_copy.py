"""The pass over a table of the copy: what is there, held against what the witness has kept."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from functions.aurora import passing, scanning
from functions.aurora.database import Session
from functions.aurora.digest import Digest
from functions.aurora.judging import Ends, Found, Judged, judge
from functions.aurora.passing import Pass
from functions.aurora.sandwich import Chunk, Sandwich
from functions.aurora.scanning import Relation, Storage

MOST_NEW: Final = 300_000
"""How many new versions of a chunk are held against what the witness has listed."""


class Comparison:
    """What a table is compared with: of every chunk the sandwich, up to those of this item."""

    def __init__(self, item: Mapping[str, Any], kept: Sequence[Any]) -> None:
        """Take what was kept of the table. Where the copy has no such digest, numbers alone."""
        digested = bool(item["digest"])
        sandwiches = [Sandwich.from_row(row) for row in kept[: item["end"]]]
        if not digested:
            sandwiches = [_numbers(sandwich) for sandwich in sandwiches]
        self.chunks = [sandwich.chunk for sandwich in sandwiches]
        self._by_start = {sandwich.chunk.start: sandwich for sandwich in sandwiches}
        self._own_from, self._closed_after = item["own_from"], item["closed_after"]

    def act(
        self, session: Session, relation: Relation, storage: Storage, chunks: Sequence[Chunk]
    ) -> list[Judged]:
        """What comes of these chunks. Raises QueryFailed."""
        known = [self._by_start[chunk.start] for chunk in chunks]
        looked = scanning.read_again(
            session, relation, storage, chunks, closed_after=self._closed_after, restored=True
        )
        ends = Ends(
            committed=scanning.committed(session, known),
            own_from=self._own_from,
            closed_after=self._closed_after,
        )
        return [
            self._judge(session, relation, sandwich, seen, ends)
            for sandwich, seen in zip(known, looked, strict=True)
        ]

    def _judge(
        self,
        session: Session,
        relation: Relation,
        sandwich: Sandwich,
        seen: scanning.Looked,
        ends: Ends,
    ) -> Judged:
        if not relation.digest:
            judged = judge(sandwich, Found(old=seen.old), ends)
            return replace(judged, rows=seen.rows, late=seen.late, unsure=seen.unsure)
        chunk, came = sandwich.chunk, seen.rows - seen.old.rows
        if came > MOST_NEW or sandwich.omitted:
            # Nobody has listed what they must be, or there are far too many.
            known = _numbers(sandwich) if sandwich.listed else replace(sandwich, came=())
            judged = judge(known, Found(old=seen.old), ends)
            unknown = came - seen.late
            return replace(
                judged,
                rows=seen.rows,
                late=seen.late,
                unsure=seen.unsure,
                undecided=judged.undecided + unknown,
                unproven=judged.unproven + unknown,
            )
        new = scanning.new_versions(session, relation, chunk, below=None, most=came) if came else []
        places = [version.ctid for version in sandwich.gone if version.writer is None]
        at_gone = scanning.versions_at(session, relation, chunk, places)
        found = Found(
            old=seen.old,
            new=tuple(new),
            at_gone=tuple(version for version in at_gone if version.writer is None),
        )
        return replace(judge(sandwich, found, ends), unsure=seen.unsure)


def _numbers(sandwich: Sandwich) -> Sandwich:
    """What is known of a chunk without digests."""
    chunk = replace(sandwich.chunk, old=Digest(rows=sandwich.chunk.old.rows))
    left = Digest(rows=sandwich.left.rows)
    return Sandwich(chunk=chunk, left=left, listed=False, digested=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """How far it has come, what came of that, and the seconds it took: goes in the document."""

    going: Pass = Pass()  # noqa: RUF009 - frozen
    judged: Judged = Judged()  # noqa: RUF009 - frozen
    seconds: float = 0.0

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_document(cls, record: Mapping[str, Any]) -> State:
        """The state of a record."""
        return cls(
            going=Pass.from_document(record["going"]),
            judged=Judged.from_document(record["judged"]),
            seconds=record["seconds"],
        )

    def given_up(self, problem: str) -> State:
        """The state that ends here."""
        return replace(self, going=self.going.given_up(problem))


def advance(
    session: Session,
    state: State,
    item: Mapping[str, Any],
    comparison: Comparison | None,
    *,
    slice_bytes: int,
    remaining_seconds: float,
) -> State:
    """Read the next slice, and compare it; without a comparison the rows are counted.

    Raises TryAgain when the connection is lost.
    """
    began = time.monotonic()
    relation = Relation(schema=item["schema"], name=item["name"], digest=item["digest"])
    limits: dict[str, Any] = {"slice_bytes": slice_bytes, "remaining_seconds": remaining_seconds}
    judged: list[Judged]
    if comparison is None:
        going, judged = passing.blocks_on(
            session, state.going, relation, item["end"], _count, **limits
        )
    else:
        going, judged = passing.again_on(
            session, state.going, relation, comparison.chunks, comparison.act, **limits
        )
    return State(
        going=going,
        judged=sum(judged, state.judged),
        seconds=round(state.seconds + time.monotonic() - began, 3),
    )


def _count(
    session: Session, relation: Relation, ranges: Sequence[tuple[int, int | None]]
) -> list[Judged]:
    return [Judged(rows=rows) for rows in scanning.counted(session, relation, ranges)]
