"""What happens to a deployment on its virtual clock, and what must ring for it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from functions.health import Finding
from lab.series import Metric

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

AFTERMATH: Final = 3 * HOUR
"""How long after its end a failure may still make an alarm ring: the latest points come late."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Injected:
    """A failure from its beginning to its end, and the alarms that must ring for it.

    `may` are those that ring in its wake as well; without `rings` it is harmless, and nothing may
    ring but them. `within` is how long after its beginning each of `rings` must ring at the latest.
    """

    what: str
    begins: datetime
    ends: datetime
    rings: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    within: timedelta = 6 * HOUR
    mark: str = ""

    def covers(self, alarm: str, at: datetime) -> bool:
        """Whether an alarm that rings at a moment rings for this."""
        expected = alarm in self.rings or alarm in self.may
        return expected and self.begins <= at <= self.ends + AFTERMATH


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run of a drill: when it starts, for which time, and how it ends."""

    started: datetime
    scheduled: datetime | None
    verdict: str = "PASS"
    cause: str = ""
    seconds: float | None = None


@dataclass(kw_only=True, slots=True)
class Story:
    """Each drill's runs, what is wrong from when to when, and what was injected on purpose.

    `faults` are of sources, by name, as `lab/pretended.py` has them; `switched_off` are drills, and
    `own_gone` schedules of the watch itself; `unread` is what could not be read of a drill.
    `counted` are datapoints that AWS's own services count. A drill is watched from `start` on.
    """

    start: datetime
    end: datetime
    runs: dict[str, list[Run]] = field(default_factory=dict)
    faults: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)
    switched_off: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    own_gone: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    no_collector: list[tuple[datetime, datetime]] = field(default_factory=list)
    no_sweeper: list[tuple[datetime, datetime]] = field(default_factory=list)
    sweeper_raises: list[tuple[datetime, datetime]] = field(default_factory=list)
    leftovers: list[tuple[datetime, datetime]] = field(default_factory=list)
    untagged: list[tuple[datetime, datetime]] = field(default_factory=list)
    undelivered: list[tuple[datetime, datetime]] = field(default_factory=list)
    unread: list[tuple[str, Finding, datetime, datetime]] = field(default_factory=list)
    counted: list[tuple[Metric, datetime, float]] = field(default_factory=list)
    injected: list[Injected] = field(default_factory=list)

    def starts(self, drill: str, run: Run) -> None:
        """One more run of a drill."""
        self.runs.setdefault(drill, []).append(run)

    def add(self, injected: Injected) -> None:
        """One more failure."""
        self.injected.append(injected)


def is_within(spans: Sequence[tuple[datetime, datetime]], now: datetime) -> bool:
    """Whether a moment lies in one of the spans, their ends excluded."""
    return any(begins <= now < ends for begins, ends in spans)
