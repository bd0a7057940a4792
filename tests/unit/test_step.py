"""The wrapper of every step: budgets, stamps, the meaning of AWS errors."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from functions.errors import DeadlineExceeded, OutputTooLarge, SettingsError, TryAgain
from functions.model import Answer
from functions.s3_versions.wire import NoAnswer
from functions.settings import Settings
from functions.step import ANSWER_LIMIT, Run, done, step, waiting
from tests.unit.documents import DRILL, EXECUTION

FUTURE, PAST = "2999-01-01T00:00:00Z", "2001-01-01T00:00:00Z"


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture(autouse=True)
def _wired(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = Settings(
        evidence_bucket="b", ledger_table="t", topic_arn="a", subnet_group="s", security_group="g"
    )
    for name, value in wiring.to_environment().items():
        monkeypatch.setenv(name, value)


def call(name: str, function: Any, document: dict[str, Any] | None = None, **event: Any) -> Answer:
    base = {
        "drill": DRILL,
        "execution": EXECUTION,
        "plan": {"deadline": FUTURE, "teardown_seconds": 60, "call_budget": {name: 3}},
    }
    return step(name)(function)({"document": base | (document or {}), **event}, Context())


def test_an_answer_is_stamped_and_counted() -> None:
    first = call("exercise", lambda _: waiting(5, "the cluster"))
    assert (first["calls"], first["done"]) == (1, False)
    second = call("exercise", lambda _: done(), {"exercise": first})
    assert second["calls"] == 2
    assert second["started_at"] == first["started_at"]
    assert second["ended_at"] >= second["started_at"]


def test_a_step_past_the_deadline_raises_before_it_acts() -> None:
    plan = {"deadline": PAST, "teardown_seconds": 60}
    for name in ("witness", "exercise", "verify"):
        with pytest.raises(DeadlineExceeded, match=PAST):
            call(name, lambda _: pytest.fail("acted"), {"plan": plan})


def test_teardown_has_a_budget_of_its_own_that_begins_at_its_first_call() -> None:
    plan = {"deadline": PAST, "teardown_seconds": 60}
    assert call("teardown", lambda _: done(), {"plan": plan})["done"]
    with pytest.raises(DeadlineExceeded, match="teardown"):
        call("teardown", lambda _: done(), {"plan": plan, "teardown": {"started_at": PAST}})


def test_a_step_past_its_calls_raises() -> None:
    with pytest.raises(DeadlineExceeded, match="called 3 times"):
        call("exercise", lambda _: done(), {"exercise": {"calls": 3}})


def test_a_unit_sees_its_own_previous_answer() -> None:
    def unit(run: Run) -> Answer:
        return done(seen=run.previous.get("block"), unit=run.unit)

    answer = call("verify_unit", unit, {"verify": {"block": 1}}, unit=7, answer={"block": 512})
    assert (answer["seen"], answer["unit"]) == (512, 7)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "Throttling"}}, "DescribeDBClusters"),
        ClientError({"Error": {}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "PutObject"),
        EndpointConnectionError(endpoint_url="https://rds"),
        NoAnswer("CopyObject", "bucket", "key", status=503, code="SlowDown", words=""),
    ],
)
def test_throttling_and_broken_connections_are_tried_again(error: Exception) -> None:
    def fails(_: Run) -> Answer:
        raise error

    with pytest.raises(TryAgain) as raised:
        call("exercise", fails)
    assert raised.type is TryAgain, "the line retries by this very name"


def test_what_is_wrong_stays_wrong() -> None:
    def fails(_: Run) -> Answer:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "DeleteDBCluster")

    with pytest.raises(ClientError):
        call("exercise", fails)


def test_an_answer_must_fit_into_the_document() -> None:
    with pytest.raises(OutputTooLarge):
        call("exercise", lambda _: done(text="x" * ANSWER_LIMIT))


def test_a_function_without_its_settings_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRILLS_LEDGER_TABLE")
    with pytest.raises(SettingsError, match="DRILLS_LEDGER_TABLE is not set"):
        call("exercise", lambda _: done())
