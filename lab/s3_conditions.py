"""When S3 does what it is asked: the conditions of a request, and what can be read at all."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from lab.s3_records import Bucket, Content, Version
from lab.s3_wire import (
    Asked,
    S3Refusal,
    etag_of,
    in_header,
    invalid,
    no_such_key,
    no_such_version,
    precondition_failed,
    source_of,
    utc,
)

if TYPE_CHECKING:
    from lab.s3 import S3


def check_write(bucket: Bucket, asked: Asked) -> None:
    """See to the conditions of a write. Raises S3Refusal when they do not hold."""
    none_match, match = asked.get("IfNoneMatch"), asked.get("IfMatch")
    if none_match not in (None, "*") or match == "*":
        raise S3Refusal(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
            HTTPStatus.NOT_IMPLEMENTED,
        )
    content = current_content(bucket, asked.key)
    if none_match and content is not None:
        raise precondition_failed("If-None-Match")
    if match is None:
        return
    if content is None:
        raise no_such_key(asked.key)
    if etag_of(match) != content.etag:
        raise precondition_failed("If-Match")


def check_delete(bucket: Bucket, key: str, match: str | None) -> None:
    """See to the condition of a deletion, which is about the current version alone.

    Raises S3Refusal when it does not hold.
    """
    if match is None:
        return
    content = current_content(bucket, key)
    if content is None:
        raise no_such_key(key)
    if match != "*" and etag_of(match) != content.etag:
        raise precondition_failed("If-Match")


def read_source(s3: S3, asked: Asked) -> Version:
    """The version that a copy is made from, which can be read. Raises S3Refusal."""
    name, key, version_id = source_of(asked.parameters["CopySource"])
    bucket = s3.bucket(name)
    if version_id is None:
        version = bucket.current(key)
        if version is None or version.content is None:
            raise no_such_key(key)
    else:
        version = bucket.find(key, version_id)
        if version is None:
            raise no_such_version(key, version_id)
        if version.content is None:
            raise invalid(
                "The source of a copy request may not specifically refer to a delete marker by "
                "version id."
            )
    match, none_match = asked.get("CopySourceIfMatch"), asked.get("CopySourceIfNoneMatch")
    if match is not None and etag_of(match) != version.content.etag:
        raise precondition_failed("x-amz-copy-source-If-Match")
    if none_match is not None and etag_of(none_match) == version.content.etag:
        raise precondition_failed("x-amz-copy-source-If-None-Match")
    modified = version.modified.replace(microsecond=0)
    since, until = (asked.get(f"CopySourceIf{which}Since") for which in ("Modified", "Unmodified"))
    if since and modified <= utc(since):
        raise precondition_failed("x-amz-copy-source-If-Modified-Since")
    if until and modified > utc(until):
        raise precondition_failed("x-amz-copy-source-If-Unmodified-Since")
    if not version.readable:
        raise archived(version)
    return version


def source_header(s3: S3, asked: Asked, source: Version) -> dict[str, str]:
    """The header that tells which version was copied."""
    bucket, _, _ = source_of(asked.parameters["CopySource"])
    if s3.versioning(bucket) is None:
        return {}
    return {"x-amz-copy-source-version-id": source.id}


def check_read(version: Version, asked: Asked) -> None:
    """See to the conditions of a read. Raises S3Refusal when they do not hold."""
    assert version.content is not None
    etag, modified = version.content.etag, version.modified.replace(microsecond=0)
    match, none_match = asked.get("IfMatch"), asked.get("IfNoneMatch")
    since, until = asked.get("IfModifiedSince"), asked.get("IfUnmodifiedSince")
    if match is not None:
        if match != "*" and etag_of(match) != etag:
            raise precondition_failed("If-Match")
    elif until and modified > utc(until):
        raise precondition_failed("If-Unmodified-Since")
    unchanged = (
        etag_of(none_match) in (etag, "*")
        if none_match is not None
        else bool(since and modified <= utc(since))
    )
    if unchanged:
        raise S3Refusal("NotModified", "", HTTPStatus.NOT_MODIFIED, headers={"ETag": f'"{etag}"'})


def found(s3: S3, bucket: Bucket, asked: Asked) -> Version:
    """The version that a request is about, which is no marker. Raises S3Refusal."""
    key, version_id = asked.key, asked.get("VersionId")
    if version_id is None:
        version = bucket.current(key)
        if version is None:
            raise no_such_key(key)
        if version.content is None:
            raise no_such_key(key, {**s3.version_header(bucket, version), **_MARKER})
        return version
    version = bucket.find(key, version_id)
    if version is None:
        raise no_such_version(key, version_id)
    if version.content is None:
        raise S3Refusal(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            HTTPStatus.METHOD_NOT_ALLOWED,
            headers={
                **s3.version_header(bucket, version),
                **_MARKER,
                "Allow": "DELETE",
                "Last-Modified": in_header(version.modified),
            },
            ResourceType="DeleteMarker",
        )
    return version


def archived(version: Version) -> S3Refusal:
    """The refusal to read what is archived."""
    assert version.content is not None
    return S3Refusal(
        "InvalidObjectState",
        "The operation is not valid for the object's storage class",
        HTTPStatus.FORBIDDEN,
        StorageClass=version.content.storage_class,
    )


def current_content(bucket: Bucket, key: str) -> Content | None:
    """What is current of a key; None for an absent one, and for one whose newest is a marker."""
    version = bucket.current(key)
    return version.content if version else None


_MARKER = {"x-amz-delete-marker": "true"}
