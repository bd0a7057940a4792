"""What IAM is asked when a call of S3 is made.

After S3's table of required permissions. Not as in AWS: a bucket's key is asked about as it is now,
whatever key an object was written with; a copy is asked about tags though the source may have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from lab.policies import Context, Request
from lab.s3_wire import source_of
from lab.world import Parameters, World, key_arn, with_key

Describe = Callable[[Parameters, World], Iterable[Request]]

_CONDITIONS = {
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "StorageClass": "s3:x-amz-storage-class",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
}
"""Parameters that policies can set conditions on."""


def _bucket(parameters: Parameters, world: World) -> str:
    return f"arn:{world.partition}:s3:::{parameters['Bucket']}"


def _of_account(world: World) -> dict[str, str | Sequence[str]]:
    """What every request to a bucket of this account has in its context."""
    return {"aws:ResourceAccount": world.account, "s3:ResourceAccount": world.account}


def _about(parameters: Parameters, world: World) -> Context:
    """The context of a request about an object."""
    given = {key: str(parameters[name]) for name, key in _CONDITIONS.items() if name in parameters}
    if "VersionId" in parameters:
        given["s3:VersionId"] = str(parameters["VersionId"])
    return {**_of_account(world), **given}


def _write(parameters: Parameters, world: World) -> Iterator[Request]:
    """To put an object, whole or the first of its parts."""
    bucket = _bucket(parameters, world)
    arn, about = f"{bucket}/{parameters['Key']}", _about(parameters, world)
    yield Request("s3:PutObject", arn, about)
    for parameter, action in (
        ("ObjectLockMode", "s3:PutObjectRetention"),
        ("ObjectLockLegalHoldStatus", "s3:PutObjectLegalHold"),
        ("Tagging", "s3:PutObjectTagging"),
        ("ACL", "s3:PutObjectAcl"),
    ):
        if parameters.get(parameter):
            yield Request(action, arn, about)
    if parameters.get("IfMatch"):
        yield Request("s3:GetObject", arn, about)
    if key := parameters.get("SSEKMSKeyId"):
        yield Request("kms:GenerateDataKey", key_arn(key, world), world.through("s3"))
    elif parameters.get("ServerSideEncryption") != "AES256":
        yield from with_key(bucket, world, "s3", "kms:GenerateDataKey")


def _part(parameters: Parameters, world: World) -> Iterator[Request]:
    """To add a part to an upload, whose key S3 uses to read the parts again."""
    bucket = _bucket(parameters, world)
    yield Request("s3:PutObject", f"{bucket}/{parameters['Key']}", _about(parameters, world))
    yield from with_key(bucket, world, "s3", "kms:Decrypt")


def _read(parameters: Parameters, world: World) -> Iterator[Request]:
    bucket, about = _bucket(parameters, world), _about(parameters, world)
    action = "s3:GetObjectVersion" if "VersionId" in parameters else "s3:GetObject"
    yield Request(action, f"{bucket}/{parameters['Key']}", about)
    yield from with_key(bucket, world, "s3", "kms:Decrypt")


def _attributes(parameters: Parameters, world: World) -> Iterator[Request]:
    yield from _read(parameters, world)
    version = "Version" if "VersionId" in parameters else ""
    yield Request(
        f"s3:GetObject{version}Attributes",
        f"{_bucket(parameters, world)}/{parameters['Key']}",
        _about(parameters, world),
    )


def _source(parameters: Parameters) -> dict[str, str]:
    """The parameters of a read of what a copy is made from."""
    bucket, key, version_id = source_of(parameters["CopySource"])
    read = {"Bucket": bucket, "Key": key}
    return {**read, "VersionId": version_id} if version_id else read


def _copy(parameters: Parameters, world: World) -> Iterator[Request]:
    source = _source(parameters)
    yield from _read(source, world)
    if parameters.get("TaggingDirective") == "REPLACE":
        yield from _write(parameters, world)
        return
    version = "Version" if "VersionId" in source else ""
    arn = f"{_bucket(source, world)}/{source['Key']}"
    yield Request(f"s3:GetObject{version}Tagging", arn, _about(source, world))
    yield from _write({**parameters, "Tagging": "as the source's"}, world)


def _part_copy(parameters: Parameters, world: World) -> Iterator[Request]:
    yield from _read(_source(parameters), world)
    yield from _part(parameters, world)


def _delete(parameters: Parameters, world: World) -> Iterator[Request]:
    about = _about(parameters, world)
    arn = f"{_bucket(parameters, world)}/{parameters['Key']}"
    action = "s3:DeleteObjectVersion" if "VersionId" in parameters else "s3:DeleteObject"
    yield Request(action, arn, about)
    if parameters.get("IfMatch", "*") != "*":
        yield Request("s3:GetObject", arn, about)
    if parameters.get("BypassGovernanceRetention"):
        yield Request("s3:BypassGovernanceRetention", arn, about)


def _delete_many(parameters: Parameters, world: World) -> Iterator[Request]:
    shared = {
        name: parameters[name]
        for name in ("Bucket", "BypassGovernanceRetention")
        if name in parameters
    }
    for each in parameters["Delete"].get("Objects", []):
        given = {"IfMatch" if name == "ETag" else name: value for name, value in each.items()}
        yield from _delete({**shared, **given}, world)


def _listed(action: str) -> Describe:
    """To list what is in a bucket, below a prefix."""

    def describe(parameters: Parameters, world: World) -> Iterator[Request]:
        about = {**_of_account(world), "s3:prefix": parameters.get("Prefix", "")}
        yield Request(f"s3:{action}", _bucket(parameters, world), about)

    return describe


def _of_bucket(action: str) -> Describe:
    """To read, or to change, how a bucket is configured."""

    def describe(parameters: Parameters, world: World) -> Iterator[Request]:
        yield Request(f"s3:{action}", _bucket(parameters, world), _of_account(world))

    return describe


def _of_object(action: str, versioned: str | None = None) -> Describe:
    """To do something with an object, by one action; by another where a version is given."""

    def describe(parameters: Parameters, world: World) -> Iterator[Request]:
        asked = versioned if versioned and "VersionId" in parameters else action
        arn = f"{_bucket(parameters, world)}/{parameters['Key']}"
        yield Request(f"s3:{asked}", arn, _about(parameters, world))

    return describe


_OBJECTS: dict[str, Describe] = {
    "PutObject": _write,
    "GetObject": _read,
    "HeadObject": _read,
    "GetObjectAttributes": _attributes,
    "CopyObject": _copy,
    "DeleteObject": _delete,
    "DeleteObjects": _delete_many,
    "CreateMultipartUpload": _write,
    "UploadPart": _part,
    "UploadPartCopy": _part_copy,
    "CompleteMultipartUpload": _of_object("PutObject"),
    "AbortMultipartUpload": _of_object("AbortMultipartUpload"),
    "ListParts": _of_object("ListMultipartUploadParts"),
    "RestoreObject": _of_object("RestoreObject"),
    "GetObjectTagging": _of_object("GetObjectTagging", "GetObjectVersionTagging"),
    "PutObjectTagging": _of_object("PutObjectTagging", "PutObjectVersionTagging"),
    "DeleteObjectTagging": _of_object("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "GetObjectAcl": _of_object("GetObjectAcl", "GetObjectVersionAcl"),
    "GetObjectRetention": _of_object("GetObjectRetention"),
    "PutObjectRetention": _of_object("PutObjectRetention"),
    "GetObjectLegalHold": _of_object("GetObjectLegalHold"),
    "PutObjectLegalHold": _of_object("PutObjectLegalHold"),
}

_LISTINGS = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
}

_BUCKETS = {
    "DeleteBucket": "DeleteBucket",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketAcl": "GetBucketAcl",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketLocation": "GetBucketLocation",
    "GetBucketLogging": "GetBucketLogging",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketOwnershipControls": "GetBucketOwnershipControls",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketPolicyStatus": "GetBucketPolicyStatus",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetBucketTagging": "GetBucketTagging",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetBucketWebsite": "GetBucketWebsite",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
}
"""IAM's own names for what is done to a bucket."""

S3_REQUESTS: dict[tuple[str, str], Any] = {
    **{("s3", operation): describe for operation, describe in _OBJECTS.items()},
    **{("s3", operation): _listed(action) for operation, action in _LISTINGS.items()},
    **{("s3", operation): _of_bucket(action) for operation, action in _BUCKETS.items()},
}
"""What is asked, by service and operation."""
