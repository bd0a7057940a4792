"""How S3 speaks: what is asked of it, what it answers, and its errors."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote_plus
from xml.sax.saxutils import escape

from lab.calls import Refusal

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
OWNER = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
"""The canonical id of the account."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request: its operation, its parameters as the SDK names them, and its body.

    `checksums` are its headers content-md5 and x-amz-checksum-..., before the body or after it.
    """

    operation: str
    parameters: Mapping[str, Any]
    body: bytes = b""
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        """The name of the bucket."""
        return str(self.parameters["Bucket"])

    @property
    def key(self) -> str:
        """The key of the object."""
        return str(self.parameters["Key"])

    def get(self, name: str) -> Any:
        """A parameter, None if it was not given."""
        return self.parameters.get(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes back."""

    status: int = int(HTTPStatus.OK)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class S3Refusal(Refusal):
    """When S3 refuses: like any refusal, with headers and with what the error tells besides."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int,
        *,
        headers: Mapping[str, str] | None = None,
        **told: str,
    ) -> None:
        super().__init__(code, message, status)
        self.headers = headers or {}
        self.told = told


def no_such_key(key: str, headers: Mapping[str, str] | None = None) -> S3Refusal:
    """The refusal of a key that is absent, or whose newest entry is a marker."""
    message = "The specified key does not exist."
    return S3Refusal("NoSuchKey", message, HTTPStatus.NOT_FOUND, headers=headers, Key=key)


def no_such_version(key: str, version_id: str) -> S3Refusal:
    """The refusal of a version that is not there."""
    return S3Refusal(
        "NoSuchVersion",
        "The specified version does not exist.",
        HTTPStatus.NOT_FOUND,
        Key=key,
        VersionId=version_id,
    )


def precondition_failed(condition: str) -> S3Refusal:
    """The refusal of a request whose condition (If-Match, say) does not hold."""
    return S3Refusal(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        HTTPStatus.PRECONDITION_FAILED,
        Condition=condition,
    )


def invalid(message: str, code: str = "InvalidRequest") -> S3Refusal:
    """The refusal of a request that makes no sense."""
    return S3Refusal(code, message, HTTPStatus.BAD_REQUEST)


def refusal_text(refusal: Refusal) -> bytes:
    """The body of a refusal."""
    told = refusal.told if isinstance(refusal, S3Refusal) else {}
    fields = {"Code": refusal.code, "Message": refusal.message, **told}
    return document("Error", "".join(element(name, text) for name, text in fields.items()), "")


def document(root: str, content: str, namespace: str = NAMESPACE) -> bytes:
    """An XML document."""
    attribute = f' xmlns="{namespace}"' if namespace else ""
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{head}<{root}{attribute}>{content}</{root}>".encode()


def element(name: str, text: object) -> str:
    """One element with a text."""
    return f"<{name}>{in_xml(str(text))}</{name}>"


def elements(**texts: object) -> str:
    """Elements in this order; what is None is left out."""
    return "".join(element(name, text) for name, text in texts.items() if text is not None)


def in_xml(text: str) -> str:
    r"""A text as S3 writes it into XML: control characters by their number, valid or not.

    >>> in_xml("a&b\r\x01")
    'a&amp;b&#13;&#1;'
    """
    if text.isprintable():
        return escape(text)
    return _CONTROL.sub(lambda found: f"&#{ord(found[0])};", escape(text))


_CONTROL = re.compile("[\x00-\x1f\x7f]")


def in_url(text: str) -> str:
    """A text of a listing that was asked for with encoding-type=url.

    >>> in_url("a b/é+%")
    'a+b/%C3%A9%2B%25'
    """
    return quote_plus(text, safe="/*")


def in_listing(moment: datetime) -> str:
    """A time in XML: whole seconds, written with three zeros.

    >>> in_listing(datetime(2026, 11, 2, 5, 0, 0, 999_999))
    '2026-11-02T05:00:00.000Z'
    """
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def in_header(moment: datetime) -> str:
    """A time in a header, in whole seconds."""
    return format_datetime(moment, usegmt=True)


def utc(moment: datetime) -> datetime:
    """A time that moto's parser has read, whose times are UTC and do not say so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def tags_of(text: str) -> dict[str, str]:
    """The tags of an x-amz-tagging header.

    >>> tags_of("stage=prod&empty=")
    {'stage': 'prod', 'empty': ''}
    """
    return dict(parse_qsl(text, keep_blank_values=True))


def source_of(text: str) -> tuple[str, str, str | None]:
    """Bucket, key and version id of an x-amz-copy-source header. Raises S3Refusal.

    >>> source_of("/site/a%3Fb%20c?versionId=7")
    ('site', 'a?b c', '7')
    """
    path, _, version_id = text.partition("?versionId=")
    bucket, slash, key = unquote_plus(path).removeprefix("/").partition("/")
    if not (slash and key):
        raise invalid(f"Invalid copy source object key: {text}", "InvalidArgument")
    return bucket, key, version_id or None


def span_of(text: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last, of a Range; None for a Range to be ignored.

    Raises S3Refusal for one that lies outside.

    >>> span_of("bytes=1-2", 9), span_of("bytes=7-", 9), span_of("bytes=-2", 9), span_of("x", 9)
    ((1, 3), (7, 9), (7, 9), None)
    """
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text)
    if found is None or found[1] == found[2] == "":
        return None
    if found[1]:
        first, last = int(found[1]), int(found[2] or size - 1)
        if last < first and found[2]:
            return None
    else:
        first, last = max(0, size - int(found[2])), size - 1
    if first >= size:
        raise S3Refusal(
            "InvalidRange",
            "The requested range is not satisfiable",
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            RangeRequested=text,
            ActualObjectSize=str(size),
        )
    return first, min(last, size - 1) + 1


def unchunked(body: bytes) -> tuple[bytes, dict[str, str]]:
    r"""The content of a body in aws-chunked encoding, and its trailers.

    >>> unchunked(b"2;chunk-signature=x\r\nab\r\n0\r\nx-amz-checksum-crc32:sOq8\r\n\r\n")
    (b'ab', {'x-amz-checksum-crc32': 'sOq8'})
    """
    chunks, at = [], 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].split(b";")[0], 16)
        at = end + 2
        if size == 0:
            break
        chunks.append(body[at : at + size])
        at += size + 2
    trailers = {}
    for line in body[at:].decode().split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            trailers[name.strip().lower()] = value.strip()
    return b"".join(chunks), trailers


def etag_of(text: str) -> str:
    """An ETag as it is compared, without quotes.

    >>> etag_of('"abc"')
    'abc'
    """
    return text.strip().removeprefix("W/").strip('"')


CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}
"""What is computed here; a checksum of another algorithm is kept as it was given."""

ALGORITHMS = (*CHECKSUMS, "CRC32C", "CRC64NVME")


def checksum_text(algorithm: str, body: bytes) -> str:
    """A checksum in base 64. Raises KeyError for an algorithm that is not computed here."""
    return base64.b64encode(CHECKSUMS[algorithm](body)).decode()


def md5(body: bytes) -> str:
    """The ETag of bytes that are encrypted with a key of S3's."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
