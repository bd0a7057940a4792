"""The door to CloudWatch: what clusters and their backups take, as RDS publishes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import boto3

from functions.aurora.protection import Usage

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

LOOKS_BACK: Final = timedelta(days=3)
"""The sizes of backups are published about once a day, and late."""

CLUSTERS_A_CALL: Final = 125
"""GetMetricData takes 500 queries, and a cluster is four."""

_METRICS: Final = {
    "billed": "TotalBackupStorageBilled",
    "automated": "BackupRetentionPeriodStorageUsed",
    "manual": "SnapshotStorageUsed",
    "volume": "VolumeBytesUsed",
}
"""By the field of Usage: "Amazon CloudWatch metrics for Amazon Aurora"."""

_HOUR_SECONDS = 3600


def of_clusters(clusters: Sequence[str], *, now: datetime) -> dict[str, Usage]:
    """The newest sizes of each cluster; None in it where RDS has published none of late."""
    found: dict[str, Usage] = {}
    for first in range(0, len(clusters), CLUSTERS_A_CALL):
        found |= _of_some(clusters[first : first + CLUSTERS_A_CALL], now)
    return found


def _of_some(clusters: Sequence[str], now: datetime) -> dict[str, Usage]:
    pages = (
        boto3.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=list(_queries(clusters)),
            StartTime=now - LOOKS_BACK,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
    )
    newest: dict[str, float] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            for value in result["Values"][:1]:
                newest.setdefault(result["Id"], value)
    return {
        cluster: Usage(**{field: newest.get(_id(field, number)) for field in _METRICS})
        for number, cluster in enumerate(clusters)
    }


def _queries(clusters: Iterable[str]) -> Iterator[MetricDataQueryTypeDef]:
    for number, cluster in enumerate(clusters):
        for field, metric in _METRICS.items():
            yield {
                "Id": _id(field, number),
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/RDS",
                        "MetricName": metric,
                        "Dimensions": [{"Name": "DBClusterIdentifier", "Value": cluster}],
                    },
                    "Period": _HOUR_SECONDS,
                    "Stat": "Average",
                },
            }


def _id(field: str, number: int) -> str:
    """The id of a query: CloudWatch wants a lower-case letter first."""
    return f"{field}_{number}"
