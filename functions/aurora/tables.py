"""Which tables there are: the same question to the source and to the copy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from functions.aurora import database
from functions.aurora.database import QueryFailed, Session
from functions.aurora.manifest import Table

UNPOPULATED = "materialized view that is not populated"
BY_CONFIGURATION = "excluded by configuration"


def schemas(session: Session) -> list[str]:
    """The schemas of the database that are neither the system's nor ours."""
    return [row["schema"] for row in session.all("schemas")]


def list_tables(
    session: Session, *, schemas: Sequence[str], exclude: Collection[str]
) -> list[Table]:
    """The tables of the schemas: ordinary and partitioned ones, materialized views, foreign tables.

    Partitions come with their table, whatever schema they are in. `exclude` names tables as
    schema.table; a partitioned table's partitions go with it.
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
            uncounted=_uncounted(row),
        )
        for row in session.all("tables", schemas=list(schemas))
    ]


def sizes(session: Session, listed: Sequence[Table]) -> dict[str, int]:
    """Bytes of each table's main file, by target. Waits for a table that is locked."""
    found = session.all("sizes", oids=[table.oid for table in listed])
    by_oid = {row["oid"]: row["bytes"] for row in found}
    return {table.target: by_oid.get(table.oid, 0) for table in listed}


def any_row(session: Session, listed: Sequence[Table]) -> bool | None:
    """Whether any of the tables that can be counted holds a row; None when not all can be asked."""
    answer: bool | None = False
    for table in listed:
        if not table.counted:
            continue
        try:
            parts = {"table": database.table(table.schema, table.name)}
            if session.one("has_row", parts=parts)["has_row"]:
                return True
        except QueryFailed:
            answer = None  # what is wrong with the table its own row count will say
    return answer


def _left_out(row: Mapping[str, Any], exclude: Collection[str]) -> str:
    """Why nothing of a table is to be compared; empty where it is.

    >>> row = {"schema": "s", "name": "t", "kind": "r", "persistence": "p",
    ...        "ancestors": ["s.parent"]}
    >>> _left_out(row, ["s.parent"]), _left_out({**row, "persistence": "u"}, [])
    ('excluded by configuration', 'unlogged table: a restore leaves it empty')
    >>> _left_out(row, [])
    ''
    """
    if not {f"{row['schema']}.{row['name']}", *row["ancestors"]}.isdisjoint(exclude):
        return BY_CONFIGURATION
    if row["kind"] == "f":
        return "foreign table: its rows are elsewhere"
    if row["persistence"] == "u":
        return "unlogged table: a restore leaves it empty"
    if row["persistence"] == "t":
        return "temporary table"
    return ""


def _uncounted(row: Mapping[str, Any]) -> str:
    """Why the rows of a table cannot be compared; empty where they can.

    >>> row = {"kind": "m", "populated": False, "method": "heap"}
    >>> _uncounted(row) == UNPOPULATED, _uncounted({**row, "kind": "r", "method": "columnar"})
    (True, 'table access method columnar')
    """
    if row["kind"] == "m" and not row["populated"]:
        return UNPOPULATED
    if row["kind"] in ("r", "m") and row["method"] != "heap":
        return f"table access method {row['method']}"
    return ""
