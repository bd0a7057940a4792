"""The dashboard's layout: could we restore right now, and when did we last prove it? Pure.

CloudWatch's dashboard (infra/dashboard.py) and the lab's page are both made from these rows, so
that what is seen in one is seen in the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from functions.model import Verdict
from functions.report.metrics import DAYS_SINCE_PROOF, RPO, RTO, VERDICT_METRICS
from functions.watch.conditions import FINDINGS, OF_SOURCES
from functions.watch.metrics import (
    BACKUP_BYTES,
    COST_THIS_MONTH,
    DAYS_SINCE_ROTATED,
    FAILED_REPLICATIONS,
    RESTORABLE_LAG,
    RESTORABLE_WINDOW,
    ROTATION_SUCCESS,
    SNAPSHOT_AGE,
    SNAPSHOT_DURATION,
)
from functions.watch.watched import Drill, Source, Watched

__all__ = [
    "COST",
    "DAYS_SINCE_PROOF",
    "RPO",
    "RTO",
    "Objectives",
    "Row",
    "Series",
    "Widget",
    "rows",
]

WidgetKind = Literal["number", "line", "text", "alarms"]

COST: Final = COST_THIS_MONTH

_VERDICTS: Final = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.REFUSED: "refused",
}
_A_DAY: Final = 1
_A_MONTH: Final = 31
_A_YEAR: Final = 365


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One metric. An empty `namespace` is the deployment's own (Settings.namespace)."""

    metric: str
    label: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    statistic: str = "Maximum"


@dataclass(frozen=True, kw_only=True, slots=True)
class Widget:
    """One picture of the last `days`, by steps of `period` seconds.

    `number` shows the newest values, `line` their course with `objective` as a level line, `text`
    what `text` says (Markdown), and `alarms` the state of every alarm of the deployment. `unit` is
    CloudWatch's (Seconds, Bytes, Count, Percent, None). `width` is in twenty-fourths of a row.
    """

    title: str
    kind: WidgetKind
    series: tuple[Series, ...] = ()
    unit: str = "None"
    objective: float | None = None
    text: str = ""
    days: int = _A_DAY
    period: int = 3600
    width: int = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What stands side by side, under one title."""

    title: str
    widgets: tuple[Widget, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Objectives:
    """What a drill must keep to, in seconds; None where nothing was promised."""

    rto: float | None = None
    rpo: float | None = None


def rows(watched: Watched, objectives: Mapping[str, Objectives] | None = None) -> list[Row]:
    """The layout, from top to bottom; `objectives` by the name of the drill.

    >>> board = rows(Watched(stack="s", schedule_group="g",
    ...                      sources=(Source(kind="s3_versions", name="files"),)))
    >>> [row.title for row in board]
    ['Now', 'files (s3_versions)']
    """
    return list(_rows(watched, objectives or {}))


def _rows(watched: Watched, objectives: Mapping[str, Objectives]) -> Iterator[Row]:
    yield _now(watched)
    yield from (_source(source) for source in watched.sources)
    yield from (_drill(drill, objectives.get(drill.name, Objectives())) for drill in watched.drills)
    if watched.drills:
        yield _cost(watched)


def _now(watched: Watched) -> Row:
    text = (
        f"**{watched.stack}: could we restore right now, and when did we last prove it?** "
        "Every alarm green, every finding 0: a restore works today. Days since proof: how long ago"
        " a drill last passed. A blank number means that the collector has been silent for a day;"
        " the alarm collector-silent says it sooner. What each alarm means, and what to do first:"
        " docs/runbook.md."
    )
    proofs = tuple(
        Series(metric=DAYS_SINCE_PROOF, label=drill.name, dimensions={"Drill": drill.name})
        for drill in watched.drills
    )
    proof = Widget(title="Days since the last proof", kind="number", series=proofs, width=24)
    return Row(
        title="Now",
        widgets=(
            Widget(title="", kind="text", text=text, width=24),
            Widget(title="Alarms", kind="alarms", width=24),
            *((proof,) if proofs else ()),
        ),
    )


def _source(source: Source) -> Row:
    pictures = {
        "aurora": _aurora,
        "s3_versions": _bucket,
        "secret_rotation": _secret,
    }
    made = pictures.get(source.kind, _only_findings)(source)
    return Row(title=f"{source.name} ({source.kind})", widgets=tuple(made))


def _aurora(source: Source) -> Iterator[Widget]:
    lag_limit = source.wanted.get("restorable_lag_maximum_seconds")
    age_limit = source.wanted.get("snapshot_age_maximum_seconds")
    lag, age = {RESTORABLE_LAG: "behind now"}, {SNAPSHOT_AGE: "age"}
    yield _gauge(source, "Seconds", lag)
    yield _gauge(source, "Seconds", {**age, SNAPSHOT_DURATION: "took"})
    yield _gauge(source, "Bytes", {BACKUP_BYTES: "backups"})
    yield _findings(source)
    yield _gauge(source, "Seconds", lag, kind="line", objective=lag_limit)
    yield _gauge(source, "Seconds", age, kind="line", objective=age_limit)
    yield _gauge(source, "Seconds", {RESTORABLE_WINDOW: "restorable window"}, kind="line")
    yield Widget(
        title="Billed backup storage",
        kind="line",
        series=(
            Series(
                namespace="AWS/RDS",
                metric="TotalBackupStorageBilled",
                label="billed backups",
                dimensions={"DBClusterIdentifier": source.name},
            ),
        ),
        unit="Bytes",
        days=_A_MONTH,
        period=86_400,
    )


def _bucket(source: Source) -> Iterator[Widget]:
    yield _gauge(source, "Count", {FAILED_REPLICATIONS: "failed replications"}, width=12)
    yield _findings(source, width=12)


def _secret(source: Source) -> Iterator[Widget]:
    yield _gauge(source, "None", {DAYS_SINCE_ROTATED: "days since rotated"})
    yield _gauge(source, "Percent", {ROTATION_SUCCESS: "rotations that succeeded"})
    yield _findings(source, width=12)


def _only_findings(source: Source) -> Iterator[Widget]:
    yield _findings(source, width=24)


_TITLES: Final = {
    RESTORABLE_LAG: "Restorable until (behind now)",
    RESTORABLE_WINDOW: "Restorable window",
    SNAPSHOT_AGE: "Last snapshot",
    BACKUP_BYTES: "Backup bytes",
    FAILED_REPLICATIONS: "Failed replications, 24 hours",
    DAYS_SINCE_ROTATED: "Days since rotated",
    ROTATION_SUCCESS: "Rotation success rate, 90 days",
}


def _gauge(
    source: Source,
    unit: str,
    labels: Mapping[str, str],
    *,
    kind: WidgetKind = "number",
    objective: float | None = None,
    width: int = 6,
) -> Widget:
    """One picture of a source's gauges: `labels` are their names, and what each is called."""
    first = next(iter(labels))
    return Widget(
        title=_TITLES[first],
        kind=kind,
        series=tuple(
            Series(
                metric=metric, label=label, dimensions={"Kind": source.kind, "Source": source.name}
            )
            for metric, label in labels.items()
        ),
        unit=unit,
        objective=objective,
        days=_A_MONTH if kind == "line" else _A_DAY,
        width=width,
    )


def _findings(source: Source, width: int = 6) -> Widget:
    """How much is wrong with a source, by condition: all 0 where nothing is."""
    return Widget(
        title="Findings",
        kind="number",
        series=tuple(
            Series(
                metric=FINDINGS,
                label=condition.name,
                dimensions={
                    "Condition": condition.name,
                    "Kind": source.kind,
                    "Source": source.name,
                },
            )
            for condition in OF_SOURCES.get(source.kind, ())
        ),
        unit="Count",
        width=width,
    )


def _drill(drill: Drill, objectives: Objectives) -> Row:
    of_drill = {"Drill": drill.name}
    return Row(
        title=f"{drill.name} (of {drill.source})",
        widgets=(
            Widget(
                title="Days since proof",
                kind="number",
                series=(Series(metric=DAYS_SINCE_PROOF, label="days", dimensions=of_drill),),
            ),
            Widget(
                title="Verdicts",
                kind="line",
                series=tuple(
                    Series(
                        metric=VERDICT_METRICS[verdict],
                        label=label,
                        dimensions=of_drill,
                        statistic="Sum",
                    )
                    for verdict, label in _VERDICTS.items()
                ),
                unit="Count",
                days=_A_YEAR,
                period=86_400,
            ),
            _course("RTO", RTO, of_drill, objectives.rto),
            _course("RPO", RPO, of_drill, objectives.rpo),
        ),
    )


def _course(
    title: str, metric: str, dimensions: Mapping[str, str], objective: float | None
) -> Widget:
    return Widget(
        title=f"{title} against its objective",
        kind="line",
        series=(Series(metric=metric, label="measured", dimensions=dimensions),),
        unit="Seconds",
        objective=objective,
        days=_A_YEAR,
        period=86_400,
    )


def _cost(watched: Watched) -> Row:
    return Row(
        title="Cost of drills this month",
        widgets=(
            Widget(
                title="US dollars, an estimate",
                kind="number",
                series=tuple(
                    Series(metric=COST, label=drill.name, dimensions={"Drill": drill.name})
                    for drill in watched.drills
                ),
                width=24,
            ),
        ),
    )
