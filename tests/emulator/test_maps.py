"""Map inline, as Verify uses it: items, concurrency, loops and failures inside."""

from __future__ import annotations

import threading
import time
from typing import Any

from tests.emulator.conftest import Failure, Machines, fails, task

LOOP = {
    "StartAt": "Unit",
    "States": {
        "Unit": task(
            "unit",
            Parameters={"unit.$": "$.unit", "answer.$": "$.answer"},
            ResultPath="$.answer",
            Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Unit failed"}],
            Next="Unit done?",
        ),
        "Unit done?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.answer.done", "BooleanEquals": True, "Next": "Unit end"}],
            "Default": "Unit waits",
        },
        "Unit waits": {"Type": "Wait", "SecondsPath": "$.answer.wait_seconds", "Next": "Unit"},
        "Unit end": {"Type": "Pass", "OutputPath": "$.answer", "End": True},
        "Unit failed": {
            "Type": "Pass",
            "Parameters": {"unit.$": "$.unit", "error.$": "$.error"},
            "End": True,
        },
    },
}


def verify_units(**fields: Any) -> dict[str, Any]:
    return {
        "Units": {
            "Type": "Map",
            "ItemsPath": "$.verify.units",
            "MaxConcurrency": 4,
            "ItemSelector": {
                "run.$": "$.run",
                "unit.$": "$$.Map.Item.Value.unit",
                "index.$": "$$.Map.Item.Index",
                "answer": None,
            },
            "ItemProcessor": LOOP,
            "ResultPath": "$.verify_units",
            "End": True,
            **fields,
        }
    }


def units(count: int) -> dict[str, Any]:
    return {"run": "r", "verify": {"units": [{"unit": n} for n in range(count)]}}


def test_each_unit_is_called_until_it_is_done(machines: Machines) -> None:
    def unit(payload: Any) -> Any:
        calls = (payload["answer"] or {"calls": 0})["calls"] + 1
        done = calls > payload["unit"] % 3
        return {"done": done, "wait_seconds": 1, "calls": calls, "unit": payload["unit"]}

    machines.functions["unit"] = unit
    ended = machines.run(verify_units(), units(6))
    assert [(done["unit"], done["calls"]) for done in ended.output["verify_units"]] == [
        (n, n % 3 + 1) for n in range(6)
    ]
    assert ended.types.count("MapIterationStarted") == 6
    assert ended.types.count("MapIterationSucceeded") == 6
    started = next(event for event in ended.events if event["type"] == "MapStateStarted")
    assert started["mapStateStartedEventDetails"] == {"length": 6}
    assert {"MapStateEntered", "MapStateSucceeded", "MapStateExited"} <= set(ended.types)


def test_a_unit_that_fails_does_not_stop_the_others(machines: Machines) -> None:
    def unit(payload: Any) -> Any:
        if payload["unit"] == 1:
            raise Failure("DeadlineExceeded")
        return {"done": True, "unit": payload["unit"]}

    machines.functions["unit"] = unit
    ended = machines.run(verify_units(), units(3))
    good, failed, last = ended.output["verify_units"]
    assert (good["unit"], last["unit"]) == (0, 2)
    assert (failed["unit"], failed["error"]["Error"]) == (1, "DeadlineExceeded")


def test_a_hundred_units_four_at_a_time(machines: Machines) -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def unit(payload: Any) -> Any:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.005)
        with lock:
            running[0] -= 1
        return {"done": True, "unit": payload["unit"]}

    machines.functions["unit"] = unit
    ended = machines.ended(machines.start(machines.create(verify_units()), units(100)), within=30)
    assert [done["unit"] for done in ended.output["verify_units"]] == list(range(100))
    assert 1 < most[0] <= 4


def test_no_units(machines: Machines) -> None:
    assert machines.run(verify_units(), units(0)).output["verify_units"] == []


def test_the_item_is_known_inside_the_iteration(machines: Machines) -> None:
    machines.functions["f"] = lambda payload: payload
    inner = {
        "StartAt": "In",
        "States": {
            "In": task("f", Parameters={"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"})
        },
    }
    ended = machines.run({"Each": {"Type": "Map", "ItemProcessor": inner, "End": True}}, ["a", "b"])
    assert ended.output == [{"i": 0, "v": "a"}, {"i": 1, "v": "b"}]


def test_a_failure_that_is_not_caught_inside_ends_the_map(machines: Machines) -> None:
    called: list[int] = []

    def unit(payload: Any) -> Any:
        called.append(payload)
        if payload == 0:
            raise Failure("Broken")
        return payload

    machines.functions["f"] = unit
    inner = {
        "StartAt": "In",
        "States": {
            "In": task("f", Next="Rest"),
            "Rest": {"Type": "Wait", "Seconds": 10, "Next": "Again"},
            "Again": task("f"),
        },
    }
    ended = machines.run(
        {
            "Each": {
                "Type": "Map",
                "MaxConcurrency": 3,
                "ItemProcessor": inner,
                "Catch": [{"ErrorEquals": ["Broken"], "ResultPath": "$.error", "Next": "Caught"}],
                "End": True,
                "ItemsPath": "$.items",
            },
            "Caught": {"Type": "Wait", "Seconds": 30, "End": True},
        },
        {"items": list(range(3))},
    )
    assert ended.status == "SUCCEEDED"
    assert ended.output["error"]["Error"] == "Broken"
    assert "MapStateFailed" in ended.types
    assert len(called) <= 3, "the other iterations ran on after the Map had failed"


def test_an_error_of_the_service_inside_keeps_its_name(machines: Machines) -> None:
    machines.functions["slow"] = lambda _: time.sleep(1.5)
    inner = {"StartAt": "In", "States": {"In": task("slow", TimeoutSeconds=1)}}
    ended = machines.run({"Each": {"Type": "Map", "ItemProcessor": inner, "End": True}}, [1])
    assert (ended.status, ended.answer["error"]) == ("FAILED", "States.Timeout")


def test_a_map_can_be_retried(machines: Machines) -> None:
    machines.functions["f"] = fails("A")
    inner = {"StartAt": "In", "States": {"In": task("f")}}
    each = {
        "Type": "Map",
        "ItemProcessor": inner,
        "Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 1, "IntervalSeconds": 1}],
        "End": True,
    }
    ended = machines.run({"Each": each}, [1])
    assert ended.answer["error"] == "A"
    assert ended.types.count("MapIterationFailed") == 2
