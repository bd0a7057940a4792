"""How a drill stands: each finding by what causes it alone, and none of a healthy drill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import clock, cron, naming
from functions.health import Finding, Health
from functions.report import metrics
from functions.watch import standing
from functions.watch.due import Remembered, remember
from functions.watch.standing import FoundSchedule, own_schedule_off, stand
from functions.watch.watched import Drill, OwnSchedule

Judge = Callable[..., list[str]]

DRILL = Drill(
    name="aurora-prod-monthly",
    kind="aurora",
    source="prod",
    severity="medium",
    cron="0 5 ? * 2#1 *",
    timezone="America/Sao_Paulo",
    enabled=True,
    grace_seconds=12 * 3600,
    machine="drill-aurora-prod-monthly",
    schedule="drill-aurora-prod-monthly",
    at="latest",
    retention_days=7,
)
SINCE = datetime(2026, 9, 20, 12, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
"""The last scheduled time: the first Monday, at five in São Paulo."""
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SCHEDULE = FoundSchedule(
    name=DRILL.schedule,
    state="ENABLED",
    expression="cron(0 5 ? * 2#1 *)",
    timezone="America/Sao_Paulo",
)
OBJECTIVES = {
    "rto": {"objective_seconds": 1800, "measured_seconds": 860.0, "met": True},
    "rpo": {"objective_seconds": 300, "measured_seconds": 240.0, "met": True},
}
SECRET = "arn:aws:secretsmanager:sa-east-1:1:secret:shop/app"  # noqa: S105 - its name
UNREAD = Finding(condition="unreadable-run", text="GetSchedule could not be asked: no answer")
MISSED = {**OBJECTIVES, "rto": {**OBJECTIVES["rto"], "measured_seconds": 2400.5, "met": False}}


def run(started: datetime, verdict: str = "PASS", **others: Any) -> dict[str, Any]:
    """An entry of the ledger; the run took 40 minutes."""
    started_at = clock.render(started)
    execution = f"arn:aws:states:sa-east-1:1:execution:{DRILL.machine}:{started_at}"
    run_id = naming.run_id({"id": execution, "start_time": started_at})
    return {
        "verdict": verdict,
        "cause": "All 41 checks passed." if verdict == "PASS" else "1 check failed: count.",
        "kind": "aurora",
        "source": "prod",
        "execution": execution,
        "started_at": started_at,
        "reported_at": clock.render(started + timedelta(minutes=40)),
        "scheduled_time": None,
        "rto_seconds": 860.0,
        "rpo_seconds": 240.0,
        "objectives": OBJECTIVES,
        "key": naming.evidence_key(DRILL.name, run_id),
        **others,
    }


def scheduled(time: datetime, verdict: str = "PASS", **others: Any) -> dict[str, Any]:
    return run(time, verdict, scheduled_time=clock.render(time), **others)


OCTOBER_RUN = scheduled(datetime(2026, 10, 5, 8, 0, tzinfo=UTC))
NOVEMBER_RUN = scheduled(NOVEMBER)


def new(since: datetime, drill: Drill = DRILL) -> Remembered:
    """What is remembered of a drill that was first watched then, and never changed."""
    return Remembered.first(drill, since)


def judged(
    *runs: Mapping[str, Any],
    drill: Drill = DRILL,
    since: datetime = SINCE,
    now: datetime = NOW,
    found: FoundSchedule | None = SCHEDULE,
    unread: Sequence[Finding] = (),
    kept: Remembered | None = None,
) -> Health:
    return stand(
        drill, runs, kept=kept or new(since, drill), now=now, found_schedule=found, unread=unread
    )


def conditions(health: Health) -> list[str]:
    return [finding.condition for finding in health.findings]


def days_since_proof(health: Health) -> float:
    (gauge,) = health.gauges
    assert (gauge.name, gauge.unit) == (standing.DAYS_SINCE_PROOF, "None")
    return gauge.value


def test_the_gauge_is_the_one_that_a_report_sets_to_zero() -> None:
    assert standing.DAYS_SINCE_PROOF == metrics.DAYS_SINCE_PROOF


def test_nothing_is_found_of_a_healthy_drill() -> None:
    health = judged(OCTOBER_RUN, NOVEMBER_RUN)
    assert health.findings == ()
    assert days_since_proof(health) == pytest.approx(18 + 20 / 60 / 24, abs=1e-6)


class TestOverdue:
    """A scheduled time and its grace have passed, and nothing was proven since."""

    def test_no_run_at_all(self) -> None:
        health = judged(OCTOBER_RUN)
        assert conditions(health) == ["overdue"]
        assert health.findings[0].text == (
            "was to run at 2026-11-02T08:00:00Z and no run has passed since:"
            " the last PASS is of 2026-10-05T08:40:00Z"
        )

    def test_a_month_without_a_drill_that_never_ran(self) -> None:
        health = judged()
        assert conditions(health) == ["overdue"]
        assert health.findings[0].text.endswith("it has never passed")
        assert days_since_proof(health) == pytest.approx(60.875)

    def test_not_before_the_grace_is_over(self) -> None:
        grace = timedelta(seconds=DRILL.grace_seconds)
        before = NOVEMBER + grace - timedelta(seconds=1)
        assert conditions(judged(OCTOBER_RUN, now=before)) == []
        assert conditions(judged(OCTOBER_RUN, now=NOVEMBER + grace)) == ["overdue"]

    def test_not_for_a_time_before_the_drill_was_watched(self) -> None:
        for since in (NOVEMBER, NOVEMBER + timedelta(days=1), NOW):
            assert conditions(judged(since=since)) == []
        december = datetime(2026, 12, 8, tzinfo=UTC)
        assert conditions(judged(since=NOVEMBER, now=december)) == ["overdue"]

    def test_a_run_that_fires_two_hours_late_counts(self) -> None:
        late = run(NOVEMBER + timedelta(hours=2), scheduled_time=clock.render(NOVEMBER))
        assert conditions(judged(late)) == []

    def test_a_run_by_hand_after_the_time_counts(self) -> None:
        assert conditions(judged(run(NOVEMBER + timedelta(days=10)))) == []

    def test_a_run_by_hand_that_ended_before_the_time_does_not(self) -> None:
        assert conditions(judged(run(NOVEMBER - timedelta(minutes=41)))) == ["overdue"]

    def test_a_run_by_hand_that_was_under_way_at_the_time_counts(self) -> None:
        skipped = scheduled(NOVEMBER, "SKIPPED", reported_at="2026-11-02T08:00:03Z")
        assert conditions(judged(run(NOVEMBER - timedelta(minutes=1)), skipped)) == []

    def test_a_schedule_that_fired_twice_is_one_proof(self) -> None:
        twice = scheduled(NOVEMBER, "SKIPPED", reported_at="2026-11-02T08:01:00Z")
        health = judged(NOVEMBER_RUN, twice)
        assert conditions(health) == []
        assert health.facts["last_run"]["verdict"] == "PASS"

    @pytest.mark.parametrize("verdict", ["FAIL", "INCONCLUSIVE", "REFUSED"])
    def test_a_run_that_did_not_pass_proves_nothing(self, verdict: str) -> None:
        assert "overdue" in conditions(judged(OCTOBER_RUN, scheduled(NOVEMBER, verdict)))

    def test_neither_does_one_that_was_skipped_nor_a_dry_one(self) -> None:
        skipped, dry = scheduled(NOVEMBER, "SKIPPED"), scheduled(NOVEMBER, dry_run=True)
        assert conditions(judged(OCTOBER_RUN, skipped)) == ["overdue"]
        assert conditions(judged(OCTOBER_RUN, dry)) == ["overdue"]

    def test_never_a_drill_that_is_switched_off(self) -> None:
        health = judged(drill=replace(DRILL, enabled=False), found=None)
        assert health.findings == ()
        assert health.facts["scheduled"] is False
        assert health.facts["next_time"] is None

    def test_over_a_change_of_the_clock(self) -> None:
        """Berlin at half past two: skipped on the 29th of March, twice on the 25th of October."""
        daily = replace(DRILL, cron="30 2 * * ? *", timezone="Europe/Berlin", grace_seconds=3600)
        found = replace(SCHEDULE, expression="cron(30 2 * * ? *)", timezone="Europe/Berlin")
        since = datetime(2026, 3, 1, tzinfo=UTC)
        last = run(datetime(2026, 3, 28, 1, 30, tzinfo=UTC))
        for hour in range(48, 71):  # from the 29th on: nothing was due on that day
            now = datetime(2026, 3, 27, 2, 0, tzinfo=UTC) + timedelta(hours=hour)
            assert conditions(judged(last, drill=daily, found=found, since=since, now=now)) == []
        now = datetime(2026, 3, 30, 1, 31, tzinfo=UTC)
        assert conditions(judged(last, drill=daily, found=found, since=since, now=now)) == [
            "overdue"
        ]
        autumn = run(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
        now = datetime(2026, 10, 25, 3, 0, tzinfo=UTC)
        assert conditions(judged(autumn, drill=daily, found=found, since=since, now=now)) == []


class TestNotPassed:
    """The last run that counts."""

    def test_a_run_that_failed(self) -> None:
        failed = run(NOVEMBER + timedelta(days=1), "FAIL")
        health = judged(NOVEMBER_RUN, failed)
        assert conditions(health) == ["not-passed"]
        run_id = failed["key"].rpartition("/")[2]
        assert health.findings[0].text == (
            f"its last run {run_id} ended FAIL: 1 check failed: count."
        )
        assert health.facts["last_run"] == {"run_id": run_id, **failed}
        assert health.facts["last_pass"]["key"] == NOVEMBER_RUN["key"]

    def test_one_that_failed_and_then_passed(self) -> None:
        failed = run(NOVEMBER, "FAIL")
        assert conditions(judged(failed, run(NOVEMBER + timedelta(days=1)))) == []

    def test_the_order_of_a_day_is_that_of_the_reports_not_of_the_ledger(self) -> None:
        failed = run(NOVEMBER, "FAIL")
        passed = run(NOVEMBER + timedelta(hours=3))
        assert conditions(judged(passed, failed)) == []
        assert conditions(judged(failed, passed)) == []

    def test_a_run_that_was_skipped_or_dry_changes_nothing(self) -> None:
        failed = run(NOVEMBER + timedelta(days=1), "FAIL")
        skipped = run(NOVEMBER + timedelta(days=2), "SKIPPED")
        refused = run(NOVEMBER + timedelta(days=2), "REFUSED", dry_run=True)
        assert conditions(judged(NOVEMBER_RUN, failed, skipped, refused)) == ["not-passed"]
        assert conditions(judged(NOVEMBER_RUN, skipped, refused)) == []


class TestObjectives:
    """What the last run measured."""

    def test_one_that_was_missed(self) -> None:
        health = judged(scheduled(NOVEMBER, objectives=MISSED))
        assert conditions(health) == ["objective-missed"]
        assert "RTO of its last run" in health.findings[0].text
        assert "40 min measured, 30 min allowed" in health.findings[0].text

    def test_one_that_was_missed_and_then_met(self) -> None:
        missed = run(NOVEMBER, objectives=MISSED)
        assert conditions(judged(missed, run(NOVEMBER + timedelta(days=1)))) == []

    def test_a_refused_run_measured_nothing(self) -> None:
        missed = run(NOVEMBER, objectives=MISSED)
        refused = run(NOVEMBER + timedelta(days=1), "REFUSED", objectives=None)
        assert conditions(judged(missed, refused)) == ["not-passed", "objective-missed"]

    def test_a_run_that_measured_nothing_mends_nothing(self) -> None:
        """It broke before it came so far: the last that measured missed the objective."""
        unmeasured = {
            name: {**each, "measured_seconds": None, "met": None}
            for name, each in OBJECTIVES.items()
        }
        missed = run(NOVEMBER, objectives=MISSED)
        broken = run(NOVEMBER + timedelta(days=1), "INCONCLUSIVE", objectives=unmeasured)
        assert conditions(judged(missed, broken)) == ["not-passed", "objective-missed"]
        met = run(NOVEMBER + timedelta(days=2))
        assert conditions(judged(missed, broken, met)) == []

    def test_each_objective_is_known_by_the_last_run_that_measured_it(self) -> None:
        slow = run(NOVEMBER, objectives=MISSED)
        only_rpo = {**OBJECTIVES, "rto": {**OBJECTIVES["rto"], "met": None}}
        assert conditions(judged(slow, run(NOVEMBER + timedelta(days=1), objectives=only_rpo))) == [
            "objective-missed"
        ]

    @pytest.mark.parametrize(
        "objectives",
        [
            None,
            [],
            {"rto": None},
            {"rto": {"objective_seconds": None, "measured_seconds": None, "met": None}},
        ],
    )
    def test_nothing_is_said_of_what_was_not_measured(self, objectives: Any) -> None:
        assert conditions(judged(scheduled(NOVEMBER, objectives=objectives))) == []
        without = {k: v for k, v in NOVEMBER_RUN.items() if k != "objectives"}
        assert conditions(judged(without)) == []


class TestSchedule:
    """The schedule as found, against the one that was deployed."""

    @pytest.mark.parametrize(
        ("found", "text"),
        [
            (None, "is not there"),
            (replace(SCHEDULE, state="DISABLED"), "is DISABLED, not ENABLED"),
            (
                replace(SCHEDULE, expression="cron(0 5 ? * 2#1 2020)"),
                "says cron(0 5 ? * 2#1 2020), not cron(0 5 ? * 2#1 *)",
            ),
            (replace(SCHEDULE, timezone="UTC"), "is in the zone UTC, not America/Sao_Paulo"),
            (
                replace(SCHEDULE, state="DISABLED", timezone="UTC"),
                "is DISABLED, not ENABLED and is in the zone UTC, not America/Sao_Paulo",
            ),
        ],
    )
    def test_another_schedule_than_the_deployed_one(
        self, found: FoundSchedule | None, text: str
    ) -> None:
        health = judged(NOVEMBER_RUN, found=found)
        assert conditions(health) == ["schedule-off"]
        assert health.findings[0].text == f"the schedule {DRILL.schedule} {text}"

    def test_one_that_is_not_wanted_may_be_off_or_absent_but_not_on(self) -> None:
        off = replace(DRILL, enabled=False)
        other = replace(SCHEDULE, state="DISABLED", timezone="UTC")
        for found in (None, replace(SCHEDULE, state="DISABLED"), other):
            assert conditions(judged(NOVEMBER_RUN, drill=off, found=found)) == []
        assert conditions(judged(NOVEMBER_RUN, drill=off)) == ["schedule-off"]

    def test_one_that_has_no_time_left(self) -> None:
        once = replace(DRILL, cron="0 5 2 11 ? 2026")
        found = replace(SCHEDULE, expression="cron(0 5 2 11 ? 2026)")
        health = judged(NOVEMBER_RUN, drill=once, found=found)
        assert conditions(health) == ["schedule-off"]
        assert "never comes again" in health.findings[0].text
        before = NOVEMBER - timedelta(days=1)
        assert conditions(judged(OCTOBER_RUN, drill=once, found=found, now=before)) == []


class TestUnread:
    """What could not be read is said, and nothing is concluded from it."""

    def test_a_schedule_that_could_not_be_read_is_not_one_that_is_absent(self) -> None:
        assert judged(NOVEMBER_RUN, found=None, unread=[UNREAD]).findings == (UNREAD,)

    @pytest.mark.parametrize(
        "damage",
        [
            {"verdict": "GREEN"},
            {"verdict": None},
            {"started_at": "yesterday"},
            {"reported_at": None},
            {"reported_at": "2026-11-02 08:40"},
            {"reported_at": 1793600000},
            {"reported_at": {}},
        ],
    )
    def test_a_damaged_entry_is_a_finding_and_proves_nothing(self, damage: dict[str, Any]) -> None:
        damaged = scheduled(NOVEMBER, **damage)
        health = judged(OCTOBER_RUN, damaged)
        assert conditions(health) == ["unreadable-run", "overdue"]
        assert damaged["key"].rpartition("/")[2] in health.findings[0].text
        assert conditions(judged(damaged, run(NOVEMBER + timedelta(days=1)))) == ["unreadable-run"]

    def test_a_report_from_the_future_proves_nothing(self) -> None:
        future = scheduled(NOVEMBER, reported_at="2036-11-02T08:40:00Z")
        health = judged(OCTOBER_RUN, future)
        assert conditions(health) == ["unreadable-run", "overdue"]
        assert "yet to come" in health.findings[0].text

    def test_a_report_that_came_while_the_collector_looked_does(self) -> None:
        now = NOVEMBER + timedelta(minutes=39)
        health = judged(NOVEMBER_RUN, now=now)
        assert conditions(health) == []
        assert days_since_proof(health) == 0.0


class TestFacts:
    """What the state document holds of a drill."""

    def test_of_a_healthy_one(self) -> None:
        facts = judged(OCTOBER_RUN, NOVEMBER_RUN).facts
        assert facts["watched_since"] == "2026-09-20T12:00:00Z"
        assert facts["last_time"] == "2026-11-02T08:00:00Z"
        assert facts["next_time"] == "2026-12-07T08:00:00Z"
        assert facts["scheduled"] is True
        assert facts["untested_days"] == 353
        assert facts["last_pass"] == facts["last_run"]
        assert (facts["runs_last_year"], facts["proofs_last_year"]) == (2, 2)

    def test_of_one_that_is_new(self) -> None:
        facts = judged(since=NOW).facts
        assert facts["last_run"] is None
        assert facts["last_pass"] is None
        assert facts["last_time"] is None
        assert facts["next_time"] == "2026-12-07T08:00:00Z"
        assert facts["success_percent_90_days"] is None
        assert facts["trend"] == []

    def test_what_is_not_restored_to_a_moment_has_no_untested_days(self) -> None:
        rotation = replace(DRILL, kind="secret_rotation", at="", retention_days=0)
        assert judged(NOVEMBER_RUN, drill=rotation).facts["untested_days"] is None

    def test_the_history_forgets(self) -> None:
        """Three of four in the last 90 days; one run more in the year, and one before it."""
        days = [400, 200, 80, 60, 40, 18]
        verdicts = ["PASS", "FAIL", "PASS", "INCONCLUSIVE", "PASS", "PASS"]
        runs = [
            run(NOW - timedelta(days=n), verdict) for n, verdict in zip(days, verdicts, strict=True)
        ]
        skipped = run(NOW - timedelta(days=30), "SKIPPED")
        facts = judged(*runs, skipped).facts
        assert (facts["runs_last_year"], facts["proofs_last_year"]) == (5, 3)
        assert facts["success_percent_90_days"] == 75.0
        assert [each["verdict"] for each in facts["trend"]] == verdicts

    def test_the_trend_is_the_last_twelve(self) -> None:
        runs = [run(NOW - timedelta(days=30 - n), rto_seconds=float(n)) for n in range(20)]
        trend = judged(*runs).facts["trend"]
        assert [each["rto_seconds"] for each in trend] == [float(n) for n in range(8, 20)]
        assert trend[-1] == {
            "started_at": clock.render(NOW - timedelta(days=11)),
            "verdict": "PASS",
            "rto_seconds": 19.0,
            "rpo_seconds": 240.0,
        }


class TestAYear:
    """Looked at every hour: Sundays at half past two in Berlin, when the clocks are set."""

    SUNDAYS = replace(
        DRILL, cron="30 2 ? * SUN *", timezone="Europe/Berlin", grace_seconds=4 * 3600
    )
    BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
    END = datetime(2027, 1, 1, tzinfo=UTC)

    def times(self) -> list[datetime]:
        drill = self.SUNDAYS
        return list(cron.times(drill.cron, drill.timezone, self.BEGIN, self.END))

    def overdue(self, runs: Sequence[Mapping[str, Any]]) -> list[datetime]:
        """The hours in which the drill is overdue; nothing else is ever found."""
        found = replace(SCHEDULE, expression="cron(30 2 ? * SUN *)", timezone="Europe/Berlin")
        hours, now = [], self.BEGIN
        while now < self.END:
            shown = clock.render(now)
            reported = [each for each in runs if each["reported_at"] <= shown]
            health = judged(
                *reported[-3:], drill=self.SUNDAYS, since=self.BEGIN, now=now, found=found
            )
            assert set(conditions(health)) <= {"overdue"}
            hours += [now] if health.findings else []
            now += timedelta(hours=1)
        return hours

    def test_a_drill_that_runs_at_each_of_its_times_is_never_overdue(self) -> None:
        times = self.times()
        assert len(times) == 51  # of 52 Sundays; the clock skips one
        assert self.overdue([run(time) for time in times]) == []

    def test_a_time_without_a_run_is_overdue_from_its_grace_until_the_next_pass(self) -> None:
        times = self.times()
        missed = times.pop(20)
        hours = self.overdue([run(time) for time in times])
        assert hours[0] == missed + timedelta(hours=4, minutes=30)  # the next full hour
        assert hours[-1] == times[20] + timedelta(minutes=30)  # the PASS is reported at 40
        assert len(hours) == 7 * 24 - 3  # from seven until three of the next Sunday


class TestMoved:
    """A schedule that was changed: it excuses what it could not have asked for, and no more."""

    def moved(self, cron: str, runs: Sequence[Mapping[str, Any]], **others: Any) -> Judge:
        """How the drill stands later, once its schedule is changed at NOW."""
        since, was = others.pop("since", SINCE), others.pop("was", DRILL)
        drill = replace(was, cron=cron, **others)
        proven = standing.proven_at(drill, runs, now=NOW)
        kept = remember(new(since, was), drill, proven, now=NOW)
        found = replace(SCHEDULE, expression=f"cron({cron})", timezone=drill.timezone)

        def at(now: datetime, *later: Mapping[str, Any]) -> list[str]:
            health = judged(*runs, *later, drill=drill, kept=kept, now=now, found=found)
            return [finding.text for finding in health.findings if finding.condition == "overdue"]

        return at

    def test_from_the_first_monday_to_the_first_tuesday_after_mondays_pass(self) -> None:
        at = self.moved("0 5 ? * 3#1 *", [NOVEMBER_RUN])
        first = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
        grace = timedelta(seconds=DRILL.grace_seconds)
        assert at(NOW) == at(first + grace - timedelta(seconds=1)) == []
        assert len(at(first + grace)) == 1
        assert at(first + grace, run(first)) == []

    def test_from_monday_to_tuesday_of_each_week(self) -> None:
        """Between the last and the first lies more than a week."""
        weekly = replace(DRILL, cron="0 5 ? * MON *", grace_seconds=3600)
        monday = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
        at = self.moved("0 5 ? * TUE *", [run(monday)], was=weekly)
        tuesday = monday + timedelta(days=8)
        assert at(tuesday + timedelta(minutes=59)) == []
        assert len(at(tuesday + timedelta(minutes=60))) == 1

    def test_an_annual_drill_that_is_overdue_and_moved_by_an_hour_stays_overdue(self) -> None:
        annual = replace(DRILL, cron="0 5 9 11 ? *")
        since = datetime(2025, 12, 1, tzinfo=UTC)
        at = self.moved("0 6 9 11 ? *", [], was=annual, since=since)
        for days in (0, 30, 300):
            [text] = at(NOW + timedelta(days=days))
            assert text == (
                "was to run at 2026-11-09T08:00:00Z, by an earlier schedule, and no run has passed"
                " since: it has never passed"
            )
        assert at(NOW + timedelta(days=1), run(NOW)) == []

    def test_one_that_is_moved_within_its_grace_stays_due(self) -> None:
        day_before = NOW - timedelta(days=1)
        was = replace(DRILL, cron="0 5 ? * THU *", grace_seconds=48 * 3600)
        at = self.moved("0 5 ? * SAT *", [run(day_before - timedelta(days=7))], was=was)
        assert at(NOW + timedelta(hours=22)) == []
        assert len(at(NOW + timedelta(hours=23))) == 1

    def test_one_that_is_overdue_stays_so_though_its_next_time_is_within_its_grace(self) -> None:
        was = replace(DRILL, cron="0 3 * * ? *")  # of each day, the last three hours ago
        for runs in ([], [run(NOW - timedelta(days=4))]):
            assert len(self.moved("0 5 1 * ? *", runs, was=was)(NOW)) == 1
        at = self.moved("0 5 1 * ? *", [run(NOW - timedelta(days=1, hours=3))], was=was)
        assert at(NOW) == []
        assert len(at(NOW + timedelta(hours=9))) == 1

    def test_one_that_is_moved_just_before_its_time_was_not_due(self) -> None:
        """The collector comes only once an hour, and saw the change after the time."""
        was = replace(DRILL, cron="0 5 ? * FRI *", grace_seconds=3600)  # an hour ago
        at = self.moved("0 5 ? * SAT *", [run(NOW - timedelta(days=7))], was=was)
        assert at(NOW + timedelta(hours=22)) == []

    def test_one_that_is_moved_on_and_on_is_overdue_all_the_same(self) -> None:
        """Each time just before it would come."""
        runs, kept = [NOVEMBER_RUN], new(SINCE)
        overdue = []
        for days in range(0, 120, 5):
            now = NOVEMBER + timedelta(days=5 + days)
            away = now + timedelta(days=20)
            drill = replace(DRILL, cron=f"0 5 {away.day} * ? *", timezone="UTC")
            kept = remember(kept, drill, standing.proven_at(drill, runs, now=now), now=now)
            if conditions(judged(*runs, drill=drill, kept=kept, now=now)).count("overdue"):
                overdue.append(now)
        assert NOVEMBER + timedelta(days=31) < overdue[0] < NOVEMBER + timedelta(days=70)

    def test_one_that_was_never_run_and_came_back_to_its_old_schedule(self) -> None:
        other = replace(DRILL, cron="0 5 ? * 3#1 *")
        kept = remember(new(SINCE), other, None, now=NOVEMBER - timedelta(days=9))
        kept = remember(kept, DRILL, None, now=NOVEMBER + timedelta(hours=3))
        assert kept.scheduled_since == NOVEMBER + timedelta(hours=3)
        health = judged(kept=kept, now=NOW)
        assert "by an earlier schedule" in health.findings[0].text  # October's was missed
        told = [OCTOBER_RUN]
        proven = standing.proven_at(DRILL, told, now=NOW)
        kept = remember(new(SINCE), other, proven, now=NOVEMBER - timedelta(days=9))
        kept = remember(kept, DRILL, proven, now=NOVEMBER + timedelta(hours=3))
        assert conditions(judged(*told, kept=kept, now=NOW)) == []
        december = datetime(2026, 12, 8, tzinfo=UTC)
        assert conditions(judged(*told, kept=kept, now=december)) == ["overdue"]

    def test_one_that_was_off_for_months_owes_nothing_of_that_time(self) -> None:
        off = replace(DRILL, enabled=False)
        runs = [OCTOBER_RUN]
        proven = standing.proven_at(DRILL, runs, now=NOW)
        kept = remember(new(SINCE), off, proven, now=datetime(2026, 10, 20, tzinfo=UTC))
        on_again = datetime(2027, 3, 20, 9, 0, tzinfo=UTC)
        kept = remember(kept, DRILL, proven, now=on_again)
        assert (kept.since, kept.enabled_since) == (SINCE, on_again)
        assert conditions(judged(*runs, kept=kept, now=on_again + timedelta(days=10))) == []
        april = datetime(2027, 4, 6, tzinfo=UTC)
        assert conditions(judged(*runs, kept=kept, now=april)) == ["overdue"]

    def test_one_that_was_overdue_when_it_was_switched_off_still_is_when_it_is_on_again(
        self,
    ) -> None:
        off = replace(DRILL, enabled=False)
        kept = remember(new(SINCE), off, None, now=NOW)
        assert judged(drill=off, kept=kept, now=NOW, found=None).findings == ()
        kept = remember(kept, DRILL, None, now=NOW + timedelta(days=3))
        assert conditions(judged(kept=kept, now=NOW + timedelta(days=4))) == ["overdue"]

    def test_nothing_is_written_where_nothing_changed(self) -> None:
        kept = new(SINCE)
        assert remember(kept, DRILL, None, now=NOW) is kept


class TestOfWhat:
    """A run counts for the drill whose source it was of."""

    @pytest.mark.parametrize(
        "other", [{"source": "staging"}, {"kind": "s3_versions"}, {"source": ""}, {"source": None}]
    )
    def test_a_pass_of_something_else_proves_nothing(self, other: dict[str, Any]) -> None:
        health = judged(OCTOBER_RUN, scheduled(NOVEMBER, **other))
        assert conditions(health) == ["overdue"]
        assert health.facts["last_run"]["key"] == OCTOBER_RUN["key"]
        assert health.facts["last_pass"]["key"] == OCTOBER_RUN["key"]
        assert health.facts["proofs_last_year"] == 1

    def test_neither_is_its_failure_the_drills(self) -> None:
        failed = run(NOVEMBER + timedelta(days=1), "FAIL", source="staging", objectives=MISSED)
        assert conditions(judged(NOVEMBER_RUN, failed)) == []

    @pytest.mark.parametrize("nothing", [{"source": ""}, {"kind": "unknown"}])
    def test_a_run_that_broke_before_it_knew_of_what_is_a_failure(
        self, nothing: dict[str, Any]
    ) -> None:
        broken = run(NOVEMBER + timedelta(days=1), "INCONCLUSIVE", **nothing)
        assert conditions(judged(NOVEMBER_RUN, broken)) == ["not-passed"]

    @pytest.mark.parametrize("says", ["shop/app", f"{SECRET}-AbCdEf", f"{SECRET}-Zz9999"])
    @pytest.mark.parametrize("configured", ["shop/app", f"{SECRET}-AbCdEf"])
    def test_a_secret_has_a_name_and_an_arn(self, configured: str, says: str) -> None:
        """A run that got far tells the name, one that was refused what drills.yaml says."""
        drill = replace(DRILL, kind="secret_rotation", source=configured)
        told = scheduled(NOVEMBER, kind="secret_rotation", source=says)
        assert conditions(judged(told, drill=drill)) == []
        other = {**told, "source": f"{SECRET}-two-AbCdEf"}
        assert conditions(judged(other, drill=drill)) == ["overdue"]


class TestOwnSchedules:
    """The schedules of the watch itself."""

    OWN = OwnSchedule(name="sweeper", expression="rate(1 hour)", timezone="UTC")
    FOUND = FoundSchedule(
        name="sweeper", state="ENABLED", expression="rate(1 hour)", timezone="UTC"
    )

    def test_as_deployed(self) -> None:
        assert list(own_schedule_off(self.OWN, self.FOUND)) == []

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            (None, "is not there"),
            ({"state": "DISABLED"}, "is DISABLED, not ENABLED"),
            ({"expression": "rate(9 days)"}, "says rate(9 days), not rate(1 hour)"),
            ({"timezone": "Asia/Tokyo"}, "is in the zone Asia/Tokyo, not UTC"),
        ],
    )
    def test_another(self, changes: dict[str, str] | None, text: str) -> None:
        found = None if changes is None else replace(self.FOUND, **changes)
        [finding] = own_schedule_off(self.OWN, found)
        assert finding.condition == "watch-schedule-off"
        assert finding.text == f"the schedule sweeper {text}"
