"""Whoever writes meanwhile keeps what they wrote; what fails is named; the network may be bad."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lab.calls import Call
from lab.s3_records import Version
from tests.cli.conftest import AFTER, AWKWARD, BEFORE, WITHIN, Past, Terminal, write_past


def of(key: str) -> Callable[[Call], bool]:
    return lambda call: call.parameters.get("Key") == key


def some(bucket: Past, number: int = 8) -> None:
    """So many keys that were overwritten."""
    for ago, body in ((BEFORE, b"then"), (AFTER, b"now")):
        bucket.then(ago)
        for key in range(number):
            bucket.put(f"k{key:03}", body + b" %d" % key)
    bucket.then(timedelta(0))


def test_who_writes_meanwhile_keeps_what_they_wrote(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    some(bucket)
    bucket.emulator.s3.faults.before(
        "CopyObject", lambda _: bucket.put("k005", b"meanwhile"), when=of("k005")
    )
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 1
    assert bucket.read("k005") == b"meanwhile"
    assert "1 key conflicted: written meanwhile by others, whose write is kept" in ran.out
    assert "! k005" in ran.out
    report = terminal.report()
    assert [one["key"] for one in report["conflicts"]] == ["k005"]
    assert report["verification"]["differing"]["conflict"] == 1
    assert report["results"]["done"] == 7
    assert [key for key, held in bucket.state().items() if held[0].startswith(b"now")] == []
    again = terminal.restore(bucket, at)
    assert again.status == 0, "a later run plans anew, over what was written meanwhile"
    assert bucket.read("k005") == b"then 5"


def test_who_writes_what_was_removed_keeps_it(bucket: Past, terminal: Terminal, at: str) -> None:
    bucket.then(AFTER)
    bucket.put("new", b"1")
    bucket.put("new too", b"1")
    bucket.then(timedelta(0))
    bucket.emulator.s3.faults.before("DeleteObjects", lambda _: bucket.put("new", b"2"))
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 1
    assert {key: held[0] for key, held in bucket.state().items()} == {"new": b"2"}
    assert [one["key"] for one in terminal.report()["conflicts"]] == ["new"]


def test_what_is_written_after_it_was_restored_is_told_apart(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    some(bucket)

    def writes(_: Call) -> None:
        bucket.put("k003", b"since")
        bucket.put("unheard of", b"since")

    bucket.emulator.s3.faults.before("ListObjectVersions", writes, skip=1)
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 1
    assert "2 keys written since by others" in ran.out
    report = terminal.report()
    assert {(one["key"], one["why"]) for one in report["differing"]} == {
        ("k003", "written_since"),
        ("unheard of", "written_since"),
    }
    assert report["results"]["done"] == 8
    assert not report["conflicts"]


def test_a_key_that_is_denied_is_named_and_the_rest_restored(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    some(bucket)
    bucket.emulator.s3.faults.refuse(
        "CopyObject", code="AccessDenied", status=403, times=99, when=of("k007")
    )
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 1
    assert "1 key failed" in ran.out
    [told] = [line for line in ran.out.splitlines() if line.strip().startswith("! k")]
    assert "k007" in told
    assert "AccessDenied" in told
    report = terminal.report()
    assert [one["key"] for one in report["failures"]] == ["k007"]
    assert report["verification"]["differing"]["failed"] == 1
    assert [key for key, held in bucket.state().items() if held[0].startswith(b"now")] == ["k007"]
    bucket.emulator.s3.faults.clear()
    assert terminal.restore(bucket, at).status == 0


def history(bucket: Past, key: str) -> list[Version]:
    """What the lab's S3 keeps of a key, the oldest first."""
    found = [one for one in bucket.emulator.s3.bucket(bucket.name).versions() if one.key == key]
    return sorted(found, key=lambda version: version.sequence)


@pytest.mark.parametrize("fault", ["refuse", "reset", "hang_up", "fail_inside"])
@pytest.mark.parametrize("operation", ["CopyObject", "DeleteObjects"])
def test_a_bad_day_ends_well(
    bucket: Past, terminal: Terminal, at: str, fault: str, operation: str
) -> None:
    then = write_past(bucket, keys=AWKWARD[:2])
    plan: Any = getattr(bucket.emulator.s3.faults, fault)
    plan(operation, times=2)
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 0, ran.out
    assert bucket.state() == then
    assert bucket.emulator.s3.faults.left == 0
    assert not terminal.report()["conflicts"], "an answer that was lost is no conflict"


@pytest.mark.parametrize("fault", ["refuse", "reset"])
def test_a_listing_on_a_bad_day(bucket: Past, terminal: Terminal, at: str, fault: str) -> None:
    then = write_past(bucket, keys=AWKWARD[:2])
    plan: Any = getattr(bucket.emulator.s3.faults, fault)
    plan("ListObjectVersions", times=2)
    assert terminal.restore(bucket, at).status == 0
    assert bucket.state() == then


@pytest.mark.parametrize(
    ("more", "told"),
    [({"checksum": None}, "its SHA-256 is"), ({}, "cannot be read: Expected checksum")],
)
def test_bytes_that_are_not_what_they_were_are_found(
    bucket: Past, terminal: Terminal, at: str, more: dict[str, Any], told: str
) -> None:
    """The copy goes bad between its writing and its reading."""
    some(bucket, 3)

    def flips(_: Call) -> None:
        newest = history(bucket, "k001")[-1]
        assert newest.content is not None
        newest.content = replace(newest.content, body=b"T" + newest.content.body[1:], **more)

    bucket.emulator.s3.faults.before("ListObjectVersions", flips, skip=1)
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 1
    assert f"! k001  read back: {told}" in ran.out
    sample = terminal.report()["verification"]["sample"]
    assert [one["key"] for one in sample if one["problem"]] == ["k001"]
    assert len(sample) == 3


def test_a_restore_that_is_wrong_is_found(bucket: Past, terminal: Terminal, at: str) -> None:
    """The server says that it copied, and its copy has lost its metadata."""
    some(bucket, 3)

    def forgets(_: Call) -> None:
        newest = history(bucket, "k002")[-1]
        assert newest.content is not None
        newest.content = replace(newest.content, metadata={"not": "there then"})

    bucket.emulator.s3.faults.before("ListObjectVersions", forgets, skip=1)
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 1
    assert "1 key restored, and not what it was" in ran.out
    assert [(one["key"], one["why"]) for one in terminal.report()["differing"]] == [
        ("k002", "wrong")
    ]


def test_an_error_in_the_midst_stops_it_half_way(bucket: Past, terminal: Terminal, at: str) -> None:
    """The verification cannot be made: what was done is told, and the same command goes on."""
    some(bucket)
    bucket.emulator.s3.faults.refuse(
        "ListObjectVersions", code="AccessDenied", status=403, skip=1, times=99
    )
    ran = terminal.restore(bucket, at, "--report", "report.json")
    assert ran.status == 2
    assert "stopped by an error: ListObjectVersions" in ran.out
    assert f"to go on: python -m cli restore-bucket {bucket.name}" in ran.out
    report = terminal.report()
    assert report["ended"] == "stopped"
    assert report["results"]["done"] == 8
    assert report["verification"] is None
    bucket.emulator.s3.faults.clear()
    assert terminal.restore(bucket, at).status == 0


def test_a_report_that_cannot_be_written_is_told(bucket: Past, terminal: Terminal, at: str) -> None:
    some(bucket, 3)
    folder = terminal.folder / "reports"
    folder.mkdir()
    bucket.emulator.s3.faults.before("ListObjectVersions", lambda _: folder.rmdir(), skip=1)
    ran = terminal.restore(bucket, at, "--report", "reports/report.json")
    assert ran.status == 1
    assert "all is as it was at that time" in ran.out
    assert "there is no report: " in ran.out


def test_nobody_reads_along(bucket: Past, terminal: Terminal, at: str) -> None:
    """The pipe that it writes to breaks: the restore goes on, and its report says how it ended."""
    some(bucket, 3)
    ours, theirs = os.pipe()
    os.close(ours)
    process = subprocess.Popen(
        [*terminal.command, bucket.name, "--at", at, "--yes", "--report", "report.json"],
        cwd=terminal.folder,
        env=terminal.environment,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    _, err = process.communicate(timeout=WITHIN)
    assert (process.returncode, err) == (0, b"")
    assert terminal.report()["results"]["done"] == 3
