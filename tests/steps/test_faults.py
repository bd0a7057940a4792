"""Each fault of a copy turns its own check red, and no other.

Of a table whose columns are not the source's no row can be compared: of that one alone the rows
are not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions import clock
from functions.aurora import verify
from functions.aurora.witness_work import Source
from lab.postgres import Server
from tests.steps.company import Company, Drilled, Outcome, Shelf, drill, judge, plan, see

Fault = tuple[str, str, tuple[str, str]]

RESHAPED = {
    "a column has another type": ("rows", "sales.empty"),
    "a column is dropped": ("rows", "sales.quiet"),
}
"""Faults that leave a table's rows without comparison."""

# What is wrong with a copy, how it came about, and the one check that says so. Those of a group are
# of different tables, and share a copy.
FAULTS: list[list[Fault]] = [
    [
        (
            "a row of a quiet table is missing",
            "DELETE FROM sales.quiet WHERE id = 77",
            ("rows", "sales.quiet"),
        ),
        (
            "many rows of a busy table are missing",
            "DELETE FROM sales.busy WHERE id % 2 = 0 AND id < 20000",
            ("rows", "sales.busy"),
        ),
        (
            "a partition is empty",
            "TRUNCATE sales.events_old",
            ("rows", "sales.events_old"),
        ),
        (
            "a row that a policy hides is missing",
            "DELETE FROM people.hidden WHERE id = 1",
            ("rows", "people.hidden"),
        ),
        (
            "a table is dropped",
            'DROP TABLE sales."Odd ""name"',
            ("table_present", 'sales.Odd "name'),
        ),
        (
            "a column has another type",
            "ALTER TABLE sales.empty ALTER COLUMN id TYPE bigint",
            ("columns", "shop"),
        ),
        ("an extension is dropped", "DROP EXTENSION amcheck", ("extensions", "shop")),
    ],
    [
        (
            "a deleted row is back",
            "CREATE EXTENSION pg_surgery;"
            "INSERT INTO sales.quiet VALUES (5001, 'again', 1);"
            "SELECT heap_force_freeze('sales.quiet'::regclass, array_agg(ctid)) FROM sales.quiet"
            " WHERE id = 5001",
            ("rows", "sales.quiet"),
        ),
        (
            "a partition is dropped",
            "DROP TABLE sales.events_old",
            ("table_present", "sales.events_old"),
        ),
    ],
    [
        (
            "a column is dropped",
            "ALTER TABLE sales.quiet DROP COLUMN price",
            ("columns", "shop"),
        ),
    ],
]


def on_time(company: Company, drilled: Drilled) -> Server:
    return company.restore(drilled.witnessed["restore_time"])


def judged(company: Company, drilled: Drilled, copy: Server) -> Outcome:
    return judge(company.login(copy), drilled.witnessed, drilled.fresh())


@pytest.mark.parametrize("faults", FAULTS, ids=["rows and tables", "returned", "columns"])
def test_each_fault_turns_its_own_check_red(
    company: Company, drilled: Drilled, faults: list[Fault]
) -> None:
    copy = on_time(company, drilled)
    for _, damage, _ in faults:
        company.run(damage, copy)
    outcome = judged(company, drilled, copy)
    assert sorted(outcome.red()) == sorted(check for _, _, check in faults)
    assert outcome.unsure() == [RESHAPED[fault] for fault, _, _ in faults if fault in RESHAPED]
    for name, target in outcome.unsure():
        (check,) = outcome.of(name, target)
        assert "its columns are not those that the source was digested by" in check.detail


CHANGED = {
    "one value": "UPDATE sales.quiet SET note = 'note 78' WHERE id = 77",
    "a value of two rows swapped": "UPDATE sales.pairs SET b = 3 - b",
    "minus nought": "UPDATE sales.zeros SET ratio = '-0' WHERE id = 5",
    "nothing for an empty text": "UPDATE sales.texts SET word = NULL WHERE id = 5",
    "the scale of a number": "UPDATE sales.loose SET price = 1.00 WHERE id = 5",
    "that of one within a document": """
        UPDATE sales.documents SET body = '{"n": 1.00}' WHERE id = 5
    """,
}
"""Changes of content that leave the number of rows as it is."""

ESTATE = """
CREATE TABLE sales.pairs AS SELECT i AS id, 10 AS a, i AS b FROM generate_series(1, 2) AS i;
CREATE TABLE sales.zeros AS SELECT i AS id, 0::float8 AS ratio FROM generate_series(1, 9) AS i;
CREATE TABLE sales.texts AS SELECT i AS id, ''::text AS word FROM generate_series(1, 9) AS i;
CREATE TABLE sales.documents AS
    SELECT i AS id, '{"n": 1.0}'::jsonb AS body FROM generate_series(1, 9) AS i;
CREATE TABLE sales.loose AS SELECT i AS id, 1.0::numeric AS price FROM generate_series(1, 9) AS i
"""

AS_OLD = """
CREATE EXTENSION IF NOT EXISTS pg_surgery;
SELECT heap_force_freeze('{table}'::regclass, array_agg(ctid)) FROM {table};
DROP EXTENSION pg_surgery
"""
"""Makes rows of the copy look as old as those of the source."""


@pytest.fixture(scope="module")
def estate(company: Company) -> Iterator[Drilled]:
    """A witness of tables whose content can change without their number."""
    company.run(ESTATE)
    login, shelf = company.login(company.source), Shelf()
    witnessed = see(Source(reader=login, writer=login), shelf)
    company.run("SELECT pg_current_xact_id()")
    yield Drilled(shelf, witnessed)
    company.run("DROP TABLE sales.pairs, sales.zeros, sales.texts, sales.documents, sales.loose")


@pytest.mark.parametrize("old", [False, True], ids=["written to the copy", "as if it were old"])
def test_what_no_count_can_see_turns_the_rows_red(
    company: Company, estate: Drilled, old: bool
) -> None:
    copy = on_time(company, estate)
    for statement in CHANGED.values():
        company.run(statement, copy)
    tables = sorted(statement.split()[1] for statement in CHANGED.values())
    if old:
        for table in tables:
            company.run(AS_OLD.format(table=table), copy)
    outcome = judged(company, estate, copy)
    assert sorted(outcome.red()) == [("rows", table) for table in tables]
    assert outcome.unsure() == []
    for table in tables:
        (check,) = outcome.of("rows", table)
        told = "rows differ" if old else "something writes to the copy"
        assert (check.level, told in check.detail) == ("exact", True), check


@pytest.mark.parametrize(("seconds", "check"), [(-3, "marker_before"), (3, "marker_after")])
def test_a_restore_that_missed_its_moment(
    company: Company, drilled: Drilled, seconds: int, check: str
) -> None:
    moment = clock.parse(drilled.witnessed["restore_time"]) + timedelta(seconds=seconds)
    outcome = judged(company, drilled, company.restore(moment))
    assert [name for name, _ in outcome.red()] == [check]
    assert outcome.answer["at_restore_point"] is False
    assert outcome.answer["units"] == []
    counts = outcome.counts()
    assert {c.status for c in counts} == {"not_run"}
    assert {c.detail for c in counts} == {"the copy is not at the restore point"}
    assert outcome.of("table_present")[0].status == "not_run"
    assert outcome.of("login")[0].status == "passed"


def test_rows_hidden_from_the_role_are_not_counted_in_part(
    company: Company, drilled: Drilled
) -> None:
    copy = on_time(company, drilled)
    company.run("ALTER ROLE backup_drills_verifier NOBYPASSRLS", copy)
    outcome = judged(company, drilled, copy)
    assert outcome.red() == [("roles", "shop")]
    assert outcome.unsure() == [("rows", "people.hidden")]
    assert "row-level security" in outcome.of("rows", "people.hidden")[0].detail


def test_what_is_written_to_the_copy_is_noticed(company: Company, drilled: Drilled) -> None:
    copy = on_time(company, drilled)
    next_xid = drilled.shelf.get_json(drilled.witnessed["manifest"])["next_xid"]
    # Past the transactions that the source had begun by the marker 'after'.
    (used,) = company.run("SELECT pg_current_xact_id()::text::bigint", copy)[0]
    with copy.connect("shop") as connection:
        for _ in range(max(0, next_xid - used)):
            connection.execute("SELECT pg_current_xact_id()")
    company.run("INSERT INTO sales.quiet VALUES (6000, 'new', 1)", copy)
    outcome = judged(company, drilled, copy)
    assert outcome.red() == [("rows", "sales.quiet")]
    observed = outcome.of("rows", "sales.quiet")[0].observed
    assert observed == "4000, and 1 written after the restore point"


def test_a_page_that_cannot_be_read_is_a_failure(company: Company, drilled: Drilled) -> None:
    copy = on_time(company, drilled)
    (path,) = company.run("SELECT pg_relation_filepath('sales.busy')", copy)[0]
    copy.stop()
    with (copy.data / path).open("r+b") as file:
        file.seek(8192 * 3)
        file.write(b"\xde\xad" * 50)
    copy.start()
    outcome = judged(company, drilled, copy)
    assert outcome.red() == [("rows", "sales.busy")]
    check = outcome.of("rows", "sales.busy")[0]
    assert check.observed == "unreadable"
    assert "invalid page in block 3" in check.detail


def test_a_catalog_that_cannot_be_read_is_a_failure(company: Company, drilled: Drilled) -> None:
    copy = on_time(company, drilled)
    (path,) = company.run("SELECT pg_relation_filepath('pg_extension')", copy)[0]
    copy.stop()
    with (copy.data / path).open("r+b") as file:
        file.write(b"\xde\xad" * 50)
    copy.start()
    outcome = judged(company, drilled, copy)
    assert outcome.red() == [("catalog", "shop")]
    assert "invalid page in block 0" in outcome.of("catalog")[0].detail
    assert outcome.of("login")[0].status == "passed"
    assert outcome.answer["units"] == []


def test_a_required_level_that_is_not_reached_is_no_proof(
    company: Company, drilled: Drilled
) -> None:
    """What was kept of the readings is the same, but that a deleted row was seen going too late."""
    copy, shelf = company.login(on_time(company, drilled)), drilled.fresh()
    key = drilled.witnessed["manifest"]
    manifest = shelf.get_json(key)
    tables = [
        {**table, "unlisted": 1} if table["name"] == "quiet" else table
        for table in manifest["tables"]
    ]
    shelf.put_json(key, {**manifest, "tables": tables})
    strict = judge(copy, drilled.witnessed, shelf)
    assert strict.red() == []
    assert strict.unsure() == [("rows", "sales.quiet")]
    (check,) = strict.of("rows", "sales.quiet")
    assert check.level == "bounded"
    assert check.detail.startswith("reached the level bounded, required is exact: ")
    mild = judge(copy, drilled.witnessed, shelf, planned=plan(required="bounded"))
    assert mild.red() == mild.unsure() == []
    own = drill(levels={"sales.quiet": "counted"})
    assert judge(copy, drilled.witnessed, shelf, settings=own).unsure() == []


def test_a_copy_still_in_recovery_is_waited_for(company: Company, drilled: Drilled) -> None:
    reader = company.standby()
    try:
        start = clock.parse("2026-11-02T06:00:00Z")
        shelf = drilled.fresh()

        def ask(previous: dict[str, Any], seconds: float) -> dict[str, Any]:
            return verify.open_copy(
                copy=company.login(reader),
                drill=drill(),
                plan=plan(),
                witness=drilled.witnessed,
                previous=previous,
                evidence=shelf,
                now=lambda: start + timedelta(seconds=seconds),
            )

        first = ask({}, 0)
        assert first["waiting_for"] == "the copy's recovery to end"
        assert first["first_login_at"] is None
        last = ask(first, 60)
        records = {record["name"]: record for record in shelf.get_json(last["checks"]["key"])}
        assert records["recovery_finished"]["status"] == "failed"
    finally:
        reader.stop()
