"""Uploads in parts that a kill left behind are found by their ids and aborted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from functions.s3_versions.copier import Result
from functions.s3_versions.documents import UnreadableAnswer
from functions.s3_versions.uploads import Upload, abort_left
from lab.emulator import Emulator
from tests.steps.s3.place import KEYS, MIB, Place, one
from tests.steps.s3.talker import ok, talking


@pytest.fixture
def place(s3: Emulator, new_bucket: Callable[..., str]) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(emulator=s3, name=new_bucket(), stack=stack)


def begin(place: Place, key: str) -> Upload:
    """An upload that nobody ends."""
    place.bucket.request("CreateMultipartUpload", "POST", key, query={"uploads": ""})
    return Upload(key, list(place.emulator.s3.bucket(place.name).uploads)[-1])


def test_only_our_own_below_the_prefix_are_aborted(place: Place) -> None:
    ours = [begin(place, f"a/{key}") for key in KEYS]
    theirs = [begin(place, "a/b"), begin(place, "a/b"), begin(place, "b")]
    ended = begin(place, "a/ended")
    place.s3.abort_multipart_upload(Bucket=place.name, Key=ended.key, UploadId=ended.id)
    own = {upload.id for upload in (*ours, ended, theirs[2])}
    assert sorted(abort_left(place.bucket, "a/", own)) == sorted(ours)
    assert {upload["UploadId"] for upload in place.uploads()} == {each.id for each in theirs}
    assert abort_left(place.bucket, "a/", own) == []


def test_without_ids_nothing_is_asked(place: Place) -> None:
    begin(place, "a")
    assert abort_left(place.bucket, "", ()) == []
    assert not place.calls("ListMultipartUploads")
    assert place.uploads()


def test_all_pages_are_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.s3_versions.uploads._PAGE", 2)
    uploads = [begin(place, key) for key in ("a", "a", "a", "b", "c")]
    assert len(abort_left(place.bucket, "", {upload.id for upload in uploads})) == 5
    assert not place.uploads()


def test_one_that_ends_meanwhile_is_no_error(place: Place) -> None:
    one_of, other = begin(place, "a"), begin(place, "b")
    place.emulator.s3.faults.before(
        "AbortMultipartUpload",
        lambda _: place.emulator.s3.bucket(place.name).uploads.pop(one_of.id),
    )
    assert abort_left(place.bucket, "", {one_of.id, other.id}) == [other]


def test_a_list_that_turns_in_circles_is_an_error() -> None:
    page = (
        b"<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>"
        b"<NextKeyMarker>a</NextKeyMarker></ListMultipartUploadsResult>"
    )
    with (
        talking(ok(page)) as (_, bucket),
        pytest.raises(UnreadableAnswer, match="they go on at 'a'"),
    ):
        abort_left(bucket, "", {"1"})


def test_an_upload_is_told_before_a_part_is_copied(place: Place) -> None:
    versions = {key: place.put(key, b"x" * size) for key, size in (("s", 3), ("l", 6 * MIB))}
    for key in versions:
        place.put(key, b"two")
    actions = [place.back(key, version) for key, version in versions.items()]
    told: list[tuple[str, str]] = []
    seen: list[int] = []
    place.emulator.s3.faults.before("UploadPartCopy", lambda _: seen.append(len(told)))
    copier = place.copier(
        largest_copy=5 * MIB, began_upload=lambda key, upload: told.append((key, upload))
    )
    assert {outcome.result for outcome in copier.apply(actions)} == {Result.DONE}
    assert [key for key, _ in told] == ["l"]
    assert seen == [1]


def test_what_cannot_be_told_is_aborted(place: Place) -> None:
    version = place.put("key", b"x" * 6 * MIB)
    place.put("key", b"two")

    def full(_key: str, _upload: str) -> None:
        raise OSError("no space left")

    copier = place.copier(largest_copy=5 * MIB, began_upload=full)
    with pytest.raises(OSError, match="no space left"):
        one(copier.apply([place.back("key", version)]))
    assert not place.uploads()
    assert place.body("key") == b"two"
