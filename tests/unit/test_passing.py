"""How the pass over a table goes on, and what becomes of an error on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aurora import passing, scanning
from functions.aurora.comparison import BLOCK_BYTES
from functions.aurora.database import QueryFailed, Session
from functions.aurora.digest import Digest
from functions.aurora.passing import REWRITTEN, Pass
from functions.aurora.sandwich import Chunk
from functions.aurora.scanning import ATTEMPTS, Relation, Storage
from functions.errors import TryAgain
from tests.unit.rounds import Cluster, Reader

TABLE = Relation(schema="s", name="t", digest="digest")
LOCKED, CANCELLED, DENIED, DAMAGED = "55P03", "57014", "42501", "XX001"
BEHIND = "behind"
GONE = "gone"
MOVED = "moved"
LOST = "lost"


class Troubled(Reader):
    """A session on a server where one thing after the other is wrong, one for each transaction.

    That is an SQLSTATE, or a word from above; "" is nothing.
    """

    def __init__(self, cluster: Cluster, *troubles: str) -> None:
        super().__init__(cluster)
        self.troubles = list(troubles)
        self.trouble = ""
        self.filenode = 1

    @contextlib.contextmanager
    def snapshot(self, *, seconds: float) -> Iterator[None]:
        self.trouble = self.troubles.pop(0) if self.troubles else ""
        with super().snapshot(seconds=seconds):
            yield

    def all(self, query: str, **given: Any) -> list[dict[str, Any]]:
        match self.trouble:
            case "lost":
                raise TryAgain("the connection was lost")
            case "" | "behind" | "gone" | "moved":
                pass
            case state:
                raise QueryFailed("it failed", sqlstate=state)
        rows = super().all(query, **given)
        if query != "storage_in_snapshot":
            return rows
        if self.trouble == GONE:
            return []
        oldest = {"oldest_running": 3} if self.trouble == BEHIND else {}
        return [{**row, "filenode": self.filenode, **oldest} for row in rows]

    def one(self, query: str, **given: Any) -> dict[str, Any]:
        row = super().one(query, **given)
        if query != "storage_now":
            return row
        return {**row, "filenode": 99 if self.trouble == MOVED else self.filenode}


def table(blocks: int) -> Cluster:
    """A table of so many blocks, with a row here and there."""
    made = Cluster.holding(5000, *((4000 + block, block) for block in range(0, blocks, 50)))
    made.blocks = blocks
    return made


def first(reader: Reader, going: Pass, *, blocks: int = 256) -> tuple[Pass, list[Chunk]]:
    return passing.first_on(
        cast(Session, reader),
        going,
        TABLE,
        slice_bytes=blocks * BLOCK_BYTES,
        remaining_seconds=900,
    )


def chunks_of(*sizes: int) -> list[Chunk]:
    """Chunks of so many blocks; the last one has no end."""
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    chunk = Chunk(start=0, end=None, horizon=5000, next_xid=5000, old=Digest(), rows=0)
    ranges = zip([0, *ends], [*ends[:-1], None], strict=False)
    return [replace(chunk, start=start, end=end) for start, end in ranges]


def starts(_: Session, __: Relation, ___: Storage, chunks: Sequence[Chunk]) -> list[int]:
    return [chunk.start for chunk in chunks]


def again(
    reader: Reader,
    going: Pass,
    chunks: Sequence[Chunk],
    *,
    blocks: int = 256,
    act: Callable[..., list[Any]] = starts,
) -> tuple[Pass, list[Any]]:
    return passing.again_on(
        cast(Session, reader),
        going,
        TABLE,
        chunks,
        act,
        slice_bytes=blocks * BLOCK_BYTES,
        remaining_seconds=900,
    )


def test_a_first_reading_goes_on_slice_by_slice() -> None:
    reader = Reader(table(600))
    going, chunks = first(reader, Pass())
    assert going == Pass(at=256, oid=1, filenode=1, bytes=256 * BLOCK_BYTES)
    assert [(chunk.start, chunk.end) for chunk in chunks] == [
        (start, start + 64) for start in range(0, 256, 64)
    ]
    going, chunks = first(reader, going)
    assert (going.at, len(chunks), going.finished) == (512, 4, False)
    going, chunks = first(reader, going)
    assert [(chunk.start, chunk.end) for chunk in chunks] == [(512, 576), (576, None)]
    assert going.finished
    assert going.bytes == 600 * BLOCK_BYTES


def test_a_slice_that_was_halved_stays_so_to_the_end() -> None:
    found = []
    for halved in range(ATTEMPTS):
        going = Pass(at=64, oid=1, filenode=1, attempts=1, halved=halved)
        after, chunks = first(Reader(table(6000)), going)
        found.append([(chunk.start, chunk.end) for chunk in chunks])
        assert (after.attempts, after.halved, after.at) == (0, halved, chunks[-1].end)
    assert [len(each) for each in found] == [4, 2, 1, 1, 1]
    assert [each[0] for each in found] == [(64, 128)] * 3 + [(64, 96), (64, 80)]


def test_a_slice_of_chunks_that_was_halved_stays_so() -> None:
    chunks = chunks_of(*([64] * 20))
    reader = Reader(table(1280))
    found = [again(reader, Pass(halved=n), chunks) for n in range(ATTEMPTS)]
    assert [len(made) for _, made in found] == [4, 2, 1, 1, 1]
    assert [going.halved for going, _ in found] == [0, 1, 2, 3, 4]


def test_a_slice_is_half_as_long_once_it_was_cancelled_and_as_long_after_a_lock() -> None:
    reader = Troubled(table(600), LOCKED, CANCELLED, LOCKED, "", "", CANCELLED, "", MOVED)
    going, found = Pass(), []
    while not going.finished:
        going, chunks = first(reader, going)
        found.append((going.attempts, going.halved, len(chunks)))
    assert found == [
        *[(1, 0, 0), (2, 1, 0), (3, 1, 0), (0, 1, 2), (0, 1, 2)],
        *[(1, 2, 0), (0, 2, 1), (1, 2, 0)],
        *[(0, 2, 1)] * 5,
    ]
    assert going.again.halved == 0


@pytest.mark.parametrize(
    ("weight", "blocks"), [(1, 256), (2, 128), (3, 85), (4, 64), (64, 4), (256, 1), (70_000, 1)]
)
def test_a_slice_is_shorter_where_values_are_stored_out_of_line(weight: int, blocks: int) -> None:
    cluster = table(6000)
    cluster.weight = weight
    going, chunks = first(Reader(cluster), Pass())
    size = min(blocks, 64)
    assert going.at == blocks // size * size
    assert going.bytes == going.at * BLOCK_BYTES
    assert {(chunk.end or 0) - chunk.start for chunk in chunks} == {size}
    _, made = again(Reader(cluster), Pass(), chunks_of(*([16] * 40)))
    assert len(made) == max(1, blocks // 16)
    going, _ = passing.blocks_on(
        cast(Session, Reader(cluster)),
        Pass(),
        TABLE,
        None,
        lambda _, __, ranges: list(ranges),
        slice_bytes=256 * BLOCK_BYTES,
        remaining_seconds=900,
    )
    assert going.at == blocks


def test_chunks_are_as_long_as_a_large_database_demands() -> None:
    relation = replace(TABLE, least_chunk=512)
    going, chunks = passing.first_on(
        cast(Session, Reader(table(6000))),
        Pass(),
        relation,
        slice_bytes=2048 * BLOCK_BYTES,
        remaining_seconds=900,
    )
    assert [chunk.start for chunk in chunks] == [0, 512, 1024, 1536]
    assert going.at == 2048
    # A slice is a limit all the same.
    _, (chunk,) = passing.first_on(
        cast(Session, Reader(table(6000))),
        Pass(),
        relation,
        slice_bytes=100 * BLOCK_BYTES,
        remaining_seconds=900,
    )
    assert (chunk.start, chunk.end) == (0, 100)


@pytest.mark.parametrize("state", ["40001", "40P01", LOCKED, CANCELLED])
def test_what_passes_is_tried_again_and_given_up_in_the_end(state: str) -> None:
    reader = Troubled(table(100), *([state] * ATTEMPTS))
    going = Pass()
    for attempt in range(1, ATTEMPTS):
        going, chunks = first(reader, going)
        halved = 0 if state == LOCKED else attempt
        assert (going, chunks) == (Pass(attempts=attempt, halved=halved), [])
    going, chunks = first(reader, going)
    assert chunks == []
    assert going.finished
    assert (going.problem, going.sqlstate) == (f"it failed ({state})", state)
    assert going.passing
    assert going.again == Pass()


@pytest.mark.parametrize("state", [LOCKED, GONE, MOVED])
@pytest.mark.parametrize("times", range(1, ATTEMPTS))
def test_what_has_passed_is_forgotten(state: str, times: int) -> None:
    reader = Troubled(table(100), "", *([state] * times))
    going, _ = first(reader, Pass(), blocks=64)
    for _ in range(times):
        going, chunks = first(reader, going, blocks=64)
        assert chunks == []
    assert (going.at, going.attempts) == (64, times)
    while not going.finished:
        going, chunks = first(reader, going, blocks=64)
        assert going.attempts == 0
    assert (going.problem, chunks[-1].end) == ("", None)


@pytest.mark.parametrize("state", [DENIED, DAMAGED])
def test_what_does_not_pass_ends_it_at_once(state: str) -> None:
    going, chunks = first(Troubled(table(100), state), Pass(oid=1, filenode=1))
    assert chunks == []
    assert (going.finished, going.attempts) == (True, 0)
    assert (going.problem, going.sqlstate) == (f"it failed ({state})", state)
    assert not going.passing


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [(GONE, "it does not exist"), (MOVED, "it was rewritten while it was read")],
)
def test_a_table_that_is_not_there_is_given_up_in_the_end(trouble: str, problem: str) -> None:
    reader = Troubled(table(100), *([trouble] * ATTEMPTS))
    going = Pass()
    for attempt in range(1, ATTEMPTS):
        going, chunks = first(reader, going)
        assert (going, chunks) == (Pass(attempts=attempt), [])
    going, chunks = first(reader, going)
    assert (going.finished, going.problem, chunks) == (True, problem, [])
    assert not going.passing


def test_a_table_in_another_file_is_another_one() -> None:
    reader = Troubled(table(100))
    going, _ = first(reader, Pass(), blocks=64)
    reader.filenode = 2
    after, chunks = first(reader, going)
    assert (after.finished, after.problem, chunks) == (True, REWRITTEN, [])
    after, found = again(reader, going.again, chunks_of(64, 36))
    assert (after.finished, after.problem, found) == (True, REWRITTEN, [])


def read_again(
    session: Session, relation: Relation, storage: Storage, chunks: Sequence[Chunk]
) -> list[scanning.Looked]:
    return scanning.read_again(session, relation, storage, chunks)


def test_a_reader_that_lags_is_given_time_though_not_for_ever() -> None:
    chunks = chunks_of(64, 36)
    reader = Troubled(table(100), BEHIND, LOCKED, BEHIND, "")
    waits = []
    going = Pass()
    while not going.finished:
        going, found = again(reader, going, chunks, act=read_again)
        waits.append((going.behind, going.attempts, len(found)))
    assert waits == [(True, 1, 0), (False, 2, 0), (True, 3, 0), (False, 0, 2)]
    reader = Troubled(table(100), *([BEHIND] * ATTEMPTS))
    going = Pass()
    for _ in range(ATTEMPTS):
        going, found = again(reader, going, chunks, act=read_again)
        assert found == []
    assert (going.finished, going.behind) == (True, False)
    assert going.problem == "the snapshot ends at 3, before 5000"


def test_too_many_transactions_end_it_at_once() -> None:
    def overtaken(*_: object) -> list[None]:
        raise scanning.Overtaken("more than can be told apart")

    going, found = again(Reader(table(100)), Pass(), chunks_of(100), act=overtaken)
    assert (going.finished, going.problem, found) == (True, "more than can be told apart", [])


def test_a_lost_connection_is_for_the_caller() -> None:
    reader = Troubled(table(100), LOST)
    with pytest.raises(TryAgain):
        first(reader, Pass())


@given(
    st.lists(st.integers(1, 64), min_size=1, max_size=30),
    st.integers(1, 300),
    st.lists(st.sampled_from(["", "", "", LOCKED, GONE, MOVED]), max_size=60),
)
def test_something_is_done_with_each_chunk_once(
    sizes: list[int], blocks: int, troubles: list[str]
) -> None:
    chunks = chunks_of(*sizes)
    reader = Troubled(table(sum(sizes)), *troubles)
    going, found = Pass(), []
    while not going.finished:
        going, made = again(reader, going, chunks, blocks=blocks)
        found += made
    done = [chunk.start for chunk in chunks][: len(found)]
    assert found == done
    if not going.problem:
        assert len(found) == len(chunks)
        assert going.bytes == sum(sizes) * BLOCK_BYTES


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 90), st.booleans())
def test_blocks_are_read_up_to_their_end(blocks: int, start: int, most: int, bounded: bool) -> None:
    start = min(start, blocks)
    end = start + 1 + blocks // 2 if bounded else None
    going, found = Pass(at=start), list[tuple[int, int | None]]()
    reader = Troubled(table(blocks), LOCKED, "", MOVED, GONE)
    while not going.finished:
        going, ranges = passing.blocks_on(
            cast(Session, reader),
            going,
            TABLE,
            end,
            lambda _, __, ranges: list(ranges),
            slice_bytes=most * BLOCK_BYTES,
            remaining_seconds=900,
        )
        found += ranges
        assert len(found) <= blocks + 1
    assert found[0][0] == start
    assert found[-1][1] == end
    assert [e for _, e in found[:-1]] == [s for s, _ in found[1:]]


def test_a_server_without_ranges_reads_a_table_at_once() -> None:
    cluster = table(6000)
    cluster.version = 130012
    going, (chunk,) = first(Reader(cluster), Pass())
    assert going.finished
    assert (chunk.start, chunk.end) == (0, None)
