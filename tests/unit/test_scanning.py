"""How a table is cut into chunks, and what makes a reading of them impossible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aurora import scanning
from functions.aurora.comparison import WINDOW
from functions.aurora.digest import Digest
from functions.aurora.sandwich import Chunk
from functions.aurora.scanning import Known, Looked, Overtaken


@given(st.integers(0, 5000), st.integers(1, 64), st.integers(1, 40))
def test_chunks_cover_a_table_once(blocks: int, size: int, most: int) -> None:
    at: int | None = 0
    covered: list[int] = []
    while at is not None:
        ranges = scanning.cut(at, blocks, size, most)
        assert 1 <= len(ranges) <= most
        assert ranges[0][0] == at
        for start, end in ranges:
            assert end is None or end - start == size
            covered += range(start, blocks if end is None else end)
        # Only the last one of the table has no end: rows in blocks that came meanwhile are its own.
        assert [end for _, end in ranges[:-1]] == [start for start, _ in ranges[1:]]
        at = ranges[-1][1]
    assert covered == list(range(blocks))


@given(st.integers(0, 5000), st.integers(-5000, 5000), st.integers(1, 64), st.integers(1, 40))
def test_a_table_that_grows_or_shrinks_meanwhile_is_read_to_its_end(
    blocks: int, more: int, size: int, most: int
) -> None:
    ranges = scanning.cut(0, blocks, size, most)
    if ranges[-1][1] is not None:
        later = max(0, blocks + more)
        while (at := ranges[-1][1]) is not None:
            ranges += scanning.cut(at, later, size, most)
        assert ranges[-1][0] + size >= later
    assert [end for _, end in ranges[:-1]] == [start for start, _ in ranges[1:]]
    assert ranges[0][0] == 0


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_chunks_are_small_and_not_too_many(one: int, other: int) -> None:
    less, more = sorted((one, other))
    size = scanning.chunk_blocks(more)
    assert scanning.LEAST_CHUNK <= scanning.chunk_blocks(less) <= size <= scanning.MOST_CHUNK
    assert size.bit_count() == 1
    assert size == scanning.MOST_CHUNK or more <= size * scanning.MANY_CHUNKS
    assert size == scanning.LEAST_CHUNK or more > size // 2 * scanning.MANY_CHUNKS


@pytest.mark.parametrize(
    ("blocks", "size"),
    [
        (0, 64),
        (64 * 4096, 64),
        (64 * 4096 + 1, 128),
        (512 * 4096, 512),
        (512 * 4096 + 1, 1024),
        (1024 * 4096 + 1, 1024),
    ],
)
def test_chunks_grow_with_their_table(blocks: int, size: int) -> None:
    assert scanning.chunk_blocks(blocks) == size
    for least in (64, 128, 512, 1024):
        assert scanning.chunk_blocks(blocks, least) == max(least, size)


@pytest.mark.parametrize(
    ("blocks", "size"),
    [
        (0, 64),
        (64 * 200_000, 64),
        (64 * 200_000 + 1, 128),
        (512 * 200_000, 512),
        (512 * 200_000 + 1, 1024),
        (1024 * 200_000 + 1, 1024),
    ],
)
def test_chunks_grow_with_their_database(blocks: int, size: int) -> None:
    assert scanning.least_chunk(blocks) == size


@given(st.lists(st.integers(0, 2**26), max_size=30))
def test_all_chunks_of_a_database_fit_into_memory(tables: list[int]) -> None:
    least = scanning.least_chunk(sum(tables))
    chunks = sum(-(-blocks // scanning.chunk_blocks(blocks, least)) for blocks in tables)
    if least < scanning.MOST_CHUNK:
        assert chunks <= scanning.MOST_CHUNKS + len(tables)


def test_what_a_chunk_has_shown_is_known_to_its_next_reading() -> None:
    chunk = Chunk(start=0, end=64, horizon=700, next_xid=705, old=Digest(), rows=0, gap=90)
    assert Known.of(chunk) == Known(clear_from=705, clear_below=790)
    assert Known.of(chunk, settled=True).settled


@pytest.mark.parametrize(
    ("gap", "used", "said"),
    [
        (WINDOW, 0, ""),
        (90, 0, ""),
        (90, 91, "91 transactions began between its readings, and all but 90 of their ids may be"),
        (WINDOW, WINDOW + 1, f"{WINDOW + 1} transactions began between its readings: more than"),
    ],
)
def test_old_rows_are_told_from_new_ones_only_within_the_gap(
    gap: int, used: int, said: str
) -> None:
    chunk = Chunk(start=0, end=64, horizon=700, next_xid=705, old=Digest(), rows=0, gap=gap)
    looked = Looked(rows=1, old=Digest(), all_old=False, overtaken=used)
    if not said:
        scanning.expect_within(chunk, looked)
        return
    with pytest.raises(Overtaken) as reason:
        scanning.expect_within(chunk, looked)
    assert str(reason.value).startswith(said)


@pytest.mark.parametrize(
    ("remaining", "seconds"), [(900.0, 120.0), (130.0, 120.0), (60.0, 50.0), (20.0, 10.0), (0, 10)]
)
def test_a_statement_ends_before_its_call_does(remaining: float, seconds: float) -> None:
    assert scanning.seconds_for(remaining) == seconds
