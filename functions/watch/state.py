"""The state document: what a collection found, as docs/state.schema.json describes it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from functions import clock
from functions.errors import DrillError
from functions.health import Finding, Gauge, Health
from functions.watch.conditions import (
    NOT_WATCHED,
    OF_DRILLS,
    OF_SOURCES,
    OF_WATCH,
    SEVERITIES,
    UNREADABLE,
    WATCH_SCHEDULE_OFF,
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

Of = Literal["source", "drill", "watch"]
"""What a finding is of."""

WATCH: Final = "watch"
"""The kind of what is found of the watch itself; its name is the stack's."""

Known = Mapping[str, "Open"]
"""What was open of something when it was last looked at, by condition."""


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
    watch: Iterable[Finding] = (),
    now: datetime,
    before: State | None = None,
) -> State:
    """The state of all that is watched; `sources` are the healths by kind and name.

    A finding that was there `before` keeps the time since when it is open, and stays, with the time
    when it was last seen, for as long as nobody can see whether it is still true. One whose
    condition its kind does not have, which no alarm would count, is told as something that could
    not be read.
    """
    known = _known_by(before)
    own = known.get((WATCH, WATCH, watched.stack), {})
    told = {
        "state_version": STATE_VERSION,
        "collected_at": clock.render(now),
        "stack": watched.stack,
        "sources": [
            _source(
                source,
                sources[source.kind, source.name],
                known.get(("source", source.kind, source.name), {}),
                now,
            )
            for source in watched.sources
        ],
        "drills": [
            _drill(drill, drills[drill.name], known.get(("drill", drill.kind, drill.name), {}), now)
            for drill in watched.drills
        ],
        "watch": {
            "findings": [
                _finding(text, condition, None, own, now)
                for condition, text in _told(watch, OF_WATCH, WATCH_SCHEDULE_OFF)
            ]
        },
    }
    return {**told, "open": _count(told)}


def _source(source: Source, health: Health, known: Known, now: datetime) -> dict[str, Any]:
    conditions = OF_SOURCES.get(source.kind, ())
    found = _told(health.findings, conditions, UNREADABLE)
    is_unread = any(condition is UNREADABLE for condition, _ in found)
    blind = [each.name for each in conditions if is_unread and each is not UNREADABLE]
    return {
        "kind": source.kind,
        "name": source.name,
        "gauges": _gauges(health.gauges),
        "findings": [
            *(_finding(text, each, UNREADABLE.severity, known, now) for each, text in found),
            *_unseen(found, blind, known),
        ],
        "unjudged": _unjudged(found, blind),
        "facts": dict(health.facts),
    }


def _drill(drill: Drill, health: Health, known: Known, now: datetime) -> dict[str, Any]:
    found = _told(health.findings, OF_DRILLS, NOT_WATCHED)
    facts = dict(health.facts)
    blind = facts.pop("unjudged", [])
    return {
        "name": drill.name,
        "kind": drill.kind,
        "source": drill.source,
        "severity": drill.severity,
        "gauges": _gauges(health.gauges),
        "findings": [
            *(_finding(text, each, drill.severity, known, now) for each, text in found),
            *_unseen(found, blind, known),
        ],
        "unjudged": _unjudged(found, blind),
        "facts": facts,
    }


def _told(
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


def _unjudged(found: Iterable[tuple[Condition, str]], blind: Iterable[str]) -> list[str]:
    """The conditions of which nobody knows whether they are true now."""
    seen = {condition.name for condition, _ in found}
    return [name for name in blind if name not in seen]


def _unseen(
    found: Iterable[tuple[Condition, str]], blind: Iterable[str], known: Known
) -> list[dict[str, Any]]:
    """What was open, and may still be: nobody could look."""
    return [
        {
            "condition": name,
            "severity": known[name].severity,
            "text": known[name].text,
            "since": known[name].since,
            "seen": known[name].seen,
        }
        for name in _unjudged(found, blind)
        if name in known
    ]


def _finding(
    text: str, condition: Condition, severity: str | None, known: Known, now: datetime
) -> dict[str, Any]:
    opened = known.get(condition.name)
    return {
        "condition": condition.name,
        "severity": condition.severity or severity,
        "text": text,
        "since": opened.since if opened else clock.render(now),
    }


def _gauges(gauges: Iterable[Gauge]) -> dict[str, float]:
    return {gauge.name: round(gauge.value, 3) for gauge in gauges}


def _count(told: State) -> dict[str, int]:
    found = [item.severity for item in open_items(told)]
    return {severity: found.count(severity) for severity in SEVERITIES}


def _known_by(before: State | None) -> dict[tuple[Of, str, str], dict[str, Open]]:
    """What was open of each thing, by what it is, its kind and its name; the first of a kind."""
    found: dict[tuple[Of, str, str], dict[str, Open]] = {}
    for item in open_items(before) if before else ():
        conditions = found.setdefault((item.of, item.kind, item.name), {})
        conditions.setdefault(item.condition, item)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Open:
    """A finding of a state, with what it is about: a drill, a source of a kind, the watch.

    `seen` is when it was last seen: the time of the state, unless nobody could look since.
    """

    severity: Severity
    condition: str
    of: Of
    kind: str
    name: str
    text: str
    since: str
    seen: str
    is_unseen: bool = False


def open_items(state: State) -> list[Open]:
    """All findings of a state, worst first, then those that are open for longest."""
    own = {"kind": WATCH, "name": state.get("stack", ""), **state.get(WATCH, {"findings": []})}
    groups: tuple[tuple[Of, Collection[Mapping[str, Any]]], ...] = (
        ("source", state["sources"]),
        ("drill", state["drills"]),
        ("watch", [own]),
    )
    found = [
        Open(
            severity=finding["severity"],
            condition=finding["condition"],
            of=of,
            kind=each["kind"],
            name=each["name"],
            text=finding["text"],
            since=finding["since"],
            seen=finding.get("seen", state["collected_at"]),
            is_unseen="seen" in finding,
        )
        for of, group in groups
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
