"""How the rows of each table are digested: the same on source and copy where the tables are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.aurora import content
from functions.aurora.database import Session
from functions.aurora.digest import ALGORITHM, Column, NoExactForm, Type, row_digest
from functions.aurora.manifest import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Digested:
    """The digest of a table's rows: an expression, or `refused` says why there is none.

    `name` tells expressions apart that mean different things, though they may read the same, and
    `means` says what: the numbers of columns, and the labels of enums. `unproven` are the columns
    of which nobody knows whether it sees all that is stored in them.
    """

    sql: str = ""
    name: str = ""
    unproven: tuple[str, ...] = ()
    refused: str = ""
    means: Mapping[str, str] = field(default_factory=dict)


def read(session: Session, tables: Sequence[Table]) -> dict[str, Digested]:
    """The digest of each table that can be read, by target. Raises QueryFailed."""
    asked = [table for table in tables if table.counted]
    columns = content.read_columns(session, [table.oid for table in asked])
    types = content.read_types(session, {c.type for listed in columns.values() for c in listed})
    found = {}
    for table in asked:
        try:
            made = row_digest(columns[table.oid], types)
        except NoExactForm as reason:
            found[table.target] = Digested(refused=str(reason))
            continue
        means = _means(columns[table.oid], types)
        told = f"{ALGORITHM} {sorted(means.items())} {made.sql}"
        name = hashlib.sha256(told.encode()).hexdigest()[:16]
        found[table.target] = Digested(sql=made.sql, name=name, unproven=made.unproven, means=means)
    return found


def renewed(
    session: Session, tables: Sequence[Table], known: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """The tables of which an expression means something else now than when it was made.

    `known` are the records of their digests, by target. What was read by such an expression may be
    of either meaning. Columns and labels that came meanwhile are none of its. Raises QueryFailed.
    """
    asked = [table for table in tables if table.counted]
    columns = content.read_columns(session, [table.oid for table in asked])
    types = content.read_types(session, {c.type for listed in columns.values() for c in listed})
    return {
        table.target
        for table in asked
        if not known[table.target]["means"].items() <= _means(columns[table.oid], types).items()
    }


def _means(columns: Sequence[Column], types: Mapping[int, Type]) -> dict[str, str]:
    """What an expression over these columns depends on, beside what it says itself.

    >>> from functions.aurora.digest import Kind
    >>> mood = Type(oid=16400, name="mood", kind=Kind.ENUM, labels=((16402, "calm"),))
    >>> _means([Column(name="m", type=16400, shown="mood", number=2)], {16400: mood})
    {'column m': '2', 'label 16402': 'calm'}
    """
    found = {f"column {column.name}": str(column.number) for column in columns}
    left, seen = [column.type for column in columns], set[int]()
    while left:
        if (type_id := left.pop()) in seen or type_id not in types:
            continue
        seen.add(type_id)
        each = types[type_id]
        left += [each.of, *(inner for _, inner in each.fields)]
        found |= {f"label {oid}": label for oid, label in each.labels}
    return found


def side(session: Session) -> str:
    """What must be alike on two servers for their digests to be. Raises QueryFailed."""
    server = content.read_server(session)
    return f"{server.encoding} {server.probe}"
