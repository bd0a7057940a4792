"""A damage of a cluster, or of what its restore needs, makes its finding appear, and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from moto.ec2.models import ec2_backends

from lab.rds_snapshots import take_automated
from tests.steps.watch_aurora.conftest import (
    CLUSTER,
    PARAMETER_GROUP,
    SUBNET_GROUP,
    World,
    show_window,
    watched,
)

Damage = Callable[[World], object]


def test_a_healthy_cluster_has_no_finding(world: World) -> None:
    (health,) = world.look()
    assert health.findings == ()
    assert {gauge.name for gauge in health.gauges} == {
        "RestorableLagSeconds",
        "RestorableWindowSeconds",
        "SnapshotAgeSeconds",
        "SnapshotDurationSeconds",
        "ManualSnapshots",
    }
    assert health.facts["backup_bytes"] == "not published yet"
    assert health.facts["free_addresses"].keys() == {"sa-east-1a", "sa-east-1b", "sa-east-1c"}


def test_a_cluster_just_made_has_no_finding(new: World) -> None:
    (health,) = new.look()
    assert health.findings == ()
    assert [each["status"] for each in health.facts["snapshots"]] == ["available"]


def test_how_long_the_last_snapshot_took_and_each_before_it(world: World) -> None:
    (health,) = world.look()
    gauges = {gauge.name: gauge.value for gauge in health.gauges}
    assert gauges["SnapshotDurationSeconds"] == 60
    assert [each["seconds"] for each in health.facts["snapshots"]] == [60, 61, 62, 63, 64, 65, 66]


def modify(**changes: object) -> Damage:
    return lambda world: world.client("rds").modify_db_cluster(
        DBClusterIdentifier=CLUSTER, ApplyImmediately=True, **changes
    )


def show(**attributes: object) -> Damage:
    return lambda world: world.source.__dict__.update(attributes)


def no_snapshot_for_long(world: World) -> None:
    world.rds.backend.cluster_snapshots.clear()
    take_automated(world.rds, CLUSTER, at=datetime.now(UTC) - timedelta(hours=26, seconds=1))


def a_snapshot_that_does_not_end(world: World) -> None:
    at = datetime.now(UTC) - timedelta(hours=6, seconds=1)
    take_automated(world.rds, CLUSTER, at=at, seconds=None)


def one_zone(world: World) -> None:
    rds = world.rds
    (subnet, *_) = ec2_backends[rds.account][rds.region].describe_subnets()
    del rds.backend.subnet_groups[SUBNET_GROUP]
    rds.backend.create_subnet_group(SUBNET_GROUP, "made by a test", [subnet], [])


def other_family(of: str) -> Damage:
    def damage(world: World) -> None:
        group = getattr(world.rds.backend, f"db_{of}parameter_groups").pop(PARAMETER_GROUP)
        wrong = {"cluster": PARAMETER_GROUP, "instance": "unused"}
        if not of:
            wrong = {"cluster": "unused", "instance": PARAMETER_GROUP}
        del group
        world.rds.create_parameter_groups(**wrong, family="aurora-postgresql14")

    return damage


def manual_snapshots(world: World) -> None:
    world.rds.quotas["ManualClusterSnapshots"] = 5
    for number in range(4):
        world.client("rds").create_db_cluster_snapshot(
            DBClusterIdentifier=CLUSTER, DBClusterSnapshotIdentifier=f"by-hand-{number}"
        )


@pytest.mark.parametrize(
    ("damage", "condition", "named"),
    [
        (modify(BackupRetentionPeriod=6), "unprotected", "6 days: expected 7"),
        (
            show(storage_encrypted=False, kms_key_id=None),
            "unprotected",
            "prod: is not encrypted",
        ),
        (show(status="stopped"), "backup-stale", "prod: is stopped"),
        (no_snapshot_for_long, "snapshot-stale", "expected 26 hours ago at most"),
        (
            lambda world: world.rds.backend.cluster_snapshots.clear(),
            "snapshot-stale",
            "has no automated snapshot",
        ),
        (a_snapshot_that_does_not_end, "snapshot-stale", "is creating at 1 %"),
        (show(status="incompatible-restore"), "not-restorable", "is incompatible-restore"),
        (
            lambda world: world.rds.offers.withdrawn_versions.add("15.12"),
            "not-restorable",
            "aurora-postgresql 15.12: is offered no more",
        ),
        (
            lambda world: world.rds.offers.zones.update({"db.serverless": ()}),
            "not-restorable",
            "db.serverless: is not offered for aurora-postgresql 15.12",
        ),
        (
            lambda world: world.rds.offers.zones.update({"db.serverless": ("sa-east-1d",)}),
            "not-restorable",
            "is not offered in sa-east-1a, sa-east-1b, sa-east-1c",
        ),
        (
            lambda world: world.rds.backend.db_cluster_parameter_groups.clear(),
            "not-restorable",
            "parameter group of clusters drill-aurora-postgresql15: is not there",
        ),
        (
            lambda world: world.rds.backend.db_parameter_groups.clear(),
            "not-restorable",
            "parameter group of instances drill-aurora-postgresql15: is not there",
        ),
        (other_family("cluster_"), "not-restorable", "clusters drill-aurora-postgresql15: is of"),
        (other_family(""), "not-restorable", "instances drill-aurora-postgresql15: is of"),
        (
            lambda world: world.rds.backend.subnet_groups.clear(),
            "not-restorable",
            "subnet group of the drill network: is not there",
        ),
        (one_zone, "not-restorable", "zones sa-east-1a: expected 2"),
        (
            lambda world: world.rds.quotas.update(DBClusters=1),
            "not-restorable",
            "quota DBClusters: 1 of 1 used",
        ),
        (
            lambda world: world.rds.quotas.update(DBInstances=1),
            "not-restorable",
            "quota DBInstances: 1 of 1 used",
        ),
        (modify(DeletionProtection=False), "advice", "deletion protection is off"),
        (manual_snapshots, "advice", "4 of 5 used"),
        (
            lambda world: world.rds.offers.deprecated_versions.add("15.12"),
            "advice",
            "15.12: is deprecated",
        ),
    ],
)
def test_a_damage_is_found_and_nothing_else(
    world: World, damage: Damage, condition: str, named: str
) -> None:
    assert world.found() == []
    damage(world)
    (health,) = world.look()
    (finding,) = health.findings
    assert finding.condition == condition
    assert named in finding.text


def test_a_restorable_time_that_stands_still(world: World) -> None:
    assert world.found(later=timedelta(minutes=14)) == []
    assert world.found(later=timedelta(minutes=16)) == ["backup-stale"]


def move_window(world: World, *, over: timedelta) -> None:
    """Have the backup window end so long ago."""
    end = datetime.now(UTC) - over
    world.client("rds").modify_db_cluster(
        DBClusterIdentifier=CLUSTER,
        PreferredBackupWindow=f"{end - timedelta(minutes=30):%H:%M}-{end:%H:%M}",
    )


def test_a_window_that_was_moved_is_waited_for(world: World) -> None:
    no_snapshot_for_long(world)
    assert world.found() == ["snapshot-stale"]
    move_window(world, over=timedelta(hours=-3))
    assert world.found() == []
    move_window(world, over=timedelta(hours=1, minutes=50))
    assert world.found() == []
    move_window(world, over=timedelta(hours=2, minutes=10))
    (finding,) = world.look()[0].findings
    assert finding.condition == "snapshot-stale"
    assert "and one in its backup window of" in finding.text


def test_no_restorable_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    show_window(world, monkeypatch, earliest=None, latest=None)
    assert world.found() == ["backup-stale"]


def test_a_window_that_is_shorter_than_the_retention(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    show_window(world, monkeypatch, earliest=now - timedelta(days=6), latest=now)
    assert world.found() == ["advice"]


def test_too_few_free_addresses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rds = world.rds
    for subnet in ec2_backends[rds.account][rds.region].describe_subnets()[1:]:
        monkeypatch.setattr(subnet, "_available_ip_addresses", 2)
    (health,) = world.look()
    (finding,) = health.findings
    assert finding.condition == "not-restorable"
    assert "2 in sa-east-1b, 2 in sa-east-1c: expected 3 in 2 zones" in finding.text


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_a_key_that_cannot_be_used(world: World, state: str) -> None:
    kms = world.client("kms")
    key = world.source.kms_key_id = kms.create_key()["KeyMetadata"]["Arn"]
    key_id = key.rpartition("/")[2]
    if state == "Disabled":
        kms.disable_key(KeyId=key_id)
    else:
        kms.schedule_key_deletion(KeyId=key_id)
    (health,) = world.look()
    assert [each.condition for each in health.findings] == ["unprotected", "not-restorable"]
    assert all(f"is {state}" in each.text for each in health.findings)
    assert health.facts["key"] == {"id": key, "state": state}


def test_a_key_that_is_not_there(world: World) -> None:
    gone = "arn:aws:kms:sa-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    world.source.kms_key_id = gone
    assert world.found() == ["unprotected", "not-restorable"]


def test_a_key_of_aws_itself_is_not_asked_for_and_is_encryption(world: World) -> None:
    world.source.__dict__.update(storage_encrypted=False, storage_encryption_type="sse-rds")
    (health,) = world.look()
    assert health.findings == ()
    assert (health.facts["encrypted"], health.facts["key"]) == (True, None)
    assert "kms:DescribeKey" not in world.calls


def test_a_cluster_that_is_not_there(world: World) -> None:
    (health,) = world.look(watched("no-such-cluster"))
    assert [each.condition for each in health.findings] == ["unprotected", "not-restorable"]
    assert health.gauges == ()


def test_what_rds_publishes_of_sizes(world: World) -> None:
    world.client("cloudwatch").put_metric_data(
        Namespace="AWS/RDS",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "DBClusterIdentifier", "Value": CLUSTER}],
                "Timestamp": datetime.now(UTC) - timedelta(hours=hours),
                "Value": value,
            }
            for name, hours, value in (
                ("TotalBackupStorageBilled", 30, 1e9),
                ("TotalBackupStorageBilled", 6, 2e9),
                ("BackupRetentionPeriodStorageUsed", 6, 5e9),
                ("VolumeBytesUsed", 2, 4e9),
            )
        ],
    )
    (health,) = world.look()
    assert {gauge.name: gauge.value for gauge in health.gauges}["BackupBytes"] == 2e9
    assert (health.facts["backup_bytes"], health.facts["volume_bytes"]) == (2e9, 4e9)
