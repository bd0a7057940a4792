"""What CloudTrail tells of a run, as it is kept beside the run's report. Pure.

Never the parameters of a request, nor the message of an error: they may hold data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from functions import clock
from functions.model import Verdict
from functions.report.build import part, text

AFTER: Final = timedelta(hours=1)
"""How long after its report a run's resources are still looked for: deletions take their time."""

DELAY: Final = timedelta(minutes=15)
"""CloudTrail shows an event within this time."""

_KEPT_TRYING: Final = timedelta(hours=24)
_LAST_CHANCE: Final = timedelta(hours=22)
_MOST_RESOURCES: Final = 20
_MADE_NOTHING: Final = (Verdict.SKIPPED, Verdict.REFUSED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """What to look for: the resources that a run made, from its start until after its report.

    `left_out` is how many resources are too many to look for.
    """

    key: str
    start: datetime
    end: datetime
    resources: tuple[str, ...]
    left_out: int = 0


def is_due(run: Mapping[str, Any], now: datetime) -> bool:
    """Whether CloudTrail knows all of a run by now; of one that was reported a day ago, no more.

    >>> from datetime import UTC
    >>> run = {"verdict": "PASS", "reported_at": "2026-11-02T05:00:00Z"}
    >>> [is_due(run, datetime(2026, 11, day, hour, 15, tzinfo=UTC))
    ...  for day, hour in ((2, 5), (2, 6), (3, 5), (3, 6))]
    [False, True, True, False]
    """
    known_at = clock.parse(run["reported_at"]) + AFTER + DELAY
    return run["verdict"] not in _MADE_NOTHING and known_at <= now < known_at + _KEPT_TRYING


def is_last_chance(run: Mapping[str, Any], now: datetime) -> bool:
    """Whether what can be had now is to be kept, since nobody will look again much longer."""
    return now >= clock.parse(run["reported_at"]) + AFTER + DELAY + _LAST_CHANCE


def key_of(run: Mapping[str, Any]) -> str:
    """Where the events of a run are kept."""
    return f"{run['key']}/cloudtrail.json"


def of_run(run: Mapping[str, Any], report: Mapping[str, Any]) -> Footprint:
    """What to look for, by the run's ledger entry and its report."""
    created = part(report, "resources").get("created")
    found = created if isinstance(created, list) else []
    names = list(
        dict.fromkeys(
            name for each in found if isinstance(each, Mapping) and (name := text(each.get("name")))
        )
    )
    return Footprint(
        key=key_of(run),
        start=clock.parse(run["started_at"]),
        end=clock.parse(run["reported_at"]) + AFTER,
        resources=tuple(names[:_MOST_RESOURCES]),
        left_out=len(names[_MOST_RESOURCES:]),
    )


def record(
    footprint: Footprint,
    events: Iterable[Mapping[str, Any]],
    *,
    failures: Sequence[str],
    now: datetime,
) -> dict[str, Any]:
    """The file: complete unless something failed, or was more than is looked for."""
    limits = (
        [f"{footprint.left_out} more resources were not looked for"] if footprint.left_out else []
    )
    known = {str(event.get("EventId")): event for event in events}
    return {
        "looked_up_at": clock.render(now),
        "from": clock.render(footprint.start),
        "until": clock.render(footprint.end),
        "complete": not failures and not limits,
        "failures": [*failures, *limits],
        "resources": list(footprint.resources),
        "events": sorted((_event(event) for event in known.values()), key=lambda e: e["time"]),
    }


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of LookupEvents: who did what to what, and by what name it was refused."""
    told = _told(event.get("CloudTrailEvent"))
    resources = event.get("Resources") or []
    return {
        "time": clock.render(event["EventTime"]),
        "name": text(event.get("EventName")),
        "source": text(event.get("EventSource")),
        "user": text(part(told, "userIdentity").get("arn")) or text(event.get("Username")),
        "resources": sorted({text(each.get("ResourceName")) for each in resources} - {""}),
        "read_only": event.get("ReadOnly") == "true",
        "error": text(told.get("errorCode")) or None,
    }


def _told(event: object) -> Mapping[str, Any]:
    try:
        parsed = json.loads(event) if isinstance(event, str) else None
    except ValueError:
        return {}
    return parsed if isinstance(parsed, Mapping) else {}
