"""The six fields of a cron expression as EventBridge Scheduler reads them. Pure."""

from __future__ import annotations

import re

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 1, 7, _DAYS),
    ("year", 1970, 2199, ()),
)


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
    """
    values = expression.split()
    if len(values) != len(_FIELDS):
        count = f"has {len(values)} fields"
        return f"{count}: minutes hours day-of-month month day-of-week year are six"
    for text, (name, lowest, highest, words) in zip(values, _FIELDS, strict=True):
        if not all(_part_is_right(part, name, lowest, highest, words) for part in text.split(",")):
            also = f" or {words[0]} to {words[-1]}" if words else ""
            return f"{name} {text!r}: {lowest} to {highest}{also}"
    if (values[2] == "?") == (values[4] == "?"):
        return "day of month and day of week: exactly one of the two must be ?"
    return None


def _part_is_right(part: str, name: str, lowest: int, highest: int, words: tuple[str, ...]) -> bool:
    """Whether one element of a comma-separated list is in the field's language."""
    if part == "*":
        return True
    if part == "?":
        return name in ("day of month", "day of week")
    if name == "day of month" and (part in ("L", "LW") or re.fullmatch(r"\d+W", part)):
        return part[:-1] in ("", "L") or lowest <= int(part[:-1]) <= highest
    if name == "day of week":
        if part == "L":
            return True
        if special := re.fullmatch(r"(\w+)(?:#([1-5])|L)", part):
            return _value(special[1], words) in range(lowest, highest + 1)
    start, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and 0 < int(step) <= highest):
        return False
    first, dash, last = start.partition("-")
    if first == "*":
        return bool(slash) and not dash
    bounds = [_value(bound, words) for bound in ((first, last) if dash else (first,))]
    in_range = all(bound in range(lowest, highest + 1) for bound in bounds)
    return in_range and bounds == sorted(bounds)


def _value(text: str, words: tuple[str, ...]) -> int:
    """The number a bound stands for; -1 when it is neither a number nor a known word."""
    if text.upper() in words:
        return words.index(text.upper()) + 1
    return int(text) if text.isdecimal() else -1
