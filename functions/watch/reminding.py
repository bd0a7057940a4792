"""What is still open, said once a day: an alarm speaks only when it changes. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from functions import clock, naming
from functions.report.message import Message
from functions.report.words import count, duration, instant
from functions.watch.conditions import (
    OF_DRILLS,
    OF_SOURCES,
    OF_WATCH,
    RESPONSE,
    SEVERITIES,
    Condition,
    Severity,
    alarm_of_drill,
    alarm_of_source,
)
from functions.watch.state import STATE_KEY, Open, State, is_fresh, open_items

UNKNOWN: Final[Severity] = "high"
"""How urgent it is that nothing is known; and an alarm that does not say how urgent it is."""

_MOST_ITEMS: Final = 25
_LONGEST_LINE: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Ringing:
    """An alarm in the state ALARM. `rule` is what a composite alarm is made of, else empty."""

    name: str
    description: str
    since: datetime
    rule: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing that is open: what, since when, what it means, what to do first.

    `alarm` is the name of the alarm that rings for it, if one does. `seen` is when it was last
    seen, where nobody could look since.
    """

    severity: Severity
    what: str
    since: str
    means: str = ""
    first: str = ""
    alarm: str = ""
    seen: str = ""


def items(
    state: State | None, ringing: Sequence[Ringing], *, now: datetime, trouble: Sequence[str] = ()
) -> list[Item]:
    """All that is open, worst first, then what is open for longest.

    `state` is None where there is none that can be read; `trouble` is what could not be asked. A
    finding whose alarm rings is one thing, and so is a composite alarm with the alarms it is made
    of.
    """
    names = {each.name for each in ringing}
    findings = (
        [_finding(each, state["stack"], names) for each in open_items(state)] if state else []
    )
    told = {item.alarm for item in findings}
    alarms = [
        _alarm(each) for each in ringing if each.name not in told and not names & _children(each)
    ]
    unknown = [*_state_itself(state, now), *(_trouble(text, now) for text in trouble)]
    return sorted(
        [*unknown, *findings, *alarms],
        key=lambda item: (SEVERITIES.index(item.severity), item.since),
    )


def messages(
    found: Sequence[Item], *, state: State | None, bucket: str, now: datetime
) -> list[Message]:
    """One message for each severity of which something is open, worst first; none for nothing."""
    return [
        _message(severity, list(group), state=state, bucket=bucket, now=now)
        for severity, group in groupby(found, key=lambda item: item.severity)
    ]


def _message(
    severity: Severity, found: Sequence[Item], *, state: State | None, bucket: str, now: datetime
) -> Message:
    many = count(len(found), "thing") + (" is open" if len(found) == 1 else " are open")
    first = instant(min(item.since for item in found), seconds=False)
    return Message(
        subject=f"Reminder ({severity}): {many}, the first since {first}",
        body="\n".join(_lines(severity, many, found, state=state, bucket=bucket, now=now)),
        attributes={"severity": severity},
        steps=tuple(dict.fromkeys(item.first for item in found if item.first)),
    )


def _lines(
    severity: Severity,
    many: str,
    found: Sequence[Item],
    *,
    state: State | None,
    bucket: str,
    now: datetime,
) -> Iterator[str]:
    at = instant(clock.render(now), seconds=False)
    yield f"{severity}: {many} on {at}. Look {RESPONSE[severity]}."
    for number, item in enumerate(found[:_MOST_ITEMS], start=1):
        yield ""
        yield from _told(number, item, now)
    if len(found) > _MOST_ITEMS:
        yield ""
        yield f"And {count(len(found) - _MOST_ITEMS, 'more thing')}."
    yield ""
    yield "All of it: python -m cli status"
    if state:
        yield f"State: s3://{bucket}/{STATE_KEY}, of {instant(state['collected_at'])}"


def _told(number: int, item: Item, now: datetime) -> Iterator[str]:
    yield _one_line(f"{number}. {item.what}")
    passed = (now - clock.parse(item.since)).total_seconds()
    since = instant(item.since, seconds=False) + (f", {duration(passed)} ago" if passed else "")
    for label, line in (
        ("Means:", item.means),
        ("Since:", since),
        ("Seen:", f"not since {instant(item.seen, seconds=False)}" if item.seen else ""),
        ("First:", item.first),
        ("Alarm:", item.alarm),
    ):
        if line:
            yield _one_line(f"   {label} {line}")


def _one_line(text: str) -> str:
    """The text on one line, as it is indented, and not too long."""
    indent = text[: len(text) - len(text.lstrip())]
    line = indent + " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"


def _finding(found: Open, stack: str, ringing: Collection[str]) -> Item:
    condition = next((each for each in _conditions(found) if each.name == found.condition), None)
    text = found.text.removeprefix(f"{found.name}: ")
    what = f"{'drill' if found.of == 'drill' else found.kind} {found.name}: {text}"
    seen = found.seen if found.is_unseen else ""
    if condition is None:
        return Item(severity=found.severity, what=what, since=found.since, seen=seen)
    alarm = _alarm_of(found, condition, stack)
    return Item(
        severity=found.severity,
        what=what,
        since=found.since,
        seen=seen,
        means=condition.means,
        first=condition.first.replace("NAME", found.name),
        alarm=alarm if alarm in ringing else "",
    )


def _conditions(found: Open) -> Sequence[Condition]:
    match found.of:
        case "source":
            return OF_SOURCES.get(found.kind, ())
        case "drill":
            return OF_DRILLS
        case "watch":
            return OF_WATCH


def _alarm_of(found: Open, condition: Condition, stack: str) -> str:
    match found.of:
        case "source":
            return alarm_of_source(stack, found.kind, found.name, condition)
        case "drill":
            return alarm_of_drill(found.name, condition)
        case "watch":
            return f"{naming.PREFIX}{condition.name}"


def _alarm(ringing: Ringing) -> Item:
    """An alarm that no finding explains; its description says how urgent it is, and what to do.

    >>> since = clock.parse("2026-11-02T05:00:00Z")
    >>> item = _alarm(Ringing(name="drill-x-missed", description="low: look", since=since))
    >>> item.severity, item.what
    ('low', 'look')
    """
    severity = next((s for s in SEVERITIES if ringing.description.startswith(f"{s}: ")), UNKNOWN)
    return Item(
        severity=severity,
        what=ringing.description.removeprefix(f"{severity}: ") or ringing.name,
        since=clock.render(ringing.since),
        alarm=ringing.name,
    )


def _children(ringing: Ringing) -> set[str]:
    """The names of the alarms that a composite alarm is made of.

    >>> rule = 'ALARM("arn:aws:cloudwatch:x:1:alarm:drill-a") OR ALARM("drill-b")'
    >>> since = clock.parse("2026-11-02T05:00:00Z")
    >>> sorted(_children(Ringing(name="all", description="", since=since, rule=rule)))
    ['drill-a', 'drill-b']
    """
    return {name.rpartition(":")[2] for name in re.findall(r'"([^"]+)"', ringing.rule)}


def _state_itself(state: State | None, now: datetime) -> Iterator[Item]:
    """The state as an open thing: where there is none, or one that says nothing of now."""
    first = f"Read the log of the collector: it writes {STATE_KEY} every hour."
    if state is None:
        what = "the collector has left no state that can be read: nothing is known of any backup"
        yield Item(severity=UNKNOWN, what=what, since=clock.render(now), first=first)
    elif not is_fresh(state, now):
        what = "the collector is silent: what is said here of sources and drills is no younger"
        yield Item(severity=UNKNOWN, what=what, since=state["collected_at"], first=first)


def _trouble(text: str, now: datetime) -> Item:
    return Item(
        severity=UNKNOWN,
        what=text,
        since=clock.render(now),
        first="Read the log of the reminder: it names the call and what AWS answered.",
    )
