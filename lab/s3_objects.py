"""What S3's operations on objects accept, refuse and answer.

Each gets the request with its parameters as the SDK names them. Refusals bear the wire codes of
S3's API reference.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from lab.s3_conditions import (
    archived,
    check_delete,
    check_read,
    check_write,
    found,
    read_source,
    source_header,
)
from lab.s3_content import (
    HEADERS,
    checksum_elements,
    checksum_headers,
    encryption_headers,
    etag_for,
    given_checksum,
    lock_headers,
    new_content,
)
from lab.s3_records import ARCHIVES, NULL, Bucket, Checksum, Content, Lock, Version
from lab.s3_wire import (
    CHECKSUMS,
    OWNER,
    Answer,
    Asked,
    S3Refusal,
    checksum_text,
    document,
    element,
    elements,
    in_header,
    in_listing,
    invalid,
    md5,
    source_of,
    span_of,
    utc,
)

if TYPE_CHECKING:
    from lab.s3 import S3

_MOST_KEYS = 1000
_XML = {"Content-Type": "application/xml"}


def put_object(s3: S3, asked: Asked) -> Answer:
    """A new version, from the body of the request."""
    bucket = s3.bucket(asked.bucket)
    content = new_content(s3, asked)
    if content.lock != Lock() and not asked.checksums:
        raise invalid(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with "
            "Object Lock parameters"
        )
    content.body = asked.body
    content.checksum = given_checksum(asked, asked.body)
    content.etag = etag_for(content, md5(asked.body))
    check_write(bucket, asked)
    version = s3.write(bucket, asked.key, content)
    return Answer(
        headers={
            "ETag": f'"{content.etag}"',
            **s3.version_header(bucket, version),
            **encryption_headers(content),
            **checksum_headers(content.checksum),
        }
    )


def copy_object(s3: S3, asked: Asked) -> Answer:
    """A new version, from another one, which may be of another key or bucket."""
    bucket = s3.bucket(asked.bucket)
    source = read_source(s3, asked)
    assert source.content is not None
    old = source.content
    if len(old.body) > s3.largest_copy:
        raise invalid(
            "The specified copy source is larger than the maximum allowable size for a copy "
            f"source: {s3.largest_copy}"
        )
    _check_change(asked)
    content = new_content(s3, asked)
    content.body = old.body
    if asked.get("MetadataDirective") != "REPLACE":
        content.headers, content.metadata = dict(old.headers), dict(old.metadata)
    if asked.get("TaggingDirective") != "REPLACE":
        content.tags = dict(old.tags)
    algorithm = asked.get("ChecksumAlgorithm") or (old.checksum and old.checksum.algorithm)
    if algorithm in CHECKSUMS:
        value = checksum_text(algorithm, old.body)
        content.checksum = Checksum(algorithm=algorithm, value=value)
    content.etag = etag_for(content, md5(old.body))
    check_write(bucket, asked)
    version = s3.write(bucket, asked.key, content)
    text = elements(LastModified=in_listing(version.modified), ETag=f'"{content.etag}"')
    headers = {
        **_XML,
        **s3.version_header(bucket, version),
        **source_header(s3, asked, source),
        **encryption_headers(content),
    }
    body = document("CopyObjectResult", text + checksum_elements(content.checksum))
    return Answer(headers=headers, body=body)


def get_object(s3: S3, asked: Asked) -> Answer:
    """The bytes of a version, or some of them."""
    bucket = s3.bucket(asked.bucket)
    version = found(s3, bucket, asked)
    assert version.content is not None
    check_read(version, asked)
    if not version.readable:
        raise archived(version)
    content, headers = version.content, _about(s3, bucket, version, asked)
    overrides = {name: asked.get(f"Response{name}") for name in HEADERS}
    headers.update({HEADERS[name]: str(value) for name, value in overrides.items() if value})
    span = _span(content, asked)
    if span is None:
        return Answer(headers=headers, body=content.body)
    first, end = span
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content.body)}"
    for name in checksum_headers(content.checksum):
        headers.pop(name, None)
    status = int(HTTPStatus.PARTIAL_CONTENT)
    return Answer(status=status, headers=headers, body=content.body[first:end])


def head_object(s3: S3, asked: Asked) -> Answer:
    """What a version is, without its bytes."""
    bucket = s3.bucket(asked.bucket)
    version = found(s3, bucket, asked)
    assert version.content is not None
    check_read(version, asked)
    headers = _about(s3, bucket, version, asked)
    span = _span(version.content, asked) or (0, len(version.content.body))
    headers["Content-Length"] = str(span[1] - span[0])
    return Answer(headers=headers)


def get_object_attributes(s3: S3, asked: Asked) -> Answer:
    """Some attributes of a version."""
    bucket = s3.bucket(asked.bucket)
    version = found(s3, bucket, asked)
    content, wanted = version.content, asked.get("ObjectAttributes") or ()
    assert content is not None
    parts = elements(TotalPartsCount=len(content.parts)) if content.parts else ""
    shown = {
        "ETag": element("ETag", content.etag),
        "Checksum": f"<Checksum>{checksum_elements(content.checksum)}</Checksum>"
        if content.checksum
        else "",
        "ObjectParts": f"<ObjectParts>{parts}</ObjectParts>" if parts else "",
        "StorageClass": element("StorageClass", content.storage_class),
        "ObjectSize": element("ObjectSize", len(content.body)),
    }
    text = "".join(shown[name] for name in shown if name in wanted)
    headers = {
        **_XML,
        "Last-Modified": in_header(version.modified),
        **s3.version_header(bucket, version),
    }
    return Answer(headers=headers, body=document("GetObjectAttributesResponse", text))


def delete_object(s3: S3, asked: Asked) -> Answer:
    """A marker as the newest entry; or one version less, where its id is given."""
    bucket = s3.bucket(asked.bucket)
    check_delete(bucket, asked.key, asked.get("IfMatch"))
    headers = _deleted(s3, bucket, asked.key, asked.get("VersionId"), _bypasses(asked))
    return Answer(status=int(HTTPStatus.NO_CONTENT), headers=headers)


def delete_objects(s3: S3, asked: Asked) -> Answer:
    """The same for up to 1,000 keys, each with its own outcome."""
    bucket = s3.bucket(asked.bucket)
    if not asked.checksums:
        raise invalid("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    given_checksum(asked, asked.body)
    wanted = asked.parameters["Delete"]
    objects = wanted.get("Objects") or []
    if not 0 < len(objects) <= _MOST_KEYS:
        raise invalid(
            "The XML you provided was not well-formed or did not validate against our published "
            "schema",
            "MalformedXML",
        )
    texts = []
    for each in objects:
        key, version_id = each["Key"], each.get("VersionId")
        named = elements(Key=key, VersionId=version_id)
        try:
            s3.faults.of_key(key)
            check_delete(bucket, key, each.get("ETag"))
            headers = _deleted(s3, bucket, key, version_id, _bypasses(asked))
        except S3Refusal as refusal:
            told = elements(Code=refusal.code, Message=refusal.message)
            texts.append(f"<Error>{named}{told}</Error>")
            continue
        if not wanted.get("Quiet"):
            marker = headers.get("x-amz-delete-marker")
            told = elements(
                DeleteMarker=marker,
                DeleteMarkerVersionId=headers.get("x-amz-version-id") if marker else None,
            )
            texts.append(f"<Deleted>{named}{told}</Deleted>")
    return Answer(headers=_XML, body=document("DeleteResult", "".join(texts)))


def restore_object(s3: S3, asked: Asked) -> Answer:
    """Ask an archived version back."""
    bucket = s3.bucket(asked.bucket)
    version = found(s3, bucket, asked)
    assert version.content is not None
    if version.content.storage_class not in ARCHIVES:
        raise S3Refusal(
            "InvalidObjectState",
            "Restore is not allowed for the object's current storage class",
            HTTPStatus.FORBIDDEN,
            StorageClass=version.content.storage_class,
        )
    days = (asked.get("RestoreRequest") or {}).get("Days")
    if not days:
        raise invalid("Days must be given, and be 1 at least", "MalformedXML")
    if version.back_until is not None:
        version.back_until = s3.now() + timedelta(days=days)
        return Answer()
    if version.days_back:
        raise S3Refusal(
            "RestoreAlreadyInProgress",
            "Object restore is already in progress",
            HTTPStatus.CONFLICT,
        )
    version.days_back = days
    return Answer(status=int(HTTPStatus.ACCEPTED))


def get_object_tagging(s3: S3, asked: Asked) -> Answer:
    """The tags of a version."""
    bucket = s3.bucket(asked.bucket)
    version = found(s3, bucket, asked)
    assert version.content is not None
    tags = "".join(
        f"<Tag>{elements(Key=key, Value=value)}</Tag>"
        for key, value in version.content.tags.items()
    )
    headers = {**_XML, **s3.version_header(bucket, version)}
    return Answer(headers=headers, body=document("Tagging", f"<TagSet>{tags}</TagSet>"))


def put_object_tagging(s3: S3, asked: Asked) -> Answer:
    """Other tags for a version."""
    tags = asked.parameters["Tagging"].get("TagSet") or []
    return _tagged(s3, asked, {tag["Key"]: tag["Value"] for tag in tags}, HTTPStatus.OK)


def delete_object_tagging(s3: S3, asked: Asked) -> Answer:
    """No tags for a version."""
    return _tagged(s3, asked, {}, HTTPStatus.NO_CONTENT)


def _tagged(s3: S3, asked: Asked, tags: dict[str, str], status: int) -> Answer:
    bucket = s3.bucket(asked.bucket)
    version = found(s3, bucket, asked)
    assert version.content is not None
    version.content.tags = tags
    return Answer(status=int(status), headers=s3.version_header(bucket, version))


def get_object_retention(s3: S3, asked: Asked) -> Answer:
    """Until when a version is retained."""
    version = found(s3, s3.bucket(asked.bucket), asked)
    assert version.content is not None
    lock = version.content.lock
    if not (lock.mode and lock.until):
        raise _not_locked()
    text = elements(Mode=lock.mode, RetainUntilDate=in_listing(lock.until))
    return Answer(headers=_XML, body=document("Retention", text))


def put_object_retention(s3: S3, asked: Asked) -> Answer:
    """Retain a version; what is retained can only be retained longer, or be freed by a bypass."""
    bucket = s3.bucket(asked.bucket)
    version = found(s3, bucket, asked)
    assert version.content is not None
    if not s3.locks(asked.bucket):
        raise invalid("Bucket is missing Object Lock Configuration")
    lock, wanted = version.content.lock, asked.get("Retention") or {}
    until = utc(wanted["RetainUntilDate"]) if "RetainUntilDate" in wanted else None
    longer = bool(until and lock.until and until >= lock.until and wanted["Mode"] == lock.mode)
    if lock.until and not longer and lock.holds(s3.now(), bypassed=_bypasses(asked)):
        raise _denied_by_lock()
    lock.mode, lock.until = wanted.get("Mode"), until
    return Answer()


def get_object_legal_hold(s3: S3, asked: Asked) -> Answer:
    """Whether a version is held."""
    version = found(s3, s3.bucket(asked.bucket), asked)
    assert version.content is not None
    if version.content.lock.legal_hold is None:
        raise _not_locked()
    text = element("Status", version.content.lock.legal_hold)
    return Answer(headers=_XML, body=document("LegalHold", text))


def put_object_legal_hold(s3: S3, asked: Asked) -> Answer:
    """Hold a version, or let it go."""
    version = found(s3, s3.bucket(asked.bucket), asked)
    assert version.content is not None
    if not s3.locks(asked.bucket):
        raise invalid("Bucket is missing Object Lock Configuration")
    version.content.lock.legal_hold = (asked.get("LegalHold") or {}).get("Status")
    return Answer()


def get_object_acl(s3: S3, asked: Asked) -> Answer:
    """All to the bucket's owner: there are no other lists in the lab."""
    found(s3, s3.bucket(asked.bucket), asked)
    owner = element("ID", OWNER)
    kind = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'
    grant = f"<Grantee {kind}>{owner}</Grantee>{element('Permission', 'FULL_CONTROL')}"
    text = f"<Owner>{owner}</Owner><AccessControlList><Grant>{grant}</Grant></AccessControlList>"
    return Answer(headers=_XML, body=document("AccessControlPolicy", text))


def _about(s3: S3, bucket: Bucket, version: Version, asked: Asked) -> dict[str, str]:
    """The headers of a version that is read."""
    content = version.content
    assert content is not None
    headers = {
        "Content-Type": "binary/octet-stream",
        "Last-Modified": in_header(version.modified),
        "ETag": f'"{content.etag}"',
        "Accept-Ranges": "bytes",
        **content.headers,
        **{f"x-amz-meta-{name}": value for name, value in content.metadata.items()},
        **s3.version_header(bucket, version),
        **encryption_headers(content),
        **lock_headers(content.lock),
    }
    if content.storage_class != "STANDARD":
        headers["x-amz-storage-class"] = content.storage_class
    if content.tags:
        headers["x-amz-tagging-count"] = str(len(content.tags))
    if version.back_until is not None:
        until = in_header(version.back_until)
        headers["x-amz-restore"] = f'ongoing-request="false", expiry-date="{until}"'
    elif version.days_back:
        headers["x-amz-restore"] = 'ongoing-request="true"'
    if asked.get("ChecksumMode") == "ENABLED":
        headers.update(checksum_headers(content.checksum))
    if asked.get("PartNumber") and content.parts:
        headers["x-amz-mp-parts-count"] = str(len(content.parts))
    return headers


def _span(content: Content, asked: Asked) -> tuple[int, int] | None:
    """Which bytes are asked for; None for all. Raises S3Refusal."""
    number = asked.get("PartNumber")
    if number:
        sizes = content.parts or (len(content.body),)
        if number > len(sizes):
            raise S3Refusal(
                "InvalidPartNumber",
                "The requested partnumber is not satisfiable",
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            )
        first = sum(sizes[: number - 1])
        return first, first + sizes[number - 1]
    return span_of(asked.get("Range"), len(content.body)) if asked.get("Range") else None


def _deleted(
    s3: S3, bucket: Bucket, key: str, version_id: str | None, bypassed: bool
) -> dict[str, str]:
    """Delete, and say what was: a marker, and which. Raises S3Refusal for what is locked."""
    if version_id is None:
        status = s3.versioning(bucket.name)
        if status is None:
            bucket.remove(key, NULL)
            return {}
        marker = s3.write(bucket, key, None)
        return {"x-amz-delete-marker": "true", "x-amz-version-id": marker.id}
    version = bucket.find(key, version_id)
    headers = {"x-amz-version-id": version_id}
    if version is None:
        return headers
    if version.content is None:
        headers["x-amz-delete-marker"] = "true"
    elif version.content.lock.holds(s3.now(), bypassed=bypassed):
        raise _denied_by_lock()
    bucket.remove(key, version_id)
    return headers


def _bypasses(asked: Asked) -> bool:
    return bool(asked.get("BypassGovernanceRetention"))


def _check_change(asked: Asked) -> None:
    """A copy of what is current onto itself has to change something. Raises S3Refusal."""
    bucket, key, version_id = source_of(asked.parameters["CopySource"])
    changes = any(
        asked.get(name)
        for name in ("StorageClass", "ServerSideEncryption", "WebsiteRedirectLocation")
    )
    replaces = "REPLACE" in (asked.get("MetadataDirective"), asked.get("TaggingDirective"))
    itself = (bucket, key) == (asked.bucket, asked.key) and version_id is None
    if itself and not (changes or replaces):
        raise invalid(
            "This copy request is illegal because it is trying to copy an object to itself without "
            "changing the object's metadata, storage class, website redirect location or "
            "encryption attributes."
        )


def _denied_by_lock() -> S3Refusal:
    return S3Refusal(
        "AccessDenied",
        "Access Denied because object protected by object lock.",
        HTTPStatus.FORBIDDEN,
    )


def _not_locked() -> S3Refusal:
    return S3Refusal(
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
        HTTPStatus.NOT_FOUND,
    )
