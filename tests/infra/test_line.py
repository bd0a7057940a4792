"""The line as it is inlined: the drill in its place, time limits, functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.config import load
from infra.line import LINE, definition
from tests.infra.cfn import Template

ROOT = Path(__file__).parents[2]
STEPS = ("Plan", "Witness", "Exercise", "Verify", "VerifyUnit", "Teardown", "Report")


def machines(template: Template) -> dict[str, dict[str, Any]]:
    return {
        each["StateMachineName"]: each
        for each in template.of_type("AWS::StepFunctions::StateMachine").values()
    }


def states(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states(state["ItemProcessor"])


def test_every_drill_has_a_machine_with_its_configuration_in_it(template: Template) -> None:
    configured = load(ROOT / "drills.yaml")
    for drill in configured.drills:
        machine = machines(template)[f"drill-{drill.name}"]
        line = json.loads(machine["DefinitionString"])
        sibling = template.called("AWS::S3::Bucket", "S3VersionsSibling")
        document = configured.document(drill, own_bucket=sibling)
        assert line["States"]["Drill"]["Parameters"]["drill"] == document


def test_it_is_the_line_but_for_what_is_put_in(template: Template) -> None:
    written = json.loads(LINE.read_text())
    line = json.loads(machines(template)["drill-aurora-prod-monthly"]["DefinitionString"])
    for (name, state), (_, put) in zip(states(written), states(line), strict=True):
        if state["Type"] == "Task":
            assert put | {"TimeoutSeconds": 0} == state | {"TimeoutSeconds": 0}, name
        elif name != "Drill":
            assert "ItemProcessor" in state or put == state, name


def test_a_task_waits_longer_than_its_function_may_run(template: Template) -> None:
    timeouts = {
        each["FunctionName"]: each["Timeout"]
        for each in template.of_type("AWS::Lambda::Function").values()
    }
    for machine in machines(template).values():
        functions = {
            name: arn.rpartition(":")[2] for name, arn in machine["DefinitionSubstitutions"].items()
        }
        line = json.loads(machine["DefinitionString"])
        tasks = [state for _, state in states(line) if state["Type"] == "Task"]
        assert len(tasks) > len(STEPS)
        for task in tasks:
            function = functions[task["Resource"].removeprefix("${").removesuffix("}")]
            assert task["TimeoutSeconds"] == timeouts[function] + 30


def test_every_placeholder_has_its_function_and_no_other_is_left(template: Template) -> None:
    for machine in machines(template).values():
        text = machine["DefinitionString"]
        substitutions = machine["DefinitionSubstitutions"]
        assert set(substitutions) == {f"{step}Function" for step in STEPS}
        for name in substitutions:
            text = text.replace(f"${{{name}}}", "")
        assert "${" not in text


def test_a_task_without_its_function_is_an_error() -> None:
    with pytest.raises(KeyError, match="Plan"):
        definition(drill={}, timeouts={})


def test_executions_are_logged_in_full_and_traced(template: Template) -> None:
    for machine in machines(template).values():
        logging = machine["LoggingConfiguration"]
        assert logging["Level"] == "ALL"
        assert logging["IncludeExecutionData"] is True
        assert machine["TracingConfiguration"] == {"Enabled": True}
