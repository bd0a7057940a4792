"""What the snapshots of a turn have seen together: no row between them is lost unnoticed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from functions.aurora.comparison import ROUND, WINDOW
from functions.aurora.passing import Read
from functions.aurora.scanning import Relation
from functions.aurora.second_reading import Room
from functions.model import Check
from tests.unit.round_readings import (
    NUMBERS,
    TABLE,
    Seen,
    Turn,
    judged,
    read_first,
    read_second,
)
from tests.unit.rounds import BLOCKS, Cluster, Row

START = 9000
AGAIN = ROUND + 5000
"""The next transaction of a cluster in its first round of ids, and of one in its second."""

Action = tuple[str, int]

actions = st.lists(
    st.tuples(
        st.sampled_from([*(["write", "delete", "update", "commit"] * 2), "abort", "burn"]),
        st.integers(0, BLOCKS - 1),
    ),
    max_size=5,
)


def act(cluster: Cluster, taken: list[Action]) -> None:
    for what, block in taken:
        match what:
            case "write":
                cluster.begin(block)
            case "delete" | "update":
                cluster.begin_to_end(block, update=what == "update")
            case "commit":
                cluster.commit()
            case "abort":
                cluster.abort()
            case _:
                cluster.next_xid += 3


@dataclass(frozen=True, kw_only=True)
class Played:
    """A turn, the first readings before it, and the copy as of T."""

    first: Read
    turn: Turn
    copy: Cluster
    own_from: int

    def seen(self, relation: Relation = TABLE) -> Seen:
        return self.turn.read(self.first, relation)

    def judge(self, copy: Cluster, seen: Seen, relation: Relation = TABLE) -> Check:
        return judged(
            copy,
            seen,
            own_from=self.own_from,
            closed_after=self.turn.closed_after,
            relation=relation,
        )


def play(
    cluster: Cluster,
    *,
    at_first: list[Action] | None = None,
    before: list[Action] | None = None,
    at_t: list[Action] | None = None,
    after: list[Action] | None = None,
    marked: list[Action] | None = None,
    relation: Relation = TABLE,
) -> Played:
    """A turn; things happen before its first snapshot, up to T, up to the marker, and after it."""
    steps = iter([at_first or []])
    first = read_first(cluster, lambda: act(cluster, next(steps, [])), relation)
    act(cluster, before or [])
    early = cluster.as_seen()
    act(cluster, at_t or [])
    own_from, copy = cluster.next_xid, cluster.restored()
    taken = after or []
    act(cluster, taken[:1])
    middle = cluster.as_seen()
    act(cluster, taken[1:])
    closed_after = cluster.next_xid
    cluster.next_xid += 1
    act(cluster, marked or [])
    turn = Turn(early=early, middle=middle, late=cluster.as_seen(), closed_after=closed_after)
    return Played(first=first, turn=turn, copy=copy, own_from=own_from)


@settings(max_examples=400)
@given(
    start=st.sampled_from([START, START, AGAIN]),
    ahead=st.lists(st.sampled_from([40, WINDOW - 3, WINDOW + 3, WINDOW + 900]), max_size=2),
    phases=st.tuples(*[actions] * 5),
    relation=st.sampled_from([TABLE, TABLE, NUMBERS]),
    number=st.integers(0, 40),
)
def test_no_row_that_a_snapshot_has_seen_is_lost_changed_or_back_unnoticed(
    start: int, ahead: list[int], phases: tuple[list[Action], ...], relation: Relation, number: int
) -> None:
    older = [(start - ROUND + offset, n) for n, offset in enumerate(ahead) if start > ROUND]
    cluster = Cluster.holding(start, *older, *((start - 300 - n, n % BLOCKS) for n in range(5)))
    at_first, before, at_t, after, marked = phases
    played = play(
        cluster,
        at_first=at_first,
        before=before,
        at_t=at_t,
        after=after,
        marked=marked,
        relation=relation,
    )
    seen = played.seen(relation)
    healthy = played.judge(played.copy, seen, relation)
    event(f"ahead {bool(older)}: {healthy.status}, {healthy.level}")
    assert healthy.status != "failed"
    if not older:
        assert healthy.status == "passed"
        assert healthy.level == ("exact" if relation.digest else "bounded")
    if not relation.digest:
        return
    known = {*played.turn.early.rows, *played.turn.late.rows}
    there = [row for row in played.copy.rows if row in known]
    if there:
        row = there[number % len(there)]
        for damaged in (without(played.copy, row), changed(played.copy, row)):
            assert_red(played, damaged, seen, surely=not older)
    before_t = [row for row in played.turn.early.rows if row not in played.copy.rows]
    if before_t:
        back = before_t[number % len(before_t)]
        damaged = replace(played.copy, rows=[*played.copy.rows, back])
        assert_red(played, damaged, seen, surely=not older)


def without(copy: Cluster, row: Row) -> Cluster:
    """The copy that has lost a row."""
    return replace(copy, rows=[each for each in copy.rows if each != row])


def changed(copy: Cluster, row: Row) -> Cluster:
    """The copy where a row holds something else."""
    return replace(copy, rows=[*without(copy, row).rows, replace(row, content=7**40)])


def assert_red(played: Played, damaged: Cluster, seen: Seen, *, surely: bool) -> None:
    check = played.judge(damaged, seen)
    assert check.status != "passed"
    if surely:
        assert (check.status, check.level) == ("failed", "exact")


WRITTEN: list[Action] = [("write", 0), ("commit", 0)]
DELETED: list[Action] = [("delete", 0), ("commit", 0)]
UPDATED: list[Action] = [("update", 0), ("commit", 0)]


def one_row() -> Cluster:
    """A table with a row in its second chunk."""
    return Cluster.holding(START, (START - 10, 1))


def quiet_chunks(seen: Seen) -> list[bool]:
    return [sandwich.plain for sandwich in seen.sandwiches]


def test_a_chunk_that_was_quiet_is_as_if_it_had_been_read_by_the_first_snapshot() -> None:
    cluster = Cluster.holding(START, (START - 10, 0), (START - 9, 1))
    played = play(cluster, before=[("burn", 0)], at_t=[("burn", 0)])
    seen = played.seen()
    assert [chunk.horizon for chunk in played.first.chunks] == [START, START]
    for sandwich, chunk in zip(seen.sandwiches, played.first.chunks, strict=True):
        assert sandwich.chunk == replace(chunk, horizon=START + 3, next_xid=START + 3)
        assert (sandwich.left, sandwich.proves, sandwich.plain) == (chunk.old, True, True)
    check = played.judge(played.copy, seen)
    assert (check.status, check.level) == ("passed", "exact")


def test_an_update_before_the_first_snapshot_is_none_of_a_quiet_chunk() -> None:
    """As many rows, all of them old by then: its first reading is of no use any more."""
    cluster = Cluster.holding(START, (START - 10, 0), (START - 9, 1))
    played = play(cluster, before=[*UPDATED, ("burn", 0)])
    seen = played.seen()
    assert seen.sandwiches[0].chunk.old != played.first.chunks[0].old
    check = played.judge(played.copy, seen)
    assert (check.status, check.level) == ("passed", "exact")


@pytest.mark.parametrize("went", [DELETED, UPDATED])
def test_a_row_that_came_after_the_first_reading_and_went_after_t_is_not_lost(
    went: list[Action],
) -> None:
    played = play(one_row(), before=WRITTEN, marked=[("burn", 0), *went])
    seen = played.seen()
    (row,) = (row for row in played.copy.rows if row.block == 0)
    assert row not in played.turn.late.rows
    assert played.judge(played.copy, seen).status == "passed"
    check = played.judge(without(played.copy, row), seen)
    assert (check.status, check.level) == ("failed", "exact")


def test_of_a_row_that_is_read_late_nobody_knows_whether_it_was_lost() -> None:
    played = play(one_row(), before=WRITTEN, marked=DELETED)
    late = read_second(played.turn.late, played.first, closed_after=played.turn.closed_after)
    assert [sandwich.listed for sandwich in late.sandwiches] == [False, False]
    assert not any(sandwich.proves or sandwich.plain for sandwich in late.sandwiches)
    assert late.facts["unlisted"] == 2
    rows = [row for row in played.copy.rows if row.block == 1]
    check = played.judge(replace(played.copy, rows=rows), late)
    assert check.level == "bounded"
    assert "2 of 2 ranges of its blocks had their second reading late" in check.detail


def test_what_the_first_snapshot_saw_needs_no_account_of_the_copy() -> None:
    """An older transaction goes on, so the row is new to every snapshot."""
    long: list[Action] = [("write", 1)]
    cluster = one_row()
    act(cluster, long)
    xid = cluster.next_xid
    cluster.write(0)
    played = play(cluster, marked=[("commit", 0)])
    seen = played.seen()
    (came,) = seen.sandwiches[0].came
    assert (came.writer, came.certain) == (xid, True)
    forgotten = replace(played.copy, committed=played.copy.committed - {xid})
    assert played.judge(forgotten, seen).status == "passed"
    (row,) = (row for row in played.copy.rows if row.writer == xid)
    check = played.judge(without(forgotten, row), seen)
    assert (check.status, check.level) == ("failed", "exact")
    assert f"row {row.ctid}: lost" in check.detail


def test_what_came_after_the_first_snapshot_is_for_the_copy_to_say() -> None:
    played = play(one_row(), at_t=WRITTEN)
    seen = played.seen()
    (came,) = seen.sandwiches[0].came
    assert not came.certain
    assert played.judge(played.copy, seen).status == "passed"
    (row,) = (row for row in played.copy.rows if row.block == 0)
    assert played.judge(without(played.copy, row), seen).status == "failed"


def test_rows_that_came_and_went_are_seen_by_the_third_snapshot_once() -> None:
    played = play(one_row(), at_t=WRITTEN * 2, after=[("burn", 0), *DELETED])
    seen = played.seen()
    (came,), (glimpsed,) = seen.sandwiches[0].came, seen.sandwiches[0].glimpsed
    assert seen.sandwiches[0].gone == ()
    assert played.judge(played.copy, seen).status == "passed"
    row, other = (row for row in played.copy.rows if row.block == 0)
    assert (glimpsed.ctid, came.ctid) == (row.ctid, other.ctid)
    assert played.judge(changed(played.copy, row), seen).status == "failed"


def test_a_row_that_the_first_snapshot_has_listed_is_not_unseen_as_well() -> None:
    cluster = one_row()
    act(cluster, [("write", 1)])  # goes on, so that the row is new to every snapshot
    cluster.write(0)
    played = play(cluster, after=[("burn", 0), ("delete", 0), ("commit", 1), ("commit", 0)])
    seen = played.seen()
    assert len(seen.sandwiches[0].gone) == 1
    assert seen.sandwiches[0].glimpsed == ()
    check = played.judge(played.copy, seen)
    assert (check.status, check.level) == ("passed", "exact")
    assert "unseen" not in check.detail


def test_a_table_without_digests_is_only_counted() -> None:
    cluster = Cluster.holding(START, (START - 10, 0), (START - 9, 1))
    played = play(cluster, before=[("burn", 0)], relation=NUMBERS)
    seen = played.seen(NUMBERS)
    assert [sandwich.digested for sandwich in seen.sandwiches] == [False, False]
    assert [sandwich.chunk for sandwich in seen.sandwiches] == list(played.first.chunks)
    copy = played.copy
    for damaged, status in ((copy, "passed"), (without(copy, copy.rows[0]), "failed")):
        check = played.judge(damaged, seen, NUMBERS)
        assert (check.status, check.level) == (status, "bounded")


def test_what_is_too_much_to_be_listed_is_bounded() -> None:
    played = play(one_row(), at_t=WRITTEN * 4)
    # Two of the snapshots see four rows each.
    assert played.turn.read(played.first, room=Room(9)).facts["unlisted"] == 0
    seen = played.turn.read(played.first, room=Room(8))
    assert (seen.facts["unlisted"], seen.sandwiches[0].omitted) == (1, 4)
    assert seen.sandwiches[1].proves
    check = played.judge(played.copy, seen)
    assert check.level == "bounded"
