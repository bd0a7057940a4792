"""What a failing task leads to: its error's name, Retry, Catch, TimeoutSeconds."""

from __future__ import annotations

import itertools
import json
import threading
import time
from typing import Any

import pytest

from lab.emulator import Denied, Emulator
from tests.emulator.conftest import FACTOR, Failure, Machines, fails, task


def failing_then(answer: Any, *errors: str) -> Any:
    """A function that fails with these errors in turn, and then answers."""
    left = list(errors)

    def function(_: Any) -> Any:
        if left:
            raise Failure(left.pop(0))
        return answer

    return function


def pauses(events: list[dict[str, Any]]) -> list[float]:
    """Seconds between a failure and the attempt after it, unscaled."""
    return [
        (after["timestamp"] - event["timestamp"]).total_seconds() / FACTOR
        for event, after in itertools.pairwise(events)
        if event["type"] == "LambdaFunctionFailed" and after["type"] == "LambdaFunctionScheduled"
    ]


@pytest.mark.parametrize(
    "error", ["TryAgain", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.Unknown", "KeyError"]
)
def test_an_error_is_known_by_its_type(machines: Machines, error: str) -> None:
    machines.functions["f"] = fails(error)
    ended = machines.run(
        {
            "Try": task(
                "f", Catch=[{"ErrorEquals": [error], "ResultPath": "$.error", "Next": "Caught"}]
            ),
            "Caught": {"Type": "Succeed"},
        },
        {"kept": 1},
    )
    assert ended.output["kept"] == 1
    assert ended.output["error"]["Error"] == error
    cause = json.loads(ended.output["error"]["Cause"])
    assert cause == {"errorType": error, "errorMessage": "as asked"}


def test_an_error_nobody_catches_fails_the_execution(machines: Machines) -> None:
    machines.functions["f"] = fails("NotOurs")
    ended = machines.run(
        {"Try": task("f", Catch=[{"ErrorEquals": ["Other"], "Next": "No"}]), "No": task("f")}
    )
    assert (ended.status, ended.answer["error"]) == ("FAILED", "NotOurs")
    assert json.loads(ended.answer["cause"])["errorMessage"] == "as asked"
    assert ended.types[-2:] == ["LambdaFunctionFailed", "ExecutionFailed"]


def test_the_optimized_integration(machines: Machines) -> None:
    seen: list[Any] = []
    machines.functions["f"] = lambda payload: seen.append(payload) or {"n": 1}
    machines.functions["bad"] = fails("TryAgain")
    invoke = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}
    ended = machines.run(
        {
            "Good": {
                **invoke,
                "Parameters": {"FunctionName": "f", "Payload": {"document.$": "$"}},
                "ResultSelector": {"answer.$": "$.Payload"},
                "Next": "Bad",
            },
            "Bad": {
                **invoke,
                "Parameters": {
                    "FunctionName": "arn:aws:lambda:sa-east-1:123456789012:function:bad"
                },
                "Catch": [{"ErrorEquals": ["TryAgain"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Succeed"},
        },
        {"a": 1},
    )
    assert seen == [{"document": {"a": 1}}]
    assert ended.status == "SUCCEEDED"
    assert "TaskFailed" in ended.types


def test_retry_by_class_with_backoff_and_longest_pause(machines: Machines) -> None:
    machines.functions["f"] = failing_then({"done": True}, *["TryAgain"] * 4)
    retry = [
        {
            "ErrorEquals": ["Other", "TryAgain"],
            "IntervalSeconds": 5,
            "BackoffRate": 3,
            "MaxAttempts": 4,
            "MaxDelaySeconds": 20,
        }
    ]
    ended = machines.run({"Try": task("f", Retry=retry)})
    assert ended.output == {"done": True}
    slept = pauses(ended.events)
    assert len(slept) == 4
    assert all(pause >= wanted for pause, wanted in zip(slept, (5, 15, 20, 20), strict=True))
    assert slept[2] < 45, "MaxDelaySeconds was not minded"


def test_no_retry_of_an_error_that_is_not_named(machines: Machines) -> None:
    machines.functions["f"] = failing_then({}, "NotOurs")
    ended = machines.run({"Try": task("f", Retry=[{"ErrorEquals": ["TryAgain"]}])})
    assert ended.answer["error"] == "NotOurs"
    assert ended.types.count("LambdaFunctionScheduled") == 1


def test_each_retrier_counts_for_itself(machines: Machines) -> None:
    machines.functions["f"] = failing_then({}, "A", "B", "A", "B", "A")
    retry = [
        {"ErrorEquals": ["A"], "IntervalSeconds": 1, "MaxAttempts": 2},
        {"ErrorEquals": ["B"], "IntervalSeconds": 1, "MaxAttempts": 5},
    ]
    ended = machines.run({"Try": task("f", Retry=retry)})
    assert ended.answer["error"] == "A"
    assert ended.types.count("LambdaFunctionScheduled") == 5


def test_counters_begin_anew_when_the_state_is_entered_again(machines: Machines) -> None:
    answers = iter(["A", {"done": False}, "A", {"done": True}])

    def function(_: Any) -> Any:
        answer = next(answers)
        if isinstance(answer, str):
            raise Failure(answer)
        return answer

    machines.functions["f"] = function
    ended = machines.run(
        {
            "Try": task(
                "f",
                Retry=[{"ErrorEquals": ["A"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                Next="Q",
            ),
            "Q": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "Good"}],
                "Default": "Try",
            },
            "Good": {"Type": "Succeed"},
        }
    )
    assert ended.status == "SUCCEEDED"


def test_no_attempts_means_none(machines: Machines) -> None:
    machines.functions["f"] = failing_then({}, "A")
    retry = [
        {"ErrorEquals": ["A"], "MaxAttempts": 0},
        {"ErrorEquals": ["States.ALL"], "MaxAttempts": 3, "IntervalSeconds": 1},
    ]
    ended = machines.run({"Try": task("f", Retry=retry)})
    assert ended.answer["error"] == "A"


def test_retries_used_up_then_caught(machines: Machines) -> None:
    machines.functions["f"] = fails("TryAgain")
    ended = machines.run(
        {
            "Try": task(
                "f",
                ResultPath="$.try",
                Retry=[
                    {
                        "ErrorEquals": ["TryAgain"],
                        "IntervalSeconds": 1,
                        "MaxAttempts": 2,
                        "JitterStrategy": "FULL",
                    }
                ],
                Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}],
            ),
            "Caught": {"Type": "Succeed"},
        },
        {"kept": 1},
    )
    assert ended.types.count("LambdaFunctionFailed") == 3
    assert ended.output["kept"] == 1
    assert ended.output["error"]["Error"] == "TryAgain"


def test_a_task_that_takes_too_long(machines: Machines) -> None:
    release = threading.Event()
    machines.functions["slow"] = lambda _: release.wait(10)
    began = time.monotonic()
    ended = machines.run(
        {
            "Slow": task(
                "slow",
                TimeoutSeconds=1,
                Catch=[{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.error", "Next": "On"}],
            ),
            "On": {"Type": "Wait", "Seconds": 20, "Next": "Good"},
            "Good": {"Type": "Succeed"},
        }
    )
    assert 1 <= time.monotonic() - began < 4
    assert ended.output["error"]["Error"] == "States.Timeout"
    assert "LambdaFunctionTimedOut" in ended.types
    release.set()
    time.sleep(0.1)
    assert machines.history(ended.arn) == ended.events


def test_a_path_that_leads_nowhere_is_an_error_of_the_machine(machines: Machines) -> None:
    machines.functions["f"] = lambda _: {}
    ended = machines.run(
        {
            "Try": task(
                "f",
                Parameters={"unit.$": "$.no.such"},
                Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
            ),
            "Caught": {"Type": "Succeed"},
        }
    )
    assert (ended.status, ended.answer["error"]) == ("FAILED", "States.Runtime")
    assert "$.no.such" in ended.answer["cause"]


def test_task_failed_matches_all_but_a_timeout(machines: Machines) -> None:
    machines.functions["f"] = fails("Whatever")
    machines.functions["slow"] = lambda _: time.sleep(1.5)
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}]
    caught = {"Caught": {"Type": "Succeed"}}
    assert machines.run({"Try": task("f", Catch=catch), **caught}).status == "SUCCEEDED"
    slow = {"Try": task("slow", TimeoutSeconds=1, Catch=catch), **caught}
    assert machines.run(slow).answer["error"] == "States.Timeout"


def test_a_failing_state_is_not_logged_with_all_of_its_definition(
    machines: Machines, emulator: Emulator
) -> None:
    machines.functions["f"] = fails("X")
    machines.run({"Try": task("f", Comment="only in the definition")})
    assert "only in the definition" not in (emulator.folder / "emulator.log").read_text()


def test_a_function_that_is_not_there(machines: Machines, emulator: Emulator) -> None:
    emulator.invoke = Emulator(folder=emulator.folder).invoke
    ended = machines.run({"Try": task("nobody")})
    assert ended.answer["error"] == "Lambda.ResourceNotFoundException"
    assert "nobody" in ended.answer["cause"]


def test_a_machine_that_may_not_invoke(machines: Machines, emulator: Emulator) -> None:
    machines.functions["f"] = lambda _: {}
    emulator.before_call.append(
        lambda call: (
            Denied("lambda:InvokeFunction", call.parameters["FunctionName"])
            if call.operation == "Invoke"
            else None
        )
    )
    ended = machines.run({"Try": task("f")})
    assert ended.answer["error"] == "Lambda.AccessDenied"
    assert "lambda:InvokeFunction" in ended.answer["cause"]
