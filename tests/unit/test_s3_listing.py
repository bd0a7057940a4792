"""Listings rendered by a writer of our own come back entry by entry, whatever the server's habits.

What is damaged is an error with a name, never a shorter list.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.s3_versions import listing
from functions.s3_versions.listing import Page, Position, UnreadableListing, parse
from functions.s3_versions.values import Entry

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Habits:
    """How a server writes the same listing."""

    encoded: str = "plus"
    quotes: str = "&quot;"
    fraction: str = ".000"
    namespace: bool = True
    indent: str = ""
    following_last: bool = False
    reversed_fields: bool = False
    owner: bool = True


def written(page: Page, habits: Habits = Habits()) -> bytes:
    """The document in which a server of these habits tells the page."""
    key_of = {"plus": quote_plus, "percent": lambda k: quote(k, safe="/"), "": escape}[
        habits.encoded
    ]

    def leaf(name: str, text: str = "") -> str:
        return f"{habits.indent}<{name}>{text}</{name}>"

    def element(name: str, *inner: str) -> str:
        return f"{habits.indent}<{name}>{''.join(inner)}{habits.indent}</{name}>"

    def entry(one: Entry) -> str:
        head = [
            leaf("Key", key_of(one.key)),
            leaf("VersionId", one.version_id),
            leaf("IsLatest", str(one.latest).lower()),
            leaf("LastModified", f"{one.modified}{habits.fraction}Z"),
        ]
        owner = [element("Owner", leaf("ID", "75aa"), leaf("DisplayName", "us"))]
        tail = owner if habits.owner else []
        if one.marker:
            return element("DeleteMarker", *head, *tail)
        tail += [
            leaf("ETag", f"{habits.quotes}{one.etag}{habits.quotes}"),
            leaf("ChecksumAlgorithm", "CRC64NVME"),
            leaf("Size", str(one.size)),
            leaf("StorageClass", one.storage_class),
        ]
        if one.restored:
            ready = leaf("RestoreExpiryDate", "2026-12-01T00:00:00.000Z")
            going = leaf("IsRestoreInProgress", str(one.restored == "ongoing").lower())
            tail.append(element("RestoreStatus", going, ready if one.restored == "ready" else ""))
        return element("Version", *head, *(tail[::-1] if habits.reversed_fields else tail))

    head = [leaf("Name", "bucket"), leaf("Prefix"), leaf("MaxKeys", "1000")]
    if habits.encoded:
        head.append(leaf("EncodingType", "url"))
    following = [leaf("IsTruncated", "true" if page.following else "false")]
    if page.following:
        following += [
            leaf("NextKeyMarker", key_of(page.following.key)),
            leaf("NextVersionIdMarker", page.following.version),
        ]
    entries = [entry(one) for one in page.entries]
    inner = (
        [*head, *entries, *following] if habits.following_last else [*head, *following, *entries]
    )
    place = f' xmlns="{NAMESPACE}"' if habits.namespace else ""
    root = f"ListVersionsResult{place}"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{"".join(inner)}</ListVersionsResult>'
    ).encode()


encoded_keys = st.text(
    st.one_of(st.sampled_from(" +%/&<>\"'\n\r\t\x01é#?="), st.characters(codec="utf-8")),
    min_size=1,
    max_size=12,
)
plain_keys = st.text(
    st.one_of(
        st.sampled_from(" +%/&<>\"'\n\té]#?="), st.characters(codec="utf-8", categories=["L", "N"])
    ),
    min_size=1,
    max_size=12,
)
ids = st.one_of(st.just("null"), st.text("abcXYZ0189._-", min_size=1, max_size=32))
times = st.datetimes().map(lambda d: f"{d.year:04d}{d:-%m-%dT%H:%M:%S}")
habits = st.builds(
    Habits,
    encoded=st.sampled_from(["plus", "percent", ""]),
    quotes=st.sampled_from(["&quot;", '"', ""]),
    fraction=st.sampled_from(["", ".0", ".000", ".000000"]),
    namespace=st.booleans(),
    indent=st.sampled_from(["", "\n", "\n  ", "\r\n\t"]),
    following_last=st.booleans(),
    reversed_fields=st.booleans(),
    owner=st.booleans(),
)


def entries(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Entry]:
    """Versions and markers with keys of this kind."""
    markers = st.tuples(keys, ids, times, st.booleans()).map(
        lambda drawn: Entry(*drawn[:2], True, drawn[2], latest=drawn[3])
    )
    versions = st.builds(
        Entry,
        keys,
        ids,
        st.just(False),
        times,
        etag=st.from_regex(r"[0-9a-f]{32}(-[1-9][0-9]{0,3})?", fullmatch=True),
        size=st.integers(0, 50 * 1024**4),
        storage_class=st.sampled_from(["STANDARD", "GLACIER", "STANDARD_IA"]),
        latest=st.booleans(),
        restored=st.sampled_from(["", "", "", "ongoing", "ready"]),
    )
    return st.one_of(markers, versions)


@given(data=st.data(), how=habits)
@settings(max_examples=300, deadline=None)
def test_what_a_server_writes_comes_back(data: st.DataObject, how: Habits) -> None:
    keys = encoded_keys if how.encoded else plain_keys
    page = Page(
        data.draw(st.lists(entries(keys), max_size=6)),
        data.draw(st.none() | st.builds(Position, keys, ids)),
    )
    assert parse(written(page, how)) == page


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_truncated_document_is_an_error(data: st.DataObject) -> None:
    document = written(Page(data.draw(st.lists(entries(encoded_keys), max_size=3)), None))
    with pytest.raises(UnreadableListing):
        parse(document[: data.draw(st.integers(0, len(document) - 1))])


VERSION = Entry("a b", "1", False, "2026-11-02T05:00:00", "d41d", 3, "STANDARD", True)
MARKER = Entry("a b", "2", True, "2026-11-02T05:00:00")
WHOLE = written(Page([VERSION, MARKER, VERSION], None))


def test_the_strict_pattern_and_the_parser_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = parse(WHOLE)
    monkeypatch.setattr(listing, "_quick", lambda *_, **__: None)
    assert parse(WHOLE) == quick == Page([VERSION, MARKER, VERSION], None)


@pytest.mark.parametrize("restored", ["", "ongoing", "ready"])
@pytest.mark.parametrize("indent", ["", "\n  "])
def test_s3s_own_form_is_read_by_the_pattern(
    monkeypatch: pytest.MonkeyPatch, restored: str, indent: str
) -> None:
    monkeypatch.setattr(listing, "_entries", None)
    page = Page([VERSION._replace(restored=restored), MARKER], Position("a b", "1"))
    assert parse(written(page, Habits(indent=indent))) == page


def test_a_fraction_that_says_something_is_kept() -> None:
    [one, *_] = parse(WHOLE.replace(b".000Z", b".120Z")).entries
    assert one.modified == "2026-11-02T05:00:00.120"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"<Size>3</Size>", b"", "Version: Size: missing"),
        (b"<Size>3</Size>", b"<Size>x</Size>", r"a\+b: Size: x: expected a number of bytes"),
        (b"<Key>a+b</Key>", b"<Key></Key>", "Key: missing"),
        (b"<Key>a+b</Key>", b"<Key>%ff</Key>", "%ff: .*: expected UTF-8"),
        (b"<VersionId>1</VersionId>", b"", "VersionId: missing"),
        (b".000Z", b"+01:00", r"a\+b: LastModified: .*\+01:00: expected a time in UTC"),
        (b"<IsTruncated>false", b"<IsTruncated>true", "NextKeyMarker: missing"),
        (b"<IsTruncated>false", b"<IsTruncated>", "IsTruncated: : expected true or false"),
        (b"</Version>", b"</Versions>", "expected a whole document"),
        (b"</Version><DeleteMarker>", b"</Version></Version><DeleteMarker>", "a whole document"),
        (b"<Owner>", b"<Owner>&unknown;", "expected a whole document"),
        (b"ListVersionsResult", b"ListBucketResult", "ListBucketResult: expected"),
        (b"<ListV", b'<!DOCTYPE x [<!ENTITY e "e">]><ListV', "declares a document type"),
        (b"UTF-8", b"UTF-16", "expected XML in UTF-8"),
        (b"UTF-8", b"cp037", "expected XML in UTF-8"),
        (b"a+b", b"\xff", "expected XML in UTF-8"),
    ],
)
def test_what_is_no_listing_is_told(old: bytes, new: bytes, told: str) -> None:
    assert old in WHOLE
    with pytest.raises(UnreadableListing, match=told):
        parse(WHOLE.replace(old, new))


@pytest.mark.parametrize(
    "inserted", [b"<!-- a comment -->", b"<Other><Key>x</Key></Other>", b"\r\n"]
)
def test_what_else_stands_between_the_entries_is_passed_over(inserted: bytes) -> None:
    document = WHOLE.replace(b"<DeleteMarker>", inserted + b"<DeleteMarker>")
    assert parse(document) == parse(WHOLE)


def test_an_entry_under_a_prefix_is_an_entry() -> None:
    """A pattern alone would not see it, and the list would be shorter than the listing."""
    document = WHOLE.replace(b"<DeleteMarker>", b"<s3:DeleteMarker>", 1)
    document = document.replace(b"</DeleteMarker>", b"</s3:DeleteMarker>", 1)
    document = document.replace(b"xmlns=", b'xmlns:s3="other" xmlns=')
    assert parse(document) == parse(WHOLE)
