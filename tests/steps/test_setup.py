"""What an operator runs on the source: once, again, by whom it may be, and away with it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.steps.company import INSTALL, Company

REMOVE = INSTALL.parents[1] / "remove" / "remove.sql"
ROLE = """
SELECT rolcanlogin, rolsuper, rolbypassrls, pg_has_role(oid, 'pg_read_all_data', 'USAGE')
FROM pg_roles WHERE rolname = 'backup_drills_verifier'
"""


@pytest.fixture
def database(company: Company) -> Iterator[str]:
    """A database of an owner who may make roles, and nothing more, as the master user of RDS."""
    with company.source.connect() as connection:
        for statement in (
            "DROP DATABASE IF EXISTS estate",
            "DROP ROLE IF EXISTS master",
            "ALTER ROLE backup_drills_verifier RENAME TO set_aside",
            "CREATE ROLE master LOGIN CREATEROLE CREATEDB",
            "GRANT pg_read_all_data TO master WITH ADMIN OPTION",
            "CREATE DATABASE estate OWNER master",
        ):
            connection.execute(statement)
    yield "estate"
    with company.source.connect() as connection:
        for statement in (
            "DROP DATABASE estate",
            "DROP ROLE master",
            "DROP ROLE IF EXISTS rds_iam",
            "ALTER ROLE set_aside RENAME TO backup_drills_verifier",
        ):
            connection.execute(statement)


def notices_of(connection: psycopg.Connection[tuple[object, ...]], script: str) -> list[str]:
    notices: list[str] = []
    connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    connection.execute(script.encode())
    return notices


def test_as_the_superuser(company: Company, database: str) -> None:
    with company.source.connect(database) as connection:
        connection.execute("CREATE ROLE rds_iam")
        for _ in range(3):
            notices_of(connection, INSTALL.read_text())
        assert connection.execute(ROLE).fetchall() == [(True, False, True, True)]
        (member,) = connection.execute(
            "SELECT pg_has_role('backup_drills_verifier', 'rds_iam', 'MEMBER')"
        ).fetchall()
        assert member == (True,)
    with company.source.connect(database, user="backup_drills_verifier") as connection:
        connection.execute("SELECT backup_drills.bt_index_check('pg_class_oid_index'::regclass)")
        connection.execute("SELECT count(*) FROM backup_drills.heartbeat")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM backup_drills.heartbeat")
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("DELETE FROM backup_drills.heartbeat")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE backup_drills.heartbeat SET drill = ''")
    with company.source.connect(database) as connection:
        for _ in range(2):
            notices_of(connection, REMOVE.read_text())
        assert connection.execute(ROLE).fetchall() == []
        left = "SELECT nspname FROM pg_namespace WHERE nspname = 'backup_drills'"
        assert connection.execute(left).fetchall() == []


def test_as_a_master_user_who_may_not_do_everything(company: Company, database: str) -> None:
    with company.source.connect(database, user="master") as connection:
        for _ in range(2):
            said = " ".join(notices_of(connection, INSTALL.read_text()))
            assert "BYPASSRLS may not be given by master" in said
            assert "amcheck may not be installed by master" in said
        assert connection.execute(ROLE).fetchall() == [(True, False, False, True)]
    with company.source.connect(database, user="master") as connection:
        notices_of(connection, REMOVE.read_text())
        assert connection.execute(ROLE).fetchall() == []


def test_without_the_right_to_read_everything(company: Company, database: str) -> None:
    """As on PostgreSQL 13, or where the master user may not pass pg_read_all_data on."""
    with company.source.connect(database) as connection:
        if connection.info.server_version < 160000:
            pytest.skip("before PostgreSQL 16 CREATEROLE is enough to grant any role")
        connection.execute("REVOKE pg_read_all_data FROM master")
        connection.execute("CREATE SCHEMA foreigner")
    with company.source.connect(database, user="master") as connection:
        connection.execute("CREATE SCHEMA own CREATE TABLE t (id int)")
        said = " ".join(notices_of(connection, INSTALL.read_text()))
        assert "granting table by table" in said
        assert "schema foreigner may not be granted by master" in said
        connection.execute("CREATE TABLE own.later (id int)")
    with company.source.connect(database, user="backup_drills_verifier") as connection:
        for table in ("own.t", "own.later"):
            connection.execute(f"SELECT count(*) FROM {table}".encode())  # noqa: S608
    with company.source.connect(database, user="master") as connection:
        notices_of(connection, REMOVE.read_text())
        assert connection.execute(ROLE).fetchall() == []
