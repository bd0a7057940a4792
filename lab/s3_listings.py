"""S3's listings: the versions of a bucket, interleaved with its markers, and its objects."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lab.s3_records import Bucket, History, Version
from lab.s3_wire import (
    OWNER,
    Answer,
    Asked,
    document,
    element,
    elements,
    in_listing,
    in_url,
    in_xml,
    invalid,
)

PAGE = 1000
"""What a page holds at most."""

_OWNER = f"<Owner>{element('ID', OWNER)}</Owner>"


@dataclass(kw_only=True, slots=True)
class _Page:
    """A page that is being filled. `last` is what a next page goes on after."""

    limit: int
    texts: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    truncated: bool = False
    last: tuple[str, str] = ("", "")

    @property
    def full(self) -> bool:
        return len(self.texts) + len(self.prefixes) >= self.limit


def versions(bucket: Bucket, asked: Asked) -> Answer:
    """ListObjectVersions. Raises S3Refusal."""
    key_marker, version_marker = asked.get("KeyMarker") or "", asked.get("VersionIdMarker")
    if version_marker is not None and not key_marker:
        raise invalid(
            "A version-id marker cannot be specified without a key marker.", "InvalidArgument"
        )
    if version_marker == "":
        raise invalid("A version-id marker cannot be empty.", "InvalidArgument")
    write = in_url if asked.get("EncodingType") == "url" else in_xml
    page = _Page(limit=_limit(asked, "MaxKeys"))
    with_restore = "RestoreStatus" in (asked.get("OptionalObjectAttributes") or ())
    for found in _of_versions(bucket, asked, key_marker, version_marker):
        if page.full:
            page.truncated = page.limit > 0
            break
        if isinstance(found, str):
            page.prefixes.append(write(found))
            page.last = (found, "")
            continue
        version, latest = found
        page.texts.append(_version(version, write(version.key), latest, with_restore))
        page.last = (version.key, version.id)
    key, version_id = page.last if page.truncated else ("", "")
    head = (
        elements(Name=bucket.name)
        + f"<Prefix>{write(asked.get('Prefix') or '')}</Prefix>"
        + f"<KeyMarker>{write(key_marker)}</KeyMarker>"
        + elements(VersionIdMarker=version_marker or "")
        + (f"<NextKeyMarker>{write(key)}</NextKeyMarker>" if key else "")
        + elements(NextVersionIdMarker=version_id or None)
        + _about(page, asked, write)
    )
    return _listing("ListVersionsResult", head, page)


def objects(bucket: Bucket, asked: Asked) -> Answer:
    """ListObjectsV2. Raises S3Refusal."""
    token, start = asked.get("ContinuationToken"), asked.get("StartAfter") or ""
    write = in_url if asked.get("EncodingType") == "url" else in_xml
    after = _token_read(token) if token is not None else start
    page = _filled(bucket, asked, after, write, owner=bool(asked.get("FetchOwner")))
    head = (
        elements(Name=bucket.name)
        + f"<Prefix>{write(asked.get('Prefix') or '')}</Prefix>"
        + elements(
            ContinuationToken=token,
            NextContinuationToken=_token(page.last[0]) if page.truncated else None,
        )
        + (f"<StartAfter>{write(start)}</StartAfter>" if start else "")
        + elements(KeyCount=len(page.texts) + len(page.prefixes))
        + _about(page, asked, write)
    )
    return _listing("ListBucketResult", head, page)


def objects_by_marker(bucket: Bucket, asked: Asked) -> Answer:
    """ListObjects, the older one. Raises S3Refusal."""
    marker = asked.get("Marker") or ""
    write = in_url if asked.get("EncodingType") == "url" else in_xml
    page = _filled(bucket, asked, marker, write, owner=True)
    following = page.truncated and asked.get("Delimiter")
    head = (
        elements(Name=bucket.name)
        + f"<Prefix>{write(asked.get('Prefix') or '')}</Prefix>"
        + f"<Marker>{write(marker)}</Marker>"
        + (f"<NextMarker>{write(page.last[0])}</NextMarker>" if following else "")
        + _about(page, asked, write)
    )
    return _listing("ListBucketResult", head, page)


def _of_versions(
    bucket: Bucket, asked: Asked, key_marker: str, version_marker: str | None
) -> Iterator[tuple[Version, bool] | str]:
    """What a listing shows after its markers: versions, with whether they are current, prefixes."""
    if version_marker is not None:
        history = bucket.history(key_marker)
        prefix, delimiter = asked.get("Prefix") or "", asked.get("Delimiter")
        if history and key_marker.startswith(prefix) and not _rolled(key_marker, prefix, delimiter):
            yield from _newest_first(history, _older_than(history, version_marker))
    for found in _walked(bucket, asked, key_marker, lambda _: True):
        if isinstance(found, str):
            yield found
        else:
            yield from _newest_first(found, len(found.versions))


def _newest_first(history: History, count: int) -> Iterator[tuple[Version, bool]]:
    """The oldest `count` of a key, the newest of them first."""
    current = history.current
    for at in range(count - 1, -1, -1):
        version = history.versions[at]
        yield version, version is current


def _older_than(history: History, version_marker: str) -> int:
    try:
        return history.older_than(version_marker)
    except ValueError as error:
        raise invalid("Invalid version id specified", "InvalidArgument") from error


def _filled(
    bucket: Bucket, asked: Asked, after: str, write: Callable[[str], str], *, owner: bool
) -> _Page:
    """A page of current objects."""
    page = _Page(limit=_limit(asked, "MaxKeys"))
    with_restore = "RestoreStatus" in (asked.get("OptionalObjectAttributes") or ())
    for found in _walked(bucket, asked, after, lambda each: each.current.content is not None):
        if page.full:
            page.truncated = page.limit > 0
            break
        if isinstance(found, str):
            page.prefixes.append(write(found))
            page.last = (found, "")
        else:
            text = _object(found.current, write(found.key), with_restore)
            page.texts.append(f"<Contents>{text}{_OWNER if owner else ''}</Contents>")
            page.last = (found.key, "")
    return page


def _walked(
    bucket: Bucket, asked: Asked, after: str, shown: Callable[[History], bool]
) -> Iterator[History | str]:
    """The histories after a key, and in the place of those that a delimiter rolls up, prefixes."""
    prefix, delimiter = asked.get("Prefix") or "", asked.get("Delimiter")
    start, cursor = prefix.encode(), after.encode()
    rolled = _rolled(after, prefix, delimiter)
    if rolled is not None and after.startswith(prefix):
        cursor = _behind(rolled)
        history = bucket.following(start, cursor, itself=True)
    else:
        history = bucket.following(start, cursor)
    while history is not None:
        cursor, itself = history.key.encode(), False
        if shown(history):
            rolled = _rolled(history.key, prefix, delimiter)
            if rolled is None:
                yield history
            else:
                yield rolled
                cursor, itself = _behind(rolled), True
        history = bucket.following(start, cursor, itself=itself)


def _rolled(key: str, prefix: str, delimiter: str | None) -> str | None:
    """The common prefix that stands for a key, if a delimiter comes after the prefix."""
    if not delimiter:
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]


def _behind(prefix: str) -> bytes:
    """The first text that comes after all keys with a prefix; UTF-8 has no byte 0xff."""
    return prefix.encode() + b"\xff"


def _version(version: Version, key: str, latest: bool, with_restore: bool) -> str:
    """A Version or a DeleteMarker of a listing; `key` as it is to be written."""
    about = (
        f"<Key>{key}</Key><VersionId>{version.id}</VersionId>"
        f"<IsLatest>{'true' if latest else 'false'}</IsLatest>"
        f"<LastModified>{in_listing(version.modified)}</LastModified>"
    )
    if version.content is None:
        return f"<DeleteMarker>{about}{_OWNER}</DeleteMarker>"
    return f"<Version>{about}{_size(version, with_restore)}{_OWNER}</Version>"


def _object(version: Version, key: str, with_restore: bool) -> str:
    modified = in_listing(version.modified)
    return f"<Key>{key}</Key><LastModified>{modified}</LastModified>{_size(version, with_restore)}"


def _size(version: Version, with_restore: bool) -> str:
    content = version.content
    assert content is not None
    checksum = content.checksum
    told = (
        f"<ChecksumAlgorithm>{checksum.algorithm}</ChecksumAlgorithm>"
        f"<ChecksumType>{checksum.kind}</ChecksumType>"
        if checksum
        else ""
    )
    text = (
        f"<ETag>&quot;{content.etag}&quot;</ETag>{told}<Size>{len(content.body)}</Size>"
        f"<StorageClass>{content.storage_class}</StorageClass>"
    )
    if with_restore and version.days_back:
        ready = version.back_until
        until = elements(RestoreExpiryDate=in_listing(ready)) if ready else ""
        ongoing = elements(IsRestoreInProgress="false" if ready else "true")
        text += f"<RestoreStatus>{ongoing}{until}</RestoreStatus>"
    return text


def _about(page: _Page, asked: Asked, write: Callable[[str], str]) -> str:
    """What every listing says of itself."""
    delimiter = asked.get("Delimiter")
    return (
        elements(MaxKeys=page.limit)
        + (f"<Delimiter>{write(delimiter)}</Delimiter>" if delimiter else "")
        + elements(EncodingType=asked.get("EncodingType"))
        + elements(IsTruncated="true" if page.truncated else "false")
    )


def _listing(root: str, head: str, page: _Page) -> Answer:
    prefixes = "".join(
        f"<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>" for prefix in page.prefixes
    )
    text = document(root, f"{head}{''.join(page.texts)}{prefixes}")
    return Answer(headers={"Content-Type": "application/xml"}, body=text)


def _limit(asked: Asked, parameter: str) -> int:
    """How many a page may hold. Raises S3Refusal for less than none."""
    wanted = asked.get(parameter)
    if wanted is None:
        return PAGE
    if wanted < 0:
        raise invalid(
            f"Argument {parameter} must be an integer between 0 and 2147483647", "InvalidArgument"
        )
    return min(int(wanted), PAGE)


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _token_read(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError as error:
        raise invalid("The continuation token provided is incorrect", "InvalidArgument") from error
