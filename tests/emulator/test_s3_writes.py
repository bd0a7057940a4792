"""S3's writes as AWS has them: copies, conditions, deletions, suspended versioning."""

from __future__ import annotations

import base64
import hashlib
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lab.aws import REGION
from lab.emulator import Emulator
from tests.emulator.s3_bucket import S3Bucket, Shown, refused

FACTS = {
    "CacheControl": "max-age=60",
    "ContentDisposition": "attachment",
    "ContentEncoding": "gzip",
    "ContentLanguage": "pt-BR",
    "ContentType": "application/json",
    "Metadata": {"owner": "company", "with-dash": "1"},
}


@pytest.fixture
def bucket(emulator: Emulator) -> Iterator[S3Bucket]:
    yield S3Bucket(emulator=emulator)
    emulator.s3.faults.clear()


def tags(bucket: S3Bucket, key: str, **more: Any) -> list[dict[str, str]]:
    found = bucket.s3.get_object_tagging(Bucket=bucket.name, Key=key, **more)
    return [dict(tag) for tag in found["TagSet"]]


def test_a_copy_carries_what_was_said_of_the_object(bucket: S3Bucket) -> None:
    version = bucket.put(
        "from",
        b"one",
        **FACTS,
        Tagging="a=1&b=",
        StorageClass="STANDARD_IA",
        Expires=datetime(2027, 1, 1, tzinfo=UTC),
    )
    bucket.put("from", b"two")
    answer = bucket.copy("to", "from", version)
    assert answer["CopySourceVersionId"] == version
    assert answer["VersionId"] not in ("", "null", version)
    head = bucket.head("to")
    assert {name: head[name] for name in FACTS} == FACTS
    assert head["ExpiresString"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert head["VersionId"] == answer["VersionId"]
    assert "StorageClass" not in head
    assert (bucket.read("to"), head["TagCount"]) == (b"one", 2)
    assert tags(bucket, "to") == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    assert bucket.head("from", VersionId=version)["StorageClass"] == "STANDARD_IA"


def test_a_copy_replaces_what_it_is_told_to(bucket: S3Bucket) -> None:
    bucket.put("from", **FACTS, Tagging="a=1")
    bucket.copy(
        "to",
        "from",
        MetadataDirective="REPLACE",
        Metadata={"new": "1"},
        TaggingDirective="REPLACE",
        Tagging="b=2",
        StorageClass="STANDARD_IA",
    )
    head = bucket.head("to")
    assert (head["Metadata"], head["StorageClass"]) == ({"new": "1"}, "STANDARD_IA")
    assert "CacheControl" not in head
    assert tags(bucket, "to") == [{"Key": "b", "Value": "2"}]


def test_a_version_is_copied_onto_its_own_key(bucket: S3Bucket) -> None:
    first, second = bucket.put("k", b"one"), bucket.put("k", b"two")
    third = bucket.copy("k", "k", first)["VersionId"]
    assert bucket.read("k") == b"one"
    assert [shown.version for shown in bucket.listed()] == [third, second, first]
    with pytest.raises(ClientError, match="without changing") as error:
        bucket.copy("k", "k")
    assert refused(error) == ("InvalidRequest", 400)


def test_what_cannot_be_copied(bucket: S3Bucket, emulator: Emulator) -> None:
    bucket.put("k", b"four")
    marker = bucket.delete("k")["VersionId"]
    for source, version, code in (
        ("k", None, ("NoSuchKey", 404)),
        ("k", marker, ("InvalidRequest", 400)),
        ("k", "none.zz", ("NoSuchVersion", 404)),
        ("never", None, ("NoSuchKey", 404)),
    ):
        with pytest.raises(ClientError) as error:
            bucket.copy("to", source, version)
        assert refused(error) == code
    bucket.put("k", b"four")
    emulator.s3.largest_copy = 3
    try:
        with pytest.raises(ClientError, match="larger than the maximum") as error:
            bucket.copy("to", "k")
    finally:
        emulator.s3.largest_copy = 5 * 1024**3
    assert refused(error) == ("InvalidRequest", 400)
    assert [shown.key for shown in bucket.listed()] == ["k"] * 3


def writers(bucket: S3Bucket) -> dict[str, Any]:
    """Three ways to write the key `k` under a condition."""
    bucket.put("source", b"new")

    def complete(**condition: str) -> None:
        upload = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key="k")["UploadId"]
        part = bucket.s3.upload_part(
            Bucket=bucket.name, Key="k", UploadId=upload, PartNumber=1, Body=b"new"
        )
        bucket.s3.complete_multipart_upload(
            Bucket=bucket.name,
            Key="k",
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
            **condition,
        )

    return {
        "put": lambda **condition: bucket.put("k", b"new", **condition),
        "copy": lambda **condition: bucket.copy("k", "source", **condition),
        "complete": complete,
    }


@pytest.mark.parametrize("way", ["put", "copy", "complete"])
def test_a_write_if_nothing_is_there(bucket: S3Bucket, way: str) -> None:
    write = writers(bucket)[way]
    write(IfNoneMatch="*")
    with pytest.raises(ClientError) as error:
        write(IfNoneMatch="*")
    assert refused(error) == ("PreconditionFailed", 412)
    bucket.delete("k")
    write(IfNoneMatch="*")
    assert bucket.read("k") == b"new"


@pytest.mark.parametrize("way", ["put", "copy", "complete"])
def test_a_write_if_what_is_there_is_known(bucket: S3Bucket, way: str) -> None:
    write = writers(bucket)[way]
    for _ in range(2):  # never written, and deleted: nothing is there in both cases
        with pytest.raises(ClientError) as error:
            write(IfMatch='"0cc175b9c0f1b6a831c399e269772661"')
        assert refused(error) == ("NoSuchKey", 404)
        bucket.delete("k")
    bucket.put("k", b"old")
    etag = bucket.head("k")["ETag"]
    bucket.put("k", b"newer")
    with pytest.raises(ClientError) as error:
        write(IfMatch=etag)
    assert refused(error) == ("PreconditionFailed", 412)
    assert bucket.read("k") == b"newer"
    write(IfMatch=bucket.head("k")["ETag"])
    assert bucket.read("k") == b"new"


def test_a_condition_without_quotes_is_the_same(bucket: S3Bucket) -> None:
    bucket.put("k")
    etag = bucket.head("k")["ETag"].strip('"')
    assert bucket.raw("PUT", "k", headers={"If-Match": etag}, body=b"y").status == 200
    assert bucket.raw("PUT", "k", headers={"If-Match": etag}, body=b"z").status == 412


def test_a_copy_if_the_source_is_known(bucket: S3Bucket) -> None:
    bucket.put("k")
    etag = bucket.head("k")["ETag"]
    bucket.copy("to", "k", CopySourceIfMatch=etag)
    for condition in (
        {"CopySourceIfMatch": '"other"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfModifiedSince": datetime.now(UTC) + timedelta(hours=1)},
        {"CopySourceIfUnmodifiedSince": datetime.now(UTC) - timedelta(hours=1)},
    ):
        with pytest.raises(ClientError) as error:
            bucket.copy("to", "k", **condition)
        assert refused(error) == ("PreconditionFailed", 412), condition


def test_a_read_if(bucket: S3Bucket) -> None:
    bucket.put("k")
    etag = bucket.head("k")["ETag"]
    assert bucket.read("k", IfMatch=etag) == b"x"
    with pytest.raises(ClientError) as error:
        bucket.read("k", IfMatch='"other"')
    assert refused(error) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as error:
        bucket.head("k", IfNoneMatch=etag)
    assert refused(error)[1] == 304


def test_deletes_of_a_key_and_of_a_version(bucket: S3Bucket) -> None:
    version = bucket.put("k")
    marker = bucket.delete("k")
    assert marker["DeleteMarker"]
    second = bucket.delete("k")["VersionId"]
    gone = bucket.delete("k", VersionId=marker["VersionId"])
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, marker["VersionId"])
    assert [shown.version for shown in bucket.listed()] == [second, version]
    gone = bucket.delete("k", VersionId=version)
    assert "DeleteMarker" not in gone
    assert bucket.delete("k", VersionId=version)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert bucket.listed() == [Shown("k", second, True, True)]


def test_a_delete_if_what_is_there_is_known(bucket: S3Bucket) -> None:
    with pytest.raises(ClientError) as error:
        bucket.delete("k", IfMatch="*")
    assert refused(error) == ("NoSuchKey", 404)
    bucket.put("k", b"old")
    etag = bucket.head("k")["ETag"]
    bucket.put("k", b"new")
    with pytest.raises(ClientError) as error:
        bucket.delete("k", IfMatch=etag)
    assert refused(error) == ("PreconditionFailed", 412)
    assert not any(shown.marker for shown in bucket.listed())
    bucket.delete("k", IfMatch=bucket.head("k")["ETag"])
    assert bucket.listed()[0].marker


def test_a_batch_of_deletes(bucket: S3Bucket) -> None:
    version = bucket.put("a")
    marker = bucket.delete("b")["VersionId"]
    bucket.put("c")
    bucket.put("d")
    etag = bucket.head("d")["ETag"]
    objects = [
        {"Key": "a", "VersionId": version},
        {"Key": "b", "VersionId": marker},
        {"Key": "c", "ETag": '"other"'},
        {"Key": "d", "ETag": etag},
        {"Key": "never\nmade"},
    ]
    answer = bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": objects})
    assert answer["Deleted"][:2] == [
        {"Key": "a", "VersionId": version},
        {
            "Key": "b",
            "VersionId": marker,
            "DeleteMarker": True,
            "DeleteMarkerVersionId": marker,
        },
    ]
    assert [each["Key"] for each in answer["Deleted"][2:]] == ["d", "never\nmade"]
    assert all(each["DeleteMarker"] for each in answer["Deleted"][2:])
    (failed,) = answer["Errors"]
    assert (failed["Key"], failed["Code"]) == ("c", "PreconditionFailed")
    quiet = bucket.s3.delete_objects(
        Bucket=bucket.name, Delete={"Objects": [{"Key": "c"}], "Quiet": True}
    )
    assert "Deleted" not in quiet
    assert bucket.listed(prefix="c")[0].marker


def test_a_batch_has_a_thousand_keys_at_most(bucket: S3Bucket) -> None:
    def delete(count: int) -> None:
        objects = [{"Key": f"k{number}"} for number in range(count)]
        bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": objects, "Quiet": True})

    with pytest.raises(ClientError) as error:
        delete(1001)
    assert refused(error) == ("MalformedXML", 400)
    assert bucket.listed() == []
    delete(1000)
    assert len(bucket.listed()) == 1000
    reply = bucket.raw("POST", query={"delete": ""}, body=b"<Delete><Object>")
    assert (reply.status, reply.code) == (400, "MalformedXML")


def test_a_batch_comes_with_its_checksum(bucket: S3Bucket) -> None:
    body = b"<Delete><Object><Key>k</Key></Object><Quiet>true</Quiet></Delete>"
    good = base64.b64encode(hashlib.sha256(body).digest()).decode()
    other = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    for headers, code in (
        ({}, "InvalidRequest"),
        ({"x-amz-checksum-sha256": other}, "BadDigest"),
        ({"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"),
        ({"Content-MD5": digest}, None),
        ({"x-amz-checksum-sha256": good}, None),
    ):
        reply = bucket.raw("POST", query={"delete": ""}, headers=headers, body=body)
        assert reply.status == (400 if code else 200)
        assert code is None or reply.code == code
    assert bucket.listed()[0].marker


def test_a_marker_is_no_object(bucket: S3Bucket) -> None:
    bucket.put("k")
    marker = bucket.delete("k")["VersionId"]
    reply = bucket.raw("GET", "k")
    assert (reply.status, reply.code) == (404, "NoSuchKey")
    assert reply.headers["x-amz-delete-marker"] == "true"
    assert reply.headers["x-amz-version-id"] == marker
    reply = bucket.raw("HEAD", "k", {"versionId": marker})
    assert (reply.status, reply.headers["x-amz-delete-marker"], reply.body) == (405, "true", b"")


def test_what_was_there_before_versions_is_null_and_stays(emulator: Emulator) -> None:
    bucket = S3Bucket(emulator=emulator, versioning=None)
    assert "VersionId" not in bucket.s3.put_object(Bucket=bucket.name, Key="k", Body=b"0")
    assert bucket.put("k", b"1") == "null"
    assert "VersionId" not in bucket.head("k")
    bucket.version("Enabled")
    second = bucket.put("k", b"2")
    marker = bucket.delete("k")["VersionId"]
    assert bucket.listed() == [
        Shown("k", marker, True, True),
        Shown("k", second, False, False),
        Shown("k", "null", False, False),
    ]
    assert bucket.listed(1) == bucket.listed()
    assert bucket.read("k", VersionId="null") == b"1"
    assert bucket.copy("k", "k", "null")["CopySourceVersionId"] == "null"
    bucket.delete("k", VersionId="null")
    assert "null" not in [shown.version for shown in bucket.listed()]


def test_a_delete_before_versions_leaves_nothing(emulator: Emulator) -> None:
    bucket = S3Bucket(emulator=emulator, versioning=None)
    bucket.put("k")
    assert "DeleteMarker" not in bucket.delete("k")
    assert bucket.listed() == []


def test_suspended_versioning_overwrites_what_is_null(bucket: S3Bucket) -> None:
    first = bucket.put("k", b"1")
    bucket.version("Suspended")
    assert bucket.put("k", b"2") == "null"
    assert bucket.put("k", b"3") == "null"
    assert bucket.listed() == [
        Shown("k", "null", False, True),
        Shown("k", first, False, False),
    ]
    assert bucket.read("k") == b"3"
    marker = bucket.delete("k")
    assert (marker["VersionId"], marker["DeleteMarker"]) == ("null", True)
    assert bucket.listed() == [Shown("k", "null", True, True), Shown("k", first, False, False)]
    bucket.version("Enabled")
    last = bucket.put("k", b"4")
    assert [shown.version for shown in bucket.listed(1)] == [last, "null", first]
    bucket.version("Suspended")
    bucket.put("k", b"5")
    assert [shown.version for shown in bucket.listed(1)] == ["null", last, first]


def test_a_copy_in_a_suspended_bucket_is_null(bucket: S3Bucket) -> None:
    first = bucket.put("k", b"1")
    bucket.version("Suspended")
    assert bucket.copy("k", "k", first)["VersionId"] == "null"
    assert [shown.version for shown in bucket.listed()] == ["null", first]


def test_an_object_is_encrypted_as_asked_or_as_its_bucket_says(bucket: S3Bucket) -> None:
    bucket.put("plain")
    assert bucket.head("plain")["ServerSideEncryption"] == "AES256"
    key = "arn:aws:kms:sa-east-1:123456789012:key/k"
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    bucket.s3.put_bucket_encryption(
        Bucket=bucket.name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )
    bucket.put("default")
    copied = bucket.copy("copied", "plain")
    bucket.put("asked", ServerSideEncryption="AES256")
    assert copied["SSEKMSKeyId"] == bucket.head("default")["SSEKMSKeyId"] == key
    assert bucket.head("copied")["ServerSideEncryption"] == "aws:kms"
    assert bucket.head("asked")["ServerSideEncryption"] == "AES256"
    # With a key of the customer's, an ETag tells nothing of the bytes.
    assert bucket.head("copied")["ETag"] != bucket.head("plain")["ETag"]
    assert bucket.emulator.s3.key_of(bucket.name) == key


def test_what_arrives_damaged_is_not_kept(bucket: S3Bucket) -> None:
    for given in (
        {"ChecksumSHA256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"ChecksumCRC32": "AAAAAA=="},
        {"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="},
    ):
        with pytest.raises(ClientError) as error:
            bucket.put("k", b"whole", **given)
        assert refused(error) == ("BadDigest", 400), given
    assert bucket.listed() == []


def test_checksums_come_back_and_are_copied(bucket: S3Bucket) -> None:
    bucket.put("k", b"whole", ChecksumAlgorithm="SHA256")
    head = bucket.head("k", ChecksumMode="ENABLED")
    assert head["ChecksumType"] == "FULL_OBJECT"
    copied = bucket.copy("to", "k")["CopyObjectResult"]
    assert copied["ChecksumSHA256"] == head["ChecksumSHA256"]
    found = bucket.s3.get_object_attributes(
        Bucket=bucket.name, Key="to", ObjectAttributes=["ETag", "Checksum", "ObjectSize"]
    )
    assert found["Checksum"]["ChecksumSHA256"] == head["ChecksumSHA256"]
    assert (found["ETag"], found["ObjectSize"]) == (head["ETag"].strip('"'), 5)
    other = bucket.copy("other", "k", ChecksumAlgorithm="CRC32")["CopyObjectResult"]
    assert "ChecksumCRC32" in other


def test_a_body_in_chunks_is_kept_whole(bucket: S3Bucket) -> None:
    bucket.raw(
        "PUT",
        "k",
        headers={
            "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "X-Amz-Trailer": "x-amz-checksum-crc32",
            "Content-Encoding": "aws-chunked",
        },
        body=b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:hYfYZQ==\r\n\r\n",
    )
    assert bucket.read("k") == b"abcde"
    assert "ContentEncoding" not in bucket.head("k")


def test_some_bytes(bucket: S3Bucket) -> None:
    bucket.put("k", b"0123456789")
    for span, wanted in (("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-2", b"89")):
        reply = bucket.raw("GET", "k", headers={"Range": span})
        assert (reply.status, reply.body) == (206, wanted)
    assert reply.headers["content-range"] == "bytes 8-9/10"
    reply = bucket.raw("GET", "k", headers={"Range": "bytes=10-"})
    assert (reply.status, reply.code) == (416, "InvalidRange")


def test_a_request_signed_in_its_address(bucket: S3Bucket) -> None:
    bucket.put("a b")
    older = bucket.s3.generate_presigned_url(
        "get_object", Params={"Bucket": bucket.name, "Key": "a b"}
    )
    request = AWSRequest(method="GET", url=f"{bucket.emulator.endpoint}/{bucket.name}/a%20b")
    S3SigV4QueryAuth(Credentials("key", "secret"), "s3", REGION, expires=60).add_auth(request)
    for address in (older, request.url):
        with urllib.request.urlopen(address) as answer:  # noqa: S310
            assert answer.read() == b"x"


def test_the_bucket_of_another_account(bucket: S3Bucket) -> None:
    with pytest.raises(ClientError) as error:
        bucket.put("k", ExpectedBucketOwner="999999999999")
    assert refused(error) == ("AccessDenied", 403)
    bucket.put("k", ExpectedBucketOwner="123456789012")


def test_who_may_not_list_does_not_learn_that_a_key_is_absent(bucket: S3Bucket) -> None:
    role = "arn:aws:iam::123456789012:role/reader"
    s3, may_list = bucket.emulator.client("s3", role_arn=role), bucket.emulator.s3.may_list
    for lists, told in ((True, ("404", 404)), (False, ("403", 403))):
        bucket.emulator.s3.may_list = lambda _, __, lists=lists: lists
        with pytest.raises(ClientError) as error:
            s3.head_object(Bucket=bucket.name, Key="never")
        assert refused(error) == told
        with pytest.raises(ClientError) as error:
            s3.copy_object(
                Bucket=bucket.name, Key="k", CopySource={"Bucket": bucket.name, "Key": "never"}
            )
        assert refused(error)[1] == told[1]
    bucket.emulator.s3.may_list = may_list
    bucket.emulator.calls.clear()


def test_what_the_lab_lacks_is_said(bucket: S3Bucket) -> None:
    bucket.put("k")
    with pytest.raises(ClientError) as error:
        bucket.s3.get_object_torrent(Bucket=bucket.name, Key="k")
    assert refused(error) == ("NotImplemented", 501)
