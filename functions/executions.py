"""Whether an execution still runs, and which of a machine do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from functions import clock, naming
from functions.aws import code_of

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

# In the order in which one follows the other: a run that begins again meanwhile is seen.
_GOES_ON: tuple[ExecutionStatusType, ...] = ("PENDING_REDRIVE", "RUNNING")
_GONE = frozenset({"StateMachineDoesNotExist", "StateMachineDeleting"})


def _states() -> SFNClient:
    return boto3.client("stepfunctions")


def is_running(execution: str) -> bool:
    """Whether the execution with this ARN is running.

    One that Step Functions no longer knows (90 days after its end) is not.
    """
    try:
        answer = _states().describe_execution(executionArn=execution)
    except ClientError as error:
        if code_of(error) == "ExecutionDoesNotExist":
            return False
        raise
    return answer["status"] in _GOES_ON


def runs_of(machine: str) -> frozenset[str]:
    """The ids of the runs that go on, of the machine with this ARN, whoever has its drill's claim.

    A machine that is gone has none.
    """
    found = set[str]()
    for status in _GOES_ON:
        pages = (
            _states()
            .get_paginator("list_executions")
            .paginate(stateMachineArn=machine, statusFilter=status)
        )
        try:
            for page in pages:
                found |= {
                    naming.run_id(
                        {"id": each["executionArn"], "start_time": clock.render(each["startDate"])}
                    )
                    for each in page["executions"]
                }
        except ClientError as error:
            if code_of(error) in _GONE:
                return frozenset()
            raise
    return frozenset(found)
