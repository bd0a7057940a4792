"""Transaction ids that begin anew: rows as old as a whole round of them are told from new rows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from functions.aurora import counting, manifest
from functions.aurora.comparison import (
    BLOCK_BYTES,
    ROUND,
    WINDOW,
    Bounds,
    Counted,
    places_of_first,
    places_of_later,
    rows,
)
from functions.aurora.database import Session
from functions.aurora.manifest import Reading
from functions.model import Check, Level, Status

START = ROUND + 5000
"""The next transaction of a cluster that has begun its second round."""

BLOCKS = 2


@dataclass(frozen=True)
class Row:
    """A version: its writer, in 64 bits, of which a reader sees 32, and the block it is in."""

    writer: int
    block: int


@dataclass
class Cluster:
    """A table of a server, as far as two readings and a restore can tell."""

    next_xid: int
    rows: list[Row]
    running: dict[int, list[Row]] = field(default_factory=dict)

    def begin(self, *rows: Row) -> None:
        """A transaction that writes into these rows' blocks and goes on."""
        xid = self.next_xid
        self.running[xid] = [replace(row, writer=xid) for row in rows]
        self.next_xid += 1

    def commit(self) -> None:
        """The oldest running transaction ends."""
        if self.running:
            self.rows += self.running.pop(min(self.running))

    def restored(self) -> Cluster:
        """What a restore to this moment gives: what was running has never happened."""
        return Cluster(self.next_xid, list(self.rows))


class Reader:
    """A session on a cluster's server."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    @contextlib.contextmanager
    def snapshot(self, *, seconds: float) -> Iterator[None]:
        assert seconds > 0
        yield

    def all(self, _: str, **__: Any) -> list[dict[str, Any]]:
        oldest = min(self.cluster.running, default=self.cluster.next_xid)
        return [
            {
                "filenode": 1,
                "oid": 1,
                "version_number": 150000,
                "blocks": BLOCKS,
                "oldest_running": oldest,
                "next_xid": self.cluster.next_xid,
            }
        ]

    def one(self, query: str, **given: Any) -> dict[str, Any]:
        if query == "storage_now":
            return {"oid": 1, "filenode": 1}
        first, last = (int(given[edge].strip("()").split(",")[0]) for edge in ("start", "end"))
        seen = [
            (row.writer - int(given["horizon"])) % ROUND
            for row in self.cluster.rows
            if first <= row.block < last
        ]
        old = [place for place in seen if place >= given["old_from"]]
        return {
            "total": len(seen),
            "old": len(old),
            "late": sum(given["late_from"] <= place < given["old_from"] for place in seen),
            "unsure": sum(given["unsure_from"] <= place < given["unsure_below"] for place in seen),
            "nearest": min((place for place in old if place < given["window"]), default=None),
        }


def read(cluster: Cluster, reading: Reading, between: Callable[[], None] = lambda: None) -> Reading:
    """Read to the end; something happens after each slice."""
    for _ in range(50):
        reading = counting.read_on(
            cast(Session, Reader(cluster)),
            reading,
            schema="s",
            name="t",
            slice_bytes=BLOCK_BYTES,
            remaining_seconds=900,
        )
        if reading.finished:
            return reading
        between()
    raise AssertionError(reading)


def later(first: Reading, **changes: Any) -> Reading:
    return Reading(horizon=first.horizon, known_gap=first.gap, **changes)


def judged(facts: dict[str, Any], found: Counted) -> Check:
    bounds = Bounds(least=facts["least"], most=facts["most"]) if "least" in facts else None
    return rows(
        target="s.t",
        bounds=bounds,
        unbounded_because=facts.get("reason", ""),
        found=found,
        required=Level.BOUNDED,
    )


actions = st.lists(
    st.one_of(
        st.builds(lambda block: ("write", block), st.integers(0, BLOCKS - 1)),
        st.just(("commit", 0)),
        st.builds(lambda count: ("burn", count), st.sampled_from([1, 7, 60])),
    ),
    max_size=4,
)
phases = st.lists(actions, min_size=1, max_size=4)
offsets = st.one_of(st.integers(-3, 9), st.integers(-80, 500))


def act(cluster: Cluster, taken: list[tuple[str, int]]) -> None:
    for kind, number in taken:
        match kind:
            case "write":
                cluster.begin(Row(0, number))
            case "commit":
                cluster.commit()
            case _:
                cluster.next_xid += number


@settings(max_examples=500)
@given(
    start=st.sampled_from([START, 9000, ROUND - 40]),
    ahead=st.lists(st.tuples(offsets, st.integers(0, BLOCKS - 1)), max_size=5),
    at_first=phases,
    before_point=actions,
    at_second=phases,
    lost=st.integers(0, 2),
    used_by_copy=st.sampled_from([0, 0, 3, 100, 2 * WINDOW]),
    written=st.sampled_from([0, 0, 0, 1, 2]),
)
def test_rows_of_an_earlier_round_make_no_green_false_and_no_red(
    start: int,
    ahead: list[tuple[int, int]],
    at_first: list[list[tuple[str, int]]],
    before_point: list[tuple[str, int]],
    at_second: list[list[tuple[str, int]]],
    lost: int,
    used_by_copy: int,
    written: int,
) -> None:
    before = [Row(start - ROUND + offset, block) for offset, block in ahead]
    older = [row for row in before if row.writer >= 3]  # the first ids are nobody's
    existing = [*older, Row(start - 300, 0), Row(start - 200, 1)]
    cluster = Cluster(start, list(existing))
    steps = iter(at_first)
    act(cluster, next(steps))
    first = read(cluster, Reading(), lambda: act(cluster, next(steps, [])))
    act(cluster, before_point)
    copy = cluster.restored()
    closed_after = cluster.next_xid
    cluster.next_xid += 1
    steps = iter(at_second)
    act(cluster, next(steps))
    second = read(cluster, later(first), lambda: act(cluster, next(steps, [])))
    facts = manifest._compared(first, second)
    for row in existing[:lost]:
        copy.rows.remove(row)
    copy.next_xid += used_by_copy
    for _ in range(written):
        copy.begin(Row(0, 0))
        copy.commit()
    found = read(copy, later(first, closed_after=closed_after, restored=True)).counted
    check = judged(facts, found)
    event(f"lost {bool(lost)}, round {start > ROUND}: {check.status}")
    if existing[:lost]:
        assert check.status is not Status.PASSED
    elif not written:
        assert check.status is not Status.FAILED
    if not written and not older and start < ROUND - WINDOW and used_by_copy < WINDOW:
        assert check.status is (Status.FAILED if lost else Status.PASSED)


def test_rows_a_round_old_that_are_far_ahead_are_compared() -> None:
    cluster = Cluster(START, [Row(START - ROUND + 3000 + n, n % BLOCKS) for n in range(50)])
    first = read(cluster, Reading())
    assert (first.gap, first.counted.old, first.counted.unsure) == (3000, 50, 0)
    second = read(cluster, later(first))
    facts = manifest._compared(first, second)
    assert (facts["least"], facts["most"], facts["gap"]) == (50, 50, 3000)
    copy = cluster.restored()
    healthy = read(copy, later(first, closed_after=START + 20, restored=True)).counted
    assert (healthy.old, healthy.late) == (50, 0)
    assert judged(facts, healthy).status is Status.PASSED
    copy.rows = copy.rows[:15]
    damaged = read(copy, later(first, restored=True)).counted
    assert judged(facts, damaged).detail == (
        "at least 35 rows that existed at the restore point are missing"
    )


def test_rows_a_round_old_whose_ids_come_into_use_are_not_compared() -> None:
    cluster = Cluster(START, [Row(START - ROUND + 100, 0)])
    first = read(cluster, Reading())
    cluster.next_xid += 101
    facts = manifest._compared(first, read(cluster, later(first)))
    assert "least" not in facts
    assert facts["reason"].startswith(
        "101 transactions began between its readings, and all but 100"
    )
    assert "run the drill at another time" in facts["reason"]
    assert judged(facts, Counted(total=1)).status is Status.NOT_RUN


@pytest.mark.parametrize("ends", [True, False])
def test_a_busy_table_is_read_once_more(ends: bool) -> None:
    cluster = Cluster(START, [Row(START - 10, 0)])
    cluster.begin(Row(0, 1))
    cluster.rows.append(Row(cluster.next_xid, 1))
    cluster.next_xid += 1
    looks: list[int] = []

    def end_it() -> None:
        looks.append(len(looks))
        if ends and len(looks) == 4:
            cluster.commit()

    first = read(cluster, Reading(), end_it)
    facts = manifest._compared(first, read(cluster, later(first)))
    assert first.clear_from == START + 2
    if ends:
        assert (facts["least"], facts["most"]) == (3, 3)
    else:
        assert facts["reason"].startswith("1 of its rows may be new, or written 2^32 transactions")
        assert "while no transaction lasts for long" in facts["reason"]


def test_a_cluster_in_its_first_round_is_read_once() -> None:
    cluster = Cluster(9000, [Row(8990, 0)])
    cluster.begin(Row(0, 1))
    cluster.rows.append(Row(cluster.next_xid, 1))
    cluster.next_xid += 1
    first = read(cluster, Reading())
    assert first.clear_below == 0
    assert manifest._compared(first, read(cluster, later(first)))["least"] == 1


def test_a_copy_that_used_more_ids_than_the_gap_holds_is_no_proof() -> None:
    bounds = Bounds(least=5, most=5)
    unsure = Counted(total=5, old=5, unsure=1)
    for required, status in [("bounded", Status.NOT_RUN), ("counted", Status.PASSED)]:
        check = rows(
            target="s.t",
            bounds=bounds,
            unbounded_because="",
            found=unsure,
            required=Level(required),
        )
        assert (check.status, check.level) == (status, Level.COUNTED)
        assert "more transaction ids than can be told apart" in check.detail


@given(
    st.integers(3, 2 * ROUND),
    st.integers(0, WINDOW),
    st.integers(0, 2 * ROUND),
    st.integers(0, 2 * WINDOW),
)
def test_what_is_unsure_ends_where_the_ids_in_use_do(
    horizon: int, used: int, clear_from: int, clear: int
) -> None:
    next_xid = horizon + used
    of_first = places_of_first(
        horizon=horizon,
        next_xid=next_xid,
        clear_from=clear_from,
        clear_below=clear_from + clear,
    )
    assert of_first.old_from == used
    unsure = range(horizon, horizon + of_first.unsure_below)
    known = range(clear_from, clear_from + clear)
    for xid in (horizon, next_xid - 1, clear_from - 1, clear_from, clear_from + clear):
        if horizon <= xid < next_xid:
            assert xid in unsure or xid in known
    of_later = places_of_later(horizon=horizon, next_xid=next_xid, gap=used, closed_after=None)
    assert of_later.unsure_from == of_later.unsure_below == of_later.late_from == used
