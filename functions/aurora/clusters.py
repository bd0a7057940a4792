"""The drills' door to RDS; `backups` is that of the watch between them.

Answers become frozen values; the wire codes of errors end here.

Codes, not class names: DBInstanceNotFoundFault travels as `DBInstanceNotFound`, but
DBClusterNotFoundFault keeps its `Fault` (botocore's model of RDS, 2014-10-31).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from functions.aurora.values import Cluster, Instance, Quota
from functions.aws import code_of
from functions.errors import TryAgain

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBClusterTypeDef, DBInstanceTypeDef, TagTypeDef

# States that another call may find changed: a race, not a fault.
_BACKUP_STATE = "InvalidDBClusterAutomatedBackupStateFault"
_STATE_RACES = frozenset({"InvalidDBClusterStateFault", "InvalidDBInstanceState", _BACKUP_STATE})


@cache
def _rds() -> RDSClient:
    return boto3.client("rds")


def describe_cluster(identifier: str) -> Cluster | None:
    """The cluster, or None where there is none."""
    try:
        found = _rds().describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"]
    except ClientError as error:
        if code_of(error) == "DBClusterNotFoundFault":
            return None
        raise
    return _cluster(found[0]) if found else None


def describe_instance(identifier: str) -> Instance | None:
    """The instance, or None where there is none."""
    try:
        found = _rds().describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
    except ClientError as error:
        if code_of(error) == "DBInstanceNotFound":
            return None
        raise
    return _instance(found[0]) if found else None


# AWS has no room now: asked again at every look, until the deadline.
_NO_CAPACITY = frozenset(
    {
        "InsufficientDBClusterCapacityFault",
        "InsufficientDBInstanceCapacity",
        "InsufficientStorageClusterCapacity",
    }
)

PORT = 5432
"""The copy's, whatever the source's is: the drill's own security groups admit no other."""


def restore_to_time(
    *,
    source: str,
    target: str,
    restore_time: datetime,
    subnet_group: str,
    security_group: str,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
) -> bool:
    """Ask for the restored cluster; False while the source's state or AWS's capacity forbids it.

    Every parameter with a dangerous default is passed. "Already exists" is success: the caller
    looks again, and adopts what bears the run's tags.
    """
    found = plan["source"]
    request: dict[str, Any] = {
        "DBClusterIdentifier": target,
        "SourceDBClusterIdentifier": source,
        "RestoreType": "full-copy",
        "RestoreToTime": restore_time,
        "DBSubnetGroupName": subnet_group,
        "VpcSecurityGroupIds": [security_group],
        "DBClusterParameterGroupName": drill["parameter_groups"]["cluster"],
        "Port": PORT,
        "EnableIAMDatabaseAuthentication": True,
        "DeletionProtection": False,
        "BackupRetentionPeriod": 1,
        "CopyTagsToSnapshot": False,
        "Tags": _tags(plan["tags"]),
    }
    if found["kms_key_id"]:
        request["KmsKeyId"] = found["kms_key_id"]
    if found["lifecycle_support"]:
        request["EngineLifecycleSupport"] = found["lifecycle_support"]
    if found["storage_type"]:
        request["StorageType"] = found["storage_type"]
    if drill["instance_class"] == "db.serverless":
        request["ServerlessV2ScalingConfiguration"] = {
            "MinCapacity": drill["capacity"]["min"],
            "MaxCapacity": drill["capacity"]["max"],
        }
    try:
        _rds().restore_db_cluster_to_point_in_time(**request)
    except ClientError as error:
        if code_of(error) in {"InvalidDBClusterStateFault", *_NO_CAPACITY}:
            return False
        if code_of(error) != "DBClusterAlreadyExistsFault":
            raise
    return True


def create_instance(
    *, cluster: str, identifier: str, drill: Mapping[str, Any], plan: Mapping[str, Any]
) -> None:
    """Ask for the restored cluster's instance: its writer. "Already exists" is success.

    So is a lack of capacity, for now: the next call finds no instance, and asks again.
    """
    _accepted(
        lambda: _rds().create_db_instance(
            DBInstanceIdentifier=identifier,
            DBClusterIdentifier=cluster,
            DBInstanceClass=drill["instance_class"],
            Engine=plan["source"]["engine"],
            DBParameterGroupName=drill["parameter_groups"]["instance"],
            PubliclyAccessible=False,
            AutoMinorVersionUpgrade=False,
            Tags=_tags(plan["tags"]),
        ),
        already={"DBInstanceAlreadyExists", *_NO_CAPACITY},
    )


def delete_instance(identifier: str) -> None:
    """Ask for the instance's end. "Not found" and "already deleting" are success."""
    _accepted(
        lambda: _rds().delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True),
        already={"DBInstanceNotFound", "InvalidDBInstanceState"},
    )


def delete_cluster(identifier: str) -> None:
    """Ask for the cluster's end, its automated backups included.

    Accepted once every member is `deleting`. "Not found" is success, and a state that forbids it
    now (still creating, a member not yet deleting) is asked again by the next call.
    """
    _accepted(
        lambda: _rds().delete_db_cluster(
            DBClusterIdentifier=identifier, SkipFinalSnapshot=True, DeleteAutomatedBackups=True
        ),
        already={"DBClusterNotFoundFault", "InvalidDBClusterStateFault"},
    )


def retained_backups(resource_id: str, *, cluster: str) -> tuple[str, ...]:
    """The resource ids of automated backups that outlived the cluster with this resource id.

    Of a copy that was renamed, and so became somebody's, there are none.
    """
    try:
        answer = _rds().describe_db_cluster_automated_backups(DbClusterResourceId=resource_id)
    except ClientError as error:
        if code_of(error) == "DBClusterAutomatedBackupNotFoundFault":
            return ()
        raise
    return tuple(
        backup["DbClusterResourceId"]
        for backup in answer["DBClusterAutomatedBackups"]
        if backup.get("Status") == "retained"
        and backup["DbClusterResourceId"] == resource_id
        and backup.get("DBClusterIdentifier") == cluster
    )


def delete_retained_backup(resource_id: str) -> None:
    """Ask for the end of a retained automated backup. "Not found" is success."""
    _accepted(
        lambda: _rds().delete_db_cluster_automated_backup(DbClusterResourceId=resource_id),
        already={"DBClusterAutomatedBackupNotFoundFault", _BACKUP_STATE},
    )


def quotas() -> dict[str, Quota]:
    """The account's quotas by name (DBClusters, DBInstances ...)."""
    answer = _rds().describe_account_attributes()
    return {
        quota["AccountQuotaName"]: Quota(used=quota["Used"], limit=quota["Max"])
        for quota in answer["AccountQuotas"]
    }


def subnet_zones(name: str) -> tuple[str, ...] | None:
    """The zones of a subnet group's subnets, or None where there is no such group."""
    try:
        answer = _rds().describe_db_subnet_groups(DBSubnetGroupName=name)
    except ClientError as error:
        if code_of(error) == "DBSubnetGroupNotFoundFault":
            return None
        raise
    subnets = answer["DBSubnetGroups"][0]["Subnets"]
    return tuple(sorted(s["SubnetAvailabilityZone"]["Name"] for s in subnets))


def cluster_parameter_family(name: str) -> str | None:
    """The family of a cluster parameter group, or None where there is no such group."""
    try:
        answer = _rds().describe_db_cluster_parameter_groups(DBClusterParameterGroupName=name)
    except ClientError as error:
        if code_of(error) in ("DBParameterGroupNotFound", "DBClusterParameterGroupNotFound"):
            return None
        raise
    groups = answer["DBClusterParameterGroups"]
    return groups[0]["DBParameterGroupFamily"] if groups else None


def instance_parameter_family(name: str) -> str | None:
    """The family of an instance parameter group, or None where there is no such group."""
    try:
        answer = _rds().describe_db_parameter_groups(DBParameterGroupName=name)
    except ClientError as error:
        if code_of(error) == "DBParameterGroupNotFound":
            return None
        raise
    groups = answer["DBParameterGroups"]
    return groups[0]["DBParameterGroupFamily"] if groups else None


def _accepted(request: Any, *, already: Iterable[str]) -> None:
    """Make a request; the named codes mean that its purpose is served already."""
    try:
        request()
    except ClientError as error:
        if code_of(error) in already:
            return
        if code_of(error) in _STATE_RACES:
            raise TryAgain(str(error)) from error
        raise


def _cluster(found: DBClusterTypeDef) -> Cluster:
    return Cluster(
        identifier=found["DBClusterIdentifier"],
        arn=found["DBClusterArn"],
        resource_id=found["DbClusterResourceId"],
        status=found["Status"],
        engine=found["Engine"],
        engine_version=found["EngineVersion"],
        encrypted=bool(found.get("StorageEncrypted") or found.get("KmsKeyId")),
        kms_key_id=found.get("KmsKeyId", ""),
        port=found.get("Port", 5432),
        endpoint=found.get("Endpoint", ""),
        reader_endpoint=found.get("ReaderEndpoint", ""),
        earliest_restorable_time=found.get("EarliestRestorableTime"),
        latest_restorable_time=found.get("LatestRestorableTime"),
        retention_days=found.get("BackupRetentionPeriod", 0),
        iam_authentication=bool(found.get("IAMDatabaseAuthenticationEnabled")),
        members=tuple(m["DBInstanceIdentifier"] for m in found.get("DBClusterMembers", [])),
        tags=_read_tags(found.get("TagList", [])),
        created_at=found.get("ClusterCreateTime"),
        lifecycle_support=found.get("EngineLifecycleSupport", ""),
        storage_type=found.get("StorageType", ""),
        deletion_protection=bool(found.get("DeletionProtection")),
    )


def _instance(found: DBInstanceTypeDef) -> Instance:
    return Instance(
        identifier=found["DBInstanceIdentifier"],
        cluster=found.get("DBClusterIdentifier", ""),
        arn=found["DBInstanceArn"],
        status=found["DBInstanceStatus"],
        tags=_read_tags(found.get("TagList", [])),
        created_at=found.get("InstanceCreateTime"),
    )


def _tags(tags: Mapping[str, str]) -> list[TagTypeDef]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _read_tags(tags: Iterable[TagTypeDef]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}
