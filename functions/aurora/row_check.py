"""The check of a table's rows: what the comparison of its chunks comes to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from functions.aurora.comparison import Bounds
from functions.aurora.judging import Judged
from functions.model import Check, CheckClass, Level, Status

MOST_OWN: Final = 100
"""How many rows unseen on the source a table may have that the copy may have written itself.

What comes and goes within the instants around the restore point is few.
"""


class Unread(StrEnum):
    """Why a table of the copy was not read."""

    DAMAGED = "damaged"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """What kept a table from being read. `detail` names the error, never a row's content."""

    kind: Unread
    detail: str


def rows(
    *,
    target: str,
    found: Judged | Obstacle,
    bounds: Bounds | None,
    unbounded_because: str,
    inexact: str,
    required: Level,
    seconds: float = 0.0,
) -> Check:
    """The check `rows` of one table, of a copy that is at the restore point or may be.

    Where the witness has no bounds the rows are counted, in full, and that is all that is proven;
    nor is more where rows of the copy may be old or have been written to it. `inexact` says why the
    old rows can only be held against bounds; where it is empty every row was compared.

    >>> from functions.aurora.digest import Digest
    >>> three = Digest(rows=3, first=5, second=7)
    >>> whole = Judged(due=three, there=three, old=3, rows=3, least=3, most=3)
    >>> facts = {"target": "s.t", "bounds": Bounds(least=3, most=3), "unbounded_because": "",
    ...          "inexact": "", "required": Level.EXACT}
    >>> check = rows(found=whole, **facts)
    >>> check.status, check.level, check.expected, check.observed
    (<Status.PASSED: 'passed'>, <Level.EXACT: 'exact'>, '3', '3')
    >>> rows(found=whole, **{**facts, "inexact": "it was altered"}).status
    <Status.NOT_RUN: 'not_run'>
    """
    case = _Case(target, bounds, required, seconds)
    if isinstance(found, Obstacle):
        match found.kind:
            case Unread.DAMAGED:
                return case.outcome(Status.FAILED, "unreadable", found.detail)
            case Unread.IMPOSSIBLE:
                return case.outcome(Status.NOT_RUN, "not compared", found.detail, Level.NONE)
            case unreachable:
                assert_never(unreachable)
    if bounds is None:
        return case.reached(Level.COUNTED, str(found.rows), f"counted only: {unbounded_because}")
    inexact = inexact or _unproven(found)
    level = Level.BOUNDED if inexact else Level.EXACT
    case.expected = str(bounds) if inexact else str(found.due.rows)
    observed = str(found.old) if inexact else str(found.there.rows)
    if found.late:
        told = f"{observed}, and {found.late} written after the restore point"
        return case.outcome(Status.FAILED, told, "something writes to the copy", level)
    if found.differences and found.due != found.there:
        return case.outcome(Status.FAILED, _differing(found, observed), _where(found), level)
    if inexact and not bounds.admit(found.old):
        return case.outcome(Status.FAILED, str(found.old), _how_far(bounds, found.old), level)
    if found.unsure:
        reason = (
            f"counted only: {found.unsure} rows may be old, or may have been written to the copy:"
            " it has used more transaction ids than can be told apart; run the drill again"
        )
        return case.reached(Level.COUNTED, str(found.rows), reason)
    said = ["quiet at the restore point" if bounds.quiet else "busy at the restore point"]
    said.append(f"{found.rows} rows in all")
    if inexact:
        said.append(f"bounded only: {inexact}")
    if found.undecided:
        said.append(f"{found.undecided} came and went meanwhile, unseen")
    if found.differences:
        said.append("every row is there, at other places than on the source")
    return case.reached(level, observed, "; ".join(said))


@dataclass(slots=True)
class _Case:
    """One table, while its check is made."""

    target: str
    bounds: Bounds | None
    required: Level
    seconds: float
    expected: str = "every row can be read"

    def outcome(
        self, status: Status, observed: str, detail: str, level: Level = Level.COUNTED
    ) -> Check:
        return Check(
            name="rows",
            check_class=CheckClass.CONTENT,
            target=self.target,
            status=status,
            expected=self.expected,
            observed=observed,
            detail=detail,
            seconds=self.seconds,
            level=level,
        )

    def reached(self, level: Level, observed: str, detail: str) -> Check:
        """What passes where the level is the one that is required, or a better one."""
        if level.reaches(self.required):
            return self.outcome(Status.PASSED, observed, detail, level)
        short = f"reached the level {level.value}, required is {self.required.value}: {detail}"
        return self.outcome(Status.NOT_RUN, observed, short, level)


def _unproven(found: Judged) -> str:
    """Why a comparison came to less than it could; empty where it did not.

    >>> _unproven(Judged(own=101))
    '101 rows that nobody saw on the source, by transactions that the copy may have used for itself'
    >>> _unproven(Judged(own=100))
    ''
    """
    if found.unproven:
        return (
            f"{found.unproven} rows came or went around the restore point and were not seen twice"
        )
    if found.own > MOST_OWN:
        return (
            f"{found.own} rows that nobody saw on the source, by transactions that the copy may"
            " have used for itself"
        )
    return ""


def _differing(found: Judged, observed: str) -> str:
    return observed if found.due.rows != found.there.rows else f"{observed}, and not the same"


def _where(found: Judged) -> str:
    """Where the differences are, the first few.

    >>> from functions.aurora.judging import Difference
    >>> _where(Judged(wrong=1, chunks=9, differences=(Difference("lost", "(0,3)"),)))
    'in 1 of 9 ranges of blocks: row (0,3): lost'
    """
    told = [f"row {d.ctid}: {d.what}" if d.ctid else d.what for d in found.differences]
    return f"in {found.wrong} of {found.chunks} ranges of blocks: {'; '.join(told)}"


def _how_far(bounds: Bounds, old: int) -> str:
    """What is wrong with a count out of bounds.

    >>> _how_far(Bounds(least=3, most=5), 2)
    'at least 1 row that existed at the restore point is missing'
    >>> _how_far(Bounds(least=3, most=5), 7)
    'at least 2 rows are there that did not exist at the restore point'
    """
    missing, surplus = bounds.least - old, old - bounds.most
    count = max(missing, surplus)
    rows, are = ("row", "is") if count == 1 else ("rows", "are")
    if missing > 0:
        return f"at least {count} {rows} that existed at the restore point {are} missing"
    return f"at least {count} {rows} {are} there that did not exist at the restore point"
