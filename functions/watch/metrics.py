"""What a collection adds to the graphs: a measure for all that the state document holds. Pure.

Names and dimensions are the contract with the alarms and the dashboard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from functions.report.metrics import DAYS_SINCE_PROOF, Measure
from functions.watch.conditions import FINDINGS, OF_DRILLS, OF_SOURCES, Condition

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


def measures(state: Mapping[str, Any]) -> list[Measure]:
    """What a state document says in numbers: each condition is counted, also those that are absent.

    >>> state = {"sources": [{"kind": "s3_versions", "name": "files", "gauges": {},
    ...                       "findings": [{"condition": "versioning-off"}]}], "drills": []}
    >>> [m.dimensions["Condition"] for m in measures(state) if m.value]
    ['versioning-off']
    """
    return [
        *(measure for source in state["sources"] for measure in _of_source(source)),
        *(measure for drill in state["drills"] for measure in _of_drill(drill)),
    ]


def finished() -> list[Measure]:
    """What is said last, of a collection that left nothing out."""
    return [Measure(name=COLLECTIONS, value=1.0, unit="Count")]


def _of_source(source: Mapping[str, Any]) -> Iterator[Measure]:
    kind = source["kind"]
    named = {"Kind": kind, "Source": source["name"]}
    yield from _gauges(source["gauges"], GAUGES_OF_SOURCES.get(kind, {}), named)
    yield from _findings(source["findings"], OF_SOURCES.get(kind, ()), named)


def _of_drill(drill: Mapping[str, Any]) -> Iterator[Measure]:
    named = {"Drill": drill["name"]}
    yield from _gauges(drill["gauges"], GAUGES_OF_DRILLS, named)
    yield from _findings(drill["findings"], OF_DRILLS, named)


def _gauges(
    gauges: Mapping[str, float], units: Mapping[str, str], dimensions: dict[str, str]
) -> Iterator[Measure]:
    for name, value in gauges.items():
        yield Measure(
            name=name, value=float(value), unit=units.get(name, "None"), dimensions=dimensions
        )


def _findings(
    findings: Iterable[Mapping[str, Any]],
    conditions: Iterable[Condition],
    dimensions: dict[str, str],
) -> Iterator[Measure]:
    found = Counter(finding["condition"] for finding in findings)
    for condition in conditions:
        yield Measure(
            name=FINDINGS,
            value=float(found[condition.name]),
            unit="Count",
            dimensions={"Condition": condition.name, **dimensions},
        )
