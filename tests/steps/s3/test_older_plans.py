"""An older plan: an ETag may be there again, of another version than the listing saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from functions.s3_versions.copier import Result
from functions.s3_versions.values import Action, Diff, How
from lab.emulator import Emulator
from tests.steps.s3.place import MIB, Place, one


@pytest.fixture
def place(s3: Emulator, new_bucket: Callable[..., str]) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(emulator=s3, name=new_bucket(), stack=stack)


def planned(place: Place, how: How, size: int = 3) -> Action:
    """The action of a key, which is current as a version with the ETag of b"two"."""
    version = place.put("key", b"1" * size)
    current = place.put("key", b"two")
    if how is How.COPY:
        return place.back("key", version, current=current)
    etag = place.head("key")["ETag"].strip('"')
    return Action(key="key", diff=Diff.REMOVE, how=how, expects=etag, current=current)


@pytest.mark.parametrize("how", [How.COPY, How.MARKER])
@pytest.mark.parametrize("verify", [False, True])
def test_the_same_bytes_of_another_version_are_somebody_elses(
    place: Place, how: How, verify: bool
) -> None:
    action = planned(place, how)
    theirs = place.put("key", b"two", Metadata={"of": "theirs"})
    outcome = one(place.copier(verify_current=verify).apply([action]))
    if verify:
        assert outcome.result is Result.CONFLICT
        assert f"current is version {theirs}, expected {action.current}" in outcome.detail
        assert place.head("key")["VersionId"] == theirs
    else:
        assert outcome.result is Result.DONE


@pytest.mark.parametrize("how", [How.COPY, How.MARKER])
def test_the_very_version_is_written_over(place: Place, how: How) -> None:
    action = planned(place, how)
    assert one(place.copier(verify_current=True).apply([action])).result is Result.DONE
    [newest, *_] = place.entries()
    assert newest.marker is (how is How.MARKER)
    assert len(place.calls("HeadObject")) == (1 if how is How.COPY else 2)
    assert not place.calls("DeleteObjects")


@pytest.mark.parametrize("how", [How.COPY, How.MARKER])
def test_a_key_that_is_absent_by_now_is_told_by_s3(place: Place, how: How) -> None:
    action = planned(place, how)
    place.delete("key")
    outcome = one(place.copier(verify_current=True).apply([action]))
    assert outcome.result is (Result.CONFLICT if how is How.COPY else Result.ALREADY)
    assert len(place.entries()) == 3


def test_a_copy_that_was_made_before_is_no_conflict(place: Place) -> None:
    action = planned(place, How.COPY)
    copier = place.copier(verify_current=True)
    assert one(copier.apply([action])).result is Result.DONE
    made = place.head("key")["VersionId"]
    same = replace(action, expects=action.etag)
    outcome = one(copier.apply([same]))
    assert (outcome.result, outcome.version) == (Result.ALREADY, made)


def test_what_is_written_during_a_copy_in_parts_is_kept(place: Place) -> None:
    action = planned(place, How.COPY, 6 * MIB)
    place.emulator.s3.faults.before("UploadPartCopy", lambda _: place.put("key", b"two"))
    copier = place.copier(verify_current=True, largest_copy=5 * MIB)
    assert one(copier.apply([action])).result is Result.CONFLICT
    assert place.body("key") == b"two"
    assert not place.calls("CompleteMultipartUpload")
    assert not place.uploads()


@pytest.mark.parametrize("how", [How.COPY, How.MARKER])
def test_a_key_that_may_not_be_looked_at_is_not_written(place: Place, how: How) -> None:
    action = planned(place, how)
    place.emulator.s3.faults.refuse("HeadObject", code="AccessDenied", status=403)
    outcome = one(place.copier(verify_current=True).apply([action]))
    assert outcome.result is Result.FAILED
    assert "HeadObject" in outcome.detail
    assert len(place.entries()) == 2
