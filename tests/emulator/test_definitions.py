"""Definitions that AWS refuses are refused, when a machine is made and when it is changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.emulator.conftest import ROLE, Machines, task

GOOD = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}


def machine(**states: Any) -> str:
    return json.dumps({"StartAt": next(iter(states)), "States": states})


def with_retry(*retriers: dict[str, Any]) -> str:
    return machine(A=task("f", Retry=list(retriers)))


BAD = {
    "no JSON": "{",
    "no object": "[]",
    "no StartAt": json.dumps({"States": {"A": {"Type": "Succeed"}}}),
    "StartAt elsewhere": json.dumps({**GOOD, "StartAt": "B"}),
    "no states": json.dumps({"StartAt": "A", "States": {}}),
    "unknown type": machine(A={"Type": "Bogus", "End": True}),
    "no type": machine(A={"End": True}),
    "Next to nowhere": machine(A={"Type": "Pass", "Next": "B"}),
    "no way on": machine(A={"Type": "Pass"}),
    "two ways on": machine(A={"Type": "Pass", "Next": "B", "End": True}, B={"Type": "Succeed"}),
    "Default to nowhere": machine(
        A={
            "Type": "Choice",
            "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "B"}],
            "Default": "C",
        },
        B={"Type": "Succeed"},
    ),
    "choice to nowhere": machine(
        A={"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "B"}]}
    ),
    "Catch to nowhere": machine(A=task("f", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "B"}])),
    "unreachable": machine(A={"Type": "Succeed"}, B={"Type": "Succeed"}),
    "field of another type": machine(A={"Type": "Pass", "Retry": [], "End": True}),
    "misspelt field": machine(A={"Type": "Wait", "Secounds": 1, "End": True}),
    "misspelt retrier": with_retry({"ErrorEquals": ["A"], "MaxAtempts": 1}),
    "States.ALL not last": with_retry({"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}),
    "States.ALL not alone": with_retry({"ErrorEquals": ["States.ALL", "A"]}),
    "nothing to retry": with_retry({"ErrorEquals": []}),
    "no seconds": machine(A={"Type": "Wait", "End": True}),
    "placeholder left": machine(A={**task("f"), "TimeoutSeconds": "${Seconds}"}),
    "wrong inside a Map": machine(
        A={
            "Type": "Map",
            "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "A"}}},
            "End": True,
        }
    ),
}


@pytest.mark.parametrize("definition", BAD.values(), ids=BAD.keys())
def test_refused_when_made(machines: Machines, definition: str) -> None:
    with pytest.raises(ClientError) as refused:
        machines.states.create_state_machine(name="bad", definition=definition, roleArn=ROLE)
    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"
    names = [machine["name"] for machine in machines.states.list_state_machines()["stateMachines"]]
    assert "bad" not in names


def test_refused_when_changed(machines: Machines) -> None:
    arn = machines.create(GOOD["States"])
    with pytest.raises(ClientError) as refused:
        machines.states.update_state_machine(stateMachineArn=arn, definition=BAD["unknown type"])
    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"
    described = machines.states.describe_state_machine(stateMachineArn=arn)
    assert json.loads(described["definition"]) == GOOD


def test_a_change_counts_from_the_next_execution(machines: Machines) -> None:
    arn = machines.create({"Old": {"Type": "Pass", "Result": "old", "End": True}})
    assert machines.ended(machines.start(arn)).output == "old"
    new = machine(New={"Type": "Pass", "Result": "new", "End": True})
    machines.states.update_state_machine(stateMachineArn=arn, definition=new)
    assert machines.ended(machines.start(arn)).output == "new"


def test_a_name_belongs_to_one_definition(machines: Machines) -> None:
    make = machines.states.create_state_machine
    first = make(name="same", definition=json.dumps(GOOD), roleArn=ROLE)
    again = make(name="same", definition=json.dumps(GOOD), roleArn=ROLE)
    assert first["stateMachineArn"] == again["stateMachineArn"]
    with pytest.raises(ClientError, match="StateMachineAlreadyExists"):
        make(name="same", definition=machine(B={"Type": "Succeed"}), roleArn=ROLE)


def test_an_execution_keeps_the_definition_that_it_began_with(machines: Machines) -> None:
    machine = machines.create({"Done": {"Type": "Pass", "Comment": "then", "End": True}})
    execution = machines.start(machine)
    machines.ended(execution)
    now = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    machines.states.update_state_machine(stateMachineArn=machine, definition=now)
    own = machines.states.describe_state_machine_for_execution(executionArn=execution)
    assert own["stateMachineArn"] == machine
    assert json.loads(own["definition"])["States"]["Done"]["Comment"] == "then"
    current = machines.states.describe_state_machine(stateMachineArn=machine)
    assert current["definition"] == now
