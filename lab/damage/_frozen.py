"""Rows put in the place of others so that no count, and no transaction id, shows it."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from lab.damage import Connection


def replace(
    connection: Connection, *, table: LiteralString, which: LiteralString, by: LiteralString
) -> None:
    """Delete a row of a table, insert what the query `by` gives in its place, and freeze that.

    `which` must mean the new row as well as the old one. No trigger runs.
    """
    names = {"table": sql.SQL(table), "which": sql.SQL(which), "by": sql.SQL(by)}

    def run(statement: LiteralString) -> None:
        connection.execute(sql.SQL(statement).format(**names))

    run("CREATE EXTENSION pg_surgery")
    with connection.transaction():
        run("SET LOCAL session_replication_role = replica")
        run("CREATE TEMPORARY TABLE kept ON COMMIT DROP AS {by}")
        run("DELETE FROM {table} WHERE {which}")
        run("INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept")
    # Two statements: it wants the page for itself.
    found = connection.execute(
        sql.SQL("SELECT ctid::text FROM {table} WHERE {which}").format(**names)
    )
    places = [row[0] for row in found.fetchall()]
    connection.execute("SELECT heap_force_freeze(%s::regclass, %s::tid[])", [table, places])
    run("DROP EXTENSION pg_surgery")
