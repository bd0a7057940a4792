"""Every metric that the functions publish of what is watched: asked of the code that does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.report import metrics as report
from functions.watch import expired
from functions.watch.metrics import (
    GAUGES_OF_DRILLS,
    GAUGES_OF_SOURCES,
    finished,
    measures,
)
from functions.watch.watched import Watched

Published = set[tuple[str, frozenset[tuple[str, str]]]]


def published(watched: Watched, *, namespace: str) -> Published:
    """Names with their dimensions, all in the one `namespace`.

    Of a state in which every gauge is known; of each drill's report; of sweeps.
    """
    assert namespace
    collected = [*measures(_state(watched)), *finished()]
    of_reports = [
        *report.VERDICT_METRICS.values(),
        *report.CHECK_METRICS.values(),
        report.RTO,
        report.RPO,
        report.LEFTOVERS,
        report.DAYS_SINCE_PROOF,
    ]
    of_sweeps = (expired.EXPIRED, expired.UNTAGGED, expired.SWEEPS)
    return {
        *((each.name, frozenset(each.dimensions.items())) for each in collected),
        *(
            (name, frozenset({("Drill", drill.name)}))
            for drill in watched.drills
            for name in of_reports
        ),
        *((name, frozenset()) for name in of_sweeps),
    }


def _state(watched: Watched) -> Mapping[str, Any]:
    return {
        "collected_at": "2026-11-02T05:00:00Z",
        "sources": [
            {
                "kind": source.kind,
                "name": source.name,
                "gauges": dict.fromkeys(GAUGES_OF_SOURCES[source.kind], 1.0),
                "findings": [],
            }
            for source in watched.sources
        ],
        "drills": [
            {
                "name": drill.name,
                "gauges": dict.fromkeys(GAUGES_OF_DRILLS, 1.0),
                "findings": [],
            }
            for drill in watched.drills
        ],
        "watch": {"findings": []},
    }
