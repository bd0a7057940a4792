"""The definitions change while the source is witnessed: the copy may be as before or as after."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from functions.aurora.witness_work import Source
from tests.steps import turning
from tests.steps.company import DATABASE, Company, Shelf, drill, judge, see

ESTATE = """
CREATE SCHEMA ddl;
CREATE TABLE ddl.t (id serial PRIMARY KEY, a int DEFAULT 1);
CREATE FUNCTION ddl.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER g BEFORE UPDATE ON ddl.t FOR EACH ROW EXECUTE FUNCTION ddl.f();
CREATE VIEW ddl.v AS SELECT a FROM ddl.t;
CREATE MATERIALIZED VIEW ddl.m AS SELECT count(*) AS n FROM ddl.t;
CREATE SEQUENCE ddl.s;
CREATE INDEX kept ON ddl.t (a);
"""
CHANGES = [
    [
        "CREATE TABLE ddl.staging (id serial PRIMARY KEY, b text DEFAULT 'x')",
        "DROP TABLE ddl.staging",
    ],
    ["ALTER TABLE ddl.t DISABLE TRIGGER g", "ALTER TABLE ddl.t ENABLE TRIGGER g"],
    ["CREATE INDEX i ON ddl.t (a, id)", "DROP INDEX ddl.i"],
    ["GRANT SELECT ON ddl.t TO PUBLIC", "REVOKE SELECT ON ddl.t FROM PUBLIC"],
    ["ALTER TABLE ddl.t ADD COLUMN extra int DEFAULT 5", "ALTER TABLE ddl.t DROP COLUMN extra"],
    ["ALTER TABLE ddl.t ADD CONSTRAINT c CHECK (a > 0)", "ALTER TABLE ddl.t DROP CONSTRAINT c"],
    [
        "CREATE OR REPLACE VIEW ddl.v AS SELECT a FROM ddl.t WHERE a > 1",
        "CREATE OR REPLACE VIEW ddl.v AS SELECT a FROM ddl.t",
    ],
    ["REFRESH MATERIALIZED VIEW ddl.m"],
    ["SELECT nextval('ddl.s') FROM generate_series(1, 100)"],
    ["ALTER SEQUENCE ddl.s RESTART"],
    ["CREATE TYPE ddl.e AS ENUM ('a')", "DROP TYPE ddl.e"],
    ["ALTER TABLE ddl.t ALTER a SET DEFAULT 2", "ALTER TABLE ddl.t ALTER a SET DEFAULT 1"],
]


@pytest.fixture(autouse=True)
def _estate(company: Company) -> Iterator[None]:
    company.run(ESTATE)
    yield
    company.run("DROP SCHEMA ddl CASCADE")


@contextlib.contextmanager
def changing(company: Company) -> Iterator[None]:
    """Definitions change, as fast as they go, while the block runs."""
    stop = threading.Event()

    def change() -> None:
        dice = random.Random(7)  # noqa: S311 - which definition changes is no secret
        with company.source.connect(DATABASE) as connection:
            while not stop.is_set():
                for statement in dice.choice(CHANGES):
                    with contextlib.suppress(psycopg.errors.DeadlockDetected):
                        connection.execute(statement)
                    time.sleep(dice.random() * 0.03)

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("attempt", range(3))
def test_no_false_alarm_while_definitions_change(company: Company, attempt: int) -> None:
    login, shelf = company.login(company.source), Shelf()
    with company.writers(), changing(company):
        witnessed = see(Source(reader=login, writer=login), shelf)
    outcome = judge(company.login(company.restore(witnessed["restore_time"])), witnessed, shelf)
    assert outcome.red() == [], (attempt, [c for c in outcome.checks if c.status == "failed"])
    manifest = shelf.get_json(witnessed["manifest"])
    assert manifest["catalogs"]["unread"] == {}


def see_with(
    company: Company, monkeypatch: pytest.MonkeyPatch, at: str, change: str
) -> tuple[Shelf, dict[str, Any]]:
    """The witness, with a change at that moment."""
    login, shelf = company.login(company.source), Shelf()
    source = Source(reader=login, writer=login)
    hooks = {at: lambda: company.run(change)}
    return shelf, turning.see(source, shelf, hooks, monkeypatch, asked=drill())


@pytest.mark.parametrize(
    ("at", "side"),
    [("turn", "after"), ("before T", "after"), ("after T", "before"), ("after", "before")],
)
def test_a_change_around_the_restore_point_is_told(
    company: Company, monkeypatch: pytest.MonkeyPatch, at: str, side: str
) -> None:
    change = (
        "ALTER TABLE ddl.t DISABLE TRIGGER g; DROP INDEX ddl.kept; CREATE TABLE ddl.new (id int)"
    )
    shelf, witnessed = see_with(company, monkeypatch, at, change)
    copy = company.restore(str(witnessed["restore_time"]))
    outcome = judge(company.login(copy), witnessed, shelf)
    assert (outcome.red(), outcome.unsure()) == ([], [])
    (triggers,) = outcome.of("triggers")
    assert triggers.observed == "1 changed meanwhile"
    assert triggers.detail.startswith(f"~ ddl.t.g: as {side}: ")
    assert outcome.of("indexes")[0].observed == "1 changed meanwhile"
    assert outcome.of("tables")[0].observed == "1 changed meanwhile"
    # What is as neither reading has it nobody can tell: it may have been changed twice.
    company.run("ALTER TABLE ddl.t ENABLE REPLICA TRIGGER g", copy)
    again = judge(company.login(copy), witnessed, shelf)
    assert (again.red(), again.unsure()) == ([], [("triggers", DATABASE)])


def test_what_came_and_went_is_told_and_what_was_written_to_the_copy_is_red(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = "CREATE INDEX i ON ddl.t (a, id)"
    shelf, witnessed = see_with(company, monkeypatch, "before T", made)
    # As if it had been dropped before the second reading.
    for key in [k for k in shelf.objects if "/witness/catalogs-after-" in k]:
        page = shelf.get_json(key)
        shelf.put_json(key, [record for record in page if record[1] != "ddl.i"])
    copy = company.restore(str(witnessed["restore_time"]))
    outcome = judge(company.login(copy), witnessed, shelf)
    assert (outcome.red(), outcome.unsure()) == ([], [])
    assert "it came and went" in outcome.of("indexes")[0].detail

    next_xid = shelf.get_json(str(witnessed["manifest"]))["catalogs"]["next_xid"]
    (used,) = company.run("SELECT pg_current_xact_id()::text::bigint", copy)[0]
    with copy.connect(DATABASE) as connection:
        for _ in range(max(0, next_xid - used)):
            connection.execute("SELECT pg_current_xact_id()")
    company.run("CREATE INDEX never_seen ON ddl.t (a)", copy)
    outcome = judge(company.login(copy), witnessed, shelf)
    assert outcome.red() == [("indexes", DATABASE)]
    assert outcome.of("indexes")[0].detail.startswith("+ ddl.never_seen: ")


def test_an_object_that_was_dropped_long_ago_is_red(company: Company) -> None:
    """It is on the copy, its transaction had ended before the first reading, and nobody saw it."""
    shelf = Shelf()
    login = company.login(company.source)
    witnessed = see(Source(reader=login, writer=login), shelf)
    for key in [k for k in shelf.objects if "/witness/catalogs-" in k and k[-6].isdigit()]:
        shelf.put_json(key, [r for r in shelf.get_json(key) if r[1] != "ddl.kept"])
    copy = company.restore(str(witnessed["restore_time"]))
    outcome = judge(company.login(copy), witnessed, shelf)
    assert outcome.red() == [("indexes", DATABASE)]


def test_a_locked_table_keeps_nothing_waiting(company: Company) -> None:
    """Others may hold a table for as long as they like: its definition is read all the same."""
    shelf, login = Shelf(), company.login(company.source)
    with company.source.connect(DATABASE) as connection, connection.transaction():
        connection.execute("LOCK TABLE ddl.t, ddl.v IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        witnessed = see(Source(reader=login, writer=login), shelf)
        took = time.monotonic() - began
    unread = shelf.get_json(str(witnessed["manifest"]))["catalogs"]["unread"]
    assert unread == {}
    assert took < 20
    outcome = judge(company.login(company.restore(witnessed["restore_time"])), witnessed, shelf)
    assert (outcome.red(), outcome.unsure()) == ([], [])
