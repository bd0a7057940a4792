"""The sweeper: every hour, what a dead drill left behind, once it has expired.

A stop or a time-out of an execution runs no Catch, and so no Teardown. It needs no document and no
ledger: what may go says so itself, by its name and its tags.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from botocore.exceptions import ClientError

from functions.aurora import clusters
from functions.errors import DrillError, TryAgain
from functions.settings import Settings
from functions.watch.expired import EXPIRED, Scratch, Sweep, decide

logger = Logger(service="backup-drills")


class SweepFailed(DrillError):
    """When something expired could not be deleted: the log names it, and the alarm rings."""


def sweep(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Delete what has expired, instances before their clusters; how much, and how much was found.

    What AWS does not let go yet is found again by the next sweep. Raises SweepFailed.
    """
    decision = decide(clusters=_clusters(), instances=_instances(), now=datetime.now(UTC))
    _count(decision)
    failed = _delete("instance", decision.instances, clusters.delete_instance)
    failed += _delete("cluster", decision.clusters, clusters.delete_cluster)
    if failed:
        raise SweepFailed(f"could not delete {', '.join(failed)}")
    asked = len(decision.instances) + len(decision.clusters)
    return {"expired": len(decision.expired), "asked_to_delete": asked}


def _delete(kind: str, names: Iterable[str], delete: Callable[[str], None]) -> list[str]:
    """Ask for the end of each; the names of those that could not be asked for."""
    failed = []
    for name in names:
        try:
            delete(name)
            logger.info("asked to delete", kind=kind, resource=name)
        except (ClientError, TryAgain) as error:
            logger.error("could not delete", kind=kind, resource=name, error=str(error))
            failed.append(name)
    return failed


def _count(decision: Sweep) -> None:
    metrics = EphemeralMetrics(namespace=Settings.from_environment(os.environ).namespace)
    metrics.add_metric(name=EXPIRED, unit=MetricUnit.Count, value=len(decision.expired))
    metrics.flush_metrics()


def _clusters() -> list[Scratch]:
    pages = boto3.client("rds").get_paginator("describe_db_clusters").paginate()
    return [
        Scratch(
            name=found["DBClusterIdentifier"],
            status=found["Status"],
            tags={tag["Key"]: tag["Value"] for tag in found.get("TagList", [])},
            members=tuple(
                member["DBInstanceIdentifier"] for member in found.get("DBClusterMembers", [])
            ),
        )
        for page in pages
        for found in page["DBClusters"]
    ]


def _instances() -> list[Scratch]:
    pages = boto3.client("rds").get_paginator("describe_db_instances").paginate()
    return [
        Scratch(
            name=found["DBInstanceIdentifier"],
            status=found["DBInstanceStatus"],
            tags={tag["Key"]: tag["Value"] for tag in found.get("TagList", [])},
        )
        for page in pages
        for found in page["DBInstances"]
    ]
