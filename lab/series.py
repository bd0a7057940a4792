"""Datapoints as CloudWatch keeps them: by metric, to the minute, read by a statistic of a span.

Pure. Minutes are counted since 1970, UTC.
"""

from __future__ import annotations

from bisect import bisect_left
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


class _Kept:
    """The datapoints of a metric, in the order of their minutes."""

    __slots__ = ("minutes", "values")

    def __init__(self) -> None:
        self.minutes: list[int] = []
        self.values: list[float] = []

    def add(self, minute: int, value: float) -> None:
        place = len(self.minutes)
        if place and self.minutes[-1] > minute:
            place = bisect_left(self.minutes, minute)
        self.minutes.insert(place, minute)
        self.values.insert(place, value)


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
        self._kept: dict[Metric, _Kept] = {}

    def add(self, metric: Metric, at: datetime, value: float) -> None:
        """One more datapoint."""
        kept = self._kept.get(metric)
        if kept is None:
            kept = self._kept[metric] = _Kept()
        kept.add(minute_of(at), value)

    def metrics(self) -> Iterable[Metric]:
        """All metrics that have a datapoint."""
        return self._kept.keys()

    def minutes(self, metric: Metric) -> Sequence[int]:
        """The minutes of a metric's datapoints, in their order."""
        kept = self._kept.get(metric)
        return kept.minutes if kept else ()

    def last(self, metric: Metric) -> float | None:
        """The newest value; None where there is none."""
        kept = self._kept.get(metric)
        return kept.values[-1] if kept else None

    def values(self, metric: Metric) -> list[tuple[int, float]]:
        """All values of a metric with their minutes."""
        kept = self._kept.get(metric)
        return list(zip(kept.minutes, kept.values, strict=True)) if kept else []

    def statistic(self, metric: Metric, name: str, start: int, end: int) -> float | None:
        """A statistic of the minutes from start to end, the end excluded; None where no point is.

        Raises UnknownStatistic.
        """
        kept = self._kept.get(metric)
        if kept is None:
            return None
        first = bisect_left(kept.minutes, start)
        found = kept.values[first : bisect_left(kept.minutes, end, first)]
        return _statistic(name, found) if found else None


def _statistic(name: str, found: Sequence[float]) -> float:
    match name:
        case "Sum":
            return sum(found)
        case "Maximum":
            return max(found)
        case "Minimum":
            return min(found)
        case "SampleCount":
            return float(len(found))
        case "Average":
            return sum(found) / len(found)
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
