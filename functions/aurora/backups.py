"""The watch's door to RDS: how the backups of all clusters stand. It reads, and no more.

Each answer is of one call, a page for a hundred, whatever number of clusters there are; of the
snapshots of a cluster, which are no more than the days they are kept, of a call for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from functions.aurora.protection import ABSENT, Backed, Snapshot
from functions.aws import code_of

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

EVENT_MINUTES: Final = 8 * 24 * 60
"""How far back events are asked for: past the seventh snapshot. RDS keeps 14 days of them, and
tells those of the last hour unless it is asked for more."""

_AWS_OWNED = "sse-rds"


@cache
def _rds() -> RDSClient:
    return boto3.client("rds")


def clusters() -> dict[str, Backed]:
    """All clusters there are, by name."""
    pages = _rds().get_paginator("describe_db_clusters").paginate()
    found = [_backed(cluster) for page in pages for cluster in page["DBClusters"]]
    return {cluster.identifier: cluster for cluster in found}


def automated_snapshots(cluster: str) -> tuple[Snapshot, ...]:
    """The automated snapshots of a cluster: one a day, as long as they are kept.

    One without a time has only just been asked for, and is left out.
    """
    pages = (
        _rds()
        .get_paginator("describe_db_cluster_snapshots")
        .paginate(DBClusterIdentifier=cluster, SnapshotType="automated")
    )
    return tuple(
        Snapshot(
            identifier=found["DBClusterSnapshotIdentifier"],
            status=found["Status"],
            at=found["SnapshotCreateTime"],
            progress=found.get("PercentProgress", 0),
        )
        for page in pages
        for found in page["DBClusterSnapshots"]
        if "SnapshotCreateTime" in found
    )


def manual_snapshots() -> Counter[str]:
    """How many manual snapshots there are of each cluster; a quota limits how many there can be."""
    pages = _rds().get_paginator("describe_db_cluster_snapshots").paginate(SnapshotType="manual")
    return Counter(
        found["DBClusterIdentifier"] for page in pages for found in page["DBClusterSnapshots"]
    )


def snapshot_seconds() -> dict[str, float]:
    """How long each snapshot of the last days took, by its id, as far as RDS has told.

    RDS-EVENT-0168 says that an automated one is begun, 0169 that it is there; DescribeEvents shows
    their texts alone. It may lose an event, and may tell them in any order.
    """
    pages = (
        _rds()
        .get_paginator("describe_events")
        .paginate(SourceType="db-cluster-snapshot", Duration=EVENT_MINUTES)
    )
    begun: dict[str, datetime] = {}
    ended: dict[str, datetime] = {}
    for page in pages:
        for event in page["Events"]:
            message = event.get("Message", "").lower()
            times = begun if message.startswith("creating") else ended
            if times is begun or "created" in message:
                times[event["SourceIdentifier"]] = event["Date"]
    return {
        name: (ended[name] - at).total_seconds()
        for name, at in begun.items()
        if name in ended and ended[name] >= at
    }


def engine_status(engine: str, version: str) -> str:
    """Whether AWS offers a version still: `available`, `deprecated`, or ABSENT."""
    answer = _rds().describe_db_engine_versions(
        Engine=engine, EngineVersion=version, IncludeAll=True
    )
    versions = answer["DBEngineVersions"]
    return versions[0].get("Status", "available") if versions else ABSENT


def offered_zones(engine: str, version: str, instance_class: str) -> tuple[str, ...]:
    """The zones where an instance of that class can be made; empty where it cannot."""
    answer = _rds().describe_orderable_db_instance_options(
        Engine=engine, EngineVersion=version, DBInstanceClass=instance_class
    )
    options = answer["OrderableDBInstanceOptions"]
    return tuple(sorted({z["Name"] for option in options for z in option["AvailabilityZones"]}))


def subnet_zones(group: str) -> Mapping[str, str]:
    """The zone of each subnet of a group; empty where there is no such group."""
    try:
        answer = _rds().describe_db_subnet_groups(DBSubnetGroupName=group)
    except ClientError as error:
        if code_of(error) == "DBSubnetGroupNotFoundFault":
            return {}
        raise
    return {
        subnet["SubnetIdentifier"]: subnet["SubnetAvailabilityZone"]["Name"]
        for subnet in answer["DBSubnetGroups"][0]["Subnets"]
    }


def _backed(found: DBClusterTypeDef) -> Backed:
    """A cluster; one of the newest storage is encrypted though StorageEncrypted says no."""
    owned_by_aws = found.get("StorageEncryptionType") == _AWS_OWNED
    key = found.get("KmsKeyId", "")
    return Backed(
        identifier=found["DBClusterIdentifier"],
        status=found["Status"],
        engine=found["Engine"],
        engine_version=found["EngineVersion"],
        encrypted=owned_by_aws or bool(found.get("StorageEncrypted") or key),
        key="" if owned_by_aws else key,
        retention_days=found.get("BackupRetentionPeriod", 0),
        deletion_protection=bool(found.get("DeletionProtection")),
        created_at=found.get("ClusterCreateTime"),
        earliest=found.get("EarliestRestorableTime"),
        latest=found.get("LatestRestorableTime"),
        members=tuple(m["DBInstanceIdentifier"] for m in found.get("DBClusterMembers", [])),
        window=found.get("PreferredBackupWindow", ""),
    )
