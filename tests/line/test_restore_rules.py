"""The rules that the restore of a whole bucket obeys, proved on its file (docs/scale.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.errors import TryAgain
from functions.s3_versions.piece import Phase
from functions.s3_versions.watch import VersioningLost
from infra.scale import RESTORE, definition, document, machine_name
from infra.schema import RestoreBucket
from lab.definition import problems
from tests.line.test_rules import RETRIED, WAKING, following, strings

MACHINE = json.loads(RESTORE.read_text())
STATES: dict[str, Any] = MACHINE["States"]
MAPS = {name: state for name, state in STATES.items() if state["Type"] == "Map"}
SHARDS = {name: state["ItemProcessor"]["States"] for name, state in MAPS.items()}
INNER: dict[str, Any] = {
    name: state for states in SHARDS.values() for name, state in states.items()
}
TASKS = {name: state for name, state in (STATES | INNER).items() if state["Type"] == "Task"}
THERE = RestoreBucket.model_validate_json('{"bucket": "files", "to": "files-restored"}')
HERE = RestoreBucket.model_validate_json('{"bucket": "files", "in_place": true, "undelete": true}')
TIMEOUTS = {"Plan": 900, "Shard": 900, "Collect": 900}


def order(start: str) -> Iterator[str]:
    """The states from one on, by the last way out of each: that which an ordinary run takes."""
    name: str | None = start
    while name:
        yield name
        name = STATES[name].get("Next") or STATES[name].get("Default")


def test_it_is_a_sound_definition() -> None:
    text = definition(restore=THERE, timeouts=TIMEOUTS)
    assert problems(text.replace("${Partition}", "aws")) == []


def test_every_shard_is_planned_before_any_is_applied_and_all_are_before_any_is_verified() -> None:
    assert list(order("Restore")) == [
        "Restore",
        "Plan",
        "Plans",
        "Collect plans",
        "Apply?",
        "Applies",
        "Collect applied",
        "Verifies",
        "Collect verified",
        "Complete?",
        "Not restored",
    ]
    phases = {name: state["ItemSelector"]["phase"] for name, state in MAPS.items()}
    assert phases == {"Plans": "plan", "Applies": "apply", "Verifies": "verify"}
    assert list(phases.values()) == [phase.value for phase in Phase]
    for name, phase in (
        ("Collect plans", "plan"),
        ("Collect applied", "apply"),
        ("Collect verified", "verify"),
    ):
        assert STATES[name]["Parameters"] == {"phase": phase, "document.$": "$"}


def test_a_dry_run_ends_before_anything_is_applied() -> None:
    (choice,) = STATES["Apply?"]["Choices"]
    assert choice["Next"] == "Planned"
    assert STATES["Planned"]["Type"] == "Succeed"
    assert [test["Variable"] for test in choice["And"]] == ["$.input.dry_run"] * 2
    assert choice["And"][1]["BooleanEquals"] is True
    leading = [name for name, state in STATES.items() if "Applies" in following(state)]
    assert leading == ["Apply?"]


def test_only_a_restore_that_was_verified_complete_ends_well() -> None:
    assert STATES["Collect verified"]["ResultPath"] == "$.verified"
    assert [name for name, state in STATES.items() if "Restored" in following(state)] == [
        "Complete?"
    ]
    (choice,) = STATES["Complete?"]["Choices"]
    assert choice == {
        "Variable": "$.verified.complete",
        "BooleanEquals": True,
        "Next": "Restored",
    }
    end = STATES[STATES["Complete?"]["Default"]]
    assert (end["Type"], end["CausePath"]) == ("Fail", "$.verified.cause")


def test_no_failure_is_caught() -> None:
    """It ends the execution, which can then be redriven: what is done is not done again."""
    assert not [name for name, state in (STATES | INNER).items() if "Catch" in state]
    assert "TimeoutSeconds" not in MACHINE


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_time_limit_and_the_line_s_retries(name: str) -> None:
    task = TASKS[name]
    function = task["Resource"].removeprefix("${").removesuffix("Function}")
    assert task["TimeoutSeconds"] == f"${{{function}TimeoutSeconds}}"
    passing, waking = task["Retry"]
    assert set(passing["ErrorEquals"]) == RETRIED
    assert set(waking["ErrorEquals"]) == WAKING
    assert VersioningLost.__name__ not in RETRIED | WAKING
    assert not issubclass(VersioningLost, TryAgain)


@pytest.mark.parametrize("name", MAPS)
def test_a_map_is_distributed_bounded_and_tolerates_no_failure(name: str) -> None:
    state = MAPS[name]
    assert state["ItemProcessor"]["ProcessorConfig"] == {
        "Mode": "DISTRIBUTED",
        "ExecutionType": "STANDARD",
    }
    assert state["MaxConcurrency"] == 200
    assert state["ToleratedFailurePercentage"] == 0
    assert state["Label"] == name
    assert state["ItemReader"] == {
        "Resource": "arn:${Partition}:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket.$": "$.plan.bucket", "Key.$": "$.plan.key"},
    }
    folder = "'restores/{}/{}/" + state["ItemSelector"]["phase"] + "'"
    writer = state["ResultWriter"]["Parameters"]
    assert writer["Bucket.$"] == "$.plan.bucket"
    assert writer["Prefix.$"] == f"States.Format({folder}, $.restore.bucket, $.execution.name)"


@pytest.mark.parametrize("name", MAPS)
def test_a_shard_is_called_until_it_is_done_and_keeps_its_last_answer(name: str) -> None:
    state = MAPS[name]
    inner, start = SHARDS[name], state["ItemProcessor"]["StartAt"]
    assert set(inner) == {start, f"{start} done?", f"{start} waits", f"{start} ends"}
    assert set(inner[start]["Parameters"]) == {"phase.$", "shard.$", "document.$", "answer.$"}
    assert inner[start]["ResultPath"] == "$.answer"
    assert inner[f"{start} done?"]["Choices"] == [
        {"Variable": "$.answer.done", "BooleanEquals": True, "Next": f"{start} ends"}
    ]
    assert inner[f"{start} done?"]["Default"] == f"{start} waits"
    assert inner[f"{start} waits"] == {
        "Type": "Wait",
        "SecondsPath": "$.answer.wait_seconds",
        "Next": start,
    }
    assert inner[f"{start} ends"] == {"Type": "Pass", "OutputPath": "$.answer", "End": True}
    assert state["ItemSelector"]["answer"] == {}


@pytest.mark.parametrize(
    ("name", "shard", "phase", "result", "collect"),
    [
        ("Applies", "Apply shard", "apply", "$.applies", "Collect applied"),
        ("Verifies", "Verify shard", "verify", "$.verifies", "Collect verified"),
    ],
)
def test_the_maps_differ_in_their_phase_and_names_alone(
    name: str, shard: str, phase: str, result: str, collect: str
) -> None:
    renamed = (
        json.dumps(MAPS["Plans"])
        .replace("Plan shard", shard)
        .replace('"Plans"', f'"{name}"')
        .replace('"plan"', f'"{phase}"')
        .replace("/plan'", f"/{phase}'")
        .replace("$.plans", result)
        .replace(MAPS["Plans"]["Comment"], MAPS[name]["Comment"])
        .replace("Collect plans", collect)
    )
    assert json.loads(renamed) == MAPS[name]


def test_it_calls_functions_reads_shards_and_writes_results_only() -> None:
    resources = {text for text in strings(MACHINE) if text.startswith(("${", "arn:"))}
    assert resources - {"${Restore}"} == {
        *(f"${{{step}Function}}" for step in TIMEOUTS),
        *(f"${{{step}TimeoutSeconds}}" for step in TIMEOUTS),
        "arn:${Partition}:states:::s3:getObject",
        "arn:${Partition}:states:::s3:putObject",
    }


def test_what_is_put_in_is_the_bucket_and_the_time_limits() -> None:
    put = json.loads(definition(restore=HERE, timeouts=TIMEOUTS))
    assert put["States"]["Restore"]["Parameters"]["restore"] == {
        "bucket": "files",
        "target": "files",
        "in_place": True,
        "undelete": True,
        "kms_key": "",
    }
    assert document(THERE)["target"] == "files-restored"
    inner = put["States"]["Applies"]["ItemProcessor"]["States"]["Apply shard"]
    assert inner["TimeoutSeconds"] == put["States"]["Plan"]["TimeoutSeconds"] == 930
    with pytest.raises(KeyError, match="Shard"):
        definition(restore=HERE, timeouts={"Plan": 1, "Collect": 1})


@pytest.mark.parametrize("bucket", ["abc", "a" * 63, f"{'a.' * 31}a", "a-b.c"])
def test_a_machine_s_name_is_one_that_aws_takes(bucket: str) -> None:
    name = machine_name(bucket)
    assert name.startswith("drill-restore-")
    assert len(name) <= 80
    assert "." not in name
    assert name != machine_name(bucket.replace(".", "-")) or "." not in bucket
