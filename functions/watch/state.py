"""The state document: what a collection found, as docs/state.schema.json describes it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from functions import clock
from functions.errors import DrillError
from functions.health import Finding, Gauge, Health
from functions.watch.conditions import (
    NOT_WATCHED,
    OF_DRILLS,
    OF_SOURCES,
    SEVERITIES,
    UNREADABLE,
    Condition,
    Severity,
)
from functions.watch.watched import Drill, Source, Watched

STATE_VERSION: Final = 1
STATE_KEY: Final = "_watch/state.json"
"""Where the latest is."""

FRESH: Final = timedelta(hours=3)
"""A state that is older says nothing of now: three collections are missing."""

State = dict[str, Any]

Since = Mapping[tuple[bool, str, str], Mapping[str, str]]
"""By whether it is a drill, its kind and its name: since when each of its conditions is open."""


class NotAState(DrillError):
    """When a stored state is not what this version writes."""


def history_key(now: datetime) -> str:
    """Where the state of an hour stays for some weeks.

    >>> from datetime import UTC
    >>> history_key(datetime(2026, 11, 2, 5, 17, tzinfo=UTC))
    '_watch/2026/11/02/05.json'
    """
    return f"_watch/{now:%Y/%m/%d/%H}.json"


def document(
    watched: Watched,
    *,
    sources: Mapping[tuple[str, str], Health],
    drills: Mapping[str, Health],
    now: datetime,
    before: State | None = None,
) -> State:
    """The state of all that is watched; `sources` are the healths by kind and name.

    A finding that was there `before` keeps the time since when it is open. One whose condition its
    kind does not have, which no alarm would count, is told as something that could not be read.
    """
    since = _since(before)
    told = {
        "state_version": STATE_VERSION,
        "collected_at": clock.render(now),
        "stack": watched.stack,
        "sources": [
            _source(source, sources[source.kind, source.name], since, now)
            for source in watched.sources
        ],
        "drills": [_drill(drill, drills[drill.name], since, now) for drill in watched.drills],
    }
    return {**told, "open": _count(told)}


def _source(source: Source, health: Health, since: Since, now: datetime) -> dict[str, Any]:
    known = _known(health.findings, OF_SOURCES.get(source.kind, ()), UNREADABLE)
    opened = since.get((False, source.kind, source.name), {})
    return {
        "kind": source.kind,
        "name": source.name,
        "gauges": _gauges(health.gauges),
        "findings": [
            _finding(text, condition, UNREADABLE.severity, opened, now) for condition, text in known
        ],
        "facts": dict(health.facts),
    }


def _drill(drill: Drill, health: Health, since: Since, now: datetime) -> dict[str, Any]:
    known = _known(health.findings, OF_DRILLS, NOT_WATCHED)
    opened = since.get((True, drill.kind, drill.name), {})
    return {
        "name": drill.name,
        "kind": drill.kind,
        "source": drill.source,
        "severity": drill.severity,
        "gauges": _gauges(health.gauges),
        "findings": [
            _finding(text, condition, drill.severity, opened, now) for condition, text in known
        ],
        "facts": dict(health.facts),
    }


def _known(
    findings: Iterable[Finding], conditions: Iterable[Condition], otherwise: Condition
) -> list[tuple[Condition, str]]:
    """Each finding with its condition; what no alarm would count is `otherwise`."""
    by_name = {condition.name: condition for condition in conditions}
    return [
        (by_name[finding.condition], finding.text)
        if finding.condition in by_name
        else (otherwise, f"{finding.condition}, which nothing counts here: {finding.text}")
        for finding in findings
    ]


def _finding(
    text: str,
    condition: Condition,
    severity: str | None,
    opened: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    return {
        "condition": condition.name,
        "severity": condition.severity or severity,
        "text": text,
        "since": opened.get(condition.name, clock.render(now)),
    }


def _gauges(gauges: Iterable[Gauge]) -> dict[str, float]:
    return {gauge.name: round(gauge.value, 3) for gauge in gauges}


def _count(told: State) -> dict[str, int]:
    found = [item.severity for item in open_items(told)]
    return {severity: found.count(severity) for severity in SEVERITIES}


def _since(before: State | None) -> Since:
    """Since when each condition of a source or a drill is open."""
    found: dict[tuple[bool, str, str], dict[str, str]] = {}
    for item in open_items(before) if before else ():
        conditions = found.setdefault((item.of_drill, item.kind, item.name), {})
        conditions.setdefault(item.condition, item.since)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """A finding of a state, with what it is about: a drill, or a source of a kind."""

    severity: Severity
    condition: str
    kind: str
    name: str
    of_drill: bool
    text: str
    since: str


def open_items(state: State) -> list[Open]:
    """All findings of a state, worst first, then those that are open for longest."""
    found = [
        Open(
            severity=finding["severity"],
            condition=finding["condition"],
            kind=each["kind"],
            name=each["name"],
            of_drill=of_drill,
            text=finding["text"],
            since=finding["since"],
        )
        for of_drill, group in ((False, state["sources"]), (True, state["drills"]))
        for each in group
        for finding in each["findings"]
    ]
    return sorted(found, key=lambda item: (SEVERITIES.index(item.severity), item.since))


def read(value: Any) -> State:
    """A stored value as a state.

    >>> read({"state_version": 7})
    Traceback (most recent call last):
    ...
    functions.watch.state.NotAState: the state is of version 7: this code reads version 1

    Raises NotAState.
    """
    if not isinstance(value, dict):
        raise NotAState(f"the state is a {type(value).__name__}: expected an object")
    if value.get("state_version") != STATE_VERSION:
        raise NotAState(
            f"the state is of version {value.get('state_version')}:"
            f" this code reads version {STATE_VERSION}"
        )
    try:
        clock.parse(value["collected_at"])
        open_items(value)
    except (KeyError, TypeError, ValueError) as error:
        raise NotAState(f"the state cannot be read: {type(error).__name__}: {error}") from error
    return value


def is_fresh(state: State, now: datetime) -> bool:
    """Whether a state is recent enough to speak of now."""
    return now - clock.parse(state["collected_at"]) <= FRESH
