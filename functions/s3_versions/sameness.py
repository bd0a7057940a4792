"""Whether two versions of an object are the same: content, headers, metadata, tags, encryption."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from functions.s3_versions import documents
from functions.s3_versions.wire import Bucket, RequestRefused

MOST_READ: Final = 64 * 1024 * 1024
"""Bytes of an object that is still read to be compared, where S3 tells nothing that settles it."""

_HEADERS: Final = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
)
_MD5: Final = re.compile("[0-9a-f]{32}")
_CHECKSUM: Final = "x-amz-checksum-"
_ENCRYPTION: Final = "x-amz-server-side-encryption"
_KMS_KEY: Final = "x-amz-server-side-encryption-aws-kms-key-id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What S3 tells of a version without reading it.

    `size` is in bytes. `headers` are those that S3 stores with it, metadata included, `checksums`
    those of the whole object by algorithm, `tags` the number of them: None where it is not told.
    `encryption` is the algorithm, `kms_key` the key's ARN, each empty for none. `by_id` says that
    the version was asked for by its id.
    """

    key: str
    version: str
    etag: str
    size: int
    storage_class: str
    headers: dict[str, str]
    checksums: dict[str, str]
    tags: int | None
    encryption: str
    kms_key: str
    by_id: bool

    @property
    def encrypting(self) -> dict[str, str]:
        """The headers by which another object is encrypted in the same way."""
        given = {_ENCRYPTION: self.encryption, _KMS_KEY: self.kms_key}
        return {name: value for name, value in given.items() if value}

    @property
    def etag_is_md5(self) -> bool:
        """Whether the ETag is the MD5 of the bytes: not of parts, nor under a KMS key (S3 API)."""
        by_key = self.encryption.startswith("aws:kms")
        return not by_key and _MD5.fullmatch(self.etag) is not None

    @property
    def parts(self) -> int:
        """Of how many parts it was made; 0 where it was uploaded whole."""
        _, _, number = self.etag.partition("-")
        return int(number) if number.isdecimal() else 0


def look(bucket: Bucket, key: str, version: str = "") -> Facts | None:
    """The facts of a version, or of what is current; None where nothing is.

    Raises RequestRefused and NoAnswer.
    """
    query, by_id = ({"versionId": version} if version else {}), bool(version)
    asked = {"x-amz-checksum-mode": "ENABLED"}
    try:
        told = bucket.request("HeadObject", "HEAD", key, query=query, headers=asked).headers
    except RequestRefused as refused:
        if refused.status == 404:
            return None
        raise
    whole = told.get("x-amz-checksum-type", "") == "FULL_OBJECT"
    count = told.get("x-amz-tagging-count")
    if count is not None:
        bucket.tells_tags.add(by_id)
    return Facts(
        key=key,
        version=told.get("x-amz-version-id", version),
        etag=told.get("etag", "").strip('"'),
        size=int(told.get("content-length", 0)),
        storage_class=told.get("x-amz-storage-class", "STANDARD"),
        headers={
            name: value
            for name, value in told.items()
            if name in _HEADERS or name.startswith("x-amz-meta-") or name == "x-amz-missing-meta"
        },
        checksums={
            name.removeprefix(_CHECKSUM): value
            for name, value in told.items()
            if whole and name.startswith(_CHECKSUM) and name != f"{_CHECKSUM}type"
        },
        tags=int(count) if count is not None else None,
        encryption=told.get(_ENCRYPTION, ""),
        kms_key=told.get(_KMS_KEY, ""),
        by_id=by_id,
    )


def is_same(
    one: Bucket,
    wanted: Facts,
    other: Bucket,
    current: Facts,
    *,
    most_read: int = MOST_READ,
    encryption: bool = True,
) -> bool:
    """Whether two versions are the same in all that a copy keeps.

    `encryption` says whether algorithm and key of the encryption are compared too: not where a copy
    is encrypted as its bucket does by default. Where neither ETags nor checksums settle it both are
    read; above `most_read` bytes they count as different. Raises RequestRefused and NoAnswer.
    """
    return (
        wanted.size == current.size
        and (not encryption or wanted.encrypting == current.encrypting)
        and wanted.headers == current.headers
        and _may_have_same_tags(wanted, current)
        and has_same_content(one, wanted, other, current, most_read=most_read)
        and tags(one, wanted) == tags(other, current)
    )


def tags(bucket: Bucket, facts: Facts) -> dict[str, str]:
    """The tags of a version; no request where S3 tells that there are none.

    A server that told of tags at one object of the bucket, by the same kind of look, would have
    told of them at this one, if there were any. Raises RequestRefused and NoAnswer.
    """
    if not facts.tags and facts.by_id in bucket.tells_tags:
        return {}
    query = {"tagging": ""}
    if facts.version:
        query["versionId"] = facts.version
    answer = bucket.request("GetObjectTagging", "GET", facts.key, query=query)
    found = [
        documents.texts(element)
        for element in documents.root(answer.body).iter()
        if documents.name(element) == "Tag"
    ]
    return {tag["Key"]: tag["Value"] for tag in found}


def digest(bucket: Bucket, key: str, version: str = "") -> bytes:
    """The SHA-256 of a version's bytes, in constant memory. Raises RequestRefused and NoAnswer."""

    def consume(pieces: Iterable[bytes]) -> bytes:
        found = sha256()
        for piece in pieces:
            found.update(piece)
        return found.digest()

    query = {"versionId": version} if version else {}
    return bucket.request("GetObject", "GET", key, query=query, consume=consume).body


def _may_have_same_tags(wanted: Facts, current: Facts) -> bool:
    return None in (wanted.tags, current.tags) or wanted.tags == current.tags


def has_same_content(
    one: Bucket, wanted: Facts, other: Bucket, current: Facts, *, most_read: int = MOST_READ
) -> bool:
    """Whether two versions of one size hold the same bytes, by ETag, checksum, or reading both.

    Above `most_read` bytes what would have to be read counts as different. Raises RequestRefused
    and NoAnswer.
    """
    if wanted.etag == current.etag:
        return True
    for algorithm in wanted.checksums.keys() & current.checksums.keys():
        return wanted.checksums[algorithm] == current.checksums[algorithm]
    if wanted.size > most_read or (wanted.etag_is_md5 and current.etag_is_md5):
        return False
    return digest(one, wanted.key, wanted.version) == digest(other, current.key, current.version)
