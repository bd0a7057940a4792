"""Which tables there are: the same question to the source and to the copy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from functions.aurora.database import Session
from functions.aurora.manifest import Table


def schemas(session: Session) -> list[str]:
    """The schemas of the database that are neither the system's nor ours."""
    return [row["schema"] for row in session.all("schemas")]


def list_tables(
    session: Session, *, schemas: Sequence[str], exclude: Collection[str]
) -> list[Table]:
    """The tables of the schemas: ordinary and partitioned ones, materialized views, foreign tables.

    `exclude` names tables as schema.table; a partitioned table's partitions go with it.
    """
    return [
        Table(
            schema=row["schema"],
            name=row["name"],
            oid=row["oid"],
            kind=row["kind"],
            bytes=row["bytes"],
            columns=tuple(row["columns"]),
            excluded=_left_out(row, exclude),
        )
        for row in session.all("tables", schemas=list(schemas))
    ]


def sizes(session: Session, listed: Sequence[Table]) -> dict[str, int]:
    """Bytes of each table's main file, by target. Waits for a table that is locked."""
    found = session.all("sizes", oids=[table.oid for table in listed])
    by_oid = {row["oid"]: row["bytes"] for row in found}
    return {table.target: by_oid.get(table.oid, 0) for table in listed}


def _left_out(row: Mapping[str, Any], exclude: Collection[str]) -> str:
    """Why a table is not compared; empty where it is.

    >>> row = {"schema": "s", "name": "t", "kind": "r", "persistence": "p", "populated": True,
    ...        "method": "heap", "ancestors": ["s.parent"]}
    >>> _left_out(row, ["s.parent"]), _left_out({**row, "persistence": "u"}, [])
    ('excluded by configuration', 'unlogged table: a restore leaves it empty')
    >>> _left_out(row, [])
    ''
    """
    if not {f"{row['schema']}.{row['name']}", *row["ancestors"]}.isdisjoint(exclude):
        return "excluded by configuration"
    if row["kind"] == "f":
        return "foreign table: its rows are elsewhere"
    if row["persistence"] == "u":
        return "unlogged table: a restore leaves it empty"
    if row["persistence"] == "t":
        return "temporary table"
    if row["kind"] == "m" and not row["populated"]:
        return "materialized view that is not populated"
    if row["kind"] != "p" and row["method"] != "heap":
        return f"table access method {row['method']}"
    return ""
