"""Cron expressions of six fields as EventBridge Scheduler reads them, and when they come. Pure.

A time is a wall clock's, in an IANA zone. A time that the clock skips does not come, and one that
it shows twice comes once (AWS: "How can I adjust my Amazon EventBridge schedule for daylight
saving?"). That page does not say which of the two it is; here it is the first.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Field:
    """What one of the six may hold."""

    name: str
    lowest: int
    highest: int
    words: tuple[str, ...] = ()


_DAY_OF_MONTH = _Field(name="day of month", lowest=1, highest=31)
_DAY_OF_WEEK = _Field(name="day of week", lowest=1, highest=7, words=_DAYS)
_MINUTES = _Field(name="minutes", lowest=0, highest=59)
_HOURS = _Field(name="hours", lowest=0, highest=23)
_MONTH = _Field(name="month", lowest=1, highest=12, words=_MONTHS)
_YEAR = _Field(name="year", lowest=1970, highest=2199)
_FIELDS = (_MINUTES, _HOURS, _DAY_OF_MONTH, _MONTH, _DAY_OF_WEEK, _YEAR)

_SATURDAY, _SUNDAY = 7, 1


def fault(expression: str) -> str | None:
    """What is wrong with a cron expression, as a phrase; None when it is right.

    >>> fault("0 5 ? * 2#1 *") is None  # the first Monday of each month, at five
    True
    >>> fault("0 5 1 * *")
    'has 5 fields: minutes hours day-of-month month day-of-week year are six'
    >>> fault("0 25 1 * ? *")
    "hours '25': 0 to 23"
    >>> fault("0 5 1 * 2 *")
    'day of month and day of week: exactly one of the two must be ?'
    >>> fault("0 5 ? * 2#1,2#3 *")
    "day of week '2#1,2#3': # stands alone"
    """
    values = expression.split()
    if len(values) != len(_FIELDS):
        count = f"has {len(values)} fields"
        return f"{count}: minutes hours day-of-month month day-of-week year are six"
    for text, field in zip(values, _FIELDS, strict=True):
        if not all(_part_is_right(part, field) for part in text.split(",")):
            also = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
            return f"{field.name} {text!r}: {field.lowest} to {field.highest}{also}"
        for mark in "?#":
            if mark in text and "," in text:
                return f"{field.name} {text!r}: {mark} stands alone"
    if (values[2] == "?") == (values[4] == "?"):
        return "day of month and day of week: exactly one of the two must be ?"
    return None


def times(expression: str, timezone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """The times after `start` and up to `end`, in UTC, in order.

    >>> months = times("0 5 ? * MON#1 *", "America/Sao_Paulo",
    ...                datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
    >>> [f"{time:%d %b %H:%M}" for time in months]
    ['05 Jan 08:00', '02 Feb 08:00', '02 Mar 08:00']
    >>> nights = times("30 2 * * ? *", "Europe/Berlin",  # 2:30 is skipped on the 29th
    ...                datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
    >>> [f"{time:%d %b %H:%M}" for time in nights]
    ['28 Mar 01:30', '30 Mar 00:30']

    Raises ValueError for an expression that has a fault, and ZoneInfoNotFoundError.
    """
    zone = ZoneInfo(timezone)
    for wall in _walls(_read(expression), start.astimezone(zone).date()):
        moment = _instant(wall, zone)
        if moment and moment > end:
            return
        if moment and moment > start:
            yield moment


def next_after(expression: str, timezone: str, moment: datetime) -> datetime | None:
    """The first time after a moment, in UTC; None when none comes any more.

    >>> next_after("0 0 29 2 ? *", "UTC", datetime(2026, 1, 1, tzinfo=UTC)).isoformat()
    '2028-02-29T00:00:00+00:00'
    >>> next_after("0 0 1 1 ? 2020", "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None
    True

    Raises as `times` does.
    """
    return next(times(expression, timezone, moment, datetime.max.replace(tzinfo=UTC)), None)


def last_before(expression: str, timezone: str, moment: datetime) -> datetime | None:
    """The last time at or before a moment, in UTC; None when there was none since 1970.

    >>> last_before("0 5 ? 3 3#2 *", "UTC", datetime(2026, 1, 1, tzinfo=UTC)).isoformat()
    '2025-03-11T05:00:00+00:00'

    Raises as `times` does.
    """
    zone = ZoneInfo(timezone)
    day_after = moment.astimezone(zone).date() + timedelta(days=1)  # a clock may be set back past 0
    for wall in _walls(_read(expression), day_after, back=True):
        found = _instant(wall, zone)
        if found and found <= moment:
            return found
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Schedule:
    """An expression, read. Of the two kinds of day, one is empty."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]
    years: tuple[int, ...]
    days_of_month: tuple[str, ...]
    days_of_week: tuple[str, ...]


@lru_cache(maxsize=512)
def _read(expression: str) -> _Schedule:
    """Raises ValueError."""
    if found := fault(expression):
        raise ValueError(f"cron {expression!r}: {found}")
    minutes, hours, days_of_month, months, days_of_week, years = expression.split()
    return _Schedule(
        minutes=_numbers(minutes, _MINUTES),
        hours=_numbers(hours, _HOURS),
        months=_numbers(months, _MONTH),
        years=_numbers(years, _YEAR),
        days_of_month=() if days_of_month == "?" else tuple(days_of_month.split(",")),
        days_of_week=() if days_of_week == "?" else tuple(days_of_week.split(",")),
    )


def _walls(schedule: _Schedule, edge: date, *, back: bool = False) -> Iterator[datetime]:
    """The wall clock's times from the day `edge` on; with `back`, from it into the past.

    In either order, the instants they stand for are in that order too.
    """
    turn = -1 if back else 1
    for year in schedule.years[::turn]:
        if year > edge.year if back else year < edge.year:
            continue
        for month in schedule.months[::turn]:
            if (year, month) != (edge.year, edge.month) and _is_past(year, month, edge, back=back):
                continue
            for day in _days(schedule.days_of_month, schedule.days_of_week, year, month)[::turn]:
                if _is_past(year, month, edge, day, back=back):
                    continue
                for hour in schedule.hours[::turn]:
                    for minute in schedule.minutes[::turn]:
                        yield datetime(year, month, day, hour, minute)  # noqa: DTZ001 - a wall's


def _is_past(year: int, month: int, edge: date, day: int = 1, *, back: bool) -> bool:
    """Whether a day, or a month, lies on the side of the edge that nobody asks about."""
    at, limit = (year, month, day), (edge.year, edge.month, edge.day)
    return at > limit if back else at < limit


def _instant(wall: datetime, zone: ZoneInfo) -> datetime | None:
    """When a wall clock shows that time first; None when it skips it."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == wall else None


@lru_cache(maxsize=4096)
def _days(
    of_month: tuple[str, ...], of_week: tuple[str, ...], year: int, month: int
) -> tuple[int, ...]:
    """The days of a month, in order."""
    weekday, last = monthrange(year, month)
    first = (weekday + 1) % 7 + 1  # from Monday = 0 to Sunday = 1
    found = {day for part in of_month for day in _of_month(part, first, last)}
    found |= {day for part in of_week for day in _of_week(part, first, last)}
    return tuple(sorted(found))


def _of_month(part: str, first: int, last: int) -> list[int]:
    """The days that an element of "day of month" means, in a month whose first is that weekday.

    W is the nearest day from Monday to Friday within the month. A day that the month lacks does
    not come, also with W.

    >>> august_2026 = {"first": 7, "last": 31}  # a Saturday
    >>> [_of_month(part, **august_2026) for part in ("1W", "16W", "L", "30/5", "9-11")]
    [[3], [17], [31], [30], [9, 10, 11]]
    >>> [_of_month(part, first=7, last=30) for part in ("31W", "31", "LW")]
    [[], [], [28]]
    """
    if part.endswith("W"):
        day = last if part == "LW" else int(part[:-1])
        return [_nearest_weekday(day, first, last)] if day <= last else []
    if part == "L":
        return [last]
    return [day for day in _numbers(part, _DAY_OF_MONTH) if day <= last]


def _nearest_weekday(day: int, first: int, last: int) -> int:
    weekday = _weekday(day, first)
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _of_week(part: str, first: int, last: int) -> list[int]:
    """The days that an element of "day of week" means, in a month whose first is that weekday.

    L alone is the last day of each week, Saturday; after a day, the month's last such day.

    >>> august_2026 = {"first": 7, "last": 31}  # a Saturday
    >>> [_of_week(part, **august_2026) for part in ("2#1", "SAT#5", "6#5", "6L", "L")]
    [[3], [29], [], [28], [1, 8, 15, 22, 29]]
    """
    name, sharp, ordinal = part.partition("#")
    is_last = len(part) > 1 and part.endswith("L")
    if part == "L":
        wanted: tuple[int, ...] = (_SATURDAY,)
    elif sharp or is_last:
        wanted = (_value(name.removesuffix("L") if is_last else name, _DAYS),)
    else:
        wanted = _numbers(part, _DAY_OF_WEEK)
    days = [day for day in range(1, last + 1) if _weekday(day, first) in wanted]
    if sharp:
        return days[int(ordinal) - 1 : int(ordinal)]
    return days[-1:] if is_last else days


def _weekday(day: int, first: int) -> int:
    return (first + day - 2) % 7 + 1


def _numbers(text: str, field: _Field) -> tuple[int, ...]:
    """What a list of numbers, words, ranges and steps means, in order.

    >>> _numbers("JAN,10-12,*/6", _MONTH), _numbers("50/4", _MINUTES), _numbers("1-9/4", _HOURS)
    ((1, 7, 10, 11, 12), (50, 54, 58), (1, 5, 9))
    """
    found: set[int] = set()
    for part in text.split(","):
        bounds, slash, step = part.partition("/")
        first, dash, last = bounds.partition("-")
        start = field.lowest if first == "*" else _value(first, field.words)
        open_ended = first == "*" or (slash and not dash)
        end = field.highest if open_ended else _value(last if dash else first, field.words)
        found.update(range(start, end + 1, int(step) if slash else 1))
    return tuple(sorted(found))


def _part_is_right(part: str, field: _Field) -> bool:
    """Whether one element of a comma-separated list is in the field's language."""
    if part == "*":
        return True
    if part == "?":
        return field in (_DAY_OF_MONTH, _DAY_OF_WEEK)
    if field is _DAY_OF_MONTH and (part in ("L", "LW") or re.fullmatch(r"\d+W", part)):
        return part[:-1] in ("", "L") or field.lowest <= int(part[:-1]) <= field.highest
    if field is _DAY_OF_WEEK:
        if part == "L":
            return True
        if special := re.fullmatch(r"(\w+)(?:#([1-5])|L)", part):
            return _value(special[1], field.words) in range(field.lowest, field.highest + 1)
    start, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and 0 < int(step) <= field.highest):
        return False
    first, dash, last = start.partition("-")
    if first == "*":
        return bool(slash) and not dash
    bounds = [_value(bound, field.words) for bound in ((first, last) if dash else (first,))]
    in_range = all(bound in range(field.lowest, field.highest + 1) for bound in bounds)
    return in_range and bounds == sorted(bounds)


def _value(text: str, words: tuple[str, ...]) -> int:
    """The number a bound stands for; -1 when it is neither a number nor a known word."""
    if text.upper() in words:
        return words.index(text.upper()) + 1
    return int(text) if text.isdecimal() else -1
