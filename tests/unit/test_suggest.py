"""What suggest proposes of what it has seen, and that drills.yaml can hold it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from cli import suggesting, suggesting_checks, suggesting_names, suggesting_times, suggesting_yaml
from cli.suggesting import Column, Constraint, Omitted, Proposal, Section, Table
from cli.suggesting_checks import Reference
from functions.aurora.expectation import Expectation, bind_restore_time
from infra.schema.aurora import Freshness, SqlCheck
from infra.schema.base import Name
from infra.schema.base import Table as TableName

NOW = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)
KEY = Column(name="id", quoted="id", type="bigint", is_key=True)
AT = Column(name="created_at", quoted="created_at", type="timestamp with time zone", indexed=True)


def table(name: str = "orders", *columns: Column, **changes: object) -> Table:
    made = Table(
        oid=hash(name),
        schema="s",
        name=name,
        quoted=f's."{name}"',
        divided=False,
        foreign_rows=False,
        unlogged=False,
        readable=True,
        never_analysed=False,
        rows=1000,
        bytes=80_000,
        inserted=1000,
        deleted=0,
        referring=0,
        members=(1,),
        columns=columns or (KEY,),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def fresh(*hours: float, later: bool = False, column: Column = AT, size: int = 80_000) -> object:
    """What becomes of rows that came so many hours ago."""
    return suggesting_times.freshness_proposal(
        table("orders", column, bytes=size),
        column,
        times=[NOW - timedelta(hours=each) for each in hours],
        later=later,
        now=NOW,
        by="its index",
    )


def hourly(days: int, *, without: range = range(0)) -> list[float]:
    return [hour for hour in range(24 * days) if hour not in without]


@pytest.mark.parametrize(
    ("hours", "within"),
    [
        (hourly(28), "2h"),
        (hourly(28, without=range(50, 57)), "24h"),
        (hourly(28, without=range(200, 263)), "7d"),
        (hourly(3), "24h"),
        (hourly(28, without=range(3)), "6h"),
    ],
)
def test_the_longest_silence_twice(hours: list[float], within: str) -> None:
    found = fresh(*hours)
    assert isinstance(found, Proposal)
    assert found.active
    assert found.entry == {"table": "s.orders", "column": "created_at", "within": within}


def test_days_are_no_hours() -> None:
    found = fresh(*hourly(28), column=replace(AT, type="date"))
    assert isinstance(found, Proposal)
    assert found.entry["within"] == "48h"


def test_a_column_that_is_not_fed_is_not_proposed() -> None:
    assert fresh() == Omitted(
        "s.orders.created_at", "no row of the last 28 days is seen by its index"
    )
    assert fresh(*hourly(28, without=range(100, 300))) == Omitted(
        "s.orders.created_at", "no row came for 8 d 9 h, as seen by its index"
    )
    told = fresh(*hourly(28), later=True)
    assert isinstance(told, Omitted)
    assert told.reason.startswith("it holds times that are still to come")


def test_a_day_at_least_and_no_scan_of_a_large_table() -> None:
    for found in (
        fresh(0, 1, 2),
        fresh(*hourly(28), column=replace(AT, indexed=False), size=10 * 1024**3),
    ):
        assert isinstance(found, Proposal)
        assert not found.active


def test_what_a_clock_is() -> None:
    columns = [
        KEY,
        replace(AT, name="updated_at", quoted="updated_at"),
        AT,
        replace(AT, name="due_at", quoted="due_at"),
        replace(AT, name="odd", quoted="odd", stamped=True, indexed=False),
        replace(AT, name="at", quoted="at", null_share=0.9),
        replace(AT, name="sent_at", quoted="sent_at", type="text"),
    ]
    found = suggesting_times.clocks(table("orders", *columns))
    assert [column.name for column in found] == ["created_at", "updated_at", "odd"]
    for kept_away in ({"unlogged": True}, {"foreign_rows": True}, {"readable": False}):
        assert suggesting_times.clocks(table("orders", *columns, **kept_away)) == []
    assert suggesting_times.clocks(table("mail_queue", *columns)) == []


def test_tables_that_count_come_first() -> None:
    tables = [
        table("small", bytes=1),
        table("large", bytes=10**9),
        table("referred", bytes=10, referring=3),
        table("jobs"),
        table("moving", inserted=1000, deleted=900),
        table("gone", unlogged=True),
    ]
    found = suggesting_checks.worth_counting(tables)
    assert [each.name for each in found] == ["referred", "large", "small"]


def test_few_rows_are_not_counted_on() -> None:
    assert suggesting_checks.floor_proposal(table(), None, suggesting.LEAST_ROWS - 1) is None
    found = suggesting_checks.floor_proposal(table(), None, suggesting.LEAST_ROWS)
    assert isinstance(found, Proposal)
    assert found.entry["expect"] == ">= 18"


def reference(name: str, kind: str = "integer", **changes: object) -> Column:
    return Column(name=name, quoted=name, type=kind, **changes)  # type: ignore[arg-type]


def test_what_a_reference_is() -> None:
    columns = [
        reference("customer_id"),
        reference("billingAddressId"),
        reference("parent_id"),
        reference("country_code", "text"),
        reference("order_id"),
        reference("product_id", "text"),
        reference("checked_id"),
        reference("agent_id", refers=True),
        reference("seller_id", null_share=1.0),
        reference("tenant_no"),
    ]
    tables = [
        table("orders", KEY, *columns),
        table("customers"),
        table("addresses"),
        table("countries", replace(KEY, name="code", quoted="code", type="character varying")),
        table("products"),
        table("agents"),
        table("sellers"),
        table("tenants", replace(KEY, name="tenant_no", quoted="tenant_no")),
        table("tenant_notes", replace(KEY, name="tenant_no", quoted="tenant_no")),
    ]
    found = [
        (each.column.name, each.parent.name)
        for each in suggesting_checks.references(tables)
        if isinstance(each, Reference) and each.table.name == "orders"
    ]
    assert found == [
        ("customer_id", "customers"),
        ("billingAddressId", "addresses"),
        ("parent_id", "orders"),
        ("country_code", "countries"),
        ("tenant_no", "tenants"),
    ]


def test_one_of_several_is_none() -> None:
    tables = [
        table("orders", KEY, reference("agent_id")),
        table("agents", schema="a"),
        replace(table("agents", schema="b"), oid=7),
    ]
    [found] = suggesting_checks.references(tables)
    assert found == Omitted("s.orders.agent_id", "it may refer to any of a.agents, b.agents")
    [near] = suggesting_checks.references([*tables, replace(table("agents"), oid=8)])
    assert isinstance(near, Reference)
    assert near.parent.schema == "s"


def test_orphans_that_are_there_already() -> None:
    made = Reference(
        table=table(), column=reference("customer_id"), parent=table("customers"), key=KEY
    )
    assert suggesting_checks.orphan_proposal(made, None, filled=0, orphans=0) is None
    whole = suggesting_checks.orphan_proposal(made, None, filled=100, orphans=0)
    some = suggesting_checks.orphan_proposal(made, None, filled=100, orphans=20)
    most = suggesting_checks.orphan_proposal(made, None, filled=100, orphans=21)
    assert isinstance(whole, Proposal)
    assert isinstance(some, Proposal)
    assert isinstance(most, Omitted)
    assert (whole.active, some.active) == (True, False)


def test_a_condition_that_rows_break_already() -> None:
    made = Constraint(oid=1, table=table(), name="positive", is_foreign_key=False)
    lines = suggesting_checks.breach_lines(made.table, "(total > 0)", None)
    for breaches in (0, 3):
        found = suggesting_checks.breach_proposal(made, lines, None, breaches=breaches)
        assert isinstance(found, Proposal)
        assert found.active is not bool(breaches)


def test_no_name_of_a_table_says_two_things() -> None:
    for name in ("orders", "customers", "audit", "catalog", "blog_posts", "dialogs", "stemplate"):
        assert not suggesting_names.comes_and_goes(name), name


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=63)
QUERIES = st.lists(NAMES, min_size=1, max_size=3).map(tuple)


class _Names(BaseModel):
    table: TableName
    column: Name


@settings(deadline=None)
@given(NAMES)
def test_any_text_is_read_back_from_yaml(text: str) -> None:
    assert yaml.safe_load(f"a: {suggesting_yaml.scalar(text, phrase=True)}") == {"a": text}
    assert yaml.safe_load(f"{{a: {suggesting_yaml.scalar(text)}, b: 1}}") == {"a": text, "b": 1}


@settings(deadline=None)
@given(NAMES, NAMES, QUERIES, st.booleans())
def test_whatever_is_proposed_drills_yaml_can_hold(
    name: str, column: str, lines: tuple[str, ...], active: bool
) -> None:
    common = {"target": f"s.{name}", "lines": lines, "why": name, "active": active}
    made = [
        Proposal(
            section=Section.FRESHNESS,
            entry={"table": f"s.{name}", "column": column, "within": "24h"},
            **common,  # type: ignore[arg-type]
        ),
        Proposal(
            section=Section.CHECKS,
            entry={"name": f"rows of s.{name}", "expect": "= 0"},
            **common,  # type: ignore[arg-type]
        ),
    ]
    fitted = [suggesting.fitted(each) for each in made]
    for each in fitted:
        if isinstance(each, Omitted):
            assert "${" in " ".join(lines)
            continue
        text = "\n".join(suggesting_yaml.section_lines(each.section, [each], []))
        read = yaml.safe_load(text)
        if not active:
            assert read is None
            continue
        [entry] = read[each.section.value]
        assert entry == suggesting.entry(each)
        if each.section is Section.CHECKS:
            SqlCheck.model_validate(entry)
            assert entry["sql"] == " ".join(lines)
            Expectation.parse(entry["expect"])
        else:
            Freshness.model_validate({**entry, "within": entry["within"]})
            _Names(table=entry["table"], column=entry["column"])


def test_the_queries_ask_of_the_restored_moment() -> None:
    found = fresh(*hourly(28))
    assert isinstance(found, Proposal)
    odd = suggesting.fitted(replace(found, entry={**found.entry, "column": "a b"}))
    assert isinstance(odd, Proposal)
    assert odd.section is Section.CHECKS
    assert "%(restore_time)s - interval '2 hours'" in bind_restore_time(" ".join(odd.lines))


def test_much_that_is_omitted_is_counted() -> None:
    omitted = [Omitted(f"s.t{each}", "why") for each in range(30)]
    lines = list(suggesting_yaml.section_lines(Section.CHECKS, [], omitted))
    assert lines[-1].endswith("# Not proposed: 18 more, which --json names.")
    assert list(suggesting_yaml.section_lines(Section.CHECKS, [], [])) == []
