"""Whether a copy is whole inside: each damage turns its own check red, a healthy copy none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from functions.aurora import verify_unit
from functions.aurora.witness_work import Source
from lab.postgres import Server
from tests.steps.company import Company, Drilled, Outcome, Shelf, drill, judge, plan, see

SCHEMA = """
CREATE TABLE sales.customers (id int PRIMARY KEY, name text);
INSERT INTO sales.customers SELECT i, 'customer ' || i FROM generate_series(1, 3000) AS i;
CREATE INDEX customers_name ON sales.customers (name);
CREATE INDEX customers_hash ON sales.customers USING hash (id);
CREATE TABLE sales.orders (id int, customer int REFERENCES sales.customers, note text);
INSERT INTO sales.orders SELECT i, i, repeat('n', 60) FROM generate_series(1, 3000) AS i;
CREATE TABLE sales.legacy (id int, customer int);
INSERT INTO sales.legacy SELECT i, i * 9 FROM generate_series(1, 12) AS i;
ALTER TABLE sales.legacy ADD CONSTRAINT legacy_customer FOREIGN KEY (customer)
    REFERENCES sales.customers NOT VALID;
CREATE TABLE sales.divided (id int, customer int) PARTITION BY RANGE (id);
CREATE TABLE sales.divided_low PARTITION OF sales.divided FOR VALUES FROM (0) TO (500);
CREATE TABLE sales.divided_high PARTITION OF sales.divided DEFAULT;
INSERT INTO sales.divided SELECT i, i FROM generate_series(1, 1000) AS i;
ALTER TABLE sales.divided ADD CONSTRAINT divided_customer FOREIGN KEY (customer)
    REFERENCES sales.customers;
CREATE TABLE sales.long (id int, body text);
ALTER TABLE sales.long ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO sales.long SELECT i, repeat(md5(i::text), 400) FROM generate_series(1, 40) AS i;
SELECT lo_create(0) FROM generate_series(1, 5);
"""

UNDO = """
DROP TABLE sales.orders, sales.legacy, sales.divided, sales.customers, sales.long;
SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
"""


def looking(**changes: Any) -> dict[str, Any]:
    asked = {"level": "full", "budget_seconds": 600, "foreign_keys": "all", "required": True}
    return drill(integrity=asked | changes)


@pytest.fixture(scope="module")
def inside(company: Company) -> Iterator[Drilled]:
    """A witness of the company with more to look into, while it was written."""
    company.run(SCHEMA)
    company.source.back_up()
    login = company.login(company.source)
    shelf = Shelf()
    with company.writers():
        witnessed = see(Source(reader=login, writer=login), shelf, settings=looking())
    yield Drilled(shelf, witnessed)
    company.forget_copies()
    company.run(UNDO)


@pytest.fixture
def copy(company: Company, inside: Drilled) -> Server:
    return company.restore(inside.witnessed["restore_time"])


def judged(
    company: Company, inside: Drilled, copy: Server, asked: dict[str, Any] | None = None, **how: Any
) -> Outcome:
    return judge(
        company.login(copy),
        inside.witnessed,
        inside.fresh(),
        settings=asked or looking(),
        **how,
    )


def test_a_healthy_copy_has_no_finding(company: Company, inside: Drilled, copy: Server) -> None:
    outcome = judged(company, inside, copy)
    assert outcome.red() == []
    assert outcome.unsure() == []
    tables = {check.target for check in outcome.of("heap")}
    assert {"pg_catalog", "sales.quiet", "sales.busy", "sales.long", "sales.divided_low"} <= tables
    assert "sales.cache" not in tables, "an unlogged table is empty after a restore"
    assert {check.status for check in outcome.of("heap")} == {"passed"}
    assert "customers_hash: of the method hash" in outcome.of("index", "sales.customers")[0].detail
    rows = outcome.of("index_rows", "sales.customers")[0]
    assert (rows.status, rows.observed[:9]) == ("passed", "no damage")
    keys = {check.target for check in outcome.of("foreign_keys")}
    assert keys == {
        "sales.orders.orders_customer_fkey",
        "sales.legacy.legacy_customer",
        "sales.divided.divided_customer",
    }
    assert (
        outcome.of("foreign_keys", "sales.legacy.legacy_customer")[0].observed == "no rows without"
    )
    assert outcome.of("large_objects")[0].observed == "5"
    (checksums,) = outcome.of("checksums")
    (enabled,) = company.run("SELECT current_setting('data_checksums')::boolean", copy)[0]
    assert checksums.status == ("passed" if enabled else "not_run")


def test_tiny_calls_end_like_one_long_call(company: Company, inside: Drilled, copy: Server) -> None:
    whole = judged(company, inside, copy)
    in_bits = judged(company, inside, copy, remaining_seconds=lambda: 0.0, slice_bytes=64 * 1024)
    assert said(in_bits) == said(whole)
    assert in_bits.red() == []


def said(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    found = [c for c in outcome.checks if c.check_class == "integrity"]
    return sorted((c.name, c.target, c.status, c.observed) for c in found)


def test_at_the_quick_level_rows_are_not_sought_in_indexes(
    company: Company, inside: Drilled, copy: Server
) -> None:
    outcome = judged(company, inside, copy, looking(level="quick", foreign_keys="not-valid"))
    assert outcome.red() == []
    assert outcome.of("heap")
    assert outcome.of("index")
    assert outcome.of("index_rows") == []
    assert [c.target for c in outcome.of("foreign_keys")] == ["sales.legacy.legacy_customer"]


@pytest.mark.parametrize("required", [False, True])
def test_what_there_was_no_time_for_is_named(
    company: Company, inside: Drilled, copy: Server, required: bool
) -> None:
    outcome = judged(company, inside, copy, looking(budget_seconds=0, required=required))
    assert outcome.red() == []
    (heap,) = outcome.of("heap")
    assert heap.status == "not_run"
    assert "for lack of time (integrity.budget 0 s): sales." in heap.detail
    assert heap.by_configuration is not required
    assert ("index_rows", "shop") in outcome.unsure() or not required


@pytest.mark.parametrize("required", [False, True])
def test_without_amcheck_the_checks_say_not_run(
    company: Company, inside: Drilled, copy: Server, required: bool
) -> None:
    company.run("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA backup_drills FROM PUBLIC", copy)
    company.run(
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA backup_drills FROM backup_drills_verifier", copy
    )
    asked = looking(required=required)
    asked["fingerprint"] = {"ignore": ["grants:*", "functions:*"], "comments": False}
    outcome = judged(company, inside, copy, asked)
    assert outcome.red() == []
    for name in ("heap", "index", "index_rows"):
        (check,) = outcome.of(name)
        assert (check.status, check.by_configuration) == ("not_run", not required)
        assert "amcheck may not be called" in check.detail
    assert outcome.of("foreign_keys")


FREEZE = """
CREATE EXTENSION pg_surgery;
SELECT heap_force_freeze('{table}'::regclass, array_agg(ctid)) FROM {table} WHERE {which};
DROP EXTENSION pg_surgery
"""


@dataclass(frozen=True)
class Inner:
    """A damage that statements can do, and the check that must find it.

    `rows` are tables whose rows are not the source's any more: nothing else can refer to nothing.
    """

    statements: str
    check: tuple[str, str]
    observed: str
    rows: tuple[str, ...] = ()


# ruff: noqa: S608 - the statements are this file's own
DAMAGES = {
    "an orphan behind a key not validated": Inner(
        "SET session_replication_role = replica;"
        "DELETE FROM sales.legacy WHERE id = 3; INSERT INTO sales.legacy VALUES (3, 9999);"
        + FREEZE.format(table="sales.legacy", which="id = 3"),
        ("foreign_keys", "sales.legacy.legacy_customer"),
        "1 row without",
        rows=("sales.legacy",),
    ),
    "an orphan in a partition": Inner(
        "SET session_replication_role = replica;"
        "DELETE FROM sales.divided WHERE id IN (7, 700);"
        "INSERT INTO sales.divided VALUES (7, 9999), (700, 9999);"
        + FREEZE.format(table="sales.divided_low", which="id = 7")
        + ";"
        + FREEZE.format(table="sales.divided_high", which="id = 700"),
        ("foreign_keys", "sales.divided.divided_customer"),
        "2 rows without",
        rows=("sales.divided_high", "sales.divided_low"),
    ),
    "a large object lost": Inner(
        "SELECT lo_unlink(min(oid)) FROM pg_largeobject_metadata",
        ("large_objects", "pg_catalog.pg_largeobject_metadata"),
        "4",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_turns_its_own_check_red(
    company: Company, inside: Drilled, copy: Server, name: str
) -> None:
    damage = DAMAGES[name]
    company.run(damage.statements, copy)
    outcome = judged(company, inside, copy)
    assert sorted(outcome.red()) == [damage.check, *(("rows", table) for table in damage.rows)]
    assert outcome.of(*damage.check)[0].observed == damage.observed


def test_a_collation_version_changed(company: Company, inside: Drilled, copy: Server) -> None:
    (version,) = company.run("SELECT current_setting('server_version_num')::int", copy)[0]
    assert version >= 150000
    company.run(
        "UPDATE pg_database SET datcollversion = '1.0' WHERE datname = current_database()", copy
    )
    outcome = judged(company, inside, copy)
    assert outcome.red() == [("collation_versions", "shop")]
    assert "the default: recorded 1.0" in outcome.of("collation_versions")[0].detail


def path(company: Company, copy: Server, relation: str) -> str:
    return str(company.run(f"SELECT pg_relation_filepath({relation})", copy)[0][0])


def overwrite(copy: Server, name: str, offset: int, content: bytes) -> None:
    """Change a file of a server beneath it."""
    copy.stop()
    with (copy.data / name).open("r+b") as file:
        file.seek(offset)
        file.write(content)
    copy.start()


def checksummed(company: Company, copy: Server) -> bool:
    return bool(company.run("SELECT current_setting('data_checksums')::boolean", copy)[0][0])


def test_an_index_that_lacks_rows_is_found_by_its_rows_alone(
    company: Company, inside: Drilled, copy: Server
) -> None:
    company.run(
        "UPDATE pg_index SET indisready = false, indisvalid = false"
        " WHERE indexrelid = 'sales.customers_name'::regclass;"
        "INSERT INTO sales.customers SELECT i, 'late ' || i FROM generate_series(4001, 4010) AS i;"
        "UPDATE pg_index SET indisready = true, indisvalid = true"
        " WHERE indexrelid = 'sales.customers_name'::regclass",
        copy,
    )
    outcome = judged(company, inside, copy)
    found = [red for red in outcome.red() if red[0] in ("heap", "index", "index_rows")]
    assert found == [("index_rows", "sales.customers")]
    detail = outcome.of("index_rows", "sales.customers")[0].detail
    assert "customers_name" in detail
    assert "lacks matching index tuple" in detail
    assert "late" not in detail, "a row's content is in the report"


def test_a_page_of_an_index_is_damaged(company: Company, inside: Drilled, copy: Server) -> None:
    """Zeroed: that is a valid page, for checksums."""
    name = path(company, copy, "'sales.customers_name'")
    overwrite(copy, name, 8192 * 3, bytes(8192))
    outcome = judged(company, inside, copy)
    assert outcome.red() == [("index", "sales.customers"), ("index_rows", "sales.customers")]
    assert "customers_name" in outcome.of("index", "sales.customers")[0].detail


def test_a_page_of_rows_that_cannot_be_read_is_named_with_its_block(
    company: Company, inside: Drilled, copy: Server
) -> None:
    name = path(company, copy, "'sales.orders'")
    overwrite(copy, name, 8192 * 5, b"\xde\xad" * 50)
    overwrite(copy, name, 8192 * 9, b"\xde\xad" * 50)
    outcome = judged(company, inside, copy, slice_bytes=8192 * 4)
    assert ("heap", "sales.orders") in outcome.red()
    heap = outcome.of("heap", "sales.orders")[0]
    assert heap.observed == "2 findings"
    assert "sales.orders, block 5: DataCorrupted: invalid page in block 5" in heap.detail
    assert "sales.orders, block 9: " in heap.detail
    (key,) = outcome.of("foreign_keys", "sales.orders.orders_customer_fkey")
    assert (key.status, key.observed) == ("failed", "2 findings")
    others = {"heap", "rows", "foreign_keys"} | (
        {"checksums"} if checksummed(company, copy) else set()
    )
    assert {red[0] for red in outcome.red()} <= others
    assert outcome.unsure() == []


def test_a_line_pointer_is_damaged(company: Company, inside: Drilled, copy: Server) -> None:
    """With checksums off only the look at the page's structure tells what is wrong."""
    if checksummed(company, copy):
        pytest.skip("with checksums the page cannot be read at all")
    name = path(company, copy, "'sales.orders'")
    overwrite(copy, name, 8192 * 2 + 24, b"\xff\x7f\xff\xff")
    outcome = judged(company, inside, copy)
    assert ("heap", "sales.orders") in outcome.red()
    assert "sales.orders, block 2, item 1: " in outcome.of("heap", "sales.orders")[0].detail


def test_a_value_kept_apart_is_lost(company: Company, inside: Drilled, copy: Server) -> None:
    """A page of the toast table is zeroed: no row is missing, and no checksum fails."""
    name = path(
        company,
        copy,
        "(SELECT reltoastrelid FROM pg_class WHERE oid = 'sales.long'::regclass)",
    )
    overwrite(copy, name, 8192 * 4, bytes(8192))
    outcome = judged(company, inside, copy)
    assert ("heap", "sales.long") in outcome.red()
    assert {red[1] for red in outcome.red()} == {"sales.long"}
    assert "sales.long, block " in outcome.of("heap", "sales.long")[0].detail


def test_a_failed_checksum_is_counted(company: Company, inside: Drilled, copy: Server) -> None:
    if not checksummed(company, copy):
        pytest.skip("the pages carry no checksums")
    overwrite(copy, path(company, copy, "'sales.orders'"), 8192 * 2 + 4000, b"\x55")
    outcome = judged(company, inside, copy)
    assert ("checksums", "shop") in outcome.red()


def test_orphans_that_the_source_has_too_are_no_fault_of_the_copy(company: Company) -> None:
    company.run(
        "CREATE TABLE sales.parents (id int PRIMARY KEY); CREATE TABLE sales.children (p int);"
        "INSERT INTO sales.children VALUES (1), (2), (NULL);"
        "ALTER TABLE sales.children ADD CONSTRAINT p FOREIGN KEY (p) REFERENCES sales.parents"
        " NOT VALID"
    )
    try:
        login, shelf = company.login(company.source), Shelf()
        witnessed = see(Source(reader=login, writer=login), shelf, settings=looking())
        company.run("SELECT pg_current_xact_id()")
        copy = company.restore(witnessed["restore_time"])
        outcome = judge(company.login(copy), witnessed, shelf, settings=looking())
        (check,) = outcome.of("foreign_keys", "sales.children.p")
        assert (check.status, check.observed) == ("passed", "2 rows without")
        assert "as on the source" in check.detail
        assert outcome.red() == []
    finally:
        company.run("DROP TABLE sales.children, sales.parents")


def test_a_copy_that_is_elsewhere_is_not_looked_into(company: Company, inside: Drilled) -> None:
    restored = company.restore(inside.witnessed["restore_time"])
    company.run("TRUNCATE backup_drills.heartbeat", restored)
    outcome = judged(company, inside, restored)
    assert outcome.answer["units"] == []
    assert outcome.of("integrity")[0].status == "not_run"
    assert plan()["key"] in outcome.answer["checks"]["key"]


def test_a_lost_answer_changes_nothing(
    company: Company, inside: Drilled, copy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call is made twice, as after a crash between its last effect and its answer."""
    once = judged(company, inside, copy)
    run = verify_unit.run

    def twice(**given: Any) -> Any:
        run(**given)
        return run(**given)

    monkeypatch.setattr(verify_unit, "run", twice)
    calls = iter(range(10**6))
    again = judged(
        company, inside, copy, remaining_seconds=lambda: 900.0 if next(calls) % 40 else 0.0
    )
    assert said(again) == said(once)


def test_a_page_of_rows_zeroed_is_for_the_row_count_to_find(
    company: Company, inside: Drilled, copy: Server
) -> None:
    """It is a valid page without rows: neither amcheck nor a checksum minds."""
    overwrite(copy, path(company, copy, "'sales.quiet'"), 8192 * 2, bytes(8192))
    outcome = judged(company, inside, copy)
    assert outcome.red() == [("rows", "sales.quiet")]
