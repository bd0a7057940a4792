"""A restore on many machines, on the lab's S3: its functions called as its machine calls them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from functions.errors import EvidenceMissing, Refused, TryAgain
from functions.s3_versions import shard
from functions.s3_versions.errand import Errand
from functions.s3_versions.piece import Phase, look_into, run_locally, work
from functions.s3_versions.shards import Range, by_looking, ranges
from functions.s3_versions.values import NULL
from functions.s3_versions.wire import Bucket, RequestRefused
from lab.emulator import Emulator
from tests.steps.s3.machine import NAMES, Context, Died, Restore, opened


def test_plan_then_apply_makes_the_bucket_what_it_was(restore: Callable[..., Restore]) -> None:
    run = restore()
    now = run.holds(run.source)
    assert now != run.then
    run.plan()
    run.run("plan")
    planned = run.collect("plan")
    assert run.holds(run.source) == now
    assert planned["changes"] > 0

    run.run("apply")
    applied = run.collect("apply")
    assert run.holds(run.source) == run.then
    assert (applied["complete"], applied["cause"], applied["notes"]) == (True, "", "")
    assert applied["changes"] == planned["changes"]

    run.run("plan")
    assert run.collect("plan")["changes"] == 0


@pytest.mark.parametrize("undelete", [False, True])
def test_one_key_a_call_ends_as_one_call_does(
    restore: Callable[..., Restore], undelete: bool
) -> None:
    run = restore()
    run.plan(undelete=undelete)
    [planned] = run.run("plan")
    [answer] = run.run("apply", lambda: Context([0]))
    assert planned["calls"] == 1
    assert answer["calls"] > len(NAMES) / 2
    assert answer["tally"]["keys"] == planned["tally"]["keys"]
    assert run.holds(run.source) == run.then


@pytest.mark.parametrize("lost", [1, 2])
def test_a_call_whose_answer_is_lost_is_made_again(
    restore: Callable[..., Restore], lost: int
) -> None:
    run = restore(elsewhere=True)
    run.plan()
    [one] = run.shards()
    answer: dict[str, Any] = {}
    while not answer.get("done"):
        for _ in range(lost):
            run.call("apply", one, answer, Context([0]))
        answer = run.call("apply", one, answer, Context([0]))
    assert run.holds(run.target) == run.then
    assert run.collect("apply")["complete"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_call_that_is_killed_at_any_key_is_made_again(
    restore: Callable[..., Restore], elsewhere: bool
) -> None:
    run = restore(elsewhere=elsewhere)
    run.plan()
    [one] = run.shards()
    for number in range(1, 30, 4):
        with pytest.raises(Died):
            run.call("apply", one, {}, Context(dies_at=number))
    run.run("apply")
    assert run.holds(run.target) == run.then


@pytest.mark.parametrize("elsewhere", [False, True])
def test_shards_side_by_side_lose_no_key_at_a_border_and_have_none_twice(
    restore: Callable[..., Restore], elsewhere: bool
) -> None:
    run = restore(elsewhere=elsewhere)
    boundaries = [text for key in NAMES for text in (key, f"{key}\x01", key[:-1])]
    errand = Errand.from_record(run.plan()["errand"])
    with opened(run) as (source, target):
        whole = work(errand, Range("", ""), Phase.PLAN, source=source, target=target).tally
        parted = run_locally(
            errand, ranges(boundaries), Phase.PLAN, source=source, target=target, workers=3
        )
        assert parted == whole
        run_locally(errand, ranges(boundaries), Phase.APPLY, source=source, target=target)
    assert run.holds(run.target) == run.then


def test_what_is_only_in_the_other_bucket_is_left(restore: Callable[..., Restore]) -> None:
    run = restore(elsewhere=True)
    theirs = {"A": b"theirs", "photos/03+": b"theirs", "zz": b"theirs"}
    for key, body in theirs.items():
        run.client.put_object(Bucket=run.target, Key=key, Body=body)
    run.plan()
    answers = run.run("apply", lambda: Context([0]))
    assert run.holds(run.target) == run.then | theirs
    assert sum(answer["tally"]["keys"]["unchanged"] for answer in answers) == len(theirs)


def test_below_a_prefix_nothing_else_is_touched(restore: Callable[..., Restore]) -> None:
    run = restore()
    now = run.holds(run.source)
    run.plan(prefix="photos/", shards=3)
    run.run("apply")
    below = {key: body for key, body in run.then.items() if key.startswith("photos/")}
    beside = {key: body for key, body in now.items() if not key.startswith("photos/")}
    assert run.holds(run.source) == below | beside


def test_who_wrote_meanwhile_keeps_it_and_the_restore_is_not_complete(
    restore: Callable[..., Restore],
) -> None:
    run = restore()
    run.plan()
    key = "photos/01"
    run.s3.s3.faults.before(
        "CopyObject",
        lambda _: run.put(key, b"meanwhile"),
        when=lambda call: call.parameters.get("Key") == key,
    )
    run.run("apply", lambda: Context([0, 900_000, 900_000]))
    told = run.collect("apply")
    assert not told["complete"]
    assert told["cause"].startswith("1 conflicts: see s3://")
    [note] = run.notes(Phase.APPLY)
    assert (note["key"], note["result"]) == (key, "conflict")
    assert run.holds(run.source)[key] == b"meanwhile"


def test_a_copy_that_is_refused_is_told_with_its_key(restore: Callable[..., Restore]) -> None:
    run = restore()
    run.plan()
    key = "photos/01"
    run.s3.s3.faults.refuse(
        "CopyObject",
        code="AccessDenied",
        when=lambda call: call.parameters.get("Key") == key,
        status=403,
    )
    run.run("apply")
    told = run.collect("apply")
    assert told["cause"].startswith("1 failures: see s3://")
    [note] = run.notes(Phase.APPLY)
    assert (note["key"], note["result"]) == (key, "failed")
    assert "AccessDenied" in note["detail"]


def test_what_cannot_be_restored_is_left_and_told(
    s3: Emulator, restore: Callable[..., Restore]
) -> None:
    run = restore()
    run.client.put_bucket_versioning(
        Bucket=run.source, VersioningConfiguration={"Status": "Suspended"}
    )
    run.set_clock(20)
    run.put("null and new", b"x")
    run.client.put_bucket_versioning(
        Bucket=run.source, VersioningConfiguration={"Status": "Enabled"}
    )
    assert s3.client("s3").head_object(Bucket=run.source, Key="null and new")["VersionId"] == NULL
    run.plan()
    run.run("plan")
    told = run.collect("plan")
    assert (told["complete"], told["cause"].split(":")[0]) == (False, "1 unrestorable")
    assert [note["key"] for note in run.notes(Phase.PLAN)] == ["null and new"]
    run.run("apply")
    told = run.collect("apply")
    assert (told["complete"], told["cause"].split(":")[0]) == (False, "1 unrestorable")
    assert [note["key"] for note in run.notes(Phase.APPLY)] == ["null and new"]
    assert run.holds(run.source) == run.then | {"null and new": b"x"}


def test_a_shard_that_told_nothing_is_missed(restore: Callable[..., Restore]) -> None:
    run = restore()
    run.plan()
    with pytest.raises(EvidenceMissing, match="plan/shards/00000"):
        run.collect("plan")


def test_throttling_has_the_name_by_which_the_machine_retries(
    restore: Callable[..., Restore], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = restore()
    run.plan()

    def hasty(name: str, owner: str) -> Bucket:
        return Bucket(name, client=run.client, owner=owner, tries=2, pause_seconds=0.001)

    monkeypatch.setattr(shard, "_bucket", hasty)
    run.s3.s3.faults.refuse("ListObjectVersions", times=4)
    with pytest.raises(TryAgain) as raised:
        run.run("plan")
    assert type(raised.value) is TryAgain
    run.s3.s3.faults.clear()
    run.run("plan")


def test_a_bucket_that_would_lose_something_is_refused(restore: Callable[..., Restore]) -> None:
    run = restore(elsewhere=True)
    run.client.put_bucket_versioning(
        Bucket=run.target, VersioningConfiguration={"Status": "Suspended"}
    )
    with pytest.raises(Refused, match="versioning is Suspended: expected Enabled"):
        run.plan()


def test_looking_into_a_bucket_finds_its_pages(restore: Callable[..., Restore]) -> None:
    run = restore()
    with opened(run) as (source, _):
        look = look_into(source, "photos/")
        first, last, none = look(["", "photos/10", "photos/11"])
        assert (first.first, first.last, first.whole) == ("photos/00", "photos/11", True)
        assert (last.first, none.first) == ("photos/11", "")
        assert by_looking(look, 5, prefix="photos/") == [Range("", "")]


def test_a_local_run_can_be_stopped_and_goes_on(restore: Callable[..., Restore]) -> None:
    run = restore()
    errand, stop = Errand.from_record(run.plan()["errand"]), threading.Event()
    parts = ranges(["photos/02", "photos/08"])
    left: list[Range] = []
    stop.set()
    with opened(run) as (source, target):
        given: dict[str, Any] = {"source": source, "target": target}
        run_locally(
            errand,
            parts,
            Phase.APPLY,
            stop=stop,
            each=lambda number, piece: left.append(Range(piece.position, parts[number].until)),
            **given,
        )
        assert len(left) == 3
        assert run.holds(run.source) != run.then
        run_locally(errand, left, Phase.APPLY, **given)
    assert run.holds(run.source) == run.then


def test_a_local_run_tells_what_went_wrong(restore: Callable[..., Restore]) -> None:
    run = restore()
    errand = Errand.from_record(run.plan()["errand"])
    run.s3.s3.faults.reset("ListObjectVersions", times=1)
    run.s3.s3.faults.refuse("ListObjectVersions", code="AccessDenied", status=403, skip=1)
    with opened(run) as (source, target), pytest.raises(RequestRefused, match="AccessDenied"):
        run_locally(errand, ranges(["m"]), Phase.PLAN, source=source, target=target)
