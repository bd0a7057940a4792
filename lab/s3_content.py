"""An object of S3 as a request describes it: its headers, encryption, checksums and lock."""

from __future__ import annotations

import base64
import hashlib
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING

from lab import aws
from lab.s3_records import ARCHIVES, Checksum, Content, Lock
from lab.s3_wire import (
    ALGORITHMS,
    CHECKSUMS,
    Asked,
    S3Refusal,
    checksum_text,
    elements,
    in_header,
    invalid,
    tags_of,
    utc,
)

if TYPE_CHECKING:
    from lab.s3 import S3

HEADERS = {
    "CacheControl": "Cache-Control",
    "ContentDisposition": "Content-Disposition",
    "ContentEncoding": "Content-Encoding",
    "ContentLanguage": "Content-Language",
    "ContentType": "Content-Type",
    "Expires": "Expires",
}
"""What an object keeps of the headers it was put with, by the parameter's name."""

STORAGE_CLASSES = ARCHIVES | {
    *("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA"),
    *("INTELLIGENT_TIERING", "GLACIER_IR"),
}
_LONGEST_KEY = 1024


def new_content(s3: S3, asked: Asked) -> Content:
    """An object as a request to make one describes it, without its bytes. Raises S3Refusal."""
    if len(asked.key.encode()) > _LONGEST_KEY:
        raise invalid("Your key is too long", "KeyTooLongError")
    if asked.get("SSECustomerAlgorithm"):
        raise S3Refusal(
            "NotImplemented", "the lab has no keys of customers", HTTPStatus.NOT_IMPLEMENTED
        )
    storage_class = asked.get("StorageClass") or "STANDARD"
    if storage_class not in STORAGE_CLASSES:
        raise invalid("The storage class you specified is not valid", "InvalidStorageClass")
    encryption, key = s3.default_encryption(asked.bucket)
    if asked.get("ServerSideEncryption"):
        encryption, key = asked.get("ServerSideEncryption"), asked.get("SSEKMSKeyId")
    return Content(
        storage_class=storage_class,
        encryption=encryption,
        key_arn=key_arn(key) if encryption != "AES256" else None,
        headers=headers_of(asked),
        metadata={name.lower(): value for name, value in (asked.get("Metadata") or {}).items()},
        tags=tags_of(asked.get("Tagging") or ""),
        lock=lock_of(s3, asked),
    )


def key_arn(key: str | None) -> str:
    """The ARN of a key that is given by its ARN, its id or its alias; of S3's own for none."""
    if key and key.startswith("arn:"):
        return key
    name = key or "alias/aws/s3"
    kind = "" if name.startswith("alias/") else "key/"
    return f"arn:aws:kms:{aws.REGION}:{aws.ACCOUNT}:{kind}{name}"


def etag_for(content: Content, digest: str) -> str:
    """The ETag of bytes with this MD5: with a customer's key it has nothing to do with them."""
    return digest if content.encryption == "AES256" else secrets.token_hex(16)


def headers_of(asked: Asked) -> dict[str, str]:
    """What an object keeps of the headers of a request."""
    kept = {}
    for parameter, header in HEADERS.items():
        value = asked.get(parameter)
        if value is not None:
            kept[header] = value if isinstance(value, str) else in_header(utc(value))
    encodings = [each.strip() for each in kept.get("Content-Encoding", "").split(",")]
    rest = ",".join(each for each in encodings if each not in ("", "aws-chunked"))
    kept.pop("Content-Encoding", None)
    return {**kept, "Content-Encoding": rest} if rest else kept


def encryption_headers(content: Content) -> dict[str, str]:
    """How it is encrypted."""
    told = {"x-amz-server-side-encryption": content.encryption}
    if content.key_arn:
        told["x-amz-server-side-encryption-aws-kms-key-id"] = content.key_arn
    return told


def lock_of(s3: S3, asked: Asked) -> Lock:
    """The lock that a request asks for, or that the bucket gives to everything in it.

    Raises S3Refusal where the bucket has no Object Lock.
    """
    given = Lock(
        mode=asked.get("ObjectLockMode"),
        until=asked.get("ObjectLockRetainUntilDate"),
        legal_hold=asked.get("ObjectLockLegalHoldStatus"),
    )
    if given == Lock():
        return s3.default_lock(asked.bucket)
    if not s3.locks(asked.bucket):
        raise invalid("Bucket is missing Object Lock Configuration")
    if given.until is not None:
        given.until = utc(given.until)
    return given


def lock_headers(lock: Lock) -> dict[str, str]:
    """What keeps it from being deleted."""
    told = {}
    if lock.mode and lock.until:
        told["x-amz-object-lock-mode"] = lock.mode
        told["x-amz-object-lock-retain-until-date"] = f"{lock.until:%Y-%m-%dT%H:%M:%S}Z"
    if lock.legal_hold:
        told["x-amz-object-lock-legal-hold"] = lock.legal_hold
    return told


def given_checksum(asked: Asked, body: bytes) -> Checksum | None:
    """The checksum that came with a body, or that the request asks for.

    Raises S3Refusal when it is not that of the body.
    """
    digest = asked.checksums.get("content-md5")
    if digest is not None and digest != base64.b64encode(_md5(body)).decode():
        raise invalid("The Content-MD5 you specified did not match what we received.", "BadDigest")
    for algorithm in ALGORITHMS:
        value = asked.checksums.get(f"x-amz-checksum-{algorithm.lower()}")
        if value is not None:
            if algorithm in CHECKSUMS and value != checksum_text(algorithm, body):
                raise invalid(
                    f"The {algorithm} you specified did not match the calculated checksum.",
                    "BadDigest",
                )
            return Checksum(algorithm=algorithm, value=value)
    return None


def checksum_headers(checksum: Checksum | None) -> dict[str, str]:
    """The checksum of what was put or is got."""
    if checksum is None:
        return {}
    name = f"x-amz-checksum-{checksum.algorithm.lower()}"
    return {name: checksum.value, "x-amz-checksum-type": checksum.kind}


def checksum_elements(checksum: Checksum | None) -> str:
    """The same in XML."""
    if checksum is None:
        return ""
    return elements(**{f"Checksum{checksum.algorithm}": checksum.value}, ChecksumType=checksum.kind)


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body, usedforsecurity=False).digest()
