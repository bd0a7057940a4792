"""T goes by, and something gets in the way: nothing is red, and it is said why less is proven."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from functions.aurora import database, scanning, witness_turn
from functions.aurora.second_reading import Room
from functions.errors import TryAgain
from lab import driven
from lab.driven import Outcome, Shelf
from lab.postgres import Server
from lab.standby import Standby, standby_of
from tests.steps.turning import DATABASE, Stage, settings

# ruff: noqa: S608 - the statements are this file's own

MADE = """
CREATE TABLE turn.{name} (id int PRIMARY KEY, n int, word text);
INSERT INTO turn.{name} SELECT i, 0, 'row ' || i FROM generate_series(1, 40) AS i;
"""
LABELS = """
CREATE TYPE turn.kind_1 AS ENUM ('a'); CREATE TYPE turn.kind_2 AS ENUM ('a');
ALTER TABLE turn.relabelled_before ADD COLUMN kind turn.kind_1 DEFAULT 'a';
ALTER TABLE turn.relabelled_after ADD COLUMN kind turn.kind_2 DEFAULT 'a';
"""
DELETE = "x: DELETE FROM {t} WHERE id = 7"
LOCK = "{t}: BEGIN; LOCK TABLE {t} IN ACCESS EXCLUSIVE MODE"
RENEW = "x: ALTER TABLE {t} DROP COLUMN word, ADD COLUMN word text"
REWRITTEN = "counted only: it was rewritten between its readings"
RENEWED = "its columns or the labels of an enum were renamed, or made again, while the source"
LATE = "bounded only: 1 of 1 ranges of its blocks had their second reading late"
OTHER_COLUMNS = "bounded only: its columns are not those that the source was digested by"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What gets in the way of a table, at each moment, and what the check of its rows says then."""

    turn: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    level: str = "exact"
    says: str = "at the restore point"


TROUBLES = {
    "locked": Trouble(before=(LOCK,), second=("{t}: COMMIT",), level="bounded", says=LATE),
    "locked_busy": Trouble(
        before=(DELETE,),
        after=(LOCK,),
        second=("{t}: COMMIT",),
        level="bounded",
        says=LATE,
    ),
    "locked_for_good": Trouble(after=(LOCK,), level="counted", says="lock timeout"),
    "truncated": Trouble(turn=("x: TRUNCATE {t}",), level="counted", says=REWRITTEN),
    "truncated_before": Trouble(before=("x: TRUNCATE {t}",), level="counted", says=REWRITTEN),
    "truncated_after": Trouble(after=("x: TRUNCATE {t}",), level="counted", says=REWRITTEN),
    "truncated_meanwhile": Trouble(
        before=(DELETE,), reading=("x: TRUNCATE {t}",), level="counted", says=REWRITTEN
    ),
    "rewritten_before": Trouble(
        before=(DELETE, "x: ALTER TABLE {t} ALTER n TYPE bigint"), level="counted", says=REWRITTEN
    ),
    "rewritten_after": Trouble(
        before=(DELETE,), after=("x: VACUUM FULL {t}",), level="counted", says=REWRITTEN
    ),
    "added_before": Trouble(
        before=(DELETE, "x: ALTER TABLE {t} ADD COLUMN more int DEFAULT 5"),
        level="bounded",
        says=OTHER_COLUMNS,
    ),
    "added_after": Trouble(
        before=(DELETE,), after=("x: ALTER TABLE {t} ADD COLUMN more int DEFAULT 5",)
    ),
    "renewed_before": Trouble(before=(DELETE, RENEW), level="bounded", says=RENEWED),
    "renewed_after": Trouble(before=(DELETE,), after=(RENEW,), level="bounded", says=RENEWED),
    "renewed_after_quiet": Trouble(after=(RENEW,), level="bounded", says=RENEWED),
    "relabelled_before": Trouble(
        before=("x: ALTER TYPE turn.kind_1 RENAME VALUE 'a' TO 'b'",), level="bounded", says=RENEWED
    ),
    "relabelled_after": Trouble(
        before=(DELETE,),
        after=("x: ALTER TYPE turn.kind_2 RENAME VALUE 'a' TO 'b'",),
        level="bounded",
        says=RENEWED,
    ),
    "renamed_after": Trouble(
        before=(DELETE,),
        after=("x: ALTER TABLE {t} RENAME word TO term",),
        level="counted",
        says="column x.word does not exist",
    ),
    "calm": Trouble(before=(DELETE,)),
}
ALTERED = "SET lock_timeout = '1s'; ALTER TABLE turn.calm ADD COLUMN more_{n} int"


@dataclass(frozen=True)
class Troubled:
    """What Verify said, and how often a table was altered while the snapshots were open."""

    outcome: Outcome
    altered: int


@pytest.fixture(scope="module")
def troubled(staged: Stage) -> Troubled:
    """All troubles at once, each of a table of its own."""
    staged.furnish("".join(MADE.format(name=name) for name in TROUBLES) + LABELS)
    altered = 0

    def act(moment: str) -> None:
        for name, trouble in TROUBLES.items():
            lines = getattr(trouble, moment)
            staged.do(*(line.replace("{t}", f"turn.{name}") for line in lines))

    def reading() -> float:
        nonlocal altered
        if staged.premises.run(OPEN) == [(3,)]:
            altered += 1
            staged.do(f"y: {ALTERED.format(n=altered)}")
        return driven.plenty()

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setitem(database._PINNED, "lock_timeout", "100ms")
        shelf = Shelf()
        witnessed = staged.see(
            shelf,
            {
                "turn": lambda: act("turn"),
                "before T": lambda: act("before"),
                "after T": lambda: act("after"),
                "reading": lambda: act("reading"),
                "second": lambda: act("second"),
            },
            monkeypatch,
            remaining_seconds=reading,
        )
    staged.connections["turn.locked_for_good"].rollback()
    copy = staged.restore(witnessed)
    planned = driven.plan(required="counted")
    return Troubled(staged.judge(copy, witnessed, shelf, planned=planned), altered)


OPEN = """
SELECT count(*)::int FROM pg_stat_activity
WHERE application_name = 'backup-drills witness' AND state = 'idle in transaction'
"""


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_of_a_table_is_told_and_not_red(troubled: Troubled, name: str) -> None:
    (check,) = troubled.outcome.of("rows", f"turn.{name}")
    assert (check.status, check.level) == ("passed", TROUBLES[name].level), check
    assert TROUBLES[name].says in check.detail


def test_no_other_check_minds_trouble(troubled: Troubled) -> None:
    assert (troubled.outcome.red(), troubled.outcome.unsure()) == ([], [])


def test_nobody_is_kept_from_altering_a_table(troubled: Troubled) -> None:
    """A table that was read already, by all three snapshots, which are open still."""
    assert troubled.altered > len(TROUBLES)


THREE = "".join(MADE.format(name=name) for name in ("quiet", "came", "went"))
CHANGE = (
    "x: INSERT INTO turn.came VALUES (901, 0, 'row 901'), (902, 0, ''), (903, 0, ''), (904, 0, '')",
    "x: DELETE FROM turn.went WHERE id < 9",
)
ALL_EXACT = dict.fromkeys(("turn.quiet", "turn.came", "turn.went"), "exact")
ALL_LATE = dict.fromkeys(ALL_EXACT, "bounded")


def levels(source: Stage, copy: Server, witnessed: dict[str, Any], shelf: Shelf) -> dict[str, Any]:
    """The level that each table reaches, of a healthy copy of which nothing is red."""
    outcome = source.judge(copy, witnessed, shelf, planned=driven.plan(required="bounded"))
    assert (outcome.red(), outcome.unsure()) == ([], [])
    return {check.target: check.level for check in outcome.counts()}


def test_when_the_time_for_snapshots_is_up_the_rest_is_read_later(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.furnish(THREE)
    timing = {**settings()["timing"], "snapshot_seconds": 0}
    shelf = Shelf()
    witnessed = source.see(
        shelf,
        {"before T": lambda: source.do(*CHANGE)},
        monkeypatch,
        asked=settings(timing=timing),
    )
    copy = source.restore(witnessed)
    assert levels(source, copy, witnessed, shelf) == ALL_LATE
    strict = source.judge(copy, witnessed, shelf)
    assert sorted(strict.unsure()) == [("rows", target) for target in sorted(ALL_LATE)]
    milder = dict.fromkeys(("turn.came", "turn.went"), "counted")
    mild = source.judge(copy, witnessed, shelf, settings=settings(levels=milder))
    assert mild.unsure() == [("rows", "turn.quiet")]
    source.premises.run("DELETE FROM turn.came WHERE id = 901", copy)
    assert source.judge(copy, witnessed, shelf).red() == [("rows", "turn.came")]


def test_when_the_time_is_up_halfway_what_was_read_counts(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.furnish(THREE + MADE.format(name="a_went"))
    shelf = Shelf()

    calls = iter(range(10**6))

    def two_slices() -> float:
        turning = source.premises.run(OPEN) == [(3,)]
        return 0.0 if turning and next(calls) > 2 else driven.plenty()

    witnessed = source.see(
        shelf,
        {"before T": lambda: source.do(*CHANGE, "x: DELETE FROM turn.a_went WHERE id = 7")},
        monkeypatch,
        remaining_seconds=two_slices,
    )
    copy = source.restore(witnessed)
    assert levels(source, copy, witnessed, shelf) == {**ALL_LATE, "turn.a_went": "exact"}


CAUGHT_UP = """
SELECT count(*) > 0 AND bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication
"""


@contextlib.contextmanager
def reader_of(source: Stage, **options: str) -> Iterator[Standby]:
    """A standby of the source."""
    premises = source.premises
    made = standby_of(
        premises.servers, premises.source, DATABASE, max_prepared_transactions="10", **options
    )
    try:
        yield made
    finally:
        made.stop()
        if made.socket in premises.doors:
            premises.doors.pop(made.socket).release()


ENDED = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'backup-drills witness' AND state = 'idle in transaction'
ORDER BY backend_start {order} LIMIT 1
"""


@pytest.mark.parametrize("at", ["before T", "after T", "marked", "reading"])
def test_a_first_snapshot_that_is_lost_costs_no_more_than_exactness(
    source: Stage, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    source.furnish(THREE)

    def lose() -> None:
        if at == "before T":
            source.do(*CHANGE)
        source.premises.run(ENDED.format(order="ASC"))

    hooks = {"before T": lambda: source.do(*CHANGE), at: lose}
    shelf = Shelf()
    witnessed = source.see(shelf, hooks, monkeypatch)
    assert levels(source, source.restore(witnessed), witnessed, shelf) == ALL_LATE


@pytest.mark.parametrize("at", ["after T", "reading"])
def test_a_later_snapshot_that_is_lost_does_no_harm(
    source: Stage, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    source.furnish(THREE)
    hooks = {
        "before T": lambda: source.do(*CHANGE),
        at: lambda: source.premises.run(ENDED.format(order="DESC")),
    }
    shelf = Shelf()
    witnessed = source.see(shelf, hooks, monkeypatch)
    assert levels(source, source.restore(witnessed), witnessed, shelf) in (ALL_LATE, ALL_EXACT)


def test_a_writer_that_is_lost_before_the_second_marker_is_another_try(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.furnish(THREE)
    ended = ENDED.replace("idle in transaction", "idle").format(order="DESC")
    hooks = {"before T": lambda: source.premises.run(ended)}
    with pytest.raises(TryAgain):
        source.see(Shelf(), hooks, monkeypatch)


def test_lists_that_are_too_long_are_not_kept(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.furnish(THREE)
    monkeypatch.setattr(Room, "hold", lambda _, *lists: all(len(each) < 3 for each in lists))
    shelf = Shelf()
    witnessed = source.see(shelf, {"before T": lambda: source.do(*CHANGE)}, monkeypatch)
    copy = source.restore(witnessed)
    assert levels(source, copy, witnessed, shelf) == {**ALL_LATE, "turn.quiet": "exact"}


def test_a_reader_whose_snapshots_conflict_with_recovery_is_read_later(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was vacuumed away on the writer is taken from under the reader's first snapshot."""
    source.furnish(THREE)
    with reader_of(source, max_standby_streaming_delay="0", hot_standby_feedback="off") as reader:

        def lose() -> None:
            source.do("x: VACUUM turn.went")
            while source.premises.run(CAUGHT_UP) != [(True,)]:
                time.sleep(0.02)

        hooks = {"before T": lambda: source.do(*CHANGE), "marked": lose}
        shelf = Shelf()
        witnessed = source.see(shelf, hooks, monkeypatch, reader=reader)
    assert levels(source, source.restore(witnessed), witnessed, shelf) == ALL_LATE


def test_a_reader_that_lags_is_given_some_time_and_then_read_later(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.furnish(THREE)
    monkeypatch.setattr(witness_turn, "_READER_PATIENCE", 0.1)
    with reader_of(source) as reader:
        hooks = {
            "before T": lambda: source.do(*CHANGE),
            "marked": lambda: reader.run("SELECT pg_wal_replay_pause()::text"),
            "after": lambda: reader.run("SELECT pg_wal_replay_resume()::text"),
        }
        shelf = Shelf()
        witnessed = source.see(shelf, hooks, monkeypatch, reader=reader)
    found = levels(source, source.restore(witnessed), witnessed, shelf)
    assert found in (ALL_LATE, ALL_EXACT)


def test_rows_at_other_places_are_the_same_rows(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.furnish(
        MADE.format(name="quiet")
        + "CREATE TABLE turn.long AS SELECT i AS id, repeat('x', 400) AS word"
        " FROM generate_series(1, 5000) AS i; DELETE FROM turn.long WHERE id % 7 = 0"
    )
    shelf = Shelf()
    witnessed = source.see(shelf, {}, monkeypatch)
    source.premises.run("SELECT pg_current_xact_id()")
    copy = source.restore(witnessed)
    source.premises.run("VACUUM FULL turn.long", copy)
    moved = source.judge(copy, witnessed, shelf)
    assert (moved.red(), moved.unsure()) == ([], [])
    (check,) = moved.of("rows", "turn.long")
    assert check.level == "exact"
    assert "every row is there, at other places than on the source" in check.detail
    source.premises.run(
        "CREATE EXTENSION pg_surgery; UPDATE turn.long SET word = 'y' WHERE id = 3000;"
        "SELECT heap_force_freeze('turn.long'::regclass, array_agg(ctid)) FROM turn.long"
        " WHERE id = 3000; DROP EXTENSION pg_surgery",
        copy,
    )
    assert source.judge(copy, witnessed, shelf).red() == [("rows", "turn.long")]
    assert scanning.LEAST_CHUNK * 8192 < 5000 * 400, "it is more than one chunk"
