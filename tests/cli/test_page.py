"""The operator's page says what the code does, and its policy is what a restore needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli import display
from cli.parser import commands
from lab import aws
from lab.calls import Call
from lab.iam import World, requests_of
from lab.policies import Request, Role
from tests.cli.conftest import AFTER, BEFORE, Past, Terminal, write_past
from tests.unit.test_docs import rows

PAGE = Path(__file__).parents[2] / "docs" / "restore-bucket.md"
WORLD = World(region=aws.REGION, account=aws.ACCOUNT)


def policy(bucket: str, *sids: str) -> dict[str, Any]:
    """The page's policy for a bucket: of these statements only."""
    [text] = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = json.loads(text.replace("BUCKET", bucket))
    statements = [one for one in found["Statement"] if one["Sid"] in sids]
    assert len(statements) == len(sids)
    return {**found, "Statement": statements}


@pytest.fixture
def asked(bucket: Past) -> Iterator[list[Call]]:
    """The calls of S3 that are made meanwhile."""
    found: list[Call] = []

    def hook(call: Call) -> None:
        if call.service == "s3":
            found.append(call)

    bucket.emulator.before_call.append(hook)
    yield found
    bucket.emulator.before_call.remove(hook)


def requests(calls: list[Call]) -> Iterator[Request]:
    """What IAM is asked for them."""
    for call in calls:
        yield from requests_of(call, WORLD)


def refused(calls: list[Call], *policies: dict[str, Any]) -> set[str]:
    """The actions that these policies do not allow."""
    role = Role(policies=policies)
    return {request.action for request in requests(calls) if not role.allows(request)}


def test_in_place(bucket: Past, terminal: Terminal, at: str, asked: list[Call]) -> None:
    write_past(bucket)
    asked.clear()
    assert terminal.restore(bucket, at).status == 0
    assert not refused(asked, policy(bucket.name, "Look", "Read", "Write"))
    assert refused(asked, policy(bucket.name, "Look", "Read")) == {
        "s3:PutObject",
        "s3:PutObjectTagging",
        "s3:DeleteObject",
    }


def test_a_dry_run(bucket: Past, terminal: Terminal, at: str, asked: list[Call]) -> None:
    write_past(bucket)
    asked.clear()
    assert terminal.restore(bucket, at, "--dry-run").status == 0
    assert not refused(asked, policy(bucket.name, "Look", "Read"))
    assert "s3:RestoreObject" not in {request.action for request in requests(asked)}


def test_into_another_bucket(bucket: Past, terminal: Terminal, at: str, asked: list[Call]) -> None:
    write_past(bucket)
    other = Past(emulator=bucket.emulator)
    other.put("stays", b"another one")
    asked.clear()
    assert terminal.restore(bucket, at, "--to", other.name).status == 0
    both = [policy(name, "Look", "Read") for name in (bucket.name, other.name)]
    assert not refused(asked, *both, policy(other.name, "Write"))
    assert "s3:DeleteObject" not in {request.action for request in requests(asked)}


def test_undelete_and_what_is_archived(
    bucket: Past, terminal: Terminal, at: str, asked: list[Call]
) -> None:
    bucket.then(BEFORE)
    bucket.put("deleted", b"then")
    bucket.put("cold", b"then", StorageClass="GLACIER")
    bucket.then(AFTER)
    bucket.delete("deleted")
    bucket.put("cold", b"now")
    bucket.then(timedelta(0))
    asked.clear()
    assert terminal.restore(bucket, at, "--undelete").status == 2
    assert not refused(asked, policy(bucket.name, "Look", "Read", "Undelete"))
    assert refused(asked, policy(bucket.name, "Look", "Read")) == {"s3:DeleteObjectVersion"}
    assert "s3:RestoreObject" in {request.action for request in requests(asked)}


def test_every_option_is_on_the_page() -> None:
    restore = commands()["restore-bucket"]
    names = {name for action in restore._actions for name in action.option_strings}
    assert {row[0] for row in rows(PAGE, "option")} == names - {"-h", "--help"}


def test_every_caveat_is_on_the_page() -> None:
    assert dict(rows(PAGE, "caveat")) == {
        caveat.value: meaning for caveat, meaning in display.CAVEATS.items()
    }


def test_every_exit_status_is_on_the_page() -> None:
    assert [row[0] for row in rows(PAGE, "exit status")] == ["0", "1", "2", "3"]
