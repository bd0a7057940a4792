"""A canary's objects: written, lost, brought back, compared, removed; and what comes in between."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.evidence import Evidence
from functions.model import Status
from functions.s3_versions import canary as forms
from functions.s3_versions import teardown, witness
from functions.s3_versions.copier import Copier
from functions.s3_versions.values import How
from functions.s3_versions.wire import RequestRefused
from lab import s3_objects
from lab.calls import Call
from lab.emulator import Emulator
from tests.steps.s3.drilled import Drilled, versions
from tests.unit.test_s3_plan import DRILL, INSIDE

BUCKET_CHECKS = {"encryption_default", "public_access"}
"""What a bucket without any configuration does not pass."""

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")

HASTE = 30


@pytest.fixture
def whole_canary(new_bucket: Callable[..., str]) -> Drilled:
    """A run of a canary, of which nothing is written yet."""
    evidence = Evidence(bucket=new_bucket(), lock_mode="NONE", lock_days=1)
    sibling = {**DRILL["canary"], "bucket": new_bucket()}
    return Drilled({**DRILL, "bucket": new_bucket(), "canary": sibling}, evidence)


@pytest.fixture
def _small(s3: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen versions of one key, small parts, and a clock of S3 that is in haste."""
    monkeypatch.setattr(forms, "THOUSAND", replace(forms.THOUSAND, versions=12))
    small = [replace(f, size=48, parts=(40, 8)) if f.parts else f for f in forms.FORMS]
    monkeypatch.setattr(forms, "FORMS", tuple(small))
    monkeypatch.setattr(s3.s3, "smallest_part", 10)
    began = datetime.now(UTC)
    monkeypatch.setattr(s3.s3, "clock", lambda: began + HASTE * (datetime.now(UTC) - began))


@pytest.fixture
def canary(whole_canary: Drilled, _small: None) -> Drilled:
    """The same, and quicker."""
    return whole_canary


@pytest.fixture
def client(s3: Emulator) -> Any:
    return s3.client("s3")


def test_what_was_lost_comes_back_and_nothing_is_left(whole_canary: Drilled, client: Any) -> None:
    canary = whole_canary
    checks = canary.written().back().checks()
    assert {c.name for c in checks if c.status is Status.FAILED} == BUCKET_CHECKS
    assert {c.name for c in checks if c.status is Status.NOT_RUN} == {"replication"}
    assert canary.exercise["guarded"]
    assert canary.exercise["not_back"] == 0
    assert set(canary.exercise["singles"]) == {"overwritten", "undeleted", "copied"}
    assert canary.exercise["object_seconds"] == max(canary.exercise["singles"].values())
    gone = canary.remove()
    assert gone["proven"]
    assert gone["leftovers"] == []
    assert versions(client, canary.bucket) == []
    assert versions(client, canary.drill["bucket"]) == [], "the source was never written to"


def test_one_key_has_more_versions_than_a_page_of_the_listing() -> None:
    [many] = [one for one in forms.specimens("p/") if one.form.versions > 1]
    assert (many.before, many.after) == (699, 350)
    assert many.before + 1 + many.after > 1000


def test_the_undeleted_are_the_very_same_versions(canary: Drilled, client: Any) -> None:
    canary.written()
    before = {
        record["key"]: record["version"]
        for record in canary.evidence.get_json(canary.witness["key"])
        if record["fate"] == "undeleted"
    }
    canary.back()
    now = {key: client.head_object(Bucket=canary.bucket, Key=key)["VersionId"] for key in before}
    assert now == before


@pytest.mark.usefixtures("_small")
def test_a_canary_in_the_bucket_itself_touches_nothing_else(
    new_bucket: Callable[..., str], client: Any
) -> None:
    bucket = new_bucket()
    blocked = dict.fromkeys(BLOCKS, True)
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocked)
    client.put_object(Bucket=bucket, Key="_drill/of the company", Body=b"x")
    client.put_object(Bucket=bucket, Key="_drillings", Body=b"x")
    before = versions(client, bucket)
    evidence = Evidence(bucket=new_bucket(), lock_mode="NONE", lock_days=1)
    inside = {**INSIDE["canary"], "bucket": bucket}
    run = Drilled({**INSIDE, "bucket": bucket, "canary": inside}, evidence)
    assert run.written().back().not_passed() == {"encryption_default"}
    assert run.remove()["proven"]
    assert versions(client, bucket) == before


def test_a_call_of_witness_that_died_while_it_wrote_is_begun_anew(
    canary: Drilled, s3: Emulator
) -> None:
    s3.s3.faults.refuse("CreateMultipartUpload", code="AccessDenied", status=403)
    with pytest.raises(Exception, match="AccessDenied"):
        canary.see()
    assert canary.written().back().not_passed() == BUCKET_CHECKS
    assert canary.remove()["proven"], "the attempt that died is removed as well"


def test_a_call_of_witness_that_died_while_it_overwrote_is_begun_anew(
    canary: Drilled, s3: Emulator
) -> None:
    while canary.witness.get("waiting_for") is None:
        canary.witness = canary.see()
    first = canary.witness["attempt"]
    s3.s3.faults.refuse("DeleteObject", code="AccessDenied", status=403)
    with pytest.raises(Exception, match="AccessDenied"):
        canary.written()
    canary.written()
    assert canary.witness["attempt"] != first
    assert canary.back().not_passed() == BUCKET_CHECKS
    assert canary.remove()["proven"]


def test_exercise_called_again_finds_all_back_and_writes_nothing(
    canary: Drilled, client: Any
) -> None:
    canary.written().back()
    before = versions(client, canary.bucket)
    again = canary.bring()
    assert versions(client, canary.bucket) == before
    assert again["objects"] == 0
    assert again["not_back"] == 0
    assert again["object_seconds"] is None, "what was back already was not timed"


@pytest.mark.parametrize("skip", [0, 1, 7])
def test_what_one_call_could_not_bring_back_the_next_one_does(
    canary: Drilled, s3: Emulator, skip: int
) -> None:
    canary.written()
    s3.s3.faults.refuse("CopyObject", code="AccessDenied", status=403, skip=skip, times=100)
    with suppress(ClientError):  # the first of all copies is that which must be refused
        assert canary.bring()["not_back"]
    s3.s3.faults.clear()
    assert canary.back().not_passed() == BUCKET_CHECKS


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("CopyObject", "refuse"),
        ("CopyObject", "reset"),
        ("CopyObject", "hang_up"),
        ("CopyObject", "fail_inside"),
        ("DeleteObjects", "refuse"),
        ("DeleteObjects", "hang_up"),
        ("ListObjectVersions", "reset"),
    ],
)
def test_what_s3_does_now_and_then_changes_nothing(
    canary: Drilled, s3: Emulator, operation: str, fault: str
) -> None:
    canary.written()
    getattr(s3.s3.faults, fault)(operation, skip=1, times=2)
    assert canary.back().not_passed() == BUCKET_CHECKS
    assert canary.exercise["not_back"] == 0


def test_what_somebody_writes_meanwhile_is_kept_and_told(
    canary: Drilled, s3: Emulator, client: Any
) -> None:
    canary.written()
    key = f"{canary.witness['attempt']}overwritten/infrequent.bin"

    def write(_: object) -> None:
        client.put_object(Bucket=canary.bucket, Key=key, Body=b"of somebody else")

    s3.s3.faults.before("CopyObject", write, when=lambda call: call.parameters["Key"] == key)
    canary.back()
    assert canary.exercise["not_back"] == 1
    assert canary.exercise["not_back_first"][0].startswith(key)
    body = client.get_object(Bucket=canary.bucket, Key=key)["Body"].read()
    assert body == b"of somebody else"
    assert "content" in canary.not_passed()


def test_a_server_that_does_not_compare_before_it_swaps_is_found(
    canary: Drilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary.written()
    monkeypatch.setattr(s3_objects, "check_write", lambda *_: None)
    assert canary.back().not_passed() == {*BUCKET_CHECKS, "compare_and_swap"}


def test_nothing_is_written_where_no_versions_are_kept(new_bucket: Callable[..., str]) -> None:
    sibling = {**DRILL["canary"], "bucket": new_bucket(versioning="Suspended")}
    evidence = Evidence(bucket=new_bucket(), lock_mode="NONE", lock_days=1)
    run = Drilled({**DRILL, "bucket": new_bucket(), "canary": sibling}, evidence)
    assert run.plan["blocked"]
    run.exercise = {"done": True}
    assert {"versioning", "brought_back"} <= run.not_passed()


def test_teardown_called_again_and_again_deletes_what_it_has_time_for(
    canary: Drilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary.written()
    monkeypatch.setattr(teardown, "AT_ONCE", 5)
    first = canary.remove(lambda: 0.0)
    assert (first["done"], first["versions"]) == (False, 5)
    assert canary.remove()["proven"]
    assert canary.remove()["proven"], "and once more"


def test_an_upload_that_was_not_finished_is_aborted(canary: Drilled, client: Any) -> None:
    key = f"{canary.plan['place']['prefix']}half"
    client.create_multipart_upload(Bucket=canary.bucket, Key=key)
    other = client.create_multipart_upload(Bucket=canary.bucket, Key="of somebody else")
    assert canary.remove()["proven"]
    uploads = client.list_multipart_uploads(Bucket=canary.bucket)["Uploads"]
    assert [one["UploadId"] for one in uploads] == [other["UploadId"]]


def test_what_s3_will_not_delete_is_left_and_named(
    canary: Drilled, s3: Emulator, client: Any
) -> None:
    key = f"{canary.plan['place']['prefix']}stays"
    client.put_object(Bucket=canary.bucket, Key=key, Body=b"x")
    s3.s3.faults.fail_keys([key], code="AccessDenied")
    left = canary.remove()
    assert not left["proven"]
    assert key in left["leftovers"][0]["name"]
    assert canary.remove()["proven"]


def test_a_date_is_waited_for_that_is_later_than_t(
    canary: Drilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary.witness = canary.see()
    newest = canary.witness["newest"]
    monkeypatch.setattr(witness.objects, "stamp", lambda *_: newest)
    assert canary.see()["waiting_for"] == "S3 to give a later date"


def test_an_undelete_that_was_done_by_a_copy_is_found(
    canary: Drilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary.written()
    monkeypatch.setattr(Copier, "_way", lambda _, action: _copied(action.how))
    assert canary.back().not_passed() == {*BUCKET_CHECKS, "undeleted_version"}


def _copied(how: How) -> How:
    return How.COPY if how is How.UNDELETE else how


@pytest.mark.parametrize(
    ("operation", "ending"),
    [
        ("PutObject", "empty"),
        ("PutObject", "many-versions"),
        ("CompleteMultipartUpload", ""),
        ("DeleteObject", ""),
    ],
)
@pytest.mark.parametrize("skip", [0, 2])
def test_a_write_whose_answer_was_lost_is_no_version_too_many(
    canary: Drilled, s3: Emulator, operation: str, ending: str, skip: int
) -> None:
    """It was asked for again, and both are kept: the attempt is begun anew."""
    bucket = canary.bucket

    def of_the_canary(call: Call) -> bool:
        told = call.parameters
        return bool(told["Bucket"] == bucket and str(told["Key"]).endswith(ending))

    s3.s3.faults.hang_up(operation, skip=skip, when=of_the_canary)
    assert canary.written().back().not_passed() == BUCKET_CHECKS
    assert s3.s3.faults.left == 0
    assert canary.remove()["proven"]


def test_another_key_of_the_same_algorithm_is_another_encryption(canary: Drilled) -> None:
    canary.written().back()
    records = canary.evidence.get_json(canary.witness["key"])
    records[0]["kms_key"] = "arn:aws:kms:sa-east-1:123456789012:key/another"
    canary.evidence.put_json(canary.witness["key"], records)
    assert canary.not_passed() == {*BUCKET_CHECKS, "encryption"}


def test_a_bucket_of_another_account_is_refused(canary: Drilled) -> None:
    canary.plan["account"] = "999999999999"
    with pytest.raises(RequestRefused, match="AccessDenied"):
        canary.written()
