"""The phases of a drill as bars over time, against the recovery objective: inline SVG. Pure.

Horizontal positions are percentages and the picture has no view box, so that it fills a desk's
screen, a phone's or a sheet of paper while its text keeps one size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from functions import clock
from functions.report.markup import Markup, fill, join
from functions.report.vocabulary import RESTORE
from functions.report.words import Report, duration, title

_TOP: Final = 26
_LANE: Final = 40
_BAR: Final = 12
_BOTTOM: Final = 26
_MOST_TICKS: Final = 5
_TICKS: Final = (
    *(0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600),
    *(7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800),
)
_FAR: Final = 3.0
"""An objective more than so many times as far away as the drill is long is named, not drawn."""

_SMALLEST: Final = 0.4
"""Per cent of the width: a phase shorter than that still shows."""

_RIGHT: Final = 48.0
"""Per cent of the width: a bar that starts further right has its words end where it ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Axis:
    """Seconds after `origin` as per cent of the picture's width."""

    origin: datetime
    seconds: float

    def at(self, moment: datetime) -> float:
        return self.of((moment - self.origin).total_seconds())

    def of(self, seconds: float) -> float:
        return min(100.0, max(0.0, 100 * seconds / self.seconds))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Recovery:
    """The recovery time: when its clock began, what was measured, what is allowed (seconds)."""

    start: datetime
    measured: float | None
    allowed: float | None
    drawn: bool


def timeline(report: Report, recovery_name: str = RESTORE.recovery) -> Markup:
    """The picture; empty where no phase was measured."""
    phases = report["phases"]
    if not phases:
        return Markup()
    origin = min(clock.parse(p["started_at"]) for p in phases)
    end = max(clock.parse(p["ended_at"]) for p in phases)
    length = max((end - origin).total_seconds(), 0.001)
    recovery = _recovery(report, origin, length)
    if recovery and recovery.drawn and recovery.allowed:
        beyond = (recovery.start - origin).total_seconds() + recovery.allowed
        length = max(length, beyond * 1.02)
    axis = _Axis(origin=origin, seconds=length)
    lanes = len(phases) + (1 if recovery else 0)
    height = _TOP + lanes * _LANE + _BOTTOM
    return fill(
        _PICTURE,
        height=height,
        title=_title(report, recovery_name),
        description=_description(phases),
        parts=join(_parts(axis, phases, recovery, recovery_name, floor=height - _BOTTOM)),
    )


def _recovery(report: Report, origin: datetime, length: float) -> _Recovery | None:
    inside = [clock.parse(p["started_at"]) for p in report["phases"] if p["in_rto"]]
    if not inside:
        return None
    rto = report["objectives"]["rto"]
    allowed = rto["objective_seconds"]
    start = min(inside)
    reach = (start - origin).total_seconds() + (allowed or 0)
    return _Recovery(
        start=start,
        measured=rto["measured_seconds"],
        allowed=allowed,
        drawn=allowed is not None and reach <= _FAR * length,
    )


def _parts(
    axis: _Axis,
    phases: Sequence[dict[str, Any]],
    recovery: _Recovery | None,
    recovery_name: str,
    *,
    floor: int,
) -> Iterator[Markup]:
    for seconds in ticks(axis.seconds):
        x = axis.of(seconds)
        yield fill(
            _TICK,
            x=_percent(x),
            top=_TOP - 4,
            floor=floor,
            text_y=floor + 17,
            anchor="start" if x < 4 else "end" if x > 94 else "middle",
            text="start" if seconds == 0 else duration(seconds),
        )
    top = _TOP
    if recovery:
        yield from _recovery_lane(axis, recovery, recovery_name, top)
        top += _LANE
    for phase in phases:
        yield _phase_lane(axis, phase, top)
        top += _LANE
    if recovery and recovery.drawn and recovery.allowed is not None:
        x = axis.at(recovery.start) + axis.of(recovery.allowed)
        yield fill(
            _LIMIT,
            x=_percent(x),
            floor=floor,
            anchor="end" if x > 55 else "start",
            shift=-6 if x > 55 else 6,
            text=f"objective: {duration(recovery.allowed)}",
        )


def _recovery_lane(axis: _Axis, recovery: _Recovery, name: str, top: int) -> Iterator[Markup]:
    note = ""
    if recovery.allowed is not None:
        note = f"of {duration(recovery.allowed)} allowed"
        if not recovery.drawn:
            note += ", which is beyond this picture"
    start = axis.at(recovery.start)
    width = axis.of(recovery.allowed) if recovery.allowed and recovery.drawn else 100 - start
    length = duration(recovery.measured)
    yield _label("total", name, length, start, start + width, top, note=note)
    if recovery.allowed is not None:
        yield _bar("track", start, width, top)
    if recovery.measured is not None:
        over = recovery.allowed is not None and recovery.measured > recovery.allowed
        within = min(recovery.measured, recovery.allowed or recovery.measured)
        yield _bar("total", start, axis.of(within), top)
        if over and recovery.allowed is not None:
            yield _bar(
                "over",
                start + axis.of(recovery.allowed),
                axis.of(recovery.measured - recovery.allowed),
                top,
            )


def _phase_lane(axis: _Axis, phase: dict[str, Any], top: int) -> Markup:
    kind = "inside" if phase["in_rto"] else "outside"
    start, width = axis.at(clock.parse(phase["started_at"])), axis.of(phase["seconds"])
    length = duration(phase["seconds"])
    label = _label(kind, title(phase["name"]), length, start, start + width, top)
    return join([label, _bar(kind, start, width, top)])


def _label(
    kind: str, name: str, length: str, start: float, end: float, top: int, *, note: str = ""
) -> Markup:
    """The words above a bar: from its start on, or up to its end where the bar is far right."""
    right = start > _RIGHT
    return fill(
        _LABEL,
        kind=kind,
        x=_percent(min(end, 100) if right else start),
        anchor="end" if right else "start",
        y=top + 14,
        name=name,
        length=length,
        note=fill('<tspan class="note" dx="7">$note</tspan>', note=note) if note else "",
    )


def _bar(kind: str, start: float, width: float, top: int) -> Markup:
    shown = max(width, _SMALLEST)
    left = min(start, 100 - shown)
    return fill(
        _BAR_SHAPE, kind=kind, x=_percent(left), y=top + 20, width=_percent(shown), height=_BAR
    )


def ticks(seconds: float) -> list[float]:
    """Round marks on an axis of that length, from zero, few enough for a phone.

    >>> ticks(42), ticks(2400)
    ([0, 10, 20, 30, 40], [0, 600, 1200, 1800, 2400])
    """
    step = next((s for s in _TICKS if seconds / s < _MOST_TICKS), _TICKS[-1])
    return [n * step for n in range(min(int(seconds / step), 2 * _MOST_TICKS) + 1)]


def _title(report: Report, recovery_name: str) -> str:
    rto = report["objectives"]["rto"]
    return (
        f"Phases of the drill. {recovery_name}: {duration(rto['measured_seconds'])};"
        f" the objective is {duration(rto['objective_seconds'])}."
    )


def _description(phases: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{title(p['name'])} {duration(p['seconds'])}" for p in phases)


def _percent(value: float) -> str:
    return f"{value:.3f}%"


_PICTURE: Final = """\
<svg class="timeline" role="img" aria-labelledby="timeline-title timeline-description" \
width="100%" height="$height">
<title id="timeline-title">$title</title>
<desc id="timeline-description">$description</desc>
$parts</svg>"""

_TICK: Final = """\
<line class="tick" x1="$x" x2="$x" y1="$top" y2="$floor"/>\
<text class="tick" x="$x" y="$text_y" text-anchor="$anchor">$text</text>
"""

_LABEL: Final = """\
<text class="label $kind" x="$x" y="$y" text-anchor="$anchor"><tspan class="name">$name</tspan>\
<tspan class="length" dx="7">$length</tspan>$note</text>
"""

_BAR_SHAPE: Final = (
    '<rect class="bar $kind" x="$x" y="$y" width="$width" height="$height" rx="2"/>\n'
)

_LIMIT: Final = """\
<line class="limit" x1="$x" x2="$x" y1="4" y2="$floor"/>\
<text class="limit" x="$x" y="14" dx="$shift" text-anchor="$anchor">$text</text>
"""
