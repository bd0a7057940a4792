"""How many metrics are paid for: CloudWatch bills each for the hours in which it hears of it.

To ask costs a cent for each thousand metrics: each is asked for once, the last month hour by hour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cli.access import Aws
from cli.deployed import at_once

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import (
        MetricDataQueryTypeDef,
        MetricOutputTypeDef,
        MetricTypeDef,
    )

MOST: Final = 5_000
"""Metrics that are asked for; those beyond count as if they were heard of in every hour."""

_QUERIES: Final = 500
_HOUR: Final = timedelta(hours=1)
_MONTH: Final = timedelta(days=30)


def whole_metrics(aws: Aws, namespace: str, *, now: datetime) -> int:
    """So many metrics, heard of in every hour of a month, would cost the same.

    The hours of a deployment that is younger than a month are taken for as many of a whole one.
    """
    listed = _listed(aws, namespace)
    asked, unasked = listed[:MOST], len(listed[MOST:])
    end = now.replace(minute=0, second=0, microsecond=0) + _HOUR
    batches = [asked[first : first + _QUERIES] for first in range(0, len(asked), _QUERIES)]
    heard = [
        hour for batch in at_once(lambda one: _heard(aws, one, end), batches) for hour in batch
    ]
    return unasked + (math.ceil(len(heard) / ((end - min(heard)) / _HOUR)) if heard else 0)


def _listed(aws: Aws, namespace: str) -> list[MetricOutputTypeDef]:
    """The metrics of a namespace, each once: another page may name one again."""
    pages = aws.watch.get_paginator("list_metrics").paginate(Namespace=namespace)
    found = {
        (one["MetricName"], *sorted((of["Name"], of["Value"]) for of in one["Dimensions"])): one
        for page in pages
        for one in page["Metrics"]
    }
    return list(found.values())


def _heard(aws: Aws, metrics: Sequence[MetricOutputTypeDef], end: datetime) -> list[datetime]:
    """The hours in which each metric was heard of: an hour comes once for each."""
    pages = aws.watch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[_query(number, metric) for number, metric in enumerate(metrics)],
        StartTime=end - _MONTH,
        EndTime=end,
    )
    return [
        hour for page in pages for one in page["MetricDataResults"] for hour in one["Timestamps"]
    ]


def _query(number: int, metric: MetricOutputTypeDef) -> MetricDataQueryTypeDef:
    named: MetricTypeDef = {
        "Namespace": metric["Namespace"],
        "MetricName": metric["MetricName"],
        "Dimensions": metric.get("Dimensions", []),
    }
    seconds = int(_HOUR.total_seconds())
    return {
        "Id": f"m{number}",
        "MetricStat": {"Metric": named, "Period": seconds, "Stat": "SampleCount"},
    }
