"""The only door to CloudWatch: whether replication failed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import boto3

from functions.s3_versions.facts import Replication

WINDOW = timedelta(hours=24)
_HOUR_SECONDS = 3600


def failed_replications(
    bucket: str, rules: Iterable[Replication], *, now: datetime
) -> dict[str, float | None]:
    """How many operations of each rule failed in the last 24 hours; None where S3 gave no value.

    S3 publishes OperationsFailedReplication for rules with metrics alone (S3's user guide,
    "Monitoring progress with replication metrics").
    """
    cloudwatch = boto3.client("cloudwatch")
    found: dict[str, float | None] = {}
    for rule in rules:
        destination = rule.destination.rpartition(":")[2]
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/S3",
            MetricName="OperationsFailedReplication",
            Dimensions=[
                {"Name": "SourceBucket", "Value": bucket},
                {"Name": "DestinationBucket", "Value": destination},
                {"Name": "RuleId", "Value": rule.rule},
            ],
            StartTime=now - WINDOW,
            EndTime=now,
            Period=_HOUR_SECONDS,
            Statistics=["Sum"],
        )
        points = answer["Datapoints"]
        found[rule.rule] = sum(point["Sum"] for point in points) if points else None
    return found
