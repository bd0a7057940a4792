"""What all alarms of a deployment do over a span, and what is sent to whom. Pure.

Composite alarms follow the alarms of their rule at once. While a composite's suppressor rings, and
while it is waited for, its actions are held back; when that ends, the state that it is in then is
told, unless it was told before.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.alarm_rules import Rule
from lab.alarms import ALARM, EXTRA, INSUFFICIENT, OK, Alarm, Change, State, changes
from lab.series import Points


@dataclass(frozen=True, kw_only=True, slots=True)
class Composite:
    """A composite alarm as the template declares it; `wait` and `extension` in minutes.

    `suppressor` is the name of the alarm that holds its actions back, empty where none does.
    """

    name: str
    description: str
    rule: Rule
    suppressor: str = ""
    wait: int = 0
    extension: int = 0
    actions: Mapping[State, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A message of an alarm to its topics. `held` says why it was not sent, empty when it was."""

    minute: int
    alarm: str
    description: str
    before: State
    after: State
    topics: tuple[str, ...]
    held: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """What happened, in its order: every change of every alarm, and every message."""

    changes: tuple[Change, ...]
    sent: tuple[Sent, ...]

    def of(self, alarm: str) -> list[Change]:
        """The changes of one alarm."""
        return [change for change in self.changes if change.alarm == alarm]

    def rang(self) -> list[Change]:
        """Every change into ALARM."""
        return [change for change in self.changes if change.after == ALARM]


class NotDeclared(Exception):
    """When a composite alarm asks for an alarm that is not there, or for itself."""


def run(
    alarms: Sequence[Alarm],
    composites: Sequence[Composite],
    points: Points,
    *,
    start: int,
    end: int,
    extra: int = EXTRA,
) -> Timeline:
    """All alarms, made at the minute `start`, until the minute `end`. Raises NotDeclared."""
    ordered = _ordered(alarms, composites)
    found = sorted(
        (
            change
            for alarm in alarms
            for change in changes(alarm, points, start=start, end=end, extra=extra)
        ),
        key=lambda change: change.minute,
    )
    following = _Following(alarms, ordered)
    for minute, at_once in _by_minute(found, start, following):
        if minute > end:
            break
        following.minute(minute, at_once)
    return Timeline(changes=tuple(following.changes), sent=tuple(following.sent))


def _ordered(alarms: Sequence[Alarm], composites: Sequence[Composite]) -> list[Composite]:
    """The composites, each after those that its rule asks for."""
    known = {alarm.name for alarm in alarms}
    left = list(composites)
    ordered: list[Composite] = []
    while left:
        ready = [each for each in left if known.issuperset(each.rule.names)]
        if not ready:
            asked = sorted({name for each in left for name in each.rule.names} - known)
            raise NotDeclared(f"no alarm is called {', '.join(asked)}")
        ordered += ready
        known |= {each.name for each in ready}
        left = [each for each in left if each not in ready]
    missing = sorted({each.suppressor for each in composites} - known - {""})
    if missing:
        raise NotDeclared(f"no alarm is called {', '.join(missing)}")
    return ordered


def _by_minute(
    found: Sequence[Change], start: int, following: _Following
) -> Iterator[tuple[int, list[Change]]]:
    """The minutes at which something happens, the ends of waits among them."""
    of_minute: dict[int, list[Change]] = {start + 1: []}
    for change in found:
        of_minute.setdefault(change.minute, []).append(change)
    following.wakes = sorted(of_minute)
    seen = -1
    while following.wakes:
        minute = heapq.heappop(following.wakes)
        if minute > seen:
            seen = minute
            yield minute, of_minute.get(minute, [])


@dataclass(slots=True)
class _Held:
    """A composite whose actions are held back: what it was told last, and until when it waits."""

    told: State = INSUFFICIENT
    why: str = ""
    until: int | None = None


class _Following:
    """The states of all alarms, minute by minute."""

    def __init__(self, alarms: Sequence[Alarm], composites: Sequence[Composite]) -> None:
        self.changes: list[Change] = []
        self.sent: list[Sent] = []
        self.wakes: list[int] = []
        self._alarms = {alarm.name: alarm for alarm in alarms}
        self._composites = composites
        self._held = {each.name: _Held() for each in composites}
        names = [*self._alarms, *self._held]
        self._states: dict[str, State] = dict.fromkeys(names, INSUFFICIENT)

    def minute(self, minute: int, at_once: Sequence[Change]) -> None:
        """One minute: the metric alarms change, the composites follow, what waited is let go."""
        before = dict(self._states)
        for change in at_once:
            self._change(change)
            self._send(self._alarms[change.alarm], change.before, change.after, minute)
        for each in self._composites:
            after: State = ALARM if each.rule.holds(self._states) else OK
            if after != self._states[each.name]:
                reason = ", ".join(
                    f"{name} is in {self._states[name]}"
                    for name in each.rule.names
                    if self._states[name] != before[name]
                )
                self._change(
                    Change(
                        minute=minute,
                        alarm=each.name,
                        before=self._states[each.name],
                        after=after,
                        reason=reason or "the first look",
                    )
                )
        for each in self._composites:
            self._tell(each, before, minute)

    def _change(self, change: Change) -> None:
        self._states[change.alarm] = change.after
        self.changes.append(change)

    def _tell(self, each: Composite, before: Mapping[str, State], minute: int) -> None:
        """Tell the state of a composite, or hold it back, or let go what was held."""
        held, now = self._held[each.name], self._states[each.name]
        rings = bool(each.suppressor) and self._states[each.suppressor] == ALARM
        ended = bool(each.suppressor) and not rings and before[each.suppressor] == ALARM
        changed = now != before[each.name]
        if rings:
            held.why, held.until = "its suppressor rings", None
        elif ended and each.extension:
            self._wait(held, "its suppressor rang until just now", minute + each.extension)
        elif ended:
            held.why = ""
        elif changed and each.suppressor and each.wait and not held.why:
            self._wait(held, "its suppressor is waited for", minute + each.wait)
        elif held.until is not None and minute >= held.until:
            held.why, held.until = "", None
        if held.why:
            if changed:
                self._send(each, before[each.name], now, minute, held=held.why)
        elif now != held.told:
            self._send(each, held.told, now, minute)
            held.told = now

    def _wait(self, held: _Held, why: str, until: int) -> None:
        held.why, held.until = why, until
        heapq.heappush(self.wakes, until)

    def _send(
        self, alarm: Alarm | Composite, before: State, after: State, minute: int, *, held: str = ""
    ) -> None:
        topics = alarm.actions.get(after, ())
        if topics:
            self.sent.append(
                Sent(
                    minute=minute,
                    alarm=alarm.name,
                    description=alarm.description,
                    before=before,
                    after=after,
                    topics=topics,
                    held=held,
                )
            )
