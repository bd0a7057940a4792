"""A simulated year as a page: months across, a lane for each alarm that rang. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from functions import naming
from functions.report.markup import Markup, fill, join
from functions.report.words import count, duration
from lab.page import badge, card, document, table, tile
from lab.year import Lived, Outcome, Ring, first_messages

_NAMES: Final = 330
_LONGEST: Final = 51
_WIDE: Final = 1200
_LANE: Final = 22
_TOP: Final = 66
_SHORTEST: Final = 5.0
"""A bar that is seen."""


def page(lived: Lived) -> str:
    """The page of a year."""
    found = sum(outcome.found for outcome in lived.outcomes)
    injected, false = len(lived.outcomes), len(lived.false_alarms)
    span = f"{lived.planned.start:%d %b %Y} to {lived.planned.end:%d %b %Y}"
    return document(
        title=f"A simulated year of {lived.watched.stack}",
        tone="passed" if lived.good else "failed",
        eyebrow=(f"A simulated year of {lived.watched.stack}", span),
        headline=f"Injected {injected}, found {found}, false alarms {false}",
        lead=(
            f"{lived.runs:,} runs at their times, {lived.collections:,} collections, and every"
            " synthesized alarm evaluated as CloudWatch does, on a virtual clock."
        ),
        body=_body(lived),
    )


def _body(lived: Lived) -> Iterator[Markup]:
    yield fill('<div class="tiles">\n$tiles</div>\n', tiles=join(_tiles(lived)))
    rang = list(dict.fromkeys(ring.alarm for ring in lived.rings))
    yield card(
        "The year",
        "Above what was injected, below which alarms rang: a bar is from ringing to clearing.",
        fill('<div class="scroll">$lanes</div>', lanes=_lanes(lived, rang)),
    )
    yield card(
        "What was injected, and what rang",
        "Those without an alarm are harmless: nothing may ring for them.",
        table(("", "Injected", "Alarms"), (_row(outcome) for outcome in lived.outcomes)),
    )
    if lived.false_alarms:
        yield card(
            "False alarms",
            "Nothing that was injected explains these.",
            table(
                ("Alarm", "Rang", "Cleared"),
                ((ring.alarm, _day(ring.at), _cleared(ring)) for ring in lived.false_alarms),
            ),
        )
    quiet = [name for name in lived.declared.names() if name not in rang]
    yield card(
        f"{len(quiet)} alarms were quiet all year",
        "tests/infra/test_alarms_fire.py lets each of them ring, and clear.",
        fill(
            '<ul class="quiet">$names</ul>',
            names=join(fill("<li>$name</li>", name=name) for name in quiet),
        ),
    )


def _tiles(lived: Lived) -> Iterator[Markup]:
    alarms = len(lived.declared.names())
    rang = len({ring.alarm for ring in lived.rings})
    yield tile("Alarms", f"{alarms}", f"{rang} of them rang")
    rings = [sent for sent in lived.messages if sent.after == "ALARM"]
    yield tile("Alarm messages", f"{len(rings)}", f"{count(len(lived.rings), 'ring')} in all")
    first = len(first_messages(lived))
    yield tile("Messages at deployment", f"{first}", "by alarms that find themselves well")
    waits = [
        ring.at - outcome.injected.begins
        for outcome in lived.outcomes
        for ring in outcome.rings
        if ring.alarm in outcome.injected.rings and ring.severity in ("critical", "high")
    ]
    slowest = duration(max(waits).total_seconds()) if waits else "none rang"
    yield tile("Slowest critical or high", slowest, "from the failure to the alarm")


def _row(outcome: Outcome) -> Sequence[str]:
    injected = outcome.injected
    tone = "passed" if outcome.found else "failed"
    lines = [_rang(ring, injected.begins) for ring in outcome.rings]
    lines += [_line(badge(f"did not ring: {name}", tone="failed")) for name in outcome.missing]
    return (
        fill('<span class="mark">$mark</span>', mark=injected.mark),
        fill(
            '$what<span class="detail">$begins, for $length</span>',
            what=injected.what,
            begins=_day(injected.begins),
            length=duration((injected.ends - injected.begins).total_seconds()),
        ),
        join(lines) or badge("nothing rang, rightly", tone=tone),
    )


def _rang(ring: Ring, since: datetime) -> Markup:
    return _line(
        fill(
            '$severity $name<span class="detail">after $after; cleared $cleared; told $who</span>',
            severity=_severity(ring),
            name=ring.alarm,
            after=duration((ring.at - since).total_seconds()),
            cleared=_cleared(ring),
            who=ring.who,
        )
    )


def _line(text: str) -> Markup:
    return fill('<span class="line">$text</span>', text=text)


def _severity(ring: Ring) -> Markup:
    return badge(ring.severity, tone=ring.severity)


def _day(at: datetime) -> str:
    return f"{at:%a %d %b %H:%M}"


def _cleared(ring: Ring) -> str:
    return _day(ring.cleared) if ring.cleared else "not that year"


def _lanes(lived: Lived, rang: Sequence[str]) -> Markup:
    height = _TOP + _LANE * len(rang) + 8
    return fill(
        '<svg class="lanes" viewBox="0 0 $wide $height" role="img"'
        ' aria-label="What was injected and what rang, by month">\n'
        "$months$bands$lanes$pins</svg>\n",
        wide=_WIDE,
        height=height,
        months=join(_months(lived, height)),
        bands=join(_bands(lived, height)),
        lanes=join(_alarm_lanes(lived, rang)),
        pins=join(_pins(lived)),
    )


def _months(lived: Lived, height: int) -> Iterator[Markup]:
    for start in _month_starts(lived.planned.start, lived.planned.end):
        place = _place(lived, start)
        yield fill(
            '<line class="month" x1="$x" x2="$x" y1="22" y2="$height"/>'
            '<text x="$text" y="16">$month</text>\n',
            x=f"{place:.1f}",
            text=f"{place + 4:.1f}",
            height=height,
            month=f"{start:%b %Y}" if start.month == 1 else f"{start:%b}",
        )


def _month_starts(start: datetime, end: datetime) -> Iterator[datetime]:
    month = start.replace(day=1)
    while month < end:
        if month >= start:
            yield month
        month = (month + timedelta(days=32)).replace(day=1)


def _bands(lived: Lived, height: int) -> Iterator[Markup]:
    for each in lived.planned.injected:
        left, width = _span(lived, each.begins, each.ends)
        yield fill(
            '<rect class="band" x="$left" y="30" width="$width" height="$height"/>\n',
            left=f"{left:.1f}",
            width=f"{width:.1f}",
            height=height - 30,
        )


def _pins(lived: Lived) -> Iterator[Markup]:
    """The letters: one that would cover its neighbour stands a little lower."""
    last = [-100.0, -100.0]
    for each in lived.planned.injected:
        left, width = _span(lived, each.begins, each.ends)
        middle = left + width / 2
        row = 0 if middle - last[0] >= 18 else 1
        last[row] = middle
        top = 24 + row * 19
        yield fill(
            "<g><title>$what</title>"
            '<rect class="pin" x="$x" y="$top" width="16" height="16" rx="3"/>'
            '<text class="mark" x="$middle" y="$y">$mark</text></g>\n',
            what=each.what,
            x=f"{middle - 8:.1f}",
            top=top,
            middle=f"{middle:.1f}",
            y=top + 12.5,
            mark=each.mark,
        )


def _alarm_lanes(lived: Lived, rang: Sequence[str]) -> Iterator[Markup]:
    for place, name in enumerate(rang):
        top = _TOP + _LANE * place
        yield fill(
            '<rect class="lane" x="$x" y="$y" width="$width" height="14"/>'
            '<text class="name" x="$end" y="$text" text-anchor="end">$name</text>\n',
            x=_NAMES,
            y=top,
            width=_WIDE - _NAMES,
            end=_NAMES - 10,
            text=top + 11,
            name=_shortened(short_name(name, lived.watched.stack)),
        )
        for ring in lived.rings:
            if ring.alarm == name:
                left, width = _span(lived, ring.at, ring.cleared or lived.planned.end)
                yield fill(
                    '<rect class="ring $severity" x="$left" y="$top" width="$width" height="14"'
                    ' rx="2"><title>$name: $at to $cleared</title></rect>\n',
                    severity=ring.severity,
                    left=f"{left:.1f}",
                    top=top,
                    width=f"{width:.1f}",
                    name=name,
                    at=_day(ring.at),
                    cleared=_cleared(ring),
                )


def short_name(alarm: str, stack: str) -> str:
    """An alarm without what the names of all begin with, that of the stack or not.

    >>> [short_name(f"drill-{name}", "a-stack") for name in ("a-stack-missed", "leftovers")]
    ['missed', 'leftovers']
    """
    name = alarm.removeprefix(naming.PREFIX)
    return name.removeprefix(f"{stack}-")


def _shortened(name: str) -> str:
    """
    >>> _shortened("secret-rotation-fibonacci-aurora-cluster-prod-app-rotation-failed")
    'secret-rotation-fibonacci…-prod-app-rotation-failed'
    """
    if len(name) <= _LONGEST:
        return name
    half = (_LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def _span(lived: Lived, begins: datetime, ends: datetime) -> tuple[float, float]:
    left = _place(lived, begins)
    return left, max(_SHORTEST, _place(lived, ends) - left)


def _place(lived: Lived, at: datetime) -> float:
    share = (at - lived.planned.start) / (lived.planned.end - lived.planned.start)
    return _NAMES + share * (_WIDE - _NAMES)
