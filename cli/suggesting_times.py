"""Which columns to propose as proof that rows came, and how far apart rows may come. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Final

from cli import suggesting_names as names
from cli.suggesting import Column, Omitted, Outcome, Proposal, Section, Table
from functions.report.words import duration

WINDOW: Final = timedelta(days=28)
"""How far back it is looked for times at which no row came."""

READ_BYTES: Final = 2 * 1024**3
"""So much the copy may read for the newest value of a column without an index."""

_LONG_ENOUGH: Final = timedelta(days=1)
_A_WEEK: Final = timedelta(days=7)
_WITHIN_HOURS: Final = (1, 2, 4, 6, 12, 24, 48, 96, 168, 336)
_TIMES: Final = ("timestamp with time zone", "timestamp without time zone", "date")


def clocks(table: Table) -> list[Column]:
    """The columns that may say when a row came, the likeliest first."""
    if not table.usable or not table.stays:
        return []
    likely = [
        (not column.indexed, -max(names.tells_time(column.name), int(column.stamped)), place)
        for place, column in enumerate(table.columns)
        if column.type in _TIMES and column.null_share < 0.5
    ]
    return [table.columns[place] for _, sure, place in sorted(likely) if sure]


def freshness_proposal(
    table: Table, column: Column, *, times: Sequence[datetime], later: bool, now: datetime, by: str
) -> Outcome:
    """What to expect of a column with these values, at most one of each hour, the newest first.

    `later`: there are values later than now. `by` says how they were found.
    """
    target = f"{table.target}.{column.name}"
    if later:
        return Omitted(target, "it holds times that are still to come: not when a row came")
    if not times:
        return Omitted(target, f"no row of the last {WINDOW.days} days is seen by {by}")
    silences = [now - times[0]]
    silences += [newer - older for newer, older in pairwise(times)]
    silence, span = max(silences), now - times[-1]
    if silence > _A_WEEK:
        return Omitted(target, f"no row came for {_whole(silence)}, as seen by {by}")
    least = 48 if column.type == "date" else 24 if span < _A_WEEK else 1
    hours = next(
        each for each in _WITHIN_HOURS if each >= max(least, silence.total_seconds() / 1800)
    )
    young = span < _LONG_ENOUGH
    slow = not column.indexed and table.bytes > READ_BYTES
    longest = f"never longer than {_whole(silence)} without a new one"
    if young:
        review = "Less than a day of rows: uncomment it once a week of them agrees."
    elif slow:
        review = "No index leads with it: the drill would read all of the table. Make one first."
    elif span < _A_WEEK:
        review = "Less than a week of rows: nights and weekends may be quieter."
    else:
        review = "A holiday may be quieter than that."
    return Proposal(
        section=Section.FRESHNESS,
        target=target,
        entry={"table": table.target, "column": column.name, "within": _within(hours)},
        lines=(
            f"SELECT EXISTS (SELECT FROM {table.quoted} AS x",  # noqa: S608 - quoted by the server
            f"WHERE x.{column.quoted} > :restore_time - interval '{hours} hours')",
        ),
        why=f"Rows of {_whole(span)}, seen by {by}; {longest}.",
        review=review,
        active=not young and not slow,
    )


def _whole(length: timedelta) -> str:
    """Hours alone, rounded up: what is told does not change with every call.

    >>> _whole(timedelta(minutes=3)), _whole(timedelta(hours=27, minutes=1)), _whole(timedelta(0))
    ('1 h', '1 d 4 h', '1 h')
    """
    return duration(3600 * max(1, ceil(length / timedelta(hours=1))))


def _within(hours: int) -> str:
    """
    >>> _within(6), _within(48), _within(96)
    ('6h', '48h', '4d')
    """
    return f"{hours}h" if hours <= 48 else f"{hours // 24}d"
