"""Every alarm of the template rings when it must, clears when it is over, and else is quiet.

What the alarms read is published by the watch's own code, about pretended sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import cron
from functions.watch import conditions
from functions.watch.conditions import alarm_of_source
from functions.watch.watched import Drill, Watched
from lab.alarms import ALARM, OK, changes
from lab.declared import Declared, declared
from lab.injections import COLLECTOR_SILENT, failed
from lab.series import Points, minute_of, moment
from lab.simulation import watch_list
from lab.story import DAY, HOUR, Run, Story
from lab.timeline import Sent, Timeline
from lab.year import evaluated, published
from tests.infra.alarm_scenarios import (
    BEGINS,
    PRODUCTION_TOUCHED,
    START,
    Scenario,
    ends,
    every_overdue,
    overdue,
    quiet,
    scenarios,
    together,
)

CLEARS_WITHIN = 7 * HOUR


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What is watched, and the alarms."""

    watched: Watched
    alarms: Declared

    def lives(self, story: Story, *, extra: int = 2, late: timedelta = timedelta(0)) -> Timeline:
        """What the alarms do. `late` is how much later than usual the first collection comes."""
        points, _ = published(self.watched, story, first=late)
        return evaluated(self.alarms, points, story, extra=extra)

    def told(self, timeline: Timeline) -> list[Sent]:
        """Every message that somebody gets."""
        return [sent for sent in timeline.sent if self.alarms.who(sent)]

    def drill(self, kind: str) -> Drill:
        """The first drill of a kind."""
        return next(drill for drill in self.watched.drills if drill.kind == kind)


@pytest.fixture(scope="module")
def deployment(raw_template: Mapping[str, Any]) -> Deployment:
    """That of drills.yaml."""
    resources = raw_template["Resources"]
    return Deployment(watched=watch_list(resources), alarms=declared(resources))


@pytest.fixture(scope="module")
def stories(deployment: Deployment) -> dict[str, Scenario]:
    """By the name of the alarm."""
    return {each.alarm: each for each in scenarios(deployment.watched, deployment.alarms)}


def rang(timeline: Timeline) -> set[str]:
    return {change.alarm for change in timeline.rang()}


def test_every_alarm_has_a_story(deployment: Deployment, stories: Mapping[str, Scenario]) -> None:
    assert sorted(stories) == deployment.alarms.names()


def test_every_alarm_rings_and_clears_and_no_other_rings(
    deployment: Deployment, stories: Mapping[str, Scenario]
) -> None:
    wrong = {
        name: found
        for name, story in stories.items()
        if (found := _wrong(story, deployment.lives(story.story)))
    }
    assert not wrong


def _wrong(scenario: Scenario, timeline: Timeline) -> list[str]:
    """What is not as the scenario says."""
    rings = [
        (moment(change.minute), change.after)
        for change in timeline.of(scenario.alarm)
        if ALARM in (change.before, change.after)
    ]
    found = []
    if [after for _, after in rings] != [ALARM, OK]:
        return [f"it did not ring once and clear: {rings}"]
    (rung, _), (cleared, _) = rings
    if not scenario.begins <= rung <= scenario.begins + scenario.within:
        found.append(f"it rang at {rung}: began at {scenario.begins}")
    if not scenario.ends <= cleared <= scenario.ends + CLEARS_WITHIN:
        found.append(f"it cleared at {cleared}: ended at {scenario.ends}")
    if others := rang(timeline) - {scenario.alarm} - scenario.also:
        found.append(f"these rang too: {sorted(others)}")
    return found


def test_whoever_wants_a_severity_is_told_of_its_alarms(
    deployment: Deployment, stories: Mapping[str, Scenario]
) -> None:
    name = alarm_of_source(
        deployment.watched.stack,
        "s3_versions",
        deployment.drill("s3_versions").source,
        conditions.VERSIONING_OFF,
    )
    told = deployment.told(deployment.lives(stories[name].story))
    assert [(sent.alarm, sent.after) for sent in told] == [(name, ALARM), (name, OK)]
    assert {who for sent in told for who in deployment.alarms.who(sent)} == {
        "devops@example.com",
        "cto@example.com",
    }


@pytest.mark.parametrize("how", ["TimedOut", "Aborted", "INCONCLUSIVE", "REFUSED"])
def test_a_drill_that_ends_in_any_bad_way_rings(deployment: Deployment, how: str) -> None:
    drill = deployment.drill("aurora")
    story = quiet(deployment.watched, START, BEGINS + 6 * HOUR)
    if how.isupper():
        story.starts(drill.name, Run(started=BEGINS, scheduled=None, verdict=how))
    else:
        story.counted.append(ends(drill, how, BEGINS))
    assert rang(deployment.lives(story)) == {failed(drill)}


def test_a_drill_that_fails_and_then_passes_is_not_overdue(deployment: Deployment) -> None:
    drill = deployment.drill("aurora")
    due = _times(drill)[0]
    story = quiet(deployment.watched, due - DAY, due + 3 * DAY, but=drill.name)
    story.starts(drill.name, Run(started=due, scheduled=due, verdict="FAIL"))
    story.starts(drill.name, Run(started=due + 6 * HOUR, scheduled=None))
    timeline = deployment.lives(story)
    assert rang(timeline) == {failed(drill)}
    assert [sent.after for sent in deployment.told(timeline)] == [ALARM]


def test_a_drill_that_fails_and_is_left_becomes_overdue(deployment: Deployment) -> None:
    drill = deployment.drill("aurora")
    due = _times(drill)[0]
    story = quiet(deployment.watched, due - DAY, due + 3 * DAY, but=drill.name)
    story.starts(drill.name, Run(started=due, scheduled=due, verdict="FAIL"))
    assert rang(deployment.lives(story)) == {failed(drill), overdue(drill), together(drill)}


def test_a_month_without_a_drill_is_told_once(deployment: Deployment) -> None:
    drill = deployment.drill("aurora")
    due = _times(drill)[0]
    story = quiet(deployment.watched, due - DAY, due + 33 * DAY, but=drill.name)
    timeline = deployment.lives(story)
    assert rang(timeline) == {overdue(drill), together(drill)}
    (message,) = deployment.told(timeline)
    late = moment(message.minute) - due
    assert (
        timedelta(seconds=drill.grace_seconds)
        <= late
        <= timedelta(seconds=drill.grace_seconds) + 5 * HOUR
    )


@pytest.mark.parametrize("extra", [0, 2, 4])
@pytest.mark.parametrize("late", [timedelta(0), 2 * HOUR])
def test_a_first_deployment_rings_nothing_and_tells_nobody(
    deployment: Deployment, extra: int, late: timedelta
) -> None:
    story = quiet(deployment.watched, START, START + 3 * DAY)
    timeline = deployment.lives(story, extra=extra, late=late)
    assert not rang(timeline)
    assert not deployment.told(timeline)


def test_a_first_deployment_whose_collector_never_runs_rings_that(deployment: Deployment) -> None:
    story = quiet(deployment.watched, START, START + DAY)
    story.no_collector.append((START, story.end))
    timeline = deployment.lives(story)
    assert rang(timeline) == {COLLECTOR_SILENT, *every_overdue(deployment.watched)}
    assert [sent.alarm for sent in deployment.told(timeline)] == [COLLECTOR_SILENT]


@pytest.mark.parametrize("extra", [0, 2, 4])
def test_a_collector_that_dies_is_told_once_and_alone(deployment: Deployment, extra: int) -> None:
    source = deployment.watched.sources[0]
    dead, back = BEGINS + 6 * HOUR, BEGINS + 30 * HOUR
    story = quiet(deployment.watched, START, back + DAY)
    story.faults.append((source.name, conditions.BACKUP_STALE.name, BEGINS, dead + HOUR))
    story.no_collector.append((dead, back))
    timeline = deployment.lives(story, extra=extra)
    stale = alarm_of_source(
        deployment.watched.stack, source.kind, source.name, conditions.BACKUP_STALE
    )
    assert rang(timeline) == {COLLECTOR_SILENT, stale, *every_overdue(deployment.watched)}
    told = [(sent.alarm, sent.after) for sent in deployment.told(timeline)]
    assert sorted(told) == sorted(
        [(stale, ALARM), (stale, OK), (COLLECTOR_SILENT, ALARM), (COLLECTOR_SILENT, OK)]
    )
    cleared = next(change for change in timeline.of(stale) if change.before == ALARM)
    assert cleared.minute >= minute_of(back), "what was wrong stays wrong until it is seen again"


@pytest.mark.parametrize("extra", [0, 2, 4])
def test_one_missed_hour_of_the_collector_is_no_alarm(deployment: Deployment, extra: int) -> None:
    story = quiet(deployment.watched, START, START + 2 * DAY)
    story.no_collector.append((BEGINS, BEGINS + HOUR))
    timeline = deployment.lives(story, extra=extra)
    assert not rang(timeline)
    assert not deployment.told(timeline)


def test_what_cannot_be_looked_at_any_more_stays_as_it_was(deployment: Deployment) -> None:
    source = next(each for each in deployment.watched.sources if each.kind == "s3_versions")
    blind, back = BEGINS + 4 * HOUR, BEGINS + 30 * HOUR
    story = quiet(deployment.watched, START, back + DAY)
    for condition, begins, end in (
        (conditions.VERSIONING_OFF, BEGINS, blind),
        (conditions.UNREADABLE, blind, back),
        (conditions.VERSIONING_OFF, back, back + HOUR),
    ):
        story.faults.append((source.name, condition.name, begins, end))
    timeline = deployment.lives(story)
    off, unread = (
        alarm_of_source(deployment.watched.stack, source.kind, source.name, condition)
        for condition in (conditions.VERSIONING_OFF, conditions.UNREADABLE)
    )
    assert rang(timeline) == {off, unread}
    states = [change.after for change in timeline.of(off) if ALARM in (change.before, change.after)]
    assert states == [ALARM, OK]
    cleared = timeline.of(off)[-1]
    assert cleared.minute >= minute_of(back + HOUR), "nobody saw that versioning is on again"


def test_one_failed_sweep_is_no_alarm(deployment: Deployment) -> None:
    story = quiet(deployment.watched, START, START + 2 * DAY)
    story.sweeper_raises.append((BEGINS, BEGINS + HOUR))
    assert not rang(deployment.lives(story))


@pytest.mark.parametrize("late", [0, 1, 4, 5, 6, 10, 14])
def test_a_moment_rings_however_late_its_point_is_shown(deployment: Deployment, late: int) -> None:
    """CloudWatch shows the points of other services some minutes after their own."""
    moments = [
        alarm
        for alarm in deployment.alarms.alarms
        if alarm.period < 60 and not alarm.name.endswith("-missed")
    ]
    assert {alarm.name for alarm in moments} == {
        PRODUCTION_TOUCHED,
        *(failed(drill) for drill in deployment.watched.drills),
    }
    for alarm in moments:
        for query in alarm.queries:
            points = Points()
            points.add(query.metric, BEGINS, 1.0)
            changed = [
                change.after
                for change in changes(
                    alarm, points, start=minute_of(START), end=minute_of(BEGINS + DAY), late=late
                )
            ]
            assert changed == [OK, ALARM, OK], (alarm.name, query.metric.told)


def test_a_dead_letter_rings_until_it_is_gone_however_idle_its_queue_is(
    deployment: Deployment,
) -> None:
    """SQS counts the messages of a queue that nobody asks for six hours, then no more."""
    alarm = next(each for each in deployment.alarms.alarms if each.name.endswith("-missed"))
    (query,) = alarm.queries
    points, emptied = Points(), BEGINS + 3 * DAY
    for begins, value in ((BEGINS, 1.0), (emptied, 0.0)):
        for minute in range(6 * 60):
            points.add(query.metric, begins + timedelta(minutes=minute), value)
    found = list(changes(alarm, points, start=minute_of(START), end=minute_of(emptied + DAY)))
    assert [change.after for change in found] == [ALARM, OK]
    rung, cleared = (moment(change.minute) for change in found)
    assert rung - BEGINS < timedelta(minutes=10)
    assert timedelta(0) < cleared - emptied < timedelta(minutes=10)


def test_a_schedule_that_fires_twice_rings_nothing(deployment: Deployment) -> None:
    drill = deployment.drill("aurora")
    due = _times(drill)[0]
    story = quiet(deployment.watched, due - DAY, due + 2 * DAY)
    story.starts(
        drill.name,
        Run(started=due + timedelta(seconds=30), scheduled=due, verdict="SKIPPED"),
    )
    assert not rang(deployment.lives(story))


def test_a_schedule_that_fires_two_hours_late_rings_nothing(deployment: Deployment) -> None:
    drill = deployment.drill("aurora")
    due = _times(drill)[0]
    story = quiet(deployment.watched, due - DAY, due + 2 * DAY, but=drill.name)
    story.starts(drill.name, Run(started=due + 2 * HOUR, scheduled=due))
    assert not rang(deployment.lives(story))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("month", [3, 10])
def test_a_change_of_the_clocks_is_no_missing_drill(
    deployment: Deployment, zone: str, month: int
) -> None:
    """Every night at half past two, which one night skips and another has twice."""
    story, moved = _nightly(deployment, zone, month)
    assert not rang(moved.lives(story))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("month", [3, 10])
def test_a_drill_that_is_missing_after_a_change_of_the_clocks_rings(
    deployment: Deployment, zone: str, month: int
) -> None:
    story, moved = _nightly(deployment, zone, month)
    drill = moved.watched.drills[0]
    story.runs[drill.name] = story.runs[drill.name][:-3]
    assert rang(moved.lives(story)) == {overdue(drill), together(drill)}


def _nightly(deployment: Deployment, zone: str, month: int) -> tuple[Story, Deployment]:
    """The first drill, every night, over the days around a change of the clocks."""
    first, *others = deployment.watched.drills
    nightly = replace(first, cron="30 2 * * ? *", timezone=zone)
    watched = replace(deployment.watched, drills=(nightly, *others))
    start = {
        ("Europe/Berlin", 3): datetime(2027, 3, 25, 12, tzinfo=UTC),
        ("Europe/Berlin", 10): datetime(2027, 10, 28, 12, tzinfo=UTC),
        ("America/New_York", 3): datetime(2027, 3, 11, 12, tzinfo=UTC),
        ("America/New_York", 10): datetime(2027, 11, 4, 12, tzinfo=UTC),
    }[zone, month]
    return quiet(watched, start, start + 7 * DAY), replace(deployment, watched=watched)


def _times(drill: Drill) -> list[datetime]:
    return list(cron.times(drill.cron, drill.timezone, START, START + 200 * DAY))
