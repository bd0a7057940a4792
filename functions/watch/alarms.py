"""The only file that asks CloudWatch for alarms."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3

from functions.watch.reminding import Ringing

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


def ringing(prefix: str) -> list[Ringing]:
    """The alarms in the state ALARM whose names begin so, composite ones included.

    CloudWatch tells of metric alarms alone unless it is asked for both.
    """
    pages = (
        _cloudwatch()
        .get_paginator("describe_alarms")
        .paginate(
            AlarmNamePrefix=prefix,
            AlarmTypes=["CompositeAlarm", "MetricAlarm"],
            StateValue="ALARM",
        )
    )
    return [
        Ringing(
            name=alarm["AlarmName"],
            description=alarm.get("AlarmDescription", ""),
            since=alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
            rule=str(alarm.get("AlarmRule", "")),
        )
        for page in pages
        for alarm in (*page.get("CompositeAlarms", []), *page.get("MetricAlarms", []))
        if alarm["StateValue"] == "ALARM"
    ]


@cache
def _cloudwatch() -> CloudWatchClient:
    return boto3.client("cloudwatch")
