"""Faults of the drill itself: whatever dies, nothing is left, nothing touched, no false PASS."""

from __future__ import annotations

from typing import Any

import pytest

from functions.naming import MANAGED_TAG
from tests.lab.conftest import DRILL, Drills

CRASHES = {
    "drill-aurora-plan": "PutItem",
    "drill-aurora-witness-1": "PutObject",
    "drill-aurora-exercise": "RestoreDBClusterToPointInTime",
    "drill-aurora-verify": "PutObject",
    "drill-aurora-verify-unit": "PutObject",
    "drill-aurora-teardown": "DeleteDBInstance",
    "drill-report": "PutItem",
}
LATER_CRASHES = {
    "drill-aurora-exercise": "CreateDBInstance",
    "drill-aurora-teardown": "DeleteDBCluster",
    "drill-report": "Publish",
}


@pytest.mark.parametrize("crashes", [CRASHES, LATER_CRASHES])
def test_a_crash_between_an_effect_and_its_answer_is_just_another_call(
    drills: Drills, crashes: dict[str, str]
) -> None:
    """Every step dies once, in one and the same drill."""
    crashed = {f: drills.crash_once(f, operation) for f, operation in crashes.items()}
    ran = drills.run()
    assert [function for function, calls in crashed.items() if not calls] == []
    assert ran.verdict == "PASS", ran.cause
    assert drills.left() == {}


def test_after_an_abort_the_next_run_tears_down_what_the_dead_one_planned(drills: Drills) -> None:
    execution = drills.start()
    drills.until(lambda: len(drills.clusters()) == 2)
    drills.states.stop_execution(executionArn=execution, error="Operator", cause="pulled the plug")
    (orphan,) = drills.clusters() - {drills.lab.source.identifier}
    assert drills.claim() is not None
    ran = drills.run()
    assert ran.verdict == "PASS", ran.cause
    assert orphan not in drills.clusters()
    assert drills.left() == {}
    entered = [e["stateEnteredEventDetails"]["name"] for e in ran.events if "stateEnt" in str(e)]
    assert entered.index("Clear") < entered.index("Witness")


def test_a_deadline_that_has_passed_still_ends_in_a_complete_teardown(drills: Drills) -> None:
    limits = dict.fromkeys(
        ("restorable_seconds", "restore_seconds", "instance_seconds", "verify_seconds"), 0
    )
    drills.lab.rds.faults.delay("RestoreDBClusterToPointInTime", seconds=0)
    ran = drills.run(deadlines=limits | {"teardown_seconds": 60})
    assert ran.verdict == "INCONCLUSIVE"
    assert "DeadlineExceeded" in ran.cause
    assert drills.left() == {}


def test_a_cluster_that_takes_too_long_is_torn_down(drills: Drills) -> None:
    ran = drills.run(deadlines={"instance_seconds": 0})
    assert ran.verdict == "INCONCLUSIVE", ran.cause
    assert "DeadlineExceeded" in ran.cause
    assert drills.left() == {}


def test_a_restore_that_fails_is_torn_down_and_reported(drills: Drills) -> None:
    drills.lab.rds.faults.fail("RestoreDBClusterToPointInTime", code="KMSKeyNotAccessibleFault")
    ran = drills.run()
    assert ran.verdict == "INCONCLUSIVE", ran.cause
    assert "KMSKeyNotAccessibleFault" in ran.cause
    assert drills.left() == {}


def test_what_aws_cannot_do_now_is_asked_again(drills: Drills) -> None:
    faults = drills.lab.rds.faults
    restore = "RestoreDBClusterToPointInTime"
    faults.fail(restore, code="InvalidDBClusterStateFault", times=9)
    faults.fail(restore, code="InsufficientStorageClusterCapacity", times=2)
    faults.fail("CreateDBInstance", code="InsufficientDBInstanceCapacity", times=2)
    ran = drills.run()
    assert ran.verdict == "PASS", ran.cause


def test_throttling_is_waited_out(drills: Drills) -> None:
    for operation in (
        "DescribeDBClusters",
        "DescribeDBInstances",
        "RestoreDBClusterToPointInTime",
        "CreateDBInstance",
        "DeleteDBInstance",
        "DeleteDBCluster",
        "DescribeDBClusterAutomatedBackups",
    ):
        drills.lab.rds.faults.fail(operation, code="Throttling", times=4)
    ran = drills.run()
    assert ran.verdict == "PASS", ran.cause
    assert drills.left() == {}


def test_a_cluster_of_that_name_that_is_not_ours_is_neither_used_nor_deleted(
    drills: Drills,
) -> None:
    backend = drills.lab.rds.backend
    taken: list[Any] = []

    def occupy(call: Any) -> None:
        """Somebody else has a cluster of the planned name by the time that the drill asks."""
        if call.operation == "RestoreDBClusterToPointInTime" and not taken:
            name = call.parameters["DBClusterIdentifier"]
            taken.append(name)
            client = drills.lab.emulator.client("rds")
            client.restore_db_cluster_to_point_in_time(
                DBClusterIdentifier=name,
                SourceDBClusterIdentifier=drills.lab.source.identifier,
                RestoreToTime=call.parameters["RestoreToTime"],
                Tags=[{"Key": "team", "Value": "somebody else"}],
            )

    drills.lab.emulator.before_call.append(occupy)
    ran = drills.run()
    assert taken, "the name was never taken"
    assert ran.verdict in ("FAIL", "INCONCLUSIVE")
    assert "NotOurs" in ran.cause or "torn_down" in ran.cause
    drills.until(lambda: backend.clusters[taken[0]].status == "available")
    tags = {t["Key"] for t in backend.clusters[taken[0]].tags}
    assert MANAGED_TAG not in tags
    drills.lab.emulator.client("rds").delete_db_cluster(
        DBClusterIdentifier=taken[0], SkipFinalSnapshot=True
    )
    drills.until(lambda: taken[0] not in drills.clusters())
    release(drills)


def release(drills: Drills) -> None:
    """Take away the claim that a run with leftovers keeps."""
    drills.lab.emulator.client("dynamodb").delete_item(
        TableName=drills.lab.deployment.ledger_table,
        Key={"drill": {"S": DRILL}, "item": {"S": "claim"}},
    )


def test_what_could_not_be_deleted_fails_the_drill_and_the_next_run_clears_it(
    drills: Drills,
) -> None:
    drills.lab.rds.faults.fail("DeleteDBCluster", code="AccessDenied", times=1)
    ran = drills.run()
    assert ran.verdict == "FAIL", ran.cause
    assert "torn_down" in ran.cause
    assert drills.left().keys() >= {"clusters", "claim"}
    ran = drills.run()
    assert ran.verdict == "PASS", ran.cause
    assert drills.left() == {}


def test_the_source_is_as_it_was(drills: Drills) -> None:
    client = drills.lab.emulator.client("rds")
    name = drills.lab.source.identifier

    def facts() -> dict[str, Any]:
        found = client.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
        moving = {"LatestRestorableTime", "EarliestRestorableTime"}
        return {key: value for key, value in found.items() if key not in moving}

    before = facts()
    drills.run()
    assert facts() == before
