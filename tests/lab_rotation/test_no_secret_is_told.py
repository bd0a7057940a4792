"""No password of any secret, of any version there ever was, in anything that a lab has written."""

from __future__ import annotations

import json

import pytest

from lab.damage import find_damage
from lab.lab import Lab
from tests.lab_rotation.conftest import Rotations

SHORTEST = 12
"""Characters: a password that is shorter could stand in a text by chance."""


def passwords(lab: Lab) -> set[bytes]:
    """Of every version that a secret of the lab has had; bad input of other tests holds none."""
    found = set()
    for text in lab.emulator.secrets.values:
        if text.startswith("{"):
            found.add(str(json.loads(text).get("password", "")).encode())
    return {password for password in found if len(password) >= SHORTEST}


def written(lab: Lab) -> dict[str, bytes]:
    """Every file of the lab's folder, the database's own included."""
    return {
        str(path.relative_to(lab.folder)): path.read_bytes()
        for path in lab.folder.rglob("*")
        if path.is_file()
    }


def answered(lab: Lab, rotations: Rotations) -> dict[str, bytes]:
    """What is kept elsewhere: evidence, the ledger, histories, definitions, notifications."""
    kept = {key: lab.evidence(key) for key in rotations.keys()}  # noqa: SIM118  # no mapping
    scan = lab.emulator.client("dynamodb").scan(TableName=lab.deployment.ledger_table)
    kept["ledger"] = json.dumps(scan["Items"]).encode()
    states = rotations.states
    for machine in states.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        kept[f"definition of {arn}"] = states.describe_state_machine(stateMachineArn=arn)[
            "definition"
        ].encode()
        for execution in states.list_executions(stateMachineArn=arn)["executions"]:
            history = rotations.history(execution["executionArn"])
            kept[execution["executionArn"]] = json.dumps(history, default=str).encode()
    messages = lab.emulator.client("sqs").receive_message(
        QueueUrl=lab.deployment.queue_url, MaxNumberOfMessages=10
    )
    kept["notifications"] = json.dumps(messages.get("Messages", [])).encode()
    return kept


def test_no_password_is_in_a_log_a_report_a_history_or_a_document(
    rotations: Rotations, capfd: pytest.CaptureFixture[str]
) -> None:
    """Healthy drills, rotations that fail, and one whose database is gone."""
    lab = rotations.lab
    assert lab.source.server is not None
    with lab.source.server.connect() as connection:  # the worst case: every statement is kept
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("SELECT pg_reload_conf()")
    assert rotations.run().verdict == "PASS"
    assert rotations.run(drill="live").verdict == "PASS"
    assert rotations.run(drill="alternating").verdict == "PASS"
    for name in ("fails_at_test", "labels_only", "wrong_host"):
        damage = find_damage(name)
        assert damage.arrange is not None
        undo = damage.arrange(lab)
        assert rotations.run(timing={"rotation_seconds": 8}).verdict == "FAIL"
        undo()
        lab.emulator.secrets.wait("drill-rotation-rehearsed", 30)
    gate = lab.source.front._gate
    assert gate is not None
    lab.source.front.close()
    assert rotations.run().verdict != "PASS"
    lab.source.front.open(gate)
    told = {**written(lab), **answered(lab, rotations)}
    secrets = passwords(lab)
    output = capfd.readouterr()
    told["output"] = (output.out + output.err).encode()
    assert len(secrets) > 8
    assert len(told) > 100
    assert any(b"backup_drills_rotation" in text for text in told.values())  # what may be told
    found = [place for place, text in told.items() if any(secret in text for secret in secrets)]
    assert found == []
