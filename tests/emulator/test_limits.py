"""The limits that end an execution, whatever its Catch says."""

from __future__ import annotations

from typing import Any

from tests.emulator.conftest import Machines, task

CATCH = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]
CAUGHT = {"Caught": {"Type": "Succeed"}}


def test_an_answer_over_256_kib(machines: Machines) -> None:
    machines.functions["f"] = lambda _: "x" * 256 * 1024
    ended = machines.run({"Big": task("f", Catch=CATCH), **CAUGHT})
    assert (ended.status, ended.answer["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert ended.types[-1] == "ExecutionFailed"


def test_a_document_that_grows_over_256_kib(machines: Machines) -> None:
    machines.functions["f"] = lambda _: "x" * 100 * 1024
    ended = machines.run(
        {
            "One": task("f", ResultPath="$.one", Catch=CATCH, Next="Two"),
            "Two": task("f", ResultPath="$.two", Catch=CATCH, Next="Three"),
            "Three": task("f", ResultPath="$.three", Catch=CATCH),
            **CAUGHT,
        }
    )
    assert (ended.status, ended.answer["error"]) == ("FAILED", "States.DataLimitExceeded")
    assert ended.types.count("LambdaFunctionSucceeded") == 3


def test_just_below_256_kib(machines: Machines) -> None:
    machines.functions["f"] = lambda _: "x" * 255 * 1024
    assert machines.run({"Big": task("f", Catch=CATCH), **CAUGHT}).status == "SUCCEEDED"


def test_25000_events_end_the_execution(machines: Machines, monkeypatch: Any) -> None:
    monkeypatch.setattr("lab.stepfunctions.EVENT_LIMIT", 250)
    machines.functions["f"] = lambda _: {}
    ended = machines.run(
        {
            "Again": task("f", Catch=CATCH, Next="Always"),
            "Always": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.no", "IsPresent": True, "Next": "Caught"}],
                "Default": "Again",
            },
            **CAUGHT,
        }
    )
    assert len(ended.events) == 250
    assert ended.types[-1] == "ExecutionFailed"
    assert (ended.status, ended.answer["error"]) == ("FAILED", "States.Runtime")
    assert "maximum number of history events" in ended.answer["cause"]


def test_the_limit_of_events_counts_inside_a_map(machines: Machines, monkeypatch: Any) -> None:
    monkeypatch.setattr("lab.stepfunctions.EVENT_LIMIT", 250)
    inner = {
        "StartAt": "Again",
        "States": {
            "Again": {"Type": "Pass", "Next": "Always"},
            "Always": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.no", "IsPresent": True, "Next": "Never"}],
                "Default": "Again",
            },
            "Never": {"Type": "Succeed"},
        },
    }
    each = {"Type": "Map", "ItemProcessor": inner, "Catch": CATCH, "End": True}
    ended = machines.run({"Each": each, **CAUGHT}, [{}, {}])
    assert len(ended.events) == 250
    assert (ended.status, ended.types[-1]) == ("FAILED", "ExecutionFailed")
