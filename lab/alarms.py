"""When a CloudWatch alarm rings and when it clears, on a clock of its own. Pure.

As the user guide describes it ("Configuring how CloudWatch alarms treat missing data"): an alarm is
looked at every minute, its periods end at that minute, and more periods are fetched than it
evaluates, so that older real points stand in for missing ones. How many more the guide does not
say: its examples fetch five for three, so it is two here, and a test takes others as well.

Not as in AWS: a point is seen in the minute after its own, or so many minutes later for all of
them; AWS shows each when it is ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal

from lab.metric_math import Expression
from lab.series import Metric, Points

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Missing = Literal["breaching", "notBreaching", "ignore", "missing"]

OK: Final = "OK"
ALARM: Final = "ALARM"
INSUFFICIENT: Final = "INSUFFICIENT_DATA"

EXTRA: Final = 2
"""How many periods are fetched beyond those that an alarm evaluates."""

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A metric that an alarm reads, and what the alarm's expression calls it."""

    id: str
    metric: Metric
    statistic: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """A metric alarm as the template declares it; `period` and `warm_up` in minutes.

    `actions` are the topics that hear of each state. `whole_warm_up`: the alarm waits for the end
    of its warm-up even if the data are there before.
    """

    name: str
    description: str
    queries: tuple[Query, ...]
    expression: Expression
    operator: str
    threshold: float
    period: int
    periods: int
    datapoints: int
    missing: Missing
    warm_up: int = 0
    whole_warm_up: bool = False
    actions: Mapping[State, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An alarm goes from one state to another; `minute` since 1970, `reason` for people."""

    minute: int
    alarm: str
    before: State
    after: State
    reason: str


@lru_cache(maxsize=100_000)
def decide(points: str, *, periods: int, datapoints: int, missing: Missing) -> State | None:
    """The state that the fetched points give, the newest last; None for the state that it is in.

    `0` is within the threshold, `X` is not, `-` is missing: as the guide's tables are written.

    >>> decide("0-X-X", periods=3, datapoints=3, missing="breaching")
    'OK'
    >>> decide("0-X--", periods=3, datapoints=2, missing="breaching")
    'ALARM'
    >>> decide("-----", periods=3, datapoints=3, missing="ignore") is None
    True
    """
    real = points.replace("-", "")
    if len(real) >= periods:
        return ALARM if real[-periods:].count("X") >= datapoints else OK
    found = real.count("X")
    filled = periods - len(real)
    if found >= datapoints:
        return ALARM
    match missing:
        case "breaching":
            return ALARM if found + filled >= datapoints else OK
        case "notBreaching":
            return OK
        case "ignore":
            return OK if "0" in real else None
        case "missing":
            if not real:
                return INSUFFICIENT
            return OK if "0" in real else _premature(points, datapoints)


def _premature(points: str, datapoints: int) -> State | None:
    """Nothing but breaching points, and too few: the oldest of them decides once it is old enough.

    The guide's `--X--` rings for three of three, its `---X-` does not yet.
    """
    age = len(points) - points.index("X")
    return ALARM if age >= datapoints else None


def changes(
    alarm: Alarm, points: Points, *, start: int, end: int, extra: int = EXTRA, late: int = 0
) -> Iterator[Change]:
    """What an alarm that is made at the minute `start` does until the minute `end`.

    `late` is by how many minutes each point is seen later than in the minute after its own.
    """
    fetched = alarm.periods + extra
    read = _Reader(alarm, points)
    state: State = INSUFFICIENT
    warming = alarm.warm_up > 0
    for minute in _looks(alarm, points, fetched, start, end, late):
        word = "".join(
            read.period(minute - (back + 1) * alarm.period, minute - late)
            for back in reversed(range(fetched))
        )
        if warming:
            filled = not alarm.whole_warm_up and "-" not in word[-alarm.periods :]
            if minute < start + alarm.warm_up and not filled:
                continue
            warming = False
        decided = decide(
            word, periods=alarm.periods, datapoints=alarm.datapoints, missing=alarm.missing
        )
        if decided is None or decided == state:
            continue
        reason = (
            f"{word}: {alarm.datapoints} of {alarm.periods} must be X; missing: {alarm.missing}"
        )
        yield Change(minute=minute, alarm=alarm.name, before=state, after=decided, reason=reason)
        state = decided


def _looks(
    alarm: Alarm, points: Points, fetched: int, start: int, end: int, late: int
) -> Sequence[int]:
    """The minutes at which what is fetched is other than a minute before; between them nothing is.

    A point comes into a period a minute after its own, or when it is seen, and into the next one a
    period later.
    """
    arrivals = {minute for query in alarm.queries for minute in points.minutes(query.metric)}
    steps = [back * alarm.period + 1 for back in range(fetched + 1)]
    looks = {minute + step for minute in arrivals for step in steps}
    looks |= {minute + late + 1 for minute in arrivals} if late else set()
    looks |= {start + 1, start + alarm.warm_up}
    return sorted(look for look in looks if start < look <= end)


class _Reader:
    """The periods of an alarm, each worked out once for the points that are seen."""

    def __init__(self, alarm: Alarm, points: Points) -> None:
        self._alarm = alarm
        self._points = points
        self._breaches = _COMPARE[alarm.operator]
        self._known: dict[tuple[int, int], str] = {}

    def period(self, start: int, seen: int) -> str:
        """The period that begins at a minute, of the points before the minute `seen`."""
        end = max(start, min(start + self._alarm.period, seen))
        known = self._known.get((start, end))
        if known is None:
            known = self._known[start, end] = self._read(start, end)
        return known

    def _read(self, start: int, end: int) -> str:
        alarm = self._alarm
        values = {
            query.id: self._points.statistic(query.metric, query.statistic, start, end)
            for query in alarm.queries
        }
        value = alarm.expression(values)
        if value is None:
            return "-"
        return "X" if self._breaches(value, alarm.threshold) else "0"
