"""Histories at random, in the lab's S3 and in the model of it: one listing, one plan, one end."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.s3_versions.copier import Copier, Result
from functions.s3_versions.restore import plan_range
from functions.s3_versions.state_at import histories, plan
from functions.s3_versions.values import NULL, Action, Diff, Entry, How
from functions.s3_versions.wire import Bucket as Wire
from lab import aws
from lab.emulator import Emulator
from tests.unit.s3_history import (
    KEYS,
    SECOND,
    Bucket,
    Content,
    End,
    Rule,
    Versioning,
    Write,
    at_random,
    instant,
    run,
    text,
    times_of_interest,
)

HISTORIES = 30
STEPS = 30


class Mirrored(Bucket):
    """A bucket of the model that does everything in the lab's S3 as well, at the same times."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.name = f"history-{uuid.uuid4().hex[:12]}"
        self.client: Any = emulator.client("s3")
        self.client.create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": aws.REGION}
        )
        self.ids = {NULL: NULL}
        self._told = Versioning.OFF
        self._begun: list[dict[str, Any]] = []
        self._deletes = False

    def put(
        self,
        key: str,
        content: Content,
        *,
        begun: int | None = None,
        storage_class: str = "STANDARD",
    ) -> Write:
        answer = {}
        if begun is None:
            answer = self._call(
                "put_object",
                Key=key,
                Body=content.data,
                Metadata=metadata(content),
                StorageClass=storage_class,
            )
        write = super().put(key, content, begun=begun, storage_class=storage_class)
        if begun is None:
            self._learn(answer, write)
        return write

    def begin(self, key: str, content: Content) -> None:
        super().begin(key, content)
        upload = self._call("create_multipart_upload", Key=key, Metadata=metadata(content))
        named = {"Key": key, "UploadId": upload["UploadId"]}
        parts = [
            {
                "PartNumber": number,
                "ETag": self._call("upload_part", PartNumber=number, Body=half, **named)["ETag"],
            }
            for number, half in enumerate(content.halves, 1)
        ]
        self._begun.append({**named, "MultipartUpload": {"Parts": parts}})

    def complete(self, number: int) -> None:
        if self._begun:
            upload = self._begun.pop(number % len(self._begun))
            answer = self._call("complete_multipart_upload", **upload)
            super().complete(number)
            self._learn(answer, self.writes[-1])

    def copy(self, version: Write, key: str) -> Write:
        if version.storage_class != "STANDARD":
            return super().copy(version, key)  # which puts: what is archived cannot be copied
        source = {"Bucket": self.name, "Key": version.key, "VersionId": self.id_of(version)}
        answer = self._call("copy_object", Key=key, CopySource=source)
        assert version.content
        write = Bucket.put(self, key, version.content)
        self._learn(answer, write)
        return write

    def delete(self, key: str) -> None:
        answer = self._call("delete_object", Key=key)
        self._deletes = True
        super().delete(key)
        self._deletes = False
        if self._told is not Versioning.OFF:
            self._learn(answer, self.writes[-1])

    def remove(self, write: Write, how: End = End.REMOVED) -> None:
        if how is not End.OVERWRITTEN and not self._deletes:
            self._call("delete_object", Key=write.key, VersionId=self.id_of(write))
        super().remove(write, how)

    def id_of(self, write: Write) -> str:
        """Under which id the lab has it."""
        return next(theirs for theirs, ours in self.ids.items() if ours == write.version_id)

    def _learn(self, answer: dict[str, Any], write: Write) -> None:
        self.ids[answer.get("VersionId", NULL)] = write.version_id

    def _call(self, operation: str, **given: Any) -> dict[str, Any]:
        if self._told is not self.versioning:
            self._told = self.versioning
            self.client.put_bucket_versioning(
                Bucket=self.name, VersioningConfiguration={"Status": self._told.value}
            )
        return dict(getattr(self.client, operation)(Bucket=self.name, **given))

    def ours(self, entry: Entry) -> Entry:
        """An entry of the lab's listing, under the model's id."""
        return entry._replace(version_id=self.ids[entry.version_id])

    def our_action(self, action: Action) -> Action:
        """An action on the lab's bucket, under the model's ids."""
        return replace(
            action,
            version=self.ids.get(action.version, ""),
            current=self.ids.get(action.current, ""),
            markers=tuple(self.ids[marker] for marker in action.markers),
        )


def metadata(content: Content) -> dict[str, str]:
    return {"number": str(content.metadata)}


@pytest.fixture
def mirrored(emulator: Emulator) -> Iterator[Mirrored]:
    """A bucket in an S3 that has the model's time, and takes small parts."""
    made = Mirrored(emulator)
    before = emulator.s3.clock, emulator.s3.smallest_part
    emulator.s3.clock = lambda: instant(made.now)
    emulator.s3.smallest_part = 0
    yield made
    emulator.s3.clock, emulator.s3.smallest_part = before


def lived(mirrored: Mirrored, seed: int) -> random.Random:
    """Let the bucket have the history of a seed."""
    rng = random.Random(seed)  # noqa: S311  # the same history each time
    rule = rng.choice([None, Rule(2 * SECOND, rng.choice([0, 2, 3]))])
    keys = rng.sample(KEYS, rng.choice([1, 3, len(KEYS)]))
    run(at_random(rng, length=STEPS), keys=keys, rule=rule, bucket=mirrored)
    return rng


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_the_plan_from_the_wire_is_the_plan_from_the_model(mirrored: Mirrored, seed: int) -> None:
    rng = lived(mirrored, seed)
    with Wire(mirrored.name, client=mirrored.client, pause_seconds=0.001) as wire:
        for size in (1, rng.randint(2, 7), 1000):
            pages = list(wire.versions(page_size=size))
            found = [entry for page in pages for entry in page.entries]
            assert [mirrored.ours(entry) for entry in found] == list(mirrored.listing())
        for at in rng.sample(times := times_of_interest(mirrored), min(6, len(times))):
            for undelete in (False, True):
                actions = plan_range(wire, text(at), undelete=undelete)
                assert [mirrored.our_action(action) for action in actions] == list(
                    plan(mirrored.listing(), text(at), undelete=undelete)
                )


@pytest.mark.parametrize("seed", range(HISTORIES, HISTORIES + 10))
@pytest.mark.parametrize("undelete", [False, True])
def test_a_plan_carried_out_makes_the_bucket_what_it_was(
    mirrored: Mirrored, seed: int, undelete: bool
) -> None:
    rng = lived(mirrored, seed)
    mirrored.versioning = Versioning.ENABLED
    mirrored.put("zz", Content(1))
    at = text(rng.choice(times_of_interest(mirrored)))
    must = {
        seen.key: mirrored.find(seen.key, seen.target.version_id) if seen.target else None
        for seen in histories(mirrored.listing(), at)
        if not seen.doubt
    }
    mirrored.now += SECOND
    with (
        Wire(mirrored.name, client=mirrored.client, pause_seconds=0.001) as wire,
        Copier(wire, wire, threads=4) as copier,
    ):
        for outcome in copier.apply(plan_range(wire, at, undelete=undelete)):
            action = outcome.action
            if outcome.result is Result.THAWING:
                assert action.storage_class == "GLACIER"
                del must[action.key]
            elif outcome.result is Result.FAILED:
                assert action.diff is Diff.UNRESTORABLE
            else:
                assert outcome.result in (Result.DONE, Result.ALREADY)
        left = list(copier.resolve(plan_range(wire, at, undelete=undelete)))
    assert {action.key for action in left if action.how is not How.NOTHING} & must.keys() == set()
    listed = mirrored.client.list_objects_v2(Bucket=mirrored.name).get("Contents", [])
    assert {one["Key"] for one in listed} & must.keys() == {key for key in must if must[key]}
    for key, write in must.items():
        if write and write.content:
            found = mirrored.client.head_object(Bucket=mirrored.name, Key=key)
            assert found["ETag"].strip('"') in {replace(write, parts=n).etag for n in (0, 2)}
            assert found["Metadata"] == metadata(write.content)
