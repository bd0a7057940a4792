"""Whether the sequences of the copy stand where those of the source stood at the restore point.

A sequence logs 32 numbers ahead, and a restored one stands where the log says: so it is at least
where the source's was before the restore point, and at most 32 numbers past where it was after it.
One that was set anew meanwhile has no such bounds; then the column that it feeds is all there is.
Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from functions.aurora.fingerprint import MOST_SHOWN
from functions.model import Check, CheckClass, Status

AHEAD = 32
"""How many numbers a sequence logs ahead: SEQ_LOG_VALS of PostgreSQL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A sequence and how far it has come. `last_value` None: it was never used, or is not `seen`.

    `feeds_*` name the column that it feeds, where an index leads to that column's end.
    """

    name: str
    oid: int
    filenode: int
    increment: int
    least: int
    most: int
    cycles: bool
    seen: bool
    last_value: int | None
    feeds_schema: str | None = None
    feeds_table: str | None = None
    feeds_column: str | None = None

    def to_record(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @property
    def forward(self) -> int:
        """1 where it counts up, -1 where it counts down."""
        return 1 if self.increment > 0 else -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """The least and the greatest value of a column; None where it has no row."""

    least: int | None
    most: int | None


def behind(value: Value, ends: Ends) -> bool:
    """Whether the column that a sequence feeds is further than the sequence itself.

    >>> up = Value(name="s.q", oid=1, filenode=1, increment=1, least=1, most=99, cycles=False,
    ...            seen=True, last_value=7)
    >>> behind(up, Ends(least=1, most=8)), behind(up, Ends(least=1, most=7))
    (True, False)
    """
    end = ends.most if value.increment > 0 else ends.least
    if end is None:
        return False
    return value.last_value is None or (end - value.last_value) * value.forward > 0


def unbounded(before: Value | None, after: Value | None) -> str:
    """Why a sequence has no bounds; empty where it has."""
    if before is None or after is None or before.oid != after.oid:
        return "made or dropped while the source was witnessed"
    if not (before.seen and after.seen):
        return "the role may not read it on the source"
    if before.filenode != after.filenode or before.increment != after.increment:
        return "altered or set anew while the source was witnessed"
    if before.last_value is not None and (
        after.last_value is None or (after.last_value - before.last_value) * after.forward < 0
    ):
        return "set back, or begun anew, while the source was witnessed"
    if after.cycles and not after.least <= _furthest(after) <= after.most:
        return "it is about to begin anew"
    return ""


def _furthest(after: Value) -> int:
    start = after.least if after.increment > 0 else after.most
    last = start - after.increment if after.last_value is None else after.last_value
    return last + AHEAD * after.increment


def wrong(before: Value, after: Value, there: Value) -> str:
    """What is wrong with a sequence of the copy; empty where it is within its bounds.

    >>> up = Value(name="s.q", oid=1, filenode=1, increment=10, least=1, most=9999, cycles=False,
    ...            seen=True, last_value=100)
    >>> from dataclasses import replace
    >>> wrong(up, replace(up, last_value=200), replace(up, last_value=520))
    ''
    >>> wrong(up, replace(up, last_value=200), replace(up, last_value=530))
    'at 530, at most 520 expected'
    >>> wrong(up, up, replace(up, last_value=90))
    'at 90, at least 100 expected'
    """
    if there.last_value is None:
        if before.last_value is None:
            return ""
        return f"never used, at least {before.last_value} expected"
    if before.last_value is not None and (
        (there.last_value - before.last_value) * after.forward < 0
    ):
        least = "least" if after.increment > 0 else "most"
        return f"at {there.last_value}, at {least} {before.last_value} expected"
    if after.last_value is None:
        return f"at {there.last_value}, never used expected"
    if (there.last_value - _furthest(after)) * after.forward > 0:
        most = "most" if after.increment > 0 else "least"
        return f"at {there.last_value}, at {most} {_furthest(after)} expected"
    return ""


def check(
    *,
    target: str,
    before: Sequence[Value],
    after: Sequence[Value],
    there: Sequence[Value],
    ends: Mapping[str, Ends | str],
    excluded: Collection[str] = (),
) -> Check:
    """The record of all sequences. `ends` are those of columns, or why they could not be read.

    A sequence that is missing the check `sequences` tells. One that is behind its column though it
    is within its bounds is so on the source as well: that is told, and no fault of the backup.
    """
    was = {value.name: value for value in before}
    then = {value.name: value for value in after}
    failed, doubts, notes = [], [], []
    compared = 0
    for value in there:
        name = value.name
        table = f"{value.feeds_schema}.{value.feeds_table}"
        if table in excluded or not (name in was or name in then):
            continue
        end = ends.get(name)
        is_behind = isinstance(end, Ends) and behind(value, end)
        reason = unbounded(was.get(name), then.get(name))
        if not value.seen:
            doubts.append(f"{name}: the role may not read it")
        elif not reason:
            compared += 1
            problem = wrong(was[name], then[name], value)
            if problem:
                failed.append(f"{name}: {problem}")
            elif is_behind:
                notes.append(f"{name}: behind {table}.{value.feeds_column}, as on the source")
        elif isinstance(end, Ends) and not is_behind:
            compared += 1
            notes.append(f"{name}: not behind {table}.{value.feeds_column}; {reason}")
        else:
            doubts.append(f"{name}: {reason}")
    status = Status.FAILED if failed else Status.NOT_RUN if doubts else Status.PASSED
    told = [*failed, *doubts, *notes]
    more = [f"and {len(told) - MOST_SHOWN} more"] if len(told) > MOST_SHOWN else []
    observed = [
        *([f"{len(failed)} elsewhere"] if failed else []),
        *([f"{len(doubts)} not compared"] if doubts else []),
    ]
    return Check(
        name="sequence_values",
        check_class=CheckClass.SCHEMA,
        target=target,
        status=status,
        expected=f"{compared} between where they were before and {AHEAD} numbers past after",
        observed=", ".join(observed) or "all within",
        detail="\n".join([*told[:MOST_SHOWN], *more]),
    )
