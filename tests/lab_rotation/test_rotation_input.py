"""Bad input: one clear error that names the key and what was expected, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.calls import Refusal
from lab.emulator import Call
from tests.lab_rotation.conftest import OWN, Rotations

REAL = "fibonacci/app"


def refused(rotations: Rotations, says: str, **run: Any) -> None:
    """Run a drill that must not begin, and see that no call of it has written anything."""
    writes: list[str] = []
    verbs = ("Put", "Update", "Rotate", "Create", "Delete", "Invoke")

    def hook(call: Call) -> None:
        if call.role and call.service == "secretsmanager" and call.operation.startswith(verbs):
            writes.append(call.operation)

    rotations.lab.emulator.before_call.append(hook)  # type: ignore[arg-type]  # refuses nothing
    before = rotations.stages()
    ran = rotations.run(**run)
    assert (ran.status, ran.verdict) == ("FAILED", "REFUSED"), ran.cause
    assert says in ran.cause
    assert writes == []
    assert rotations.stages() == before
    assert not ran.answers("Witness")


@contextmanager
def holding(rotations: Rotations, change: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """The real secret, with something wrong in it."""
    held = rotations.secrets.get_secret_value(SecretId=REAL)["SecretString"]
    wrong = change(json.loads(held))
    text = wrong if isinstance(wrong, str) else json.dumps(wrong)
    rotations.secrets.put_secret_value(SecretId=REAL, SecretString=text)
    try:
        yield
    finally:
        rotations.secrets.put_secret_value(SecretId=REAL, SecretString=held)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "expected an object"),
        ({"restore_time": "2026-11-02T05:00:00Z"}, "restore_time: unknown key: expected dry_run"),
        ({"dry_run": "yes"}, "dry_run: 'yes': expected true or false"),
    ],
)
def test_of_the_execution(rotations: Rotations, given: Any, says: str) -> None:
    refused(rotations, says, given=given)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: "user:password", "its value: not a JSON object"),
        (lambda held: {**held, "host": None}, "host: missing: expected a text"),
        (lambda held: {**held, "password": ""}, "password: not a text"),
        (lambda held: {**held, "engine": "mysql"}, "engine: mysql: expected postgres or aurora"),
        (lambda held: {**held, "port": "many"}, "port: not a port: expected 1 to 65535"),
        (lambda held: {**held, "masterarn": "arn:x"}, "expected a secret of a single user"),
    ],
)
def test_of_the_secret_s_value(
    rotations: Rotations, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    with holding(rotations, change):
        refused(rotations, says)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (REAL, "secret: fibonacci/app: not found: expected a secret of this account and region"),
        (OWN, f"rehearsal: secret {OWN}: not found: make it again by hand, as the template has it"),
    ],
)
def test_a_secret_that_is_not_there(rotations: Rotations, name: str, says: str) -> None:
    def gone(call: Call) -> Refusal | None:
        if call.role and call.parameters.get("SecretId") == name:
            return Refusal("ResourceNotFoundException", "not there", 400)
        return None

    rotations.lab.emulator.before_call.append(gone)
    refused(rotations, says)


def test_a_secret_that_is_to_be_deleted(rotations: Rotations) -> None:
    rotations.secrets.delete_secret(SecretId=REAL, RecoveryWindowInDays=7)
    try:
        refused(rotations, "is scheduled for deletion")
    finally:
        rotations.secrets.restore_secret(SecretId=REAL)


def test_a_secret_that_another_service_rotates(rotations: Rotations) -> None:
    rotations.lab.emulator.secrets.own(REAL, "rds")
    try:
        refused(rotations, "belongs to the service rds, which rotates it by itself")
    finally:
        rotations.lab.emulator.secrets.own(REAL, None)


def test_a_secret_whose_rotation_is_off(rotations: Rotations) -> None:
    found = rotations.secrets.describe_secret(SecretId=REAL)
    rotations.secrets.cancel_rotate_secret(SecretId=REAL)
    try:
        refused(rotations, "rotation is off: expected it on (aws secretsmanager rotate-secret")
    finally:
        rotations.secrets.rotate_secret(
            SecretId=REAL,
            RotationLambdaARN=found["RotationLambdaARN"],
            RotationRules={"AutomaticallyAfterDays": 30},
            RotateImmediately=False,
        )
        rotations.lab.emulator.secrets.wait(REAL, 30)


def test_a_secret_that_another_function_rotates(rotations: Rotations) -> None:
    refused(
        rotations,
        "the secret is rotated by drill-rotate-production: set function: drill-rotate-production",
        function="SecretsManagerAlternating",
    )


def test_a_network_that_is_not_the_function_s(rotations: Rotations) -> None:
    network = {"name": "other", "subnets": ["subnet-1"], "security_group": "sg-1"}
    refused(rotations, "network: other: subnet-1: the function is in subnet-0a", network=network)


def test_a_live_rotation_without_a_window_or_outside_it(rotations: Rotations) -> None:
    refused(rotations, "window: missing", drill="live", window=None)
    yesterday = (datetime.now(UTC) - timedelta(days=2)).strftime("%a").lower()
    window = {"days": [yesterday], "start": "01:00", "end": "02:00", "timezone": "UTC"}
    refused(rotations, f"expected {yesterday} 01:00 to 02:00", drill="live", window=window)


def test_a_dry_run_looks_at_everything_and_rotates_nothing(rotations: Rotations) -> None:
    before = rotations.stages()
    ran = rotations.run({"dry_run": True})
    assert (ran.status, ran.verdict) == ("SUCCEEDED", "SKIPPED")
    assert rotations.stages() == before


def test_a_scheduled_time_runs_once(rotations: Rotations) -> None:
    given = {"scheduled_time": "2026-11-02T08:00:00Z"}
    assert rotations.run(given).verdict == "PASS"
    before = rotations.stages(OWN)
    assert rotations.run(given).verdict == "SKIPPED"
    assert rotations.stages(OWN) == before


def test_a_host_that_is_not_the_cluster_s_gets_no_password(rotations: Rotations) -> None:
    """Whoever answers there would be handed it: nothing is sent, nothing rotated, and it fails."""
    before = rotations.stages()
    with holding(rotations, lambda held: {**held, "host": "elsewhere.example"}):
        ran = rotations.run()
    assert ran.verdict == "FAIL"
    assert {c["name"] for c in ran.report["checks"] if c["status"] == "failed"} == {
        "connection_facts"
    }
    assert rotations.stages() == before
