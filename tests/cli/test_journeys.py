"""Whole restores on the lab's S3: what was there is there again, and nothing else was touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cli import access
from lab.calls import Call
from tests.cli.conftest import AFTER, AWKWARD, BEFORE, Past, Terminal, write_past

WRITES = {
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "DeleteObject",
    "DeleteObjects",
    "PutObject",
    "RestoreObject",
    "UploadPart",
    "UploadPartCopy",
}


@pytest.fixture
def writes(bucket: Past) -> Iterator[list[str]]:
    """The names of the calls that write, as they are made."""
    made: list[str] = []

    def hook(call: Call) -> None:
        if call.operation in WRITES:
            made.append(call.operation)

    bucket.emulator.before_call.append(hook)
    yield made
    bucket.emulator.before_call.remove(hook)


def test_in_place(bucket: Past, terminal: Terminal, at: str) -> None:
    then = write_past(bucket)
    before = bucket.versions()
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert (ran.status, ran.err) == (0, "")
    assert bucket.state() == then
    assert set(before) <= set(bucket.versions()), "nothing is destroyed"
    assert "all is as it was at that time: 18 keys restored, 16 of them read back" in ran.out
    assert "\x1b" not in ran.out
    report = terminal.report()
    assert report["ended"] == "restored"
    assert report["plan"]["keys"] == {
        "create": 7,
        "change": 9,
        "remove": 2,
        "unchanged": 2,
        "unrestorable": 0,
    }
    assert report["results"]["done"] == 18
    assert {made["key"] for made in report["copies"]} == {
        *AWKWARD,
        *("changed", "deleted", "again", "meta", "tags", "empty"),
    }
    assert {gone["key"] for gone in report["removed"]} == {"new", "gone before"}
    assert report["preflight"]["account"] == "123456789012"
    ids = set(bucket.versions())
    assert all(
        {(made["key"], made["from"]), (made["key"], made["to"])} <= ids for made in report["copies"]
    )


def test_a_second_run_writes_nothing(
    bucket: Past, terminal: Terminal, at: str, writes: list[str]
) -> None:
    write_past(bucket)
    terminal.restore(bucket, at)
    assert writes
    writes.clear()
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 0
    assert "nothing to do: all is as it was" in ran.out
    assert not writes
    assert terminal.report()["ended"] == "nothing_to_do"


def test_a_dry_run_writes_nothing_and_shows_the_diff(
    bucket: Past, terminal: Terminal, at: str, writes: list[str]
) -> None:
    write_past(bucket)
    writes.clear()
    ran = terminal.run(bucket.name, "--at", at, "--dry-run", "--report", "r.json", "--show", "99")
    assert ran.status == 0
    assert not writes
    for line in ("+ deleted", "~ changed", "- new", "~ line\\nbreak", "+ a+b c%41"):
        assert f"\n{line}\n" in ran.out
    assert "same" not in ran.out
    assert "a dry run: nothing was written" in ran.out
    assert terminal.report("r.json")["ended"] == "dry_run"


def test_only_so_many_lines_of_the_diff_are_shown(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    write_past(bucket)
    ran = terminal.run(bucket.name, "--at", at, "--dry-run", "--show", "3")
    shown = [line for line in ran.out.splitlines() if line[:2] in ("+ ", "~ ", "- ")]
    assert len([line for line in shown if "   " not in line]) == 3


def test_a_prefix_is_all_that_is_touched(bucket: Past, terminal: Terminal, at: str) -> None:
    bucket.then(BEFORE)
    for key in ("a/1", "a/2", "b/1"):
        bucket.put(key, b"then")
    bucket.then(AFTER)
    for key in ("a/1", "a/2", "b/1", "a"):
        bucket.put(key, b"now")
    bucket.then(timedelta(0))
    assert terminal.restore(bucket, at, "--prefix", "a/").status == 0
    assert {key: held[0] for key, held in bucket.state().items()} == {
        "a": b"now",
        "a/1": b"then",
        "a/2": b"then",
        "b/1": b"now",
    }


def test_into_another_bucket(bucket: Past, terminal: Terminal, at: str, writes: list[str]) -> None:
    then = write_past(bucket)
    before = bucket.versions()
    other = Past(emulator=bucket.emulator)
    other.put("stays", b"another one")
    other.put("only here", b"kept")
    ran = terminal.restore(bucket, at, "--to", other.name, "--report", "report.json")
    assert ran.status == 0
    kept = other.state().pop("only here")
    assert kept[0] == b"kept"
    assert {key: held for key, held in other.state().items() if key != "only here"} == then
    assert bucket.versions() == before, "the source is only read"
    assert f"1 key only in {other.name}: left alone" in ran.out
    assert terminal.report()["plan"]["only_in_other_bucket"] == 1
    writes.clear()
    assert terminal.restore(bucket, at, "--to", other.name).status == 0
    assert not writes


def test_into_a_bucket_without_versions_that_is_empty(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    then = write_past(bucket)
    other = Past(emulator=bucket.emulator, versioning=None)
    assert terminal.restore(bucket, at, "--to", other.name).status == 0
    assert other.state() == then


def test_undelete_brings_back_the_very_same_versions(
    bucket: Past, terminal: Terminal, at: str, writes: list[str]
) -> None:
    bucket.then(BEFORE)
    ids = {key: bucket.put(key, key.encode()) for key in AWKWARD}
    bucket.then(AFTER)
    for key in AWKWARD:
        bucket.delete(key)
        bucket.delete(key)
    bucket.put("new")
    bucket.then(timedelta(0))
    writes.clear()
    ran = terminal.restore(bucket, at, "--undelete", "--report", "report.json")
    assert ran.status == 0
    assert "10 keys undeleted by removing markers, nothing is copied" in ran.out
    assert {key: bucket.head(key)["VersionId"] for key in AWKWARD} == ids
    assert set(bucket.state()) == set(AWKWARD)
    assert set(writes) <= {"DeleteObjects", "DeleteObject"}
    undeleted = terminal.report()["undeleted"]
    assert {made["key"]: made["to"] for made in undeleted} == ids


def test_what_a_rule_may_have_deleted_is_marked_and_told(bucket: Past, terminal: Terminal) -> None:
    """T lies past the horizon of a rule of one day."""
    bucket.s3.put_bucket_lifecycle_configuration(
        Bucket=bucket.name,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "short",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
                }
            ]
        },
    )
    bucket.then(timedelta(days=9))
    bucket.put("kept since", b"then")
    bucket.then(timedelta(days=5))
    bucket.put("in doubt", b"later")
    bucket.then(timedelta(0))
    before = bucket.versions()
    refused = terminal.restore(bucket, "8d ago")
    assert refused.status == 3
    assert "the lifecycle rule 'short' deletes versions after 1 days" in refused.err
    ran = terminal.restore(bucket, "8d ago", "--past-horizon", "--report", "report.json")
    assert ran.status == 1
    assert "! in doubt  a lifecycle rule may have deleted what was current then" in ran.out
    assert bucket.versions() == before
    report = terminal.report()
    assert [lost["key"] for lost in report["unrestorable"]] == ["in doubt"]
    assert report["in_doubt"] == [{"key": "in doubt", "caveats": ["maybe_expired"]}]


def test_what_is_archived_is_asked_back_and_copied_later(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    bucket.then(BEFORE)
    bucket.put("cold", b"then", StorageClass="GLACIER")
    bucket.put("warm", b"then")
    bucket.then(AFTER)
    for key in ("cold", "warm"):
        bucket.put(key, b"now")
    bucket.then(timedelta(0))
    first = terminal.restore(bucket, at, "--report", "report.json")
    assert first.status == 2
    assert "1 key archived and asked back" in first.out
    assert f"to go on: python -m cli restore-bucket {bucket.name} --at {at}" in first.out
    assert [one["key"] for one in terminal.report()["thawing"]] == ["cold"]
    assert bucket.read("warm") == b"then"
    assert terminal.restore(bucket, at).status == 2, "still on its way"
    bucket.emulator.s3.finish_restores(bucket.name)
    ran = terminal.restore(bucket, at)
    assert ran.status == 0, ran.out
    cold = bucket.head("cold")
    assert (cold["ETag"], cold["StorageClass"]) == (bucket.head("warm")["ETag"], "GLACIER")


def test_the_lab_needs_no_environment(
    bucket: Past,
    terminal: Terminal,
    at: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    then = write_past(bucket)
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps({"endpoint": bucket.emulator.endpoint}))
    monkeypatch.setattr(access, "READY", ready)
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    ran = terminal.restore(bucket, at, "--lab")
    assert ran.status == 0, ran.err
    assert bucket.state() == then
