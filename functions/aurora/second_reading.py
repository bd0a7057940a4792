"""The second reading of chunks: what became of the old rows, and which versions came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from functions.aurora import passing, scanning
from functions.aurora.database import Session
from functions.aurora.digest import Digest
from functions.aurora.sandwich import Chunk, Sandwich
from functions.aurora.scanning import Relation, Storage

MOST_VERSIONS: Final = 100_000
"""How many versions of a chunk are listed; where there are more, they are only counted."""


def quiet(chunk: Chunk, looked: scanning.Looked, relation: Relation) -> Sandwich | None:
    """The sandwich of a chunk in which nothing happened, or of which rows are only counted.

    None where it has to be looked at closely. Raises Overtaken.
    """
    if looked.all_old and looked.rows == chunk.old.rows:
        return Sandwich(chunk=chunk, left=chunk.old, digested=bool(relation.digest))
    if relation.digest:
        return None
    scanning.expect_within(chunk, looked)
    left = Digest(rows=looked.old.rows)
    return Sandwich(chunk=chunk, left=left, listed=False, digested=False)


def unlisted(
    session: Session, relation: Relation, storage: Storage, chunk: Chunk, old: int
) -> Sandwich:
    """The sandwich of a chunk of which so many `old` rows are left, without the first snapshot."""
    if old == chunk.old.rows:
        return Sandwich(chunk=chunk, left=chunk.old, listed=False)
    (looked,) = scanning.read_again(session, relation, storage, [chunk])
    return Sandwich(chunk=chunk, left=looked.old, listed=False)


def read_late(closed_after: int | None) -> passing.Act[Sandwich]:
    """What reads chunks for the second time when the first snapshot is closed."""

    def act(
        session: Session, relation: Relation, storage: Storage, chunks: Sequence[Chunk]
    ) -> list[Sandwich]:
        seen = scanning.read_again(session, replace(relation, digest=""), storage, chunks)
        made = []
        for chunk, looked in zip(chunks, seen, strict=True):
            sandwich = quiet(chunk, looked, relation)
            if sandwich is None:
                scanning.expect_within(chunk, looked)
                sandwich = unlisted(session, relation, storage, chunk, looked.old.rows)
                came = scanning.new_versions(
                    session, relation, chunk, below=closed_after, most=MOST_VERSIONS
                )
                known = tuple(came) if len(came) < MOST_VERSIONS else ()
                sandwich = replace(sandwich, came=known)
            made.append(sandwich)
        return made

    return act
