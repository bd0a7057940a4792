"""What the operations of RDS accept, refuse and answer: those that a drill and its tests use.

Each gets the request as the SDK names its parameters, and answers what the SDK will see, or None to
leave the request to moto. Refusals bear the wire codes of botocore's model of RDS (2014-10-31), so
`DBInstanceNotFound` but `DBClusterNotFoundFault`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.rds.exceptions import DBInstanceNotFoundError, RDSClientError
from psycopg import sql

from lab.rds_records import ENGINE, ServedCluster, ServedInstance, default_group

if TYPE_CHECKING:
    from lab.rds import Rds

Request = dict[str, Any]
Operation = Callable[["Rds", Request], object]

_IDENTIFIER = re.compile(r"(?!.*--)[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PORTS = range(1150, 65536)
_RETENTION_DAYS = range(1, 36)

# The parameters of ModifyDBCluster that take effect here, and moto's names for what they change.
_CHANGEABLE = {
    "BackupRetentionPeriod": "backup_retention_period",
    "CopyTagsToSnapshot": "copy_tags_to_snapshot",
    "DBClusterParameterGroupName": "parameter_group",
    "DeletionProtection": "deletion_protection",
    "EnableIAMDatabaseAuthentication": "iam_auth",
    "PreferredBackupWindow": "preferred_backup_window",
    "ServerlessV2ScalingConfiguration": "serverless_v2_scaling_configuration",
    "VpcSecurityGroupIds": "vpc_security_group_ids",
}
_NOT_CHANGES = {"DBClusterIdentifier", "ApplyImmediately", "MasterUserPassword"}


def describe_db_clusters(rds: Rds, _: Request) -> None:
    """Refresh the restore windows; moto does the rest."""
    for cluster in list(rds.backend.clusters.values()):
        if isinstance(cluster, ServedCluster):
            rds.refresh(cluster)


def restore_db_cluster_to_point_in_time(rds: Rds, request: Request) -> object:
    """Begin a restore: a cluster without instances, that keeps only what it is told to keep."""
    identifier = _new_identifier(request["DBClusterIdentifier"])
    with rds.lock:
        source = _source(rds, request)
        if source is None:
            return None
        if identifier in rds.backend.clusters:
            raise _refusal("DBClusterAlreadyExistsFault", f"{identifier} already exists")
        until = _restore_time(rds, source, request)
        _check_quota(rds, "DBClusters", "DBClusterQuotaExceededFault")
        cluster = ServedCluster(
            rds.backend,
            front=rds.new_front(_one_of(_PORTS, request, "Port", None)),
            db_cluster_identifier=identifier,
            database_name=source.database_name,
            master_username=source.master_username,
            engine_version=source.engine_version,
            backup_retention_period=_one_of(
                _RETENTION_DAYS, request, "BackupRetentionPeriod", source.backup_retention_period
            ),
            storage_encrypted=source.storage_encrypted,
            storage_type=request.get("StorageType") or "aurora",
            kms_key_id=_key(rds, source, request),
            deletion_protection=request.get("DeletionProtection", False),
            enable_iam_database_authentication=request.get(
                "EnableIAMDatabaseAuthentication", False
            ),
            enable_cloudwatch_logs_exports=request.get("EnableCloudwatchLogsExports"),
            copy_tags_to_snapshot=request.get("CopyTagsToSnapshot", False),
            db_cluster_parameter_group_name=_cluster_group(rds, source, request),
            db_subnet_group_name=_subnet_group(rds, request),
            serverless_v2_scaling_configuration=request.get("ServerlessV2ScalingConfiguration"),
            vpc_security_group_ids=request.get("VpcSecurityGroupIds") or ["sg-default"],
            # All of the source's tags, or none of them.
            tags=request.get("Tags") or copy.deepcopy(source.tags),
        )
        rds.backend.clusters[identifier] = cluster
        assert source.server is not None
        rds.begin_restore(cluster, source.server, until)
        return {"DBCluster": copy.copy(cluster)}


def create_db_instance(rds: Rds, request: Request) -> object:
    """Begin an instance of a cluster that is available."""
    if not request.get("DBClusterIdentifier"):
        return None
    with rds.lock:
        cluster = _cluster(rds, request["DBClusterIdentifier"])
        if cluster is None:
            return None
        identifier = _new_identifier(request["DBInstanceIdentifier"])
        if identifier in rds.backend.databases:
            raise _refusal("DBInstanceAlreadyExists", "DB instance already exists")
        if request["Engine"] != ENGINE:
            raise _refusal(
                "InvalidParameterCombination",
                f"The engine name requested for your DB instance ({request['Engine']}) doesn't "
                f"match the engine name of your DB cluster ({ENGINE}).",
            )
        _expect_status(cluster, "available")
        serverless = request["DBInstanceClass"] == "db.serverless"
        if serverless and not cluster.serverless_v2_scaling_configuration:
            raise _refusal(
                "InvalidDBClusterStateFault",
                "Set the Serverless v2 scaling configuration on the parent DB cluster before "
                "creating a Serverless v2 DB instance.",
            )
        _check_quota(rds, "DBInstances", "InstanceQuotaExceeded")
        instance = ServedInstance(
            rds.backend,
            cluster=cluster,
            db_instance_identifier=identifier,
            db_instance_class=request["DBInstanceClass"],
            db_parameter_group_name=request.get("DBParameterGroupName"),
            publicly_accessible=request.get("PubliclyAccessible", False),
            auto_minor_version_upgrade=request.get("AutoMinorVersionUpgrade", True),
            promotion_tier=request.get("PromotionTier", 1),
            tags=request.get("Tags") or [],
        )
        rds.backend.databases[identifier] = instance
        rds.begin_instance(instance)
        return {"DBInstance": copy.copy(instance)}


def delete_db_instance(rds: Rds, request: Request) -> object:
    """Begin the end of an instance; its cluster's deletion protection does not cover it."""
    with rds.lock:
        instance = rds.backend.databases.get(request["DBInstanceIdentifier"])
        if instance is None:
            raise DBInstanceNotFoundError(request["DBInstanceIdentifier"])
        if not isinstance(instance, ServedInstance):
            return None
        if instance.status not in ("available", "failed", "stopped"):
            raise _refusal("InvalidDBInstanceState", f"{instance.identifier} is {instance.status}")
        answer = copy.copy(instance)
        rds.end_instance(instance)
        answer.status = "deleting"
        return {"DBInstance": answer}


def delete_db_cluster(rds: Rds, request: Request) -> object:
    """Begin the end of a cluster whose instances are all being deleted."""
    with rds.lock:
        cluster = _cluster(rds, request["DBClusterIdentifier"])
        if cluster is None:
            return None
        skip, name = (
            request.get("SkipFinalSnapshot", False),
            request.get("FinalDBSnapshotIdentifier"),
        )
        if not skip and not name:
            raise _refusal(
                "InvalidParameterCombination",
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
            )
        if skip and name:
            raise _refusal(
                "InvalidParameterCombination",
                "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true.",
            )
        if cluster.deletion_protection:
            raise _refusal(
                "InvalidParameterCombination",
                "Cannot delete protected Cluster, please disable deletion protection and try "
                "again.",
            )
        _expect_status(cluster, "available", "failed")
        if any(member.status != "deleting" for member in cluster.members):
            raise _refusal(
                "InvalidDBClusterStateFault",
                "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
            )
        if name:
            rds.backend.create_db_cluster_snapshot(cluster.identifier, name)
        if not request.get("DeleteAutomatedBackups", True):
            rds.retained_backups[cluster.db_cluster_resource_id] = _backup(cluster, "retained")
        answer = copy.copy(cluster)  # which still says available, as that of RDS does
        rds.end_cluster(cluster)
        return {"DBCluster": answer}


def modify_db_cluster(rds: Rds, request: Request) -> object:
    """Change a cluster at once."""
    with rds.lock:
        cluster = _cluster(rds, request["DBClusterIdentifier"])
        if cluster is None:
            return None
        _expect_status(cluster, "available")
        changes = {name: value for name, value in request.items() if name not in _NOT_CHANGES}
        if unknown := changes.keys() - _CHANGEABLE.keys():
            raise _refusal(
                "InvalidParameterCombination",
                f"the lab cannot change {', '.join(sorted(unknown))} of a cluster",
            )
        for name, value in changes.items():
            setattr(cluster, _CHANGEABLE[name], value)
        if password := request.get("MasterUserPassword"):
            assert cluster.server is not None
            with cluster.server.connect() as connection:
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                        sql.Identifier(cluster.master_username), sql.Literal(password)
                    )
                )
        return {"DBCluster": copy.copy(cluster)}


def stop_db_cluster(rds: Rds, request: Request) -> object:
    """Begin to stop a cluster that is available."""
    with rds.lock:
        cluster = _cluster(rds, request["DBClusterIdentifier"])
        if cluster is None:
            return None
        _expect_status(cluster, "available")
        rds.stop_cluster(cluster)
        return {"DBCluster": copy.copy(cluster)}


def start_db_cluster(rds: Rds, request: Request) -> object:
    """Begin to start a cluster that is stopped."""
    with rds.lock:
        cluster = _cluster(rds, request["DBClusterIdentifier"])
        if cluster is None:
            return None
        _expect_status(cluster, "stopped")
        rds.start_cluster(cluster)
        return {"DBCluster": copy.copy(cluster)}


def describe_db_cluster_automated_backups(rds: Rds, request: Request) -> object:
    """One record per cluster, and one per cluster that is gone but left its backups."""
    describe_db_clusters(rds, request)
    clusters = [c for c in rds.backend.clusters.values() if isinstance(c, ServedCluster)]
    backups = [_backup(cluster, "active") for cluster in clusters if cluster.status != "creating"]
    backups += rds.retained_backups.values()
    filters = {each["Name"]: set(each["Values"]) for each in request.get("Filters") or []}
    wanted = {
        "DbClusterResourceId": filters.get("db-cluster-resource-id"),
        "DBClusterIdentifier": filters.get("db-cluster-id"),
        "Status": filters.get("status"),
    }
    for name in ("DbClusterResourceId", "DBClusterIdentifier"):
        if value := request.get(name):
            wanted[name] = {value}
    found = [
        backup
        for backup in backups
        if all(values is None or backup[name] in values for name, values in wanted.items())
    ]
    if not found and (resource_id := request.get("DbClusterResourceId")):
        raise _no_backup(resource_id)
    return {"DBClusterAutomatedBackups": found}


def delete_db_cluster_automated_backup(rds: Rds, request: Request) -> object:
    """Delete a retained automated backup."""
    resource_id = request["DbClusterResourceId"]
    with rds.lock:
        if backup := rds.retained_backups.pop(resource_id, None):
            return {"DBClusterAutomatedBackup": backup | {"Status": "deleting"}}
        clusters = rds.backend.clusters.values()
        if any(cluster.db_cluster_resource_id == resource_id for cluster in clusters):
            raise _refusal(
                "InvalidDBClusterAutomatedBackupStateFault",
                "the automated backup belongs to a cluster that exists",
            )
        raise _no_backup(resource_id)


def describe_account_attributes(rds: Rds, _: Request) -> object:
    """The quotas and what is used of them."""
    return {
        "AccountQuotas": [
            {"AccountQuotaName": name, "Used": _used(rds, name), "Max": limit}
            for name, limit in rds.quotas.items()
        ]
    }


OPERATIONS: dict[str, Operation] = {
    operation.__name__: operation
    for operation in (
        describe_db_clusters,
        restore_db_cluster_to_point_in_time,
        create_db_instance,
        delete_db_instance,
        delete_db_cluster,
        modify_db_cluster,
        stop_db_cluster,
        start_db_cluster,
        describe_db_cluster_automated_backups,
        delete_db_cluster_automated_backup,
        describe_account_attributes,
    )
}


def _cluster(rds: Rds, identifier: str) -> ServedCluster | None:
    """The cluster, None for one of moto's own. Raises DBClusterNotFoundFault."""
    cluster = rds.backend.describe_db_clusters(identifier)[0]
    return cluster if isinstance(cluster, ServedCluster) else None


def _source(rds: Rds, request: Request) -> ServedCluster | None:
    """The cluster to restore from, by name, ARN or resource id."""
    if identifier := request.get("SourceDBClusterIdentifier"):
        return _cluster(rds, identifier)
    resource_id = request.get("SourceDbClusterResourceId")
    if not resource_id:
        raise _refusal(
            "InvalidParameterCombination",
            "SourceDBClusterIdentifier or SourceDbClusterResourceId must be specified",
        )
    for cluster in rds.backend.clusters.values():
        if cluster.db_cluster_resource_id == resource_id:
            return cluster if isinstance(cluster, ServedCluster) else None
    raise _no_backup(resource_id)


def _restore_time(rds: Rds, source: ServedCluster, request: Request) -> datetime:
    """The moment to restore to."""
    told: datetime | None = request.get("RestoreToTime")
    latest_wanted = request.get("UseLatestRestorableTime", False)
    if (told is None) == (not latest_wanted):
        raise _refusal(
            "InvalidParameterCombination",
            "Exactly one of RestoreToTime and UseLatestRestorableTime must be specified",
        )
    restore_type = request.get("RestoreType") or "full-copy"
    if restore_type not in ("full-copy", "copy-on-write"):
        raise _refusal("InvalidParameterValue", f"Invalid restore type {restore_type}")
    if told is not None and restore_type == "copy-on-write":
        raise _refusal(
            "InvalidParameterCombination",
            "RestoreToTime cannot be specified when RestoreType is copy-on-write",
        )
    rds.refresh(source)
    earliest, latest = source.earliest_restorable_time, source.latest_restorable_time
    if earliest is None or latest is None or source.server is None:
        raise _refusal(
            "InvalidDBClusterStateFault", f"{source.identifier} cannot be restored from yet"
        )
    if source.server.earliest is None:
        raise _refusal("InvalidRestoreFault", "the lab does not restore from restored clusters")
    if told is None:
        return latest
    moment = told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    if not earliest <= moment <= latest:
        raise _refusal(
            "InvalidRestoreFault",
            f"{moment.isoformat()} is not in the restore window of {source.identifier}, "
            f"{earliest.isoformat()} to {latest.isoformat()}",
        )
    return moment


def _key(rds: Rds, source: ServedCluster, request: Request) -> str | None:
    """The key of the copy: another one only where the source has one."""
    wanted: str | None = request.get("KmsKeyId")
    if not wanted:
        return source.kms_key_id
    if not source.storage_encrypted:
        raise _refusal(
            "InvalidParameterCombination",
            "KmsKeyId cannot be specified for a source that is not encrypted",
        )
    return str(rds.backend._validate_kms_key(wanted))


def _cluster_group(rds: Rds, source: ServedCluster, request: Request) -> str:
    """The parameter group; the engine's default where none is given, whatever the source has."""
    name = request.get("DBClusterParameterGroupName")
    if not name:
        return default_group(source.engine_version)
    if not name.startswith("default.") and name not in rds.backend.db_cluster_parameter_groups:
        raise _refusal(
            "DBClusterParameterGroupNotFound", f"DBClusterParameterGroup not found: {name}"
        )
    return str(name)


def _subnet_group(rds: Rds, request: Request) -> str:
    name: str = request.get("DBSubnetGroupName") or "default"
    if name != "default":
        rds.backend.describe_db_subnet_groups(name)
    return name


def _one_of(allowed: range, request: Request, name: str, default: int | None) -> int | None:
    value: int | None = request.get(name)
    if value is not None and value not in allowed:
        raise _refusal(
            "InvalidParameterValue",
            f"{name} is {value}: expected {allowed.start} to {allowed.stop - 1}",
        )
    return default if value is None else value


def _new_identifier(identifier: str) -> str:
    """As RDS stores it."""
    lower = identifier.lower()
    if not _IDENTIFIER.fullmatch(lower):
        raise _refusal(
            "InvalidParameterValue",
            f"The identifier {identifier} is not valid: it must begin with a letter, contain only "
            "letters, digits and hyphens, and not end with a hyphen or contain two in a row.",
        )
    return lower


def _check_quota(rds: Rds, name: str, code: str) -> None:
    if _used(rds, name) >= rds.quotas[name]:
        raise _refusal(code, f"the quota {name} of {rds.quotas[name]} is used up")


def _used(rds: Rds, name: str) -> int:
    manual = [s for s in rds.backend.cluster_snapshots.values() if s.snapshot_type == "manual"]
    records = {
        "DBClusters": rds.backend.clusters,
        "DBInstances": rds.backend.databases,
        "ManualClusterSnapshots": manual,
    }
    return len(records[name]) if name in records else 0


def _expect_status(cluster: ServedCluster, *expected: str) -> None:
    if cluster.status not in expected:
        raise _refusal(
            "InvalidDBClusterStateFault",
            f"DbCluster {cluster.identifier} is in {cluster.status} state but expected it to be "
            f"one of {','.join(expected)}.",
        )


def _backup(cluster: ServedCluster, status: str) -> dict[str, Any]:
    """The automated backup of a cluster, as RDS lists it: not a list of backups, and no sizes."""
    return {
        "DBClusterIdentifier": cluster.identifier,
        "DBClusterArn": cluster.arn,
        "DBClusterAutomatedBackupsArn": cluster.arn.replace(
            f":cluster:{cluster.identifier}",
            f":cluster-auto-backup:{cluster.db_cluster_resource_id}",
        ),
        "DbClusterResourceId": cluster.db_cluster_resource_id,
        "Engine": ENGINE,
        "EngineVersion": cluster.engine_version,
        "Status": status,
        "RestoreWindow": {
            "EarliestTime": cluster.earliest_restorable_time,
            "LatestTime": cluster.latest_restorable_time,
        },
        "BackupRetentionPeriod": cluster.backup_retention_period,
        "AllocatedStorage": 1,
        "StorageEncrypted": cluster.storage_encrypted,
        "KmsKeyId": cluster.kms_key_id,
        "IAMDatabaseAuthenticationEnabled": cluster.iam_database_authentication_enabled,
        "ClusterCreateTime": cluster.cluster_create_time,
        "MasterUsername": cluster.master_username,
        "Port": cluster.port,
        "Region": cluster.region,
        "TagList": cluster.tags,
    }


def _no_backup(resource_id: str) -> Exception:
    return _refusal(
        "DBClusterAutomatedBackupNotFoundFault", f"there is no automated backup of {resource_id}"
    )


def _refusal(code: str, message: str) -> Exception:
    refusal: Exception = RDSClientError(code, message)
    return refusal
