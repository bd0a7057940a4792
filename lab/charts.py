"""Small pictures of metrics, as SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from functions.report.markup import Markup, fill
from functions.report.words import duration

_WIDE: Final = 150.0
_HIGH: Final = 34.0
_LEAST: Final = 1e-9
_DIMENSIONED: Final = ("", "k", "M", "G", "T", "P")


def spark(values: Sequence[tuple[int, float]], *, objective: float | None = None) -> Markup:
    """The course of a metric; `objective` is a dashed level. Nothing for no values.

    >>> spark([])
    ''
    >>> "circle" in spark([(0, 1.0)]), "objective" in spark([(0, 1.0), (9, 2.0)], objective=5.0)
    (True, True)
    """
    if not values:
        return Markup()
    top = max([value for _, value in values] + [objective or 0.0]) or 1.0
    first, last = values[0][0], values[-1][0]
    length = max(last - first, _LEAST)
    places = [
        (
            _WIDE if first == last else _WIDE * (minute - first) / length,
            _HIGH - (_HIGH - 4) * value / top,
        )
        for minute, value in values
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[-1]
    level = Markup()
    if objective:
        high = f"{_HIGH - (_HIGH - 4) * objective / top:.1f}"
        level = fill(
            '<line class="objective" x1="0" x2="$wide" y1="$y" y2="$y"/>', wide=_WIDE, y=high
        )
    return fill(
        '<svg width="$wide" height="$high" viewBox="0 0 $wide $high" aria-hidden="true">$level'
        '<polyline class="spark" points="$points"/><circle class="spot" cx="$x" cy="$y" r="3"/>'
        "</svg>",
        wide=_WIDE,
        high=_HIGH,
        level=level,
        points=points,
        x=f"{x:.1f}",
        y=f"{y:.1f}",
    )


def amount(value: float | None, unit: str) -> str:
    """A value for people, by CloudWatch's unit, or one of ours: Days, Dollars.

    >>> [amount(v, u) for v, u in ((93_600, "Seconds"), (61e9, "Bytes"), (3.0, "Count"))]
    ['1 d 2 h', '61 GB', '3']
    >>> [amount(v, u) for v, u in ((97.5, "Percent"), (0.084, "Dollars"), (0.4, "Days"))]
    ['97.5 %', '$0.08', 'today']
    >>> amount(35.2, "Days"), amount(None, "Count"), amount(0.0, "Seconds")
    ('35 days', 'no value', '0 s')
    """
    if value is None:
        return "no value"
    match unit:
        case "Seconds":
            return duration(value) if value else "0 s"
        case "Bytes":
            return _bytes(value)
        case "Percent":
            return f"{value:g} %"
        case "Dollars":
            return f"${value:.2f}"
        case "Days":
            days = int(value)
            return "today" if not days else "1 day" if days == 1 else f"{days} days"
        case _:
            return f"{value:,g}"


def _bytes(value: float) -> str:
    power = 0
    while value >= 1000 and power < len(_DIMENSIONED) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.3g} {_DIMENSIONED[power]}B"
