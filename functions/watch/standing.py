"""How a drill stands between its runs: proven lately, started when it should be, fast enough. Pure.

A run counts unless it was skipped or dry, or was of another source: the drill may once have had
that. A run is known by when it was reported: until then nobody knew what it proves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from functions import clock, cron
from functions.health import Finding, Gauge, Health
from functions.model import Verdict
from functions.report.words import duration
from functions.watch import calendar, due
from functions.watch.conditions import (
    NOT_PASSED,
    NOT_WATCHED,
    OBJECTIVE_MISSED,
    SCHEDULE_OFF,
    WATCH_SCHEDULE_OFF,
)
from functions.watch.due import Remembered
from functions.watch.watched import Drill, OwnSchedule

DAYS_SINCE_PROOF: Final = "DaysSinceProof"
"""The gauge: days since the last PASS, or since the drill is watched where there is none."""

_A_DAY: Final = timedelta(days=1)
_A_YEAR: Final = timedelta(days=365)
_A_QUARTER: Final = timedelta(days=90)
_TREND: Final = 12

_AHEAD: Final = timedelta(minutes=5)
"""Clocks differ, and a run may be reported while the collector looks: no more than this."""

_ON, _OFF = "ENABLED", "DISABLED"

_OF_A_SECRET: Final = re.compile(r"^arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:(.+)-.{6}$")
"""An ARN of a secret: behind the name AWS puts six characters of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundSchedule:
    """A schedule as EventBridge Scheduler tells it; `expression` with cron(...) around it."""

    name: str
    state: str
    expression: str
    timezone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """A run that counts."""

    id: str
    verdict: Verdict
    started_at: datetime
    reported_at: datetime
    facts: Mapping[str, Any]

    def told(self) -> dict[str, Any]:
        """What the state document holds of it."""
        return {"run_id": self.id, **self.facts}


def stand(
    drill: Drill,
    runs: Sequence[Mapping[str, Any]],
    *,
    kept: Remembered,
    now: datetime,
    found_schedule: FoundSchedule | None,
    unread: Sequence[Finding] = (),
) -> Health:
    """What is true of a drill now.

    `runs` is what the ledger holds of its runs, in any order; a run that is still going on is not
    among them. `kept` is what is remembered of its schedule. `found_schedule` is None where there
    is no such schedule; what could not be read is in `unread`, and a schedule that is missing then
    means nothing. The fact `unjudged` names what could not be judged.
    """
    counted, damaged = _read(drill, runs, now)
    last = counted[-1] if counted else None
    proofs = _proofs(counted)
    proven = proofs[-1].reported_at if proofs else None
    since = kept.since
    coming = cron.next_after(drill.cron, drill.timezone, now) if drill.enabled else None
    is_known = found_schedule is not None or not unread
    return Health(
        gauges=(
            Gauge(
                name=DAYS_SINCE_PROOF,
                value=max(0.0, (now - (proven or since)) / _A_DAY),
                unit="None",
            ),
        ),
        findings=(
            *unread,
            *damaged,
            *due.overdue(drill, proven, kept=kept, now=now),
            *_not_passed(last),
            *_objectives(counted),
            *(_schedule_off(drill, found_schedule) if is_known else ()),
            *_never_again(drill, coming),
        ),
        facts={
            "watched_since": clock.render(since),
            "last_run": last.told() if last else None,
            "last_pass": proofs[-1].told() if proofs else None,
            "last_time": _last_time(drill, since=since, now=now),
            "next_time": clock.render(coming) if coming else None,
            "scheduled": drill.enabled,
            "untested_days": _untested_days(drill, now),
            "unjudged": [] if is_known else [SCHEDULE_OFF.name],
            **_history(counted, now),
        },
    )


def proven_at(drill: Drill, runs: Sequence[Mapping[str, Any]], *, now: datetime) -> datetime | None:
    """When the last PASS of a drill was reported; None where none was."""
    proofs = _proofs(_read(drill, runs, now)[0])
    return proofs[-1].reported_at if proofs else None


def own_schedule_off(wanted: OwnSchedule, found: FoundSchedule | None) -> Iterator[Finding]:
    """Where a schedule of the watch itself is not the deployed one."""
    said = list(_changes(wanted.expression, wanted.timezone, found))
    if said:
        text = f"the schedule {wanted.name} {' and '.join(said)}"
        yield Finding(condition=WATCH_SCHEDULE_OFF.name, text=text)


def _not_passed(last: _Run | None) -> Iterator[Finding]:
    if last and last.verdict is not Verdict.PASS:
        cause = str(last.facts.get("cause") or "no cause is recorded")
        yield Finding(
            condition=NOT_PASSED.name, text=f"its last run {last.id} ended {last.verdict}: {cause}"
        )


def _objectives(counted: Sequence[_Run]) -> Iterator[Finding]:
    """What was missed by the last run that measured it; one that measured nothing mends nothing."""
    last: dict[str, tuple[_Run, Mapping[str, Any]]] = {}
    for run in counted:
        objectives = run.facts.get("objectives")
        if not isinstance(objectives, Mapping):  # entries of older versions have none
            continue
        for name, objective in objectives.items():
            if isinstance(objective, Mapping) and objective.get("met") is not None:
                last[str(name)] = run, objective
    for name, (run, objective) in last.items():
        if objective["met"] is False:
            took = duration(objective.get("measured_seconds"))
            allowed = duration(objective.get("objective_seconds"))
            yield Finding(
                condition=OBJECTIVE_MISSED.name,
                text=f"{name.upper()} of its last run that measured it, {run.id}:"
                f" {took} measured, {allowed} allowed",
            )


def _schedule_off(drill: Drill, found: FoundSchedule | None) -> Iterator[Finding]:
    """Where the schedule is not the deployed one; one that is not wanted may be off or absent."""
    said = list(_differences(drill, found))
    if said:
        text = f"the schedule {drill.schedule} {' and '.join(said)}"
        yield Finding(condition=SCHEDULE_OFF.name, text=text)


def _differences(drill: Drill, found: FoundSchedule | None) -> Iterator[str]:
    if not drill.enabled:
        if found and found.state != _OFF:
            yield f"is {found.state}, though the configuration switches it off"
        return
    yield from _changes(f"cron({drill.cron})", drill.timezone, found)


def _changes(expression: str, timezone: str, found: FoundSchedule | None) -> Iterator[str]:
    if found is None:
        yield "is not there"
        return
    if found.state != _ON:
        yield f"is {found.state}, not {_ON}"
    if found.expression != expression:
        yield f"says {found.expression}, not {expression}"
    if found.timezone != timezone:
        yield f"is in the zone {found.timezone}, not {timezone}"


def _never_again(drill: Drill, coming: datetime | None) -> Iterator[Finding]:
    """A schedule as deployed may have come to its end, by its year."""
    if drill.enabled and coming is None:
        text = f"its schedule has no time left: {drill.cron} never comes again"
        yield Finding(condition=SCHEDULE_OFF.name, text=text)


def _last_time(drill: Drill, *, since: datetime, now: datetime) -> str | None:
    """The last scheduled time that was watched."""
    last = cron.last_before(drill.cron, drill.timezone, now) if drill.enabled else None
    return clock.render(last) if last and last > since else None


def _untested_days(drill: Drill, now: datetime) -> int | None:
    """Of the coming year, by this drill alone; None for what is not restored to a moment."""
    year = calendar.year([drill], now)
    return year.untested_days if year else None


def _history(counted: Sequence[_Run], now: datetime) -> dict[str, Any]:
    year = [run for run in counted if run.reported_at > now - _A_YEAR]
    quarter = [run for run in counted if run.reported_at > now - _A_QUARTER]
    return {
        "runs_last_year": len(year),
        "proofs_last_year": sum(run.verdict is Verdict.PASS for run in year),
        "success_percent_90_days": _success_percent(quarter),
        "trend": [
            {
                "started_at": clock.render(run.started_at),
                "verdict": run.verdict.value,
                "rto_seconds": run.facts.get("rto_seconds"),
                "rpo_seconds": run.facts.get("rpo_seconds"),
            }
            for run in counted[-_TREND:]
        ],
    }


def _success_percent(runs: Sequence[_Run]) -> float | None:
    if not runs:
        return None
    return round(100 * sum(run.verdict is Verdict.PASS for run in runs) / len(runs), 1)


def _proofs(counted: Sequence[_Run]) -> list[_Run]:
    return [run for run in counted if run.verdict is Verdict.PASS]


def _read(
    drill: Drill, runs: Sequence[Mapping[str, Any]], now: datetime
) -> tuple[list[_Run], list[Finding]]:
    """The runs that count, in the order of their reports; and what cannot be read of the others."""
    counted, damaged = [], []
    for facts in runs:
        try:
            run = _run(facts, now)
        except (TypeError, ValueError) as error:
            text = f"the ledger's entry of the run {_id(facts)}: {error}"
            damaged.append(Finding(condition=NOT_WATCHED.name, text=text))
            continue
        if run.verdict is not Verdict.SKIPPED and not facts.get("dry_run") and _is_of(drill, run):
            counted.append(run)
    return sorted(counted, key=lambda run: run.reported_at), damaged


def _is_of(drill: Drill, run: _Run) -> bool:
    """Whether a run was of what the drill is of now.

    One that ended before it knew of what says so by neither, and proves nothing.
    """
    kind, source = run.facts.get("kind"), str(run.facts.get("source") or "")
    if not source or kind in (None, "", "unknown"):
        return run.verdict is not Verdict.PASS
    return kind == drill.kind and _bare(source) == _bare(drill.source)


def _bare(source: str) -> str:
    """The name of a source: of a secret a run may tell the name where its drill has the ARN.

    >>> _bare("arn:aws:secretsmanager:sa-east-1:1:secret:shop/app-AbCdEf"), _bare("shop/app")
    ('shop/app', 'shop/app')
    """
    found = _OF_A_SECRET.match(source)
    return found[1] if found else source


def _run(facts: Mapping[str, Any], now: datetime) -> _Run:
    """A run by its entry.

    A report from the future would keep a drill proven for as long. Raises TypeError or ValueError.
    """
    run = _Run(
        id=_id(facts),
        verdict=Verdict(str(facts.get("verdict"))),
        started_at=_moment(facts.get("started_at") or ""),
        reported_at=_moment(facts.get("reported_at") or ""),
        facts=facts,
    )
    if run.reported_at > now + _AHEAD:
        raise ValueError(f"it was reported at {facts['reported_at']}, which is yet to come")
    return run


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    """As the clock's; the same entries are read every hour. Raises ValueError."""
    return clock.parse(text)


def _id(facts: Mapping[str, Any]) -> str:
    """The run's id: the last part of its folder in the evidence bucket.

    >>> _id({"key": "aurora-prod/2026/20261102-1a2b3c"}), _id({})
    ('20261102-1a2b3c', 'unknown')
    """
    return str(facts.get("key") or "unknown").rpartition("/")[2]
