"""Plan: what refuses a drill, what is named, which restore point is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.aurora import plan
from functions.aurora.values import Cluster, Quota, Surroundings
from functions.errors import Refused
from tests.unit.documents import DRILL, EXECUTION

NOW = datetime(2026, 11, 2, 8, 0, 30, tzinfo=UTC)

SOURCE = Cluster(
    identifier="fibonacci-aurora-cluster-prod",
    arn="arn:aws:rds:sa-east-1:123456789012:cluster:fibonacci-aurora-cluster-prod",
    resource_id="cluster-ABC",
    status="available",
    engine="aurora-postgresql",
    engine_version="15.8",
    encrypted=True,
    kms_key_id="arn:aws:kms:sa-east-1:123456789012:key/1",
    port=5432,
    endpoint="writer.example",
    reader_endpoint="reader.example",
    earliest_restorable_time=NOW - timedelta(days=7),
    latest_restorable_time=NOW - timedelta(seconds=240),
    retention_days=7,
    iam_authentication=True,
    members=("prod-1",),
    tags={},
    created_at=NOW - timedelta(days=400),
    lifecycle_support="",
    storage_type="",
)
AROUND = Surroundings(
    source=SOURCE,
    key_state="Enabled",
    quotas={"DBClusters": Quota(used=1, limit=40), "DBInstances": Quota(used=2, limit=40)},
    subnet_zones=("sa-east-1a", "sa-east-1b"),
    parameter_families={"cluster": "aurora-postgresql15", "instance": "aurora-postgresql15"},
)


def make(given: Any = None, *, found: Surroundings = AROUND, **drill: Any) -> dict[str, Any]:
    return plan.make(
        drill=DRILL | drill,
        overrides=plan.read_input(given or {}),
        found=found,
        execution=EXECUTION,
        now=NOW,
    )


def test_everything_is_named_before_anything_exists() -> None:
    made = make()
    assert made["names"] == {
        "cluster": f"drill-aurora-prod-monthly-{made['run_id']}",
        "instance": f"drill-aurora-prod-monthly-{made['run_id']}-1",
    }
    assert made["tags"]["backup-drills:run"] == made["run_id"]
    assert made["lag_seconds"] == 240
    assert made["restore"]["time"] is None


def test_a_retried_plan_names_the_same() -> None:
    again = plan.make(
        drill=DRILL,
        overrides=plan.Overrides(),
        found=AROUND,
        execution=EXECUTION,
        now=NOW + timedelta(minutes=9),
    )
    assert again["names"] == make()["names"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"source": None}, "not found"),
        ({"source": replace(SOURCE, status="stopped")}, "is stopped: expected available"),
        ({"source": replace(SOURCE, encrypted=False)}, "is not encrypted"),
        ({"key_state": "PendingDeletion"}, "is PendingDeletion: expected Enabled"),
        ({"key_state": None}, "is not found: expected Enabled"),
        ({"source": replace(SOURCE, retention_days=1)}, "retention of backups is 1 days"),
        ({"source": replace(SOURCE, iam_authentication=False)}, "IAM database authentication"),
        ({"source": replace(SOURCE, engine_version="16.4")}, "set engine_family"),
        ({"source": replace(SOURCE, latest_restorable_time=None)}, "no restore window"),
        ({"quotas": {"DBClusters": Quota(used=40, limit=40)}}, "quota: DBClusters: 40 of 40"),
        ({"quotas": {"DBInstances": Quota(used=40, limit=40)}}, "quota: DBInstances"),
        ({"subnet_zones": None}, "subnet group"),
        ({"subnet_zones": ("sa-east-1a", "sa-east-1a")}, "expected two at least"),
        ({"parameter_families": {"cluster": None}}, "parameter_groups.cluster"),
        ({"parameter_families": {"instance": "aurora-postgresql14"}}, "expected aurora-postg"),
    ],
)
def test_each_precondition_refuses_by_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        make(found=replace(AROUND, **change))


def test_all_reasons_are_given_at_once() -> None:
    found = replace(AROUND, source=replace(SOURCE, status="stopped", retention_days=1))
    with pytest.raises(Refused, match=r"stopped.*retention"):
        make(found=found)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "expected an object"),
        ("latest", "expected an object"),
        (None, "expected an object"),
        ({"restore_tme": "x"}, "restore_tme: unknown key"),
        ({"restore_time": "yesterday"}, "restore_time: 'yesterday' is not an RFC 3339 time"),
        ({"restore_time": "2026-11-01T05:00:00"}, "with a zone"),
        ({"restore_time": 5}, "RFC 3339"),
        ({"hold_minutes": "5"}, "hold_minutes: '5': expected a whole number"),
        ({"hold_minutes": True}, "whole number"),
        ({"hold_minutes": -1}, "expected 0 to 480"),
        ({"hold_minutes": 481}, "expected 0 to 480"),
        ({"dry_run": "yes"}, "dry_run: 'yes': expected true or false"),
        ({"scheduled_time": "soon"}, "scheduled_time"),
    ],
)
def test_bad_input_is_refused_by_key_value_and_expectation(given: Any, says: str) -> None:
    with pytest.raises(Refused, match=says):
        plan.read_input(given)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("2026-11-02T08:00:31Z", "is in the future"),
        ("2026-10-01T00:00:00Z", "is before the restore window: expected 2026-10-26T08:00:30Z"),
    ],
)
def test_a_restore_time_outside_the_window_is_refused(asked: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        make({"restore_time": asked})
    with pytest.raises(Refused, match=says):
        make(restore={"from": "point-in-time", "at": asked})


def test_a_time_not_yet_restorable_is_waited_for() -> None:
    assert make({"restore_time": "2026-11-02T08:00:00Z"})["restore"]["time"]


@pytest.mark.parametrize(
    ("configured", "of_the_past"),
    [("exact", "counted"), ("bounded", "counted"), ("counted", "counted"), ("none", "none")],
)
@pytest.mark.parametrize("at", ["oldest", "random", "2026-11-01T12:00:00Z"])
def test_of_the_past_no_witness_can_exist(at: str, configured: str, of_the_past: str) -> None:
    assert make(required_level=configured)["restore"]["required_level"] == configured
    made = make(restore={"from": "point-in-time", "at": at}, required_level=configured)
    assert made["restore"]["required_level"] == of_the_past
    assert "2026-10-26T08:01:30Z" <= made["restore"]["time"] <= "2026-11-02T07:56:30Z"


def test_the_oldest_moment_keeps_away_from_an_edge_that_moves() -> None:
    oldest = {"from": "point-in-time", "at": "oldest"}
    young = replace(SOURCE, earliest_restorable_time=NOW - timedelta(hours=2))
    assert make(restore=oldest)["restore"]["time"] == "2026-10-26T08:21:30Z"
    made = make(restore=oldest, found=replace(AROUND, source=young))
    assert made["restore"]["time"] == "2026-11-02T06:01:30Z"


def test_hold_extends_the_expiry() -> None:
    held, plain = make({"hold_minutes": 30}), make()
    assert held["hold_seconds"] == 1800
    assert held["expires"] > plain["expires"]
    assert held["deadline"] == plain["deadline"]


def test_the_history_stays_within_its_budget_of_events() -> None:
    calls = plan.call_budget(DRILL)
    most = sum(v for k, v in calls.items() if k != "verify_unit")
    most += calls["teardown"] + calls["verify_unit"] * plan.MOST_UNITS
    assert most * plan.EVENTS_A_CALL <= plan.EVENT_BUDGET


def test_too_short_a_poll_is_refused() -> None:
    timing = DRILL["timing"] | {"poll_seconds": 5}
    with pytest.raises(Refused, match=r"timing\.poll_seconds: 5"):
        make(timing=timing)


def test_what_is_switched_off_cannot_be_required() -> None:
    assert "restore_point" in make()["required_classes"]
    assert "schema" in make(heartbeat=False, witness={"endpoint": "none"})["required_classes"]
    assert "restore_point" not in make(heartbeat=False)["required_classes"]


def test_a_look_inside_that_is_required_must_pass_something() -> None:
    wanted = {**DRILL["integrity"], "required": True}
    assert "integrity" in make(integrity=wanted)["required_classes"]
    assert "integrity" not in make()["required_classes"]


def test_a_look_inside_has_calls_enough_or_is_refused() -> None:
    calls = plan.call_budget(DRILL)["verify_unit"]
    seconds = (calls - 2) // 2 * plan.INTEGRITY_CALL_SECONDS
    assert seconds >= 600
    for budget, refused in ((seconds, False), (seconds + 1, True)):
        wanted = {**DRILL, "integrity": {**DRILL["integrity"], "budget_seconds": budget}}
        if not refused:
            assert plan.call_budget(wanted)["verify_unit"] == calls
            continue
        with pytest.raises(Refused, match=r"integrity\.budget"):
            plan.call_budget(wanted)
