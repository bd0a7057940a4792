"""S3's listings as AWS has them, on the wire: order, pages, prefixes, keys of any kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import pytest
from botocore.exceptions import ClientError

from lab.emulator import Emulator
from tests.emulator.s3_bucket import SPACE, S3Bucket, Shown, entries

AWKWARD = (
    " leading",
    "trailing ",
    "a b",
    "a+b",
    "a%41b",
    "a?versionId=1",
    "a#b&c=d",
    "a<b>\"c'",
    "line\nbreak",
    "tab\tand\rreturn",
    "/leading/slash",
    "//two",
    "a//b",
    "a/../b",
    "..",
    "dir/",
    "\u00e9",
    "e\u0301",
    "😀",
    "\uffff",
    "x" * 1024,
)


@pytest.fixture
def bucket(emulator: Emulator) -> Iterator[S3Bucket]:
    yield S3Bucket(emulator=emulator)
    emulator.s3.faults.clear()


def history(bucket: S3Bucket, seed: int, events: int) -> list[Shown]:
    """Write keys and delete them at random; what a listing of that has to show."""
    random = Random(seed)  # noqa: S311  # it only has to be varied
    keys = ["a", "a/b", "a/b/c", "a b", "b", "é", "z/", "z/1", "%41"]
    log: dict[str, list[tuple[str, bool]]] = {}
    for _ in range(events):
        key = random.choice(keys)
        if random.random() < 0.4:
            log.setdefault(key, []).append((bucket.delete(key)["VersionId"], True))
        else:
            log.setdefault(key, []).append((bucket.put(key), False))
    return [
        Shown(key, version, marker, place == 0)
        for key in sorted(log, key=str.encode)
        for place, (version, marker) in enumerate(reversed(log[key]))
    ]


def test_versions_and_markers_are_interleaved_newest_first(bucket: S3Bucket) -> None:
    first = bucket.put("k")
    marker = bucket.delete("k")["VersionId"]
    second = bucket.put("k")
    other = bucket.put("j")
    last = bucket.delete("k")["VersionId"]
    assert bucket.listed() == [
        Shown("j", other, False, True),
        Shown("k", last, True, True),
        Shown("k", second, False, False),
        Shown("k", marker, True, False),
        Shown("k", first, False, False),
    ]


def test_the_order_of_one_second_is_that_of_the_writes(bucket: S3Bucket) -> None:
    ids = [bucket.put("k") for _ in range(20)]
    assert [shown.version for shown in bucket.listed()] == ids[::-1]
    assert sorted(ids) != ids, "an id must not tell the order"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_pages_of_every_size_show_the_same(bucket: S3Bucket, size: int) -> None:
    wanted = history(bucket, size, 60)
    assert bucket.listed(size) == wanted
    latest = [shown for shown in wanted if shown.latest]
    assert len(latest) == len({shown.key for shown in wanted})


@pytest.mark.parametrize("size", [1, 2, 5])
def test_pages_within_a_prefix(bucket: S3Bucket, size: int) -> None:
    wanted = history(bucket, 7, 60)
    for prefix in ("a", "a/", "z/", "%", "none"):
        below = [shown for shown in wanted if shown.key.startswith(prefix)]
        assert bucket.listed(size, prefix=prefix) == below


def test_pages_of_markers_alone(bucket: S3Bucket) -> None:
    keys = [f"k{number:02}" for number in range(12)]
    for key in keys:
        bucket.delete(key)
    assert [shown.key for shown in bucket.listed(5)] == keys
    assert all(shown.marker and shown.latest for shown in bucket.listed(5))


def test_a_key_marker_alone_is_behind_all_versions_of_its_key(bucket: S3Bucket) -> None:
    for key in ("a", "a", "b", "c"):
        bucket.put(key)
    assert [shown.key for shown in entries(bucket.page(key_marker="a"))] == ["b", "c"]
    assert [shown.key for shown in entries(bucket.page(key_marker="aa"))] == ["b", "c"]
    assert [shown.key for shown in entries(bucket.page(key_marker="bb"))] == ["c"]
    assert entries(bucket.page(key_marker="c")) == []


def test_a_version_that_is_gone_still_marks_its_place(bucket: S3Bucket) -> None:
    ids = [bucket.put("k") for _ in range(4)]
    bucket.delete("k", VersionId=ids[2])
    shown = entries(bucket.page(key_marker="k", version_id_marker=ids[2]))
    assert [each.version for each in shown] == [ids[1], ids[0]]
    assert not any(each.latest for each in shown)


def test_what_cannot_be_a_marker_is_refused(bucket: S3Bucket) -> None:
    bucket.put("k")
    for query in (
        {"version-id-marker": "x"},
        {"key-marker": "k", "version-id-marker": ""},
        {"key-marker": "k", "version-id-marker": "!!"},
        {"max-keys": "many"},
        {"max-keys": "-1"},
    ):
        reply = bucket.raw("GET", query={"versions": "", **query})
        assert (reply.status, reply.code) == (400, "InvalidArgument"), query


def test_a_page_holds_a_thousand_at_most(bucket: S3Bucket) -> None:
    bucket.put("k")
    page = bucket.page(max_keys="5000")
    assert page.findtext(f"{SPACE}MaxKeys") == "1000"
    empty = bucket.page(max_keys="0")
    assert (entries(empty), empty.findtext(f"{SPACE}IsTruncated")) == ([], "false")


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_delimiter_rolls_keys_up(bucket: S3Bucket, size: int) -> None:
    for key in ("a", "a/1", "a/2", "b/1", "b/1", "c", "d/x"):
        bucket.put(key)
    bucket.delete("a/2")
    found: list[str] = []
    markers: dict[str, str] = {}
    while True:
        page = bucket.page(delimiter="/", max_keys=str(size), **markers)
        found += [shown.key for shown in entries(page)]
        found += [str(text.text) for text in page.iter(f"{SPACE}Prefix") if text.text]
        if page.findtext(f"{SPACE}IsTruncated") == "false":
            break
        markers = {"key_marker": page.findtext(f"{SPACE}NextKeyMarker") or ""}
        if version := page.findtext(f"{SPACE}NextVersionIdMarker"):
            markers["version_id_marker"] = version
    assert sorted(found) == ["a", "a/", "b/", "c", "d/"]


@pytest.mark.parametrize("key", AWKWARD)
def test_any_key_is_kept_and_listed_as_it_is(bucket: S3Bucket, key: str) -> None:
    version = bucket.put(key, key.encode())
    assert bucket.read(key) == key.encode()
    assert bucket.raw("GET", key).body == key.encode()
    assert bucket.listed() == [Shown(key, version, False, True)]
    (listed,) = bucket.s3.list_object_versions(Bucket=bucket.name)["Versions"]
    assert (listed["Key"], listed["VersionId"]) == (key, version)
    bucket.copy("copy", key, version)
    assert bucket.read("copy") == key.encode()


def test_keys_are_in_the_order_of_their_bytes(bucket: S3Bucket) -> None:
    for key in AWKWARD:
        bucket.put(key)
    wanted = sorted(AWKWARD, key=str.encode)
    assert wanted != sorted(AWKWARD, key=lambda key: key.encode("utf-16-be"))
    assert [shown.key for shown in bucket.listed()] == wanted
    objects = bucket.s3.list_objects_v2(Bucket=bucket.name)["Contents"]
    assert [each["Key"] for each in objects] == wanted


def test_a_time_has_whole_seconds(bucket: S3Bucket) -> None:
    bucket.put("k")
    bucket.delete("k")
    bucket.put("l")
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z")
    for page in (bucket.page(), bucket.raw("GET", query={"list-type": "2"}).xml):
        times = [str(found.text) for found in page.iter(f"{SPACE}LastModified")]
        assert times
        assert all(map(stamp.fullmatch, times)), times


def test_objects_are_what_is_current(bucket: S3Bucket) -> None:
    for key in ("a", "b/1", "b/2", "c/1", "d"):
        bucket.put(key)
    for key in ("a", "c/1"):
        bucket.delete(key)
    for size in (1, 2, 1000):
        pages = bucket.s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket.name, Delimiter="/", PaginationConfig={"PageSize": size}
        )
        found = [
            name
            for page in pages
            for name in (
                *(each["Key"] for each in page.get("Contents", [])),
                *(each["Prefix"] for each in page.get("CommonPrefixes", [])),
            )
        ]
        assert sorted(found) == ["b/", "d"]
    after = bucket.s3.list_objects_v2(Bucket=bucket.name, StartAfter="b/1")
    assert [each["Key"] for each in after["Contents"]] == ["b/2", "d"]
    older = bucket.s3.get_paginator("list_objects").paginate(
        Bucket=bucket.name, PaginationConfig={"PageSize": 1}
    )
    assert [page["Contents"][0]["Key"] for page in older] == ["b/1", "b/2", "d"]


def test_a_bucket_that_is_not_there(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        emulator.client("s3").list_object_versions(Bucket="never-made")


def test_a_bucket_is_empty_when_its_last_version_is_gone(bucket: S3Bucket) -> None:
    version = bucket.put("k")
    marker = bucket.delete("k")["VersionId"]
    for left in (version, marker):
        with pytest.raises(ClientError, match="BucketNotEmpty"):
            bucket.s3.delete_bucket(Bucket=bucket.name)
        bucket.delete("k", VersionId=left)
    assert bucket.listed() == []
    bucket.s3.delete_bucket(Bucket=bucket.name)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket.put("k")


def test_a_long_history_is_paged_to_its_end(bucket: S3Bucket) -> None:
    kept = bucket.emulator.s3.bucket(bucket.name)
    version = bucket.put("k")
    found = kept.find("k", version)
    assert found is not None
    for _ in range(5000):
        kept.add("k", found.content, modified=found.modified, versioned=True)
    shown = bucket.listed(100)
    assert len({each.version for each in shown}) == len(shown) == 5001
