"""The door to S3 for single objects and for a bucket's configuration.

What goes through many objects (listings, copies by the thousand) is `wire.py` and `copier.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import boto3
from botocore.exceptions import ClientError

from functions.aws import code_of
from functions.errors import Refused
from functions.s3_versions import configuration
from functions.s3_versions.facts import Facts
from functions.s3_versions.manifest import Row

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_DELETED = 1000
"""Versions that one DeleteObjects deletes at most."""

_DATE = "%Y-%m-%dT%H:%M:%S"

_NOT_CONFIGURED = frozenset(
    {
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchBucketPolicy",
        "ObjectLockConfigurationNotFoundError",
        "OwnershipControlsNotFoundError",
        "ReplicationConfigurationNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
_ABSENT = "NoSuchBucket"
_NEEDED = ("versioning", "lifecycle")
_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
)


@cache
def client() -> S3Client:
    """The client of this process."""
    return boto3.client("s3")


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What S3 holds of one version besides its bytes; `size` in bytes, `version` its id.

    `headers` are those that are stored with it, `kms_key` is empty but for SSE-KMS, `replication`
    is COMPLETED, PENDING, FAILED, REPLICA, or empty. `locked` says that its retention is not over.
    """

    version: str
    etag: str
    size: int
    storage_class: str
    encryption: str
    kms_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    replication: str = ""
    locked: bool = False


Ask = Callable[[str, Callable[..., Any]], Any]
"""Asks S3 for one part of how a bucket is configured; an empty answer where there is none."""


def bucket_facts(bucket: str, *, owner: str = "", lenient: bool = False) -> Facts:
    """How a bucket is configured.

    `owner` is the account that must own it, empty for any. With `lenient` it is enough that
    versioning and lifecycle may be looked at; what may not is named in `unknown`. Raises Refused
    for a bucket that is not there, or that this role may not look at.
    """
    asked = {"Bucket": bucket, **({"ExpectedBucketOwner": owner} if owner else {})}
    unknown: list[str] = []

    def ask(part: str, operation: Callable[..., Any]) -> Any:
        try:
            return _configured(operation, asked)
        except ClientError as error:
            if part in _NEEDED or not lenient or code_of(error) != "AccessDenied":
                raise
            unknown.append(part)
            return {}

    try:
        return replace(_facts(bucket, ask), unknown=tuple(unknown))
    except ClientError as error:
        if code_of(error) in (_ABSENT, "AccessDenied"):
            raise Refused(
                f"bucket: {bucket}: {error.operation_name}: {code_of(error)}: expected a bucket of"
                " this account and region, whose configuration the drill may read"
            ) from error
        raise


def look(bucket: str) -> tuple[Facts | None, list[ClientError]]:
    """A bucket as far as it lets itself be looked at; None where it is not there.

    With it what S3 answered to each question that it did not answer: `unknown` names these parts.
    """
    errors: list[ClientError] = []
    unknown: list[str] = []

    def ask(part: str, operation: Callable[..., Any]) -> Any:
        try:
            return _configured(operation, {"Bucket": bucket})
        except ClientError as error:
            if code_of(error) == _ABSENT:
                raise
            errors.append(error)
            unknown.append(part)
            return {}

    try:
        return replace(_facts(bucket, ask), unknown=tuple(unknown)), errors
    except ClientError:
        return None, []


def _facts(bucket: str, ask: Ask) -> Facts:
    """Asks for each part in turn: the first one tells whether there is such a bucket."""
    s3 = client()
    parts: dict[str, Callable[..., Any]] = {
        "versioning": s3.get_bucket_versioning,
        "lifecycle": s3.get_bucket_lifecycle_configuration,
        "encryption": s3.get_bucket_encryption,
        "access block": s3.get_public_access_block,
        "policy": s3.get_bucket_policy_status,
        "object lock": s3.get_object_lock_configuration,
        "replication": s3.get_bucket_replication,
        "ownership": s3.get_bucket_ownership_controls,
        "events": s3.get_bucket_notification_configuration,
    }
    return configuration.read(bucket, {part: ask(part, parts[part]) for part in parts})


def _configured(ask: Callable[..., Any], asked: Mapping[str, str]) -> Any:
    """The answer; an empty one where S3 says that nothing is configured."""
    try:
        return ask(**asked)
    except ClientError as error:
        if code_of(error) in _NOT_CONFIGURED:
            return {}
        raise


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A version or marker that was written: its id, and whether the SDK had to ask again for it.

    An answer may have been lost then, and the key have a version more than anybody knows.
    """

    version: str
    asked_twice: bool

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Made:
        """What an answer of S3 says."""
        retried = answer["ResponseMetadata"].get("RetryAttempts", 0)
        return cls(version=answer.get("VersionId", ""), asked_twice=retried > 0)


def put(bucket: str, key: str, body: bytes, **facts: Any) -> Made:
    """Write a version. `facts` are PutObject's own parameters."""
    return Made.of(client().put_object(Bucket=bucket, Key=key, Body=body, **facts))


def put_in_parts(bucket: str, key: str, parts: Sequence[bytes], **facts: Any) -> Made:
    """Write a version in parts. What fails is aborted."""
    s3 = client()
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **facts)["UploadId"]
    try:
        made = [
            {
                "PartNumber": number,
                "ETag": s3.upload_part(
                    Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part
                )["ETag"],
            }
            for number, part in enumerate(parts, start=1)
        ]
        finished = s3.complete_multipart_upload(
            Bucket=bucket,
            Key=key,
            UploadId=upload,
            MultipartUpload={"Parts": made},  # type: ignore[typeddict-item]  # the same keys
        )
    except BaseException as error:
        if isinstance(error, ClientError) and code_of(error) == "NoSuchUpload":
            return Made(version="", asked_twice=True)  # it was finished, and the answer lost
        abort_upload(bucket, key, upload)
        raise
    return Made.of(finished)


def delete(bucket: str, key: str) -> Made:
    """Add a delete marker."""
    return Made.of(client().delete_object(Bucket=bucket, Key=key))


def head(bucket: str, key: str, version: str = "") -> Held | None:
    """What S3 holds of a version, or of what is current; None where nothing is there."""
    asked = {"VersionId": version} if version else {}
    try:
        found = client().head_object(Bucket=bucket, Key=key, **asked)  # type: ignore[arg-type]
    except ClientError as error:
        if code_of(error) in ("404", "NoSuchKey", "NoSuchVersion", "405", "MethodNotAllowed"):
            return None
        raise
    answer: Mapping[str, Any] = found
    found_version = answer.get("VersionId", "")
    return Held(
        version=found_version,
        etag=answer["ETag"].strip('"'),
        size=answer["ContentLength"],
        storage_class=answer.get("StorageClass", "STANDARD"),
        encryption=answer.get("ServerSideEncryption", ""),
        kms_key=answer.get("SSEKMSKeyId", ""),
        headers={name: answer[name] for name in _HEADERS if answer.get(name)},
        metadata=dict(answer.get("Metadata", {})),
        tags=_tags(bucket, key, found_version),
        replication=answer.get("ReplicationStatus", ""),
        locked=_is_locked(answer),
    )


def _is_locked(answer: Mapping[str, Any]) -> bool:
    until = answer.get("ObjectLockRetainUntilDate")
    return until is not None and bool(until > datetime.now(UTC))


def tagging(tags: Mapping[str, str]) -> str:
    """Tags as PutObject takes them.

    >>> tagging({"kind of object": "a+b"})
    'kind+of+object=a%2Bb'
    """
    return urlencode(tags)


def modified(bucket: str, key: str) -> str:
    """The date of what is current, in whole seconds of UTC and without zone, as S3 gave it."""
    return f"{client().head_object(Bucket=bucket, Key=key)['LastModified']:{_DATE}}"


def stamp(bucket: str, key: str) -> str:
    """The date that S3 gives to what is written now: an empty object is."""
    put(bucket, key, b"")
    return modified(bucket, key)


def clock(bucket: str, prefix: str) -> str:
    """The time by the clock of S3, in whole seconds of UTC and without zone; nothing is written."""
    answer = client().list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    told = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
    return f"{parsedate_to_datetime(told).astimezone(UTC):{_DATE}}"


def current(bucket: str, prefix: str) -> Iterator[Row]:
    """The objects that are there now below a prefix, as ListObjectsV2 tells of them."""
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for entry in page.get("Contents", []):
            yield Row(
                entry["Key"],
                entry["ETag"].strip('"'),
                entry["Size"],
                f"{entry['LastModified'].astimezone(UTC):{_DATE}}",
            )


def _tags(bucket: str, key: str, version: str) -> dict[str, str]:
    found = client().get_object_tagging(Bucket=bucket, Key=key, VersionId=version)
    return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}


def digest(bucket: str, key: str, version: str = "", *, owner: str = "") -> str:
    """The SHA-256 of a version's bytes, all of which are read, a megabyte at a time.

    `owner` is the account that must own the bucket, empty for any.
    """
    asked = {"VersionId": version} if version else {}
    if owner:
        asked["ExpectedBucketOwner"] = owner
    body = client().get_object(Bucket=bucket, Key=key, **asked)["Body"]  # type: ignore[arg-type]
    summed = hashlib.sha256()
    with body:
        for chunk in iter(lambda: body.read(1 << 20), b""):
            summed.update(chunk)
    return summed.hexdigest()


def copy_if(bucket: str, key: str, version: str, *, expects: str) -> str:
    """Copy a version onto its own key, if what is current has that ETag; the new version's id.

    Empty where it has not: S3 refused (412), and nothing was written.
    """
    try:
        made = client().copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": key, "VersionId": version},
            IfMatch=f'"{expects}"',
        )
    except ClientError as error:
        if code_of(error) in ("PreconditionFailed", "412"):
            return ""
        raise
    return str(made.get("VersionId", ""))


def delete_versions(bucket: str, versions: Sequence[tuple[str, str]]) -> list[str]:
    """Delete versions and markers, each a key and an id, 1,000 at most; what S3 would not delete.

    Deleting what is gone already is no failure.
    """
    answer = client().delete_objects(
        Bucket=bucket,
        Delete={
            "Objects": [{"Key": key, "VersionId": version} for key, version in versions],
            "Quiet": True,
        },
    )
    return [
        f"{error.get('Key')} ({error.get('VersionId')}): {error.get('Code')}"
        for error in answer.get("Errors", [])
    ]


def unfinished_uploads(bucket: str, prefix: str) -> list[tuple[str, str]]:
    """The multipart uploads below a prefix that were never finished: key and upload id."""
    pages = client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    return [(one["Key"], one["UploadId"]) for page in pages for one in page.get("Uploads", [])]


def abort_upload(bucket: str, key: str, upload: str) -> None:
    """Abort an unfinished upload; one that is gone already is fine."""
    try:
        client().abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    except ClientError as error:
        if code_of(error) != "NoSuchUpload":
            raise
