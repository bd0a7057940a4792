"""An execution of the machine of a restore, on the lab's S3, and a bucket that has lived."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from functions import clock
from functions.evidence import Evidence
from functions.s3_versions import shard
from functions.s3_versions.piece import Phase, read_notes
from functions.s3_versions.wire import Bucket
from lab.aws import ACCOUNT, REGION
from lab.emulator import Emulator
from tests.steps.s3.place import KEYS

AGO = timedelta(hours=1)
NOW = AGO - timedelta(seconds=15)
"""After T, when the restore is begun and S3's clock stands; whole seconds, as all of S3's dates."""

NAMES = sorted([*KEYS, *(f"photos/{number:02}" for number in range(12))], key=str.encode)


class Died(Exception):
    """When a function is killed."""


@dataclass
class Context:
    """Lambda's; `milliseconds` is what it says at each look, over and over."""

    milliseconds: Sequence[int] = (900_000,)
    dies_at: int = 0
    looks: int = 0
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:drill-restore-shard"

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
            "execution": {
                "id": "arn:of:it",
                "name": "it",
                "start_time": clock.render(self.at + NOW + timedelta(milliseconds=500)),
            },
        }

    def set_clock(self, seconds: float) -> None:
        """S3's clock, so many seconds after T."""
        self.s3.s3.clock = lambda: self.at + timedelta(seconds=seconds)

    def put(self, key: str, body: bytes, **more: Any) -> None:
        self.client.put_object(Bucket=self.source, Key=key, Body=body, **more)

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
        self.set_clock(NOW.total_seconds())
        return self

    def version(self, status: str) -> None:
        """Switch versioning of the bucket that is written to."""
        self.client.put_bucket_versioning(
            Bucket=self.target, VersioningConfiguration={"Status": status}
        )

    def versions(self) -> dict[str, list[str]]:
        """The ids of all versions and markers of the bucket that is written to, by key."""
        with Bucket(self.target, client=self.client) as wire:
            listed = [entry for page in wire.versions() for entry in page.entries]
        found: dict[str, list[str]] = {}
        for entry in listed:
            found.setdefault(entry.key, []).append(entry.version_id)
        return found

    def uploads(self) -> list[str]:
        """The keys of the uploads in parts that are under way there."""
        found = self.client.list_multipart_uploads(Bucket=self.target).get("Uploads", [])
        return [upload["Key"] for upload in found]

    def holds(self, bucket: str) -> dict[str, bytes]:
        found = self.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {
            one["Key"]: self.client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
            for one in found
        }

    def plan(self, context: Context | None = None, **given: Any) -> dict[str, Any]:
        self.document["input"] |= given
        event = {"document": self.document}
        self.document["plan"] = shard.plan_handler(event, context or Context())
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

    def whole(self, *phases: str) -> dict[str, Any]:
        """Phases of the machine, each summed up; the last sum."""
        told: dict[str, Any] = {}
        for phase in phases:
            self.run(phase)
            told = self.collect(phase)
        return told

    def collect(self, phase: str) -> dict[str, Any]:
        return dict(shard.collect_handler({"phase": phase, "document": self.document}, Context()))

    def notes(self, phase: Phase) -> list[dict[str, Any]]:
        place = Evidence(bucket=self.evidence, lock_mode="NONE", lock_days=1)
        keys = place.list_keys(f"restores/{self.source}/it/{phase}/parts/")
        return [line for key in keys for line in read_notes(place.get_bytes(key))]


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
