"""What there is of RDS that may be a drill's, and its end. Deleting goes by functions/aurora."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from functions.aurora import clusters
from functions.aws import code_of
from functions.watch.expired import Kind, Scratch

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import TagTypeDef

_RETAINED = "retained"
_GOING_OR_GONE = {"DBClusterSnapshotNotFoundFault", "InvalidDBClusterSnapshotStateFault"}


@cache
def _rds() -> RDSClient:
    return boto3.client("rds")


def instances() -> list[Scratch]:
    """Every instance of the account."""
    pages = _rds().get_paginator("describe_db_instances").paginate()
    return [
        Scratch(
            kind=Kind.INSTANCE,
            name=found["DBInstanceIdentifier"],
            status=found["DBInstanceStatus"],
            tags=_tags(found.get("TagList", [])),
            cluster=found.get("DBClusterIdentifier", ""),
        )
        for page in pages
        for found in page["DBInstances"]
    ]


def all_clusters() -> list[Scratch]:
    """Every cluster of the account."""
    pages = _rds().get_paginator("describe_db_clusters").paginate()
    return [
        Scratch(
            kind=Kind.CLUSTER,
            name=found["DBClusterIdentifier"],
            status=found["Status"],
            tags=_tags(found.get("TagList", [])),
            members=tuple(
                member["DBInstanceIdentifier"] for member in found.get("DBClusterMembers", [])
            ),
        )
        for page in pages
        for found in page["DBClusters"]
    ]


def snapshots() -> list[Scratch]:
    """Every cluster snapshot that somebody took by hand; AWS ends the automated ones itself."""
    pages = _rds().get_paginator("describe_db_cluster_snapshots").paginate(SnapshotType="manual")
    return [
        Scratch(
            kind=Kind.SNAPSHOT,
            name=found["DBClusterSnapshotIdentifier"],
            status=found["Status"],
            tags=_tags(found.get("TagList", [])),
        )
        for page in pages
        for found in page["DBClusterSnapshots"]
    ]


def backups() -> list[Scratch]:
    """The automated backups that outlived their cluster, by the cluster's name: AWS has its own."""
    pages = _rds().get_paginator("describe_db_cluster_automated_backups").paginate()
    return [
        Scratch(
            kind=Kind.BACKUP,
            name=found["DBClusterIdentifier"],
            status=found["Status"],
            tags=_tags(found.get("TagList", [])),
            handle=found["DbClusterResourceId"],
        )
        for page in pages
        for found in page["DBClusterAutomatedBackups"]
        if found.get("Status") in (_RETAINED, "deleting")
    ]


def delete_instance(found: Scratch) -> None:
    """Ask for an instance's end. What is gone, or going, is success."""
    clusters.delete_instance(found.name)


def delete_cluster(found: Scratch) -> None:
    """Ask for a cluster's end; while its state forbids it, the next sweep asks again."""
    clusters.delete_cluster(found.name)


def delete_snapshot(found: Scratch) -> None:
    """Ask for a snapshot's end. What is gone is success; one still in the making waits."""
    try:
        _rds().delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=found.name)
    except ClientError as error:
        if code_of(error) not in _GOING_OR_GONE:
            raise


def delete_backup(found: Scratch) -> None:
    """Ask for the end of a backup that outlived its cluster. What is gone is success."""
    clusters.delete_retained_backup(found.handle)


def _tags(tags: Iterable[TagTypeDef]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
