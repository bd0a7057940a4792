"""S3's multipart uploads: what their operations accept, refuse and answer.

As in AWS an object is dated by the beginning of its upload, and takes its place in the history of
its key when the upload is completed.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from lab.s3_conditions import check_write, read_source, source_header
from lab.s3_content import (
    checksum_elements,
    checksum_headers,
    encryption_headers,
    etag_for,
    given_checksum,
    new_content,
)
from lab.s3_records import Checksum, Part, Upload
from lab.s3_wire import (
    CHECKSUMS,
    Answer,
    Asked,
    S3Refusal,
    checksum_text,
    document,
    elements,
    etag_of,
    in_listing,
    in_url,
    invalid,
    md5,
    span_of,
)

if TYPE_CHECKING:
    from lab.s3 import S3

_MOST_PARTS = 10_000
_PAGE = 1000
_XML = {"Content-Type": "application/xml"}


def create_multipart_upload(s3: S3, asked: Asked) -> Answer:
    """An upload, with all that is said of the object to be."""
    bucket = s3.bucket(asked.bucket)
    algorithm = asked.get("ChecksumAlgorithm")
    upload = Upload(
        id=secrets.token_urlsafe(48),
        key=asked.key,
        begun=s3.now(),
        content=new_content(s3, asked),
        algorithm=algorithm,
        checksum_kind=asked.get("ChecksumType") or "COMPOSITE",
    )
    bucket.uploads[upload.id] = upload
    headers = {**_XML, **encryption_headers(upload.content)}
    if algorithm:
        headers["x-amz-checksum-algorithm"] = algorithm
        headers["x-amz-checksum-type"] = upload.checksum_kind
    text = elements(Bucket=bucket.name, Key=upload.key, UploadId=upload.id)
    return Answer(headers=headers, body=document("InitiateMultipartUploadResult", text))


def upload_part(s3: S3, asked: Asked) -> Answer:
    """A part, from the body of the request."""
    upload = _upload(s3, asked)
    part = _kept(s3, upload, asked, asked.body, given_checksum(asked, asked.body))
    headers = {
        "ETag": f'"{part.etag}"',
        **encryption_headers(upload.content),
        **checksum_headers(part.checksum),
    }
    headers.pop("x-amz-checksum-type", None)
    return Answer(headers=headers)


def upload_part_copy(s3: S3, asked: Asked) -> Answer:
    """A part, from a version of another object, or from some of its bytes."""
    upload = _upload(s3, asked)
    source = read_source(s3, asked)
    assert source.content is not None
    body, span = source.content.body, asked.get("CopySourceRange")
    if span is not None:
        found = span_of(span, len(body))
        if found is None or found[1] - 1 != int(span.rpartition("-")[2] or -1):
            raise invalid(
                "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                "first and last are the zero-based offsets of the first and last bytes to copy",
                "InvalidArgument",
            )
        body = body[slice(*found)]
    checksum = None
    if upload.algorithm in CHECKSUMS:
        value = checksum_text(upload.algorithm, body)
        checksum = Checksum(algorithm=upload.algorithm, value=value)
    part = _kept(s3, upload, asked, body, checksum)
    text = elements(LastModified=in_listing(part.modified), ETag=f'"{part.etag}"')
    headers = {
        **_XML,
        **source_header(s3, asked, source),
        **encryption_headers(upload.content),
    }
    return Answer(headers=headers, body=document("CopyPartResult", text))


def complete_multipart_upload(s3: S3, asked: Asked) -> Answer:
    """The object, from the parts that are listed."""
    bucket, upload = s3.bucket(asked.bucket), _upload(s3, asked)
    parts = list(_listed_parts(s3, upload, (asked.get("MultipartUpload") or {}).get("Parts")))
    check_write(bucket, asked)
    content = upload.content
    content.body = b"".join(part.body for part in parts)
    content.parts = tuple(len(part.body) for part in parts)
    digests = b"".join(hashlib.md5(part.body, usedforsecurity=False).digest() for part in parts)
    content.etag = f"{etag_for(content, md5(digests))}-{len(parts)}"
    content.checksum = _whole_checksum(upload, parts)
    del bucket.uploads[upload.id]
    version = s3.write(bucket, upload.key, content, modified=upload.begun)
    text = elements(
        Location=f"/{bucket.name}/{in_url(upload.key)}",
        Bucket=bucket.name,
        Key=upload.key,
        ETag=f'"{content.etag}"',
    )
    return Answer(
        headers={
            **_XML,
            **s3.version_header(bucket, version),
            **encryption_headers(content),
        },
        body=document("CompleteMultipartUploadResult", text + checksum_elements(content.checksum)),
    )


def abort_multipart_upload(s3: S3, asked: Asked) -> Answer:
    """One upload less."""
    del s3.bucket(asked.bucket).uploads[_upload(s3, asked).id]
    return Answer(status=int(HTTPStatus.NO_CONTENT))


def list_parts(s3: S3, asked: Asked) -> Answer:
    """The parts of an upload."""
    upload, marker = _upload(s3, asked), int(asked.get("PartNumberMarker") or 0)
    limit = min(_PAGE, asked.get("MaxParts") or _PAGE)
    numbers = [number for number in sorted(upload.parts) if number > marker]
    shown = [upload.parts[number] for number in numbers[:limit]]
    text = elements(
        Bucket=asked.bucket,
        Key=upload.key,
        UploadId=upload.id,
        StorageClass=upload.content.storage_class,
        PartNumberMarker=marker,
        NextPartNumberMarker=shown[-1].number if shown else 0,
        MaxParts=limit,
        IsTruncated=str(len(numbers) > limit).lower(),
    )
    text += "".join(
        "<Part>"
        + elements(
            PartNumber=part.number,
            LastModified=in_listing(part.modified),
            ETag=f'"{part.etag}"',
            Size=len(part.body),
        )
        + "</Part>"
        for part in shown
    )
    return Answer(headers=_XML, body=document("ListPartsResult", text))


def list_multipart_uploads(s3: S3, asked: Asked) -> Answer:
    """The uploads under way in a bucket, by key and age, in pages."""
    prefix, limit = asked.get("Prefix") or "", min(_PAGE, asked.get("MaxUploads") or _PAGE)
    marker = (asked.get("KeyMarker") or "", asked.get("UploadIdMarker"))
    uploads = sorted(
        (each for each in s3.bucket(asked.bucket).uploads.values() if each.key.startswith(prefix)),
        key=lambda each: (each.key.encode(), each.begun),
    )
    last = next((at for at, each in enumerate(uploads) if each.id == marker[1]), None)
    if last is not None:
        uploads = uploads[last + 1 :]
    else:
        uploads = [each for each in uploads if each.key.encode() > marker[0].encode()]
    shown, write = uploads[:limit], in_url if asked.get("EncodingType") == "url" else str
    truncated = len(uploads) > limit
    text = elements(
        Bucket=asked.bucket,
        Prefix=write(prefix),
        KeyMarker=write(marker[0]),
        UploadIdMarker=marker[1] or "",
        NextKeyMarker=write(shown[-1].key) if truncated else None,
        NextUploadIdMarker=shown[-1].id if truncated else None,
        MaxUploads=limit,
        EncodingType=asked.get("EncodingType"),
        IsTruncated=str(truncated).lower(),
    )
    text += "".join(
        "<Upload>"
        + elements(
            Key=write(each.key),
            UploadId=each.id,
            StorageClass=each.content.storage_class,
            Initiated=in_listing(each.begun),
        )
        + "</Upload>"
        for each in shown
    )
    return Answer(headers=_XML, body=document("ListMultipartUploadsResult", text))


def _upload(s3: S3, asked: Asked) -> Upload:
    """The upload that a request is about. Raises S3Refusal."""
    upload = s3.bucket(asked.bucket).uploads.get(asked.parameters["UploadId"])
    if upload is None or upload.key != asked.key:
        raise S3Refusal(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may "
            "have been aborted or completed.",
            HTTPStatus.NOT_FOUND,
        )
    return upload


def _kept(s3: S3, upload: Upload, asked: Asked, body: bytes, checksum: Checksum | None) -> Part:
    """A part of an upload, in the place of one of the same number. Raises S3Refusal."""
    number = asked.parameters["PartNumber"]
    if not 1 <= number <= _MOST_PARTS:
        raise invalid(
            f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive",
            "InvalidArgument",
        )
    part = Part(
        number=number,
        body=body,
        etag=etag_for(upload.content, md5(body)),
        modified=s3.now(),
        checksum=checksum,
    )
    upload.parts[number] = part
    return part


def _listed_parts(s3: S3, upload: Upload, listed: list[dict[str, Any]] | None) -> Iterable[Part]:
    """The parts that make up the object, in their order. Raises S3Refusal."""
    if not listed:
        raise invalid("You must specify at least one part", "MalformedXML")
    numbers = [each["PartNumber"] for each in listed]
    if numbers != sorted(set(numbers)):
        raise invalid(
            "The list of parts was not in ascending order. Parts must be ordered by part number.",
            "InvalidPartOrder",
        )
    for each in listed:
        part = upload.parts.get(each["PartNumber"])
        if part is None or part.etag != etag_of(each.get("ETag", "")):
            raise invalid(
                "One or more of the specified parts could not be found. The part may not have been "
                "uploaded, or the specified entity tag may not match the part's entity tag.",
                "InvalidPart",
            )
        if each is not listed[-1] and len(part.body) < s3.smallest_part:
            raise invalid(
                "Your proposed upload is smaller than the minimum allowed size", "EntityTooSmall"
            )
        yield part


def _whole_checksum(upload: Upload, parts: list[Part]) -> Checksum | None:
    """The checksum of the object, of the kind that the upload was begun with."""
    algorithm = upload.algorithm
    if algorithm not in CHECKSUMS:
        return None
    if upload.checksum_kind == "FULL_OBJECT":
        value = checksum_text(algorithm, b"".join(part.body for part in parts))
        return Checksum(algorithm=algorithm, value=value)
    digests = b"".join(CHECKSUMS[algorithm](part.body) for part in parts)
    value = base64.b64encode(CHECKSUMS[algorithm](digests)).decode()
    return Checksum(algorithm=algorithm, value=f"{value}-{len(parts)}", kind="COMPOSITE")
