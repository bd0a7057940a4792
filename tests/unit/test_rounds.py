"""Transaction ids that begin anew: rows as old as a whole round of them are told from new rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from functions.aurora import scanning
from functions.aurora.comparison import (
    ROUND,
    WINDOW,
    places_of_first,
    places_of_later,
)
from functions.aurora.scanning import Relation
from functions.aurora.witness import ROUNDS
from functions.model import Status
from tests.unit.round_readings import NUMBERS, TABLE, judged, read_first, read_second
from tests.unit.rounds import BLOCKS, Cluster

START = ROUND + 5000
"""The next transaction of a cluster that has begun its second round."""

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
                cluster.begin(number)
            case "commit":
                cluster.commit()
            case _:
                cluster.next_xid += number


@settings(max_examples=500)
@given(
    relation=st.sampled_from([TABLE, NUMBERS]),
    start=st.sampled_from([START, 9000, ROUND - 40]),
    ahead=st.lists(st.tuples(offsets, st.integers(0, BLOCKS - 1)), max_size=5),
    at_first=phases,
    before_point=actions,
    at_second=phases,
    lost=st.integers(0, 2),
    altered=st.integers(0, 2),
    used_by_copy=st.sampled_from([0, 0, 3, 100, 2 * WINDOW]),
    written=st.sampled_from([0, 0, 0, 1, 2]),
)
def test_rows_of_an_earlier_round_make_no_green_false_and_no_red(
    relation: Relation,
    start: int,
    ahead: list[tuple[int, int]],
    at_first: list[list[tuple[str, int]]],
    before_point: list[tuple[str, int]],
    at_second: list[list[tuple[str, int]]],
    lost: int,
    altered: int,
    used_by_copy: int,
    written: int,
) -> None:
    before = [(start - ROUND + offset, block) for offset, block in ahead]
    older = [row for row in before if row[0] >= 3]  # the first ids are nobody's
    cluster = Cluster.holding(start, *older, (start - 300, 0), (start - 200, 1))
    existing = list(cluster.rows)
    steps = iter(at_first)
    act(cluster, next(steps))
    first = read_first(cluster, lambda: act(cluster, next(steps, [])), relation)
    act(cluster, before_point)
    copy = cluster.restored()
    point = cluster.next_xid
    cluster.next_xid += 1
    steps = iter(at_second)
    act(cluster, next(steps))
    seen = read_second(
        cluster,
        first,
        closed_after=point,
        between=lambda: act(cluster, next(steps, [])),
        relation=relation,
    )
    for row in existing[:lost]:
        copy.rows.remove(row)
    changed = existing[lost:][:altered] if relation.digest else []
    for row in changed:
        copy.rows[copy.rows.index(row)] = replace(row, content=7**40)
    copy.next_xid += used_by_copy
    for _ in range(written):
        copy.write(0)
    check = judged(copy, seen, own_from=point, closed_after=point, relation=relation)
    wrong = bool(lost or changed or written)
    event(f"wrong {wrong}, round {start > ROUND}: {check.status}")
    if wrong:
        assert check.status is not Status.PASSED
    else:
        assert check.status is not Status.FAILED
    if not older and start < ROUND - WINDOW and used_by_copy < WINDOW:
        assert check.status is (Status.FAILED if wrong else Status.PASSED)


@pytest.mark.parametrize("relation", [TABLE, NUMBERS])
def test_rows_a_round_old_that_are_far_ahead_are_compared(relation: Relation) -> None:
    far = [(START - ROUND + 3000 + n, n % BLOCKS) for n in range(50)]
    cluster = Cluster.holding(START, *far)
    first = read_first(cluster, relation=relation)
    assert [(chunk.gap, chunk.old.rows, chunk.unsure) for chunk in first.chunks] == [
        (3000, 25, 0),
        (3001, 25, 0),
    ]
    seen = read_second(cluster, first, relation=relation)
    assert (seen.facts["least"], seen.facts["most"], seen.facts["unlisted"]) == (50, 50, 2)
    copy = cluster.restored()
    healthy = judged(copy, seen, own_from=START, closed_after=START + 20, relation=relation)
    assert (healthy.status, healthy.expected, healthy.observed) == ("passed", "50", "50")
    copy.rows = copy.rows[:15]
    damaged = judged(copy, seen, own_from=START, relation=relation)
    assert (damaged.status, damaged.expected, damaged.observed) == ("failed", "50", "15")
    assert damaged.detail == (
        "in 2 of 2 ranges of blocks: blocks 0 to 0: at least 17 rows are missing;"
        " blocks 1 to the end: at least 18 rows are missing"
        if relation.digest
        else "at least 35 rows that existed at the restore point are missing"
    )


@pytest.mark.parametrize("relation", [TABLE, NUMBERS])
def test_rows_a_round_old_whose_ids_come_into_use_are_not_compared(relation: Relation) -> None:
    cluster = Cluster.holding(START, (START - ROUND + 100, 0))
    first = read_first(cluster, relation=relation)
    cluster.next_xid += 100
    assert read_second(cluster, first, relation=relation).facts["least"] == 1
    cluster.next_xid += 1
    seen = read_second(cluster, first, relation=relation)
    assert "least" not in seen.facts
    assert seen.facts["reason"].startswith(
        "101 transactions began between its readings, and all but 100"
    )
    assert "run the drill at another time" in seen.facts["reason"]
    check = judged(cluster.restored(), seen, own_from=START, relation=relation)
    assert (check.status, check.level) == ("not_run", "counted")


@pytest.mark.parametrize("relation", [TABLE, NUMBERS])
def test_more_transactions_than_can_be_told_apart_matter_where_rows_are_new(
    relation: Relation,
) -> None:
    cluster = Cluster.holding(9000, (8990, 0), (8991, 1))
    first = read_first(cluster, relation=relation)
    cluster.next_xid += WINDOW + 1
    quiet = read_second(cluster, first, relation=relation)
    assert (quiet.facts["least"], quiet.facts["most"]) == (2, 2)
    check = judged(cluster.restored(), quiet, own_from=cluster.next_xid, relation=relation)
    assert check.status == "passed"
    cluster.write(1)
    busy = read_second(cluster, first, relation=relation)
    assert busy.facts["reason"] == (
        f"{WINDOW + 2} transactions began between its readings: more than can be told apart"
    )
    assert "least" not in busy.facts


@pytest.mark.parametrize("ends", [True, False])
def test_what_is_ambiguous_is_read_again_when_older_transactions_have_ended(ends: bool) -> None:
    cluster = Cluster.holding(START, (START - 10, 0))
    cluster.begin(1)
    cluster.write(1)
    looks: list[int] = []

    def end_it() -> None:
        looks.append(len(looks))
        if ends and len(looks) == 4:
            cluster.commit()

    first = read_first(cluster, end_it)
    facts = read_second(cluster, first).facts
    quiet, busy = first.chunks
    assert quiet.next_xid == START + 2
    if ends:
        assert len(looks) == 4
        assert (quiet.horizon, busy.horizon, busy.unsure) == (START, START + 2, 0)
        assert (facts["least"], facts["most"]) == (3, 3)
    else:
        assert len(looks) == 1 + ROUNDS * scanning.ATTEMPTS
        assert facts["reason"].startswith("1 of its rows may be new, or written 2^32 transactions")
        assert "while no transaction lasts for long" in facts["reason"]
        assert "least" not in facts


def test_a_cluster_in_its_first_round_is_read_once() -> None:
    cluster = Cluster.holding(9000, (8990, 0))
    cluster.begin(1)
    cluster.write(1)
    looks: list[int] = []
    first = read_first(cluster, lambda: looks.append(1))
    assert len(looks) == BLOCKS - 1
    assert [(chunk.unsure, chunk.ambiguous) for chunk in first.chunks] == [(0, False), (1, False)]
    assert read_second(cluster, first).facts["least"] == 1


def test_a_row_with_an_id_to_come_makes_a_first_round_ambiguous() -> None:
    cluster = Cluster.holding(ROUND - 40, (ROUND - 50, 0))
    cluster.begin(1)
    cluster.write(1)
    cluster.rows.append(cluster.put(-20, 1))  # of a reset log: nothing else has such an id
    first = read_first(cluster)
    assert [chunk.ambiguous for chunk in first.chunks] == [False, True]
    assert "least" not in read_second(cluster, first).facts


@pytest.mark.parametrize(("used", "level"), [(WINDOW - 10, "bounded"), (2 * WINDOW, "counted")])
def test_a_copy_that_used_more_ids_than_the_gap_holds_is_no_proof(used: int, level: str) -> None:
    cluster = Cluster.holding(START, (START - 10, 0), (START - ROUND + WINDOW + 9, 0))
    first = read_first(cluster)
    cluster.write(0)
    point = cluster.next_xid
    copy = cluster.restored()
    seen = read_second(cluster, first)
    copy.next_xid += used
    check = judged(copy, seen, own_from=point)
    assert check.level == level
    assert check.status == ("passed" if level == "bounded" else "not_run")
    assert ("more transaction ids than can be told apart" in check.detail) == (level == "counted")


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
