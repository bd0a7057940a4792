"""The manifest: what the source was like around the restore point, as evidence to compare with.

Pure. The witness makes it and Verify reads it; between the two it is JSON in the evidence bucket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from functions.aurora.comparison import Bounds
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
class Witnessed:
    """A table as the witness saw it.

    `columns_before` and `columns_after` differ when it was altered meanwhile; both are empty where
    the restore point lies in the past. `lasting` is false where it, or this name of it, was made or
    dropped meanwhile: the copy may lack it; the columns of the side without it are empty. `least`
    and `most` are the old rows seen after and before the restore point, None where they could not
    be compared, for the `reason`. `rows` are all that the first reading saw, in so many `chunks`;
    `kept_in` names the evidence that has their sandwiches. `digest` names the expression by which
    rows were digested; it is empty where none was, for `undigested`. `unproven` are the columns of
    which nobody knows whether it sees all, `unlisted` the chunks of which nobody knows which rows
    came and went around the restore point.
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
    least: int | None = None
    most: int | None = None
    rows: int | None = None
    chunks: int = 0
    kept_in: str = ""
    digest: str = ""
    undigested: str = ""
    unproven: tuple[str, ...] = ()
    unlisted: int = 0
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
    def inexact(self) -> str:
        """Why the copy can only be held against bounds; empty where every row can be compared."""
        if self.undigested:
            return f"its rows have no exact digest: {self.undigested}"
        if not self.digest:
            return "its rows were only counted"
        if self.unproven:
            columns = ", ".join(self.unproven)
            return f"nobody knows whether a digest sees all that is stored in {columns}"
        if self.unlisted:
            return (
                f"{self.unlisted} of {self.chunks} ranges of its blocks had their second reading"
                " late, after timing.snapshot: a row that came after the first one and went before"
                " it was not seen"
            )
        return ""

    @property
    def level(self) -> Level:
        """How closely the copy can be compared with what was seen."""
        if not self.bounds:
            return Level.NONE
        return Level.BOUNDED if self.inexact else Level.EXACT


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What the witness leaves for Verify.

    `before` and `after` are the ids of the markers. `next_xid` is the transaction of the latter:
    none from it on can have ended by the restore point; `own_from` is the first id that was not in
    use just before that. `digests` is what must be alike where digests are compared. `heartbeats`
    (id and RFC 3339 time) are those around a restore point in the past. `excluded` are tables that
    are not compared, with the reason. `source` and `listed_at` say which database was listed, and
    when. `holds_rows`: whether any table had a row then; None where nobody looked. `catalogs` says
    what was read of them on both sides of the restore point, and where that is kept; None for one
    in the past. `large_objects` is the system's table of them. `orphans` are the rows that refer to
    nothing, by foreign key that is not validated (None where they were not counted), `collations`
    those that sort by another version than was recorded; None where nobody looked.
    """

    restore_time: str
    source: str = ""
    listed_at: str = ""
    holds_rows: bool | None = None
    before: str | None = None
    after: str | None = None
    next_xid: int | None = None
    own_from: int = 0
    digests: str = ""
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
        known = _known(cls, record)
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


def _known(kind: type[Manifest | Witnessed], record: Mapping[str, Any]) -> dict[str, Any]:
    """What this version knows of a record: one before it may have written more."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in record.items() if name in names}


def _witnessed(record: Mapping[str, Any]) -> Witnessed:
    known = _known(Witnessed, record)
    return Witnessed(
        **{
            **known,
            "columns_before": tuple(record["columns_before"]),
            "columns_after": tuple(record["columns_after"]),
            "unproven": tuple(record.get("unproven", ())),
        }
    )


def of_present(
    *,
    before: Sequence[Table],
    after: Sequence[Table],
    read: Mapping[str, Mapping[str, Any]],
) -> tuple[tuple[Witnessed, ...], tuple[tuple[str, str], ...]]:
    """The tables witnessed on both sides of the restore point, and those excluded.

    `before` and `after` list the tables, `read` holds what came of their readings, by target. A
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
            kept.append(_kept(was, found, read.get(target)))
        else:
            kept.append(_unlasting(was, found))
    return tuple(kept), tuple(excluded)


def _kept(was: Table, found: Table, read: Mapping[str, Any] | None) -> Witnessed:
    """A table that was there before the restore point and after it."""
    facts: dict[str, Any] = {"bytes": 0}
    if was.counted and found.counted:
        facts |= read or {"reason": "it was not read"}
    elif was.excluded or found.excluded:
        facts["reason"] = f"altered meanwhile: {was.excluded or found.excluded}"
    else:
        facts["reason"] = found.uncounted or was.uncounted
    return Witnessed(
        schema=was.schema,
        name=was.name,
        kind=was.kind,
        counted=was.counted and found.counted,
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


def of_large_objects(oid: int, read: Mapping[str, Any]) -> Witnessed:
    """The system's table of large objects, from its two readings."""
    return Witnessed(
        schema="pg_catalog",
        name="pg_largeobject_metadata",
        kind="r",
        counted=True,
        oid=oid,
        **read,
    )
