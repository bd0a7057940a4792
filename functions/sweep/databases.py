"""What there is of RDS that may be a drill's, and its end. Deleting goes by functions/aurora."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from functions.aurora import clusters
from functions.aws import code_of
from functions.watch.expired import Kind, Scratch

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import (
        DBClusterAutomatedBackupTypeDef,
        DBClusterSnapshotTypeDef,
        DBClusterTypeDef,
        DBInstanceTypeDef,
        TagTypeDef,
    )

_RETAINED = "retained"
_GOING_OR_GONE = {"DBClusterSnapshotNotFoundFault", "InvalidDBClusterSnapshotStateFault"}


@cache
def _rds() -> RDSClient:
    return boto3.client("rds")


def instances() -> list[Scratch]:
    """Every instance of the account."""
    pages = _rds().get_paginator("describe_db_instances").paginate()
    return [_instance(found) for page in pages for found in page["DBInstances"]]


def all_clusters() -> list[Scratch]:
    """Every cluster of the account."""
    pages = _rds().get_paginator("describe_db_clusters").paginate()
    return [_cluster(found) for page in pages for found in page["DBClusters"]]


def snapshots() -> list[Scratch]:
    """Every cluster snapshot that somebody took by hand; AWS ends the automated ones itself."""
    pages = _rds().get_paginator("describe_db_cluster_snapshots").paginate(SnapshotType="manual")
    return [_snapshot(found) for page in pages for found in page["DBClusterSnapshots"]]


def backups() -> list[Scratch]:
    """The automated backups that outlived their cluster, by the cluster's name: AWS has its own."""
    pages = _rds().get_paginator("describe_db_cluster_automated_backups").paginate()
    return [
        _backup(found)
        for page in pages
        for found in page["DBClusterAutomatedBackups"]
        if found.get("Status") in (_RETAINED, "deleting")
    ]


def instance_again(found: Scratch) -> list[Scratch]:
    """An instance as it is now, with its cluster and all that is in it; nothing once it is gone."""
    now = _instance_now(found.name)
    if now is None:
        return []
    copy = cluster_again(replace(found, name=now.cluster)) if now.cluster else []
    return [now, *(each for each in copy if each.key != now.key)]


def cluster_again(found: Scratch) -> list[Scratch]:
    """A cluster as it is now, with its instances; nothing once it is gone."""
    try:
        (now,) = _rds().describe_db_clusters(DBClusterIdentifier=found.name)["DBClusters"]
    except ClientError as error:
        if code_of(error) == "DBClusterNotFoundFault":
            return []
        raise
    cluster = _cluster(now)
    # A member that is not found any more has gone since: its cluster shows it a while longer.
    members = [each for each in map(_instance_now, cluster.members) if each]
    return [replace(cluster, members=tuple(each.name for each in members)), *members]


def _instance_now(name: str) -> Scratch | None:
    try:
        (now,) = _rds().describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    except ClientError as error:
        if code_of(error) == "DBInstanceNotFound":
            return None
        raise
    return _instance(now)


def snapshot_again(found: Scratch) -> list[Scratch]:
    """A snapshot as it is now; nothing once it is gone."""
    try:
        answer = _rds().describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=found.name)
    except ClientError as error:
        if code_of(error) == "DBClusterSnapshotNotFoundFault":
            return []
        raise
    return [_snapshot(each) for each in answer["DBClusterSnapshots"]]


def backup_again(found: Scratch) -> list[Scratch]:
    """A backup that outlived its cluster, as it is now; nothing once it is gone."""
    return [each for each in backups() if each.key == found.key]


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


def _instance(found: DBInstanceTypeDef) -> Scratch:
    return Scratch(
        kind=Kind.INSTANCE,
        name=found["DBInstanceIdentifier"],
        status=found["DBInstanceStatus"],
        tags=_tags(found.get("TagList", [])),
        cluster=found.get("DBClusterIdentifier", ""),
    )


def _cluster(found: DBClusterTypeDef) -> Scratch:
    return Scratch(
        kind=Kind.CLUSTER,
        name=found["DBClusterIdentifier"],
        status=found["Status"],
        tags=_tags(found.get("TagList", [])),
        members=tuple(m["DBInstanceIdentifier"] for m in found.get("DBClusterMembers", [])),
        stays="it is protected against deletion: somebody switched that on"
        if found.get("DeletionProtection")
        else "",
    )


def _snapshot(found: DBClusterSnapshotTypeDef) -> Scratch:
    return Scratch(
        kind=Kind.SNAPSHOT,
        name=found["DBClusterSnapshotIdentifier"],
        status=found["Status"],
        tags=_tags(found.get("TagList", [])),
    )


def _backup(found: DBClusterAutomatedBackupTypeDef) -> Scratch:
    return Scratch(
        kind=Kind.BACKUP,
        name=found["DBClusterIdentifier"],
        status=found["Status"],
        tags=_tags(found.get("TagList", [])),
        handle=found["DbClusterResourceId"],
    )


def _tags(tags: Iterable[TagTypeDef]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
