"""The real objects as they were at T, in a scratch bucket: with a writer, and interrupted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.evidence import Evidence
from functions.s3_versions import verify_unit
from lab.emulator import Emulator
from tests.steps.s3.drilled import PLENTY, Drilled, versions
from tests.unit.test_s3_plan import EXECUTION, REHEARSAL

OBJECTS = 60
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
    version = s3.s3._buckets[rehearsal.bucket].current(key)
    assert version is not None
    content = version.content
    assert content is not None
    content.body = content.body[:-1] + bytes([content.body[-1] ^ 1])
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
    assert {"brought_back", "keys"} <= rehearsal.not_passed()


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
