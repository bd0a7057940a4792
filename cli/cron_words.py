"""When a schedule runs, in words. Pure."""

from __future__ import annotations

import re
from typing import Final

_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SHORT_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SHORT_MONTHS: Final = tuple(month[:3].upper() for month in _MONTHS)
_NTH: Final = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth"}


def words(expression: str) -> str:
    """An expression of EventBridge Scheduler as a person says it; itself where that is not easy.

    >>> words("cron(0 5 ? * 2#1 *)")
    'the first Monday of the month, 05:00'
    >>> words("cron(30 4 1 * ? *)"), words("cron(0 5 ? * 6L *)"), words("cron(0 0 L * ? *)")
    ('day 1 of the month, 04:30', 'the last Friday of the month, 05:00', 'the last day of the \
month, 00:00')
    >>> words("cron(0 9 ? * MON-FRI *)"), words("cron(15 8 * * ? *)")
    ('Monday to Friday, 09:00', 'every day, 08:15')
    >>> words("cron(0 5 ? 1,4,7,10 3#1 *)")
    'the first Tuesday of January, April, July and October, 05:00'
    >>> words("cron(5 * * * ? *)"), words("rate(1 hour)"), words("rate(15 minutes)")
    ('every hour, 5 min past', 'every hour', 'every 15 minutes')
    >>> words("cron(0/7 3-9 ? * 2#1 2027)")
    'cron(0/7 3-9 ? * 2#1 2027)'
    """
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if rate:
        return f"every {rate[2]}" if rate[1] == "1" else f"every {rate[1]} {rate[2]}s"
    fields = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)", expression)
    if not fields:
        return expression
    minute, hour, date, month, day, year = fields.groups()
    months = _listed(month, _MONTHS, _SHORT_MONTHS)
    days = _on(date, day, months)
    if year != "*" or not minute.isdecimal() or days is None:
        return expression
    if hour == "*":
        past = f"{minute} min past" if int(minute) else ""
        if days != "every day":
            return expression
        return f"every hour, {past}" if past else "every hour"
    hours = hour.split(",")
    if not all(one.isdecimal() for one in hours):
        return expression
    return f"{days}, {_joined([f'{int(one):02}:{int(minute):02}' for one in hours])}"


def within(expression: str) -> str:
    """By when a rate comes again; empty for what is none.

    >>> within("rate(1 hour)"), within("rate(15 minutes)"), within("cron(0 5 ? * 2#1 *)")
    ('within the hour', 'within 15 minutes', '')
    """
    told = words(expression)
    if not expression.startswith("rate(") or told == expression:
        return ""
    span = told.removeprefix("every ")
    return f"within {span}" if span[0].isdecimal() else f"within the {span}"


def cron_fields(expression: str) -> str:
    """The six fields within a cron expression; empty for a rate.

    >>> cron_fields("cron(0 5 ? * 2#1 *)"), cron_fields("rate(1 hour)")
    ('0 5 ? * 2#1 *', '')
    """
    found = re.fullmatch(r"cron\((.+)\)", expression)
    return found[1] if found else ""


def _on(date: str, day: str, months: str | None) -> str | None:
    """The days of a cron expression in words; None for those that take too many."""
    if months is None:
        return None
    month = months or "the month"
    if date == "?" and (nth := re.fullmatch(r"(\w+)#([1-5])", day)):
        name = _listed(nth[1], _DAYS, _SHORT_DAYS)
        return f"the {_NTH[nth[2]]} {name} of {month}" if name else None
    if date == "?" and (last := re.fullmatch(r"(\w+)L", day)):
        name = _listed(last[1], _DAYS, _SHORT_DAYS)
        return f"the last {name} of {month}" if name else None
    if date == "L":
        return f"the last day of {month}"
    if date.isdecimal():
        return f"day {date} of {month}"
    if date not in ("*", "?"):
        return None
    names = _listed(day, _DAYS, _SHORT_DAYS)
    if names is None:
        return None
    within = f" in {months}" if months else ""
    return f"{names}{within}" if names else f"every day{within}"


def _listed(field: str, names: tuple[str, ...], short: tuple[str, ...]) -> str | None:
    """The names of a field's values; empty for all of them, None for what is no plain list.

    >>> _listed("MON-FRI", _DAYS, _SHORT_DAYS), _listed("1,7", _DAYS, _SHORT_DAYS)
    ('Monday to Friday', 'Sunday and Saturday')
    >>> _listed("*", _DAYS, _SHORT_DAYS), _listed("2/2", _DAYS, _SHORT_DAYS)
    ('', None)
    """
    if field in ("*", "?"):
        return ""
    told = []
    for part in field.split(","):
        ends = [_named(end, names, short) for end in part.split("-")]
        if None in ends or len(ends) > 2:
            return None
        told.append(" to ".join(str(end) for end in ends))
    return _joined(told)


def _named(value: str, names: tuple[str, ...], short: tuple[str, ...]) -> str | None:
    if value.upper() in short:
        return names[short.index(value.upper())]
    if value.isdecimal() and 1 <= int(value) <= len(names):
        return names[int(value) - 1]
    return None


def _joined(parts: list[str]) -> str:
    """
    >>> _joined(["a"]), _joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
