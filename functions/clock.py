"""Instants as they travel in the document: RFC 3339, UTC, upper-case T and Z. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})", re.ASCII
)


def parse(text: str) -> datetime:
    """The instant, in UTC.

    Raises ValueError for anything that is not RFC 3339 with a zone.

    >>> parse("2026-11-02T05:00:00Z")
    datetime.datetime(2026, 11, 2, 5, 0, tzinfo=datetime.timezone.utc)
    >>> parse("2026-11-02T02:00:00-03:00") == parse("2026-11-02T05:00:00Z")
    True
    >>> parse("2026-11-02T05:00:00")
    Traceback (most recent call last):
    ...
    ValueError: '2026-11-02T05:00:00' is not an RFC 3339 time with a zone (2026-11-02T05:00:00Z)
    """
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise ValueError(f"{text!r} is not an RFC 3339 time with a zone (2026-11-02T05:00:00Z)")
    return datetime.fromisoformat(text).astimezone(UTC)


def render(instant: datetime) -> str:
    """The instant as the document holds it: UTC, milliseconds unless they are zero.

    >>> render(datetime(2026, 11, 2, 5, 0, tzinfo=UTC))
    '2026-11-02T05:00:00Z'
    >>> render(datetime(2026, 11, 2, 5, 0, 0, 250_900, tzinfo=UTC))
    '2026-11-02T05:00:00.250Z'

    Raises ValueError for a naive datetime.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no zone")
    precision = "milliseconds" if instant.microsecond else "seconds"
    return instant.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds from one instant of the document to another; None where either is missing.

    >>> seconds_between("2026-11-02T05:00:00Z", "2026-11-02T05:01:00.500Z")
    60.5
    >>> seconds_between(None, "2026-11-02T05:01:00Z") is None
    True
    """
    if start is None or end is None:
        return None
    return (parse(end) - parse(start)).total_seconds()


def after(instant: str, seconds: float) -> str:
    """The instant that many seconds later.

    >>> after("2026-11-02T05:00:00Z", 90)
    '2026-11-02T05:01:30Z'
    """
    return render(parse(instant) + timedelta(seconds=seconds))
