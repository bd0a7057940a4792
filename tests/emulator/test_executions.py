"""An execution from its start to its end: names, the context object, stopping, the history."""

from __future__ import annotations

import json
import re
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from lab.stepfunctions import running_executions
from tests.emulator.conftest import Machines, fails, task

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SUCCEED = {"Done": {"Type": "Succeed"}}
LONG_WAIT = {"Long": {"Type": "Wait", "Seconds": 3000, "Next": "After"}, "After": task("after")}


def context(field: str) -> dict[str, Any]:
    return {"Look": {"Type": "Pass", "Parameters": {"seen.$": field}, "End": True}}


def test_an_unnamed_execution_has_a_name(machines: Machines) -> None:
    ended = machines.run(context("$$.Execution.Name"))
    assert re.fullmatch(r"[0-9a-f-]{36}", ended.output["seen"])
    assert ended.arn.endswith(f":{ended.output['seen']}")
    assert ended.answer["name"] == ended.output["seen"]


def test_the_context_object(machines: Machines) -> None:
    before = datetime.now(UTC)
    ended = machines.run(
        {
            "Look": {
                "Type": "Pass",
                "Parameters": {"execution.$": "$$.Execution", "state.$": "$$.State"},
                "End": True,
            }
        },
        {"a": 1},
        name="named",
    )
    execution, state = ended.output["execution"], ended.output["state"]
    assert execution["Id"] == ended.arn
    assert execution["Name"] == "named"
    assert execution["Input"] == {"a": 1}
    assert RFC3339.fullmatch(execution["StartTime"])
    assert abs((datetime.fromisoformat(execution["StartTime"]) - before).total_seconds()) < 5
    assert state["Name"] == "Look"
    assert RFC3339.fullmatch(state["EnteredTime"])


def test_an_output_that_is_a_string_keeps_its_quotes(machines: Machines) -> None:
    ended = machines.run({"Text": {"Type": "Pass", "Result": "words", "End": True}})
    assert ended.answer["output"] == '"words"'


def test_same_name_and_input_while_running_is_the_same_execution(machines: Machines) -> None:
    machine = machines.create({"Long": {"Type": "Wait", "Seconds": 3000, "End": True}})
    first = machines.start(machine, {"a": 1}, name="once")
    assert machines.start(machine, {"a": 1}, name="once") == first
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        machines.start(machine, {"a": 2}, name="once")
    machines.states.stop_execution(executionArn=first)
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        machines.start(machine, {"a": 1}, name="once")


def test_two_starts_at_once_make_one_execution(machines: Machines) -> None:
    machine = machines.create({"Long": {"Type": "Wait", "Seconds": 3000, "End": True}})
    started: list[str] = []
    threads = [
        threading.Thread(target=lambda: started.append(machines.start(machine, name="together")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(started)) == 1
    assert len(machines.states.list_executions(stateMachineArn=machine)["executions"]) == 1
    machines.states.stop_execution(executionArn=started[0])


@pytest.mark.parametrize("name", ["with space", "colon:", "x" * 81])
def test_a_name_that_cannot_be(machines: Machines, name: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidName|ValidationException"):
        machines.start(machines.create(SUCCEED), name=name)


def test_input_that_is_not_json(machines: Machines) -> None:
    with pytest.raises(ClientError, match="InvalidExecutionInput"):
        machines.states.start_execution(stateMachineArn=machines.create(SUCCEED), input="{")


def test_stop_ends_a_wait_at_once(machines: Machines) -> None:
    called: list[Any] = []
    machines.functions["after"] = called.append
    execution = machines.start(machines.create(LONG_WAIT))
    machines.until(execution, "WaitStateEntered")
    began = time.monotonic()
    machines.states.stop_execution(executionArn=execution, error="By.Hand", cause="enough")
    assert time.monotonic() - began < 2
    ended = machines.ended(execution, within=0.1)
    assert (ended.status, ended.answer["error"], ended.answer["cause"]) == (
        "ABORTED",
        "By.Hand",
        "enough",
    )
    assert ended.events[-1]["executionAbortedEventDetails"] == {
        "error": "By.Hand",
        "cause": "enough",
    }
    assert called == []


def test_stop_in_the_first_instant(machines: Machines) -> None:
    for _ in range(5):
        execution = machines.start(machines.create(LONG_WAIT))
        machines.states.stop_execution(executionArn=execution)
        ended = machines.ended(execution, within=0.1)
        assert (ended.status, ended.types[-1]) == ("ABORTED", "ExecutionAborted")


def test_stop_and_history_before_it_has_begun(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = ExecutionWorker._execution_logic

    def begin_late(worker: Any) -> None:
        time.sleep(0.3)
        begin(worker)

    monkeypatch.setattr(ExecutionWorker, "_execution_logic", begin_late)
    execution = machines.start(machines.create(LONG_WAIT))
    assert machines.history(execution) == []
    machines.states.stop_execution(executionArn=execution)
    assert machines.ended(execution, within=0.1).types[-1] == "ExecutionAborted"


@pytest.mark.parametrize("then", ["set_error", "set_timed_out"])
def test_the_first_end_stands(machines: Machines, then: str) -> None:
    execution = machines.start(machines.create(LONG_WAIT))
    machines.until(execution, "WaitStateEntered")
    (running,) = running_executions()
    env = running.exec_worker.env
    env.set_stop(stop_date=None, error="By.Hand", cause=None)
    getattr(env, then)(*[{"error": "Late"}] * (then == "set_error"))
    ended = machines.ended(execution)
    assert (ended.status, ended.answer["error"]) == ("ABORTED", "By.Hand")


def test_stop_during_a_task_leaves_nothing_that_runs_on(machines: Machines) -> None:
    release = threading.Event()
    called: list[Any] = []
    machines.functions["slow"] = lambda _: release.wait(10)
    machines.functions["after"] = called.append
    states = {
        "Slow": task(
            "slow", Next="After", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "After"}]
        ),
        "After": task("after"),
    }
    execution = machines.start(machines.create(states))
    machines.until(execution, "LambdaFunctionStarted")
    machines.states.stop_execution(executionArn=execution)
    ended = machines.ended(execution, within=0.1)
    release.set()
    time.sleep(0.2)
    assert ended.status == "ABORTED"
    assert machines.history(execution) == ended.events
    assert called == []


def test_stop_during_the_pause_before_a_retry(machines: Machines) -> None:
    machines.functions["f"] = fails("X")
    retry = [{"ErrorEquals": ["X"], "IntervalSeconds": 3000, "MaxAttempts": 3}]
    execution = machines.start(machines.create({"Try": task("f", Retry=retry)}))
    machines.until(execution, "LambdaFunctionFailed")
    machines.states.stop_execution(executionArn=execution)
    assert machines.ended(execution, within=0.1).status == "ABORTED"


def test_stop_inside_a_map(machines: Machines) -> None:
    inner = {"StartAt": "In", "States": {"In": {"Type": "Wait", "Seconds": 3000, "End": True}}}
    states = {"Each": {"Type": "Map", "ItemProcessor": inner, "MaxConcurrency": 2, "End": True}}
    execution = machines.start(machines.create(states), [1, 2, 3, 4])
    machines.until(execution, "WaitStateEntered")
    machines.states.stop_execution(executionArn=execution)
    ended = machines.ended(execution, within=0.1)
    time.sleep(0.2)
    assert ended.status == "ABORTED"
    assert machines.history(execution) == ended.events


def test_stopping_what_has_ended_changes_nothing(machines: Machines) -> None:
    ended = machines.run(SUCCEED)
    answer = machines.states.stop_execution(executionArn=ended.arn, error="Late")
    assert answer["stopDate"] == ended.answer["stopDate"]
    assert machines.ended(ended.arn).status == "SUCCEEDED"


def test_the_history_can_be_followed(machines: Machines) -> None:
    machines.functions["f"] = lambda _: {"done": True}
    ended = machines.run(
        {
            "Begin": {"Type": "Pass", "Next": "Work"},
            "Work": task("f", ResultPath="$.work", Next="Done?"),
            "Done?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.work.done", "BooleanEquals": True, "Next": "Rest"}],
                "Default": "Work",
            },
            "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Good"},
            "Good": {"Type": "Succeed"},
        }
    )
    assert ended.types == [
        "ExecutionStarted",
        *("PassStateEntered", "PassStateExited"),
        *("TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted"),
        *("LambdaFunctionSucceeded", "TaskStateExited"),
        *("ChoiceStateEntered", "ChoiceStateExited"),
        *("WaitStateEntered", "WaitStateExited"),
        *("SucceedStateEntered", "SucceedStateExited"),
        "ExecutionSucceeded",
    ]
    assert [event["id"] for event in ended.events] == list(range(1, len(ended.events) + 1))
    assert all(
        event["previousEventId"] == (event["id"] - 1 if event["id"] > 2 else 0)
        for event in ended.events
    )
    times = [event["timestamp"] for event in ended.events]
    assert times == sorted(times)
    assert abs((times[0] - datetime.now(UTC)).total_seconds()) < 10
    entered = ended.events[3]["stateEnteredEventDetails"]
    assert (entered["name"], entered["input"]) == ("Work", "{}")
    exited = json.loads(ended.events[7]["stateExitedEventDetails"]["output"])
    assert exited == {"work": {"done": True}}


def test_the_history_in_pages_and_backwards(machines: Machines) -> None:
    ended = machines.run(
        {"One": {"Type": "Pass", "Next": "Two"}, "Two": {"Type": "Pass", "End": True}}
    )
    ask = machines.states.get_execution_history
    first = ask(executionArn=ended.arn, maxResults=4)
    second = ask(executionArn=ended.arn, maxResults=4, nextToken=first["nextToken"])
    assert [event["id"] for event in first["events"] + second["events"]] == [1, 2, 3, 4, 5, 6]
    assert "nextToken" not in second
    backwards = ask(executionArn=ended.arn, reverseOrder=True, maxResults=2)["events"]
    assert [event["id"] for event in backwards] == [6, 5]


def test_a_machine_that_fails(machines: Machines) -> None:
    ended = machines.run({"Bad": {"Type": "Fail", "Error": "Drill.FAIL", "Cause": "two rows"}})
    assert (ended.status, ended.answer["error"], ended.answer["cause"]) == (
        "FAILED",
        "Drill.FAIL",
        "two rows",
    )
    assert ended.types[-2:] == ["FailStateEntered", "ExecutionFailed"]
    assert ended.events[-1]["executionFailedEventDetails"] == {
        "error": "Drill.FAIL",
        "cause": "two rows",
    }


def test_a_machine_that_fails_with_what_the_document_says(machines: Machines) -> None:
    ended = machines.run(
        {"Bad": {"Type": "Fail", "ErrorPath": "$.report.verdict", "CausePath": "$.report.cause"}},
        {"report": {"verdict": "INCONCLUSIVE", "cause": "no login"}},
    )
    assert (ended.answer["error"], ended.answer["cause"]) == ("INCONCLUSIVE", "no login")


def test_the_limit_of_a_whole_machine(machines: Machines) -> None:
    machine = machines.create(
        {"Long": {"Type": "Wait", "Seconds": 3000, "End": True}}, TimeoutSeconds=1
    )
    ended = machines.ended(machines.start(machine))
    assert (ended.status, ended.types[-1]) == ("TIMED_OUT", "ExecutionTimedOut")
