"""Calling the Teardown of a run that is dead: which function that is, its own definition says.

So what a kind makes beside copies (versions of objects, a role's password) is removed by the code
that owns it, in its network and with its role.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from functions import naming
from functions.aws import code_of
from functions.errors import DrillError, TryAgain
from functions.model import Answer

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_ASK_AGAIN = frozenset(
    {"Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout", "TryAgain"}
)
"""What the line itself tries again, of the errors that a function answers with."""

_GONE = frozenset({"ExecutionDoesNotExist", "StateMachineDoesNotExist"})
_LEAST_SECONDS = 5


class NoTeardown(DrillError):
    """When no definition is left that says which function tears down what a run planned."""


class TeardownFailed(DrillError):
    """When Teardown raised: its error and its message."""


@cache
def _states() -> SFNClient:
    return boto3.client("stepfunctions")


def is_busy(execution: str) -> bool:
    """Whether another execution of the same machine is running: it then clears for itself."""
    try:
        answer = _states().list_executions(
            stateMachineArn=_machine_of(execution), statusFilter="RUNNING", maxResults=1
        )
    except ClientError as error:
        if code_of(error) in _GONE:
            return False
        raise
    return bool(answer["executions"])


def call_teardown(execution: str, document: Mapping[str, Any], *, within: float) -> Answer:
    """What Teardown answers for a dead execution; `document` is what it reads but for the drill.

    `within` is how many seconds its answer may take. Raises TryAgain, TeardownFailed, and
    NoTeardown where neither the execution's own definition nor its machine's leads to a function.
    """
    for definition in _definitions(execution):
        states = definition["States"]
        drill = states["Drill"]["Parameters"]["drill"]
        event = {"document": {"drill": drill, **document}}
        answer = _invoke(states["Teardown"]["Resource"], event, within=within)
        if answer is not None:
            return answer
    raise NoTeardown(
        f"{execution}: neither its definition nor that of {_machine_of(execution)} leads to a"
        " function: expected the Teardown of its kind. What it planned is in the ledger's claim"
    )


def _definitions(execution: str) -> Iterator[dict[str, Any]]:
    """Its own, with the configuration that it ran with; then what its machine is now."""
    try:
        own = _states().describe_state_machine_for_execution(executionArn=execution)
        yield json.loads(own["definition"])
    except ClientError as error:
        if code_of(error) not in _GONE:
            raise
    try:
        machine = _states().describe_state_machine(stateMachineArn=_machine_of(execution))
        yield json.loads(machine["definition"])
    except ClientError as error:
        if code_of(error) not in _GONE:
            raise


def _invoke(function: str, event: Mapping[str, Any], *, within: float) -> Answer | None:
    """What a function answers, None for one that is not there."""
    client = boto3.client(
        "lambda",
        config=Config(
            read_timeout=max(_LEAST_SECONDS, within),
            retries={"total_max_attempts": 1},
            tcp_keepalive=True,
        ),
    )
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise
    told = json.loads(answer["Payload"].read())
    if not isinstance(told, dict):
        raise TeardownFailed(f"it answered {str(told)[:100]}: expected an object")
    if not answer.get("FunctionError"):
        return told
    error_type, message = str(told.get("errorType", "")), str(told.get("errorMessage", ""))
    if error_type in _ASK_AGAIN:
        raise TryAgain(f"{error_type}: {message}")
    raise TeardownFailed(f"{error_type}: {message}")


def of_drill(drill: str, *, function: str) -> str:
    """The machine of a drill, in the account and the region of the function with this ARN.

    >>> of_drill("x", function="arn:aws:lambda:sa-east-1:1:function:drill-sweeper")
    'arn:aws:states:sa-east-1:1:stateMachine:drill-x'
    """
    _, partition, _, region, account, *_ = function.split(":")
    return f"arn:{partition}:states:{region}:{account}:stateMachine:{naming.PREFIX}{drill}"


def _machine_of(execution: str) -> str:
    """The machine of an execution, from its ARN.

    >>> _machine_of("arn:aws:states:sa-east-1:1:execution:drill-x:a")
    'arn:aws:states:sa-east-1:1:stateMachine:drill-x'
    """
    return execution.rpartition(":")[0].replace(":execution:", ":stateMachine:")
