"""The operations of RDS, called through the SDK: what they accept, refuse, and how states pass."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab import seed
from lab.login_front import HOST
from lab.postgres import Server
from lab.rds import Rds
from lab.rds_records import ServedCluster
from tests.lab_parts.conftest import (
    LAG_SECONDS,
    SOURCE,
    Copies,
    eventually,
    moment_between,
    remove,
    sdk,
    value,
)


def code(call: Callable[[], object]) -> str:
    """The wire code that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def connects(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


class TestSource:
    def test_looks_like_a_production_cluster(self, client: Any, endpoint: str) -> None:
        [found] = client.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
        expected = {
            "Status": "available",
            "Engine": "aurora-postgresql",
            "EngineVersion": "15.12",
            "Endpoint": HOST,
            "ReaderEndpoint": HOST,
            "DatabaseName": "fibonacci",
            "MasterUsername": "fibonacci_admin",
            "BackupRetentionPeriod": 7,
            "StorageEncrypted": True,
            "StorageType": "aurora",
            "DeletionProtection": True,
            "IAMDatabaseAuthenticationEnabled": True,
            "DBClusterParameterGroup": "default.aurora-postgresql15",
            "DBSubnetGroup": "default",
            "EngineLifecycleSupport": "open-source-rds-extended-support",
        }
        assert {name: found[name] for name in expected} == expected
        assert found["DbClusterResourceId"].startswith("cluster-")
        [member] = found["DBClusterMembers"]
        assert member["IsClusterWriter"]
        [instance] = client.describe_db_instances(
            DBInstanceIdentifier=member["DBInstanceIdentifier"]
        )["DBInstances"]
        assert instance["DBInstanceStatus"] == "available"
        assert instance["Endpoint"]["Port"] == found["Port"]
        key = sdk("kms", endpoint).describe_key(KeyId=found["KmsKeyId"])["KeyMetadata"]
        assert key["KeyState"] == "Enabled"

    def test_can_be_found_by_arn_and_by_filter(self, client: Any) -> None:
        [found] = client.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
        by_arn = client.describe_db_clusters(DBClusterIdentifier=found["DBClusterArn"])
        by_filter = client.describe_db_clusters(
            Filters=[{"Name": "db-cluster-id", "Values": [SOURCE]}]
        )
        for answer in (by_arn, by_filter):
            assert [each["DBClusterIdentifier"] for each in answer["DBClusters"]] == [SOURCE]

    def test_another_is_not_found(self, client: Any) -> None:
        assert (
            code(lambda: client.describe_db_clusters(DBClusterIdentifier="no"))
            == "DBClusterNotFoundFault"
        )
        assert (
            code(lambda: client.describe_db_instances(DBInstanceIdentifier="no"))
            == "DBInstanceNotFound"
        )

    def test_is_protected(self, client: Any, source: ServedCluster) -> None:
        refused = code(
            lambda: client.delete_db_cluster(DBClusterIdentifier=SOURCE, SkipFinalSnapshot=True)
        )
        assert refused == "InvalidParameterCombination"
        assert source.server is not None
        assert source.server.running


class TestRestoreWindow:
    def test_lags_behind_the_clock_and_moves_on(self, client: Any) -> None:
        def window() -> tuple[datetime, datetime]:
            [found] = client.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
            return found["EarliestRestorableTime"], found["LatestRestorableTime"]

        earliest, first = window()
        time.sleep(LAG_SECONDS + 0.1)
        _, second = window()
        lag = datetime.now(UTC) - second
        assert earliest <= first < second
        assert timedelta(seconds=LAG_SECONDS) <= lag < timedelta(seconds=LAG_SECONDS + 2)

    def test_is_never_later_than_the_archive(
        self, client: Any, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archived = server.archived_through
        assert archived is not None
        monkeypatch.setattr(server, "archive_now", lambda: archived)
        time.sleep(LAG_SECONDS + 0.1)
        [found] = client.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
        assert found["LatestRestorableTime"] <= archived

    def test_can_be_restored_from_its_first_moment_on(self, copies: Copies, rds: Rds) -> None:
        copies.available(copies.cluster(SOURCE)["EarliestRestorableTime"])
        assert rds.failures == []


class TestRestoreRequest:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"DBClusterIdentifier": SOURCE}, "DBClusterAlreadyExistsFault"),
            ({"DBClusterIdentifier": "9lives"}, "InvalidParameterValue"),
            ({"DBClusterIdentifier": "two--hyphens"}, "InvalidParameterValue"),
            ({"DBClusterIdentifier": "a" * 64}, "InvalidParameterValue"),
            ({"SourceDBClusterIdentifier": "nobody"}, "DBClusterNotFoundFault"),
            ({"SourceDBClusterIdentifier": None}, "InvalidParameterCombination"),
            ({"UseLatestRestorableTime": None}, "InvalidParameterCombination"),
            ({"UseLatestRestorableTime": False}, "InvalidParameterCombination"),
            ({"RestoreToTime": datetime.now(UTC)}, "InvalidParameterCombination"),
            ({"RestoreType": "half-copy"}, "InvalidParameterValue"),
            ({"DBClusterParameterGroupName": "nobody"}, "DBClusterParameterGroupNotFound"),
            ({"DBSubnetGroupName": "nobody"}, "DBSubnetGroupNotFoundFault"),
            ({"KmsKeyId": "nobody"}, "KMSKeyNotAccessibleFault"),
            ({"BackupRetentionPeriod": 0}, "InvalidParameterValue"),
            ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
            ({"Port": 80}, "InvalidParameterValue"),
        ],
    )
    def test_is_refused(self, client: Any, changes: dict[str, Any], expected: str) -> None:
        request = {
            "DBClusterIdentifier": "drill-refused",
            "SourceDBClusterIdentifier": SOURCE,
            "UseLatestRestorableTime": True,
            **changes,
        }
        told = {name: value for name, value in request.items() if value is not None}
        assert code(lambda: client.restore_db_cluster_to_point_in_time(**told)) == expected
        assert len(client.describe_db_clusters()["DBClusters"]) == 1

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_outside_the_window_is_refused(self, client: Any, copies: Copies, moment: str) -> None:
        [found] = client.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
        until = {
            "before": found["EarliestRestorableTime"] - timedelta(milliseconds=1),
            "after": datetime.now(UTC),
        }[moment]
        assert code(lambda: copies.restore(until)) == "InvalidRestoreFault"

    def test_of_a_clone_with_a_time_is_refused(self, client: Any, copies: Copies) -> None:
        [found] = client.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
        asked = {"until": found["LatestRestorableTime"], "RestoreType": "copy-on-write"}
        assert code(lambda: copies.restore(**asked)) == "InvalidParameterCombination"

    def test_past_the_quota_is_refused(self, client: Any, copies: Copies, rds: Rds) -> None:
        rds.quotas["DBClusters"] = 1
        try:
            assert code(copies.restore) == "DBClusterQuotaExceededFault"
            quotas = client.describe_account_attributes()["AccountQuotas"]
        finally:
            rds.quotas["DBClusters"] = 40
        assert {"AccountQuotaName": "DBClusters", "Used": 1, "Max": 1} in quotas

    def test_keeps_what_it_is_told_and_no_more(self, client: Any, copies: Copies) -> None:
        told = copies.cluster(
            copies.restore(
                DBSubnetGroupName="drill",
                DBClusterParameterGroupName="drill",
                VpcSecurityGroupIds=["sg-drill"],
                BackupRetentionPeriod=1,
                DeletionProtection=True,
                ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 4},
                Tags=[{"Key": "backup-drills:managed", "Value": "true"}],
            )
        )
        expected = {
            "DBSubnetGroup": "drill",
            "DBClusterParameterGroup": "drill",
            "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-drill", "Status": "active"}],
            "BackupRetentionPeriod": 1,
            "DeletionProtection": True,
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 4.0},
            "TagList": [{"Key": "backup-drills:managed", "Value": "true"}],
            "EngineVersion": "15.12",
            "StorageEncrypted": True,
        }
        assert {name: told[name] for name in expected} == expected
        name = told["DBClusterIdentifier"]
        eventually(lambda: copies.cluster_status(name) == "available")
        refused = code(
            lambda: client.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
        )
        assert refused == "InvalidParameterCombination"

    def test_left_to_defaults_is_not_like_the_source(self, client: Any, copies: Copies) -> None:
        """Each of these is a trap: only the tags are the source's, all of them."""
        client.add_tags_to_resource(
            ResourceName=copies.cluster(SOURCE)["DBClusterArn"],
            Tags=[{"Key": "team", "Value": "production"}],
        )
        client.restore_db_cluster_to_point_in_time(
            DBClusterIdentifier="drill-defaults",
            SourceDBClusterIdentifier=SOURCE,
            UseLatestRestorableTime=True,
        )
        copies.made.append("drill-defaults")
        found = copies.cluster("drill-defaults")
        assert found["TagList"] == [{"Key": "team", "Value": "production"}]
        assert not found["DeletionProtection"]
        assert not found["IAMDatabaseAuthenticationEnabled"]
        assert not found["CopyTagsToSnapshot"]
        assert found["DBSubnetGroup"] == "default"
        assert found["VpcSecurityGroups"][0]["VpcSecurityGroupId"] == "sg-default"
        assert found["BackupRetentionPeriod"] == 7
        assert "ServerlessV2ScalingConfiguration" not in found


class TestLife:
    def test_from_the_request_to_the_end(
        self, client: Any, copies: Copies, rds: Rds, server: Server
    ) -> None:
        moment = moment_between(server, "life-before", "life-after")
        time.sleep(LAG_SECONDS)
        name = copies.restore(moment)

        creating = copies.cluster(name)
        assert creating["Status"] == "creating"
        assert "EarliestRestorableTime" not in creating
        assert "LatestRestorableTime" not in creating
        assert creating["DBClusterMembers"] == []
        assert code(lambda: copies.add_instance(name)) == "InvalidDBClusterStateFault"
        early = code(
            lambda: client.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
        )
        assert early == "InvalidDBClusterStateFault"

        eventually(lambda: copies.cluster_status(name) == "available")
        complete = copies.cluster(name)
        assert complete["LatestRestorableTime"] >= moment
        assert not connects(complete["Port"])

        instance = copies.add_instance(name)
        [found] = client.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
        assert found["DBInstanceStatus"] == "creating"
        assert "Endpoint" not in found
        seen = {found["DBInstanceStatus"]}
        while "available" not in seen:
            seen.add(copies.instance_status(instance))
        assert seen == {"creating", "configuring-iam-database-auth", "available"}
        assert connects(complete["Port"])
        copy = rds.cluster(name).server
        assert copy is not None
        with copy.connect() as connection:
            assert value(connection, "SELECT count(*) FROM marker WHERE word = 'life-before'") == 1
            assert value(connection, "SELECT count(*) FROM marker WHERE word = 'life-after'") == 0

        def delete_cluster() -> Any:
            return client.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)

        assert code(delete_cluster) == "InvalidDBClusterStateFault"
        client.delete_db_instance(DBInstanceIdentifier=instance, SkipFinalSnapshot=True)
        assert copies.instance_status(instance) == "deleting"
        again = code(lambda: client.delete_db_instance(DBInstanceIdentifier=instance))
        assert again == "InvalidDBInstanceState"
        assert delete_cluster()["DBCluster"]["Status"] == "available"
        assert copies.cluster_status(name) == "deleting"
        assert code(delete_cluster) == "InvalidDBClusterStateFault"
        eventually(lambda: name not in rds.backend.clusters)
        assert code(delete_cluster) == "DBClusterNotFoundFault"
        assert (
            code(lambda: client.delete_db_instance(DBInstanceIdentifier=instance))
            == "DBInstanceNotFound"
        )
        kept = client.describe_db_cluster_automated_backups()["DBClusterAutomatedBackups"]
        assert name not in [each["DBClusterIdentifier"] for each in kept]
        assert not connects(complete["Port"])
        assert not copy.folder.exists()
        assert not copy.running

    def test_a_restore_that_fails_shows(
        self, client: Any, copies: Copies, rds: Rds, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rds, "damage", None)
        monkeypatch.setattr(rds.servers, "restore", _broken)
        name = copies.restore()
        eventually(lambda: copies.cluster_status(name) == "failed")
        assert rds.failures.pop() == f"{name}: the disk is full"
        assert code(lambda: copies.add_instance(name)) == "InvalidDBClusterStateFault"
        client.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)

    def test_with_two_instances_it_stops_and_starts(self, client: Any, copies: Copies) -> None:
        name = copies.available()
        first = copies.add_instance(name)
        second = copies.add_instance(name, DBInstanceIdentifier=f"{name}-2")
        for instance in (first, second):
            eventually(lambda instance=instance: copies.instance_status(instance) == "available")
        members = copies.cluster(name)["DBClusterMembers"]
        assert [each["IsClusterWriter"] for each in members] == [True, False]
        client.delete_db_instance(DBInstanceIdentifier=second)
        eventually(lambda: len(copies.cluster(name)["DBClusterMembers"]) == 1)
        port = copies.cluster(name)["Port"]
        assert connects(port)

        client.stop_db_cluster(DBClusterIdentifier=name)
        eventually(lambda: copies.cluster_status(name) == "stopped")
        assert not connects(port)
        stopped = {"DBClusterIdentifier": name}
        assert code(lambda: client.stop_db_cluster(**stopped)) == "InvalidDBClusterStateFault"
        assert (
            code(lambda: client.delete_db_cluster(**stopped, SkipFinalSnapshot=True))
            == "InvalidDBClusterStateFault"
        )
        client.start_db_cluster(**stopped)
        eventually(lambda: copies.cluster_status(name) == "available")
        assert connects(port)
        assert copies.instance_status(first) == "available"


def _broken(*_: object, **__: object) -> None:
    raise OSError("the disk is full")


@pytest.fixture(scope="module")
def copy(client: Any, rds: Rds) -> Iterator[str]:
    """A complete copy without an instance, for requests that are refused."""
    name = Copies(client).available()
    yield name
    remove(rds, rds.cluster(name))


class TestInstanceRequest:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"DBClusterIdentifier": "nobody"}, "DBClusterNotFoundFault"),
            ({"DBInstanceIdentifier": f"{SOURCE}-1"}, "DBInstanceAlreadyExists"),
            ({"DBInstanceIdentifier": "-"}, "InvalidParameterValue"),
            ({"Engine": "aurora-mysql"}, "InvalidParameterCombination"),
            ({"DBInstanceClass": "db.serverless"}, "InvalidDBClusterStateFault"),
            ({"DBParameterGroupName": "nobody"}, "DBParameterGroupNotFound"),
        ],
    )
    def test_is_refused(
        self, client: Any, copy: str, changes: dict[str, Any], expected: str
    ) -> None:
        assert code(lambda: Copies(client).add_instance(copy, **changes)) == expected
        assert Copies(client).cluster(copy)["DBClusterMembers"] == []

    def test_past_the_quota_is_refused(self, client: Any, copy: str, rds: Rds) -> None:
        rds.quotas["DBInstances"] = 1
        try:
            assert code(lambda: Copies(client).add_instance(copy)) == "InstanceQuotaExceeded"
        finally:
            rds.quotas["DBInstances"] = 40

    @pytest.mark.parametrize(
        "final",
        [{}, {"SkipFinalSnapshot": True, "FinalDBSnapshotIdentifier": "last"}],
    )
    def test_the_end_says_what_becomes_of_the_final_snapshot(
        self, client: Any, copy: str, final: dict[str, Any]
    ) -> None:
        refused = code(lambda: client.delete_db_cluster(DBClusterIdentifier=copy, **final))
        assert refused == "InvalidParameterCombination"

    def test_a_copy_cannot_be_restored_from(self, client: Any, copy: str) -> None:
        refused = code(
            lambda: client.restore_db_cluster_to_point_in_time(
                DBClusterIdentifier="drill-of-a-drill",
                SourceDBClusterIdentifier=copy,
                UseLatestRestorableTime=True,
            )
        )
        assert refused == "InvalidRestoreFault"


class TestAutomatedBackups:
    def test_one_per_cluster(self, client: Any) -> None:
        [source] = client.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
        [backup] = client.describe_db_cluster_automated_backups(DBClusterIdentifier=SOURCE)[
            "DBClusterAutomatedBackups"
        ]
        assert backup["Status"] == "active"
        assert backup["DbClusterResourceId"] == source["DbClusterResourceId"]
        assert backup["RestoreWindow"]["EarliestTime"] == source["EarliestRestorableTime"]
        assert backup["AllocatedStorage"] == 1
        refused = code(
            lambda: client.delete_db_cluster_automated_backup(
                DbClusterResourceId=source["DbClusterResourceId"]
            )
        )
        assert refused == "InvalidDBClusterAutomatedBackupStateFault"

    def test_one_can_outlive_its_cluster(self, client: Any, copies: Copies, rds: Rds) -> None:
        name = copies.available()
        resource = {"DbClusterResourceId": copies.cluster(name)["DbClusterResourceId"]}
        client.delete_db_cluster(
            DBClusterIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=False
        )
        eventually(lambda: name not in rds.backend.clusters)
        for asked in (resource, {"Filters": [{"Name": "status", "Values": ["retained"]}]}):
            [left] = client.describe_db_cluster_automated_backups(**asked)[
                "DBClusterAutomatedBackups"
            ]
            assert (left["DBClusterIdentifier"], left["Status"]) == (name, "retained")
        client.delete_db_cluster_automated_backup(**resource)
        for operation in (
            client.describe_db_cluster_automated_backups,
            client.delete_db_cluster_automated_backup,
        ):
            gone = code(lambda operation=operation: operation(**resource))
            assert gone == "DBClusterAutomatedBackupNotFoundFault"


class TestAround:
    def test_tags(self, client: Any) -> None:
        [found] = client.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
        arn = {"ResourceName": found["DBClusterArn"]}
        client.add_tags_to_resource(**arn, Tags=[{"Key": "a", "Value": "1"}])
        assert {"Key": "a", "Value": "1"} in client.list_tags_for_resource(**arn)["TagList"]
        client.remove_tags_from_resource(**arn, TagKeys=["a", "team"])
        assert client.list_tags_for_resource(**arn)["TagList"] == []

    def test_groups(self, client: Any) -> None:
        [subnets] = client.describe_db_subnet_groups(DBSubnetGroupName="drill")["DBSubnetGroups"]
        zones = {each["SubnetAvailabilityZone"]["Name"] for each in subnets["Subnets"]}
        assert zones == {"sa-east-1a", "sa-east-1b", "sa-east-1c"}
        [group] = client.describe_db_cluster_parameter_groups(DBClusterParameterGroupName="drill")[
            "DBClusterParameterGroups"
        ]
        assert group["DBParameterGroupFamily"] == "aurora-postgresql15"
        [group] = client.describe_db_parameter_groups(DBParameterGroupName="drill")[
            "DBParameterGroups"
        ]
        assert group["DBParameterGroupFamily"] == "aurora-postgresql15"

    def test_a_change_that_the_lab_cannot_make_is_refused(self, client: Any) -> None:
        refused = code(
            lambda: client.modify_db_cluster(DBClusterIdentifier=SOURCE, EngineVersion="16.1")
        )
        assert refused == "InvalidParameterCombination"

    def test_a_cluster_of_motos_own_is_left_to_it(self, client: Any) -> None:
        client.create_db_cluster(
            DBClusterIdentifier="plain",
            Engine="aurora-mysql",
            MasterUsername="root",
            MasterUserPassword="a password",
        )
        plain = {"DBClusterIdentifier": "plain"}
        client.create_db_instance(
            DBInstanceIdentifier="plain-1",
            DBInstanceClass="db.t3.small",
            Engine="aurora-mysql",
            **plain,
        )
        client.modify_db_cluster(**plain, BackupRetentionPeriod=3)
        client.stop_db_cluster(**plain)
        client.start_db_cluster(**plain)
        client.delete_db_instance(DBInstanceIdentifier="plain-1")
        client.delete_db_cluster(**plain, SkipFinalSnapshot=True)

    def test_only_one_answer_is_late(self, client: Any, rds: Rds) -> None:
        rds.faults.delay("DescribeDBClusters", seconds=0.4)
        begun = time.monotonic()
        client.describe_db_clusters()
        assert time.monotonic() - begun >= 0.4
        begun = time.monotonic()
        client.describe_db_clusters()
        assert time.monotonic() - begun < 0.4


class TestFaults:
    def test_fail_as_often_as_planned(self, client: Any, rds: Rds) -> None:
        rds.faults.fail("DescribeDBInstances", code="Throttling", times=2)
        assert code(client.describe_db_instances) == "Throttling"
        assert code(client.describe_db_instances) == "Throttling"
        client.describe_db_instances()

    def test_before_the_effect_or_after_it(self, client: Any, rds: Rds, copies: Copies) -> None:
        asked = {
            "DBClusterIdentifier": "drill-lost",
            "SourceDBClusterIdentifier": SOURCE,
            "UseLatestRestorableTime": True,
        }
        for after in (False, True):
            rds.faults.fail("RestoreDBClusterToPointInTime", code="InternalFailure", after=after)
            assert (
                code(lambda: client.restore_db_cluster_to_point_in_time(**asked))
                == "InternalFailure"
            )
            assert ("drill-lost" in rds.backend.clusters) == after
        copies.made.append("drill-lost")


class TestTwoLabs:
    def test_a_stopped_one_leaves_nothing(self, rds: Rds, tmp_path: Any) -> None:
        """Even while a restore is under way; the one beside it goes on."""
        second = Rds(folder=tmp_path / "second", authorise=lambda *_: True)
        server = second.servers.create("other")
        server.back_up()
        front = second.new_front(None)
        copy = ServedCluster(
            rds.backend, front=front, db_cluster_identifier="x", master_username="x"
        )
        second.begin_restore(copy, server, server.archive_now())
        second.stop()
        second.stop()
        assert not second.servers.home.exists()
        assert not server.running
        assert not connects(front.port)
        assert rds.cluster(SOURCE).server.running  # type: ignore[union-attr]
        assert rds.servers.home.exists()

    def test_database(self, server: Server) -> None:
        with server.connect(seed.DATABASE) as connection:
            assert value(connection, "SELECT current_database()") == "fibonacci"
