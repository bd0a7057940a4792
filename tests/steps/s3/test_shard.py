"""A restore on many machines, on the lab's S3: its functions called as its machine calls them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import clock, evidence
from functions.errors import EvidenceMissing, Refused, TryAgain
from functions.evidence import Evidence
from functions.s3_versions import shard
from functions.s3_versions.errand import Errand
from functions.s3_versions.piece import Phase, look_into, read_notes, run_locally, work
from functions.s3_versions.shards import Range, by_looking, ranges
from functions.s3_versions.values import NULL
from functions.s3_versions.wire import Bucket, RequestRefused
from functions.settings import Settings
from lab.emulator import Emulator
from tests.steps.s3.place import KEYS

AGO = timedelta(hours=1)
NAMES = sorted([*KEYS, *(f"photos/{number:02}" for number in range(12))], key=str.encode)


class Died(Exception):
    """When a function is killed."""


@dataclass
class Context:
    """Lambda's; `milliseconds` is what it says at each look, over and over."""

    milliseconds: Sequence[int] = (900_000,)
    dies_at: int = 0
    looks: int = 0

    def get_remaining_time_in_millis(self) -> int:
        self.looks += 1
        if self.looks == self.dies_at:
            raise Died
        return self.milliseconds[self.looks % len(self.milliseconds)]


@dataclass
class Restore:
    """An execution of the machine, and what the bucket was at T."""

    s3: Emulator
    source: str
    target: str
    evidence: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC) - AGO + timedelta(seconds=10))
    then: dict[str, bytes] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = self.s3.client("s3")
        self.at = self.at.replace(microsecond=0)
        self.document = {
            "restore": {
                "bucket": self.source,
                "target": self.target,
                "in_place": self.source == self.target,
                "undelete": True,
            },
            "input": {"at": clock.render(self.at)},
            "execution": {"id": "arn:of:it", "name": "it"},
        }

    def set_clock(self, seconds: float) -> None:
        """S3's clock, so many seconds after T."""
        self.s3.s3.clock = lambda: self.at + timedelta(seconds=seconds)

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.source, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.source, Key=key)

    def lived(self) -> Restore:
        """A history: keys that are made, changed and deleted before T, and again after it."""
        self.set_clock(-5)
        for number, key in enumerate(NAMES):
            if number % 6 != 5:
                self.put(key, b"first")
            if number % 4 == 1:
                self.put(key, b"%d" % number)
            if number % 5 == 3:
                self.delete(key)
        self.then = self.holds(self.source)
        self.set_clock(5)
        for number, key in enumerate(NAMES):
            if number % 2:
                self.put(key, b"later")
            if number % 3 == 0:
                self.delete(key)
        self.put("zz new", b"later")
        self.set_clock(AGO.total_seconds() - 15)
        return self

    def holds(self, bucket: str) -> dict[str, bytes]:
        found = self.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            one["Key"]: self.client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
            for one in found
        }

    def plan(self, **given: Any) -> dict[str, Any]:
        self.document["input"] |= given
        self.document["plan"] = shard.plan_handler({"document": self.document}, Context())
        return dict(self.document["plan"])

    def shards(self) -> list[dict[str, Any]]:
        place = Evidence(bucket=self.evidence, lock_mode="NONE", lock_days=1)
        return list(place.get_json(self.document["plan"]["key"]))

    def call(
        self, phase: str, one: dict[str, Any], answer: dict[str, Any], context: Context
    ) -> dict[str, Any]:
        event = {"phase": phase, "shard": one, "document": self.document, "answer": answer}
        return dict(shard.shard_handler(event, context))

    def run(self, phase: str, context: Callable[[], Context] = Context) -> list[dict[str, Any]]:
        """All shards to their end; the last answer of each."""
        answers = []
        for one in self.shards():
            answer: dict[str, Any] = {}
            while not answer.get("done"):
                answer = self.call(phase, one, answer, context())
            answers.append(answer)
        return answers

    def collect(self, phase: str) -> dict[str, Any]:
        return dict(shard.collect_handler({"phase": phase, "document": self.document}, Context()))

    def notes(self, phase: Phase) -> list[dict[str, Any]]:
        place = Evidence(bucket=self.evidence, lock_mode="NONE", lock_days=1)
        keys = place.list_keys(f"restores/{self.source}/it/{phase}/parts/")
        return [line for key in keys for line in read_notes(place.get_bytes(key))]


@pytest.fixture
def restore(
    s3: Emulator, new_bucket: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Restore]]:
    """Makes a restore of a bucket that has lived, in place or into another one."""
    before = s3.s3.clock
    evidence_bucket = new_bucket()
    settings = Settings(
        evidence_bucket=evidence_bucket,
        ledger_table="",
        topic_arn="",
        subnet_group="",
        security_group="",
        lock_mode="NONE",
    )
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    evidence._s3.cache_clear()

    def make(*, elsewhere: bool = False) -> Restore:
        source = new_bucket()
        target = new_bucket() if elsewhere else source
        return Restore(s3, source, target, evidence_bucket).lived()

    yield make
    s3.s3.clock = before
    evidence._s3.cache_clear()


@contextmanager
def opened(run: Restore) -> Iterator[tuple[Bucket, Bucket]]:
    """The two buckets of a restore; one, in place."""
    with ExitStack() as stack:
        names = dict.fromkeys((run.source, run.target))
        found = [
            stack.enter_context(Bucket(name, client=run.client, pause_seconds=0.001, tries=3))
            for name in names
        ]
        yield found[0], found[-1]


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

    def hasty(name: str) -> Bucket:
        return Bucket(name, client=run.client, tries=2, pause_seconds=0.001)

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
