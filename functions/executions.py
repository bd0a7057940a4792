"""Whether an execution still runs: the only question we ask of Step Functions."""

from __future__ import annotations

import boto3
from botocore.exceptions import ClientError

from functions.aws import code_of


def is_running(execution: str) -> bool:
    """Whether the execution with this ARN is running.

    One that Step Functions no longer knows (90 days after its end) is not.
    """
    try:
        answer = boto3.client("stepfunctions").describe_execution(executionArn=execution)
    except ClientError as error:
        if code_of(error) == "ExecutionDoesNotExist":
            return False
        raise
    return answer["status"] in ("RUNNING", "PENDING_REDRIVE")
