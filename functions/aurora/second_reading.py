"""The second reading of chunks: what became of the old rows, and which versions came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from functions.aurora import passing, scanning
from functions.aurora.database import Session
from functions.aurora.digest import Digest
from functions.aurora.sandwich import Chunk, Sandwich, Version
from functions.aurora.scanning import Relation, Storage

MOST_VERSIONS: Final = 250_000
"""How many versions are listed in a turn; beyond that, they are only counted."""


@dataclass(slots=True)
class Room:
    """How many versions may still be listed: what is listed must fit into a function's memory."""

    versions: int = MOST_VERSIONS

    def hold(self, *lists: Sequence[object]) -> bool:
        """Whether all these fit, none of them cut off; then there is so much less room."""
        if any(len(each) >= self.versions for each in lists):
            return False
        self.versions -= sum(len(each) for each in lists)
        return self.versions > 0


def quiet_since(chunk: Chunk, looked: scanning.Looked) -> bool:
    """Whether nothing happened in a chunk since its first reading, which saw old rows alone."""
    return looked.all_old and looked.rows == chunk.old.rows == chunk.rows


def quiet(chunk: Chunk, looked: scanning.Looked, relation: Relation) -> Sandwich | None:
    """The sandwich of a chunk in which nothing happened, or of which rows are only counted.

    None where it has to be looked at closely. Raises Overtaken.
    """
    if quiet_since(chunk, looked):
        return Sandwich(chunk=chunk, left=chunk.old, digested=bool(relation.digest))
    if relation.digest:
        return None
    scanning.expect_within(chunk, looked)
    left = Digest(rows=looked.old.rows)
    return Sandwich(chunk=chunk, left=left, listed=False, digested=False)


def unlisted(
    session: Session,
    relation: Relation,
    storage: Storage,
    chunk: Chunk,
    looked: scanning.Looked,
    came: Sequence[Version] | None,
) -> Sandwich:
    """The sandwich of a chunk of which nobody knows which versions went.

    `came` are those that did, None where they are too many to be listed.
    """
    left = chunk.old
    if looked.old.rows != chunk.old.rows:
        left = scanning.read_again(session, relation, storage, [chunk])[0].old
    return Sandwich(
        chunk=chunk,
        left=left,
        came=tuple(came or ()),
        listed=False,
        omitted=looked.rows - looked.old.rows if came is None else 0,
    )


def read_late(closed_after: int | None, room: Room) -> passing.Act[Sandwich]:
    """What reads chunks for the second time when the first snapshot is closed."""

    def act(
        session: Session, relation: Relation, storage: Storage, chunks: Sequence[Chunk]
    ) -> list[Sandwich]:
        seen = scanning.read_again(session, replace(relation, digest=""), storage, chunks)
        made = []
        for chunk, looked in zip(chunks, seen, strict=True):
            sandwich = quiet(chunk, looked, relation)
            if sandwich:
                sandwich = replace(sandwich, listed=False)
            else:
                scanning.expect_within(chunk, looked)
                came = scanning.new_versions(
                    session, relation, chunk, below=closed_after, most=room.versions
                )
                known = came if room.hold(came) else None
                sandwich = unlisted(session, relation, storage, chunk, looked, known)
            made.append(sandwich)
        return made

    return act
