"""What the functions of a drill of a bucket call, by kind of drill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

S3Call = tuple[str, str, dict[str, Any]]
"""Service, operation, parameters."""

_FACTS = (
    "GetBucketVersioning",
    "GetBucketEncryption",
    "GetPublicAccessBlock",
    "GetBucketPolicyStatus",
    "GetObjectLockConfiguration",
    "GetBucketLifecycleConfiguration",
    "GetBucketReplication",
    "GetBucketOwnershipControls",
    "GetBucketNotificationConfiguration",
    "GetBucketLocation",
)


def facts(*buckets: str) -> list[S3Call]:
    """How buckets are configured."""
    return [("s3", name, {"Bucket": bucket}) for bucket in buckets for name in _FACTS]


def reads(bucket: str, key: str) -> list[S3Call]:
    """A version, and what is current, with all that S3 holds of them."""
    current = {"Bucket": bucket, "Key": key}
    return [
        ("s3", operation, {**current, **version})
        for operation in ("GetObject", "HeadObject", "GetObjectTagging")
        for version in ({}, {"VersionId": "1"})
    ]


def attributes(bucket: str, key: str) -> list[S3Call]:
    """The checksums of a version, and of what is current."""
    current = {"Bucket": bucket, "Key": key}
    return [
        ("s3", "GetObjectAttributes", current),
        ("s3", "GetObjectAttributes", {**current, "VersionId": "1"}),
    ]


def lists(bucket: str, prefix: str) -> list[S3Call]:
    """Objects and versions below a prefix."""
    return [
        ("s3", operation, {"Bucket": bucket, "Prefix": prefix})
        for operation in ("ListObjectsV2", "ListObjectVersions")
    ]


def versions(bucket: str, prefix: str) -> list[S3Call]:
    """Versions below a prefix; the objects of the whole bucket, as a read of one that is absent."""
    return [
        ("s3", "ListObjectVersions", {"Bucket": bucket, "Prefix": prefix}),
        ("s3", "HeadBucket", {"Bucket": bucket}),
    ]


def writes(bucket: str, key: str, *, source: str = "") -> list[S3Call]:
    """An object, whole and in parts, and a copy of a version, each on a condition."""
    to = {"Bucket": bucket, "Key": key}
    upload = {**to, "UploadId": "u"}
    copied = {"CopySource": f"{source or bucket}/{key}?versionId=1"}
    return [
        ("s3", "PutObject", {**to, "Tagging": "drill=yes"}),
        ("s3", "CreateMultipartUpload", {**to, "Tagging": "drill=yes"}),
        ("s3", "UploadPart", {**upload, "PartNumber": 1}),
        ("s3", "UploadPartCopy", {**upload, "PartNumber": 1, **copied}),
        ("s3", "CompleteMultipartUpload", {**upload, "IfMatch": '"a"'}),
        ("s3", "AbortMultipartUpload", upload),
        ("s3", "CopyObject", {**to, **copied, "IfMatch": '"a"'}),
        ("s3", "CopyObject", {**to, **copied, "IfNoneMatch": "*"}),
    ]


def deletes(bucket: str, *keys: dict[str, str]) -> list[S3Call]:
    """Many objects in one request."""
    return [("s3", "DeleteObjects", {"Bucket": bucket, "Delete": {"Objects": list(keys)}})]


def of_canary(source: str, bucket: str, prefix: str) -> Iterator[tuple[str, list[S3Call]]]:
    """What the steps of a canary call in S3; `prefix` is the run's own."""
    key = f"{prefix}1a2b3c4d/overwritten/a"
    adds = deletes(bucket, {"Key": key, "ETag": "a"})
    removes = deletes(bucket, {"Key": key, "VersionId": "1"})
    listed = versions(bucket, prefix)
    back = [*listed, *reads(bucket, key)]
    yield "drill-s3-plan", facts(source, bucket)
    yield (
        "drill-s3-witness",
        [*back, *writes(bucket, key), ("s3", "DeleteObject", {"Bucket": bucket, "Key": key})],
    )
    yield "drill-s3-exercise", [*back, *writes(bucket, key), *adds, *removes]
    for step in ("verify", "verify-unit"):
        yield f"drill-s3-{step}", [*facts(source, bucket), *back, *attributes(bucket, key)]
    yield "drill-s3-teardown", [*listed, *removes, *_unfinished(bucket, key)]


def of_rehearsal(source: str, scratch: str, prefix: str) -> Iterator[tuple[str, list[S3Call]]]:
    """What the steps of a rehearsal call in S3; `prefix` is what it restores."""
    key = f"{prefix}a"
    listed = lists(source, prefix)
    back = [*listed, *lists(scratch, prefix), *reads(source, key), *reads(scratch, key)]
    yield "drill-s3-plan", [*facts(source, scratch), *listed]
    yield "drill-s3-witness", [*listed, ("s3", "GetBucketVersioning", {"Bucket": source})]
    yield "drill-s3-exercise", [*back, *writes(scratch, key, source=source)]
    for step in ("verify", "verify-unit"):
        compared = [*attributes(source, key), *attributes(scratch, key)]
        yield f"drill-s3-{step}", [*facts(source, scratch), *back, *compared]
    removes = deletes(scratch, {"Key": key, "VersionId": "1"})
    yield (
        "drill-s3-teardown",
        [*lists(scratch, ""), *removes, *_unfinished(scratch, key)],
    )


def _unfinished(bucket: str, key: str) -> list[S3Call]:
    upload = {"Bucket": bucket, "Key": key, "UploadId": "u"}
    return [
        ("s3", "ListMultipartUploads", {"Bucket": bucket}),
        ("s3", "ListParts", upload),
        ("s3", "AbortMultipartUpload", upload),
    ]
