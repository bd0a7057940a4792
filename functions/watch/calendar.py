"""Which days of a year no drill restores: a backup of such a day may be bad, unseen. Pure.

The backup of a day is tested when a scheduled run restores a moment of that day while it is kept:
`latest` tests the day of the run, `oldest` the day at the far end of the window. `random` tests one
day of the window, and nobody knows which: such days may be tested, and count as untested. A drill
of a fixed moment tests no day to come. Days are UTC's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Final

from functions import cron
from functions.watch.watched import Drill

DAYS: Final = 365

_A_DAY: Final = timedelta(days=1)
_A_WEEK: Final = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Year:
    """The days to come of a source, by what its drills restore.

    `longest` is the longest stretch of untested days, `perhaps_days` how many of the untested lie
    in the window of a random restore. `kept_days` is how long a backup is kept.
    """

    untested_days: int
    perhaps_days: int
    longest: int
    kept_days: int

    def sentence(self) -> str:
        """For people: how much is untested, and what a weekly drill would change.

        >>> Year(untested_days=353, perhaps_days=84, longest=34, kept_days=7).sentence()
        'Of the next 365 days, 353 are never restored for certain (84 of them perhaps, by a random \
restore), 34 of them on end, and a backup is kept for 7 days: one that is bad may never be found. \
A weekly drill of the latest moment would leave 313 days, 6 on end.'
        >>> Year(untested_days=0, perhaps_days=0, longest=0, kept_days=7).sentence()
        'Each of the next 365 days is restored once.'
        """
        if not self.untested_days:
            return f"Each of the next {DAYS} days is restored once."
        perhaps = f" ({self.perhaps_days} of them perhaps, by a random restore)"
        told = (
            f"Of the next {DAYS} days, {self.untested_days} are never restored for certain"
            f"{perhaps if self.perhaps_days else ''}, {self.longest} of them on end, and a backup"
            f" is kept for {self.kept_days} days: one that is bad may never be found."
        )
        weekly = DAYS - DAYS // _A_WEEK
        if self.untested_days <= weekly:
            return told
        return (
            f"{told} A weekly drill of the latest moment would leave {weekly} days,"
            f" {_A_WEEK - 1} on end."
        )


def year(drills: Sequence[Drill], now: datetime) -> Year | None:
    """The year that begins today, by the schedules of the drills of one source.

    A drill that is switched off restores nothing. None where no drill restores to a moment: then
    the question has no sense. Raises as `cron.times` does.
    """
    restoring = [drill for drill in drills if drill.at and drill.retention_days]
    if not restoring:
        return None
    plans = tuple(
        (drill.cron, drill.timezone, drill.at, drill.retention_days)
        for drill in restoring
        if drill.enabled
    )
    kept_days = max(drill.retention_days for drill in restoring)
    return _year(plans, kept_days, now.astimezone(UTC).date())


@lru_cache(maxsize=512)
def _year(plans: tuple[tuple[str, str, str, int], ...], kept_days: int, today: date) -> Year:
    """Kept, for the collector asks every hour and the answer is a day's."""
    days = [today + n * _A_DAY for n in range(DAYS)]
    tested = {day for plan in plans for day in _tested(*plan, today)}
    perhaps = {day for plan in plans for day in _perhaps(*plan, today)}
    untested = [day not in tested for day in days]
    return Year(
        untested_days=sum(untested),
        perhaps_days=sum(day in perhaps and day not in tested for day in days),
        longest=max((len(list(run)) for bad, run in groupby(untested) if bad), default=0),
        kept_days=kept_days,
    )


def _tested(expression: str, timezone: str, at: str, kept: int, today: date) -> Iterator[date]:
    """The days that a drill restores for certain."""
    if at == "latest":
        yield from _runs(expression, timezone, today, DAYS)
    elif at == "oldest":
        for day in _runs(expression, timezone, today, DAYS + kept):
            yield day - kept * _A_DAY


def _perhaps(expression: str, timezone: str, at: str, kept: int, today: date) -> Iterator[date]:
    """The days of which a drill restores some."""
    if at == "random":
        for day in _runs(expression, timezone, today, DAYS + kept):
            yield from (day - n * _A_DAY for n in range(kept + 1))


def _runs(expression: str, timezone: str, today: date, days: int) -> Iterator[date]:
    """The days of the runs to come, from today on."""
    start = datetime.combine(today, time(), tzinfo=UTC)
    just_before = start - timedelta(microseconds=1)
    for moment in cron.times(expression, timezone, just_before, start + days * _A_DAY):
        yield moment.date()
