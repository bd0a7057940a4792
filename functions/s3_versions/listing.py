"""A page of ListObjectVersions, in the order of the wire. Pure.

The SDKs sort a page into versions and markers, and lose which came first within one second. S3's
own form is read by one strict pattern; all else, and every error, is a real XML parser's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

from functions.errors import DrillError
from functions.s3_versions import documents
from functions.s3_versions.documents import UnreadableAnswer, name, texts
from functions.s3_versions.values import Entry

_ENTRIES: Final = ("Version", "DeleteMarker")

_SPACE: Final = r"[ \t\n]*+"
_TEXT: Final = r"[^<&\r]*+"
# After LastModified the servers differ in what they tell, and in which order.
_MORE: Final = "|".join(
    f"{element}{_SPACE}"
    for element in (
        r"<ETag>(?:&quot;|\")?+([^<&\"\r]++)(?:&quot;|\")?+</ETag>",
        r"<Size>([0-9]++)</Size>",
        r"<StorageClass>([A-Z_]++)</StorageClass>",
        rf"<Owner>{_SPACE}(?:<ID>{_TEXT}</ID>{_SPACE})?+"
        rf"(?:<DisplayName>{_TEXT}</DisplayName>{_SPACE})?+</Owner>",
        rf"<RestoreStatus>{_SPACE}<IsRestoreInProgress>(true|false)</IsRestoreInProgress>{_SPACE}"
        rf"(?:<RestoreExpiryDate>({_TEXT})</RestoreExpiryDate>{_SPACE})?+</RestoreStatus>",
        rf"<(?P<checksum>ChecksumAlgorithm|ChecksumType)>{_TEXT}</(?P=checksum)>",
    )
)
_ENTRY: Final = re.compile(
    rf"(<(Version|DeleteMarker)>{_SPACE}"
    rf"<Key>([^<&\r]++)</Key>{_SPACE}"
    rf"<VersionId>([^<&\r]++)</VersionId>{_SPACE}"
    rf"<IsLatest>(?:(true)|false)</IsLatest>{_SPACE}"
    r"<LastModified>([0-9T:-]{19}(?:\.(?!0+Z)[0-9]++)?+)(?:\.0++)?+Z</LastModified>"
    rf"{_SPACE}(?:{_MORE})*+</\2>{_SPACE})"
)
_MODIFIED: Final = re.compile(r"([0-9-]{10}T[0-9:]{8}(?:\.(?!0+Z)[0-9]+)?)(?:\.0+)?Z")
_FIRST: Final = re.compile("<(?:Version|DeleteMarker)>")
_UTF8: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?!\?xml)|"
    rb"(?:\xef\xbb\xbf)?<\?xml(?:(?!encoding)[^>])*(?:encoding=[\"'](?i:utf-8)[\"'][^>]*)?\?>"
)


class UnreadableListing(DrillError):
    """When an answer to ListObjectVersions is not a whole list of versions as S3 writes it."""


class Position(NamedTuple):
    """Where a listing goes on: behind this version; behind all of the key, where it is empty."""

    key: str
    version: str = ""


class Page(NamedTuple):
    """Entries in the order of the document; `following` is None on the last page."""

    entries: list[Entry]
    following: Position | None


def parse(body: bytes) -> Page:
    """The page in a body of ListObjectVersions, with or without `EncodingType`.

    Entries stand as they do in the document, versions and markers among each other. Keys are
    url-decoded if the document says that they are encoded. `modified` has no zone and no fraction
    that is zero.

    >>> parse(b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>")
    Page(entries=[], following=None)

    Raises UnreadableListing for what is truncated, declares a document type, or is another answer.
    """
    text = _text(body)
    first = _FIRST.search(text)
    last = max(text.rfind(f"</{kind}>") + len(kind) + 3 for kind in _ENTRIES)
    if first and "<!" not in text:
        entries = text[first.start() : last]
        root = _root(text[: first.start()] + text[last:])
        quick = _quick(entries, encoded=_is_encoded(root))
        if quick is not None:
            return Page(quick, _following(root))
    root = _root(text)
    return Page(list(_entries(root)), _following(root))


def _text(body: bytes) -> str:
    if not _UTF8.match(body):
        raise UnreadableListing("the listing: its encoding: expected XML in UTF-8")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableListing(f"the listing: {error}: expected XML in UTF-8") from error
    return text


def _root(text: str) -> Element:
    try:
        root = documents.root(text)
    except UnreadableAnswer as error:
        raise UnreadableListing(f"the listing: {error}") from error
    if name(root) not in ("ListVersionsResult", "ListObjectVersionsOutput"):
        raise UnreadableListing(f"the listing: {name(root)}: expected ListVersionsResult")
    return root


def _quick(text: str, *, encoded: bool) -> list[Entry] | None:
    """The entries, if the text holds nothing else, and nothing in another form than S3's."""
    entries: list[Entry] = []
    add, new = entries.append, tuple.__new__
    length, latest_raw, key = 0, "", ""
    for found in _ENTRY.findall(text):
        whole, kind, raw, version, latest, modified, etag, size, storage, going, until, _ = found
        length += len(whole)
        if raw != latest_raw:
            latest_raw = raw
            key = _decoded(raw) if encoded else raw
        if kind == "DeleteMarker":
            add(new(Entry, (key, version, True, modified, "", 0, "", bool(latest), "")))
        elif etag and size:
            restored = _restored(going, until) if going else ""
            fields = (key, version, False, modified, etag, int(size), storage, bool(latest))
            add(new(Entry, (*fields, restored)))
        else:
            return None
    return entries if length == len(text) else None


def _entries(root: Element) -> Iterator[Entry]:
    encoded = _is_encoded(root)
    for element in root:
        kind = name(element)
        if kind not in _ENTRIES:
            continue
        found = _Fields(kind, {name(child): child for child in element})
        key = found.text("Key")
        marker = kind == "DeleteMarker"
        yield Entry(
            key=_decoded(key) if encoded else key,
            version_id=found.text("VersionId"),
            marker=marker,
            modified=found.modified(),
            etag="" if marker else found.text("ETag").strip('"'),
            size=0 if marker else found.size(),
            storage_class="" if marker else found.get("StorageClass"),
            latest=found.get("IsLatest") == "true",
            restored="" if marker else found.restored(),
        )


class _Fields(NamedTuple):
    """The children of an entry by name."""

    kind: str
    children: dict[str, Element]

    def get(self, child_name: str) -> str:
        child = self.children.get(child_name)
        return (child.text or "") if child is not None else ""

    def text(self, child_name: str) -> str:
        if not (text := self.get(child_name)):
            raise UnreadableListing(
                f"the listing: {self.kind}: {child_name}: missing: expected a text"
            )
        return text

    def modified(self) -> str:
        text = self.text("LastModified")
        if not (found := _MODIFIED.fullmatch(text)):
            raise UnreadableListing(
                f"the listing: {self.text('Key')}: LastModified: {text}: expected a time in UTC,"
                " as 2026-11-02T05:00:00.000Z"
            )
        return found[1]

    def size(self) -> int:
        text = self.text("Size")
        if not text.isdecimal():
            raise UnreadableListing(
                f"the listing: {self.text('Key')}: Size: {text}: expected a number of bytes"
            )
        return int(text)

    def restored(self) -> str:
        status = texts(self.children["RestoreStatus"]) if "RestoreStatus" in self.children else {}
        return _restored(status.get("IsRestoreInProgress", ""), status.get("RestoreExpiryDate", ""))


def _restored(in_progress: str, until: str) -> str:
    if in_progress == "true":
        return "ongoing"
    return "ready" if until else ""


def _following(root: Element) -> Position | None:
    fields = texts(root)
    if fields.get("IsTruncated") != "true":
        if fields.get("IsTruncated") != "false":
            raise UnreadableListing(
                f"the listing: IsTruncated: {fields.get('IsTruncated', 'missing')}:"
                " expected true or false"
            )
        return None
    if not (key := fields.get("NextKeyMarker")):
        raise UnreadableListing("the listing: NextKeyMarker: missing: expected where it goes on")
    return Position(_decoded(key) if _is_encoded(root) else key, fields["NextVersionIdMarker"])


def _is_encoded(root: Element) -> bool:
    return any(name(child) == "EncodingType" and child.text == "url" for child in root)


def _decoded(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise UnreadableListing(f"the listing: {key}: {error}: expected UTF-8") from error
