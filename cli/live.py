"""The live view: follows an execution by its history.

`progress` turns events into what is to be seen, and is pure; rendering is thin. On a terminal the
view is redrawn in place; anywhere else every event of interest is a line of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from functions.model import Verdict
from functions.report.words import count, duration

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

Event = Mapping[str, Any]
"""An event as boto3's `get_execution_history` returns it."""

LINE: Final = ("Plan", "Witness", "Exercise", "Verify", "Teardown", "Report")
_OPTIONAL: Final = {"Clear": "Plan", "Hold": "Verify"}
_PARTS: Final = {"VerifyUnits": "Verify", "VerifyUnit": "Verify"}
_FAILURES: Final = frozenset(
    {
        "LambdaFunctionFailed",
        "LambdaFunctionScheduleFailed",
        "LambdaFunctionStartFailed",
        "LambdaFunctionTimedOut",
        "TaskFailed",
        "TaskStartFailed",
        "TaskTimedOut",
    }
)
_ENDS: Final = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}
_VERDICTS: Final = {
    "DrillFailed": Verdict.FAIL,
    "DrillInconclusive": Verdict.INCONCLUSIVE,
    "DrillRefused": Verdict.REFUSED,
}
_RUNNING: Final = "RUNNING"


class StageState(StrEnum):
    """Where a step of the line stands."""

    AHEAD = "ahead"
    ACTIVE = "active"
    DONE = "done"
    RAISED = "raised"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A step of the line. `calls` counts every invocation, retries and units of work included."""

    name: str
    state: StageState = StageState.AHEAD
    calls: int = 0
    retries: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    waiting_for: str = ""
    problem: str = ""
    units_done: int = 0
    units_total: int | None = None

    def seconds(self, now: datetime) -> float | None:
        """How long it took, or has taken so far; None before its first call."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What a history tells. `status` is Step Functions' own; the verdict is known after Report."""

    stages: tuple[Stage, ...]
    status: str = _RUNNING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    verdict: Verdict | None = None
    cause: str = ""

    @property
    def running(self) -> bool:
        """Whether the execution goes on."""
        return self.status == _RUNNING

    def seconds(self, now: datetime) -> float:
        """How long the execution took, or has taken so far."""
        if self.started_at is None:
            return 0.0
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())


def progress(events: Iterable[Event]) -> Progress:
    """What the events of a history, oldest first, tell of the line.

    >>> [stage.state.value for stage in progress([]).stages][:2]
    ['ahead', 'ahead']
    """
    reading = _Reading()
    for event in events:
        reading.take(event)
    return reading.told()


@dataclass(kw_only=True, slots=True)
class _Draft:
    """A stage in the making."""

    name: str
    state: StageState = StageState.AHEAD
    calls: int = 0
    retries: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    waiting_for: str = ""
    problem: str = ""
    units_done: int = 0
    units_total: int | None = None

    def enter(self, moment: datetime) -> None:
        self.state = StageState.ACTIVE
        self.started_at = self.started_at or moment
        self.ended_at = None

    def leave(self, moment: datetime, state: StageState) -> None:
        self.state, self.ended_at, self.waiting_for = state, moment, ""

    def stage(self) -> Stage:
        return Stage(**{name: getattr(self, name) for name in self.__slots__})


@dataclass(kw_only=True, slots=True)
class _Visit:
    """One visit of a Task state, from entered to exited: attempts, and how the last one ended."""

    state: str
    attempts: int = 0
    raised: bool = False
    answer: Mapping[str, Any] | None = None


@dataclass(kw_only=True, slots=True)
class _Reading:
    """Reads events one by one; the events of a visit are found by the chain of previous events."""

    drafts: dict[str, _Draft] = field(default_factory=dict)
    visits: dict[int, _Visit] = field(default_factory=dict)
    status: str = _RUNNING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    verdict: Verdict | None = None
    cause: str = ""

    def take(self, event: Event) -> None:
        kind, moment = str(event["type"]), event["timestamp"]
        if kind == "ExecutionStarted":
            self.started_at = moment
        elif kind in _ENDS:
            self._end(kind, event)
        elif kind == "MapStateStarted":
            self._draft("Verify").units_total = event["mapStateStartedEventDetails"]["length"]
        elif kind == "MapIterationSucceeded":
            self._draft("Verify").units_done += 1
        elif kind.endswith("StateEntered"):
            self._entered(kind, event)
        elif kind.endswith("StateExited"):
            self._exited(event)
        else:
            self._attempted(kind, event)

    def _draft(self, state: str) -> _Draft:
        name = _PARTS.get(state, state)
        return self.drafts.setdefault(name, _Draft(name=name))

    def _entered(self, kind: str, event: Event) -> None:
        state = event["stateEnteredEventDetails"]["name"]
        if not _is_stage(state):
            return
        self._draft(state).enter(event["timestamp"])
        if kind == "TaskStateEntered":
            self.visits[event["id"]] = _Visit(state=state)
            self._draft(state).calls += 1

    def _attempted(self, kind: str, event: Event) -> None:
        visit = self.visits.get(event["previousEventId"])
        if visit is None:
            return
        self.visits[event["id"]] = visit
        draft = self._draft(visit.state)
        if kind in ("LambdaFunctionScheduled", "TaskScheduled"):
            visit.attempts += 1
            if visit.attempts > 1:
                draft.calls += 1
                draft.retries += 1
        elif kind in ("LambdaFunctionSucceeded", "TaskSucceeded"):
            self._answered(visit, _parsed(_details(event).get("output")))
        elif kind in _FAILURES:
            visit.raised = True
            draft.problem = _problem(_details(event))

    def _answered(self, visit: _Visit, answer: Mapping[str, Any]) -> None:
        visit.raised, visit.answer = False, answer
        draft = self._draft(visit.state)
        draft.problem = ""
        draft.waiting_for = "" if answer.get("done") else str(answer.get("waiting_for") or "")
        if visit.state == "Report" and answer.get("verdict") in list(Verdict):
            self.verdict = Verdict(answer["verdict"])
            self.cause = str(answer.get("cause") or "")

    def _exited(self, event: Event) -> None:
        details = event["stateExitedEventDetails"]
        state, moment = details["name"], event["timestamp"]
        if not _is_stage(state):
            return
        visit = self.visits.get(event["previousEventId"])
        if visit is None:
            self._draft(state).leave(moment, StageState.DONE)
            return
        if visit.answer is None and not visit.raised:
            self._answered(visit, _answer_within(state, details.get("output")))
        if state == "VerifyUnit" or (visit.answer or {}).get("units"):
            return  # Verify goes on until the Map over its units has been left
        if visit.raised:
            self._draft(state).leave(moment, StageState.RAISED)
        elif (visit.answer or {}).get("done"):
            self._draft(state).leave(moment, StageState.DONE)

    def _end(self, kind: str, event: Event) -> None:
        self.status, self.ended_at = _ENDS[kind], event["timestamp"]
        details = _details(event)
        self.verdict = self.verdict or _VERDICTS.get(str(details.get("error")))
        self.cause = self.cause or str(details.get("cause") or "")

    def told(self) -> Progress:
        return Progress(
            stages=tuple(self._stages()),
            status=self.status,
            started_at=self.started_at,
            ended_at=self.ended_at,
            verdict=self.verdict,
            cause=self.cause,
        )

    def _stages(self) -> Iterator[Stage]:
        names = [name for name in _whole_line() if name in LINE or name in self.drafts]
        reached = max((n for n, name in enumerate(names) if name in self.drafts), default=-1)
        for number, name in enumerate(names):
            draft = self.drafts.get(name, _Draft(name=name))
            if draft.state is StageState.ACTIVE and self.ended_at:
                draft.leave(self.ended_at, StageState.RAISED)
            elif draft.state is StageState.AHEAD and (number < reached or self.ended_at):
                draft.state = StageState.SKIPPED
            yield draft.stage()


def _whole_line() -> Iterator[str]:
    for name in LINE:
        yield name
        yield from (extra for extra, before in _OPTIONAL.items() if before == name)


def _is_stage(state: str) -> bool:
    return state in LINE or state in _OPTIONAL or state in _PARTS


def _details(event: Event) -> Mapping[str, Any]:
    """The part of an event that is named after its type."""
    kind = str(event["type"])
    found = event.get(f"{kind[:1].lower()}{kind[1:]}EventDetails")
    return found if isinstance(found, Mapping) else {}


def _parsed(text: object) -> Mapping[str, Any]:
    """A JSON object; empty for anything else, such as a text that was cut."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _answer_within(state: str, output: object) -> Mapping[str, Any]:
    """The answer of a step within the document that its state put out."""
    document = _parsed(output)
    found = document.get("answer" if state == "VerifyUnit" else state.lower())
    return found if isinstance(found, Mapping) else {}


def _problem(details: Mapping[str, Any]) -> str:
    """What a failed attempt says, in a line.

    >>> _problem({"error": "TryAgain", "cause": '{"errorMessage": "throttled"}'})
    'TryAgain: throttled'
    """
    error = str(details.get("error") or "no error was named")
    cause = str(details.get("cause") or "")
    message = str(_parsed(cause).get("errorMessage") or cause)
    line = " ".join(f"{error}: {message}".split()) if message else error
    return line if len(line) <= 200 else f"{line[:199]}…"


def news(before: Progress, after: Progress, now: datetime) -> list[str]:
    """The lines that a plain terminal gets to see between two looks."""
    known = {stage.name: stage for stage in before.stages}
    lines = [
        f"{_clock(after.seconds(now))}  {line}"
        for stage in after.stages
        for line in _stage_news(known.get(stage.name, Stage(name=stage.name)), stage, now)
    ]
    if before.running and not after.running:
        ended = after.verdict.value if after.verdict else after.status
        lines.append(f"{_clock(after.seconds(now))}  {ended}{_because(after.cause)}")
    return lines


def _stage_news(before: Stage, after: Stage, now: datetime) -> Iterator[str]:
    name = f"{after.name:<9}"
    if after.state is StageState.ACTIVE:
        if before.state is not StageState.ACTIVE and after.units_total is None:
            yield f"{name} begins"
        if after.problem and after.problem != before.problem:
            yield f"{name} raised {after.problem}"
        if after.waiting_for and after.waiting_for != before.waiting_for:
            yield f"{name} waits for {after.waiting_for}"
        if after.units_total and (after.units_done, after.units_total) != (
            before.units_done,
            before.units_total,
        ):
            yield f"{name} {_units(after)}"
    elif after.state is not before.state and after.state is not StageState.SKIPPED:
        took = f"{duration(after.seconds(now))}, {count(after.calls, 'call')}"
        ended = f"done in {took}" if after.state is StageState.DONE else f"ended after {took}"
        yield f"{name} {ended}{_because(after.problem)}"


def _units(stage: Stage) -> str:
    return f"{stage.units_done} of {count(stage.units_total or 0, 'unit')} done"


def _because(text: str) -> str:
    return f": {text}" if text else ""


def _clock(seconds: float) -> str:
    """Elapsed time as minutes and seconds.

    >>> _clock(3725.4)
    '62:05'
    """
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"


def follow(
    client: SFNClient,
    execution: str,
    *,
    name: str,
    console: Console,
    poll_seconds: float = 0.4,
    sleep: Callable[[float], None] = time.sleep,
) -> Progress:
    """Show an execution until it ends; what became of it.

    On a terminal a view that is redrawn in place, else a line for every event of interest.
    """
    looks = _looks(client, execution, poll_seconds=poll_seconds, sleep=sleep)
    if console.is_terminal and not console.is_dumb_terminal:
        return _follow_in_place(looks, name, console)
    return _follow_in_lines(looks, name, console)


def _looks(
    client: SFNClient, execution: str, *, poll_seconds: float, sleep: Callable[[float], None]
) -> Iterator[Progress]:
    """What the history tells, again and again, until it has ended."""
    events: list[Event] = []
    while True:
        last = int(events[-1]["id"]) if events else 0
        events += _newer(client, execution, last)
        told = progress(events)
        yield told
        if not told.running:
            return
        sleep(poll_seconds)


def _newer(client: SFNClient, execution: str, last: int) -> list[Event]:
    """The events after the one with that id, oldest first."""
    found: dict[int, Event] = {}
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=execution, reverseOrder=True, includeExecutionData=True
    )
    for page in pages:
        found |= {event["id"]: event for event in page["events"] if event["id"] > last}
        if not page["events"] or page["events"][-1]["id"] <= last + 1:
            break
    return [found[number] for number in sorted(found)]


def _follow_in_place(looks: Iterator[Progress], name: str, console: Console) -> Progress:
    seen = progress([])

    def current() -> RenderableType:
        return view(seen, name=name, now=datetime.now(UTC), ascii_only=console.options.ascii_only)

    with Live(get_renderable=current, console=console, refresh_per_second=8):
        for look in looks:
            seen = look
    return seen


def _follow_in_lines(looks: Iterator[Progress], name: str, console: Console) -> Progress:
    seen = progress([])
    console.print(f"{name}: {' - '.join(LINE)}", highlight=False, soft_wrap=True)
    for look in looks:
        for line in news(seen, look, datetime.now(UTC)):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        seen = look
    return seen


_STYLES: Final = {
    StageState.AHEAD: "dim",
    StageState.ACTIVE: "bold cyan",
    StageState.DONE: "green",
    StageState.RAISED: "bold red",
    StageState.SKIPPED: "dim",
}
_SIGNS: Final = {
    StageState.AHEAD: ("○", "."),
    StageState.ACTIVE: ("●", ">"),
    StageState.DONE: ("✓", "+"),
    StageState.RAISED: ("✗", "x"),
    StageState.SKIPPED: ("–", "-"),
}


def view(told: Progress, *, name: str, now: datetime, ascii_only: bool = False) -> RenderableType:
    """The line with its current step, and a row for every step that has begun."""
    sign = 1 if ascii_only else 0
    head = Text.assemble((name, "bold"), "  ", (_clock(told.seconds(now)), "cyan"))
    line = Text()
    for stage in told.stages:
        line.append((" - " if ascii_only else " ─ ") if line else "", style="dim")
        line.append(f"{_SIGNS[stage.state][sign]} {stage.name}", style=_STYLES[stage.state])
    rows = Table.grid(padding=(0, 2), expand=True)
    for justify in ("left", "left", "right", "right"):
        rows.add_column(justify=justify, no_wrap=True)
    rows.add_column(ratio=1, overflow="fold")
    for stage in told.stages:
        if stage.started_at is not None and told.started_at is not None:
            rows.add_row(
                Text(stage.name, style=_STYLES[stage.state]),
                _stage_bar(stage, told, now, ascii_only=ascii_only),
                duration(stage.seconds(now)),
                count(stage.calls, "call") if stage.calls else "",
                _remark(stage),
            )
    return Group(head, line, Padding(rows, (1, 0, 0, 0)))


def _stage_bar(stage: Stage, told: Progress, now: datetime, *, ascii_only: bool) -> Text:
    origin, start = told.started_at, stage.started_at
    if origin is None or start is None:
        return Text()
    return bar(
        (start - origin).total_seconds(),
        stage.seconds(now) or 0.0,
        told.seconds(now),
        style=_STYLES[stage.state],
        ascii_only=ascii_only,
    )


def bar(
    start: float,
    length: float,
    whole: float,
    *,
    style: str,
    width: int = 22,
    ascii_only: bool = False,
) -> Text:
    """A stretch of time within the whole, as a bar of so many cells; one cell at least.

    >>> bar(5, 5, 20, style="", width=8, ascii_only=True).plain
    '  ==    '
    """
    whole = max(whole, 1e-9)
    first = min(width - 1, int(width * start / whole))
    cells = max(1, min(width - first, round(width * length / whole)))
    sign = "=" if ascii_only else "━"
    return Text.assemble(" " * first, (sign * cells, style), " " * (width - first - cells))


def _remark(stage: Stage) -> Text:
    if stage.problem:
        return Text(stage.problem, style="red")
    told = [_units(stage)] if stage.units_total is not None else []
    if stage.state is StageState.ACTIVE and stage.waiting_for:
        told.append(f"waiting for {stage.waiting_for}")
    if stage.retries:
        told.append(count(stage.retries, "repeated attempt"))
    return Text(", ".join(told), style="dim")
