"""What the bench makes of a history, and of the files of an asset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.sizes import measure, package_of, total
from bench.spans import Span, StateTime, by_state, covered, spans

BEGAN = datetime(2026, 11, 2, 8, tzinfo=UTC)
ARN = "arn:aws:lambda:sa-east-1:123456789012:function:"


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def waited(start: float, end: float, *, function: str = "") -> Span:
    return Span(state="Exercise", function=function, start=at(start), end=at(end))


class Made:
    """A history made by hand, each event caused by the one before."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add(self, second: float, kind: str, **details: Any) -> None:
        number = len(self.events) + 1
        event = {"id": number, "previousEventId": number - 1, "type": kind}
        self.events.append({**event, "timestamp": at(second), **details})

    def entered(self, second: float, kind: str, name: str) -> None:
        self.add(second, f"{kind}StateEntered", stateEnteredEventDetails={"name": name})

    def scheduled(self, second: float, function: str) -> None:
        resource = {"resource": f"{ARN}{function}"}
        self.add(second, "LambdaFunctionScheduled", lambdaFunctionScheduledEventDetails=resource)


@pytest.fixture
def history() -> list[dict[str, Any]]:
    """Exercise: a call that fails, the same again, a wait, a last call."""
    made = Made()
    made.add(0, "ExecutionStarted")
    made.entered(0, "Task", "Exercise")
    made.scheduled(0, "drill-aurora-exercise")
    made.add(0, "LambdaFunctionStarted")
    made.add(2, "LambdaFunctionFailed")
    made.scheduled(3, "drill-aurora-exercise")
    made.add(3, "LambdaFunctionStarted")
    made.add(4, "LambdaFunctionSucceeded")
    made.add(4, "TaskStateExited")
    made.entered(4, "Choice", "Exercise done?")
    made.add(4, "ChoiceStateExited")
    made.entered(4, "Wait", "Exercise waits")
    made.add(9, "WaitStateExited")
    made.entered(9, "Task", "Exercise")
    made.scheduled(9, "drill-aurora-exercise")
    made.add(9, "LambdaFunctionStarted")
    made.add(10, "LambdaFunctionSucceeded")
    made.add(10, "TaskStateExited")
    return made.events


def test_a_history_is_taken_apart_into_work_and_waits(history: list[dict[str, Any]]) -> None:
    found = [(span.state, span.function, span.seconds) for span in spans(history)]
    assert found == [
        ("Exercise", "drill-aurora-exercise", 2),
        ("Exercise", "drill-aurora-exercise", 1),
        ("Exercise", "", 5),
        ("Exercise", "drill-aurora-exercise", 1),
    ]


def test_a_state_has_its_calls_its_work_and_its_waits(history: list[dict[str, Any]]) -> None:
    starts = {"drill-aurora-exercise": 0.4}
    assert by_state(spans(history), starts) == {
        "Exercise": StateTime(calls=3, works=4, starts=0.4, waits=5)
    }


def test_what_happens_at_the_same_time_is_counted_once() -> None:
    assert covered([waited(0, 4), waited(1, 2), waited(3, 6), waited(8, 9)]) == 7
    assert covered([]) == 0


def test_an_asset_is_measured_by_package(tmp_path: Path) -> None:
    files = {
        "python/boto3/session.py": 3000,
        "python/boto3-1.44.5.dist-info/METADATA": 500,
        "python/psycopg_binary.libs/libpq.so": 9000,
        "python/.lock": 0,
    }
    for name, size in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    found = measure(tmp_path)
    assert {name: size.unzipped for name, size in found.items()} == {
        "psycopg_binary": 9000,
        "boto3": 3500,
    }
    assert list(found) == ["psycopg_binary", "boto3"]
    assert 0 < total(found).zipped < total(found).unzipped == 12_500


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("functions/aurora/sql/setup/install.sql", "functions.aurora"),
        ("functions/clock.py", "functions"),
        ("python/six.py", "six"),
    ],
)
def test_a_file_belongs_to_a_package(name: str, package: str) -> None:
    assert package_of(name) == package
