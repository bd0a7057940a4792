"""Whatever dies: somebody still gets in, nothing is stuck, and what was not seen is not proven."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from functions.model import Status
from lab.calls import Refusal
from lab.credentials import Other
from lab.emulator import Call
from tests.lab.conftest import failed
from tests.lab_rotation.conftest import OWN, Rotations

CRASHES = {
    "drill-rotation-plan": "PutItem",
    "drill-rotation-witness-1": "PutObject",
    "drill-rotation-verify-1": "PutObject",
    "drill-rotation-verify-unit-1": "UpdateSecretVersionStage",
    "drill-rotation-teardown-1": "GetSecretValue",
    "drill-report": "PutItem",
}
WATCHED = {"rotation_time", "lockout"}


def in_order(rotations: Rotations) -> bool:
    """The standing version opens the database, nothing is pending, and nobody holds the claim."""
    pending = "AWSPENDING" in rotations.stages()
    return rotations.opens() and not pending and rotations.claim("rehearsed") is None


def test_a_crash_between_an_effect_and_its_answer_is_just_another_call(
    rotations: Rotations,
) -> None:
    crashed = {f: rotations.crash_once(f, operation) for f, operation in CRASHES.items()}
    ran = rotations.run()
    assert [function for function, calls in crashed.items() if not calls] == []
    assert ran.verdict == "PASS", ran.cause
    assert in_order(rotations)


@pytest.mark.parametrize("operation", ["RotateSecret", "DescribeSecret"])
def test_when_the_watching_call_dies_what_needed_it_is_not_run_and_the_rest_goes_on(
    rotations: Rotations, operation: str
) -> None:
    """DescribeSecret is also what it looks with before it asks: a death then costs nothing."""
    crashed = rotations.crash_once("drill-rotation-exercise-1", operation)
    ran = rotations.run()
    assert crashed
    if operation == "DescribeSecret":
        assert ran.verdict == "PASS", ran.cause
    else:
        assert ran.verdict == "INCONCLUSIVE", ran.cause
        assert not failed(ran)
        assert ran.checks(Status.NOT_RUN) == WATCHED
        assert {"new_login", "old_credential", "rollback"} <= ran.checks(Status.PASSED)
    assert in_order(rotations)


@pytest.mark.parametrize("step", ["setSecret", "testSecret", "finishSecret"])
def test_a_rotation_function_that_is_killed_once_between_two_steps_is_healed(
    rotations: Rotations, step: str
) -> None:
    """Secrets Manager begins anew with createSecret: each step finds what it did already."""
    fault = {"dies_before": step, "once": str(uuid.uuid4())}
    other = Other(module="damaged", environment={"FAULT": json.dumps(fault)})
    undo = rotations.lab.credentials.replace_function(
        "drill-rotate-production", other, rotations.lab.folder
    )
    before = len(rotations.lab.emulator.secrets.failures)
    try:
        ran = rotations.run()
    finally:
        undo()
    killed = rotations.lab.emulator.secrets.failures[before:]
    assert [failure.step for failure in killed] == [step]
    assert ran.verdict == "PASS", ran.cause
    assert in_order(rotations)


def test_an_aborted_rehearsal_is_put_in_order_by_the_next_one(rotations: Rotations) -> None:
    execution = rotations.start(drill="rehearsed")
    seen: list[Call] = []

    def hook(call: Call) -> None:
        if call.operation == "RotateSecret" and call.session == "drill-rotation-exercise-1":
            seen.append(call)

    rotations.lab.emulator.after_call.append(hook)
    rotations.until(lambda: bool(seen))
    rotations.states.stop_execution(executionArn=execution, error="Operator", cause="the plug")
    assert rotations.claim("rehearsed") is not None
    ran = rotations.run()
    assert ran.verdict == "PASS", ran.cause
    assert in_order(rotations)


def test_an_aborted_live_rotation_leaves_the_real_secret_usable(rotations: Rotations) -> None:
    """The rotation is Secrets Manager's own: it goes on without the drill."""
    rotations.lab.emulator.secrets.wait("fibonacci/app", 30)
    before = rotations.stages("fibonacci/app")["AWSCURRENT"]
    execution = rotations.start(drill="live")
    rotations.until(lambda: "AWSPENDING" in rotations.stages("fibonacci/app"))
    rotations.states.stop_execution(executionArn=execution, error="Operator", cause="the plug")
    rotations.lab.emulator.secrets.wait("fibonacci/app", 30)
    after = rotations.stages("fibonacci/app")
    assert after.keys() == {"AWSCURRENT", "AWSPREVIOUS"}
    assert after["AWSCURRENT"] != before
    assert rotations.opens("fibonacci/app")
    assert rotations.run(drill="live").verdict == "PASS"


def test_a_dead_run_is_cleared_as_what_it_was_whatever_is_configured_by_now(
    rotations: Rotations,
) -> None:
    """A live run was aborted, then the drill made a rehearsal: the real secret is not written."""
    held = rotations.secrets.get_secret_value(SecretId="fibonacci/app")
    execution = rotations.start(drill="live")
    rotations.until(lambda: "AWSPENDING" in rotations.stages("fibonacci/app"))
    rotations.states.stop_execution(executionArn=execution, error="Operator", cause="the plug")
    writes: list[Call] = []

    def hook(call: Call) -> None:
        by_a_step = str(call.session).startswith("drill-rotation-")
        if by_a_step and call.operation.startswith(("Put", "Update", "Rotate")):
            writes.append(call)

    rotations.lab.emulator.after_call.append(hook)
    rehearsal = {"secret": OWN, "role": "backup_drills_rotation"}
    ran = rotations.run(drill="live", mode="rehearsal", window=None, rehearsal=rehearsal)
    assert ran.verdict == "PASS", ran.cause
    assert {call.parameters.get("SecretId") for call in writes if call.service != "s3"} <= {
        None,
        rotations.secrets.describe_secret(SecretId=OWN)["ARN"],
    }
    assert rotations.opens("fibonacci/app")
    assert rotations.secrets.get_secret_value(SecretId="fibonacci/app") != held


def test_throttling_is_waited_out(rotations: Rotations) -> None:
    left = dict.fromkeys(
        ("DescribeSecret", "GetSecretValue", "UpdateSecretVersionStage", "RotateSecret"), 2
    )

    def throttle(call: Call) -> Refusal | None:
        if call.role and left.get(call.operation, 0) > 0 and "drill-rotation" in str(call.session):
            left[call.operation] -= 1
            return Refusal("ThrottlingException", "Rate exceeded", 400)
        return None

    rotations.lab.emulator.before_call.append(throttle)
    ran = rotations.run()
    assert ran.verdict == "PASS", ran.cause
    assert not any(left.values())


def test_a_database_that_does_not_answer_is_one_clear_error_and_changes_nothing(
    rotations: Rotations,
) -> None:
    front, before = rotations.lab.source.front, rotations.stages()
    gate = front._gate
    assert gate is not None
    front.close()
    try:
        ran = rotations.run()
    finally:
        front.open(gate)
    assert ran.verdict in ("INCONCLUSIVE", "FAIL")
    assert "the database does not answer" in ran.report["error"]["message"]
    assert rotations.stages() == before
    assert rotations.run().verdict == "PASS"
    assert in_order(rotations)


def test_a_rehearsal_whose_user_was_never_set_up_says_what_to_run(rotations: Rotations) -> None:
    from lab.damage._rotations import ROLE, as_superuser

    before = rotations.stages()
    as_superuser(rotations.lab, f"ALTER ROLE {ROLE} PASSWORD 'of-nobody-that-a-secret-holds'")
    try:
        ran = rotations.run()
    finally:
        rotations.lab.credentials.install(OWN, ROLE, rotations.lab.source)
    assert ran.verdict == "INCONCLUSIVE", ran.cause
    assert "setup/install.sql" in ran.cause
    assert rotations.stages() == before
    assert rotations.claim("rehearsed") is None


def test_a_deadline_that_has_passed_still_ends_in_order(rotations: Rotations) -> None:
    ran = rotations.run(deadlines={"verify_seconds": 0})
    assert ran.verdict == "INCONCLUSIVE", ran.cause
    assert "DeadlineExceeded" in ran.cause
    assert in_order(rotations)


def test_a_rotation_that_aws_refuses_is_told_in_aws_s_words(rotations: Rotations) -> None:
    def refuse(call: Call) -> Refusal | None:
        if call.operation == "RotateSecret" and call.session:
            return Refusal("AccessDeniedException", "Secrets Manager cannot invoke it.", 400)
        return None

    rotations.lab.emulator.before_call.append(refuse)
    ran = rotations.run()
    assert failed(ran) == {"rotation_finished"}
    (check,) = [c for c in ran.report["checks"] if c["name"] == "rotation_finished"]
    assert "Secrets Manager cannot invoke it." in check["observed"]
    assert in_order(rotations)


def test_where_a_rotation_has_stopped_is_told_with_what_is_to_be_done(
    rotations: Rotations,
) -> None:
    fault: dict[str, Any] = {"fails_at": "testSecret"}
    other = Other(module="damaged", environment={"FAULT": json.dumps(fault)})
    undo = rotations.lab.credentials.replace_function(
        "drill-rotate-production", other, rotations.lab.folder
    )
    try:
        ran = rotations.run(timing={"rotation_seconds": 8})
    finally:
        undo()
    (check,) = [c for c in ran.report["checks"] if c["name"] == "rotation_finished"]
    told = check["detail"]
    assert "done: createSecret, setSecret; stopped at testSecret" in told
    assert "secret and database disagree: the database refuses AWSCURRENT" in told
    assert "accepts AWSPENDING" in told
    # The real secret was not rotated, so there is nothing to put right but the function.
    first, second = ran.report["remedy"]
    assert "The real secret was not rotated" in first
    assert "Mend the rotation function drill-rotate-production" in second
    assert in_order(rotations)
