"""A year of a deployment in some seconds: every schedule fires at its time, failures are injected,
and the synthesized alarms ring or do not.

Time is a virtual clock's. The alarms are those of the template, evaluated as CloudWatch does
(`lab/timeline.py`); what they read is what the watch would have published (`lab/simulation.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from functions.watch.watched import Watched
from lab.alarms import ALARM, EXTRA, INSUFFICIENT, OK, Change
from lab.declared import Declared, declared
from lab.injections import year
from lab.series import Points, minute_of, moment
from lab.simulation import SWEEPER, Simulation, deployed, watch_list
from lab.story import HOUR, Injected, Story, is_within
from lab.timeline import Sent, Timeline, run

MINUTE_OF_THE_HOUR: Final = 7
"""When the hourly schedules fire: at the minute at which they were made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ring:
    """An alarm that rang: when, when it cleared (None: not any more in that year), who was told.

    `held` says why nobody was told, where that was held back.
    """

    alarm: str
    severity: str
    at: datetime
    cleared: datetime | None
    told: tuple[str, ...]
    held: str = ""

    @property
    def who(self) -> str:
        """Who was told, in words."""
        if self.held and not self.told:
            return f"nobody, for {self.held}"
        return ", ".join(self.told) or "nobody by itself"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A failure and the alarms that rang for it; `missing` are those that had to and did not."""

    injected: Injected
    rings: tuple[Ring, ...]
    missing: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether every alarm rang that had to, in time."""
        return not self.missing


@dataclass(frozen=True, kw_only=True)
class Lived:
    """A year after its end."""

    planned: Story
    watched: Watched
    declared: Declared
    timeline: Timeline
    runs: int
    collections: int

    @cached_property
    def rings(self) -> list[Ring]:
        """Every ringing of every alarm, in its order."""
        return [self._ring(change) for change in self.timeline.rang()]

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """What became of each failure."""
        return [self._outcome(injected) for injected in self.planned.injected]

    @cached_property
    def false_alarms(self) -> list[Ring]:
        """The rings that no failure explains."""
        return [
            ring
            for ring in self.rings
            if not any(each.covers(ring.alarm, ring.at) for each in self.planned.injected)
        ]

    @cached_property
    def messages(self) -> list[Sent]:
        """Every message that somebody got."""
        return [sent for sent in self.timeline.sent if self.declared.who(sent)]

    @property
    def good(self) -> bool:
        """Whether everything was found, and nothing else rang."""
        return not self.false_alarms and all(outcome.found for outcome in self.outcomes)

    def _outcome(self, injected: Injected) -> Outcome:
        rings = tuple(ring for ring in self.rings if injected.covers(ring.alarm, ring.at))
        in_time = {ring.alarm for ring in rings if ring.at <= injected.begins + injected.within}
        missing = tuple(name for name in injected.rings if name not in in_time)
        return Outcome(injected=injected, rings=rings, missing=missing)

    def _ring(self, change: Change) -> Ring:
        cleared = next(
            (
                moment(later.minute)
                for later in self.timeline.of(change.alarm)
                if later.minute > change.minute
            ),
            None,
        )
        until = minute_of(cleared) if cleared else minute_of(self.planned.end)
        messages = [
            sent
            for sent in self.timeline.sent
            if (sent.alarm, sent.after) == (change.alarm, ALARM)
            and change.minute <= sent.minute <= until
        ]
        told = [name for sent in messages for name in self.declared.who(sent)]
        return Ring(
            alarm=change.alarm,
            severity=self._severities.get(change.alarm, ""),
            at=moment(change.minute),
            cleared=cleared,
            told=tuple(dict.fromkeys(told)),
            held=next((sent.held for sent in messages if sent.held), ""),
        )

    @cached_property
    def _severities(self) -> dict[str, str]:
        described = [
            *((each.name, each.description) for each in self.declared.alarms),
            *((each.name, each.description) for each in self.declared.composites),
        ]
        return {name: description.partition(":")[0] for name, description in described}


def live(resources: Mapping[str, Mapping[str, Any]], *, start: datetime) -> Lived:
    """A year of the deployment that a template's `Resources` declare, from a day on.

    Raises what `lab.declared.declared`, `lab.simulation.watch_list` and `lab.timeline.run` raise,
    and LookupError where a kind has no drill.
    """
    watched = watch_list(resources)
    alarms = declared(resources)
    planned = year(watched, start)
    points, collections = published(watched, planned)
    return Lived(
        planned=planned,
        watched=watched,
        declared=alarms,
        timeline=evaluated(alarms, points, planned),
        runs=sum(map(len, planned.runs.values())),
        collections=collections,
    )


def published(
    watched: Watched, planned: Story, *, first: timedelta = timedelta(0)
) -> tuple[Points, int]:
    """What a deployment publishes over a story, and how many collections that took.

    `first` is how much later than usual the first hour begins.
    """
    simulation = Simulation(watched=watched, began=planned.start)
    for drill in watched.drills:
        for each in planned.runs.get(drill.name, []):
            simulation.run(
                drill,
                started=each.started,
                scheduled=each.scheduled,
                verdict=each.verdict,
                cause=each.cause,
                seconds=each.seconds,
            )
    for metric, at, value in planned.counted:
        simulation.points.add(metric, at, value)
    for begins, ends in planned.undelivered:
        simulation.undelivered(begins, ends)
    collections = sum(_hour(simulation, planned, now) for now in _hours(planned, first))
    return simulation.points, collections


def evaluated(alarms: Declared, points: Points, planned: Story, *, extra: int = EXTRA) -> Timeline:
    """What the alarms do over a story. Raises NotDeclared."""
    return run(
        alarms.alarms,
        alarms.composites,
        points,
        start=minute_of(planned.start),
        end=minute_of(planned.end),
        extra=extra,
    )


def first_messages(lived: Lived) -> list[Sent]:
    """The messages by which a new deployment says of itself that nothing is wrong."""
    return [one for one in lived.messages if (one.before, one.after) == (INSUFFICIENT, OK)]


def _hours(planned: Story, first: timedelta) -> Iterator[datetime]:
    now = planned.start + timedelta(minutes=MINUTE_OF_THE_HOUR) + first
    while now < planned.end:
        yield now
        now += HOUR


def _hour(simulation: Simulation, planned: Story, now: datetime) -> int:
    """What the watch does in an hour; how many collections that was."""
    if is_within(planned.sweeper_raises, now):
        simulation.raised(SWEEPER, now)
    elif not is_within(planned.no_sweeper, now):
        simulation.sweep(
            now,
            expired=2 * is_within(planned.leftovers, now),
            untagged=int(is_within(planned.untagged, now)),
        )
    if is_within(planned.no_collector, now):
        return 0
    simulation.faults = {}
    for source, fault, begins, ends in planned.faults:
        if begins <= now < ends:
            simulation.faults.setdefault(source, set()).add(fault)
    drills = {drill.name: drill for drill in simulation.watched.drills}
    simulation.schedules = {
        name: deployed(drills[name], off=True)
        for name, begins, ends in planned.switched_off
        if begins <= now < ends
    }
    simulation.own_schedules = {
        name: None for name, begins, ends in planned.own_gone if begins <= now < ends
    }
    simulation.unread = {
        name: (finding,) for name, finding, begins, ends in planned.unread if begins <= now < ends
    }
    simulation.collect(now)
    return 1
