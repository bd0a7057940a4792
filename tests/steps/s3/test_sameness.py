"""What is the same in all that a copy keeps is not copied; what differs anywhere is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from functions.s3_versions.copier import Copier, Result
from functions.s3_versions.values import Action, Diff, How
from lab.emulator import Emulator
from tests.steps.s3.place import MIB, Place, one
from tests.steps.s3.talker import Say, error, ok, talking


@pytest.fixture
def place(s3: Emulator, new_bucket: Callable[..., str]) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(emulator=s3, name=new_bucket(), stack=stack)


SAME: dict[str, Any] = {"Body": b"one", "Metadata": {"a": "b"}, "Tagging": "k=v"}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"Body": b"two"}, False),
        ({"Metadata": {"a": "c"}}, False),
        ({"Metadata": {}}, False),
        ({"Tagging": "k=w"}, False),
        ({"Tagging": ""}, False),
        ({"Tagging": "k=v&l=m"}, False),
        ({"ContentType": "text/plain"}, False),
        ({"CacheControl": "no-store"}, False),
        ({"StorageClass": "STANDARD_IA"}, True),
    ],
)
def test_what_is_the_same_in_all_that_a_copy_keeps_is_not_copied(
    place: Place, change: dict[str, Any], same: bool
) -> None:
    wanted = {name: value for name, value in SAME.items() if value != ""}
    version = place.s3.put_object(Bucket=place.name, Key="key", **wanted)["VersionId"]
    current = {name: value for name, value in (SAME | change).items() if value != ""}
    place.s3.put_object(Bucket=place.name, Key="key", **current)
    action = place.back("key", version, how=How.COMPARE)
    copier = place.copier()
    resolved = one(copier.resolve([action]))
    assert (resolved.how, resolved.diff) == (
        (How.NOTHING, Diff.UNCHANGED) if same else (How.COPY, Diff.CHANGE)
    )
    for given in (resolved, action):
        outcome = one(copier.apply([given]))
        assert outcome.result is (Result.ALREADY if same or given is action else Result.DONE)
        assert outcome.action is given
        assert outcome.version == place.head("key")["VersionId"]
    assert len(place.entries()) == (2 if same else 3)


@pytest.mark.parametrize("last", [b"x", b"y"])
@pytest.mark.parametrize("most_read", [0, 64 * MIB])
def test_what_was_uploaded_otherwise_is_read_to_be_compared(
    place: Place, last: bytes, most_read: int
) -> None:
    version = place.upload("key", [b"x" * 5 * MIB, b"x"])
    place.put("key", b"x" * 5 * MIB + last, ContentType="binary/octet-stream")
    action = place.back("key", version, how=How.COMPARE)
    resolved = one(place.copier(most_read=most_read).resolve([action]))
    assert resolved.how is (How.NOTHING if last == b"x" and most_read else How.COPY)
    assert len(place.calls("GetObject")) == (2 if most_read else 0)


def test_checksums_of_the_whole_spare_the_reading(place: Place) -> None:
    given = {"ChecksumAlgorithm": "SHA256", "ServerSideEncryption": "aws:kms"}
    version = place.put("key", b"one", **given)
    place.put("key", b"one", **given)
    action = place.back("key", version, how=How.COMPARE)
    assert one(place.copier().resolve([action])).how is How.NOTHING
    assert not place.calls("GetObject")


MASTER = "arn:aws:kms:eu-central-1:123456789012:key/"
KEY = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": f"{MASTER}one"}


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        (KEY, True),
        ({}, False),
        ({"ServerSideEncryption": "aws:kms"}, False),
        (KEY | {"SSEKMSKeyId": f"{MASTER}two"}, False),
        (KEY | {"ServerSideEncryption": "aws:kms:dsse"}, False),
    ],
)
@pytest.mark.parametrize("encryption", [False, True])
def test_algorithm_and_key_of_the_encryption_are_compared_where_copies_carry_them(
    place: Place, theirs: dict[str, str], same: bool, encryption: bool
) -> None:
    version = place.put("key", b"one", **KEY)
    place.put("key", b"one", **theirs)
    action = place.back("key", version, how=How.COMPARE)
    copier = place.copier(encryption=encryption)
    expected = How.NOTHING if same or not encryption else How.COPY
    assert one(copier.resolve([action])).how is expected
    assert one(copier.apply([action])).result is (
        Result.ALREADY if expected is How.NOTHING else Result.DONE
    )
    assert one(copier.resolve([action])).how is How.NOTHING


def test_an_archived_version_that_is_not_the_same_is_to_be_asked_back(place: Place) -> None:
    version = place.put("key", b"one", StorageClass="GLACIER")
    place.put("key", b"one", CacheControl="no-store")
    action = place.back("key", version, how=How.COMPARE)
    assert one(place.copier().resolve([action])).how is How.THAW


def tagged(value: str) -> Say:
    """The tags of an object: one, of this value."""
    return ok(
        f"<Tagging><TagSet><Tag><Key>k</Key><Value>{value}</Value></Tag></TagSet></Tagging>".encode()
    )


@pytest.mark.parametrize("theirs", ["v", "w"])
def test_tags_are_read_where_a_server_does_not_tell_their_number(theirs: str) -> None:
    action = Action(key="key", diff=Diff.CHANGE, how=How.COMPARE, version="1")
    head = ok(b"", 'ETag: "x"')
    with (
        talking(head, head, tagged("v"), tagged(theirs)) as (talker, bucket),
        Copier(bucket, bucket, threads=1) as copier,
    ):
        expected = How.NOTHING if theirs == "v" else How.COPY
        assert one(copier.resolve([action])).how is expected
        assert len(talker.heard) == 4


def test_tags_are_not_read_where_a_server_that_tells_of_them_tells_of_none() -> None:
    action = Action(key="key", diff=Diff.CHANGE, how=How.COMPARE, version="1")
    head = ok(b"", 'ETag: "x"')
    counted = ok(b"", 'ETag: "x"', "x-amz-tagging-count: 1")
    with (
        talking(counted, counted, tagged("v"), tagged("v"), head) as (talker, bucket),
        Copier(bucket, bucket, threads=1) as copier,
    ):
        assert [one(copier.resolve([action])).how for _ in range(2)] == [How.NOTHING] * 2
        assert [heard.line.split()[0] for heard in talker.heard] == [
            "HEAD",
            "HEAD",
            "GET",
            "GET",
            "HEAD",
            "HEAD",
        ]


def test_tags_of_current_objects_tell_nothing_of_those_of_versions() -> None:
    action = Action(key="key", diff=Diff.CHANGE, how=How.COMPARE, version="1")
    head = ok(b"", 'ETag: "x"')
    counted = ok(b"", 'ETag: "x"', "x-amz-tagging-count: 1")
    says = head, counted, tagged("v"), tagged("v"), head, head, tagged("v")
    with talking(*says) as (talker, bucket), Copier(bucket, bucket, threads=1) as copier:
        assert one(copier.resolve([action])).how is How.NOTHING
        assert one(copier.resolve([action])).how is How.COPY
        lines = [heard.line.split()[:2] for heard in talker.heard]
        assert lines[4:] == [
            ["HEAD", "/bucket/key?versionId=1"],
            ["HEAD", "/bucket/key"],
            ["GET", "/bucket/key?tagging=&versionId=1"],
        ]


def test_who_may_not_read_tags_is_told_by_the_copy() -> None:
    action = Action(key="key", diff=Diff.CHANGE, how=How.COMPARE, version="1")
    head = ok(b"", 'ETag: "x"')
    with (
        talking(head, head, error(403, "AccessDenied")) as (_, bucket),
        Copier(bucket, bucket, threads=1) as copier,
    ):
        assert one(copier.resolve([action])).how is How.COPY


@pytest.mark.parametrize(
    ("line", "reads"),
    [
        pytest.param("x-amz-server-side-encryption: AES256", False, id="ETags are digests"),
        pytest.param("x-amz-server-side-encryption: aws:kms", True, id="ETags tell nothing"),
    ],
)
def test_objects_whose_etags_are_digests_that_differ_are_not_read(line: str, reads: bool) -> None:
    action = Action(key="key", diff=Diff.CHANGE, how=How.COMPARE, version="1")
    heads = [ok(b"", f'ETag: "{letter * 32}"', line) for letter in "ab"]
    with (
        talking(*heads, ok(b""), ok(b""), tagged("v"), tagged("v")) as (talker, bucket),
        Copier(bucket, bucket, threads=1) as copier,
    ):
        assert one(copier.resolve([action])).how is (How.NOTHING if reads else How.COPY)
        asked = [heard.line.split()[0] for heard in talker.heard]
        assert asked == ["HEAD"] * 2 + ["GET"] * (4 if reads else 0)
