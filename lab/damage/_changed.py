"""Values changed where they are: no count, no transaction id and no row's place shows it."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from lab.damage import Connection


class Displaced(Exception):
    """When a row could not be put back in its own place."""


def change(
    connection: Connection,
    *,
    table: LiteralString,
    which: LiteralString,
    **values: LiteralString,
) -> None:
    """Give rows other values, where they are: `values` are expressions over the old row.

    The rows are deleted, vacuumed away and written anew into the same places, then frozen. For that
    they must be on the last page, the only one with room. No trigger runs.

    Raises Displaced.
    """
    name = sql.SQL(table)
    places = _all(
        connection,
        sql.SQL("SELECT ctid::text FROM {} WHERE {} ORDER BY ctid").format(name, sql.SQL(which)),
    )
    columns = _all(
        connection,
        sql.SQL(
            "SELECT attname FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0"
            " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
        ).format(sql.Literal(table)),
    )
    written = sql.SQL(", ").join(
        sql.SQL(values[column]) if column in values else sql.Identifier(column)
        for column in columns
    )
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE kept AS SELECT ctid AS place, * FROM {} WHERE {}").format(
            name, _at(places)
        )
    )
    connection.execute(sql.SQL("DELETE FROM {} WHERE {}").format(name, _at(places)))
    connection.execute(sql.SQL("VACUUM {}").format(name))
    connection.execute(
        sql.SQL(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM kept ORDER BY place"
        ).format(name, sql.SQL(", ").join(map(sql.Identifier, columns)), written)
    )
    connection.execute("DROP TABLE kept")
    connection.execute("RESET session_replication_role")
    there = _all(
        connection, sql.SQL("SELECT ctid::text FROM {} WHERE {}").format(name, _at(places))
    )
    if not places or len(there) != len(places):
        raise Displaced(f"{len(there)} of {len(places)} rows of {table} are where they were")
    freeze(connection, table=table, places=places)


def freeze(connection: Connection, *, table: LiteralString, places: list[str]) -> None:
    """Let rows look as if they were always there."""
    connection.execute("CREATE EXTENSION pg_surgery")
    connection.execute("SELECT heap_force_freeze(%s::regclass, %s::tid[])", [table, places])
    connection.execute("DROP EXTENSION pg_surgery")


def _at(places: list[str]) -> sql.Composed:
    return sql.SQL("ctid = ANY ({}::tid[])").format(sql.Literal(places))


def _all(connection: Connection, query: sql.Composed) -> list[str]:
    return [row[0] for row in connection.execute(query).fetchall()]
