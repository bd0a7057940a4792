"""Where what is written over would not be kept nothing is begun, or it ends at once and is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lab.calls import Call
from tests.cli.conftest import AFTER, BEFORE, Past, Terminal

OLDEST = timedelta(hours=5)
KEYS = 40


@pytest.fixture
def precious(bucket: Past) -> Past:
    """Of each key the null version of before versioning, the version of the time, and a later one;
    some are new since.
    """
    made = Past(emulator=bucket.emulator, versioning=None)
    made.then(OLDEST)
    for number in range(KEYS):
        made.put(f"k{number:02}", b"from before versioning, the only copy %d" % number)
    made.version("Enabled")
    for ago, body in ((BEFORE, b"then %d"), (AFTER, b"later, and longer %d")):
        made.then(ago)
        for number in range(KEYS):
            made.put(f"k{number:02}", body % number)
    for number in range(3):
        made.put(f"new{number}", b"new")
    made.then(timedelta(0))
    return made


def nulls(bucket: Past) -> dict[str, bytes]:
    """What the null version of each key holds."""
    return {
        key: bucket.read(key, VersionId="null")
        for key, version in bucket.versions()
        if version == "null"
    }


def suspends(bucket: Past) -> Callable[[object], None]:
    return lambda _: bucket.version("Suspended")


def test_versioning_that_stays_on_is_no_trouble(
    precious: Past, terminal: Terminal, at: str
) -> None:
    before = nulls(precious)
    ran = terminal.restore(precious, at, "--report", "report.json")
    assert ran.status == 0, ran.out
    assert nulls(precious) == before
    assert terminal.report()["may_be_lost"] == []


@pytest.mark.parametrize("skip", [0, 5])
def test_versioning_suspended_while_it_copies_ends_it_at_once(
    precious: Past, terminal: Terminal, at: str, skip: int
) -> None:
    before = nulls(precious)
    faults = precious.emulator.s3.faults
    faults.before("CopyObject", suspends(precious), times=1, skip=skip)
    ran = terminal.restore(precious, at, "--threads", "1", "--report", "report.json")
    assert ran.status == 1
    assert f"VERSIONING OF {precious.name} WAS LOST WHILE IT WAS WRITTEN TO" in ran.out
    assert "all is as it was" not in ran.out
    assert "verifying" not in ran.out
    lost = {key for key, held in nulls(precious).items() if held != before[key]}
    assert 0 < len(lost) < KEYS
    report = terminal.report()
    assert (report["ended"], report["exit_status"]) == ("versioning_lost", 1)
    assert {one["key"] for one in report["may_be_lost"]} == lost
    assert all(f"! {key}" in ran.out for key in lost)
    assert report["verification"] is None


def test_versioning_suspended_before_markers_are_added_ends_it(
    precious: Past, terminal: Terminal, at: str
) -> None:
    """The batch of markers that was sent before it is found is all that is lost."""
    precious.emulator.s3.faults.before("DeleteObjects", suspends(precious), times=1)
    ran = terminal.restore(precious, at, "--report", "report.json")
    assert ran.status == 1
    report = terminal.report()
    assert report["ended"] == "versioning_lost"
    assert {one["key"] for one in report["may_be_lost"]} >= {"new0", "new1", "new2"}


def test_versioning_suspended_since_it_was_planned_writes_nothing(
    precious: Past, terminal: Terminal, at: str
) -> None:
    before = precious.versions()
    precious.emulator.s3.faults.before("ListObjectVersions", suspends(precious), times=1)
    ran = terminal.restore(precious, at)
    assert ran.status == 3
    assert "versioning is Suspended: expected Enabled" in ran.err
    assert precious.versions() == before


def test_versioning_suspended_after_the_last_write_is_found_before_it_is_verified(
    precious: Past, terminal: Terminal, at: str
) -> None:
    def after(call: Call) -> None:
        if call.operation == "DeleteObjects":
            precious.version("Suspended")

    precious.emulator.after_call.append(after)
    ran = terminal.restore(precious, at, "--threads", "1", "--report", "report.json")
    assert ran.status == 1
    assert "verifying" not in ran.out
    report = terminal.report()
    assert report["ended"] == "versioning_lost"
    assert report["may_be_lost"] == []
    assert "no key is known to have been written without a version" in ran.out


@pytest.mark.parametrize("hidden", [True, False])
def test_a_suspended_bucket_is_not_restored_into_though_it_lists_empty(
    bucket: Past, terminal: Terminal, at: str, hidden: bool
) -> None:
    bucket.then(BEFORE)
    bucket.put("k", b"then")
    bucket.then(timedelta(0))
    other = Past(emulator=bucket.emulator, versioning=None)
    if hidden:
        other.put("k", b"precious, the only copy")
        other.version("Enabled")
        other.delete("k")
    other.version("Suspended")
    before = other.versions()
    ran = terminal.restore(bucket, at, "--to", other.name)
    assert ran.status == 3
    assert f"--to: '{other.name}': versioning is Suspended: expected Enabled" in ran.err
    assert other.versions() == before


@pytest.fixture
def source(bucket: Past) -> Past:
    bucket.then(BEFORE)
    for number in range(30):
        bucket.put(f"k{number:02}", b"then %d" % number)
    bucket.then(timedelta(0))
    return bucket


def test_into_a_bucket_without_versions_it_can_be_done_again(
    source: Past, terminal: Terminal, at: str
) -> None:
    """The first time some keys are denied; each time what was written before is no obstacle."""
    other = Past(emulator=source.emulator, versioning=None)
    faults = source.emulator.s3.faults
    faults.refuse("CopyObject", code="AccessDenied", status=403, skip=20, times=100)
    assert terminal.restore(source, at, "--to", other.name).status == 1
    assert len(other.state()) == 20
    faults.clear()
    for _ in range(3):
        ran = terminal.restore(source, at, "--to", other.name)
        assert ran.status == 0, ran.err
        assert other.state() == source.state()
    assert "nothing to do" in ran.out


def test_into_a_bucket_without_versions_nothing_of_others_is_replaced(
    source: Past, terminal: Terminal, at: str
) -> None:
    other = Past(emulator=source.emulator, versioning=None)
    assert terminal.restore(source, at, "--to", other.name).status == 0
    other.put("k07", b"somebody else's, the only copy")
    ran = terminal.restore(source, at, "--to", other.name)
    assert ran.status == 1
    assert "! k07  another object is there, of which no version would be left" in ran.out
    assert other.read("k07") == b"somebody else's, the only copy"
    other.put("stray", b"somebody else's")
    ran = terminal.restore(source, at, "--to", other.name)
    assert ran.status == 3
    assert "versioning is off and it has objects, as 'stray'" in ran.err
