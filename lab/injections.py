"""What goes wrong in a simulated year, when, and which alarms must ring for it. Pure.

Every failure is put relative to the calendar of the drills, so that a year may begin on any day.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from functions import cron, naming
from functions.watch import conditions
from functions.watch.conditions import Condition, alarm_of_drill, alarm_of_source
from functions.watch.watched import Drill, Source, Watched
from lab.story import DAY, HOUR, Injected, Run, Story


def year(watched: Watched, start: datetime) -> Story:
    """A year of a deployment, with its failures. Raises LookupError where a kind has no drill."""
    planned = Story(start=start, end=start + 365 * DAY)
    calendar = {
        drill.name: list(cron.times(drill.cron, drill.timezone, start, planned.end))
        for drill in watched.drills
        if drill.enabled
    }
    for name, times in calendar.items():
        planned.runs[name] = [
            Run(started=time + timedelta(seconds=20), scheduled=time) for time in times
        ]
    aurora = _first(watched, "aurora")
    bucket = _first(watched, "s3_versions")
    secret = _first(watched, "secret_rotation")
    _of_sources(planned, watched, aurora, bucket, secret)
    _of_drills(planned, aurora, secret)
    _of_schedules(planned, watched, aurora, bucket, secret)
    _of_the_watch(planned, watched)
    planned.injected.sort(key=lambda each: each.begins)
    planned.injected = [
        replace(each, mark=chr(ord("A") + place)) for place, each in enumerate(planned.injected)
    ]
    for runs in planned.runs.values():
        runs.sort(key=lambda run: run.started)
    return planned


def _first(watched: Watched, kind: str) -> tuple[Source, Drill]:
    """The first source of a kind, and its first drill."""
    for source in watched.sources:
        for drill in watched.drills:
            if source.kind == kind == drill.kind and drill.source == source.name:
                return source, drill
    raise LookupError(f"no drill of the kind {kind}: a simulated year needs one of each kind")


def _of_sources(
    planned: Story,
    watched: Watched,
    aurora: tuple[Source, Drill],
    bucket: tuple[Source, Drill],
    secret: tuple[Source, Drill],
) -> None:
    """The backups go wrong."""
    saturday = _weekday(planned.start + 40 * DAY, 5)
    for source, fault, what, begins, length, found in (
        (
            aurora[0],
            "backup-stale",
            "the restorable time stands still for a weekend",
            saturday + 2 * HOUR,
            53 * HOUR,
            (conditions.BACKUP_STALE,),
        ),
        (
            aurora[0],
            "key-disabled",
            "the key of the cluster is disabled",
            planned.start + 75 * DAY + 14 * HOUR,
            20 * HOUR,
            (conditions.UNPROTECTED, conditions.NOT_RESTORABLE),
        ),
        (
            secret[0],
            "rotation-failed",
            "a rotation fails at setSecret",
            planned.start + 103 * DAY + 3 * HOUR,
            9 * HOUR,
            (conditions.ROTATION_FAILED,),
        ),
        (
            secret[0],
            "secret-gone",
            "somebody schedules the secret for deletion",
            planned.start + 119 * DAY + 10 * HOUR,
            4 * HOUR,
            (conditions.SECRET_GONE,),
        ),
        (
            bucket[0],
            "versioning-off",
            "somebody suspends versioning",
            planned.start + 137 * DAY + 16 * HOUR,
            5 * HOUR,
            (conditions.VERSIONING_OFF,),
        ),
    ):
        planned.faults.append((source.name, fault, begins, begins + length))
        planned.add(
            Injected(
                what=f"{source.name}: {what}",
                begins=begins,
                ends=begins + length,
                rings=tuple(_of(watched, source, condition) for condition in found),
            )
        )


def _of_drills(planned: Story, aurora: tuple[Source, Drill], secret: tuple[Source, Drill]) -> None:
    """Drills do not pass, and pass again when they are started by hand."""
    for (_, drill), place, verdict, cause, mended in (
        (aurora, 6, "FAIL", "5 rows of nigredo_leads.leads are missing", 5 * HOUR),
        (secret, 7, "INCONCLUSIVE", "the application could not be asked", 4 * HOUR),
    ):
        scheduled = _upset(planned, drill, place, verdict=verdict, cause=cause)
        by_hand = scheduled + mended
        planned.starts(drill.name, Run(started=by_hand, scheduled=None))
        planned.add(
            Injected(
                what=f"{drill.name}: {verdict}: {cause}; passes by hand {_hours(mended)} later",
                begins=scheduled,
                ends=by_hand + HOUR,
                rings=(failed(drill),),
                within=HOUR,
            )
        )


def _of_schedules(
    planned: Story,
    watched: Watched,
    aurora: tuple[Source, Drill],
    bucket: tuple[Source, Drill],
    secret: tuple[Source, Drill],
) -> None:
    """Schedules start too little, too much, or too late."""
    off = _scheduled(planned, bucket[1], 5)
    begins, ends = off - 5 * DAY, off + 3 * DAY
    _drop(planned, bucket[1], off)
    planned.starts(bucket[1].name, Run(started=ends + HOUR, scheduled=None))
    planned.switched_off.append((bucket[1].name, begins, ends))
    planned.add(
        Injected(
            what=f"{bucket[1].name}: its schedule is switched off, over a scheduled time",
            begins=begins,
            ends=ends + 2 * HOUR,
            rings=(alarm_of_drill(bucket[1].name, conditions.SCHEDULE_OFF), *_overdue(bucket[1])),
            may=_together(bucket[1]),
            within=5 * DAY + _grace(bucket[1]),
        )
    )
    lost = _scheduled(planned, secret[1], 10)
    by_hand = lost + _grace(secret[1]) + 8 * HOUR
    _drop(planned, secret[1], lost)
    planned.starts(secret[1].name, Run(started=by_hand, scheduled=None))
    planned.undelivered.append((lost + 2 * HOUR, by_hand))
    planned.add(
        Injected(
            what=f"{secret[1].name}: it could not be started: a dead letter",
            begins=lost,
            ends=by_hand + HOUR,
            rings=(missed(watched), *_overdue(secret[1])),
            may=_together(secret[1]),
            within=_grace(secret[1]),
        )
    )
    twice = _scheduled(planned, aurora[1], 2)
    planned.starts(
        aurora[1].name,
        Run(
            started=twice + timedelta(seconds=50),
            scheduled=twice,
            verdict="SKIPPED",
            cause="another run has this time",
        ),
    )
    planned.add(
        Injected(
            what=f"{aurora[1].name}: its schedule fires twice: the second run is skipped",
            begins=twice,
            ends=twice + HOUR,
        )
    )
    late = _scheduled(planned, aurora[1], 8)
    _drop(planned, aurora[1], late)
    planned.starts(aurora[1].name, Run(started=late + 2 * HOUR, scheduled=late))
    planned.add(
        Injected(
            what=f"{aurora[1].name}: its schedule fires two hours late",
            begins=late,
            ends=late + 3 * HOUR,
        )
    )


def _of_the_watch(planned: Story, watched: Watched) -> None:
    """The watch itself stops."""
    dead = planned.start + 258 * DAY + 9 * HOUR
    planned.no_collector.append((dead, dead + 2 * DAY))
    every_overdue = tuple(
        name for drill in watched.drills for name in (*_overdue(drill), *_together(drill))
    )
    planned.add(
        Injected(
            what="the collector is dead for two days",
            begins=dead,
            ends=dead + 2 * DAY,
            rings=(COLLECTOR_SILENT,),
            may=every_overdue,
        )
    )
    missed_hour = planned.start + 20 * DAY + 6 * HOUR
    planned.no_collector.append((missed_hour, missed_hour + HOUR))
    planned.add(
        Injected(what="one collection is missing", begins=missed_hour, ends=missed_hour + 3 * HOUR)
    )
    left = planned.start + 290 * DAY + 11 * HOUR
    planned.leftovers.append((left, left + 7 * HOUR))
    planned.add(
        Injected(
            what="two clusters that have expired cannot be deleted",
            begins=left,
            ends=left + 7 * HOUR,
            rings=(LEFTOVERS,),
        )
    )
    once = planned.start + 305 * DAY + 15 * HOUR
    planned.sweeper_raises.append((once, once + HOUR))
    planned.add(
        Injected(what="AWS refuses a list to the sweeper, once", begins=once, ends=once + HOUR)
    )
    raises = planned.start + 320 * DAY + 22 * HOUR
    planned.sweeper_raises.append((raises, raises + 2 * HOUR))
    planned.add(
        Injected(
            what="the sweeper raises",
            begins=raises,
            ends=raises + 2 * HOUR,
            rings=(SWEEPER_ERRORS,),
        )
    )
    silent = planned.start + 340 * DAY + 5 * HOUR
    planned.no_sweeper.append((silent, silent + 12 * HOUR))
    planned.add(
        Injected(
            what="the sweeper is not started for half a day",
            begins=silent,
            ends=silent + 12 * HOUR,
            rings=(SWEEPER_SILENT,),
        )
    )

    gone = planned.start + 352 * DAY + 10 * HOUR
    planned.own_gone.append(("reminder", gone, gone + 6 * HOUR))
    planned.add(
        Injected(
            what="the schedule of the reminder is deleted",
            begins=gone,
            ends=gone + 6 * HOUR,
            rings=(WATCH_SCHEDULE_OFF,),
        )
    )


COLLECTOR_SILENT: Final = "drill-collector-silent"
SWEEPER_SILENT: Final = "drill-sweeper-silent"
SWEEPER_ERRORS: Final = "drill-sweeper-errors"
LEFTOVERS: Final = "drill-leftovers"
WATCH_SCHEDULE_OFF: Final = f"{naming.PREFIX}{conditions.WATCH_SCHEDULE_OFF.name}"


def failed(drill: Drill) -> str:
    """The alarm of a drill's executions that did not end well."""
    return f"{drill.machine}-failed"


def missed(watched: Watched) -> str:
    """The alarm of what the schedules could not start."""
    return f"{watched.schedule_group}-missed"


def _overdue(drill: Drill) -> tuple[str, ...]:
    return (alarm_of_drill(drill.name, conditions.OVERDUE),)


def _together(drill: Drill) -> tuple[str, ...]:
    """The alarm that tells of all overdue drills of a severity."""
    return (f"{naming.PREFIX}{conditions.OVERDUE.name}-{drill.severity}",)


def _of(watched: Watched, source: Source, condition: Condition) -> str:
    return alarm_of_source(watched.stack, source.kind, source.name, condition)


def _grace(drill: Drill) -> timedelta:
    """Until a missing run rings: the grace, and the hours of the alarm."""
    return timedelta(seconds=drill.grace_seconds) + (conditions.OVERDUE.periods + 1) * HOUR


def _scheduled(planned: Story, drill: Drill, place: int) -> datetime:
    """The scheduled time of a drill's nth run of the year, counted from 0."""
    found = [run.scheduled for run in planned.runs[drill.name] if run.scheduled is not None]
    return sorted(set(found))[place]


def _drop(planned: Story, drill: Drill, scheduled: datetime) -> None:
    """Take a run away."""
    planned.runs[drill.name] = [
        run for run in planned.runs[drill.name] if run.scheduled != scheduled
    ]


def _upset(planned: Story, drill: Drill, place: int, *, verdict: str, cause: str) -> datetime:
    """Let a run end otherwise; its scheduled time."""
    scheduled = _scheduled(planned, drill, place)
    _drop(planned, drill, scheduled)
    planned.starts(
        drill.name,
        Run(
            started=scheduled + timedelta(seconds=20),
            scheduled=scheduled,
            verdict=verdict,
            cause=cause,
        ),
    )
    return scheduled


def _weekday(day: datetime, weekday: int) -> datetime:
    """The first such day from a day on; Monday is 0.

    >>> _weekday(datetime(2027, 2, 10), 5).day
    13
    """
    return day + DAY * ((weekday - day.weekday()) % 7)


def _hours(length: timedelta) -> str:
    return f"{length // HOUR} hours"
