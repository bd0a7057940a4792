"""What the copier makes of a plan: against the lab's S3, with faults, and with somebody writing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from functions.s3_versions.copier import Copier, Result
from functions.s3_versions.values import Action, Diff, How
from functions.s3_versions.wire import BucketClosed
from lab.emulator import Emulator
from tests.steps.s3.place import ALL, KEYS, MIB, TAGS, Place, one
from tests.steps.s3.talker import ENABLED, ok, talking


@pytest.fixture
def place(s3: Emulator, new_bucket: Callable[..., str]) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(emulator=s3, name=new_bucket(), stack=stack)


# A copy carries over all, and nothing else.


@pytest.mark.parametrize("key", KEYS)
def test_a_version_comes_back_with_all_that_it_had(place: Place, key: str) -> None:
    version = place.put(key, b"one", StorageClass="STANDARD_IA", **ALL)
    place.put(key, b"two")
    outcome = one(place.copier().apply([place.back(key, version)]))
    assert (outcome.result, outcome.bytes) == (Result.DONE, 3)
    found = place.head(key)
    assert outcome.version == found["VersionId"]
    assert place.body(key) == b"one"
    assert found["StorageClass"] == "STANDARD_IA"
    assert {name: found[name] for name in ALL if name != "Tagging"} == {
        name: value for name, value in ALL.items() if name != "Tagging"
    }
    assert place.tags(key) == TAGS


@pytest.mark.parametrize("sizes", [[5 * MIB, 5 * MIB, 7], [11 * MIB]])
def test_a_large_version_comes_back_in_parts_with_all_that_it_had(
    place: Place, sizes: list[int]
) -> None:
    bodies = [bytes([n]) * size for n, size in enumerate(sizes)]
    if len(sizes) == 1:
        version = place.put("key", bodies[0], **ALL)
    else:
        version = place.upload("key", bodies, **ALL)
    place.put("key", b"two")
    action = place.back("key", version)
    outcome = one(place.copier(largest_copy=5 * MIB).apply([action]))
    assert (outcome.result, outcome.bytes) == (Result.DONE, sum(sizes))
    found = place.head("key")
    assert place.body("key") == b"".join(bodies)
    assert found["ETag"].strip('"').endswith("-3")
    assert (found["ETag"].strip('"') == action.etag) is (len(sizes) > 1)
    assert found["Metadata"] == ALL["Metadata"]
    assert found["ContentDisposition"] == ALL["ContentDisposition"]
    assert place.tags("key") == TAGS
    assert not place.uploads()


@pytest.mark.parametrize("key", KEYS)
def test_a_large_version_comes_back_whatever_its_key_is(place: Place, key: str) -> None:
    version = place.put(key, b"x" * 6 * MIB)
    place.put(key, b"two")
    outcome = one(place.copier(largest_copy=5 * MIB).apply([place.back(key, version)]))
    assert outcome.result is Result.DONE
    assert place.body(key) == b"x" * 6 * MIB


def test_a_version_comes_back_into_another_bucket(
    place: Place, new_bucket: Callable[..., str]
) -> None:
    other = Place(emulator=place.emulator, name=new_bucket(), stack=place.stack)
    version = place.put("key", b"one", **ALL)
    action = place.back("key", version, expects="")
    copier = place.copier(other.bucket)
    assert one(copier.apply([action])).result is Result.DONE
    assert (other.body("key"), other.tags("key")) == (b"one", TAGS)
    again = replace(action, how=How.COMPARE)
    assert one(copier.apply([again])).result is Result.ALREADY


def test_an_empty_object_that_redirects_still_does() -> None:
    there = "x-amz-website-redirect-location: /new"
    action = Action(key="old", diff=Diff.CREATE, how=How.COPY, version="1")
    for told in (there, "x-other: 1"):
        made = ok(b"<CopyObjectResult/>", "x-amz-version-id: 2")
        with talking(ENABLED, ok(b"", told), made) as (talker, bucket):
            with Copier(bucket, bucket, threads=1) as copier:
                assert one(copier.apply([action])).result is Result.DONE
            _, head, copy = talker.heard
            assert head.line == "HEAD /bucket/old?versionId=1 HTTP/1.1"
            name, _, value = there.partition(": ")
            assert copy.headers.get(name) == (value if told == there else None)


# Somebody else writes.


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("theirs", ["put", "delete"])
def test_what_somebody_wrote_meanwhile_is_kept(place: Place, theirs: str, parts: bool) -> None:
    version = place.put("key", b"x" * 6 * MIB if parts else b"one")
    place.put("key", b"two")
    action = place.back("key", version)
    newest = place.put("key", b"theirs") if theirs == "put" else place.delete("key")
    outcome = one(place.copier(largest_copy=5 * MIB).apply([action]))
    assert outcome.result is Result.CONFLICT
    assert "current is" in outcome.detail
    assert place.entries()[0].version_id == newest
    assert not place.uploads()


def test_what_somebody_wrote_between_two_tries_is_kept(place: Place) -> None:
    version = place.put("key", b"one")
    place.put("key", b"two")
    action = place.back("key", version)
    place.emulator.s3.faults.refuse("CopyObject")
    place.emulator.s3.faults.before("CopyObject", lambda _: place.put("key", b"theirs"), skip=1)
    assert one(place.copier().apply([action])).result is Result.CONFLICT
    assert place.body("key") == b"theirs"
    assert len(place.calls("CopyObject")) == 2


def test_where_somebody_wrote_the_very_same_nothing_is_to_be_done(place: Place) -> None:
    version = place.put("key", b"one", **ALL)
    place.put("key", b"two")
    action = place.back("key", version)
    theirs = place.put("key", b"one", **ALL)
    outcome = one(place.copier().apply([action]))
    assert (outcome.result, outcome.version) == (Result.ALREADY, theirs)


def test_a_key_that_is_absent_is_written_only_while_it_is(place: Place) -> None:
    versions = {key: place.put(key, key.encode()) for key in "ab"}
    for key in "ab":
        place.delete(key)
    actions = [place.back(key, version) for key, version in versions.items()]
    assert {action.expects for action in actions} == {""}
    place.put("b", b"theirs")
    outcomes = {outcome.action.key: outcome.result for outcome in place.copier().apply(actions)}
    assert outcomes == {"a": Result.DONE, "b": Result.CONFLICT}
    assert (place.body("a"), place.body("b")) == (b"a", b"theirs")


# S3 fails.


@pytest.mark.parametrize("fault", ["refuse", "reset", "fail_inside", "hang_up"])
@pytest.mark.parametrize("operation", ["CopyObject", "CompleteMultipartUpload", "UploadPartCopy"])
def test_a_copy_that_fails_once_is_made_once(place: Place, operation: str, fault: str) -> None:
    version = place.put("key", b"x" * 6 * MIB)
    place.put("key", b"two")
    action = place.back("key", version)
    getattr(place.emulator.s3.faults, fault)(operation)
    largest = 5 * MIB if operation != "CopyObject" else 10 * MIB
    outcome = one(place.copier(largest_copy=largest).apply([action]))
    lost = operation == "CopyObject" and fault == "hang_up"
    assert outcome.result is (Result.ALREADY if lost else Result.DONE)
    assert place.head("key")["VersionId"] == outcome.version
    assert place.body("key") == b"x" * 6 * MIB
    assert len(place.entries()) == 3
    assert not place.uploads()
    assert not place.emulator.s3.faults.left


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
@pytest.mark.parametrize("operation", ["CopyObject", "CompleteMultipartUpload"])
def test_a_copy_that_meets_what_is_under_way_is_asked_for_again(
    place: Place, operation: str, code: str, times: int
) -> None:
    version = place.put("key", b"x" * 6 * MIB)
    place.put("key", b"two")
    action = place.back("key", version)
    place.emulator.s3.faults.refuse(operation, code=code, status=409, times=times)
    largest = 5 * MIB if operation != "CopyObject" else 10 * MIB
    outcome = one(place.copier(largest_copy=largest).apply([action]))
    if times == 1:
        assert outcome.result is Result.DONE
    else:
        assert outcome.result is Result.FAILED
        assert f"409 {code}" in outcome.detail
        assert place.body("key") == b"two"
    assert len(place.calls(operation)) == min(times + 1, place.bucket.tries)
    assert not place.uploads()


def test_a_copy_that_keeps_failing_is_told_and_leaves_nothing(place: Place) -> None:
    versions = {key: place.put(key, b"x" * 6 * MIB) for key in ("good", "bad")}
    for key in versions:
        place.put(key, b"two")
    actions = [place.back(key, version) for key, version in versions.items()]
    place.emulator.s3.faults.refuse(
        "UploadPartCopy", times=100, when=lambda call: call.parameters["Key"] == "bad"
    )
    found = {o.action.key: o for o in place.copier(largest_copy=5 * MIB).apply(actions)}
    assert found["good"].result is Result.DONE
    assert found["bad"].result is Result.FAILED
    assert "UploadPartCopy" in found["bad"].detail
    assert f"{place.name}/bad" in found["bad"].detail
    assert "SlowDown" in found["bad"].detail
    assert place.body("bad") == b"two"
    assert not place.uploads()


def test_a_refusal_names_the_right_key_in_s3s_words(place: Place) -> None:
    versions = {f"k{n}": place.put(f"k{n}", b"one") for n in range(9)}
    for key in versions:
        place.put(key, b"two")
    actions = [place.back(key, version) for key, version in versions.items()]
    place.emulator.s3.faults.refuse(
        "CopyObject", code="AccessDenied", status=403, when=lambda c: c.parameters["Key"] == "k5"
    )
    outcomes = list(place.copier().apply(actions))
    [failed] = [outcome for outcome in outcomes if outcome.result is not Result.DONE]
    assert (failed.action.key, failed.result) == ("k5", Result.FAILED)
    assert f"CopyObject '{place.name}/k5': 403 AccessDenied" in failed.detail
    assert len(outcomes) == 9


def test_a_version_that_is_gone_is_told(place: Place) -> None:
    version = place.put("key", b"one")
    place.put("key", b"two")
    action = place.back("key", version)
    place.s3.delete_object(Bucket=place.name, Key="key", VersionId=version)
    outcome = one(place.copier().apply([action]))
    assert outcome.result is Result.FAILED
    assert "NoSuchVersion" in outcome.detail


def test_an_error_that_is_not_s3s_is_raised_after_all_that_was_done(place: Place) -> None:
    versions = [place.put("key", b"one"), place.put("key", b"two")]
    action = place.back("key", versions[0])

    def broken() -> Iterator[Action]:
        yield action
        raise ZeroDivisionError

    outcomes = place.copier().apply(broken())
    assert next(outcomes).result is Result.DONE
    with pytest.raises(ZeroDivisionError):
        next(outcomes)
    closed = place.open()
    closed.close()
    with pytest.raises(BucketClosed):
        list(place.copier(closed).apply([action]))


def test_what_was_done_before_an_error_is_told(place: Place) -> None:
    versions = {key: place.put(key, b"one") for key in "abcdefghi"}
    for key in versions:
        place.put(key, b"two")
    actions = [place.back(key, version) for key, version in versions.items()]
    place.emulator.s3.faults.before("CopyObject", lambda _: place.bucket.close(), skip=2)
    outcomes = []
    with pytest.raises(BucketClosed):
        outcomes.extend(place.copier(threads=1).apply(actions))
    assert [outcome.action.key for outcome in outcomes] == ["a", "b", "c"]
    place.bucket = place.open()
    assert [e.key for e in place.entries() if e.etag == actions[0].etag and e.latest] == list("abc")


# What is archived.


@pytest.mark.parametrize("how", [How.COPY, How.THAW])
def test_an_archived_version_is_asked_back_and_copied_by_a_later_run(
    place: Place, how: How
) -> None:
    version = place.put("key", b"one", StorageClass="GLACIER")
    place.put("key", b"two")
    action = place.back("key", version, how=how)
    copier = place.copier(thaw_days=3, thaw_tier="Bulk")
    assert one(copier.apply([action])).result is Result.THAWING
    [asked] = place.calls("RestoreObject")
    assert "Bulk" in str(asked.parameters)
    assert one(copier.apply([action])).result is Result.THAWING
    assert place.body("key") == b"two"
    place.emulator.s3.finish_restores(place.name)
    assert one(copier.apply([action])).result is Result.DONE
    assert place.head("key")["StorageClass"] == "GLACIER"
    assert len(place.entries()) == 3


def test_nothing_is_no_request(place: Place) -> None:
    before = len(place.called)
    actions = [
        Action(key="a", diff=Diff.UNCHANGED, how=How.NOTHING, current="1"),
        Action(key="b", diff=Diff.UNRESTORABLE, how=How.NOTHING, reason="it is gone"),
    ]
    copier = place.copier()
    outcomes = list(copier.apply(copier.resolve(actions)))
    assert [(o.result, o.version, o.detail) for o in outcomes] == [
        (Result.ALREADY, "1", ""),
        (Result.FAILED, "", "it is gone"),
    ]
    assert len(place.called) == before


# Many at once.


def test_actions_are_resolved_in_their_order(place: Place) -> None:
    actions = []
    for number in range(60):
        key = f"k{number:02}"
        version = place.put(key, b"one")
        place.put(key, b"one" if number % 2 else b"two")
        actions.append((key, version))
    newest = {e.key: e.etag for e in place.entries() if e.latest}
    given = [
        Action(
            key=key,
            diff=Diff.CHANGE,
            how=How.COMPARE if number % 3 else How.COPY,
            version=version,
            expects=newest[key],
        )
        for number, (key, version) in enumerate(actions)
    ]
    resolved = list(place.copier().resolve(given))
    assert [action.key for action in resolved] == [action.key for action in given]
    assert [action.how is How.NOTHING for action in resolved] == [
        bool(number % 2 and number % 3) for number in range(60)
    ]


def test_a_slow_comparison_holds_up_a_bounded_number(place: Place) -> None:
    version = place.put("key", b"one")
    place.put("key", b"one")
    first = place.back("key", version, how=How.COMPARE)
    other = Action(key="other", diff=Diff.UNCHANGED, how=How.NOTHING)
    enough = threading.Event()
    place.emulator.s3.faults.before("HeadObject", lambda _: enough.wait())
    taken = 0

    def given() -> Iterator[Action]:
        nonlocal taken
        yield first
        for taken in range(1, 9001):
            if taken == 4097:
                enough.set()
            yield other

    resolved = place.copier().resolve(given())
    assert next(resolved).key == "key"
    assert taken <= 4200
    assert sum(1 for _ in resolved) == 9000


def test_a_copier_that_is_stopped_tells_of_all_that_it_took(place: Place) -> None:
    versions = {f"k{number:02}": place.put(f"k{number:02}", b"one") for number in range(60)}
    for key in versions:
        place.delete(key)
    taken: list[str] = []
    stop = threading.Event()

    def given() -> Iterator[Action]:
        for number, (key, version) in enumerate(versions.items()):
            taken.append(key)
            how = How.MARKER if number % 2 else How.COPY
            yield Action(
                key=key, diff=Diff.CREATE, how=how, version=version, expects="x" * (number % 2)
            )

    outcomes = []
    for outcome in place.copier(threads=1).apply(given(), stop=stop):
        outcomes.append(outcome)
        stop.set()
    assert sorted(outcome.action.key for outcome in outcomes) == taken
    assert 0 < len(taken) < 60


def test_few_actions_are_taken_ahead(place: Place) -> None:
    version = place.put("key", b"one")
    action = place.back("key", version)
    taken = 0

    def given() -> Iterator[Action]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield action

    outcomes = place.copier(threads=1).apply(given())
    next(outcomes)
    assert taken <= 10
    outcomes.close()  # type: ignore[attr-defined]


def test_a_copier_ends_its_threads(place: Place) -> None:
    before = threading.active_count()
    version = place.put("key", b"one")
    with Copier(place.bucket, place.bucket, threads=4) as copier:
        list(copier.apply([place.back("key", version)]))
        assert threading.active_count() > before
    assert not [t for t in threading.enumerate() if t.name.startswith(f"copy-{place.name}")]


def test_the_owners_go_with_each_copy(place: Place) -> None:
    version = place.put("key", b"one")
    place.put("key", b"two")
    owned = place.open(owner="123456789012")
    copier = place.stack.enter_context(Copier(owned, owned))
    assert one(copier.apply([place.back("key", version)])).result is Result.DONE
    [call] = place.calls("CopyObject")
    assert call.parameters["ExpectedBucketOwner"] == "123456789012"
    assert call.parameters["ExpectedSourceBucketOwner"] == "123456789012"
