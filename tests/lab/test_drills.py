"""Whole drills: the deployed line, the real functions in their processes, a real PostgreSQL."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import jsonschema
import pytest

from functions import clock
from functions.model import Status
from lab.damage import list_damages
from tests.lab.conftest import DRILL, Drills

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8")
)


def test_a_healthy_drill_passes_while_the_source_is_written(drills: Drills) -> None:
    ran = drills.run()
    assert (ran.status, ran.verdict) == ("SUCCEEDED", "PASS"), ran.cause
    assert not ran.checks(Status.FAILED)
    (unlogged,) = [c for c in ran.report["checks"] if c["status"] == "not_run"]
    assert unlogged["by_configuration"]
    assert "unlogged table" in unlogged["detail"]
    jsonschema.validate(ran.report, SCHEMA)
    assert drills.left() == {}
    assert drills.claim() is None


def test_every_call_of_a_drill_is_allowed_by_the_synthesized_policies(drills: Drills) -> None:
    """They are enforced in the lab: a call that they do not allow would have been denied."""
    before = len(drills.lab.emulator.calls)
    ran = drills.run()
    assert ran.verdict == "PASS"
    calls = drills.lab.emulator.calls[before:]
    assert {call.session for call in calls if call.session} >= {
        "drill-aurora-plan",
        "drill-aurora-exercise",
        "drill-aurora-verify",
        "drill-aurora-verify-unit",
        "drill-aurora-teardown",
        "drill-report",
    }
    assert [call for call in calls if call.status == HTTPStatus.FORBIDDEN] == []


def test_a_call_that_no_policy_allows_is_denied_in_the_lab(drills: Drills) -> None:
    role = next(c.role for c in drills.lab.emulator.calls if c.session == "drill-aurora-verify")
    rds = drills.lab.emulator.client("rds", role_arn=role)
    with pytest.raises(rds.exceptions.ClientError, match="AccessDenied"):
        rds.delete_db_cluster(
            DBClusterIdentifier=drills.lab.source.identifier, SkipFinalSnapshot=True
        )


@pytest.mark.parametrize(
    "damage",
    [d for d in list_damages() if d.kind == "aurora" and d.in_whole_drills],
    ids=lambda damage: damage.name,
)
def test_each_damage_turns_exactly_its_check_red(drills: Drills, damage: object) -> None:
    drills.lab.rds.damage = damage
    ran = drills.run()
    assert (ran.status, ran.verdict) == ("FAILED", "FAIL"), ran.cause
    assert ran.checks(Status.FAILED) == {damage.check}
    failed = [c for c in ran.report["checks"] if c["status"] == "failed"]
    assert len(failed) == 1
    jsonschema.validate(ran.report, SCHEMA)
    assert drills.left() == {}


def test_a_restore_to_a_given_moment_is_held_to_what_can_be_known_of_it(drills: Drills) -> None:
    cluster = drills.lab.emulator.client("rds").describe_db_clusters(
        DBClusterIdentifier=drills.lab.source.identifier
    )["DBClusters"][0]
    asked = cluster["LatestRestorableTime"].replace(microsecond=0)
    ran = drills.run({"restore_time": asked.isoformat().replace("+00:00", "Z")})
    assert ran.verdict == "PASS", ran.cause
    # One of the setup or of an earlier drill before that moment, the one of this drill after it.
    (placed,) = [c for c in ran.report["checks"] if c["class"] == "restore_point"]
    assert (placed["name"], placed["status"]) == ("heartbeats", "passed")
    assert placed["detail"].startswith("the nearest heartbeats are ")
    assert ran.report["restore"]["levels"]["counted"] > 0
    assert ran.report["restore"]["levels"]["bounded"] == 0


@pytest.mark.parametrize("at", ["oldest", "random"])
def test_other_restore_points(drills: Drills, at: str) -> None:
    ran = drills.run(
        restore={"at": at},
        required_level="counted",
        timing={"restorable_margin_seconds": 3},
        checks=[],
        freshness=[],
    )
    assert ran.verdict == "PASS", ran.cause
    assert "heartbeats" in ran.checks(Status.PASSED)
    assert drills.left() == {}


def test_the_second_drill_of_the_configuration_runs(drills: Drills) -> None:
    """The source is young, but the setup has left a heartbeat before its first backup."""
    ran = drills.run(drill="aurora-prod-any-day", timing={"restorable_margin_seconds": 3})
    assert ran.report["restore"]["asked"] == "random"
    assert ran.verdict == "PASS", ran.cause
    assert ran.checks(Status.PASSED) >= {"heartbeats", "tables", "any_row", "rows"}


def test_a_moment_between_two_drills_is_placed_by_their_heartbeats(drills: Drills) -> None:
    first = drills.run()
    drills.run()
    asked = clock.after(first.report["restore"]["time"], 4)
    ran = drills.run({"restore_time": asked})
    assert ran.verdict == "PASS", ran.cause
    (placed,) = [c for c in ran.report["checks"] if c["name"] == "heartbeats"]
    before, after = re.findall(r"([\d.]+) s (?:before|after)", placed["detail"])[:2]
    assert 2 < float(before) < 5
    assert 2 < float(after) < 60


def test_a_table_that_may_be_younger_than_the_restore_point_leaves_a_doubt(
    drills: Drills,
) -> None:
    """Unless another run of the drill, later than that moment, has not found it."""
    seen = drills.run().report["restore"]["time"]
    unseen = clock.render(datetime.now(UTC).replace(microsecond=0))
    server = drills.lab.source.server
    assert server is not None
    with server.connect("fibonacci") as connection:
        connection.execute("CREATE TABLE nigredo_leads.younger (id int)")
    try:
        doubted = drills.run({"restore_time": unseen})
        known = drills.run({"restore_time": seen})
    finally:
        with server.connect("fibonacci") as connection:
            connection.execute("DROP TABLE nigredo_leads.younger")
    assert doubted.verdict == "INCONCLUSIVE", doubted.cause
    assert "table_present of nigredo_leads.younger" in doubted.report["cause"]
    assert known.verdict == "PASS", known.cause


def test_without_a_heartbeat_the_markers_are_shown_as_not_measured(drills: Drills) -> None:
    ran = drills.run(heartbeat=False)
    assert ran.verdict == "PASS", ran.cause
    unmeasured = [c for c in ran.report["checks"] if c["status"] == "not_run"]
    assert all(c["by_configuration"] for c in unmeasured)
    assert {"marker_before", "marker_after"} <= {c["name"] for c in unmeasured}


def test_a_table_that_the_verifier_may_not_see_in_full_is_inconclusive(drills: Drills) -> None:
    """Row-level security hides rows from a role without BYPASSRLS: never a wrong count."""
    server = drills.lab.source.server
    assert server is not None
    role = "backup_drills_verifier"
    with server.connect() as connection:
        connection.execute(f"ALTER ROLE {role} NOBYPASSRLS")
    try:
        ran = drills.run()
    finally:
        with server.connect() as connection:
            connection.execute(f"ALTER ROLE {role} BYPASSRLS")
    assert ran.verdict == "INCONCLUSIVE", ran.cause
    unread = [
        c for c in ran.report["checks"] if c["status"] == "not_run" and not c["by_configuration"]
    ]
    assert [(c["name"], c["target"]) for c in unread] == [("rows", "nigredo_leads.private_notes")]
    assert drills.left() == {}


def test_an_objective_that_is_missed_fails_the_drill(drills: Drills) -> None:
    ran = drills.run(objectives={"rpo_seconds": 0.1, "rto_seconds": 1800})
    assert ran.verdict == "FAIL"
    assert ran.checks(Status.FAILED) == {"rpo"}
    ran = drills.run(objectives={"rpo_seconds": 300, "rto_seconds": 0.01})
    assert ran.verdict == "FAIL"
    assert ran.checks(Status.FAILED) == {"rto"}


def test_the_users_own_check_fails_the_drill(drills: Drills) -> None:
    check = {"name": "as many as ever", "sql": "SELECT 1", "expect": "= 2"}
    ran = drills.run(checks=[check])
    assert ran.verdict == "FAIL"
    assert len([c for c in ran.report["checks"] if c["status"] == "failed"]) == 1


def test_a_check_that_cannot_run_is_inconclusive(drills: Drills) -> None:
    check = {"name": "of no table", "sql": "SELECT count(*) FROM nowhere", "expect": "= 2"}
    ran = drills.run(checks=[check])
    assert ran.verdict == "INCONCLUSIVE"
    assert not ran.checks(Status.FAILED)


def test_stale_data_is_found(drills: Drills) -> None:
    fresh = {"table": "nigredo_leads.consents", "column": "given_at", "within_seconds": 1}
    with drills.lab.source.server.connect("fibonacci") as connection:
        columns = connection.execute(
            "SELECT attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            " WHERE attrelid = 'nigredo_leads.consents'::regclass AND t.typname = 'timestamptz'"
        ).fetchall()
    fresh["column"] = columns[0][0]
    ran = drills.run(freshness=[fresh])
    assert ran.verdict == "FAIL"
    assert len(ran.checks(Status.FAILED)) == 1


def test_a_restored_copy_is_held_for_the_operator(drills: Drills) -> None:
    ran = drills.run({"hold_minutes": 1})
    assert ran.verdict == "PASS", ran.cause
    names = [
        e["stateEnteredEventDetails"]["name"] for e in ran.events if "stateEntered" in str(e.keys())
    ]
    assert names.index("Hold") < names.index("Teardown")


def test_people_are_told_what_happened_to_what_and_what_to_do(drills: Drills) -> None:
    sqs = drills.lab.emulator.client("sqs")
    queue = drills.lab.deployment.queue_url
    sqs.purge_queue(QueueUrl=queue)
    drills.run(objectives={"rpo_seconds": 0.1, "rto_seconds": 1800})
    (message,) = sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )["Messages"]
    first_line = message["Body"].splitlines()[0]
    assert drills.lab.source.identifier in first_line
    assert "FAIL" in first_line or "fail" in first_line
    assert message["MessageAttributes"]["severity"]["StringValue"] == "medium"


def test_the_ledger_remembers_every_run(drills: Drills) -> None:
    ran = drills.run({"dry_run": True})
    items = drills.lab.emulator.client("dynamodb").query(
        TableName=drills.lab.deployment.ledger_table,
        KeyConditionExpression="drill = :drill AND begins_with(#i, :run)",
        ExpressionAttributeNames={"#i": "item"},
        ExpressionAttributeValues={":drill": {"S": DRILL}, ":run": {"S": "run#"}},
    )["Items"]
    assert ran.execution in {item["execution"]["S"] for item in items}
