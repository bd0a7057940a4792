"""Automated and manual snapshots, their events, and what RDS offers, as its API shows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.emulator import Emulator
from lab.rds import Rds
from lab.rds_offers import Offers
from lab.rds_snapshots import BEGUN, ENDED, forget_automated, take_automated

CLUSTER = "prod"
NIGHT = datetime(2026, 11, 2, 4, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def rds(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rds]:
    running = Rds(folder=tmp_path_factory.mktemp("rds"), authorise=lambda *_: True)
    running.install()
    emulator.client("rds").create_db_cluster(
        DBClusterIdentifier=CLUSTER,
        Engine="aurora-postgresql",
        EngineVersion="15.8",
        MasterUsername="owner",
        MasterUserPassword="not-a-secret",
    )
    yield running
    running.stop()


@pytest.fixture
def client(rds: Rds, emulator: Emulator) -> Iterator[Any]:
    """RDS without any snapshot, and with all it offers."""
    rds.backend.cluster_snapshots.clear()
    rds.backend.events.clear()
    rds.offers = Offers()
    yield emulator.client("rds")
    rds.backend.cluster_snapshots.clear()
    rds.backend.events.clear()


def snapshots(client: Any, **request: Any) -> list[str]:
    answer = client.describe_db_cluster_snapshots(**request)
    return [each["DBClusterSnapshotIdentifier"] for each in answer["DBClusterSnapshots"]]


def test_an_automated_snapshot_looks_like_one_of_aws(rds: Rds, client: Any) -> None:
    take_automated(rds, CLUSTER, at=NIGHT)
    answer = client.describe_db_cluster_snapshots(
        DBClusterIdentifier=CLUSTER, SnapshotType="automated"
    )
    (found,) = answer["DBClusterSnapshots"]
    expected = {
        "DBClusterSnapshotIdentifier": "rds:prod-2026-11-02-04-30",
        "DBClusterIdentifier": CLUSTER,
        "SnapshotCreateTime": NIGHT,
        "SnapshotType": "automated",
        "Status": "available",
        "PercentProgress": 100,
        "AllocatedStorage": 1,
    }
    assert {name: found[name] for name in expected} == expected


def test_one_that_is_not_finished_is_creating(rds: Rds, client: Any) -> None:
    take_automated(rds, CLUSTER, at=NIGHT, seconds=None)
    (found,) = client.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert (found["Status"], found["PercentProgress"]) == ("creating", 1)


def test_automated_and_manual_ones_are_told_apart(rds: Rds, client: Any) -> None:
    automated = take_automated(rds, CLUSTER).db_cluster_snapshot_identifier
    client.create_db_cluster_snapshot(
        DBClusterIdentifier=CLUSTER, DBClusterSnapshotIdentifier="by-hand"
    )
    assert snapshots(client, SnapshotType="automated") == [automated]
    assert snapshots(client, SnapshotType="manual") == ["by-hand"]
    assert set(snapshots(client)) == {automated, "by-hand"}
    assert snapshots(client, DBClusterIdentifier="other") == []


def test_a_page_holds_a_hundred(rds: Rds, client: Any) -> None:
    for hours in range(120):
        take_automated(rds, CLUSTER, at=NIGHT - timedelta(hours=hours))
    assert len(snapshots(client)) == 100
    pages = list(client.get_paginator("describe_db_cluster_snapshots").paginate())
    assert [len(page["DBClusterSnapshots"]) for page in pages] == [100, 20]


def test_events_of_the_last_hour_are_told_unless_more_is_asked_for(rds: Rds, client: Any) -> None:
    begun = datetime.now(UTC) - timedelta(hours=3)
    take_automated(rds, CLUSTER, at=begun, seconds=90)
    asked = {"SourceType": "db-cluster-snapshot"}
    assert client.describe_events(**asked)["Events"] == []
    events = client.describe_events(**asked, Duration=240)["Events"]
    name = f"rds:prod-{begun:%Y-%m-%d-%H-%M}"
    assert [(each["SourceIdentifier"], each["Message"]) for each in events] == [
        (name, BEGUN),
        (name, ENDED),
    ]
    assert (events[1]["Date"] - events[0]["Date"]) == timedelta(seconds=90)


def test_of_an_unfinished_snapshot_only_the_beginning_is_told(rds: Rds, client: Any) -> None:
    take_automated(rds, CLUSTER, seconds=None)
    events = client.describe_events(SourceType="db-cluster-snapshot", Duration=60)["Events"]
    assert [each["Message"] for each in events] == [BEGUN]


def test_automated_snapshots_go_with_their_cluster_and_manual_ones_stay(
    rds: Rds, client: Any
) -> None:
    take_automated(rds, CLUSTER)
    client.create_db_cluster_snapshot(
        DBClusterIdentifier=CLUSTER, DBClusterSnapshotIdentifier="by-hand"
    )
    forget_automated(rds, CLUSTER)
    assert snapshots(client) == ["by-hand"]


def test_manual_snapshots_are_counted_against_their_quota(rds: Rds, client: Any) -> None:
    take_automated(rds, CLUSTER)
    client.create_db_cluster_snapshot(
        DBClusterIdentifier=CLUSTER, DBClusterSnapshotIdentifier="by-hand"
    )
    quotas = {
        each["AccountQuotaName"]: (each["Used"], each["Max"])
        for each in client.describe_account_attributes()["AccountQuotas"]
    }
    assert quotas["ManualClusterSnapshots"] == (1, 100)


def test_versions_are_those_of_the_clusters_until_they_are_withdrawn(rds: Rds, client: Any) -> None:
    def status(**request: Any) -> list[str]:
        answer = client.describe_db_engine_versions(
            Engine="aurora-postgresql", EngineVersion="15.8", **request
        )
        return [each["Status"] for each in answer["DBEngineVersions"]]

    assert status() == ["available"]
    rds.offers.deprecated_versions.add("15.8")
    assert (status(), status(IncludeAll=True)) == ([], ["deprecated"])
    rds.offers.withdrawn_versions.add("15.8")
    assert status(IncludeAll=True) == []


def test_a_class_is_offered_everywhere_or_where_a_test_says(rds: Rds, client: Any) -> None:
    def zones(instance_class: str) -> list[list[str]]:
        answer = client.describe_orderable_db_instance_options(
            Engine="aurora-postgresql", EngineVersion="15.8", DBInstanceClass=instance_class
        )
        options = answer["OrderableDBInstanceOptions"]
        return [[zone["Name"] for zone in each["AvailabilityZones"]] for each in options]

    rds.offers.zones |= {"db.r7g.large": ("sa-east-1c",), "db.r4.large": ()}
    assert zones("db.serverless") == [["sa-east-1a", "sa-east-1b", "sa-east-1c"]]
    assert zones("db.r7g.large") == [["sa-east-1c"]]
    assert zones("db.r4.large") == []
