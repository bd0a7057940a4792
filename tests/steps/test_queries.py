"""The user's own queries, and the freshness of columns; and that no row's content leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from functions import clock
from functions.aurora import database, scanning, verify_unit
from functions.errors import TryAgain
from functions.model import Check
from tests.steps.company import Company, Drilled, Outcome, Shelf, drill, judge

# A query, what is expected of it, and the record: status, observed, the beginning of the detail.
QUERIES: dict[str, tuple[str, str, tuple[str, str, str]]] = {
    "count": ("SELECT count(*) FROM sales.quiet", "= 4000", ("passed", "4000", "")),
    "with a semicolon": ("SELECT 1;", "= 1", ("passed", "1", "")),
    "in public": ("SELECT twice(4)", "= 8", ("passed", "8", "")),
    "relative": (
        "SELECT count(*) FROM sales.busy WHERE changed_at > :restore_time - interval '1 hour'",
        "> 0",
        ("passed", "20*", ""),
    ),
    "time": ("SELECT :restore_time", ">= '2026-01-01'", ("passed", "*", "")),
    "sum": ("SELECT sum(price) FROM sales.quiet", "between 1 and 9", ("failed", "808*", "")),
    "null": ("SELECT max(id) FROM sales.empty", "> 0", ("failed", "null", "")),
    "is null": ("SELECT max(id) FROM sales.empty", "is null", ("passed", "null", "")),
    "text": (
        "SELECT secret FROM people.hidden WHERE id = 7",
        "= 'other'",
        ("failed", "a text of 8 characters", ""),
    ),
    "kinds": (
        "SELECT secret FROM people.hidden WHERE id = 7",
        "> 7",
        ("not_run", "a text of 8 characters", "a text cannot be compared with the number 7"),
    ),
    "many rows": (
        "SELECT id FROM sales.quiet",
        "> 0",
        ("not_run", "more than one value", "the query returns more than one value"),
    ),
    "no row": (
        "SELECT id FROM sales.empty",
        "> 0",
        ("not_run", "no row", "the query returns no row"),
    ),
    "column": (
        "SELECT colour FROM sales.quiet",
        "> 0",
        ("not_run", "an error", 'UndefinedColumn: column "colour" does not exist (42703)'),
    ),
    "cast": (
        "SELECT sum(secret::int) FROM people.hidden",
        "> 0",
        ("not_run", "an error", "InvalidTextRepresentation (22P02)"),
    ),
    "write": (
        "DELETE FROM sales.quiet RETURNING id",
        "> 0",
        ("not_run", "an error", "ReadOnlySqlTransaction"),
    ),
    "two": (
        "SELECT 1; SET TRANSACTION READ WRITE",
        "= 1",
        ("not_run", "an error", "SyntaxError: cannot insert multiple commands"),
    ),
    "nothing": (
        "SET TIME ZONE 'UTC'",
        "= 1",
        ("not_run", "an error", "the query returns no rows"),
    ),
    "far": ("SELECT 'infinity'::timestamptz", "> '2026-01-01'", ("not_run", "an error", "*")),
    "percent": ("SELECT 7 % 4", "= 3", ("passed", "3", "")),
}


def agrees(found: str, wanted: str) -> bool:
    return found.startswith(wanted[:-1]) if wanted.endswith("*") else found == wanted


@pytest.fixture(scope="module")
def outcome(company: Company, drilled: Drilled) -> tuple[Outcome, Shelf]:
    copy = company.restore(drilled.witnessed["restore_time"])
    company.run("CREATE FUNCTION public.twice(int) RETURNS int LANGUAGE sql RETURN 2 * $1", copy)
    company.run("ALTER TABLE sales.quiet ADD at date DEFAULT '2030-01-01'", copy)
    company.run("ALTER TABLE sales.queue ADD at timestamp DEFAULT '2020-01-01'", copy)
    company.run("INSERT INTO sales.queue (job) VALUES ('1')", copy)
    company.run("ALTER TABLE sales.empty ADD at timestamptz", copy)
    settings = drill(
        checks=[
            {"name": name, "sql": query, "expect": expect}
            for name, (query, expect, _) in QUERIES.items()
        ],
        freshness=[
            {"table": f"sales.{table}", "column": column, "within_seconds": 600}
            for table, column in (
                ("busy", "changed_at"),
                ("quiet", "at"),
                ("queue", "at"),
                ("empty", "at"),
                ("quiet", "note"),
                ("nowhere", "at"),
            )
        ],
    )
    shelf = drilled.fresh()
    judged = judge(company.login(copy), drilled.witnessed, shelf, settings=settings)
    company.forget_copies()
    return judged, shelf


def test_every_query_has_its_record(outcome: tuple[Outcome, Shelf]) -> None:
    for name, (_, expect, (status, observed, detail)) in QUERIES.items():
        (check,) = outcome[0].of(name)
        assert check.check_class == "custom"
        assert check.expected == expect
        assert check.status == status, check
        assert agrees(check.observed, observed), check
        assert agrees(check.detail, detail) or check.detail.startswith(detail or "?"), check


def test_freshness_is_seen_from_the_restore_point(outcome: tuple[Outcome, Shelf]) -> None:
    found = {c.target: (c.status.value, c.observed, c.detail) for c in outcome[0].of("freshness")}
    assert found["sales.busy.changed_at"][0] == "passed"
    assert found["sales.quiet.at"][:2] == (
        "failed",
        "values later than the restore point; the newest before it: no value",
    )
    assert found["sales.queue.at"][0] == "failed"
    assert found["sales.empty.at"][:2] == ("failed", "no value")
    assert found["sales.quiet.note"][0] == "not_run"
    assert found["sales.nowhere.at"][2] == (
        'UndefinedTable: relation "sales.nowhere" does not exist (42P01)'
    )


def test_no_row_is_in_any_record(outcome: tuple[Outcome, Shelf]) -> None:
    assert "secret-" not in json.dumps(outcome[1].objects)
    assert "note 7" not in json.dumps(outcome[1].objects)


def test_no_row_is_in_any_error(company: Company) -> None:
    queries = (
        "SELECT sum(secret::int) FROM people.hidden",
        "SELECT sum(1 / (id - 7)) FROM people.hidden WHERE secret::text LIKE 'secret%'",
    )
    with database.connect(company.login(company.source), application="test") as session:
        for query in queries:
            with pytest.raises(database.QueryFailed) as failure:
                session.ask(query.replace("%", "%%"))
            assert "secret-" not in str(failure.value)
            assert failure.value.__cause__ is None
            assert failure.value.__suppress_context__


def test_a_long_query_is_ended(
    company: Company, drilled: Drilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_unit, "QUERY_SECONDS", 0.2)
    monkeypatch.setattr(scanning, "LEAST_SECONDS", 0.1)
    sleeping = {"name": "sleep", "sql": "SELECT pg_sleep(30)", "expect": "is null"}
    copy = company.login(company.restore(drilled.witnessed["restore_time"]))
    judged = judge(copy, drilled.witnessed, drilled.fresh(), settings=drill(checks=[sleeping]))
    (check,) = judged.of("sleep")
    assert check.status == "not_run"
    assert check.detail == "QueryCanceled: canceling statement due to statement timeout (57014)"


ONE = {"kind": "check", "name": "one", "sql": "SELECT 1", "expect": "= 1"}
FRESH = {
    "kind": "freshness",
    "table": "sales.busy",
    "column": "changed_at",
    "within_seconds": 86400 * 9999,
}
BUSY = {**ONE, "name": "busy", "sql": "SELECT count(*) FROM sales.busy", "expect": "> 0"}


def calls(
    company: Company, items: list[dict[str, Any]], *, seconds: float = 900.0
) -> Iterator[tuple[dict[str, Any], list[Check]]]:
    """The answers of a unit of these items, and the records it then has."""
    shelf = Shelf()
    now = clock.render(datetime.now(UTC))
    shelf.put_json("k/checks/units.json", {"restore_time": now, "units": [items]})
    previous: dict[str, Any] = {}
    while not previous.get("done"):
        previous = dict(
            verify_unit.run(
                copy=company.login(company.source),
                plan={"key": "k"},
                unit=0,
                previous=previous,
                evidence=shelf,
                remaining_seconds=lambda: seconds,
            )
        )
        records = shelf.get_json("k/checks/unit-000.json")
        yield previous, [Check.from_document(record) for record in records]


@pytest.mark.parametrize("later", [ONE, FRESH])
def test_a_query_is_left_to_a_call_that_has_time_for_it(
    company: Company, later: dict[str, Any]
) -> None:
    found = [
        (answer["done"], len(records))
        for answer, records in calls(company, [ONE, later], seconds=100.0)
    ]
    assert found == [(False, 1), (True, 2)]


@pytest.mark.parametrize("item", [BUSY, FRESH])
@pytest.mark.parametrize("held_for", [1, 2, 9])
def test_a_query_is_asked_again_after_what_passes(
    company: Company, monkeypatch: pytest.MonkeyPatch, item: dict[str, Any], held_for: int
) -> None:
    monkeypatch.setitem(database._PINNED, "lock_timeout", "50ms")
    waits: list[int | None] = []
    records: list[Check] = []
    with company.source.connect("shop") as holder:
        holder.execute("BEGIN; LOCK TABLE sales.busy IN ACCESS EXCLUSIVE MODE")
        for answer, found in calls(company, [ONE, item, ONE]):
            waits.append(answer.get("wait_seconds"))
            records = found
            if len(waits) == held_for:
                holder.execute("ROLLBACK")
    assert waits == [5, 10, None][:held_for] + [None] * (held_for < 3)
    assert [check.status.value for check in records] == [
        "passed",
        "not_run" if held_for > 2 else "passed",
        "passed",
    ]


def test_a_connection_lost_halfway_keeps_what_was_done(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, asked = verify_unit._query, []

    def lost_at_the_second(*given: Any) -> Check:
        asked.append(given)
        if len(asked) in (2, 4):
            raise TryAgain("the connection was lost")
        return query(*given)

    monkeypatch.setattr(verify_unit, "_query", lost_at_the_second)
    unit = calls(company, [ONE, ONE, ONE])
    assert [(a["done"], len(r)) for a, r in unit] == [(False, 1), (False, 2), (True, 3)]
    monkeypatch.setattr(verify_unit, "_query", lost_at_once)
    with pytest.raises(TryAgain):
        next(calls(company, [ONE]))


def lost_at_once(*_: Any) -> Check:
    raise TryAgain("the connection was lost")
