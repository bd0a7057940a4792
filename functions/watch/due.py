"""When a drill is overdue: by its schedule, and by those that it had before. Pure.

A schedule that is new excuses what it would have asked of a time before it was there. That must not
excuse what the schedule before it asked for, nor a drill whose schedule is moved again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from functions import clock, cron
from functions.health import Finding
from functions.report.words import duration
from functions.watch.conditions import OVERDUE
from functions.watch.watched import Drill

_NOTICED: Final = timedelta(hours=2)
"""How late the collector may notice that a schedule was changed."""

_ALMOST_A_DAY: Final = timedelta(hours=20)


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What is kept of a drill's schedule from one collection to the next.

    `since` is when the drill was first watched, `scheduled_since` when it was first seen with the
    schedule that it has now, `enabled_since` since when it is switched on without a break. `owed`
    is a time of an earlier schedule, since which nothing was proven before that was changed.
    """

    since: datetime
    cron: str
    timezone: str
    enabled: bool
    scheduled_since: datetime
    enabled_since: datetime
    owed: datetime | None = None

    @classmethod
    def first(cls, drill: Drill, now: datetime) -> Remembered:
        """Of a drill that nobody watched before."""
        return cls(
            since=now,
            cron=drill.cron,
            timezone=drill.timezone,
            enabled=drill.enabled,
            scheduled_since=now,
            enabled_since=now,
        )

    def to_document(self) -> dict[str, str | bool]:
        """As JSON can hold it.

        >>> now = clock.parse("2026-11-02T05:00:00Z")
        >>> kept = Remembered(since=now, cron="0 5 1 * ? *", timezone="UTC", enabled=True,
        ...                   scheduled_since=now, enabled_since=now)
        >>> Remembered.from_document(kept.to_document()) == kept
        True
        """
        return {
            "since": clock.render(self.since),
            "cron": self.cron,
            "timezone": self.timezone,
            "enabled": self.enabled,
            "scheduled_since": clock.render(self.scheduled_since),
            "enabled_since": clock.render(self.enabled_since),
            "owed": clock.render(self.owed) if self.owed else "",
        }

    @classmethod
    def from_document(cls, document: dict[str, str | bool]) -> Remembered:
        """As it was kept. Raises KeyError, TypeError or ValueError."""
        return cls(
            since=clock.parse(str(document["since"])),
            cron=str(document["cron"]),
            timezone=str(document["timezone"]),
            enabled=bool(document["enabled"]),
            scheduled_since=clock.parse(str(document["scheduled_since"])),
            enabled_since=clock.parse(str(document["enabled_since"])),
            owed=clock.parse(str(document["owed"])) if document["owed"] else None,
        )


def remember(
    kept: Remembered | None, drill: Drill, proven: datetime | None, *, now: datetime
) -> Remembered:
    """What is to be kept of a drill; `kept` itself where its schedule is the one it had.

    `proven` is when its last PASS was reported.
    """
    if kept is None:
        return Remembered.first(drill, now)
    if (kept.cron, kept.timezone, kept.enabled) == (drill.cron, drill.timezone, drill.enabled):
        return kept
    return replace(
        kept,
        cron=drill.cron,
        timezone=drill.timezone,
        enabled=drill.enabled,
        scheduled_since=now,
        enabled_since=kept.enabled_since if kept.enabled and drill.enabled else now,
        owed=_owed(kept, timedelta(seconds=drill.grace_seconds), proven, now),
    )


def overdue(
    drill: Drill, proven: datetime | None, *, kept: Remembered, now: datetime
) -> Iterator[Finding]:
    """A scheduled time has passed, its grace too, and no PASS was reported at that time or later.

    So a run of the schedule counts however late it began, and so does one by hand after the time,
    and one by hand that was under way at the time, for it holds the claim and the schedule's own
    run is skipped. One that had ended before does not. A time before the drill was watched, or had
    this schedule, or was switched on, is nobody's fault; but one that an earlier schedule named
    stays due, and so does a PASS within the longest time that this schedule leaves between two.
    """
    if not drill.enabled:
        return
    grace = timedelta(seconds=drill.grace_seconds)
    due = cron.last_before(drill.cron, drill.timezone, now - grace)
    known = f"the last PASS is of {clock.render(proven)}" if proven else "it has never passed"
    if due and due > kept.scheduled_since and _lacks(due, proven):
        text = f"was to run at {clock.render(due)} and no run has passed since: {known}"
    elif kept.owed and kept.owed <= now - grace and _lacks(kept.owed, proven):
        at = clock.render(kept.owed)
        text = f"was to run at {at}, by an earlier schedule, and no run has passed since: {known}"
    elif longest := _too_long(drill, proven, kept=kept, now=now - grace):
        text = (
            f"no run has passed for longer than its schedule leaves between two, which is"
            f" {duration(longest.total_seconds())}: {known}"
        )
    else:
        return
    yield Finding(condition=OVERDUE.name, text=text)


def _owed(
    kept: Remembered, grace: timedelta, proven: datetime | None, now: datetime
) -> datetime | None:
    """A time that a schedule named before it was changed, and nothing was proven since.

    One whose grace has passed comes first: the drill is overdue, and stays so. What was named just
    before the change was noticed may have been moved away in time.
    """
    late = _named(kept, now - max(grace, _NOTICED))
    lately = _named(kept, now - _NOTICED)
    return next((time for time in (late, kept.owed, lately) if time and _lacks(time, proven)), None)


def _named(kept: Remembered, moment: datetime) -> datetime | None:
    """The last time up to a moment that the schedule named while the drill had it."""
    if not kept.enabled:
        return None
    time = cron.last_before(kept.cron, kept.timezone, moment)
    return time if time and time > kept.scheduled_since else None


def _lacks(due: datetime, proven: datetime | None) -> bool:
    return proven is None or proven < due


def _too_long(
    drill: Drill, proven: datetime | None, *, kept: Remembered, now: datetime
) -> timedelta | None:
    """The longest time between two of its times, where nothing was proven for longer.

    A schedule that is new may take a second such time until it comes first, and no third.
    """
    longest = _longest(drill.cron, drill.timezone, now.year)
    if longest is None:
        return None
    begins = max(kept.enabled_since, proven) if proven else kept.enabled_since
    first = cron.next_after(drill.cron, drill.timezone, kept.scheduled_since)
    ends = begins + longest
    if first:
        ends = max(ends, min(first, ends + longest))
    return longest if now > ends else None


@lru_cache(maxsize=512)
def _longest(expression: str, timezone: str, year: int) -> timedelta | None:
    """The longest time between two times of a schedule around a year, or somewhat more.

    None for one that comes once, or never.

    >>> [_longest(each, "UTC", 2026).days for each in ("0 5 ? * 2#1 *", "0 5 29 2 ? *")]
    [35, 1461]
    >>> _longest("0 5 5 1 ? 2026", "UTC", 2026) is None
    True
    """
    ends = datetime(year + 2, 1, 1, tzinfo=UTC)
    time = cron.next_after(expression, timezone, datetime(year - 1, 1, 1, tzinfo=UTC))
    longest: timedelta | None = None
    while time:
        coming = cron.next_after(expression, timezone, time + _ALMOST_A_DAY)
        if coming:
            longest = max(longest or timedelta(), coming - time)
        time = coming if coming and (coming < ends) else None
    return longest
