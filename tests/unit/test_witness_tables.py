"""The first readings of all tables: what each call has left, put together and in groups."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aurora import witness_tables
from functions.aurora.comparison import WINDOW
from functions.aurora.database import Login, Session
from functions.aurora.digest import Digest
from functions.aurora.manifest import Table
from functions.aurora.passing import Pass, Read
from functions.aurora.sandwich import Chunk
from functions.aurora.witness_tables import GROUP_CHUNKS, GROUP_TABLES, Again
from functions.aurora.witness_work import Load, Source, Work
from lab.driven import Shelf, drill, plan, plenty

LOGIN = Login(host="source", port=5432, database="d", user="u", password=str, ca_file=Path())
CHUNK = Chunk(start=0, end=64, horizon=700, next_xid=705, old=Digest(rows=4), rows=5)


@pytest.fixture
def work() -> Work:
    return Work(
        source=Source(reader=LOGIN, writer=LOGIN),
        drill=drill(database="shop", schemas=["s"]),
        plan=plan(),
        evidence=Shelf(),
        remaining_seconds=plenty,
        slice_bytes=1 << 20,
        pause=lambda _: None,
        load=Load(),
    )


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
    listed = Table(schema="s", name="t", oid=1, kind="r", bytes=0, columns=(), excluded="")
    session = cast(Session, Catalog(next_xid, t=filenode))
    found = witness_tables.stale(session, [listed], {"s.t": read})
    assert found == (["s.t"] if stale else [])
    # One that is gone is not read again: the list of tables after T tells it.
    assert witness_tables.stale(cast(Session, Catalog(9)), [listed], {"s.t": read}) == []


def test_a_round_reads_what_it_is_asked_for() -> None:
    assert Again(everything=True).asks("s.t")
    assert not Again().asks("s.t")
    asked = Again(whole=frozenset({"s.a"}), anew={"s.b": a_read(0)}, changed={"s.c": a_read(0)})
    assert [asked.asks(f"s.{name}") for name in "abcd"] == [True, True, True, False]
