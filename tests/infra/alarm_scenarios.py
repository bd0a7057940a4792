"""For every alarm of the template a story in which it must ring and clear, and nothing else may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from functions import cron
from functions.health import Finding
from functions.watch import conditions
from functions.watch.conditions import (
    OF_DRILLS,
    OF_SOURCES,
    Condition,
    alarm_of_drill,
    alarm_of_source,
)
from functions.watch.watched import Drill, Watched
from lab.declared import Declared, machine_arn
from lab.injections import (
    COLLECTOR_SILENT,
    LEFTOVERS,
    SWEEPER_ERRORS,
    SWEEPER_SILENT,
    WATCH_SCHEDULE_OFF,
    failed,
    missed,
)
from lab.series import Metric
from lab.story import HOUR, Run, Story

START = datetime(2027, 1, 1, tzinfo=UTC)
BEGINS = START + 9 * HOUR
"""When things go wrong: some hours after the deployment, all warm-ups are over."""

PRODUCTION_TOUCHED, REMINDER_ERRORS, UNTAGGED = (
    "drill-production-touched",
    "drill-reminder-errors",
    "drill-untagged",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A story of an alarm: it must ring within a time of `begins`, and clear soon after `ends`.

    `also` are the alarms that ring with it.
    """

    alarm: str
    story: Story
    begins: datetime
    ends: datetime
    also: frozenset[str] = frozenset()
    within: timedelta = 2 * HOUR


def scenarios(watched: Watched, declared: Declared) -> Iterator[Scenario]:
    """One for each alarm that this deployment must have."""
    yield from _of_sources(watched)
    for drill in watched.drills:
        yield from _of_drill(watched, drill)
    yield from _of_overdue(watched)
    yield from _of_the_watch(watched)
    yield from _of_own_schedules(watched)
    yield from _of_services(watched, declared)


def quiet(watched: Watched, start: datetime, end: datetime, *, but: str = "") -> Story:
    """A story in which every drill but one passes at each of its times."""
    story = Story(start=start, end=end)
    for drill in watched.drills:
        if drill.name != but:
            for time in cron.times(drill.cron, drill.timezone, start, end):
                story.starts(drill.name, Run(started=time, scheduled=time))
    return story


def overdue(drill: Drill) -> str:
    """The alarm of a drill that is overdue."""
    return alarm_of_drill(drill.name, conditions.OVERDUE)


def together(drill: Drill) -> str:
    """The alarm that tells of all overdue drills of a severity."""
    return f"drill-overdue-{drill.severity}"


def every_overdue(watched: Watched) -> frozenset[str]:
    """All alarms that a silent collector makes ring: that nothing is known is not good news."""
    return frozenset(name for drill in watched.drills for name in (overdue(drill), together(drill)))


def _lasting(condition: Condition) -> timedelta:
    """How long something must last to ring for sure."""
    return (condition.datapoints + 3) * HOUR


def _within(condition: Condition) -> timedelta:
    return (condition.periods + 1) * HOUR


def _story(watched: Watched, length: timedelta) -> Story:
    return quiet(watched, START, BEGINS + length + 12 * HOUR)


def _of_sources(watched: Watched) -> Iterator[Scenario]:
    for source in watched.sources:
        for condition in OF_SOURCES[source.kind]:
            if condition.alarms:
                length = _lasting(condition)
                story = _story(watched, length)
                story.faults.append((source.name, condition.name, BEGINS, BEGINS + length))
                yield Scenario(
                    alarm=alarm_of_source(watched.stack, source.kind, source.name, condition),
                    story=story,
                    begins=BEGINS,
                    ends=BEGINS + length,
                    within=_within(condition),
                )


def _of_drill(watched: Watched, drill: Drill) -> Iterator[Scenario]:
    told = {condition.name for condition in OF_DRILLS if condition.alarms}
    assert told == {"overdue", "objective-missed", "schedule-off", "unreadable-run"}
    schedule_off = _story(watched, 6 * HOUR)
    schedule_off.switched_off.append((drill.name, BEGINS, BEGINS + 6 * HOUR))
    unread = _story(watched, 6 * HOUR)
    finding = Finding(condition=conditions.NOT_WATCHED.name, text="the ledger could not be asked")
    unread.unread.append((drill.name, finding, BEGINS, BEGINS + 6 * HOUR))
    slow = _story(watched, 6 * HOUR)
    slow.starts(drill.name, Run(started=BEGINS - 2 * HOUR, scheduled=None, seconds=2 * 3600))
    slow.starts(drill.name, Run(started=BEGINS + 6 * HOUR, scheduled=None))
    for condition, story in (
        (conditions.SCHEDULE_OFF, schedule_off),
        (conditions.NOT_WATCHED, unread),
        (conditions.OBJECTIVE_MISSED, slow),
    ):
        yield Scenario(
            alarm=alarm_of_drill(drill.name, condition),
            story=story,
            begins=BEGINS,
            ends=BEGINS + 6 * HOUR,
            within=_within(condition),
        )
    fails = _story(watched, 2 * HOUR)
    fails.starts(drill.name, Run(started=BEGINS, scheduled=None, verdict="FAIL"))
    fails.starts(drill.name, Run(started=BEGINS + HOUR, scheduled=None))
    yield Scenario(alarm=failed(drill), story=fails, begins=BEGINS, ends=BEGINS, within=HOUR)
    due = next(cron.times(drill.cron, drill.timezone, START, START.replace(year=2028)))
    start, by_hand = due - 8 * HOUR, due + timedelta(seconds=drill.grace_seconds) + 8 * HOUR
    never = quiet(watched, start, by_hand + 12 * HOUR, but=drill.name)
    never.starts(drill.name, Run(started=by_hand, scheduled=None))
    yield Scenario(
        alarm=overdue(drill),
        story=never,
        begins=due + timedelta(seconds=drill.grace_seconds),
        ends=by_hand,
        also=frozenset({together(drill)}),
        within=5 * HOUR,
    )


def _of_overdue(watched: Watched) -> Iterator[Scenario]:
    """One alarm for all overdue drills of a severity: each of them makes it ring."""
    for severity in sorted({drill.severity for drill in watched.drills}):
        drill = next(each for each in watched.drills if each.severity == severity)
        (own,) = (each for each in _of_drill(watched, drill) if each.alarm == overdue(drill))
        yield Scenario(
            alarm=together(drill),
            story=own.story,
            begins=own.begins,
            ends=own.ends,
            also=frozenset({overdue(drill)}),
            within=own.within,
        )


def _of_the_watch(watched: Watched) -> Iterator[Scenario]:
    for alarm, name, length in (
        (COLLECTOR_SILENT, "no_collector", 10 * HOUR),
        (SWEEPER_SILENT, "no_sweeper", 10 * HOUR),
        (SWEEPER_ERRORS, "sweeper_raises", 2 * HOUR),
        (LEFTOVERS, "leftovers", 6 * HOUR),
        (UNTAGGED, "untagged", 26 * HOUR),
        (missed(watched), "undelivered", 3 * HOUR),
    ):
        story = _story(watched, length)
        getattr(story, name).append((BEGINS, BEGINS + length))
        yield Scenario(
            alarm=alarm,
            story=story,
            begins=BEGINS,
            ends=BEGINS + length,
            also=every_overdue(watched) if alarm == COLLECTOR_SILENT else frozenset(),
            within={UNTAGGED: 25 * HOUR, LEFTOVERS: 4 * HOUR}.get(alarm, 6 * HOUR),
        )


def _of_own_schedules(watched: Watched) -> Iterator[Scenario]:
    story = _story(watched, 6 * HOUR)
    story.own_gone.append(("reminder", BEGINS, BEGINS + 6 * HOUR))
    yield Scenario(
        alarm=WATCH_SCHEDULE_OFF,
        story=story,
        begins=BEGINS,
        ends=BEGINS + 6 * HOUR,
        within=_within(conditions.WATCH_SCHEDULE_OFF),
    )


def _of_services(watched: Watched, declared: Declared) -> Iterator[Scenario]:
    """What AWS's own services count, by the metrics that the alarms themselves name."""
    touched = next(alarm for alarm in declared.alarms if alarm.name == PRODUCTION_TOUCHED)
    story = _story(watched, 3 * HOUR)
    for place, query in enumerate(touched.queries):
        story.counted.append((query.metric, BEGINS + place * HOUR / 60, 1.0))
    yield Scenario(alarm=PRODUCTION_TOUCHED, story=story, begins=BEGINS, ends=BEGINS, within=HOUR)
    story = _story(watched, 3 * HOUR)
    errors = Metric.of("AWS/Lambda", "Errors", {"FunctionName": "drill-reminder"})
    story.counted.append((errors, BEGINS, 1.0))
    yield Scenario(alarm=REMINDER_ERRORS, story=story, begins=BEGINS, ends=BEGINS)


def ends(drill: Drill, how: str, at: datetime) -> tuple[Metric, datetime, float]:
    """An execution that ends without a report: TimedOut or Aborted, as Step Functions counts."""
    of = {"StateMachineArn": machine_arn(drill.machine)}
    return Metric.of("AWS/States", f"Executions{how}", of), at, 1.0
