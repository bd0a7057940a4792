"""The real objects as they were at T, in a scratch bucket: with a writer, and interrupted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.evidence import Evidence
from functions.model import Status
from functions.s3_versions import sameness, verify_unit
from lab.emulator import Emulator
from tests.steps.s3.drilled import PLENTY, Drilled, versions
from tests.unit.test_s3_plan import EXECUTION, REHEARSAL

OBJECTS = 60
FAILED_COPY = {"brought_back", "keys"}
BUCKET_CHECKS = {"encryption_default", "public_access"}


@pytest.fixture
def client(s3: Emulator) -> Iterator[Any]:
    """Of an S3 by whose clock each listing of what is current takes a second."""

    def tick(_: object) -> None:
        s3.clock_skew += timedelta(seconds=1)

    before = s3.clock_skew
    s3.s3.faults.before("ListObjectsV2", tick, times=1000)
    yield s3.client("s3")
    s3.clock_skew = before


@pytest.fixture
def rehearsal(client: Any, new_bucket: Callable[..., str]) -> Drilled:
    """A run over a bucket of which some objects were overwritten and some deleted."""
    source, chosen = new_bucket(), random.Random(7)  # noqa: S311 - no secret
    for number in range(OBJECTS):
        key = f"site/{number:03} ção+%41"
        client.put_object(
            Bucket=source,
            Key=key,
            Body=chosen.randbytes(chosen.randint(0, 3000)),
            ContentType="text/html",
            Metadata={"number": str(number)},
            Tagging="kind=page",
        )
        if number % 5 == 0:
            client.put_object(Bucket=source, Key=key, Body=b"second")
        if number % 7 == 0:
            client.delete_object(Bucket=source, Key=key)
    client.put_object(Bucket=source, Key="elsewhere", Body=b"not asked for")
    evidence = Evidence(bucket=new_bucket(), lock_mode="NONE", lock_days=1)
    scratch = {"bucket": new_bucket()}
    return Drilled({**REHEARSAL, "bucket": source, "scratch": scratch}, evidence)


def somebody_writes(client: Any, bucket: str) -> None:
    for number in (1, 2, 3):
        client.put_object(Bucket=bucket, Key=f"site/{number:03} ção+%41", Body=b"later")
    client.delete_object(Bucket=bucket, Key="site/004 ção+%41")
    client.put_object(Bucket=bucket, Key="site/new", Body=b"later")


def test_what_was_there_at_t_is_there_again_whatever_is_written_after(
    rehearsal: Drilled, client: Any
) -> None:
    source = rehearsal.drill["bucket"]
    rehearsal.written()
    somebody_writes(client, source)
    before = versions(client, source)
    assert rehearsal.back().not_passed() == BUCKET_CHECKS
    assert rehearsal.witness["moved"] == 0
    keys = {key for key, _ in versions(client, rehearsal.bucket)}
    assert len(keys) == rehearsal.witness["objects"]
    assert "site/new" not in keys
    assert versions(client, source) == before, "the source was only read"
    assert rehearsal.remove()["proven"]
    assert versions(client, rehearsal.bucket) == []
    assert versions(client, source) == before


def test_what_is_written_around_t_is_not_compared(rehearsal: Drilled, client: Any) -> None:
    rehearsal.witness = rehearsal.see()
    somebody_writes(client, rehearsal.drill["bucket"])
    assert rehearsal.written().back().not_passed() == BUCKET_CHECKS
    assert rehearsal.witness["moved"] == 5


def test_a_restore_goes_on_where_the_time_of_a_call_was_over(rehearsal: Drilled) -> None:
    rehearsal.written()
    calls = 0
    while not rehearsal.exercise.get("done"):
        left = iter([PLENTY] * 20 + [0.0] * OBJECTS)
        rehearsal.exercise = rehearsal.bring(lambda times=left: next(times))  # type: ignore[misc]
        calls += 1
    assert calls == 3
    assert rehearsal.not_passed() == BUCKET_CHECKS
    assert rehearsal.exercise["objects"] == rehearsal.witness["objects"] - 1, "one came by itself"


def test_a_call_whose_answer_was_lost_is_made_again(rehearsal: Drilled, client: Any) -> None:
    rehearsal.written().bring()
    before = versions(client, rehearsal.bucket)
    assert rehearsal.back().not_passed() == BUCKET_CHECKS
    assert versions(client, rehearsal.bucket) == before, "nothing was copied twice"


def test_units_together_see_every_key(rehearsal: Drilled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_unit, "LEAST_OF_A_UNIT", 7)
    rehearsal.written().back()
    checks = [check for check in rehearsal.checks() if check.name == "keys"]
    assert len(checks) == verify_unit.count(rehearsal.witness["objects"]) > 5
    assert rehearsal.not_passed() == BUCKET_CHECKS


@pytest.mark.parametrize("key", ["a", "site/025", "site/zzz", "zzz"])
def test_an_object_too_many_is_found_wherever_it_sorts(
    rehearsal: Drilled, client: Any, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(verify_unit, "LEAST_OF_A_UNIT", 7)
    rehearsal.written().back()
    client.put_object(Bucket=rehearsal.bucket, Key=key, Body=b"from nowhere")
    found = rehearsal.not_passed() - BUCKET_CHECKS
    assert found == ({"keys"} if key.startswith("site/") else set())


def test_a_version_that_is_gone_from_the_source_is_found(rehearsal: Drilled, client: Any) -> None:
    rehearsal.written().back()
    source, key = rehearsal.drill["bucket"], "site/001 ção+%41"
    gone = client.head_object(Bucket=source, Key=key)["VersionId"]
    client.delete_object(Bucket=source, Key=key, VersionId=gone)
    assert rehearsal.not_passed() == {*BUCKET_CHECKS, "versions"}


def test_bytes_that_rot_under_an_etag_are_found_by_reading(
    rehearsal: Drilled, s3: Emulator
) -> None:
    rehearsal.written().back()
    key = "site/001 ção+%41"
    s3.s3.rot(rehearsal.bucket, key)
    assert rehearsal.not_passed() == {*BUCKET_CHECKS, "read_back"}


def test_an_object_that_cannot_be_copied_is_told(rehearsal: Drilled, s3: Emulator) -> None:
    rehearsal.written()
    denied = "site/010 ção+%41"
    s3.s3.faults.refuse(
        "CopyObject",
        code="AccessDenied",
        status=403,
        times=100,
        when=lambda call: call.parameters["Key"] == denied,
    )
    rehearsal.back()
    assert rehearsal.exercise["not_back"] == 1
    assert rehearsal.exercise["not_back_first"][0].startswith(denied)
    found = {check.name: check for check in rehearsal.checks() if check.name in FAILED_COPY}
    assert found["brought_back"].status is Status.FAILED
    assert (found["keys"].status, found["keys"].detail) == (Status.NOT_RUN, "see brought_back")


def test_what_an_earlier_run_has_witnessed_is_restored_a_month_later(
    rehearsal: Drilled, client: Any, s3: Emulator
) -> None:
    assert rehearsal.written().back().not_passed() == BUCKET_CHECKS
    assert rehearsal.remove()["proven"]
    source, before = rehearsal.drill["bucket"], rehearsal.witness
    somebody_writes(client, source)
    s3.clock_skew += timedelta(days=28)
    somebody_writes(client, source)
    again = {**EXECUTION, "id": f"{EXECUTION['id']}-again"}
    later = Drilled({**rehearsal.drill, "at": "oldest"}, rehearsal.evidence, again)
    assert later.written().witness["restore_time"] == before["restore_time"]
    assert later.witness["run"] == rehearsal.plan["run_id"]
    assert later.back().not_passed() == BUCKET_CHECKS
    body = client.get_object(Bucket=later.bucket, Key="site/002 ção+%41")["Body"].read()
    assert body != b"later"
    gone = client.list_object_versions(Bucket=source, Prefix="site/002")["Versions"][-1]
    client.delete_object(Bucket=source, Key=gone["Key"], VersionId=gone["VersionId"])
    assert later.not_passed() == {*BUCKET_CHECKS, "versions"}


def test_the_first_run_has_only_its_own_witness(rehearsal: Drilled) -> None:
    first = Drilled({**rehearsal.drill, "at": "oldest"}, rehearsal.evidence)
    assert first.written().witness["run"] == first.plan["run_id"]
    assert first.back().not_passed() == BUCKET_CHECKS


def test_what_came_and_went_while_the_bucket_was_listed_is_no_fault(
    rehearsal: Drilled, client: Any, s3: Emulator
) -> None:
    """It was current at T, and neither listing has seen it."""
    source, key = rehearsal.drill["bucket"], "site/short-lived"

    def come(_: object) -> None:
        client.put_object(Bucket=source, Key=key, Body=b"x")

    def go(_: object) -> None:
        client.delete_object(Bucket=source, Key=key)

    # The first list is between two looks at the clock; the second one begins with a look.
    s3.s3.faults.before("ListObjectsV2", come, skip=2)
    s3.s3.faults.before("ListObjectsV2", go, skip=3)
    rehearsal.written().back()
    assert key in {name for name, _ in versions(client, rehearsal.bucket)}
    assert rehearsal.not_passed() == BUCKET_CHECKS


@pytest.mark.parametrize("key", ["site/new upload", "site/001 ção+%41"])
def test_an_upload_that_was_under_way_at_t_is_no_fault(
    rehearsal: Drilled, client: Any, s3: Emulator, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(s3.s3, "smallest_part", 1)
    named = {"Bucket": rehearsal.drill["bucket"], "Key": key}
    named["UploadId"] = client.create_multipart_upload(**named)["UploadId"]
    part = client.upload_part(**named, PartNumber=1, Body=b"in parts")
    rehearsal.written()
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    assert rehearsal.back().not_passed() == BUCKET_CHECKS
    [check] = [one for one in rehearsal.checks() if one.name == "keys"]
    assert check.detail == "1 written around T, not compared"


def test_a_version_that_is_gone_is_not_excused_by_an_upload(
    rehearsal: Drilled, client: Any, s3: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3.s3, "smallest_part", 1)
    named = {"Bucket": rehearsal.drill["bucket"], "Key": "site/001 ção+%41"}
    seen = client.head_object(**named)["VersionId"]
    upload = client.create_multipart_upload(**named)["UploadId"]
    part = client.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"in parts")
    rehearsal.written().back()
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    client.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
    client.delete_object(**named, VersionId=seen)
    assert rehearsal.not_passed() == {*BUCKET_CHECKS, "versions"}


def test_the_same_bytes_written_twice_are_two_versions(rehearsal: Drilled, client: Any) -> None:
    """A, then B, then A again: what was current is told by its date as well."""
    source, key = rehearsal.drill["bucket"], "site/001 ção+%41"
    first = client.get_object(Bucket=source, Key=key)["Body"].read()
    rehearsal.written().back()
    seen = client.head_object(Bucket=source, Key=key)["VersionId"]
    client.put_object(Bucket=source, Key=key, Body=first)
    client.delete_object(Bucket=source, Key=key, VersionId=seen)
    assert "versions" in rehearsal.not_passed()


def test_what_is_archived_is_told_and_let_be(rehearsal: Drilled, client: Any, s3: Emulator) -> None:
    source, key = rehearsal.drill["bucket"], "site/archived"
    client.put_object(Bucket=source, Key=key, Body=b"cold", StorageClass="GLACIER")
    asked: list[object] = []
    s3.s3.faults.before("RestoreObject", asked.append, times=100)
    assert rehearsal.written().back().not_passed() == BUCKET_CHECKS
    assert (rehearsal.exercise["archived"], asked) == (1, [])
    [check] = [one for one in rehearsal.checks() if one.name == "keys"]
    assert check.detail == "1 archived, not brought back"


def test_large_objects_in_parts_are_read_to_be_compared_or_told(
    rehearsal: Drilled, client: Any, s3: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy is made of one part: its ETag is another, and S3 has no checksum of both."""
    monkeypatch.setattr(s3.s3, "smallest_part", 1)
    monkeypatch.setattr(sameness, "MOST_READ", 3)
    named = {"Bucket": rehearsal.drill["bucket"], "Key": "site/large"}
    upload = client.create_multipart_upload(**named, ContentType="text/plain")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": client.upload_part(
                **named, UploadId=upload, PartNumber=number, Body=b"half of it"
            )["ETag"],
        }
        for number in (1, 2)
    ]
    client.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
    assert rehearsal.written().back().not_passed() == BUCKET_CHECKS
    monkeypatch.setattr(verify_unit, "MOST_READ", 3)
    [check] = [one for one in rehearsal.checks() if one.name == "keys"]
    assert "1 too large to be read" in check.detail


def test_a_sample_is_always_read_where_something_is_there(rehearsal: Drilled) -> None:
    rehearsal.drill["sample"] = 1
    checks = rehearsal.written().back().checks()
    assert [check.observed for check in checks if check.name == "read_back"] == ["so, of 1"]
