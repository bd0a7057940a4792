"""What a run adds to the graphs: CloudWatch's embedded metric format, written by Powertools.

Names and dimensions are the contract with the alarms and the dashboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from functions.model import Status, Verdict
from functions.report.words import Report

VERDICT_METRICS = {
    Verdict.PASS: "DrillsPassed",
    Verdict.FAIL: "DrillsFailed",
    Verdict.INCONCLUSIVE: "DrillsInconclusive",
    Verdict.REFUSED: "DrillsRefused",
    Verdict.SKIPPED: "DrillsSkipped",
}
"""One counter a verdict: 1 for what happened and 0 for what did not, so that no gap means OK."""

CHECK_METRICS = {
    Status.PASSED: "ChecksPassed",
    Status.FAILED: "ChecksFailed",
    Status.NOT_RUN: "ChecksNotRun",
}

RTO = "RtoSeconds"
RPO = "RpoSeconds"
PHASE = "PhaseSeconds"
LEFTOVERS = "Leftovers"
DAYS_SINCE_PROOF = "DaysSinceProof"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One value of one metric; the dimensions are in the order in which they are declared."""

    name: str
    value: float
    unit: str
    dimensions: dict[str, str] = field(default_factory=dict)


def measures(report: Report) -> list[Measure]:
    """What a run measured. A run that was skipped or refused measured nothing but that."""
    return list(_measures(report))


def _measures(report: Report) -> Iterator[Measure]:
    drill = {"Drill": report["drill"]["name"]}
    verdict = Verdict(report["verdict"])
    for each, name in VERDICT_METRICS.items():
        yield Measure(name=name, value=float(each is verdict), unit="Count", dimensions=drill)
    if verdict in (Verdict.SKIPPED, Verdict.REFUSED):
        return
    if verdict is Verdict.PASS:
        yield Measure(name=DAYS_SINCE_PROOF, value=0.0, unit="None", dimensions=drill)
    for status, name in CHECK_METRICS.items():
        yield Measure(
            name=name, value=float(report["tally"][status]), unit="Count", dimensions=drill
        )
    left = float(len(report["resources"]["leftovers"]))
    yield Measure(name=LEFTOVERS, value=left, unit="Count", dimensions=drill)
    for name, objective in (("rto", RTO), ("rpo", RPO)):
        measured = report["objectives"][name]["measured_seconds"]
        if measured is not None:
            yield Measure(name=objective, value=measured, unit="Seconds", dimensions=drill)
    for phase in report["phases"]:
        yield Measure(
            name=PHASE,
            value=phase["seconds"],
            unit="Seconds",
            dimensions={**drill, "Phase": phase["name"]},
        )


def emit(found: Iterable[Measure], *, namespace: str) -> None:
    """Write the measures to the log, where CloudWatch finds them: a line for each dimension set."""
    from aws_lambda_powertools.metrics import EphemeralMetrics

    for _, group in groupby(found, key=lambda measure: measure.dimensions):
        same = list(group)
        metrics = EphemeralMetrics(namespace=namespace)
        for name, value in same[0].dimensions.items():
            metrics.add_dimension(name=name, value=value)
        for measure in same:
            metrics.add_metric(name=measure.name, unit=measure.unit, value=measure.value)
        metrics.flush_metrics()
