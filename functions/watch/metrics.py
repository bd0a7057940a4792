"""What a collection adds to the graphs: the numbers of the state document. Pure.

Names and dimensions are the contract with the alarms and the dashboard. CloudWatch bills a metric
for each hour in which it hears of it, so only what is wrong, what changed and what an alarm expects
every hour is told every hour; the rest four times a day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from functions import clock
from functions.report.metrics import DAYS_SINCE_PROOF, Measure
from functions.watch.conditions import (
    FINDINGS,
    OF_DRILLS,
    OF_SOURCES,
    OF_WATCH,
    OVERDUE,
    Condition,
)

RESTORABLE_LAG: Final = "RestorableLagSeconds"
RESTORABLE_WINDOW: Final = "RestorableWindowSeconds"
SNAPSHOT_AGE: Final = "SnapshotAgeSeconds"
SNAPSHOT_DURATION: Final = "SnapshotDurationSeconds"
BACKUP_BYTES: Final = "BackupBytes"
MANUAL_SNAPSHOTS: Final = "ManualSnapshots"
FAILED_REPLICATIONS: Final = "FailedReplications"
DAYS_SINCE_ROTATED: Final = "DaysSinceRotated"
ROTATION_SUCCESS: Final = "RotationSuccessPercent"
COST_THIS_MONTH: Final = "CostThisMonth"
"""US dollars, an estimate."""

COLLECTIONS: Final = "Collections"
"""1 for a collection that was finished: what is silent when there is none is the collector."""

GAUGES_OF_SOURCES: Final[dict[str, dict[str, str]]] = {
    "aurora": {
        RESTORABLE_LAG: "Seconds",
        RESTORABLE_WINDOW: "Seconds",
        SNAPSHOT_AGE: "Seconds",
        SNAPSHOT_DURATION: "Seconds",
        BACKUP_BYTES: "Bytes",
        MANUAL_SNAPSHOTS: "Count",
    },
    "s3_versions": {FAILED_REPLICATIONS: "Count"},
    "secret_rotation": {DAYS_SINCE_ROTATED: "None", ROTATION_SUCCESS: "Percent"},
}
"""The units of a kind's gauges; dimensions Kind and Source."""

GAUGES_OF_DRILLS: Final[dict[str, str]] = {DAYS_SINCE_PROOF: "None", COST_THIS_MONTH: "None"}
"""The units of a drill's gauges; dimension Drill."""


_EVERY_HOUR: Final = frozenset({RESTORABLE_LAG, SNAPSHOT_AGE})
"""The gauges that a person wants to see move."""

_SECONDS_OF_A_SLOT: Final = 6 * 60 * 60


def measures(state: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[Measure]:
    """What a state document says in numbers.

    Each condition that alarms is counted, also where nothing was found, and each gauge told; not
    one that could not be judged: a 0 would clear its alarm, and nobody saw that it is over. When
    `before`, the last state, is of the same six hours, the counts that are 0 as they were then are
    left out, and so are the gauges that move slowly: their alarms keep the state that they have.

    >>> state = {"collected_at": "2026-11-02T05:00:00Z", "drills": [],
    ...          "sources": [{"kind": "s3_versions", "name": "files", "gauges": {},
    ...                       "findings": [{"condition": "versioning-off"}]}]}
    >>> len(measures(state)), len(measures(state, state))
    (6, 1)
    """
    told = list(_measures(state))
    if before is None or _slot(state) != _slot(before):
        return told
    known = {_identity(measure): measure.value for measure in _measures(before)}
    return [
        measure
        for measure in told
        if _is_hourly(measure)
        or _identity(measure) not in known
        or (measure.name == FINDINGS and (measure.value or known[_identity(measure)]))
    ]


def _measures(state: Mapping[str, Any]) -> Iterator[Measure]:
    yield from (measure for source in state["sources"] for measure in _of_source(source))
    yield from (measure for drill in state["drills"] for measure in _of_drill(drill))
    yield from _findings(state.get("watch", {"findings": []}), OF_WATCH, {})


def _slot(state: Mapping[str, Any]) -> int:
    return int(clock.parse(state["collected_at"]).timestamp()) // _SECONDS_OF_A_SLOT


def _identity(measure: Measure) -> tuple[str, ...]:
    return (measure.name, *(f"{name}={value}" for name, value in measure.dimensions.items()))


def _is_hourly(measure: Measure) -> bool:
    """Whether nobody may be left to guess: an overdue drill's alarm takes silence for the worst."""
    return measure.name in _EVERY_HOUR or measure.dimensions.get("Condition") == OVERDUE.name


def finished() -> list[Measure]:
    """What is said last, of a collection that left nothing out."""
    return [Measure(name=COLLECTIONS, value=1.0, unit="Count")]


def _of_source(source: Mapping[str, Any]) -> Iterator[Measure]:
    kind = source["kind"]
    named = {"Kind": kind, "Source": source["name"]}
    yield from _gauges(source["gauges"], GAUGES_OF_SOURCES.get(kind, {}), named)
    yield from _findings(source, OF_SOURCES.get(kind, ()), named)


def _of_drill(drill: Mapping[str, Any]) -> Iterator[Measure]:
    named = {"Drill": drill["name"]}
    yield from _gauges(drill["gauges"], GAUGES_OF_DRILLS, named)
    yield from _findings(drill, OF_DRILLS, named)


def _gauges(
    gauges: Mapping[str, float], units: Mapping[str, str], dimensions: dict[str, str]
) -> Iterator[Measure]:
    for name, value in gauges.items():
        yield Measure(
            name=name, value=float(value), unit=units.get(name, "None"), dimensions=dimensions
        )


def _findings(
    told: Mapping[str, Any], conditions: Iterable[Condition], dimensions: dict[str, str]
) -> Iterator[Measure]:
    """How many there are of each condition that was judged.

    `overdue` is told as it was when it could not be: its alarm takes silence for the worst.
    """
    unjudged = set(told.get("unjudged", ())) - {OVERDUE.name}
    found = Counter(finding["condition"] for finding in told["findings"])
    for condition in conditions:
        if condition.alarms and condition.name not in unjudged:
            yield Measure(
                name=FINDINGS,
                value=float(found[condition.name]),
                unit="Count",
                dimensions={"Condition": condition.name, **dimensions},
            )
