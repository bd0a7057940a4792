"""When a secret is due for its next rotation, by the rules that AWS keeps of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from lab.calls import Refusal


def next_rotation(rules: Mapping[str, Any], after: datetime) -> datetime:
    """The end of the window in which a secret is rotated next, after a rotation at that moment.

    Windows begin at midnight UTC, or when the expression says so; without a duration they last for
    the rest of the day, or an hour when the schedule is in hours. Raises Refusal.

    >>> from datetime import UTC
    >>> moment = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    >>> next_rotation({"AutomaticallyAfterDays": 30}, moment).isoformat()
    '2026-12-23T23:59:59+00:00'
    >>> next_rotation({"ScheduleExpression": "rate(10 days)", "Duration": "3h"}, moment).isoformat()
    '2026-12-03T03:00:00+00:00'
    >>> next_rotation({"ScheduleExpression": "rate(12 hours)"}, moment).isoformat()
    '2026-11-24T03:00:00+00:00'
    >>> next_rotation({"ScheduleExpression": "cron(0 8 1 * ? *)"}, moment).isoformat()
    '2026-12-01T23:59:59+00:00'
    >>> next_rotation({"ScheduleExpression": "cron(0 0/8 ? * 2 *)", "Duration": "2h"}, moment)
    datetime.datetime(2026, 11, 23, 18, 0, tzinfo=datetime.timezone.utc)
    """
    expression = rules.get("ScheduleExpression") or f"rate({rules['AutomaticallyAfterDays']} days)"
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    if rate := RATE.fullmatch(expression):
        count, in_hours = int(rate.group(1)), rate.group(2) == "hour"
        if in_hours:
            opens = after.replace(minute=0, second=0, microsecond=0) + timedelta(hours=count)
        else:
            opens = midnight + timedelta(days=count)
    else:
        opens, in_hours = _next_of_cron(expression, after), False
    if duration := rules.get("Duration"):
        return opens + timedelta(hours=int(duration.removesuffix("h")))
    if in_hours:
        return opens + timedelta(hours=1)
    return opens.replace(hour=23, minute=59, second=59)


RATE = re.compile(r"rate\((\d+) (hour|day)s?\)")
_CRON = re.compile(r"cron\(0 (\S+) (\S+) (\S+) (\S+) \*\)")


def _next_of_cron(expression: str, after: datetime) -> datetime:
    """Hours, days of the month, months and weekdays, as numbers; the year is any."""
    fields = _CRON.fullmatch(expression)
    if fields is None:
        raise Refusal("InvalidParameterException", f"Invalid ScheduleExpression: {expression}")
    hours = sorted(_numbers(fields.group(1), 0, 23))
    days, months = _numbers(fields.group(2), 1, 31), _numbers(fields.group(3), 1, 12)
    weekdays = _numbers(fields.group(4), 1, 7)

    def falls_on(day: date) -> bool:
        return day.month in months and day.day in days and (day.isoweekday() % 7 + 1) in weekdays

    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    for count in range(5 * 366):
        day = midnight + timedelta(days=count)
        if falls_on(day.date()):
            for hour in hours:
                if day + timedelta(hours=hour) > after:
                    return day + timedelta(hours=hour)
    raise Refusal("InvalidParameterException", f"ScheduleExpression {expression} never comes")


def _numbers(text: str, low: int, high: int) -> set[int]:
    """What a field of a cron expression stands for. Raises Refusal.

    >>> sorted(_numbers("1-3,9", 1, 12)), sorted(_numbers("0/8", 0, 23))
    ([1, 2, 3, 9], [0, 8, 16])
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\*|\?|\d+)(?:-(\d+))?(?:/(\d+))?", part)
        if match is None:  # names, L, W and # are AWS's too
            raise Refusal(
                "NotImplemented",
                f"the lab's schedules have numbers only, not {part}",
                HTTPStatus.NOT_IMPLEMENTED,
            )
        first, last, every = match.groups()
        begin = low if first in "*?" else int(first)
        end = int(last) if last else (high if first in "*?" or every else begin)
        found.update(range(begin, end + 1, int(every or 1)))
    return found
