"""What two readings of the source demand of the copy.

A table is read twice, once before the restore point T and once after it. A row version is *old*
when it was written by a transaction that had ended when the first reading began. Old versions can
only disappear, so of those that the first reading saw (`most`) and those that the second one still
saw (`least`) the copy must hold at least `least` and at most `most`.

A version shows 32 bits of its writer's transaction id, frozen or not. Its *place* is how many ids
it lies after the horizon, modulo 2^32: small for a version that is new, and also for one that was
written a round (2^32 transactions) ago. What tells them apart is the snapshot: a version that is
visible although its id was not in use yet is a round old. So the first reading finds the `gap`, the
least place of such a version; where fewer ids were used in all, a version is old if and only if its
place is not below the gap. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta  # noqa: F401 - UTC is for the doctests

from functions.model import Check, CheckClass, Status

ROUND = 1 << 32
"""After so many transactions their ids, as rows show them, begin anew."""

WINDOW = 1 << 24
"""The gap of a table without rows that are a round old: transactions, counted from the horizon,
whose rows are not old. A table whose readings consumed more than its gap cannot be compared: its
newest rows would pass for old ones."""

BLOCK_BYTES = 8192

BEFORE_T = timedelta(milliseconds=100)
"""How long before the restore point the marker 'before' is committed, at least."""

AFTER_T = timedelta(milliseconds=500)
"""How long after the restore point the marker 'after' is written, at least; and how long after
that the second reading begins. What was committed up to T has then become visible."""

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far the clocks of those who write time stamps may run ahead of the source's."""

HEARTBEAT_TOLERANCE = timedelta(seconds=2)
"""Heartbeats this near to the restore point prove nothing: they carry a time from before their
commit."""

WIDEST_BRACKET = timedelta(days=36)
"""How far the heartbeats on both sides of a restore point may be apart, to say where a restore has
landed: those of monthly drills are 35 days apart at most."""


def restore_point(clock: datetime) -> datetime:
    """The restore point: the first whole second that lies at least BEFORE_T after `clock`.

    >>> restore_point(datetime(2026, 11, 2, 5, 0, 3, 250_000, tzinfo=UTC)).isoformat()
    '2026-11-02T05:00:04+00:00'
    >>> restore_point(datetime(2026, 11, 2, 5, 0, 3, 950_000, tzinfo=UTC)).isoformat()
    '2026-11-02T05:00:05+00:00'
    >>> restore_point(datetime(2026, 11, 2, 5, 0, 3, 900_000, tzinfo=UTC)).isoformat()
    '2026-11-02T05:00:04+00:00'
    """
    soonest = clock + BEFORE_T
    whole = soonest.replace(microsecond=0)
    return whole if whole == soonest else whole + timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Which places make a version old, late, or unsure: from the first number on, below the other.

    Late are those from `late_from` on that are not old.
    """

    old_from: int
    late_from: int
    unsure_from: int
    unsure_below: int


def places_of_first(*, horizon: int, next_xid: int, clear_from: int, clear_below: int) -> Places:
    """The places for a first reading, by a snapshot that ends at `next_xid`.

    What is visible from there on is a round old. Before it, new versions and such that are a round
    old look the same: they are unsure, but for ids from `clear_from` up to below `clear_below`,
    which a reading before this one has shown to be no old row's.

    >>> places_of_first(horizon=700, next_xid=705, clear_from=0, clear_below=0)
    Places(old_from=5, late_from=5, unsure_from=0, unsure_below=5)
    >>> places_of_first(horizon=700, next_xid=705, clear_from=702, clear_below=900).unsure_below
    2
    >>> places_of_first(horizon=700, next_xid=705, clear_from=690, clear_below=900).unsure_below
    0
    """
    edge = next_xid - horizon
    unsure = min(edge, max(0, clear_from - horizon)) if next_xid <= clear_below else edge
    return Places(old_from=edge, late_from=edge, unsure_from=0, unsure_below=unsure)


def places_of_later(*, horizon: int, next_xid: int, gap: int, closed_after: int | None) -> Places:
    """The places for a second reading and for the copy, with the gap that the first one found.

    Where more ids are in use than the gap holds, versions of the rest are unsure.

    >>> places_of_later(horizon=700, next_xid=750, gap=100, closed_after=740)
    Places(old_from=100, late_from=40, unsure_from=100, unsure_below=100)
    >>> places_of_later(horizon=700, next_xid=950, gap=100, closed_after=None)
    Places(old_from=100, late_from=100, unsure_from=100, unsure_below=250)
    """
    return Places(
        old_from=gap,
        late_from=gap if closed_after is None else min(gap, closed_after - horizon),
        unsure_from=gap,
        unsure_below=max(gap, next_xid - horizon),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How many old rows the copy may hold."""

    least: int
    most: int

    @property
    def quiet(self) -> bool:
        """Whether no old row went away between the two readings: then the count must be equal."""
        return self.least == self.most

    def admit(self, count: int) -> bool:
        """Whether a count lies within.

        >>> Bounds(least=3, most=5).admit(5), Bounds(least=3, most=5).admit(2)
        (True, False)
        """
        return self.least <= count <= self.most

    def __str__(self) -> str:
        """As the report shows it.

        >>> str(Bounds(least=10012, most=10012)), str(Bounds(least=10001, most=10012))
        ('10012', '10001..10012')
        """
        return str(self.least) if self.quiet else f"{self.least}..{self.most}"


def freshness(
    *,
    target: str,
    newest: datetime | None,
    later: bool,
    restore_time: datetime,
    within_seconds: float,
    seconds: float,
) -> Check:
    """The check `freshness` of one column: its newest value is recent, seen from the restore point.

    >>> point = datetime(2026, 11, 2, 5, tzinfo=UTC)
    >>> check = freshness(target="s.t.at", newest=point - timedelta(hours=2), later=False,
    ...                   restore_time=point, within_seconds=3600, seconds=0.1)
    >>> check.status, check.observed
    (<Status.FAILED: 'failed'>, '7200 s before the restore point')
    """
    age = (restore_time - newest).total_seconds() if newest else None
    fresh = age is not None and age <= within_seconds
    observed = "no value" if age is None else f"{max(age, 0):.0f} s before the restore point"
    if later:
        observed = f"values later than the restore point; the newest before it: {observed}"
    return Check(
        name="freshness",
        check_class=CheckClass.CONTENT,
        target=target,
        status=Status.PASSED if fresh and not later else Status.FAILED,
        expected=f"at most {within_seconds:.0f} s before the restore point, and none after it",
        observed=observed,
        detail=f"clocks may run ahead by {CLOCK_TOLERANCE.total_seconds():.0f} s",
        seconds=seconds,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Beats:
    """What heartbeats say of where the copy stands: how many should be there, and are.

    `before` and `after` are how far from the restore point the nearest ones on each side are; None
    where there is none.
    """

    due: int
    missing: int
    undue: int
    present: int
    before: timedelta | None
    after: timedelta | None

    @property
    def wrong(self) -> bool:
        """Whether the copy stands elsewhere: one is missing, or one is there that came later."""
        return bool(self.missing or self.present)

    @property
    def gap(self) -> str:
        """Why they do not tell where a right copy stands; empty where they do.

        >>> near, far = timedelta(hours=1), timedelta(days=40)
        >>> Beats(due=1, missing=0, undue=1, present=0, before=near, after=near).gap
        ''
        >>> Beats(due=0, missing=0, undue=1, present=0, before=None, after=near).gap
        'the source knows no heartbeat from before the restore point'
        >>> Beats(due=1, missing=0, undue=1, present=0, before=far, after=near).gap
        'the heartbeats around the restore point are 40.0 days apart: 36.0 days are the most'
        """
        if self.before is None:
            return "the source knows no heartbeat from before the restore point"
        if self.after is None:
            return "the source knows no heartbeat from after the restore point"
        width = self.before + self.after
        if width > WIDEST_BRACKET:
            return (
                f"the heartbeats around the restore point are {_length(width)} apart:"
                f" {_length(WIDEST_BRACKET)} are the most"
            )
        return ""

    def __str__(self) -> str:
        """How close they are.

        >>> str(Beats(due=1, missing=0, undue=0, present=0, before=timedelta(hours=3), after=None))
        'the nearest heartbeats are 3.0 hours before and none after'
        """
        before = f"{_length(self.before)} before" if self.before else "none before"
        after = f"{_length(self.after)} after" if self.after else "none after"
        return f"the nearest heartbeats are {before} and {after}"


def _length(span: timedelta) -> str:
    """A length of time as a reader takes it in.

    >>> _length(timedelta(seconds=9)), _length(timedelta(days=18, hours=12))
    ('9.0 s', '18.5 days')
    """
    seconds = span.total_seconds()
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.1f} s"


def compare_beats(
    beats: Mapping[str, datetime], present: frozenset[str], restore_time: datetime
) -> Beats:
    """The source's heartbeats (id to time) against those found in the copy.

    >>> point = datetime(2026, 11, 2, 5, tzinfo=UTC)
    >>> beats = {"a": point - timedelta(seconds=9), "b": point, "c": point + timedelta(seconds=9)}
    >>> found = compare_beats(beats, frozenset("ac"), point)
    >>> (found.due, found.missing, found.undue, found.present), found.wrong
    ((1, 0, 1, 1), True)
    >>> str(found)
    'the nearest heartbeats are 9.0 s before and 9.0 s after'
    """
    due = {i: restore_time - at for i, at in beats.items()}
    undue = {i: at - restore_time for i, at in beats.items()}
    due = {i: span for i, span in due.items() if span > HEARTBEAT_TOLERANCE}
    undue = {i: span for i, span in undue.items() if span > HEARTBEAT_TOLERANCE}
    return Beats(
        due=len(due),
        missing=len(due.keys() - present),
        undue=len(undue),
        present=len(undue.keys() & present),
        before=min(due.values(), default=None),
        after=min(undue.values(), default=None),
    )
