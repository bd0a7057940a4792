"""The rules that the line obeys, proved on its file (docs/design.md, "The line")."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

LINE = json.loads((Path(__file__).parents[2] / "infra" / "line.asl.json").read_text())
STATES: dict[str, Any] = LINE["States"]
UNIT: dict[str, Any] = STATES["VerifyUnits"]["ItemProcessor"]["States"]
TASKS = {k: v for k, v in (STATES | UNIT).items() if v["Type"] == "Task"}
ENDS = {k for k, v in STATES.items() if v["Type"] in ("Succeed", "Fail")}
RETRIED = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
    "TryAgain",
}
WAKING = {
    "Lambda.ResourceNotReadyException",
    "Lambda.ResourceConflictException",
    "Lambda.ENINotReadyException",
    "Lambda.EC2ThrottledException",
    "Lambda.EC2UnexpectedException",
}
"""A function in a VPC that was idle for weeks has lost its network interface, and gets another."""


def following(state: dict[str, Any]) -> set[str]:
    """Where a state may lead to: by Next, by a choice, by a Catch."""
    found = {state[key] for key in ("Next", "Default") if key in state}
    found |= {choice["Next"] for choice in state.get("Choices", [])}
    return found | {catch["Next"] for catch in state.get("Catch", [])}


def paths(start: str, avoiding: str) -> set[str]:
    """All states that can be reached without passing through a certain one."""
    reached, todo = set(), [start]
    while todo:
        name = todo.pop()
        if name in reached or name == avoiding:
            continue
        reached.add(name)
        todo += following(STATES[name])
    return reached


def test_every_state_exists_and_is_reached() -> None:
    assert paths("Drill", avoiding="") == set(STATES)
    for name, state in STATES.items():
        assert following(state) <= set(STATES), name


def test_the_machine_as_a_whole_has_no_time_limit() -> None:
    """It would be uncatchable, and skip Teardown."""
    assert "TimeoutSeconds" not in LINE


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_time_limit_and_retries_by_name_only(name: str) -> None:
    task = TASKS[name]
    function = task["Resource"].removeprefix("${").removesuffix("Function}")
    assert task["TimeoutSeconds"] == f"${{{function}TimeoutSeconds}}"
    passing, waking = task["Retry"]
    assert set(passing["ErrorEquals"]) == RETRIED
    assert passing["MaxAttempts"] <= 6
    assert set(waking["ErrorEquals"]) == WAKING
    assert waking["MaxAttempts"] * waking["MaxDelaySeconds"] <= 720


@pytest.mark.parametrize("name", TASKS)
def test_every_task_catches_everything_and_keeps_the_document(name: str) -> None:
    (catch,) = TASKS[name]["Catch"]
    assert catch["ErrorEquals"] == ["States.ALL"]
    assert catch["ResultPath"] in ("$.error", "$.teardown_error")


@pytest.mark.parametrize(
    ("name", "leads_to"),
    [
        ("Plan", "Report"),
        ("Clear", "Report"),
        ("Witness", "Teardown"),
        ("Exercise", "Teardown"),
        ("Verify", "Hold?"),
        ("VerifyUnits", "Hold?"),
        ("Teardown", "Report"),
        ("Report", "Report raised"),
    ],
)
def test_a_failure_leads_where_the_design_says(name: str, leads_to: str) -> None:
    assert STATES[name]["Catch"][0]["Next"] == leads_to


def test_the_hold_leads_to_teardown_and_nowhere_else() -> None:
    assert following(STATES["Hold?"]) == {"Hold", "Teardown"}
    assert following(STATES["Hold"]) == {"Teardown"}


def test_only_report_leads_to_an_end() -> None:
    assert not paths("Drill", avoiding="Report") & ENDS


@pytest.mark.parametrize("name", ["Witness", "Exercise", "Verify", "VerifyUnits", "Hold?"])
def test_no_path_from_the_first_thing_made_avoids_teardown(name: str) -> None:
    assert not paths(name, avoiding="Teardown") & ({"Report"} | ENDS)


def test_a_failure_of_report_ends_inconclusive() -> None:
    assert paths("Report raised", avoiding="") == {"Report raised", "Inconclusive"}


def test_only_pass_and_skipped_end_well() -> None:
    verdicts = {c["StringEquals"]: c["Next"] for c in STATES["Verdict?"]["Choices"]}
    well = {v for v, end in verdicts.items() if STATES[end]["Type"] == "Succeed"}
    assert well == {"PASS", "SKIPPED"}
    assert STATES[STATES["Verdict?"]["Default"]]["Type"] == "Fail"


def test_each_step_adds_the_key_named_after_itself_and_rewrites_no_other() -> None:
    written = {
        name: state["ResultPath"].removeprefix("$.")
        for name, state in STATES.items()
        if "ResultPath" in state and name != "Report raised"
    }
    assert written == {
        "Plan": "plan",
        "Clear": "plan.dead.teardown",
        "Witness": "witness",
        "Exercise": "exercise",
        "Verify": "verify",
        "VerifyUnits": "verify_units",
        "Teardown": "teardown",
        "Report": "report",
    }


@pytest.mark.parametrize("name", ["Plan", "Witness", "Exercise", "Verify", "Teardown"])
def test_each_step_is_called_until_it_is_done(name: str) -> None:
    key = STATES[name]["ResultPath"]
    assert STATES[name]["Next"] == f"{name} done?"
    done = STATES[f"{name} done?"]
    assert {"Variable": f"{key}.done", "BooleanEquals": True} in [
        {k: v for k, v in choice.items() if k != "Next"} for choice in done["Choices"]
    ]
    assert done["Default"] == f"{name} waits"
    waits = STATES[f"{name} waits"]
    assert waits == {"Type": "Wait", "SecondsPath": f"{key}.wait_seconds", "Next": name}


def test_an_iteration_returns_only_a_key_and_counts() -> None:
    returned = set(UNIT["VerifyUnit ends"]["Parameters"])
    assert returned == {"unit.$", "key.$", "passed.$", "failed.$", "not_run.$"}
    assert UNIT["VerifyUnit raised"]["Parameters"] == {
        "unit.$": "$.unit",
        "error": {"Error.$": "$.error.Error"},
    }


def test_the_map_is_bounded() -> None:
    assert 1 <= STATES["VerifyUnits"]["MaxConcurrency"] <= 40


def strings(node: Any) -> Iterator[str]:
    """Every string of the file."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)


def test_it_is_written_in_jsonpath_and_calls_lambda_functions_only() -> None:
    assert "QueryLanguage" not in LINE
    assert not [text for text in strings(LINE) if "aws-sdk" in text or "{%" in text]
