"""The only file that talks to EventBridge Scheduler."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from functions.aws import code_of
from functions.watch.standing import FoundSchedule
from functions.watch.watched import NotAWatchList

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_scheduler.type_defs import GetScheduleOutputTypeDef


def find(group: str, name: str) -> FoundSchedule | None:
    """A schedule as it is now; None where there is none of this name in the group."""
    found = _get(group, name)
    if found is None:
        return None
    return FoundSchedule(
        name=found["Name"],
        state=found["State"],
        expression=found["ScheduleExpression"],
        timezone=found.get("ScheduleExpressionTimezone", "UTC"),
    )


def given(group: str, name: str) -> Any:
    """What a schedule hands to its target. Raises NotAWatchList where it hands over nothing."""
    found = _get(group, name)
    text = found["Target"].get("Input") if found else None
    if not text:
        raise NotAWatchList(f"the schedule {name} of the group {group} hands over nothing")
    return json.loads(text)


def _get(group: str, name: str) -> GetScheduleOutputTypeDef | None:
    try:
        return _scheduler().get_schedule(GroupName=group, Name=name)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise


@cache
def _scheduler() -> EventBridgeSchedulerClient:
    return boto3.client("scheduler")
