"""S3's longer stories as AWS has them: uploads in parts, archives, locks, what is configured."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.s3_versions.wire import Bucket as Wire
from lab.emulator import Emulator
from tests.emulator.s3_bucket import S3Bucket, Shown, refused

MIB = 1024**2


@pytest.fixture
def bucket(emulator: Emulator) -> Iterator[S3Bucket]:
    yield S3Bucket(emulator=emulator)
    emulator.s3.faults.clear()


@pytest.fixture
def clock(emulator: Emulator) -> Iterator[Callable[[datetime], None]]:
    """Sets what time it is in S3."""
    before = emulator.s3.clock

    def put(moment: datetime) -> None:
        emulator.s3.clock = lambda: moment

    yield put
    emulator.s3.clock = before


def begin(bucket: S3Bucket, key: str, **more: Any) -> str:
    answer = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key=key, **more)
    return str(answer["UploadId"])


def part(bucket: S3Bucket, key: str, upload: str, number: int, body: bytes) -> dict[str, Any]:
    answer = bucket.s3.upload_part(
        Bucket=bucket.name, Key=key, UploadId=upload, PartNumber=number, Body=body
    )
    return {"PartNumber": number, "ETag": answer["ETag"]}


def complete(bucket: S3Bucket, key: str, upload: str, parts: list[dict[str, Any]]) -> Any:
    return bucket.s3.complete_multipart_upload(
        Bucket=bucket.name, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
    )


def test_an_object_in_parts(bucket: S3Bucket) -> None:
    upload = begin(
        bucket,
        "k",
        Metadata={"owner": "company"},
        Tagging="a=1",
        ContentType="video/mp4",
        StorageClass="STANDARD_IA",
    )
    bodies = [b"a" * (5 * MIB), b"b" * 100]
    parts = [part(bucket, "k", upload, number + 3, body) for number, body in enumerate(bodies)]
    answer = complete(bucket, "k", upload, parts)
    assert answer["ETag"].endswith('-2"')
    head = bucket.head("k", PartNumber=2)
    assert (head["ContentLength"], head["PartsCount"]) == (100, 2)
    assert (head["Metadata"], head["ContentType"]) == ({"owner": "company"}, "video/mp4")
    assert (head["StorageClass"], head["TagCount"]) == ("STANDARD_IA", 1)
    assert bucket.read("k") == b"".join(bodies)
    assert bucket.listed() == [Shown("k", answer["VersionId"], False, True)]
    copied = bucket.copy("copied", "k")
    assert "-" not in copied["CopyObjectResult"]["ETag"]


def test_an_object_is_dated_by_the_beginning_and_placed_by_the_end(
    bucket: S3Bucket, clock: Callable[[datetime], None]
) -> None:
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    clock(noon)
    upload = begin(bucket, "k")
    clock(noon + timedelta(minutes=5))
    between = bucket.put("k")
    clock(noon + timedelta(minutes=9))
    answer = complete(bucket, "k", upload, [part(bucket, "k", upload, 1, b"late")])
    assert [shown.version for shown in bucket.listed()] == [answer["VersionId"], between]
    assert bucket.head("k")["LastModified"] == noon
    assert bucket.head("k", VersionId=between)["LastModified"] == noon + timedelta(minutes=5)


def test_a_part_from_a_version(bucket: S3Bucket) -> None:
    version = bucket.put("from", b"0123456789")
    bucket.delete("from")
    upload = begin(bucket, "k")
    source = {"Bucket": bucket.name, "Key": "from", "VersionId": version}

    def copied(span: str) -> dict[str, Any]:
        answer = bucket.s3.upload_part_copy(
            Bucket=bucket.name,
            Key="k",
            UploadId=upload,
            PartNumber=1,
            CopySource=source,
            CopySourceRange=span,
        )
        assert answer["CopySourceVersionId"] == version
        return {"PartNumber": 1, "ETag": answer["CopyPartResult"]["ETag"]}

    for span in ("bytes=3-10", "bytes=3-", "3-4"):
        with pytest.raises(ClientError) as error:
            copied(span)
        assert refused(error) == ("InvalidArgument", 400), span
    complete(bucket, "k", upload, [copied("bytes=3-5")])
    assert bucket.read("k") == b"345"


def test_parts_that_make_no_object(bucket: S3Bucket) -> None:
    upload = begin(bucket, "k")
    parts = [part(bucket, "k", upload, number, b"small") for number in (1, 2)]
    other = {"PartNumber": 1, "ETag": '"0cc175b9c0f1b6a831c399e269772661"'}
    for wrong, code in (
        (parts, "EntityTooSmall"),
        (parts[::-1], "InvalidPartOrder"),
        ([other], "InvalidPart"),
        ([{**parts[0], "PartNumber": 9}], "InvalidPart"),
        ([], "MalformedXML"),
    ):
        with pytest.raises(ClientError) as error:
            complete(bucket, "k", upload, wrong)
        assert refused(error) == (code, 400)
    assert bucket.listed() == []
    complete(bucket, "k", upload, parts[1:])
    with pytest.raises(ClientError) as error:
        complete(bucket, "k", upload, parts[1:])
    assert refused(error) == ("NoSuchUpload", 404)


def test_uploads_are_listed_until_they_end(bucket: S3Bucket) -> None:
    first, second, other = begin(bucket, "k"), begin(bucket, "k"), begin(bucket, "a b/ç")
    part(bucket, "k", first, 2, b"two")
    part(bucket, "k", first, 1, b"one")
    pages = bucket.s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket.name, PaginationConfig={"PageSize": 1}
    )
    listed = [(each["Key"], each["UploadId"]) for page in pages for each in page["Uploads"]]
    assert listed == [("a b/ç", other), ("k", first), ("k", second)]
    pages = bucket.s3.get_paginator("list_parts").paginate(
        Bucket=bucket.name, Key="k", UploadId=first, PaginationConfig={"PageSize": 1}
    )
    assert [page["Parts"][0]["Size"] for page in pages] == [3, 3]
    for key, upload in (("k", first), ("k", second), ("a b/ç", other)):
        bucket.s3.abort_multipart_upload(Bucket=bucket.name, Key=key, UploadId=upload)
    assert "Uploads" not in bucket.s3.list_multipart_uploads(Bucket=bucket.name)


@pytest.mark.parametrize("kind", ["COMPOSITE", "FULL_OBJECT"])
def test_the_checksum_of_parts(bucket: S3Bucket, kind: str) -> None:
    upload = begin(bucket, "k", ChecksumAlgorithm="CRC32", ChecksumType=kind)
    answer = bucket.s3.upload_part(
        Bucket=bucket.name, Key="k", UploadId=upload, PartNumber=1, Body=b"one"
    )
    listed = {"PartNumber": 1, "ETag": answer["ETag"], "ChecksumCRC32": answer["ChecksumCRC32"]}
    done = complete(bucket, "k", upload, [listed])
    assert done["ChecksumType"] == kind
    assert (done["ChecksumCRC32"] == answer["ChecksumCRC32"]) == (kind == "FULL_OBJECT")
    assert bucket.read("k") == b"one"


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_is_archived_is_read_when_it_was_asked_back(
    bucket: S3Bucket, storage_class: str
) -> None:
    version = bucket.put("k", b"old", StorageClass=storage_class)

    def ask() -> int:
        answer = bucket.s3.restore_object(
            Bucket=bucket.name, Key="k", VersionId=version, RestoreRequest={"Days": 2}
        )
        return int(answer["ResponseMetadata"]["HTTPStatusCode"])

    for read in (lambda: bucket.read("k"), lambda: bucket.copy("to", "k", version)):
        with pytest.raises(ClientError) as error:
            read()
        assert refused(error) == ("InvalidObjectState", 403)
    assert "Restore" not in bucket.head("k")
    assert ask() == 202
    assert bucket.head("k")["Restore"] == 'ongoing-request="true"'
    with pytest.raises(ClientError) as error:
        ask()
    assert refused(error) == ("RestoreAlreadyInProgress", 409)
    with pytest.raises(ClientError, match="InvalidObjectState"):
        bucket.read("k")
    assert bucket.emulator.s3.finish_restores(bucket.name) == 1
    assert bucket.emulator.s3.finish_restores(bucket.name) == 0
    assert ask() == 200
    assert bucket.head("k")["Restore"].startswith('ongoing-request="false", expiry-date="')
    assert bucket.read("k") == b"old"
    bucket.copy("to", "k", version)
    assert "StorageClass" not in bucket.head("to")


def test_a_listing_tells_of_what_is_asked_back(bucket: S3Bucket) -> None:
    bucket.put("k", StorageClass="GLACIER")

    def status() -> Any:
        answer = bucket.s3.list_object_versions(
            Bucket=bucket.name, OptionalObjectAttributes=["RestoreStatus"]
        )
        return answer["Versions"][0].get("RestoreStatus")

    assert status() is None
    bucket.s3.restore_object(Bucket=bucket.name, Key="k", RestoreRequest={"Days": 1})
    assert status() == {"IsRestoreInProgress": True}
    bucket.emulator.s3.finish_restores(bucket.name, "k")
    assert status()["IsRestoreInProgress"] is False
    assert status()["RestoreExpiryDate"] > datetime.now(UTC)
    plain = bucket.s3.list_object_versions(Bucket=bucket.name)["Versions"][0]
    assert "RestoreStatus" not in plain


def test_only_an_archive_is_asked_back(bucket: S3Bucket) -> None:
    bucket.put("k", StorageClass="GLACIER_IR")
    assert bucket.read("k") == b"x"
    with pytest.raises(ClientError) as error:
        bucket.s3.restore_object(Bucket=bucket.name, Key="k", RestoreRequest={"Days": 1})
    assert refused(error) == ("InvalidObjectState", 403)


def test_a_locked_version_stays_under_a_marker(emulator: Emulator) -> None:
    bucket = S3Bucket(emulator=emulator, versioning=None, lock=True)
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    version = bucket.put(
        "k", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until, ChecksumAlgorithm="CRC32"
    )
    assert bucket.delete("k")["DeleteMarker"]
    for more in ({}, {"BypassGovernanceRetention": True}):
        bucket.s3.put_object_legal_hold(
            Bucket=bucket.name, Key="k", VersionId=version, LegalHold={"Status": "ON"}
        )
        with pytest.raises(ClientError) as error:
            bucket.delete("k", VersionId=version, **more)
        assert refused(error) == ("AccessDenied", 403)
    bucket.s3.put_object_legal_hold(
        Bucket=bucket.name, Key="k", VersionId=version, LegalHold={"Status": "OFF"}
    )
    batch = bucket.s3.delete_objects(
        Bucket=bucket.name, Delete={"Objects": [{"Key": "k", "VersionId": version}]}
    )
    assert batch["Errors"][0]["Code"] == "AccessDenied"
    bucket.delete("k", VersionId=version, BypassGovernanceRetention=True)
    assert [shown.marker for shown in bucket.listed()] == [True]


def test_a_bucket_can_lock_all_that_is_put(emulator: Emulator) -> None:
    bucket = S3Bucket(emulator=emulator, versioning=None, lock=True)
    bucket.s3.put_object_lock_configuration(
        Bucket=bucket.name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
    )
    version = bucket.put("k")
    assert bucket.head("k")["ObjectLockMode"] == "COMPLIANCE"
    copied = bucket.copy("to", "k")["VersionId"]
    for key, each in (("k", version), ("to", copied)):
        with pytest.raises(ClientError, match="AccessDenied"):
            bucket.delete(key, VersionId=each, BypassGovernanceRetention=True)


def test_a_bucket_that_locks_all_that_is_put_wants_a_checksum(
    bucket: S3Bucket, emulator: Emulator
) -> None:
    locking = S3Bucket(emulator=emulator, versioning=None, lock=True)
    locking.s3.put_object_lock_configuration(
        Bucket=locking.name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
        },
    )
    bare = locking.raw("PUT", "k", body=b"x")
    assert (bare.status, bare.code) == (400, "InvalidRequest")
    digest = hashlib.md5(b"x", usedforsecurity=False).digest()
    given = {"Content-MD5": base64.b64encode(digest).decode()}
    assert locking.raw("PUT", "k", headers=given, body=b"x").status == 200
    assert locking.raw("PUT", "k", headers=given, body=b"y").code == "BadDigest"
    assert bucket.raw("PUT", "k", body=b"x").status == 200
    with Wire(locking.name, client=locking.s3) as wire:
        assert wire.request("PutObject", "PUT", "k", body=b"y").status == 200
    assert locking.head("k")["ObjectLockMode"] == "GOVERNANCE"


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
        ("get_bucket_ownership_controls", "OwnershipControlsNotFoundError"),
        ("get_bucket_policy", "NoSuchBucketPolicy"),
        ("get_bucket_policy_status", "NoSuchBucketPolicy"),
        ("get_bucket_replication", "ReplicationConfigurationNotFoundError"),
        ("get_object_lock_configuration", "ObjectLockConfigurationNotFoundError"),
        ("get_public_access_block", "NoSuchPublicAccessBlockConfiguration"),
    ],
)
def test_what_is_not_configured_has_a_code_of_its_own(
    bucket: S3Bucket, operation: str, code: str
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(bucket.s3, operation)(Bucket=bucket.name)
    assert refused(error) == (code, 404)


def test_what_is_configured_is_read_again(bucket: S3Bucket) -> None:
    s3, name = bucket.s3, bucket.name
    blocked = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=blocked)
    s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    rule = {
        "ID": "versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == blocked
    owned = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert owned == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == [rule]
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    nothing = s3.get_bucket_notification_configuration(Bucket=name)
    assert set(nothing) == {"ResponseMetadata"}


def test_nothing_of_a_configuration_is_lost(bucket: S3Bucket, emulator: Emulator) -> None:
    s3, name = bucket.s3, bucket.name
    target = S3Bucket(emulator=emulator)
    kept = {
        "ID": "kept",
        "Status": "Enabled",
        "Filter": {"ObjectSizeGreaterThan": 9},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 90, "NewerNoncurrentVersions": 3},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [kept]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == [kept]
    s3.delete_bucket_lifecycle(Bucket=name)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)
    replication = {
        "Role": "arn:aws:iam::123456789012:role/replication",
        "Rules": [
            {
                "ID": "site",
                "Priority": 1,
                "Status": "Enabled",
                "Filter": {"Prefix": "site/"},
                "DeleteMarkerReplication": {"Status": "Disabled"},
                "Destination": {"Bucket": f"arn:aws:s3:::{target.name}"},
            }
        ],
    }
    s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=replication)
    assert s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"] == replication
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    found = s3.get_bucket_notification_configuration(Bucket=name)
    assert found["EventBridgeConfiguration"] == {}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={})
    assert set(s3.get_bucket_notification_configuration(Bucket=name)) == {"ResponseMetadata"}
    s3.put_bucket_versioning(
        Bucket=name,
        MFA="device 123456",
        VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"},
    )
    assert s3.get_bucket_versioning(Bucket=name)["MFADelete"] == "Enabled"


def test_a_bucket_is_public_by_its_policy(bucket: S3Bucket) -> None:
    for principal, public in (("*", True), ({"AWS": "arn:aws:iam::123456789012:root"}, False)):
        statement = {
            "Effect": "Allow",
            "Principal": principal,
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket.name}/*",
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        bucket.s3.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(policy))
        status = bucket.s3.get_bucket_policy_status(Bucket=bucket.name)["PolicyStatus"]
        assert status == {"IsPublic": public}
