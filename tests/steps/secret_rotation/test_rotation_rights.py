"""What a user is and may do, read by itself: each kind of right, as it comes and goes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from functions.secret_rotation import login
from functions.secret_rotation.login import Session
from functions.secret_rotation.witness import Rights, rights
from lab.authority import Authority
from lab.postgres import Servers, find_binaries
from tests.steps import rotation
from tests.steps.conftest import SYSTEM
from tests.steps.rotation import DATABASE, Database


def digest(setting: str) -> str:
    """Of a setting's value, as the rights tell it."""
    return hashlib.sha256(setting.encode()).hexdigest()[:12]


SCHEMA = """
CREATE SCHEMA sales;
CREATE SCHEMA "Odd name";
CREATE TABLE sales.orders (id int, note text, gone int);
CREATE TABLE "Odd name"."T" (id int);
CREATE VIEW sales.shown AS SELECT 1 AS n;
CREATE MATERIALIZED VIEW sales.kept AS SELECT 1 AS n;
CREATE TABLE sales.parted (id int) PARTITION BY RANGE (id);
CREATE SEQUENCE sales.numbers;
CREATE FUNCTION sales.total(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION sales.total(int, text) FROM PUBLIC;
CREATE FOREIGN DATA WRAPPER afar;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER afar;
CREATE ROLE readers;
CREATE ROLE makers;
CREATE ROLE all_readers;
GRANT SELECT ON sales.orders TO readers;
"""


@dataclass
class App:
    """A user of one test, and its session: rights count at once, for sessions too."""

    shop: Database
    username: str
    session: Session

    def run(self, statement: str) -> None:
        """Run a statement as the superuser; {app} is the user."""
        self.shop.run(statement.format(app=self.username))

    @property
    def rights(self) -> Rights:
        return rights(self.session)

    def change(self, statement: str) -> tuple[set[str], set[str]]:
        """Which lines of grants a statement brought, and which it took."""
        before = set(self.rights.grants)
        self.run(statement)
        after = set(self.rights.grants)
        return after - before, before - after


@pytest.fixture(scope="module", params=["wheel", "15"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    binaries = find_binaries({}) if request.param == "wheel" else SYSTEM
    if not binaries.is_dir():
        pytest.skip(f"no PostgreSQL in {SYSTEM}")
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        servers = Servers(folder=folder, binaries=binaries)
        stack.callback(servers.stop)
        made = stack.enter_context(rotation.database(servers, Authority(folder / "tls")))
        made.run(SCHEMA)
        yield made


@pytest.fixture
def app(shop: Database) -> Iterator[App]:
    user = shop.user()
    with login.session(user, ca_file=shop.ca_file) as session:
        yield App(shop, user.username, session)
    shop.run(f"DROP OWNED BY {user.username}")
    shop.run(f"DROP ROLE {user.username}")


@pytest.mark.parametrize(
    ("grant", "revoke", "lines"),
    [
        (
            "GRANT SELECT, INSERT ON sales.orders TO {app}",
            "REVOKE ALL ON sales.orders FROM {app}",
            {"table sales.orders: SELECT", "table sales.orders: INSERT"},
        ),
        (
            "GRANT UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON sales.orders TO {app}",
            "REVOKE ALL ON sales.orders FROM {app}",
            {
                f"table sales.orders: {p}"
                for p in ("UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
            },
        ),
        (
            'GRANT SELECT ON "Odd name"."T" TO {app}',
            'REVOKE SELECT ON "Odd name"."T" FROM {app}',
            {"table Odd name.T: SELECT"},
        ),
        (
            "GRANT SELECT ON sales.shown, sales.kept, sales.parted TO {app}",
            "REVOKE SELECT ON sales.shown, sales.kept, sales.parted FROM {app}",
            {f"table sales.{name}: SELECT" for name in ("shown", "kept", "parted")},
        ),
        (
            "GRANT SELECT (note), UPDATE (note) ON sales.orders TO {app}",
            "REVOKE SELECT (note), UPDATE (note) ON sales.orders FROM {app}",
            {"column sales.orders.note: SELECT", "column sales.orders.note: UPDATE"},
        ),
        (
            "GRANT USAGE, SELECT, UPDATE ON sales.numbers TO {app}",
            "REVOKE ALL ON sales.numbers FROM {app}",
            {f"sequence sales.numbers: {p}" for p in ("USAGE", "SELECT", "UPDATE")},
        ),
        (
            "GRANT EXECUTE ON FUNCTION sales.total(int, text) TO {app}",
            "REVOKE EXECUTE ON FUNCTION sales.total(int, text) FROM {app}",
            {"function sales.total(integer,text): EXECUTE"},
        ),
        (
            "GRANT USAGE, CREATE ON SCHEMA sales TO {app}",
            "REVOKE ALL ON SCHEMA sales FROM {app}",
            {"schema sales: USAGE", "schema sales: CREATE"},
        ),
        (
            f"GRANT CREATE ON DATABASE {DATABASE} TO {{app}}",
            f"REVOKE CREATE ON DATABASE {DATABASE} FROM {{app}}",
            {f"database {DATABASE}: CREATE"},
        ),
        (
            "GRANT readers TO {app}",
            "REVOKE readers FROM {app}",
            {"role: readers", "table sales.orders: SELECT"},
        ),
        (
            "GRANT readers TO all_readers; GRANT all_readers TO {app}",
            "REVOKE all_readers FROM {app}; REVOKE readers FROM all_readers",
            {"role: readers", "role: all_readers", "table sales.orders: SELECT"},
        ),
        (
            "GRANT pg_monitor TO {app}",
            "REVOKE pg_monitor FROM {app}",
            {
                f"role: {name}"
                for name in (
                    "pg_monitor",
                    "pg_read_all_settings",
                    "pg_read_all_stats",
                    "pg_stat_scan_tables",
                )
            },
        ),
        (
            "ALTER SEQUENCE sales.numbers OWNER TO makers; GRANT makers TO {app}",
            "REVOKE makers FROM {app}; ALTER SEQUENCE sales.numbers OWNER TO CURRENT_USER",
            {
                "role: makers",
                *(f"sequence sales.numbers: {p}" for p in ("USAGE", "SELECT", "UPDATE", "owner")),
            },
        ),
        (
            "ALTER FUNCTION sales.total(int, text) OWNER TO makers; GRANT makers TO {app}",
            "REVOKE makers FROM {app}; ALTER FUNCTION sales.total(int, text) OWNER TO CURRENT_USER",
            {
                "role: makers",
                "function sales.total(integer,text): EXECUTE",
                "function sales.total(integer,text): owner",
            },
        ),
        (
            'ALTER SCHEMA "Odd name" OWNER TO {app}',
            'ALTER SCHEMA "Odd name" OWNER TO CURRENT_USER',
            {f"schema Odd name: {p}" for p in ("USAGE", "CREATE", "owner")},
        ),
        (
            f"ALTER DATABASE {DATABASE} OWNER TO {{app}}",
            f"ALTER DATABASE {DATABASE} OWNER TO CURRENT_USER",
            # With it comes what PostgreSQL gives to whoever owns a database.
            {
                f"database {DATABASE}: CREATE",
                f"database {DATABASE}: owner",
                "role: pg_database_owner",
                "schema public: CREATE",
                "schema public: owner",
            },
        ),
        (
            "GRANT USAGE ON FOREIGN SERVER elsewhere TO {app}",
            "REVOKE USAGE ON FOREIGN SERVER elsewhere FROM {app}",
            {"server elsewhere: USAGE"},
        ),
        (
            "GRANT DELETE ON sales.orders TO PUBLIC",
            "REVOKE DELETE ON sales.orders FROM PUBLIC",
            {"table sales.orders: DELETE"},
        ),
    ],
)
def test_a_right_that_is_gained_and_lost(
    app: App, grant: str, revoke: str, lines: set[str]
) -> None:
    assert app.change(grant) == (lines, set())
    assert app.change(revoke) == (set(), lines)


def test_what_is_owned_may_be_used(app: App) -> None:
    app.run("CREATE TABLE sales.owned (id int)")
    gained, lost = app.change("ALTER TABLE sales.owned OWNER TO {app}")
    assert "table sales.owned: owner" in gained
    assert len(gained) == 8
    assert lost == set()


def test_an_owner_that_is_another_is_found_where_all_may_be_used_as_before(app: App) -> None:
    """It can no longer change the table, which its next migration would."""
    app.run("CREATE TABLE sales.passed_on (id int)")
    app.run("ALTER TABLE sales.passed_on OWNER TO {app}")
    app.run("GRANT ALL ON sales.passed_on TO PUBLIC")
    taken = app.change("ALTER TABLE sales.passed_on OWNER TO readers")
    app.run("DROP TABLE sales.passed_on")
    assert taken == (set(), {"table sales.passed_on: owner"})


def test_a_column_that_was_dropped_is_no_right(app: App) -> None:
    app.change("GRANT SELECT (gone) ON sales.orders TO {app}")
    gained, lost = app.change("ALTER TABLE sales.orders DROP COLUMN gone")
    assert (gained, lost) == (set(), {"column sales.orders.gone: SELECT"})
    app.run("ALTER TABLE sales.orders ADD COLUMN gone int")


def test_nothing_of_the_system_s_own_schemas(app: App) -> None:
    app.session.run("CREATE TEMPORARY TABLE mine (id int)")
    lines = app.rights.grants
    assert not [line for line in lines if "pg_" in line or "information_schema" in line]
    assert set(lines) == {
        f"database {DATABASE}: CONNECT",
        f"database {DATABASE}: TEMPORARY",
        "schema public: USAGE",
    }


def test_lines_are_sorted_and_are_no_other_user_s(app: App) -> None:
    other = app.shop.user()
    app.run(f"GRANT ALL ON sales.orders TO {other.username}")
    found = app.rights
    assert found.user == app.username
    assert list(found.grants) == sorted(found.grants)
    assert "table sales.orders: SELECT" not in found.grants


PLAIN = {
    "superuser: false",
    "inherits: true",
    "creates roles: false",
    "creates databases: false",
    "replicates: false",
    "bypasses row security: false",
    "connection limit: -1",
    "valid until: for ever",
}


def test_the_attributes_of_a_plain_user(app: App) -> None:
    assert set(app.rights.attributes) == PLAIN


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("ALTER ROLE {app} SUPERUSER", "superuser: true"),
        ("ALTER ROLE {app} NOINHERIT", "inherits: false"),
        ("ALTER ROLE {app} CREATEROLE", "creates roles: true"),
        ("ALTER ROLE {app} CREATEDB", "creates databases: true"),
        ("ALTER ROLE {app} REPLICATION", "replicates: true"),
        ("ALTER ROLE {app} BYPASSRLS", "bypasses row security: true"),
        ("ALTER ROLE {app} CONNECTION LIMIT 5", "connection limit: 5"),
        ("ALTER ROLE {app} SET work_mem = '8MB'", f"setting: work_mem: {digest('work_mem=8MB')}"),
        (
            f"ALTER ROLE {{app}} IN DATABASE {DATABASE} SET search_path = sales",
            f"setting: {DATABASE}: search_path: {digest('search_path=sales')}",
        ),
    ],
)
def test_an_attribute_that_changes(app: App, statement: str, line: str) -> None:
    app.run(statement)
    assert set(app.rights.attributes) - PLAIN == {line}


def test_a_setting_for_another_database_is_none_here(app: App) -> None:
    app.run("ALTER ROLE {app} IN DATABASE postgres SET work_mem = '8MB'")
    assert set(app.rights.attributes) == PLAIN


def test_a_password_that_will_expire(app: App) -> None:
    before = app.rights
    app.run("ALTER ROLE {app} VALID UNTIL '2099-01-01'")
    assert app.rights != before


def test_a_membership_that_does_not_inherit(app: App) -> None:
    app.run("ALTER ROLE {app} NOINHERIT")
    app.run("GRANT readers TO {app}")
    gained, lost = app.change("REVOKE readers FROM {app}")
    assert (gained, lost) == (set(), {"role: readers"})


def test_names_only_and_no_value_of_a_setting(app: App) -> None:
    """Applications keep secrets in settings of their own: names only, says Rights."""
    app.run("ALTER ROLE {app} SET app.signing_key = 'very-secret-key'")
    assert "very-secret-key" not in repr(app.rights.to_document())
