"""The sample company, Fibonacci: three schemas, thirty tables, about 200,000 rows."""

from __future__ import annotations

from pathlib import Path

from psycopg import sql

from lab.postgres import Server

DATABASE = "fibonacci"
SCHEMAS = ("nigredo_leads", "albedo_orders", "rubedo_ledger")
ADMINISTRATOR = "fibonacci_admin"
APPLICATION = "fibonacci_app"
PASSWORD = "fibonacci-in-the-lab"  # noqa: S105  # of both roles; it opens nothing but a lab

SETUP = Path(__file__).parents[2] / "functions" / "aurora" / "sql" / "setup"
"""What an operator runs once on the source: the verifier's role and the heartbeat table."""

_OWN = Path(__file__).parent / "sql"


def load(server: Server, *, scale: float = 1.0) -> None:
    """Make the company's database on an empty server, and run what we ask an operator to run.

    Raises psycopg.Error when a statement fails.
    """
    roles, *rest = sorted(_OWN.glob("*.sql"))
    with server.connect() as connection:
        connection.execute(roles.read_bytes())
        for role in (ADMINISTRATOR, APPLICATION):
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(PASSWORD)
                )
            )
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(DATABASE), sql.Identifier(ADMINISTRATOR)
            )
        )
    with server.connect(DATABASE) as connection:
        connection.execute("SELECT set_config('fibonacci.scale', %s, false)", [str(scale)])
        for path in (*rest, *sorted(SETUP.glob("*.sql"))):
            connection.execute(path.read_bytes())
        connection.execute("VACUUM (FREEZE, ANALYZE)")
