"""Wait states: seconds, from the document or fixed, and timestamps, all scaled by the factor."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.emulator.conftest import FACTOR, Machines

SLACK = 500
"""Unscaled seconds that a busy machine may take; not scaled, none of these waits would be over."""


def waited(machines: Machines, given: Any = None, **fields: Any) -> float:
    """Seconds that a Wait of these fields took, unscaled."""
    ended = machines.run({"Rest": {"Type": "Wait", **fields, "End": True}}, given)
    assert ended.status == "SUCCEEDED", ended.answer
    entered, left = (
        next(event["timestamp"] for event in ended.events if event["type"] == kind)
        for kind in ("WaitStateEntered", "WaitStateExited")
    )
    return float((left - entered).total_seconds() / FACTOR)


def ahead(seconds: float) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Any:
    """moto takes a timestamp for local time; so let that be another one."""
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_seconds(machines: Machines) -> None:
    assert 20 <= waited(machines, Seconds=20) < SLACK


def test_seconds_of_the_document(machines: Machines) -> None:
    assert 25 <= waited(machines, {"wait_seconds": 25}, SecondsPath="$.wait_seconds") < SLACK


def test_no_seconds(machines: Machines) -> None:
    assert waited(machines, {"wait_seconds": 0}, SecondsPath="$.wait_seconds") < SLACK


def test_a_timestamp(machines: Machines) -> None:
    assert 20 <= waited(machines, Timestamp=ahead(30)) < SLACK


def test_a_timestamp_of_the_document(machines: Machines) -> None:
    assert 20 <= waited(machines, {"until": ahead(30)}, TimestampPath="$.until") < SLACK


def test_a_timestamp_that_is_past(machines: Machines) -> None:
    assert waited(machines, {"until": ahead(-60)}, TimestampPath="$.until") < SLACK


@pytest.mark.parametrize("value", [-1, "soon", None])
def test_seconds_that_are_none(machines: Machines, value: Any) -> None:
    ended = machines.run(
        {"Rest": {"Type": "Wait", "SecondsPath": "$.wait", "End": True}}, {"wait": value}
    )
    assert (ended.status, ended.answer["error"]) == ("FAILED", "States.Runtime")
