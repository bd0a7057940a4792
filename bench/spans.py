"""Where the time of an execution goes, from the events of its history. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from lab.aws import function_name

_ANSWERED: Final = {"LambdaFunctionSucceeded", "LambdaFunctionFailed", "LambdaFunctionTimedOut"}

Event = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of an execution in which a function worked or, without one, a Wait waited."""

    state: str
    function: str
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, kw_only=True, slots=True)
class StateTime:
    """A state of the line in one drill, in seconds.

    `works` is the time of its calls; `starts` the part of it before the handler is called, in
    which a process begins and imports it; `waits` the time of its Wait state.
    """

    calls: int = 0
    works: float = 0.0
    starts: float = 0.0
    waits: float = 0.0


def spans(events: Iterable[Event]) -> Iterator[Span]:
    """The calls and the waits of an execution; each event names the one before it."""
    entered: dict[int, Event] = {}
    calls: dict[int, tuple[str, Event]] = {}
    for event in events:
        kind, before = str(event["type"]), event["previousEventId"]
        if kind.endswith("StateEntered"):
            entered[event["id"]] = event
        elif before in entered:
            entered[event["id"]] = entered[before]
        if kind == "LambdaFunctionScheduled":
            arn = event["lambdaFunctionScheduledEventDetails"]["resource"]
            calls[event["id"]] = (function_name(arn), event)
        elif before in calls:
            calls[event["id"]] = calls[before]
        if kind in _ANSWERED:
            function, scheduled = calls[before]
            yield _span(entered[before], function, scheduled, event)
        elif kind == "WaitStateExited":
            yield _span(entered[before], "", entered[before], event)


def _span(entered: Event, function: str, first: Event, last: Event) -> Span:
    return Span(
        state=entered["stateEnteredEventDetails"]["name"].removesuffix(" waits"),
        function=function,
        start=first["timestamp"],
        end=last["timestamp"],
    )


def by_state(found: Iterable[Span], starts: dict[str, float]) -> dict[str, StateTime]:
    """What each state took, in the order of the line; `starts` is in seconds, by function."""
    times: dict[str, StateTime] = defaultdict(StateTime)
    for span in sorted(found, key=lambda span: span.start):
        so_far = times[span.state]
        if span.function:
            times[span.state] = replace(
                so_far,
                calls=so_far.calls + 1,
                works=so_far.works + span.seconds,
                starts=starts[span.function],
            )
        else:
            times[span.state] = replace(so_far, waits=so_far.waits + span.seconds)
    return dict(times)


def covered(found: Iterable[Span]) -> float:
    """Seconds in which at least one of the spans was under way."""
    total = 0.0
    until: datetime | None = None
    for span in sorted(found, key=lambda span: span.start):
        start = span.start if until is None else max(span.start, until)
        if span.end > start:
            total += (span.end - start).total_seconds()
            until = span.end
    return total
