"""The first readings of all tables: what each call has left, put together and in groups."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aurora import witness_tables
from functions.aurora.comparison import BLOCK_BYTES, WINDOW
from functions.aurora.database import Session
from functions.aurora.digest import Digest
from functions.aurora.manifest import Table
from functions.aurora.passing import Pass, Read
from functions.aurora.sandwich import Chunk
from functions.aurora.scanning import Relation
from functions.aurora.witness_tables import GROUP_CHUNKS, GROUP_TABLES, Again
from functions.aurora.witness_work import Work
from tests.unit.rounds import Cluster, Reader
from tests.unit.witness_samples import a_work

CHUNK = Chunk(start=0, end=64, horizon=700, next_xid=705, old=Digest(rows=4), rows=5)


@pytest.fixture
def work() -> Work:
    return a_work(schemas=["s"])


def a_read(*starts: int, **changes: Any) -> Read:
    chunks = tuple(replace(CHUNK, start=start) for start in starts)
    return Read(going=replace(Pass(oid=1, filenode=1, finished=True), **changes), chunks=chunks)


a_size = st.integers(0, 3) | st.sampled_from([GROUP_CHUNKS // 2, GROUP_CHUNKS, GROUP_CHUNKS + 1])


@given(st.lists(a_size, max_size=12), st.dictionaries(st.integers(0, 11), st.integers(0, 5)))
def test_each_table_is_in_one_group_the_most_restless_first(
    sizes: list[int], restless: dict[int, int]
) -> None:
    read = {
        f"s.t{number:02}": Read(going=Pass(), chunks=(CHUNK,) * size)
        for number, size in enumerate(sizes)
    }
    changed = {f"s.t{number:02}": count for number, count in restless.items()}
    groups = list(witness_tables.groups(read, changed))
    names = [target for group in groups for target in group]
    assert sorted(names) == sorted(read)
    assert {target: table for group in groups for target, table in group.items()} == read
    counts = [changed.get(target, 0) for target in names]
    assert counts == sorted(counts, reverse=True)
    for group in groups:
        assert group
        assert len(group) == 1 or sum(len(t.chunks) for t in group.values()) <= GROUP_CHUNKS
    # No group would have held the next one's first table.
    for group, following in pairwise(groups):
        together = [*group.values(), next(iter(following.values()))]
        assert sum(len(table.chunks) for table in together) > GROUP_CHUNKS


def test_many_small_tables_are_some_groups() -> None:
    read = {f"s.t{number}": a_read(0) for number in range(2 * GROUP_TABLES + 1)}
    assert [len(group) for group in witness_tables.groups(read, {})] == [
        *(GROUP_TABLES, GROUP_TABLES, 1),
    ]
    assert list(witness_tables.groups({}, {})) == []


def put(work: Work, part: str, **tables: Read) -> None:
    work.put(part, {f"s.{name}": read.to_document() for name, read in tables.items()})


def test_what_the_calls_have_read_is_put_together(work: Work) -> None:
    put(work, "first-0-0", one=a_read(0, 64, finished=False))
    put(work, "first-0-1", one=a_read(128), other=a_read(0), whole=a_read(0, 64, 128))
    newer = replace(CHUNK, start=64, horizon=900, next_xid=905)
    anew = Read(going=Pass(oid=1, filenode=1, finished=True, bytes=5), chunks=(newer,))
    put(work, "first-1-2", one=anew, whole=a_read(0, filenode=2))
    parts = ["first-0-0", "first-0-1"]
    assert witness_tables.gathered(work, parts, []) == {
        "s.one": a_read(0, 64, 128),
        "s.other": a_read(0),
        "s.whole": a_read(0, 64, 128),
    }
    # Of a table that was begun from anew nothing else is left; of another, what was not read again.
    found = witness_tables.gathered(work, [*parts, "first-1-2"], [["s.whole"]])
    assert found == {
        "s.one": Read(going=anew.going, chunks=(CHUNK, newer, replace(CHUNK, start=128))),
        "s.other": a_read(0),
        "s.whole": a_read(0, filenode=2),
    }
    read = [
        dict(witness_tables.changed(work, [*parts, "first-1-2"], number)) for number in range(3)
    ]
    assert read == [{"s.one": 3, "s.other": 1, "s.whole": 3}, {"s.one": 1, "s.whole": 1}, {}]


def test_a_group_is_kept_as_it_was(work: Work) -> None:
    put(work, "chunks-3", one=a_read(0, 64), other=a_read(problem="no"))
    assert witness_tables.group(work, 3) == {
        "s.one": a_read(0, 64),
        "s.other": a_read(problem="no"),
    }


class Catalog:
    """A session that knows in which file each table is."""

    def __init__(self, next_xid: int, **files: int) -> None:
        self.rows = [
            {"schema": "s", "name": name, "oid": 1, "filenode": file, "next_xid": next_xid}
            for name, file in files.items()
        ]

    def all(self, query: str, **given: Any) -> list[dict[str, Any]]:
        assert (query, given) == ("filenodes", {"schemas": ["s"]})
        return self.rows


@pytest.mark.parametrize(
    ("read", "filenode", "next_xid", "stale"),
    [
        (a_read(0), 1, 705, False),
        (a_read(0), 2, 705, True),
        (a_read(0), 1, 700 + WINDOW // 2, False),
        (a_read(0), 1, 701 + WINDOW // 2, True),
        (a_read(0, 64), 1, 701 + WINDOW // 2, True),
        (a_read(problem="it is locked", sqlstate="55P03"), 1, 705, True),
        (a_read(problem="denied", sqlstate="42501"), 2, 705, False),
        (a_read(), 1, 2 * WINDOW, False),
    ],
)
def test_a_reading_that_is_of_no_use_is_taken_again(
    read: Read, filenode: int, next_xid: int, stale: bool
) -> None:
    session = cast(Session, Catalog(next_xid, t=filenode))
    found = witness_tables.stale(session, [TABLE], {"s.t": read})
    assert found == (["s.t"] if stale else [])
    # One that is gone is not read again: the list of tables after T tells it.
    assert witness_tables.stale(cast(Session, Catalog(9)), [TABLE], {"s.t": read}) == []


TABLE = Table(schema="s", name="t", oid=1, kind="r", bytes=0, columns=(), excluded="")


def list_as(work: Work, *listed: Table) -> None:
    """The evidence of a first call that has listed these."""
    work.put("tables", [asdict(table) for table in listed])
    digests = {table.target: {"sql": "digest"} for table in listed}
    work.put("digests", {"side": "", "tables": digests})


@pytest.mark.parametrize(("blocks", "least"), [(64 * 200_000, 64), (64 * 200_000 + 9, 128)])
def test_chunks_are_as_long_as_all_tables_together_demand(
    work: Work, blocks: int, least: int
) -> None:
    large = replace(TABLE, name="large", bytes=(blocks - 8) * BLOCK_BYTES)
    foreign = replace(TABLE, name="foreign", kind="f", excluded="foreign table")
    list_as(work, replace(TABLE, bytes=8 * BLOCK_BYTES), large, foreign)
    found = witness_tables.relations(work)
    assert found == {
        f"s.{name}": Relation(schema="s", name=name, digest="digest", least_chunk=least)
        for name in ("t", "large")
    }


def read_round(work: Work, cluster: Cluster, number: int, again: Again) -> None:
    place, going = 0, Pass()
    while place < 1:
        place, going = witness_tables.read(
            work,
            cast(Session, Reader(cluster)),
            ["s.t"],
            place=place,
            going=going,
            part=f"first-{number}-{number}",
            again=again,
        )


def ranges(read: Read) -> list[tuple[int, int | None]]:
    return [(chunk.start, chunk.end) for chunk in read.chunks]


def test_what_a_table_has_grown_by_is_cut_as_well(work: Work) -> None:
    list_as(work, TABLE)
    cluster = Cluster.holding(9000, (8990, 3), (8991, 70))
    cluster.blocks = 100
    read_round(work, cluster, 0, Again(everything=True))
    once = witness_tables.gathered(work, ["first-0-0"], [])
    assert ranges(once["s.t"]) == [(0, 64), (64, None)]
    cluster.blocks = 300
    for block in (150, 299):
        cluster.write(block)
    read_round(work, cluster, 1, Again(changed=once))
    parts = ["first-0-0", "first-1-1"]
    read = witness_tables.gathered(work, parts, [[]])["s.t"]
    assert ranges(read) == [(0, 64), (64, 128), (128, 192), (192, 256), (256, None)]
    assert [chunk.rows for chunk in read.chunks] == [1, 1, 1, 0, 1]
    assert [chunk.horizon for chunk in read.chunks] == [9000, *[9002] * 4]
    assert read.problem == ""
    assert witness_tables.changed(work, parts, 1) == {"s.t": 4}


def test_a_table_that_has_grown_quietly_is_not_read_again(work: Work) -> None:
    list_as(work, TABLE)
    cluster = Cluster.holding(9000, (8990, 3), (8991, 70))
    cluster.blocks = 100
    read_round(work, cluster, 0, Again(everything=True))
    once = witness_tables.gathered(work, ["first-0-0"], [])
    cluster.blocks = 300
    read_round(work, cluster, 1, Again(changed=once))
    again = witness_tables.gathered(work, ["first-0-0", "first-1-1"], [[]])
    assert again["s.t"].chunks == once["s.t"].chunks


def test_a_server_without_ranges_is_read_again_at_once(work: Work) -> None:
    list_as(work, TABLE)
    cluster = Cluster.holding(9000, (8990, 3))
    cluster.blocks, cluster.version = 100, 130012
    read_round(work, cluster, 0, Again(everything=True))
    cluster.blocks = 300
    cluster.write(200)
    once = witness_tables.gathered(work, ["first-0-0"], [])
    read_round(work, cluster, 1, Again(changed=once))
    read = witness_tables.gathered(work, ["first-0-0", "first-1-1"], [[]])["s.t"]
    assert (ranges(read), read.chunks[0].rows) == ([(0, None)], 2)


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.lists(st.integers(0, 499), max_size=4)),
        min_size=2,
        max_size=4,
    )
)
def test_rounds_leave_no_gap(sizes: list[tuple[int, list[int]]]) -> None:
    work = a_work(schemas=["s"])
    list_as(work, TABLE)
    cluster = Cluster.holding(9000, (8990, 3))
    parts: list[str] = []
    for number, (blocks, written) in enumerate(sizes):
        # What was emptied at the end may be cut off; rows are never.
        last = max(row.block for row in cluster.rows)
        cluster.blocks = max(blocks, last + 1)
        for block in written:
            cluster.write(block % cluster.blocks)
        kept = witness_tables.gathered(work, parts, [[]] * number)
        read_round(work, cluster, number, Again(everything=not number, changed=kept))
        parts.append(f"first-{number}-{number}")
        read = witness_tables.gathered(work, parts, [[]] * number)["s.t"]
        assert read.problem == ""
        assert sum(chunk.rows for chunk in read.chunks) == len(cluster.rows)
        assert sum(chunk.old.rows for chunk in read.chunks) == len(cluster.rows)


def test_a_round_reads_what_it_is_asked_for() -> None:
    assert Again(everything=True).asks("s.t")
    assert not Again().asks("s.t")
    asked = Again(whole=frozenset({"s.a"}), anew={"s.b": a_read(0)}, changed={"s.c": a_read(0)})
    assert [asked.asks(f"s.{name}") for name in "abcd"] == [True, True, True, False]
