"""A look at all that is watched. What fails, or takes too long, is told of itself alone."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from functions import kinds
from functions.health import Finding, Gauge, Health, unreadable
from functions.ledger import Ledger
from functions.settings import Settings
from functions.watch import calendar, cost, due, schedules
from functions.watch.conditions import (
    NOT_WATCHED,
    OF_DRILLS,
    UNREADABLE,
    WATCH_SCHEDULE_OFF,
    Condition,
)
from functions.watch.due import Remembered
from functions.watch.metrics import COST_THIS_MONTH
from functions.watch.standing import FoundSchedule, own_schedule_off, proven_at, stand
from functions.watch.watched import Drill, OwnSchedule, Source, Watched

Sources = dict[tuple[str, str], Health]
"""The healths of sources, by kind and name."""

Runs = list[dict[str, Any]]
"""What the ledger holds of runs, oldest first."""

_AT_ONCE: Final = 8
_HISTORY: Final = timedelta(days=400)
"""A year, and what an annual drill may be late: its last proof is then still known."""

_MOST_RUNS: Final = 1000
_NOTHING_KNOWN: Final[dict[str, Any]] = {
    "watched_since": None,
    "last_run": None,
    "last_pass": None,
    "last_time": None,
    "next_time": None,
    "untested_days": None,
    "runs_last_year": None,
    "proofs_last_year": None,
    "success_percent_90_days": None,
    "trend": [],
    "unjudged": [each.name for each in OF_DRILLS if each is not NOT_WATCHED],
}
"""Of a drill whose runs could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was found: sources by kind and name, drills by name, and all runs of the drills.

    `watch` is what was found of the watch's own schedules.
    """

    sources: Sources
    drills: dict[str, Health]
    runs: Runs
    watch: tuple[Finding, ...] = ()


def look(watched: Watched, *, settings: Settings, now: datetime, seconds: float) -> Seen:
    """The health of every source and of every drill.

    The looks are futures, so that whatever one raises is kept there and becomes its finding: a
    kind may not foresee everything, and one that raised must not silence the others. What is not
    there after `seconds` is not waited for.
    """
    found: Sources = {}
    stopped = Event()
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    looks = {
        kind: pool.submit(_examine, kind, watched, now, found, stopped)
        for kind in dict.fromkeys(source.kind for source in watched.sources)
    }
    stands = {
        drill.name: pool.submit(_stand, drill, watched.schedule_group, settings, now)
        for drill in watched.drills
    }
    own = {
        each.name: pool.submit(_own_schedule, each, watched.schedule_group)
        for each in watched.schedules
    }
    pending: list[Future[Any]] = [*looks.values(), *stands.values(), *own.values()]
    wait(pending, timeout=seconds)
    stopped.set()
    pool.shutdown(wait=False, cancel_futures=True)
    seen = dict(found)
    stood = {drill.name: _stood(drill, stands[drill.name]) for drill in watched.drills}
    return Seen(
        sources={
            (each.kind, each.name): seen.get((each.kind, each.name))
            or _unseen(each, looks[each.kind])
            for each in watched.sources
        },
        drills={name: health for name, (health, _) in stood.items()},
        runs=[run for _, runs in stood.values() for run in runs],
        watch=tuple(finding for name, done in own.items() for finding in _own(name, done)),
    )


def _examine(kind: str, watched: Watched, now: datetime, found: Sources, stopped: Event) -> None:
    """Have a kind look at its sources; what it told so far is kept, whatever comes of the rest."""
    sources = [source for source in watched.sources if source.kind == kind]
    for source, health in kinds.examiner(kind)(sources, now=now):
        drills = [d for d in watched.drills if (d.kind, d.source) == (kind, source.name)]
        found[kind, source.name] = _sound(_with_calendar(health, drills, now))
        if stopped.is_set():
            return


def _with_calendar(health: Health, drills: Sequence[Drill], now: datetime) -> Health:
    """The health, with what the calendar leaves untested where that has a sense."""
    try:
        year = calendar.year(drills, now)
    except (LookupError, ValueError) as error:
        finding = unreadable("the calendar of its drills", error)
        return replace(health, findings=(*health.findings, finding))
    if year is None:
        return health
    return replace(health, facts={**health.facts, "calendar": year.sentence()})


def _sound(health: Health) -> Health:
    """The health, without what JSON cannot hold: it would cost the whole state."""
    told = _numbers(health, UNREADABLE)
    try:
        json.dumps(dict(told.facts), allow_nan=False)
    except (TypeError, ValueError) as error:
        finding = unreadable("what its kind says of it", error)
        return replace(told, facts={}, findings=(*told.findings, finding))
    return told


def _numbers(health: Health, otherwise: Condition) -> Health:
    """The health, without gauges that are no numbers; each is a finding instead."""
    odd = [gauge.name for gauge in health.gauges if not _is_number(gauge.value)]
    findings = [
        Finding(condition=otherwise.name, text=f"{name}, as it was measured, is no number")
        for name in odd
    ]
    gauges = tuple(gauge for gauge in health.gauges if gauge.name not in odd)
    return replace(health, gauges=gauges, findings=(*health.findings, *findings))


def _is_number(value: object) -> bool:
    """What a kind promises is checked: it may come of an answer of AWS.

    >>> [_is_number(value) for value in (3, 0.5, None, "3", float("nan"), float("inf"))]
    [True, True, False, False, False, False]
    """
    return isinstance(value, int | float) and math.isfinite(value)


def _unseen(source: Source, look: Future[None]) -> Health:
    return Health(findings=(unreadable(f"{source.kind} {source.name}", _why(look)),))


def _stand(drill: Drill, group: str, settings: Settings, now: datetime) -> tuple[Health, Runs]:
    """How a drill stands, by its runs and its schedule, with what it cost this month."""
    ledger = Ledger.of(settings, drill.name)
    runs = ledger.runs_since(now - _HISTORY, most=_MOST_RUNS)
    kept = _kept(ledger, drill, proven_at(drill, runs, now=now), now)
    schedule, unread = _schedule(drill, group)
    health = stand(drill, runs, kept=kept, now=now, found_schedule=schedule, unread=unread)
    spent = Gauge(name=COST_THIS_MONTH, value=cost.month_to_date(drill, runs, now), unit="None")
    json.dumps(dict(health.facts), allow_nan=False)  # raises: the state could not hold them
    return _numbers(replace(health, gauges=(*health.gauges, spent)), NOT_WATCHED), runs


def _kept(ledger: Ledger, drill: Drill, proven: datetime | None, now: datetime) -> Remembered:
    """What is remembered of the drill's schedule, from now on with the one that it has."""
    told = ledger.watched()
    known = Remembered.from_document(told) if told else None
    kept = due.remember(known, drill, proven, now=now)
    if kept is known:
        return kept
    return Remembered.from_document(ledger.watch(kept.to_document(), instead_of=told))


def _own_schedule(wanted: OwnSchedule, group: str) -> list[Finding]:
    return list(own_schedule_off(wanted, schedules.find(group, wanted.name)))


def _own(name: str, look: Future[list[Finding]]) -> list[Finding]:
    """What is wrong with a schedule of the watch; where it could not be read, that."""
    if _is_told(look):
        return look.result()
    finding = unreadable(f"the schedule {name}", _why(look))
    return [replace(finding, condition=WATCH_SCHEDULE_OFF.name)]


def _schedule(drill: Drill, group: str) -> tuple[FoundSchedule | None, list[Finding]]:
    """The schedule as it is, or why nobody knows."""
    try:
        return schedules.find(group, drill.schedule), []
    except (BotoCoreError, ClientError) as error:
        return None, [_not_watched(f"the schedule {drill.schedule}", error)]


def _stood(drill: Drill, look: Future[tuple[Health, Runs]]) -> tuple[Health, Runs]:
    """What is known of a drill and its runs; where they could not be read, that and no more."""
    if _is_told(look):
        return look.result()
    finding = _not_watched(f"the ledger of {drill.name}", _why(look))
    facts = {**_NOTHING_KNOWN, "scheduled": drill.enabled}
    return Health(findings=(finding,), facts=facts), []


def _not_watched(what: str, error: Exception) -> Finding:
    return replace(unreadable(what, error), condition=NOT_WATCHED.name)


def _is_told(look: Future[Any]) -> bool:
    return look.done() and not look.cancelled() and look.exception() is None


def _why(look: Future[Any]) -> Exception:
    """Why a look brought nothing."""
    if not look.done() or look.cancelled():
        return TimeoutError("there was no time left for it")
    raised = look.exception()
    return raised if isinstance(raised, Exception) else LookupError("its kind told nothing of it")
