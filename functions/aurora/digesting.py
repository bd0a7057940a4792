"""How the rows of each table are digested: the same on source and copy where the tables are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.aurora import content
from functions.aurora.database import Session
from functions.aurora.digest import ALGORITHM, NoExactForm, row_digest
from functions.aurora.manifest import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Digested:
    """The digest of a table's rows: an expression, or `refused` says why there is none.

    `name` tells expressions apart, and columns that were dropped and made again: `numbers` has
    their numbers, by name. `unproven` are the columns of which nobody knows whether it sees all
    that is stored in them.
    """

    sql: str = ""
    name: str = ""
    unproven: tuple[str, ...] = ()
    refused: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)


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
        numbers = {column.name: column.number for column in columns[table.oid]}
        told = f"{ALGORITHM} {list(numbers.values())} {made.sql}"
        name = hashlib.sha256(told.encode()).hexdigest()[:16]
        found[table.target] = Digested(
            sql=made.sql, name=name, unproven=made.unproven, numbers=numbers
        )
    return found


def renewed(
    session: Session, tables: Sequence[Table], known: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    """The tables of which an expression means other columns now than when it was made.

    `known` are the records of their digests, by target. What was read by such an expression may be
    of either. Columns that came meanwhile are none of its. Raises QueryFailed.
    """
    asked = [table for table in tables if table.counted]
    columns = content.read_columns(session, [table.oid for table in asked])
    return {
        table.target
        for table in asked
        if not known[table.target]["numbers"].items()
        <= {column.name: column.number for column in columns[table.oid]}.items()
    }


def side(session: Session) -> str:
    """What must be alike on two servers for their digests to be. Raises QueryFailed."""
    server = content.read_server(session)
    return f"{server.encoding} {server.probe}"
