"""What a drill under the hard writer comes to: what fails is an alarm, whatever it is of."""

from __future__ import annotations

from bench import healthy
from functions.model import Check, CheckClass, Level, Status
from lab.driven import Outcome
from lab.writers.hard import KINDS, THREADS, WORK


def check(
    target: str, status: Status, level: Level | None = Level.EXACT, *, name: str = "rows"
) -> Check:
    return Check(
        name=name,
        check_class=CheckClass.CONTENT,
        target=target,
        status=status,
        expected="",
        observed="",
        detail="",
        level=level,
    )


def found(*checks: Check) -> healthy.Drill:
    return healthy.of_outcome(
        Outcome({}, [], list(checks)), rows=7, seconds=1.0, open_at_t={}, promised=0
    )


def test_a_failure_is_an_alarm_even_of_a_table_that_is_reshaped() -> None:
    drill = found(
        check("mill.narrow", Status.PASSED),
        check("mill.staging", Status.FAILED, Level.COUNTED),
        check("mill", Status.FAILED, None, name="columns"),
    )
    score = healthy.Score(drills=[drill])
    assert score.alarms() == {"rows of mill.staging": 1, "columns of mill": 1}
    assert (score.unsure(), score.excused()) == ({}, {})
    assert drill.levels == {"exact": 1, "counted": 1}
    assert drill.passed == 1


def test_only_what_is_reshaped_may_be_unsure_without_being_told_apart() -> None:
    drill = found(
        check("mill.narrow", Status.NOT_RUN, Level.BOUNDED),
        check("mill.staging", Status.NOT_RUN, Level.COUNTED),
        check("mill", Status.NOT_RUN, None, name="sequence_values"),
    )
    score = healthy.Score(drills=[drill, drill])
    assert score.alarms() == {}
    assert score.unsure() == {"rows of mill.narrow": 2}
    assert score.excused() == {"rows of mill.staging": 2, "sequence_values of mill": 2}


def test_each_kind_of_work_has_a_name_of_its_own_and_somebody_who_does_it() -> None:
    assert len(set(KINDS)) == len(KINDS)
    assert {work.crew for work in WORK} == set(THREADS)
