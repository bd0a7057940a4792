"""Markers removed and added: by the thousand, with faults, and with somebody writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from functions.s3_versions.copier import Copier, Result
from functions.s3_versions.deletes import MOST
from functions.s3_versions.values import Action, Diff, How
from lab.emulator import Emulator
from tests.steps.s3.place import KEYS, Place, one
from tests.steps.s3.talker import ENABLED, ok, talking


@pytest.fixture
def place(s3: Emulator, new_bucket: Callable[..., str]) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(emulator=s3, name=new_bucket(), stack=stack)


def undelete(place: Place) -> list[Action]:
    """The actions that remove all the markers above each key's newest version."""
    found: dict[str, list[str]] = {}
    actions = []
    for entry in place.entries():
        if entry.marker:
            found.setdefault(entry.key, []).append(entry.version_id)
        elif markers := found.pop(entry.key, None):
            actions.append(
                Action(
                    key=entry.key,
                    diff=Diff.CREATE,
                    how=How.UNDELETE,
                    version=entry.version_id,
                    markers=tuple(markers),
                )
            )
    return actions


def absent(place: Place) -> list[Action]:
    """The actions that add a marker to all that is there."""
    return [
        Action(key=e.key, diff=Diff.REMOVE, how=How.MARKER, expects=e.etag, current=e.version_id)
        for e in place.entries()
        if e.latest and not e.marker
    ]


def test_markers_are_removed_by_id_a_thousand_a_request(place: Place) -> None:
    keys = [f"k{number:04}" for number in range(350)]
    versions = {key: place.put(key, key.encode()) for key in keys}
    for _ in range(3):
        objects = [{"Key": key} for key in keys]
        place.s3.delete_objects(Bucket=place.name, Delete={"Objects": objects})
    before = len(place.calls("DeleteObjects"))
    outcomes = list(place.copier().apply(undelete(place)))
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    assert {outcome.action.key: outcome.version for outcome in outcomes} == versions
    assert {e.key: e.version_id for e in place.entries()} == versions
    assert len(place.entries()) == len(keys)
    requests = [call.parameters["Delete"]["Objects"] for call in place.calls("DeleteObjects")]
    assert sorted(len(objects) for objects in requests[before:]) == [51, 999]
    assert MOST == 1000


@pytest.mark.parametrize("key", KEYS)
def test_a_marker_is_added_and_removed_at_every_kind_of_key(place: Place, key: str) -> None:
    version = place.put(key, b"one")
    copier = place.copier()
    assert one(copier.apply(absent(place))).result is Result.DONE
    assert [entry.marker for entry in place.entries()] == [True, False]
    assert one(copier.apply(undelete(place))).result is Result.DONE
    assert [(e.key, e.version_id) for e in place.entries()] == [(key, version)]


@pytest.mark.parametrize("key", ["key", "\x01"])
def test_a_marker_is_not_added_to_what_somebody_wrote(place: Place, key: str) -> None:
    for other in (key, "other"):
        place.put(other, b"one")
    actions = absent(place)
    theirs = place.put(key, b"theirs")
    found = {outcome.action.key: outcome for outcome in place.copier().apply(actions)}
    assert {name: outcome.result for name, outcome in found.items()} == {
        key: Result.CONFLICT,
        "other": Result.DONE,
    }
    assert "PreconditionFailed" in found[key].detail
    assert place.head(key)["VersionId"] == theirs


@pytest.mark.parametrize("key", ["key", "\x01"])
def test_a_key_that_somebody_deleted_is_absent_already(place: Place, key: str) -> None:
    place.put(key, b"one")
    actions = absent(place)
    place.delete(key)
    assert one(place.copier().apply(actions)).result is Result.ALREADY
    assert len(place.entries()) == 2


@pytest.mark.parametrize("fault", ["refuse", "reset", "fail_inside", "hang_up"])
def test_deletions_that_fail_once_are_made_once(place: Place, fault: str) -> None:
    for key in "abc":
        place.put(key, b"one")
    getattr(place.emulator.s3.faults, fault)("DeleteObjects")
    outcomes = list(place.copier().apply(absent(place)))
    expected = Result.ALREADY if fault == "hang_up" else Result.DONE
    assert [outcome.result for outcome in outcomes] == [expected] * 3
    assert [entry.marker for entry in place.entries()] == [True, False] * 3
    getattr(place.emulator.s3.faults, fault)("DeleteObjects")
    outcomes = list(place.copier().apply(undelete(place)))
    assert [outcome.result for outcome in outcomes] == [Result.DONE] * 3
    assert len(place.entries()) == 3


def test_a_key_that_fails_among_others_is_told_by_name(place: Place) -> None:
    for key in "abc":
        place.put(key, b"one")
        place.delete(key)
    place.emulator.s3.faults.fail_keys(["b"], code="AccessDenied")
    found = {outcome.action.key: outcome for outcome in place.copier().apply(undelete(place))}
    assert {key: outcome.result for key, outcome in found.items()} == {
        "a": Result.DONE,
        "b": Result.FAILED,
        "c": Result.DONE,
    }
    assert f"DeleteObjects '{place.name}/b': AccessDenied" in found["b"].detail


DELETED = "<Deleted><Key>{}</Key><DeleteMarkerVersionId>7</DeleteMarkerVersionId></Deleted>"
DENIED = "<Error><Key>{}</Key><Code>AccessDenied</Code><Message>no</Message></Error>"


@pytest.mark.parametrize(
    ("answer", "failed", "words"),
    [
        ([DELETED.format(key) for key in "abc"], "", ""),
        ([DELETED.format("a"), DENIED.format("b"), DELETED.format("c")], "b", "/b': AccessDenied"),
        ([DELETED.format("a"), DENIED.format("x")], "bc", "/x': AccessDenied no"),
        ([DENIED.format(""), DENIED.format("a")], "abc", "AccessDenied no"),
        ([DELETED.format("a")], "bc", "the answer does not name it"),
        ([], "abc", "the answer does not name it"),
    ],
)
def test_only_what_the_answer_names_is_done(answer: list[str], failed: str, words: str) -> None:
    actions = [Action(key=key, diff=Diff.REMOVE, how=How.MARKER, expects="x") for key in "abc"]
    said = ok(f"<DeleteResult>{''.join(answer)}</DeleteResult>".encode())
    with (
        talking(ENABLED, ENABLED, said) as (_, bucket),
        Copier(bucket, bucket, threads=1) as copier,
    ):
        outcomes = {outcome.action.key: outcome for outcome in copier.apply(actions)}
    assert "".join(k for k, o in outcomes.items() if o.result is Result.FAILED) == failed
    assert {o.result for o in outcomes.values()} <= {Result.DONE, Result.FAILED}
    assert all(words in outcomes[key].detail for key in failed)


def test_keys_that_xml_may_change_go_alone(place: Place) -> None:
    for key in ("a\rb", "a\nb", "c"):
        place.put(key, b"one")
    assert {o.result for o in place.copier().apply(absent(place))} == {Result.DONE}
    assert [call.parameters["Key"] for call in place.calls("DeleteObject")] == ["a\rb"]
    [batch] = place.calls("DeleteObjects")
    assert len(batch.parameters["Delete"]["Objects"]) == 2


@pytest.mark.parametrize("key", ["key", "\x01"])
@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
@pytest.mark.parametrize("times", [1, 100])
def test_a_marker_that_meets_what_is_under_way_is_asked_for_again(
    place: Place, key: str, code: str, times: int
) -> None:
    place.put(key, b"one")
    operation = "DeleteObjects" if key == "key" else "DeleteObject"
    place.emulator.s3.faults.refuse(operation, code=code, status=409, times=times)
    outcome = one(place.copier().apply(absent(place)))
    assert outcome.result is (Result.DONE if times == 1 else Result.FAILED)
    assert (code in outcome.detail) is (times > 1)


@pytest.mark.parametrize("code", ["InternalError", "SlowDown", "OperationAborted"])
def test_a_key_of_which_s3_asks_it_is_asked_again_alone(place: Place, code: str) -> None:
    for key in "abc":
        place.put(key, b"one")
        place.delete(key)
    place.emulator.s3.faults.fail_keys(["b"], code=code)
    outcomes = list(place.copier().apply(undelete(place)))
    assert [outcome.result for outcome in outcomes] == [Result.DONE] * 3
    first, second = place.calls("DeleteObjects")
    assert len(first.parameters["Delete"]["Objects"]) == 3
    assert [one["Key"] for one in second.parameters["Delete"]["Objects"]] == ["b"]
    assert [entry.marker for entry in place.entries()] == [False] * 3


def test_a_null_marker_is_copied_over_since_its_id_may_be_somebody_elses_by_now(
    place: Place,
) -> None:
    version = place.put("key", b"one")
    place.version("Suspended")
    place.delete("key")
    [action] = [replace(action, expects="") for action in undelete(place)]
    assert action.markers == ("null",)
    place.put("key", b"theirs")
    place.version("Enabled")
    assert one(place.copier().apply([action])).result is Result.CONFLICT
    assert place.body("key") == b"theirs"
    place.delete("key")
    assert one(place.copier().apply([action])).result is Result.DONE
    assert place.body("key") == b"one"
    assert version in {entry.version_id for entry in place.entries()}
