"""What a test can make S3 do, and that S3 does nothing of it unless it is made to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from lab.calls import Call
from lab.emulator import Emulator
from lab.s3_faults import ANY, Faults
from tests.emulator.s3_bucket import S3Bucket, refused


@pytest.fixture
def bucket(emulator: Emulator) -> Iterator[S3Bucket]:
    made = S3Bucket(emulator=emulator)
    made.put("k", b"one")
    yield made
    emulator.s3.faults.clear()


@pytest.fixture
def faults(bucket: S3Bucket) -> Faults:
    return bucket.emulator.s3.faults


def of_key(key: str) -> Callable[[Call], bool]:
    return lambda call: call.parameters.get("Key") == key


def test_nothing_fails_by_itself(bucket: S3Bucket, faults: Faults) -> None:
    assert faults.left == 0
    bucket.copy("to", "k")
    assert bucket.read("to") == b"one"


def test_the_third_copy_is_slowed_down(bucket: S3Bucket, faults: Faults) -> None:
    faults.refuse("CopyObject", skip=2)
    bucket.copy("a", "k")
    bucket.read("k")
    bucket.copy("b", "k")
    with pytest.raises(ClientError) as error:
        bucket.copy("c", "k")
    assert refused(error) == ("SlowDown", 503)
    assert faults.left == 0
    bucket.copy("c", "k")


def test_a_fault_meets_only_the_calls_it_is_about(bucket: S3Bucket, faults: Faults) -> None:
    faults.refuse(ANY, code="InternalError", status=500, when=of_key("b"))
    bucket.copy("a", "k")
    with pytest.raises(ClientError) as error:
        bucket.copy("b", "k")
    assert refused(error) == ("InternalError", 500)


def test_a_connection_that_is_reset_has_no_effect(bucket: S3Bucket, faults: Faults) -> None:
    faults.reset("PutObject")
    with pytest.raises(ConnectionClosedError):
        bucket.put("k", b"two")
    assert bucket.read("k") == b"one"


def test_an_answer_that_is_lost_has_had_its_effect(bucket: S3Bucket, faults: Faults) -> None:
    seen: list[Call] = []
    bucket.emulator.after_call.append(seen.append)
    faults.hang_up("PutObject")
    with pytest.raises(ConnectionClosedError):
        bucket.put("k", b"two")
    bucket.emulator.after_call.clear()
    assert bucket.read("k") == b"two"
    assert [(call.operation, call.status) for call in seen] == [("PutObject", None)]


def complete(bucket: S3Bucket) -> Any:
    upload = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key="to")["UploadId"]
    part = bucket.s3.upload_part(
        Bucket=bucket.name, Key="to", UploadId=upload, PartNumber=1, Body=b"x"
    )
    return bucket.s3.complete_multipart_upload(
        Bucket=bucket.name,
        Key="to",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("CopyObject", lambda bucket: bucket.copy("to", "k")),
        ("CompleteMultipartUpload", complete),
    ],
)
def test_an_error_inside_a_good_answer(
    bucket: S3Bucket, faults: Faults, operation: str, ask: Callable[[S3Bucket], Any]
) -> None:
    faults.fail_inside(operation)
    statuses: list[int | None] = []
    bucket.emulator.after_call.append(
        lambda call: statuses.append(call.status) if call.operation == operation else None
    )
    with pytest.raises(ClientError) as error:
        ask(bucket)
    bucket.emulator.after_call.clear()
    # The SDK makes a 500 of it; over the wire it was a 200.
    assert (refused(error)[0], statuses) == ("InternalError", [200])
    assert [shown.key for shown in bucket.listed()] == ["k"]
    ask(bucket)
    assert [shown.key for shown in bucket.listed()] == ["k", "to"]


def test_a_key_of_a_batch_fails(bucket: S3Bucket, faults: Faults) -> None:
    faults.fail_keys(["b"])
    batch = {"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]}
    answer = bucket.s3.delete_objects(Bucket=bucket.name, Delete=batch)
    assert [each["Key"] for each in answer["Deleted"]] == ["a", "c"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("b", "InternalError")]
    assert "Errors" not in bucket.s3.delete_objects(Bucket=bucket.name, Delete=batch)


def test_somebody_writes_just_before(bucket: S3Bucket, faults: Faults) -> None:
    etag = bucket.head("k")["ETag"]
    faults.before("CopyObject", lambda _: bucket.put("k", b"theirs"))
    bucket.put("source", b"ours")
    with pytest.raises(ClientError) as error:
        bucket.copy("k", "source", IfMatch=etag)
    assert refused(error) == ("PreconditionFailed", 412)
    assert bucket.read("k") == b"theirs"


def test_a_call_meets_every_hook_and_one_fault(bucket: S3Bucket, faults: Faults) -> None:
    seen: list[str] = []
    faults.refuse("PutObject")
    faults.before("PutObject", lambda call: seen.append(call.operation), times=3)
    faults.refuse("PutObject", code="InternalError", status=500)
    for code in ("SlowDown", "InternalError"):
        with pytest.raises(ClientError, match=code):
            bucket.put("k")
    bucket.put("k")
    assert (seen, faults.left) == (["PutObject"] * 3, 0)


def test_a_configuration_can_be_slow_to_answer_too(bucket: S3Bucket, faults: Faults) -> None:
    faults.refuse("GetBucketVersioning")
    with pytest.raises(ClientError, match="SlowDown"):
        bucket.s3.get_bucket_versioning(Bucket=bucket.name)
    assert bucket.s3.get_bucket_versioning(Bucket=bucket.name)["Status"] == "Enabled"
