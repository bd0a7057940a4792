"""What a restore on many machines stops at, and what it finds once it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from functions.errors import Refused
from functions.s3_versions import confirmed, piece
from functions.s3_versions.copier import Copier
from functions.s3_versions.piece import Phase
from functions.s3_versions.watch import VersioningLost
from functions.s3_versions.wire import RequestRefused
from lab.aws import ACCOUNT, REGION
from lab.calls import Call
from tests.steps.s3.machine import NOW, Context, Restore
from tests.steps.s3.place import MIB

Make = Callable[..., Restore]

KEY = "photos/01"
LATER = NOW.total_seconds() + 5
"""After the start of the restore, in seconds after T."""

STRANGER = Context(invoked_function_arn=f"arn:aws:lambda:{REGION}:999999999999:function:f")


def of(key: str) -> Callable[[Call], bool]:
    return lambda call: call.parameters.get("Key") == key


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_was_restored_is_verified_and_nothing_is_written(
    restore: Make, elsewhere: bool
) -> None:
    run = restore(elsewhere=elsewhere)
    run.plan()
    run.whole("plan")
    run.set_clock(LATER)
    run.run("apply")
    before = run.versions()
    told = run.whole("verify")
    assert (told["complete"], told["cause"], told["changes"]) == (True, "", 0)
    assert told["tally"]["keys"]["unchanged"] >= len(run.then)
    assert run.versions() == before
    assert run.holds(run.target) == run.then


def test_verified_one_key_a_call_it_tells_the_same(restore: Make) -> None:
    run = restore()
    run.plan()
    run.run("apply")
    run.set_clock(LATER)
    run.put(KEY, b"by another")
    [whole] = run.run("verify")
    [parted] = run.run("verify", lambda: Context([0]))
    assert parted["calls"] > whole["calls"]
    assert parted["tally"] == whole["tally"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_others_wrote_since_is_told_apart_from_what_differs_still(
    restore: Make, elsewhere: bool
) -> None:
    run = restore(elsewhere=elsewhere)
    run.plan()
    run.s3.s3.faults.refuse("CopyObject", code="AccessDenied", when=of(KEY), status=403)
    run.run("apply")
    run.set_clock(LATER)
    run.client.put_object(Bucket=run.target, Key="photos/02", Body=b"by another")
    run.client.delete_object(Bucket=run.target, Key="photos/06")
    told = run.whole("verify")
    assert not told["complete"]
    assert told["cause"].startswith("2 written since the start, 1 differ still: see s3://")
    assert {note["key"]: note["result"] for note in run.notes(Phase.VERIFY)} == {
        KEY: "failed",
        "photos/02": "conflict",
        "photos/06": "conflict",
    }


def test_a_copy_that_was_counted_and_is_gone_differs_still(restore: Make) -> None:
    run = restore()
    run.plan()
    applied = run.whole("apply")
    assert applied["complete"]
    newest = run.versions()[KEY][0]
    run.client.delete_object(Bucket=run.source, Key=KEY, VersionId=newest)
    told = run.whole("verify")
    assert told["cause"].startswith("1 differ still: see s3://")
    [note] = run.notes(Phase.VERIFY)
    assert (note["key"], note["result"]) == (KEY, "failed")
    assert "expected what" in note["detail"]


def test_what_is_archived_is_not_back_yet(restore: Make) -> None:
    run = restore()
    run.set_clock(-4)
    run.put("zz archived", b"then", StorageClass="GLACIER")
    run.set_clock(5)
    run.put("zz archived", b"written later")
    run.set_clock(NOW.total_seconds())
    run.plan()
    run.run("apply")
    told = run.whole("verify")
    assert told["cause"].startswith("1 archived, asked back: see s3://")
    assert run.s3.s3.finish_restores(run.source) == 1
    told = run.whole("apply", "verify")
    assert (told["complete"], told["cause"]) == (True, "")


@pytest.mark.parametrize("phase", ["apply", "verify"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_each_call_looks_at_versioning_first(restore: Make, phase: str, elsewhere: bool) -> None:
    run = restore(elsewhere=elsewhere)
    run.plan()
    [one] = run.shards()
    answer = run.call(phase, one, {}, Context([0]))
    before = run.versions()
    run.version("Suspended")
    with pytest.raises(VersioningLost, match="versioning is Suspended: expected Enabled") as raised:
        run.call(phase, one, answer, Context())
    assert type(raised.value) is VersioningLost
    assert run.versions() == before
    run.version("Enabled")
    run.whole(phase)


def test_a_plan_needs_no_versioning(restore: Make) -> None:
    run = restore()
    run.plan()
    run.version("Suspended")
    run.whole("plan")


def test_versioning_lost_within_a_call_ends_it_and_names_what_was_written(restore: Make) -> None:
    run = restore()
    run.plan()
    run.s3.s3.faults.before("CopyObject", lambda _: run.version("Suspended"))
    with pytest.raises(VersioningLost):
        run.run("apply")
    notes = run.notes(Phase.APPLY)
    assert notes
    assert {note["result"] for note in notes} == {"failed"}
    assert any("null version" in note["detail"] for note in notes)


@pytest.fixture
def doubted(restore: Make) -> Restore:
    """A bucket where what a null version held at T was overwritten after it."""
    run = restore()
    run.set_clock(-4)
    run.put("doubted", b"very old")
    run.version("Suspended")
    run.set_clock(-3)
    run.put("doubted", b"right at T")
    run.set_clock(5)
    run.put("doubted", b"later")
    run.version("Enabled")
    run.set_clock(NOW.total_seconds())
    return run


def test_a_key_in_doubt_is_left_and_named_and_the_restore_is_not_complete(
    doubted: Restore,
) -> None:
    doubted.plan()
    told = doubted.whole("plan", "apply", "verify")
    assert not told["complete"]
    assert told["cause"].startswith("1 unrestorable: see s3://")
    for phase in Phase:
        [note] = doubted.notes(phase)
        assert (note["key"], note["result"]) == ("doubted", "unrestorable")
    assert doubted.holds(doubted.source) == doubted.then | {"doubted": b"later"}


def test_a_doubt_that_is_accepted_is_acted_on_and_named_all_the_same(doubted: Restore) -> None:
    doubted.plan(accept_doubts=True)
    told = doubted.whole("plan", "apply", "verify")
    assert (told["complete"], told["cause"]) == (True, "")
    assert told["tally"]["caveats"]["null_overwritten"] == 1
    for phase in Phase:
        [note] = doubted.notes(phase)
        assert (note["key"], note["result"]) == ("doubted", "doubt")
        assert note["detail"] == "null_overwritten"
    assert doubted.holds(doubted.source) == doubted.then | {"doubted": b"very old"}


def test_encryption_comes_back_though_the_bucket_s_default_is_another(restore: Make) -> None:
    run, key = restore(), f"arn:aws:kms:{REGION}:{ACCOUNT}:key/of-one-object"
    run.set_clock(-4)
    run.put("zz", b"then", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    run.set_clock(5)
    run.put("zz", b"written later")
    run.set_clock(NOW.total_seconds())
    run.plan()
    told = run.whole("plan", "apply", "verify")
    assert (told["complete"], told["changes"]) == (True, 0)
    found = run.client.head_object(Bucket=run.source, Key="zz")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)
    before = run.versions()
    assert run.whole("plan", "apply")["changes"] == 0
    assert run.versions() == before


def test_a_copy_that_lost_its_encryption_differs_still(restore: Make) -> None:
    run, key = restore(), f"arn:aws:kms:{REGION}:{ACCOUNT}:key/of-one-object"
    run.set_clock(-4)
    run.put("zz", b"then", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    run.set_clock(5)
    run.put("zz", b"then")
    run.set_clock(NOW.total_seconds())
    run.plan()
    told = run.whole("verify")
    assert "zz" in {note["key"] for note in run.notes(Phase.VERIFY)}
    assert not told["complete"]


def test_every_request_says_whose_the_bucket_must_be(restore: Make) -> None:
    run = restore(elsewhere=True)
    called: list[Call] = []
    run.s3.before_call.append(called.append)
    try:
        run.plan()
        run.whole("plan", "apply", "verify")
    finally:
        run.s3.before_call.remove(called.append)
    assert {call.parameters["Bucket"] for call in called} == {run.source, run.target, run.evidence}
    assert {call.parameters.get("ExpectedBucketOwner") for call in called} == {ACCOUNT}
    copies = [call.parameters for call in called if call.operation == "CopyObject"]
    assert {copy["ExpectedSourceBucketOwner"] for copy in copies} == {ACCOUNT}


def test_a_bucket_of_another_account_is_neither_planned_nor_touched(restore: Make) -> None:
    run = restore()
    with pytest.raises(Refused, match="AccessDenied"):
        run.plan(STRANGER)


def test_a_shard_asks_for_its_owner_itself(restore: Make) -> None:
    run = restore()
    run.plan()
    before = run.versions()
    [one] = run.shards()
    for phase in Phase:
        with pytest.raises(RequestRefused, match="AccessDenied"):
            run.call(phase, one, {}, STRANGER)
    assert run.versions() == before


def killed_in_a_large_copy(run: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large object's copy in parts begins, and its function is killed: it aborts nothing."""
    monkeypatch.setattr(piece, "Copier", partial(Copier, largest_copy=5 * MIB))
    run.set_clock(-4)
    run.put("zz large", b"x" * (5 * MIB + 1))
    run.set_clock(5)
    run.put("zz large", b"written later")
    run.set_clock(NOW.total_seconds())
    run.plan()
    faults: dict[str, Any] = {"code": "AccessDenied", "status": 403}
    run.s3.s3.faults.refuse("UploadPartCopy", **faults)
    run.s3.s3.faults.refuse("AbortMultipartUpload", **faults)
    run.run("apply")
    run.s3.s3.faults.clear()


def test_what_a_killed_call_left_of_a_large_copy_is_aborted(
    restore: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = restore()
    killed_in_a_large_copy(run, monkeypatch)
    assert run.uploads() == ["zz large"]
    run.run("apply")
    theirs = run.client.create_multipart_upload(Bucket=run.source, Key="zz theirs")
    assert run.uploads() == ["zz large", "zz theirs"]
    told = run.whole("verify")
    assert told["complete"]
    assert run.uploads() == ["zz theirs"]
    parts = {"Bucket": run.source, "Key": "zz theirs", "UploadId": theirs["UploadId"]}
    run.client.abort_multipart_upload(**parts)


def test_an_upload_that_is_completed_leaves_nothing_to_abort(
    restore: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = restore()
    killed_in_a_large_copy(run, monkeypatch)
    run.run("apply")
    run.run("verify")
    assert run.whole("verify")["complete"]
    assert run.holds(run.source)["zz large"] == b"x" * (5 * MIB + 1)


def not_to_be_compared(run: Restore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two objects in parts, without checksums, as were uploaded long ago; both are too large."""
    monkeypatch.setattr(confirmed, "MOST_READ", MIB)
    monkeypatch.setattr(piece, "Copier", partial(Copier, most_read=MIB))
    for key in ("zz large", "zz other"):
        run.set_clock(-4)
        upload = {"Bucket": run.source, "Key": key}
        upload["UploadId"] = run.client.create_multipart_upload(**upload)["UploadId"]
        bodies = [b"x" * 5 * MIB, b"y"]
        etags = [
            run.client.upload_part(PartNumber=number, Body=body, **upload)["ETag"]
            for number, body in enumerate(bodies, 1)
        ]
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        run.client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
        run.set_clock(5)
        run.delete(key)
    run.set_clock(LATER)
    without_checksums(run)
    run.plan()


def without_checksums(run: Restore) -> None:
    for version in run.s3.s3.bucket(run.source).versions():
        if version.content is not None:
            version.content = replace(version.content, checksum=None)


def test_a_copy_that_cannot_be_compared_is_known_by_what_s3_confirmed(
    restore: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = restore()
    not_to_be_compared(run, monkeypatch)
    run.run("apply")
    without_checksums(run)
    told = run.whole("verify")
    assert (told["complete"], told["changes"]) == (True, 0)


def test_a_copy_that_was_confirmed_and_does_not_agree_differs_still(
    restore: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = restore()
    not_to_be_compared(run, monkeypatch)
    run.run("apply")
    without_checksums(run)
    newest = run.versions()["zz large"][0]
    for version in run.s3.s3.bucket(run.source).versions():
        if version.id == newest and version.content is not None:
            version.content = replace(version.content, headers={"Content-Type": "of/another"})
    told = run.whole("verify")
    assert told["cause"].startswith("1 differ still: see s3://")
    assert [note["key"] for note in run.notes(Phase.VERIFY)] == ["zz large"]


def test_who_wrote_over_a_copy_that_cannot_be_compared_is_told(
    restore: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = restore()
    not_to_be_compared(run, monkeypatch)
    run.run("apply")
    without_checksums(run)
    run.put("zz large", b"z" * (5 * MIB + 1))
    told = run.whole("verify")
    assert told["cause"].startswith("1 written since the start: see s3://")


def test_what_is_dated_in_the_second_of_the_start_is_not_taken_for_another_s(
    restore: Make,
) -> None:
    run = restore()
    run.plan()
    run.run("apply")
    run.put(KEY, b"in that very second")
    assert run.whole("verify")["cause"].startswith("1 differ still")
    run.set_clock((NOW + timedelta(seconds=1)).total_seconds())
    run.put(KEY, b"one second later")
    assert run.whole("verify")["cause"].startswith("1 written since the start")
