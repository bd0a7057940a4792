"""Datapoints as CloudWatch keeps them: by metric, to the minute, read by a statistic of a span.

Pure. Minutes are counted since 1970, UTC.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")


class UnknownStatistic(Exception):
    """When a statistic is asked for that is not computed here, such as a percentile."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric is its namespace, its name and exactly its dimensions."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str] | None = None) -> Self:
        """The metric of some dimensions, in whatever order they are given.

        >>> Metric.of("N", "Findings", {"Drill": "a"}).told
        'Findings of Drill a'
        """
        return cls(namespace, name, frozenset((dimensions or {}).items()))

    @property
    def told(self) -> str:
        """For people."""
        of = ", ".join(f"{name} {value}" for name, value in sorted(self.dimensions))
        return f"{self.name} of {of}" if of else self.name


@dataclass(slots=True)
class _Minute:
    count: int
    total: float
    lowest: float
    highest: float


class Points:
    """The datapoints of many metrics.

    >>> points, lag = Points(), Metric.of("N", "Lag")
    >>> for minute, value in ((7, 4.0), (7, 6.0), (9, 1.0)):
    ...     points.add(lag, moment(minute), value)
    >>> [points.statistic(lag, name, 0, 9) for name in ("Sum", "Maximum", "SampleCount")]
    [10.0, 6.0, 2.0]
    >>> points.statistic(lag, "Sum", 10, 20) is None
    True
    """

    def __init__(self) -> None:
        self._kept: dict[Metric, dict[int, _Minute]] = {}
        self._minutes: dict[Metric, list[int]] = {}

    def add(self, metric: Metric, at: datetime, value: float) -> None:
        """One more datapoint; those of a minute are kept together."""
        minute = minute_of(at)
        kept = self._kept.setdefault(metric, {})
        found = kept.get(minute)
        if found is None:
            kept[minute] = _Minute(1, value, value, value)
            minutes = self._minutes.setdefault(metric, [])
            if minutes and minutes[-1] > minute:
                insort(minutes, minute)
            else:
                minutes.append(minute)
            return
        found.count += 1
        found.total += value
        found.lowest = min(found.lowest, value)
        found.highest = max(found.highest, value)

    def metrics(self) -> Iterable[Metric]:
        """All metrics that have a datapoint."""
        return self._kept.keys()

    def minutes(self, metric: Metric) -> Sequence[int]:
        """The minutes in which a metric has datapoints, in their order."""
        return self._minutes.get(metric, ())

    def statistic(self, metric: Metric, name: str, start: int, end: int) -> float | None:
        """A statistic of the minutes from start to end, the end excluded; None where no point is.

        Raises UnknownStatistic.
        """
        minutes = self._minutes.get(metric)
        if not minutes:
            return None
        first = bisect_left(minutes, start)
        kept = self._kept[metric]
        found = []
        while first < len(minutes) and minutes[first] < end:
            found.append(kept[minutes[first]])
            first += 1
        return _statistic(name, found) if found else None


def _statistic(name: str, found: Sequence[_Minute]) -> float:
    match name:
        case "Sum":
            return sum(each.total for each in found)
        case "Maximum":
            return max(each.highest for each in found)
        case "Minimum":
            return min(each.lowest for each in found)
        case "SampleCount":
            return float(sum(each.count for each in found))
        case "Average":
            return sum(each.total for each in found) / sum(each.count for each in found)
        case _:
            raise UnknownStatistic(f"{name!r}: expected one of {', '.join(STATISTICS)}")


def minute_of(at: datetime) -> int:
    """The minute in which an instant lies.

    >>> minute_of(datetime(1970, 1, 1, 1, 2, 59, tzinfo=UTC))
    62
    """
    return int((at - _EPOCH).total_seconds() // 60)


def moment(minute: int) -> datetime:
    """The instant at which a minute begins.

    >>> moment(62).isoformat()
    '1970-01-01T01:02:00+00:00'
    """
    return _EPOCH + timedelta(minutes=minute)
