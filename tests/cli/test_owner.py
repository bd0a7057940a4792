"""Whose bucket it must be is said with every request, and what may not be looked at is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab import aws
from lab.calls import Call
from tests.cli.conftest import Past, Terminal, write_past

STRANGER = "999999999999"
ASKED_FIRST = {"HeadBucket"}
"""Where a bucket is, is asked before it is known whose it must be."""


@pytest.fixture
def owners(bucket: Past) -> Iterator[dict[str, set[str | None]]]:
    """The accounts that were said to own a bucket, by operation, None for a request without one."""
    found: dict[str, set[str | None]] = {}

    def hook(call: Call) -> None:
        if call.service == "s3":
            said = call.parameters.get("ExpectedBucketOwner")
            found.setdefault(call.operation, set()).add(said)

    bucket.emulator.before_call.append(hook)
    yield found
    bucket.emulator.before_call.remove(hook)


def test_every_request_says_whose_the_bucket_must_be(
    bucket: Past, terminal: Terminal, at: str, owners: dict[str, set[str | None]]
) -> None:
    write_past(bucket)
    other = Past(emulator=bucket.emulator, versioning=None)
    owners.clear()
    assert terminal.restore(bucket, at, "--to", other.name).status == 0
    assert terminal.restore(bucket, at, "--report", "report.json").status == 0
    assert {"CopyObject", "DeleteObjects", "GetObject", "GetBucketVersioning"} <= owners.keys()
    without = {operation for operation, said in owners.items() if said != {aws.ACCOUNT}}
    assert without == ASKED_FIRST
    assert terminal.report()["preflight"]["source"]["owner"] == aws.ACCOUNT


@pytest.mark.parametrize("option", ["--owner", "--to-owner"])
def test_a_bucket_of_another_account_is_neither_read_nor_written(
    bucket: Past, terminal: Terminal, at: str, option: str
) -> None:
    write_past(bucket)
    other = Past(emulator=bucket.emulator)
    ran = terminal.restore(bucket, at, "--to", other.name, option, STRANGER)
    assert ran.status == 3
    name, place = (bucket.name, "BUCKET") if option == "--owner" else (other.name, "--to")
    assert f"{place}: '{name}': it does not belong to account {STRANGER}: expected" in ran.err
    assert option in ran.err
    assert other.versions() == []
    right = terminal.restore(bucket, at, "--to", other.name, option, aws.ACCOUNT)
    assert right.status == 0


def test_where_the_account_cannot_be_known_none_is_said(
    bucket: Past,
    terminal: Terminal,
    at: str,
    owners: dict[str, set[str | None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_past(bucket)
    owners.clear()
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.emulator.endpoint)
    ran = terminal.restore(bucket, at)
    assert ran.status == 0, ran.err
    assert f"of {bucket.name} not known, and not checked: --owner ACCOUNT names it" in ran.out
    assert {one for said in owners.values() for one in said} == {None}
    named = terminal.restore(bucket, at, "--owner", aws.ACCOUNT)
    assert f"{bucket.name} belongs to account {aws.ACCOUNT}" in named.out


OPTIONAL = {
    "GetBucketEncryption": "encryption",
    "GetPublicAccessBlock": "access block",
    "GetBucketPolicyStatus": "policy",
    "GetObjectLockConfiguration": "object lock",
    "GetBucketReplication": "replication",
    "GetBucketOwnershipControls": "ownership",
    "GetBucketNotificationConfiguration": "events",
}


def test_what_may_not_be_looked_at_is_told_and_no_obstacle(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    then = write_past(bucket)
    for operation in OPTIONAL:
        bucket.emulator.s3.faults.refuse(operation, code="AccessDenied", status=403)
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 0, ran.err
    assert bucket.state() == then
    for word in OPTIONAL.values():
        assert f"\n{word:<13}not allowed to look\n" in ran.out
    assert set(terminal.report()["preflight"]["source"]["unknown"]) == set(OPTIONAL.values())
    assert "not allowed to look" not in terminal.restore(bucket, at).out
