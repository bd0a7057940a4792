"""Which tables there are to compare, and how: what both sides say before any row is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from cli.compare_sides import Side
from cli.comparing import Compared, Standing
from cli.errors import CannotRun
from functions.aurora import content, tables
from functions.aurora.chunks import Place, Storage
from functions.aurora.database import Session
from functions.aurora.digest import Column, Expression, NoExactForm, Type, row_digest
from functions.aurora.manifest import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Half:
    """A table on one side."""

    table: Table
    place: Place
    storage: Storage


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A table on both sides. `defined` says in what its definitions differ, its types aside."""

    target: str
    source: Half
    copy: Half
    keyed: bool
    unproven: Sequence[str]
    defined: str

    @property
    def print(self) -> str:
        """By which chunks of an earlier run are known to be of the same files, read alike."""
        halves = (self.source, self.copy)
        told = [
            (half.place.digest, half.place.key, half.storage.filenode, half.storage.written)
            for half in halves
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What there is to compare, and what there is not, with the reason."""

    pairs: Sequence[Pair]
    settled: Sequence[Compared]
    only_source: Sequence[str]
    only_copy: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Described:
    """What a side says of its tables."""

    tables: Mapping[str, Table]
    columns: Mapping[int, Sequence[Column]]
    types: Mapping[int, Type]
    keys: Mapping[int, tuple[str, ...]]
    storage: Mapping[int, Storage]


def list_pairs(
    source: Side, copy: Side, *, schemas: Collection[str], chosen: Collection[str]
) -> Listing:
    """The tables of both sides. Raises CannotRun for one that is chosen and is on neither."""
    asked = [
        side.later(lambda side: side.ask(_describe(schemas, chosen))) for side in (source, copy)
    ]
    ours, theirs = (each.result() for each in asked)
    unknown = [name for name in chosen if name not in {*ours.tables, *theirs.tables}]
    if unknown:
        raise CannotRun(f"--tables: {', '.join(unknown)}: on neither side: expected SCHEMA.TABLE")
    pairs, settled = [], []
    for target in sorted(set(ours.tables) & set(theirs.tables)):
        made = _pair(target, ours, theirs)
        if isinstance(made, Pair):
            pairs.append(made)
        elif made is not None:
            settled.append(made)
    return Listing(
        pairs=pairs,
        settled=settled,
        only_source=sorted(set(ours.tables) - set(theirs.tables)),
        only_copy=sorted(set(theirs.tables) - set(ours.tables)),
    )


def storage(side: Side, halves: Sequence[Half]) -> dict[int, Storage]:
    """Where the tables are stored now."""
    oids = [half.table.oid for half in halves]
    return side.ask(lambda session: content.read_storage(session, oids))


def _describe(schemas: Collection[str], chosen: Collection[str]) -> Callable[[Session], _Described]:
    def describe(session: Session) -> _Described:
        inside = sorted(schemas) or tables.schemas(session)
        if chosen and not schemas:
            inside = sorted({name.partition(".")[0] for name in chosen})
        listed = tables.list_tables(session, schemas=inside, exclude=())
        found = {t.target: t for t in listed if not chosen or t.target in chosen}
        oids = [table.oid for table in found.values()]
        columns = content.read_columns(session, oids)
        types = {column.type for each in columns.values() for column in each}
        stored = [table.oid for table in found.values() if table.counted]
        return _Described(
            tables=found,
            columns=columns,
            types=content.read_types(session, types),
            keys=content.read_keys(session, oids),
            storage=content.read_storage(session, stored),
        )

    return describe


def _pair(target: str, ours: _Described, theirs: _Described) -> Pair | Compared | None:
    """How a table is to be compared, or why not; None for one that has no rows of its own."""
    table, other = ours.tables[target], theirs.tables[target]
    columns, others = ours.columns[table.oid], theirs.columns[other.oid]
    if table.kind != other.kind:
        return _different(target, f"another kind of relation: {table.kind}, {other.kind}")
    if wrong := difference(_shown(columns), _shown(others)):
        return _different(target, f"columns of the copy: {wrong}")
    defined = difference(table.columns, other.columns)
    if not table.holds_rows:
        return _different(target, f"columns of the copy: {defined}") if defined else None
    if table.excluded or other.excluded:
        reason = table.excluded or other.excluded
        return Compared(target=target, standing=Standing.LEFT_OUT, detail=reason, read=False)
    if table.uncounted or other.uncounted:
        if table.uncounted == other.uncounted == tables.UNPOPULATED:
            return Compared(
                target=target, standing=Standing.LEFT_OUT, detail=tables.UNPOPULATED, read=False
            )
        if tables.UNPOPULATED in (table.uncounted, other.uncounted):
            return _different(target, "populated on one side only")
        reason = table.uncounted or other.uncounted
        return Compared(target=target, standing=Standing.NOT_COMPARED, detail=reason, read=False)
    key = ours.keys.get(table.oid, ())
    keyed = bool(key) and key == theirs.keys.get(other.oid)
    try:
        half, digest = _half(table, columns, ours, key if keyed else ())
        other_half, _ = _half(other, others, theirs, key if keyed else ())
    except NoExactForm as failure:
        return Compared(
            target=target, standing=Standing.NOT_COMPARED, detail=str(failure), read=False
        )
    return Pair(
        target=target,
        source=half,
        copy=other_half,
        keyed=keyed,
        unproven=digest.unproven,
        defined=defined,
    )


def _half(
    table: Table, columns: Sequence[Column], side: _Described, key: Sequence[str]
) -> tuple[Half, Expression]:
    """Raises NoExactForm."""
    digest = row_digest(columns, side.types)
    keys = [column for name in key for column in columns if column.name == name]
    place = Place(
        schema=table.schema,
        name=table.name,
        digest=digest.sql,
        key=row_digest(keys, side.types).sql if keys else digest.sql,
    )
    none = Storage(filenode=0, blocks=0, bytes=0, written=0)
    return Half(table=table, place=place, storage=side.storage.get(table.oid, none)), digest


def _different(target: str, detail: str) -> Compared:
    return Compared(target=target, standing=Standing.DIFFERENT, detail=detail, read=False)


def _shown(columns: Sequence[Column]) -> list[str]:
    return [f"{column.name} {column.shown}" for column in columns]


def difference(expected: Sequence[str], observed: Sequence[str]) -> str:
    """What is missing and what is new; empty when both are equal, order included.

    >>> difference(["id bigint", "email text"], ["id bigint", "name text"])
    'missing: email text; unexpected: name text'
    >>> difference(["a", "b"], ["b", "a"])
    'in another order: b, a'
    >>> difference(["a"], ["a"])
    ''
    """
    missing = [entry for entry in expected if entry not in observed]
    unexpected = [entry for entry in observed if entry not in expected]
    parts = [
        *([f"missing: {', '.join(missing)}"] if missing else []),
        *([f"unexpected: {', '.join(unexpected)}"] if unexpected else []),
    ]
    if not parts and list(expected) != list(observed):
        parts.append(f"in another order: {', '.join(observed)}")
    return "; ".join(parts)
