"""What is written while versioning is off or suspended destroys: the copier ends at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

import pytest

from functions.s3_versions.copier import Copier, Outcome, Result, VersioningLost
from functions.s3_versions.values import NULL, Action, Diff, How
from functions.s3_versions.wire import RequestRefused
from lab.emulator import Emulator
from tests.steps.s3.place import MIB, Place, one
from tests.steps.s3.talker import ENABLED, VERSIONING, ok, talking

KEYS = "abcdef"


@pytest.fixture
def place(s3: Emulator, new_bucket: Callable[..., str]) -> Iterator[Place]:
    """A bucket with a null version of each key, from before its versioning, and two newer ones."""
    with ExitStack() as stack:
        place = Place(emulator=s3, name=new_bucket(versioning=""), stack=stack)
        for key in KEYS:
            place.s3.put_object(Bucket=place.name, Key=key, Body=b"only copy")
        place.version("Enabled")
        yield place


def back(place: Place, size: int = 3) -> list[Action]:
    """The actions that copy a version of each key forward."""
    versions = {key: place.put(key, b"1" * size) for key in KEYS}
    for key in KEYS:
        place.put(key, b"newer")
    return [place.back(key, version) for key, version in versions.items()]


def gone(place: Place) -> list[Action]:
    """The actions that add a marker to each key."""
    return [
        Action(key=e.key, diff=Diff.REMOVE, how=How.MARKER, expects=e.etag)
        for e in place.entries()
        if e.latest
    ]


def undeleted(place: Place) -> list[Action]:
    """The actions that remove a marker of each key."""
    markers = {key: place.delete(key) for key in KEYS}
    return [
        Action(key=key, diff=Diff.CREATE, how=How.UNDELETE, markers=(marker,))
        for key, marker in markers.items()
    ]


def lost(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """What came of the actions until versioning was found to be lost."""
    told: list[Outcome] = []
    with pytest.raises(VersioningLost, match="versioning is"):
        told.extend(outcomes)
    return told


def left(place: Place) -> int:
    """How many null versions are as they were."""
    return sum(entry.version_id == NULL and entry.size == 9 for entry in place.entries())


@pytest.mark.parametrize("planned", [back, gone, undeleted])
@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_nothing_is_written_where_it_would_destroy(
    place: Place, planned: Callable[[Place], list[Action]], status: str
) -> None:
    actions, before = planned(place), place.entries()
    place.version(status)
    outcomes = place.copier().apply(actions)
    if status == "Enabled":
        assert {outcome.result for outcome in outcomes} == {Result.DONE}
        assert place.entries() != before
        assert left(place) == len(KEYS)
    else:
        assert lost(outcomes) == []
        assert place.entries() == before


def test_a_bucket_that_never_had_versions_is_named(
    place: Place, new_bucket: Callable[..., str]
) -> None:
    other = Place(emulator=place.emulator, name=new_bucket(versioning=""), stack=place.stack)
    other.s3.put_object(Bucket=other.name, Key="k", Body=b"x")
    with pytest.raises(VersioningLost, match=f"{other.name}: versioning is off: expected Enabled"):
        list(other.copier().apply(gone(other)))


@pytest.mark.parametrize("threads", [1, 4])
def test_the_first_copy_without_a_version_is_the_last(place: Place, threads: int) -> None:
    actions = back(place)
    place.emulator.s3.faults.before("CopyObject", lambda _: place.version("Suspended"))
    told = lost(place.copier(threads=threads).apply(actions))
    wrong = [outcome for outcome in told if outcome.result is Result.FAILED]
    assert 1 <= len(wrong) <= threads
    assert left(place) == len(KEYS) - len(wrong)
    for outcome in wrong:
        where = f"CopyObject '{place.name}/{outcome.action.key}'"
        assert outcome.detail.startswith(f"{where}: S3 told version id null: expected")


def test_a_copier_that_ended_stays_so(place: Place) -> None:
    actions = back(place)
    place.version("Suspended")
    copier = place.copier()
    assert lost(copier.apply(actions)) == []
    place.version("Enabled")
    assert lost(copier.apply(actions)) == []
    assert one(place.copier().apply(actions[:1])).result is Result.DONE


@pytest.mark.parametrize("look_seconds", [0, 1e9])
def test_versioning_is_looked_at_again_after_a_time(place: Place, look_seconds: float) -> None:
    actions = back(place)
    copier = place.copier(threads=1, look_seconds=look_seconds)
    assert len(list(copier.apply(actions))) == len(KEYS)
    assert len(place.calls("GetBucketVersioning")) == (1 if look_seconds else len(KEYS))
    assert {o.result for o in copier.apply(actions)} == {Result.ALREADY}
    assert len(place.calls("GetBucketVersioning")) == (2 if look_seconds else 2 * len(KEYS))


def test_a_bucket_whose_versioning_is_not_told_is_not_written_to(place: Place) -> None:
    actions, before = back(place), place.entries()
    place.emulator.s3.faults.refuse("GetBucketVersioning", code="AccessDenied", status=403)
    with pytest.raises(RequestRefused, match="GetBucketVersioning"):
        list(place.copier().apply(actions))
    assert place.entries() == before


@pytest.mark.parametrize("operation", ["UploadPartCopy", "CompleteMultipartUpload"])
def test_a_copy_in_parts_is_not_completed_where_it_would_destroy(
    place: Place, operation: str
) -> None:
    [action, *_] = back(place, 6 * MIB)
    place.emulator.s3.faults.before(operation, lambda _: place.version("Suspended"))
    told = lost(place.copier(largest_copy=5 * MIB, look_seconds=0).apply([action]))
    assert [outcome.result for outcome in told] == (
        [] if operation == "UploadPartCopy" else [Result.FAILED]
    )
    assert left(place) == len(KEYS) - len(told)
    assert not place.uploads()


@pytest.mark.parametrize("key", ["a", "\x01"])
def test_markers_without_a_version_are_told_as_failed(place: Place, key: str) -> None:
    place.put(key, b"newer")
    actions = [action for action in gone(place) if action.key == key]
    operation = "DeleteObjects" if key == "a" else "DeleteObject"
    place.emulator.s3.faults.before(operation, lambda _: place.version("Suspended"))
    [outcome] = lost(place.copier().apply(actions))
    assert outcome.result is Result.FAILED
    assert "S3 told version id null" in outcome.detail


@pytest.mark.parametrize("operation", ["CopyObject", "DeleteObjects"])
def test_a_write_without_a_version_whose_answer_is_lost_is_found(
    place: Place, operation: str
) -> None:
    actions = back(place)[:1] if operation == "CopyObject" else gone(place)[:1]
    place.emulator.s3.faults.before(operation, lambda _: place.version("Suspended"))
    place.emulator.s3.faults.hang_up(operation)
    lost(place.copier().apply(actions))
    assert left(place) == len(KEYS) - 1


@pytest.mark.parametrize("headers", [[], ["x-amz-version-id: null"], ["x-amz-version-id: 7"]])
def test_an_answer_tells_whether_a_version_was_made(headers: list[str]) -> None:
    action = Action(key="k", diff=Diff.CREATE, how=How.COPY, version="1", size=1)
    with (
        talking(ENABLED, ok(b"<CopyObjectResult/>", *headers)) as (_, bucket),
        Copier(bucket, bucket, threads=1) as copier,
    ):
        if headers[-1:] == ["x-amz-version-id: 7"]:
            assert one(copier.apply([action])).version == "7"
        else:
            assert one(lost(copier.apply([action]))).result is Result.FAILED


@pytest.mark.parametrize("word", ["Disabled", ""])
def test_what_is_not_enabled_is_not_believed_to_be(word: str) -> None:
    action = Action(key="k", diff=Diff.CREATE, how=How.COPY, version="1", size=1)
    with (
        talking(ok(VERSIONING % word.encode())) as (talker, bucket),
        Copier(bucket, bucket, threads=1) as copier,
    ):
        assert lost(copier.apply([action])) == []
        assert len(talker.heard) == 1


# Another bucket may be unversioned, where that is asked for.


@pytest.mark.parametrize("may", [False, True])
@pytest.mark.parametrize("versioning", ["", "Suspended"])
def test_another_bucket_is_written_to_without_versions_only_where_it_may(
    place: Place, new_bucket: Callable[..., str], versioning: str, may: bool
) -> None:
    other = Place(
        emulator=place.emulator, name=new_bucket(versioning=versioning), stack=place.stack
    )
    [action, *_] = back(place)
    away = Action(key="a", diff=Diff.CREATE, how=How.COPY, version=action.version, size=3)
    outcomes = place.copier(other.bucket, unversioned_target=may).apply([away])
    if may:
        assert one(outcomes).result is Result.DONE
        assert other.body("a") == b"111"
    else:
        assert lost(outcomes) == []
        assert other.entries() == []


def test_in_place_there_is_no_such_permission(place: Place) -> None:
    actions = back(place)
    place.version("Suspended")
    assert lost(place.copier(unversioned_target=True).apply(actions)) == []
