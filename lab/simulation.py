"""A deployment on a virtual clock: its runs, and what its watch publishes of them, hour by hour.

Of AWS nothing is there but the metrics. What a source is like is pretended (`lab/pretended.py`);
what is told of it is the work of the real code: the judgement of each kind, of each drill's
standing, the state document, and its measures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from functions import clock, naming
from functions.health import Finding, Gauge, Health
from functions.watch import cost, due, metrics, state
from functions.watch.due import Remembered
from functions.watch.expired import EXPIRED, SWEEPS, UNTAGGED
from functions.watch.standing import FoundSchedule, own_schedule_off, proven_at, stand
from functions.watch.watched import Drill, OwnSchedule, Source, Watched
from lab.declared import machine_arn
from lab.pretended import look_at
from lab.series import Metric, Points

COLLECTOR, SWEEPER = "drill-collector", "drill-sweeper"

_ENDS: Final = {"PASS": "ExecutionsSucceeded", "SKIPPED": "ExecutionsSucceeded"}
"""How an execution ends; of any other verdict it fails."""

_SECONDS: Final = {"aurora": 1500.0}
"""How long a run takes; of a kind that is not here a minute."""

_STILL_COUNTED: Final = timedelta(hours=6)
"""For how long SQS counts the messages of a queue of which nobody asks anything any more."""

_OBJECTIVES: Final = {"aurora": ("rto", 1800.0), "secret_rotation": ("rto", 60.0)}


class NoWatchList(Exception):
    """When the template has no schedule that hands the collector what is watched."""


def watch_list(resources: Mapping[str, Mapping[str, Any]]) -> Watched:
    """What the template's schedule `collector` hands to the collector. Raises NoWatchList."""
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Scheduler::Schedule" and properties["Name"] == "collector":
            return Watched.from_document(json.loads(properties["Target"]["Input"])["watched"])
    raise NoWatchList("no schedule is called collector")


@dataclass(kw_only=True)
class Simulation:
    """A deployment and its metrics. `began` is when it was made, `namespace` its own.

    `schedules` are those that differ from what was deployed, by drill; None is one that is gone.
    `own_schedules` are such of the watch itself, by name. `faults` are those of the sources, by
    name; `unread` is what could not be read, by drill.
    """

    watched: Watched
    began: datetime
    namespace: str = "BackupDrills"
    points: Points = field(default_factory=Points)
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: dict[str, set[str]] = field(default_factory=dict)
    schedules: dict[str, FoundSchedule | None] = field(default_factory=dict)
    own_schedules: dict[str, FoundSchedule | None] = field(default_factory=dict)
    unread: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    state: state.State | None = None
    kept: dict[str, Remembered] = field(default_factory=dict)
    _metrics: dict[tuple[str, ...], Metric] = field(default_factory=dict)

    def run(
        self,
        drill: Drill,
        *,
        started: datetime,
        scheduled: datetime | None,
        verdict: str = "PASS",
        cause: str = "",
        seconds: float | None = None,
    ) -> dict[str, Any]:
        """A run from its start to its end, as the ledger keeps it and Step Functions counts it."""
        seconds = seconds or _SECONDS.get(drill.kind, 60.0)
        runs = self.runs.setdefault(drill.name, [])
        facts = _facts(drill, started, scheduled, verdict, cause, seconds)
        runs.append(facts)
        of = {"StateMachineArn": machine_arn(drill.machine)}
        ended = started + timedelta(seconds=seconds)
        metric = _ENDS.get(verdict, "ExecutionsFailed")
        self.points.add(Metric.of("AWS/States", "ExecutionsStarted", of), started, 1.0)
        self.points.add(Metric.of("AWS/States", metric, of), ended, 1.0)
        return facts

    def collect(self, now: datetime) -> None:
        """One collection: everything is looked at, and told."""
        sources = {
            (source.kind, source.name): look_at(source, now=now, faults=self._faults(source))
            for source in self.watched.sources
        }
        drills = {drill.name: self._stood(drill, now) for drill in self.watched.drills}
        before = self.state
        self.state = state.document(
            self.watched,
            sources=sources,
            drills=drills,
            watch=[found for own in self.watched.schedules for found in self._own(own)],
            now=now,
            before=before,
        )
        for measure in (*metrics.measures(self.state, before), *metrics.finished()):
            self.publish(measure.name, now, measure.value, measure.dimensions)
        self._ran(COLLECTOR, now)

    def sweep(self, now: datetime, *, expired: int = 0, untagged: int = 0) -> None:
        """One sweep, and what it found."""
        for name, value in ((EXPIRED, expired), (UNTAGGED, untagged), (SWEEPS, 1)):
            self.publish(name, now, float(value))
        self._ran(SWEEPER, now)

    def raised(self, function: str, now: datetime) -> None:
        """A function that ends in an exception."""
        self._ran(function, now, errors=1.0)

    def undelivered(self, begins: datetime, ends: datetime) -> None:
        """A message lies in the dead-letter queue of the schedules.

        SQS counts every minute, and goes on for some hours after the last message.
        """
        of = {"QueueName": f"{self.watched.schedule_group}-missed"}
        metric = Metric.of("AWS/SQS", "ApproximateNumberOfMessagesVisible", of)
        at = begins
        while at < ends + _STILL_COUNTED:
            self.points.add(metric, at, float(at < ends))
            at += timedelta(minutes=1)

    def publish(
        self,
        name: str,
        now: datetime,
        value: float,
        dimensions: Mapping[str, str] | None = None,
    ) -> None:
        """A datapoint of the deployment's own namespace."""
        key = (name, *(dimensions or {}).values())
        metric = self._metrics.get(key)
        if metric is None:
            metric = self._metrics[key] = Metric.of(self.namespace, name, dimensions)
        self.points.add(metric, now, value)

    def _faults(self, source: Source) -> Collection[str]:
        return sorted(self.faults.get(source.name, ()))

    def _stood(self, drill: Drill, now: datetime) -> Health:
        runs = [run for run in self.runs.get(drill.name, []) if _reported(run) <= now]
        known = self.kept.get(drill.name) or Remembered.first(drill, self.began)
        kept = due.remember(known, drill, proven_at(drill, runs, now=now), now=now)
        self.kept[drill.name] = kept
        health = stand(
            drill,
            runs,
            kept=kept,
            now=now,
            found_schedule=self.schedules.get(drill.name, deployed(drill)),
            unread=self.unread.get(drill.name, ()),
        )
        spent = cost.month_to_date(drill, runs, now)
        gauges = (*health.gauges, Gauge(name=metrics.COST_THIS_MONTH, value=spent, unit="None"))
        return replace(health, gauges=gauges)

    def _own(self, own: OwnSchedule) -> Iterator[Finding]:
        as_deployed = FoundSchedule(
            name=own.name, state="ENABLED", expression=own.expression, timezone=own.timezone
        )
        yield from own_schedule_off(own, self.own_schedules.get(own.name, as_deployed))

    def _ran(self, function: str, now: datetime, errors: float = 0.0) -> None:
        of = {"FunctionName": function}
        self.points.add(Metric.of("AWS/Lambda", "Invocations", of), now, 1.0)
        self.points.add(Metric.of("AWS/Lambda", "Errors", of), now, errors)


def deployed(drill: Drill, *, off: bool = False) -> FoundSchedule:
    """The schedule of a drill as it was deployed, or as it is when somebody has switched it off."""
    return FoundSchedule(
        name=drill.schedule,
        state="ENABLED" if drill.enabled and not off else "DISABLED",
        expression=f"cron({drill.cron})",
        timezone=drill.timezone,
    )


def _reported(run: Mapping[str, Any]) -> datetime:
    return clock.parse(run["reported_at"])


def _facts(
    drill: Drill,
    started: datetime,
    scheduled: datetime | None,
    verdict: str,
    cause: str,
    seconds: float,
) -> dict[str, Any]:
    """What the report enters into the ledger (functions/report/steps.py)."""
    name = hashlib.sha256(f"{drill.name} {started}".encode()).hexdigest()[:12]
    execution = f"{machine_arn(drill.machine).replace(':stateMachine:', ':execution:')}:{name}"
    run = naming.run_id({"id": execution, "start_time": clock.render(started)})
    counts = verdict in ("PASS", "FAIL", "INCONCLUSIVE")
    measured = round(seconds * 0.6, 1) if counts else None
    _, allowed = _OBJECTIVES.get(drill.kind, ("", 60.0))
    rto = {"objective_seconds": allowed, "measured_seconds": measured, "met": None}
    if measured is not None:
        rto["met"] = measured <= allowed
    rpo = dict.fromkeys(rto)
    return {
        "verdict": verdict,
        "cause": cause or ("" if verdict == "PASS" else f"simulated: {verdict}"),
        "kind": drill.kind,
        "source": drill.source,
        "execution": execution,
        "started_at": clock.render(started),
        "reported_at": clock.render(started + timedelta(seconds=seconds)),
        "scheduled_time": clock.render(scheduled) if scheduled else "",
        "restore_time": clock.render(started) if drill.kind == "aurora" else "",
        "rto_seconds": measured,
        "rpo_seconds": 240.0 if counts and drill.kind == "aurora" else None,
        "objectives": {"rto": rto, "rpo": rpo},
        "phases": {"Restore": round(seconds * 0.6, 1)} if counts else {},
        "checks": {"passed": 41, "failed": int(verdict == "FAIL"), "not_run": 0},
        "levels": {},
        "proven_gone": True,
        "key": naming.evidence_key(drill.name, run),
    }
