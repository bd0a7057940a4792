"""The manifest: what the source was like around the restore point, as evidence to compare with.

Pure. The witness makes it and Verify reads it; between the two it is JSON in the evidence bucket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from functions.aurora.comparison import BLOCK_BYTES, ROUND, WINDOW, Bounds, Counted
from functions.aurora.fingerprint import Catalogs
from functions.model import Level


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table as the catalog shows it.

    `excluded` says why nothing of it is compared: the configuration says so, or no backup holds it.
    `uncounted` says why its rows cannot be compared, though they should be. Both are empty where
    they are. `bytes` is the length of its main file, about. `columns` are name, type and
    nullability, in order.
    """

    schema: str
    name: str
    oid: int
    kind: str
    bytes: int
    columns: tuple[str, ...]
    excluded: str
    uncounted: str = ""

    @property
    def target(self) -> str:
        """The name that reports show."""
        return f"{self.schema}.{self.name}"

    @property
    def holds_rows(self) -> bool:
        """Whether it has rows of its own: a partitioned table's are its partitions'."""
        return self.kind != "p"

    @property
    def counted(self) -> bool:
        """Whether its rows are to be compared."""
        return self.holds_rows and not self.excluded and not self.uncounted


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How far the reading of a table, or of a range of its blocks, has come: goes in the document.

    It covers the blocks from `start` up to `end`; None is the table's end, which was at `blocks`
    when last seen. `gap` is what a first reading has found so far, `known_gap` what it has told the
    second one and that of the copy. From the transaction `clear_from` up to below `clear_below` no
    row is a round old: that is what a reading before this one has shown. `oid` and `filenode` are
    what must not change meanwhile; `problem` says why it was given up, with the SQLSTATE if that
    was an error's.
    """

    start: int = 0
    end: int | None = None
    counted: Counted = Counted()  # noqa: RUF009 - frozen
    horizon: int | None = None
    closed_after: int | None = None
    restored: bool = False
    gap: int = WINDOW
    known_gap: int | None = None
    clear_from: int = 0
    clear_below: int = 0
    oid: int | None = None
    filenode: int | None = None
    blocks: int = 0
    next_xid: int = 0
    attempts: int = 0
    behind: bool = False
    finished: bool = False
    problem: str = ""
    sqlstate: str = ""

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_document(cls, record: Mapping[str, Any]) -> Reading:
        """The reading of a record.

        >>> reading = Reading(counted=Counted(total=3))
        >>> Reading.from_document(reading.to_document()) == reading
        True
        """
        return cls(**{**record, "counted": Counted(**record["counted"])})

    @property
    def ambiguous(self) -> bool:
        """Whether some rows that a first reading saw may be new or a round old.

        Where ids have not begun anew yet, and no row bears one that is still to come, all are new.

        >>> reading = Reading(counted=Counted(total=9, old=8, unsure=1), next_xid=ROUND)
        >>> reading.ambiguous, replace(reading, next_xid=ROUND + 1).ambiguous
        (False, True)
        >>> replace(reading, gap=5).ambiguous
        True
        """
        return self.counted.unsure > 0 and (self.next_xid > ROUND or self.gap < WINDOW)

    def second_look(self) -> Reading | None:
        """The first reading anew, where another one may tell what this one could not.

        Rows a round old that are ahead of the ids in use are seen for what they are. So the next
        reading knows, as far as the gap reaches, that no id that came into use since is theirs.

        >>> once = Reading(counted=Counted(total=9, old=8, unsure=1), horizon=ROUND, finished=True,
        ...                next_xid=ROUND + 9)
        >>> again = once.second_look()
        >>> again.clear_from - ROUND, again.clear_below - ROUND
        (9, 16777216)
        >>> replace(once, clear_below=1).second_look() is None
        True
        """
        if self.known_gap is not None or self.restored or self.clear_below or not self.ambiguous:
            return None
        below = (self.horizon or 0) + self.gap
        if self.next_xid >= below:
            return None
        return Reading(
            oid=self.oid, filenode=self.filenode, clear_from=self.next_xid, clear_below=below
        )

    def given_up(self, problem: str, sqlstate: str = "") -> Reading:
        """The reading that ends here."""
        return replace(self, finished=True, problem=problem, sqlstate=sqlstate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Witnessed:
    """A table as the witness saw it.

    `columns_before` and `columns_after` differ when it was altered meanwhile; both are empty where
    the restore point lies in the past. `lasting` is false where it, or this name of it, was made or
    dropped meanwhile: the copy may lack it; the columns of the side without it are empty. `least`
    and `most` are the old rows seen after and before the restore point, None where they could not
    be compared, for the `reason`; which are old is by `horizon` and `gap`. `rows` are all that the
    first reading saw.
    """

    schema: str
    name: str
    kind: str
    bytes: int
    counted: bool
    oid: int = 0
    lasting: bool = True
    columns_before: tuple[str, ...] = ()
    columns_after: tuple[str, ...] = ()
    horizon: int | None = None
    gap: int = WINDOW
    least: int | None = None
    most: int | None = None
    rows: int | None = None
    reason: str = ""

    @property
    def target(self) -> str:
        """The name that reports show."""
        return f"{self.schema}.{self.name}"

    @property
    def swapped(self) -> bool:
        """Whether its name meant one table before the restore point and another one after it."""
        return not self.lasting and bool(self.columns_before) and bool(self.columns_after)

    @property
    def bounds(self) -> Bounds | None:
        """How many old rows the copy may hold; None where that is not known."""
        if self.least is None or self.most is None:
            return None
        return Bounds(least=self.least, most=self.most)

    @property
    def level(self) -> Level:
        """How closely the copy can be compared with what was seen."""
        return Level.BOUNDED if self.bounds else Level.NONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What the witness leaves for Verify.

    `before` and `after` are the ids of the markers. `next_xid` is the transaction of the latter:
    none from it on can have ended by the restore point. `heartbeats` (id and RFC 3339 time) are
    those around a restore point in the past. `excluded` are tables that are not compared, with the
    reason. `source` and `listed_at` say which database was listed, and when. `holds_rows`: whether
    any table had a row then; None where nobody looked. `catalogs` says what was read of them on
    both sides of the restore point, and where that is kept; None for one in the past.
    `large_objects` is the system's table of them. `orphans` are the rows that refer to nothing, by
    foreign key that is not validated (None where they were not counted), `collations` those that
    sort by another version than was recorded; None where nobody looked.
    """

    restore_time: str
    source: str = ""
    listed_at: str = ""
    holds_rows: bool | None = None
    before: str | None = None
    after: str | None = None
    next_xid: int | None = None
    server_version: str = ""
    schemas: tuple[str, ...] = ()
    catalogs: Catalogs | None = None
    heartbeats: tuple[tuple[str, str], ...] | None = None
    tables: tuple[Witnessed, ...] = ()
    excluded: tuple[tuple[str, str], ...] = ()
    large_objects: Witnessed | None = None
    orphans: Mapping[str, int | None] = field(default_factory=dict)
    collations: Sequence[Mapping[str, Any]] | None = None

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        tables = [{**asdict(table), "level": table.level.value} for table in self.tables]
        return {**asdict(self), "tables": tables}

    @classmethod
    def from_document(cls, record: Mapping[str, Any]) -> Manifest:
        """The manifest of a record.

        >>> table = Witnessed(schema="s", name="t", kind="r", bytes=0, counted=True,
        ...                   columns_before=("id bigint",), least=1, most=2)
        >>> manifest = Manifest(restore_time="2026-11-02T05:00:00Z", tables=(table,),
        ...                     heartbeats=(("a", "2026-11-02T05:00:00Z"),))
        >>> Manifest.from_document(manifest.to_document()) == manifest
        True
        """
        beats, catalogs = record["heartbeats"], record.get("catalogs")
        large_objects = record.get("large_objects")
        known = {name: value for name, value in record.items() if name != "extensions"}
        return cls(
            **{
                **known,
                "schemas": tuple(record["schemas"]),
                "catalogs": catalogs and Catalogs(**catalogs),
                "heartbeats": beats and tuple((beat[0], beat[1]) for beat in beats),
                "tables": tuple(_witnessed(table) for table in record["tables"]),
                "excluded": tuple((entry[0], entry[1]) for entry in record["excluded"]),
                "large_objects": large_objects and _witnessed(large_objects),
            }
        )


def _witnessed(record: Mapping[str, Any]) -> Witnessed:
    known = {name: value for name, value in record.items() if name != "level"}
    return Witnessed(
        **{
            **known,
            "columns_before": tuple(record["columns_before"]),
            "columns_after": tuple(record["columns_after"]),
        }
    )


def of_present(
    *,
    before: Sequence[Table],
    after: Sequence[Table],
    first: Mapping[str, Reading],
    second: Mapping[str, Reading],
) -> tuple[tuple[Witnessed, ...], tuple[tuple[str, str], ...]]:
    """The tables witnessed on both sides of the restore point, and those excluded.

    `before` and `after` list the tables, `first` and `second` hold their readings by target. A
    table that is only in one of the lists, or another one in each, is kept without bounds: the copy
    may have either, or none.
    """
    earlier = {table.target: table for table in before}
    later = {table.target: table for table in after}
    kept: list[Witnessed] = []
    excluded: list[tuple[str, str]] = []
    for target in dict.fromkeys([*earlier, *later]):
        was, found = earlier.get(target), later.get(target)
        reasons = [table.excluded for table in (was, found) if table]
        if all(reasons):
            excluded.append((target, reasons[-1]))
        elif was and found and was.oid == found.oid:
            kept.append(_kept(was, found, first.get(target), second.get(target)))
        else:
            kept.append(_unlasting(was, found))
    return tuple(kept), tuple(excluded)


def _kept(was: Table, found: Table, first: Reading | None, second: Reading | None) -> Witnessed:
    """A table that was there before the restore point and after it."""
    counted = was.counted and found.counted
    if counted:
        facts = _compared(first, second)
    elif was.excluded or found.excluded:
        facts = {"reason": f"altered meanwhile: {was.excluded or found.excluded}"}
    else:
        facts = {"reason": found.uncounted or was.uncounted}
    return Witnessed(
        schema=was.schema,
        name=was.name,
        kind=was.kind,
        bytes=first.blocks * BLOCK_BYTES if first else 0,
        counted=counted,
        oid=was.oid,
        columns_before=was.columns,
        columns_after=found.columns,
        **facts,
    )


def _unlasting(was: Table | None, found: Table | None) -> Witnessed:
    """A name that meant a table on one side of the restore point only, or another one on each."""
    table = was or found
    if table is None:
        raise ValueError("a table of neither list")
    if was and found:
        reason = "another table has its name since: swapped while the source was witnessed"
    elif was:
        reason = "dropped or renamed while the source was witnessed"
    else:
        reason = "made or renamed while the source was witnessed"
    return Witnessed(
        schema=table.schema,
        name=table.name,
        kind=table.kind,
        bytes=table.bytes,
        counted=table.holds_rows,
        oid=table.oid,
        lasting=False,
        columns_before=was.columns if was else (),
        columns_after=found.columns if found else (),
        reason=reason,
    )


def of_past(
    tables: Sequence[Table],
) -> tuple[tuple[Witnessed, ...], tuple[tuple[str, str], ...]]:
    """The tables as of now, for a restore point in the past: names, and those excluded."""
    kept = tuple(
        Witnessed(
            schema=table.schema,
            name=table.name,
            kind=table.kind,
            bytes=table.bytes,
            counted=table.counted,
            oid=table.oid,
            reason="the restore point lies in the past: there is no witness of it",
        )
        for table in tables
        if not table.excluded
    )
    return kept, tuple((table.target, table.excluded) for table in tables if table.excluded)


def of_large_objects(first: Reading, second: Reading) -> Witnessed:
    """The system's table of large objects, from its two readings."""
    return Witnessed(
        schema="pg_catalog",
        name="pg_largeobject_metadata",
        kind="r",
        bytes=second.blocks * BLOCK_BYTES,
        counted=True,
        oid=first.oid or 0,
        **_compared(first, second),
    )


def _compared(first: Reading | None, second: Reading | None) -> dict[str, Any]:
    """The bounds that two readings give, or the reason why they give none.

    >>> first = Reading(counted=Counted(total=12, old=9), horizon=700, next_xid=705)
    >>> second = Reading(counted=Counted(total=11, old=8), horizon=700, next_xid=750)
    >>> _compared(first, second)
    {'rows': 12, 'horizon': 700, 'gap': 16777216, 'least': 8, 'most': 9}
    >>> _compared(first, second.given_up("permission denied"))
    {'rows': 12, 'reason': 'permission denied'}
    """
    if first is None or first.problem or first.horizon is None:
        return {"reason": (first and first.problem) or "it was not read"}
    facts: dict[str, Any] = {"rows": first.counted.total}
    if second is None or second.problem:
        return {**facts, "reason": (second and second.problem) or "it was not read again"}
    used = max(first.next_xid, second.next_xid) - first.horizon
    if used > first.gap:
        return {**facts, "reason": _too_many(used, first.gap)}
    if first.ambiguous:
        reason = (
            f"{first.counted.unsure} of its rows may be new, or written 2^32 transactions earlier:"
            " a transaction that had begun before and went on kept them from being told apart;"
            " run the drill while no transaction lasts for long"
        )
        return {**facts, "reason": reason}
    least, most = second.counted.old, first.counted.old
    if least > most:
        reason = f"it was read inconsistently: {most} old rows at first, {least} later"
        return {**facts, "reason": reason}
    return {**facts, "horizon": first.horizon, "gap": first.gap, "least": least, "most": most}


def _too_many(used: int, gap: int) -> str:
    """Why readings between which `used` transactions began cannot be compared.

    >>> _too_many(WINDOW + 1, WINDOW)
    '16777217 transactions began between its readings: more than can be told apart'
    """
    if gap >= WINDOW:
        return f"{used} transactions began between its readings: more than can be told apart"
    return (
        f"{used} transactions began between its readings, and all but {gap} of their ids may be"
        " those of rows written 2^32 transactions earlier: old rows and new ones cannot be told"
        " apart; run the drill at another time, when fewer transactions begin"
    )
