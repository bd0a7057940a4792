"""Both readings of a table, put together: what they prove of it, or why they prove nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from functions.aurora.comparison import ROUND
from functions.aurora.digest import Digest
from functions.aurora.passing import Pass, Read
from functions.aurora.sandwich import Chunk, Sandwich, Version
from functions.aurora.witness_second import of_readings


def a_chunk(**changes: Any) -> Chunk:
    chunk = Chunk(start=0, end=64, horizon=700, next_xid=705, old=Digest(rows=4), rows=5)
    return replace(chunk, **changes)


def a_read(*chunks: Chunk, **changes: Any) -> Read:
    return Read(going=replace(Pass(finished=True, bytes=8192), **changes), chunks=chunks)


def test_a_reading_survives_its_bucket() -> None:
    read = a_read(a_chunk(), a_chunk(start=64, end=None, gap=90, unsure=2), oid=7, filenode=9)
    assert Read.from_document(json.loads(json.dumps(read.to_document()))) == read


def test_tables_that_cannot_be_compared_say_why() -> None:
    chunks = (a_chunk(), a_chunk(start=64, end=None))
    read = a_read(*chunks)
    whole = [Sandwich(chunk=chunk, left=chunk.old) for chunk in chunks]
    facts = {"rows": 10, "bytes": 8192, "chunks": 2}
    assert of_readings(read, whole, "") == {**facts, "least": 8, "most": 8, "unlisted": 0}
    assert of_readings(read, whole[:1], "") == {**facts, "reason": "it was not read again"}
    assert of_readings(read, whole[:1], "no") == {**facts, "reason": "no"}
    assert of_readings(read, whole, "no") == {**facts, "reason": "no"}
    assert of_readings(a_read(*chunks, problem="no"), [], "") == {**facts, "reason": "no"}
    late = {"end": None, "next_xid": ROUND + 9, "unsure": 3}
    for ambiguous in (a_read(chunks[0], a_chunk(start=64, **late)), read):
        again = [whole[0], Sandwich(chunk=a_chunk(start=64, **late), left=Digest(rows=4))]
        made = of_readings(ambiguous, again, "")
        assert made["reason"].startswith("3 of its rows may be new, or written 2^32 transactions")
        assert "least" not in made


def test_rows_that_went_unseen_are_told() -> None:
    went = Version("(0,1)", None, Digest(rows=1), (706,))
    ranges = [(0, 64), (64, 128), (128, 192), (192, None)]
    chunks = [a_chunk(start=start, end=end, rows=4) for start, end in ranges]
    made = of_readings(
        a_read(*chunks),
        [
            Sandwich(chunk=chunks[0], left=Digest(rows=3), gone=(went,)),
            Sandwich(chunk=chunks[1], left=Digest(rows=2), listed=False),
            Sandwich(chunk=chunks[2], left=chunks[2].old, listed=False),
            Sandwich(chunk=chunks[3], left=Digest(rows=1), listed=False, digested=False),
        ],
        "",
    )
    assert (made["least"], made["most"]) == (10, 16)
    # Of a chunk that was read late nobody knows what came and went, also where nothing is missing.
    assert (made["unlisted"], made["chunks"]) == (3, 4)


@pytest.mark.parametrize(
    ("ranges", "whole"),
    [
        ([(0, None)], True),
        ([(0, 64), (64, None)], True),
        ([(0, 64), (64, 96), (96, 112), (112, None)], True),
        ([], False),
        ([(0, 64)], False),
        ([(64, None)], False),
        ([(0, 64), (128, None)], False),
        ([(0, 64), (32, None)], False),
        ([(0, 64), (0, 64), (64, None)], False),
        ([(0, None), (64, None)], False),
        ([(0, None), (64, 128)], False),
        ([(0, 64), (64, None), (128, 192)], False),
    ],
)
def test_a_reading_with_gaps_is_no_proof(ranges: list[tuple[int, int | None]], whole: bool) -> None:
    read = a_read(*(a_chunk(start=start, end=end) for start, end in ranges))
    assert read.problem == ("" if whole else "what was read of it has gaps")
    made = of_readings(read, [Sandwich(chunk=chunk, left=chunk.old) for chunk in read.chunks], "")
    assert ("least" in made) == whole
    assert replace(read, going=read.going.given_up("it is locked")).problem == "it is locked"
