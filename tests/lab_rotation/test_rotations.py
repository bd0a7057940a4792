"""Whole rotation drills: the deployed line, the real functions, a real PostgreSQL with SCRAM."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from functions.model import Status
from lab.damage import Damage, list_damages
from tests.lab.conftest import failed
from tests.lab_rotation.conftest import OWN, Rotations

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8")
)
CHECKS = {
    "application",
    "clock",
    "connection_facts",
    "credential_recoverability",
    "grants",
    "lockout",
    "may_set_password",
    "new_login",
    "no_rotation_pending",
    "old_credential",
    "rollback",
    "rotation_finished",
    "rotation_on_time",
    "rotation_schedule",
    "rotation_time",
    "source_login",
    "tls_required",
    "torn_down",
    "version_stages",
}
DAMAGES = [damage for damage in list_damages() if damage.kind == "secret_rotation"]


def facts(report: dict[str, object]) -> dict[str, str]:
    return {fact["name"]: fact["value"] for fact in report["facts"]}  # type: ignore[attr-defined]


def test_a_healthy_rehearsal_passes_and_every_check_of_the_kind_has_run(
    rotations: Rotations,
) -> None:
    before = rotations.stages()["AWSCURRENT"]
    real = rotations.lab.credentials.value("fibonacci/app")
    ran = rotations.run()
    assert (ran.status, ran.verdict) == ("SUCCEEDED", "PASS"), ran.cause
    assert ran.checks(Status.PASSED) == CHECKS
    jsonschema.validate(ran.report, SCHEMA)
    after = rotations.stages()
    assert after["AWSCURRENT"] not in (before, None)
    assert "AWSPENDING" not in after
    assert rotations.opens()
    assert rotations.lab.credentials.value("fibonacci/app") == real
    assert facts(ran.report)["A session from before"] == "lived on"
    assert facts(ran.report)["Strategy"] == "single user"
    assert rotations.claim("rehearsed") is None


def test_a_second_rehearsal_finds_what_the_first_has_left(rotations: Rotations) -> None:
    first, second = rotations.run(), rotations.run()
    assert (first.verdict, second.verdict) == ("PASS", "PASS"), (first.cause, second.cause)


def test_every_call_of_a_drill_is_allowed_by_the_synthesized_policies(
    rotations: Rotations,
) -> None:
    before = len(rotations.lab.emulator.calls)
    assert rotations.run().verdict == "PASS"
    calls = rotations.lab.emulator.calls[before:]
    assert {call.session for call in calls if call.session} >= {
        "drill-rotation-plan",
        "drill-rotation-witness-1",
        "drill-rotation-exercise-1",
        "drill-rotation-verify-1",
        "drill-rotation-verify-unit-1",
        "drill-rotation-teardown-1",
        "drill-rotate-production",
    }
    assert [call for call in calls if call.status == HTTPStatus.FORBIDDEN] == []
    assert not any("RotationRules" in call.parameters for call in calls)


def test_a_live_rotation_rotates_the_real_secret_and_leaves_nothing_else(
    rotations: Rotations,
) -> None:
    before = rotations.lab.credentials.value("fibonacci/app")
    rules = rotations.secrets.describe_secret(SecretId="fibonacci/app")["RotationRules"]
    ran = rotations.run(drill="live")
    assert ran.verdict == "PASS", ran.cause
    assert ran.checks(Status.PASSED) == CHECKS - {"rollback"}
    after = rotations.lab.credentials.value("fibonacci/app")
    assert before["password"] != after["password"]
    assert {**before, "password": ""} == {**after, "password": ""}
    assert rotations.opens("fibonacci/app")
    assert rotations.stages("fibonacci/app").keys() == {"AWSCURRENT", "AWSPREVIOUS"}
    assert rotations.secrets.describe_secret(SecretId="fibonacci/app")["RotationRules"] == rules
    assert rotations.lab.credentials.application.requests > 0


def test_users_that_alternate_are_told_from_a_single_one(rotations: Rotations) -> None:
    for user in ("drills_alternating_clone", "drills_alternating"):
        ran = rotations.run(drill="alternating")
        assert ran.verdict == "PASS", ran.cause
        assert facts(ran.report)["Strategy"] == "alternating users"
        (old,) = [c for c in ran.report["checks"] if c["name"] == "old_credential"]
        assert old["observed"].endswith(f"the new one as {user}")
        assert rotations.opens("drill-rotation-alternating")


def test_a_user_that_comes_without_the_grants_of_the_other_is_found(rotations: Rotations) -> None:
    """The second user of a rotation that forgets to make it a member of the first one."""
    from lab.credentials import Other
    from lab.damage._rotations import as_superuser

    credentials = rotations.lab.credentials
    while credentials.value("drill-rotation-alternating").get("username", "").endswith("_clone"):
        assert rotations.run(drill="alternating").verdict == "PASS"
    as_superuser(
        rotations.lab,
        "GRANT fibonacci_reporting TO drills_alternating",
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname ="
        " 'drills_alternating_clone') THEN REVOKE drills_alternating FROM"
        " drills_alternating_clone; END IF; END $$",
    )
    other = Other(module="alternating", environment={"FORGETS_GRANTS": "yes"})
    undo = credentials.replace_function("SecretsManagerAlternating", other, rotations.lab.folder)
    try:
        ran = rotations.run(drill="alternating")
    finally:
        undo()
        as_superuser(
            rotations.lab,
            "REVOKE fibonacci_reporting FROM drills_alternating",
            "GRANT drills_alternating TO drills_alternating_clone",
        )
    assert failed(ran) == {"grants"}, ran.cause
    (grants,) = [c for c in ran.report["checks"] if c["name"] == "grants"]
    assert "lost: role: fibonacci_reporting" in grants["observed"]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_each_damage_turns_exactly_its_check_red(rotations: Rotations, damage: Damage) -> None:
    assert damage.arrange is not None
    patience = {"rotation_seconds": 8} if damage.check == "rotation_finished" else {}
    undo = damage.arrange(rotations.lab)
    try:
        ran = rotations.run(drill=damage.only_mode or "rehearsed", timing=patience)
    finally:
        undo()
    assert (ran.status, ran.verdict) == ("FAILED", "FAIL"), ran.cause
    assert failed(ran) == {damage.check}
    assert len([c for c in ran.report["checks"] if c["status"] == "failed"]) == 1
    jsonschema.validate(ran.report, SCHEMA)
    rotations.lab.emulator.secrets.wait(OWN, 30)
    # Whatever was wrong: what remains is the standing version, and it opens the database.
    assert "AWSPENDING" not in rotations.stages()
    assert rotations.opens()
    assert (rotations.claim("rehearsed") is None) is (damage.check != "torn_down")


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"rotation_days_maximum": 7}, "rotation_schedule"),
        ({"objectives": {"rto_seconds": 0.001}}, "rotation_time"),
    ],
)
def test_a_stricter_policy_turns_exactly_its_check_red(
    rotations: Rotations, changes: dict[str, Any], check: str
) -> None:
    ran = rotations.run(**changes)
    assert failed(ran) == {check}, ran.cause


def test_days_that_nobody_could_log_in_to_are_found(rotations: Rotations) -> None:
    """A rotation inside the restore window, and no login by IAM."""
    source, secrets = rotations.lab.source, rotations.lab.emulator.secrets
    current = rotations.stages("fibonacci/app")["AWSCURRENT"]
    listed = rotations.secrets.list_secret_version_ids(
        SecretId="fibonacci/app", IncludeDeprecated=True
    )["Versions"]
    before = {version["VersionId"]: version["CreatedDate"] for version in listed}
    for version in before:
        secrets.set_created("fibonacci/app", version, datetime.now(UTC))
    assert current in before
    try:
        assert rotations.run().verdict == "PASS"
        source.iam_auth = False
        ran = rotations.run()
    finally:
        source.iam_auth = True
        for version, created in before.items():
            secrets.set_created("fibonacci/app", version, created)
    assert failed(ran) == {"credential_recoverability"}, ran.cause


def test_the_next_rehearsal_after_all_damages_passes(rotations: Rotations) -> None:
    ran = rotations.run()
    assert ran.verdict == "PASS", ran.cause
