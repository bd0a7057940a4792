"""A restore that is right raises nothing, however much the source was written meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from functions.aurora import verify_unit, witness
from functions.aurora.witness_work import Source
from tests.steps import company as our
from tests.steps.company import (
    COUNTED,
    RECORDED,
    Company,
    Drilled,
    Outcome,
    Shelf,
    judge,
    plan,
    see,
)

FRESH = [{"table": "sales.busy", "column": "changed_at", "within_seconds": 60}]


def nothing_wrong(outcome: Outcome, *levels: str) -> None:
    assert outcome.red() == []
    assert outcome.unsure() == []
    assert outcome.answer["at_restore_point"] is True
    assert outcome.answer["login"] == "passed"
    counts = outcome.counts()
    assert len(counts) == RECORDED
    assert {check.level for check in counts} == {*levels, "exact"}


@pytest.mark.parametrize("attempt", range(2))
def test_no_false_alarm_while_the_source_is_written(company: Company, attempt: int) -> None:
    login = company.login(company.source)
    shelf = Shelf()
    with company.writers():
        witnessed = see(Source(reader=login, writer=login), shelf)
    copy = company.restore(witnessed["restore_time"])
    outcome = judge(company.login(copy), witnessed, shelf, settings=our.drill(freshness=FRESH))
    nothing_wrong(outcome)
    assert witnessed["exact"] == COUNTED, attempt
    assert outcome.of("rows", "sales.quiet")[0].expected == "4000"
    busy = outcome.of("rows", "sales.busy")[0]
    assert busy.expected == busy.observed
    assert "busy" in busy.detail, "the writers have changed nothing: the test proves nothing"
    assert outcome.of("freshness")[0].status == "passed"


LOW = plan(required="bounded")
"""Calls without any time have no second reading but late ones."""


def test_tiny_calls_end_like_one_long_call(company: Company) -> None:
    login = company.login(company.source)
    source, shelf = Source(reader=login, writer=login), Shelf()
    with company.writers():
        witnessed = see(source, shelf, remaining_seconds=lambda: 0.0, slice_bytes=256 * 1024)
    assert (witnessed["exact"], witnessed["bounded"]) == (0, COUNTED)
    assert len([key for key in shelf.objects if "/witness/first-" in key]) > COUNTED
    copy = company.login(company.restore(witnessed["restore_time"]))
    at_once = judge(copy, witnessed, shelf, planned=LOW)
    in_bits = judge(
        copy,
        witnessed,
        shelf,
        remaining_seconds=lambda: 0.0,
        slice_bytes=128 * 1024,
        unit_weight=1200 * 1024,
        planned=LOW,
    )
    nothing_wrong(at_once, "bounded")
    nothing_wrong(in_bits, "bounded")
    assert len(at_once.units) == 1
    assert len(in_bits.units) > COUNTED
    assert [key for key in shelf.objects if "/parts/" in key], "no table was cut"
    assert said(in_bits) == said(at_once)


def said(outcome: Outcome) -> dict[str, tuple[str, str, str]]:
    return {c.target: (c.status, c.expected, c.observed) for c in outcome.counts()}


def test_a_lost_answer_changes_nothing(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call is made twice, as after a crash between its last effect and its answer."""

    def twice(call: Callable[..., Any]) -> Callable[..., Any]:
        def calls(**given: Any) -> Any:
            json.dumps(call(**given))
            return call(**given)

        return calls

    monkeypatch.setattr(witness, "advance", twice(witness.advance))
    monkeypatch.setattr(verify_unit, "run", twice(verify_unit.run))
    login = company.login(company.source)
    shelf = Shelf()
    with company.writers():
        witnessed = see(
            Source(reader=login, writer=login),
            shelf,
            remaining_seconds=lambda: 0.0,
            slice_bytes=512 * 1024,
        )
    copy = company.login(company.restore(witnessed["restore_time"]))
    outcome = judge(
        copy,
        witnessed,
        shelf,
        remaining_seconds=lambda: 0.0,
        slice_bytes=512 * 1024,
        planned=LOW,
    )
    nothing_wrong(outcome, "bounded")


def test_the_last_part_of_a_table_waits_for_the_others(company: Company, drilled: Drilled) -> None:
    shelf = drilled.fresh()
    copy = company.login(company.restore(drilled.witnessed["restore_time"]))
    whole = judge(copy, drilled.witnessed, shelf, unit_weight=1200 * 1024)
    units = shelf.get_json(f"{plan()['key']}/checks/units.json")["units"]
    last = max(n for n, unit in enumerate(units) if unit[0]["pieces"] > 1)
    for key in [key for key in shelf.objects if "/parts/" in key]:
        del shelf.objects[key]

    waits: list[float] = []

    def ask(previous: Mapping[str, Any]) -> dict[str, Any]:
        answer = verify_unit.run(
            copy=copy,
            plan=plan(),
            unit=last,
            previous=previous,
            evidence=shelf,
            remaining_seconds=our.plenty,
        )
        waits.append(answer.get("wait_seconds", 0))
        return answer

    given_up = our.drive(ask)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 0]
    (record,) = shelf.get_json(given_up["key"])
    assert (record["status"], record["target"]) == (
        "not_run",
        units[last][0]["schema"] + "." + units[last][0]["name"],
    )
    assert "parts of the table were not read" in record["detail"]
    assert whole.red() == []


def test_a_reader_is_read_and_the_writer_marked(company: Company) -> None:
    reader = company.standby()
    try:
        source = Source(reader=company.login(reader), writer=company.login(company.source))
        shelf = Shelf()
        with company.writers():
            time.sleep(0.3)
            witnessed = see(source, shelf, slice_bytes=256 * 1024)
        copy = company.login(company.restore(witnessed["restore_time"]))
        nothing_wrong(judge(copy, witnessed, shelf))
    finally:
        reader.stop()
