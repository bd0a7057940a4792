"""What is true before: a canary's objects, written and then lost; or the source's own, listed.

A canary takes two calls at least. The first writes what is to be brought back, and takes the newest
date that S3 gave it for T. The second overwrites and deletes, once S3 gives later dates.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from functions.errors import DrillError
from functions.evidence import Evidence
from functions.model import Answer
from functions.s3_versions import history, objects, restore
from functions.s3_versions.canary import CLOCK, Fate, Specimen, specimens
from functions.s3_versions.manifest import Row, Witnessed, Written, pack, sandwich, unpack
from functions.s3_versions.objects import Made
from functions.s3_versions.values import end_of_second
from functions.s3_versions.wire import Bucket
from functions.step import done, waiting

LARGEST_SINGLE = 64 * 1024**2
"""Bytes of the object that a rehearsal brings back by itself, and reads, to time it."""

NEXT_SECOND = 1
"""How long until S3 gives another date, in seconds: its dates are whole ones."""


class NotWritten(DrillError):
    """When S3 accepts an object and then does not have it."""


class AskedTwice(DrillError):
    """When a write had to be asked for again: S3 may hold a version that nobody has noted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """The bucket that a canary is written to, and the account that must own it."""

    bucket: str
    account: str

    def open(self) -> Bucket:
        """The bucket, over connections of its own."""
        return Bucket(self.bucket, client=objects.client(), owner=self.account)


def write(*, plan: Mapping[str, Any], previous: Mapping[str, Any], evidence: Evidence) -> Answer:
    """Write the canary's objects, then lose them.

    Each attempt has a folder of its own, so that one that was interrupted is not mistaken for
    another; teardown removes them all.
    """
    where = Where(bucket=plan["place"]["bucket"], account=plan["account"])
    key = f"{plan['key']}/witness/canary.json"
    attempt, newest = previous.get("attempt"), previous.get("newest", "")
    kept = {"attempt": attempt, "key": key, "newest": newest}
    if attempt and objects.stamp(where.bucket, f"{attempt}{CLOCK}") <= newest:
        return waiting(NEXT_SECOND, "S3 to give a later date", **kept)
    try:
        if not attempt or _is_half_lost(where, attempt, newest):
            return _begin(where, plan["place"]["prefix"], key, evidence)
        return _end(where, kept, evidence)
    except AskedTwice:
        return waiting(NEXT_SECOND, "another attempt: an answer of S3 was lost")


def _begin(where: Where, prefix: str, key: str, evidence: Evidence) -> Answer:
    """Write what is to be brought back, in a folder of its own."""
    attempt = f"{prefix}{uuid.uuid4().hex[:8]}/"
    written = [_write(where, one) for one in specimens(attempt)]
    evidence.put_json(key, [one.to_record() for one in written])
    newest = max(objects.modified(where.bucket, one.key) for one in written)
    return waiting(NEXT_SECOND, "S3 to give a later date", attempt=attempt, key=key, newest=newest)


def _end(where: Where, kept: Mapping[str, Any], evidence: Evidence) -> Answer:
    """Overwrite and delete what was written."""
    attempt, key, newest = kept["attempt"], kept["key"], kept["newest"]
    by_key = {record["key"]: Written.from_record(record) for record in evidence.get_json(key)}
    lost = [_lose(where, one, by_key[one.key]) for one in specimens(attempt)]
    evidence.put_json(key, [one.to_record() for one in lost])
    return done(
        attempt=attempt,
        key=key,
        at=end_of_second(newest),
        restore_time=f"{newest}Z",
        objects=len(lost),
        bytes=sum(one.size for one in lost),
    )


def _is_half_lost(where: Where, attempt: str, newest: str) -> bool:
    """Whether a call that died has begun to overwrite: what it wrote, nobody has noted."""
    with where.open() as wire:
        return any(
            entry.modified[:19] > newest and entry.key != f"{attempt}{CLOCK}"
            for entry in restore.entries(wire, prefix=attempt)
        )


def _write(where: Where, one: Specimen) -> Written:
    """Write what comes before version 1, and version 1; what S3 then holds of it."""
    older = _put_many(where, one.key, (one.body(-number) for number in range(one.before)))
    form, body = one.form, one.body(1)
    facts: dict[str, Any] = {
        **form.headers,
        "Metadata": dict(form.metadata),
        "StorageClass": form.storage_class,
    }
    if form.tags:
        facts["Tagging"] = objects.tagging(form.tags)
    version = _once(
        objects.put_in_parts(where.bucket, one.key, list(one.parts), **facts)
        if form.parts
        else objects.put(where.bucket, one.key, body, **facts)
    )
    held = objects.head(where.bucket, one.key, version)
    if held is None:
        raise NotWritten(f"{one.key}: {version}: S3 took it, and does not have it")
    return Written(
        name=one.name,
        key=one.key,
        fate=one.fate.value,
        version=version,
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        headers=held.headers,
        metadata=form.metadata,
        tags=form.tags,
        storage_class=form.storage_class,
        encryption=held.encryption,
        kms_key=held.kms_key,
        history=(version, *reversed(older)),
    )


def _once(made: Made) -> str:
    """The id of what was written. Raises AskedTwice."""
    if made.asked_twice:
        raise AskedTwice(made.version)
    return made.version


def _put_many(where: Where, key: str, bodies: Iterable[bytes]) -> list[str]:
    """Write versions of one key, one after the other; their ids."""
    with where.open() as wire:
        answers = [wire.request("PutObject", "PUT", key, body=body) for body in bodies]
    if any(answer.tries > 1 for answer in answers):
        raise AskedTwice(f"s3://{where.bucket}/{key}")
    return [answer.headers.get("x-amz-version-id", "") for answer in answers]


def _lose(where: Where, one: Specimen, written: Written) -> Written:
    """Overwrite or delete an object; its history with what was added."""
    if one.fate is Fate.OVERWRITTEN:
        added = _put_many(where, one.key, (one.body(2 + number) for number in range(one.after)))
    else:
        added = [_once(objects.delete(where.bucket, one.key))]
    record = {**asdict(written), "history": (*reversed(added), *written.history)}
    return Written.from_record(record)


def look(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    previous: Mapping[str, Any],
    evidence: Evidence,
    now: datetime,
) -> Answer:
    """List the real objects before T and after it; T is the end of the second of the first list.

    Where the drill is configured for the oldest moment, what an earlier run has witnessed takes the
    place of that; and what this one has seen is kept for later runs.
    """
    bucket, prefix = drill["bucket"], drill["prefix"]
    earlier = f"{plan['key']}/witness/before.jsonl.gz"
    key = f"{plan['key']}/witness/objects.jsonl.gz"
    newest = previous.get("newest")
    if not newest:
        began = objects.clock(bucket, prefix)
        rows = [Witnessed(row, moved=False) for row in objects.current(bucket, prefix)]
        evidence.put_bytes(earlier, pack(rows), content_type="application/gzip")
        newest = max([objects.clock(bucket, prefix), *(one.row.modified for one in rows)])
        return waiting(NEXT_SECOND, "the second of T to be over", newest=newest, began=began)
    began = previous["began"]
    if objects.clock(bucket, prefix) <= newest:
        return waiting(NEXT_SECOND, "the second of T to be over", newest=newest, began=began)
    before = [one.row for one in unpack(evidence.get_bytes(earlier))]
    seen = list(sandwich(before, list(objects.current(bucket, prefix))))
    evidence.put_bytes(key, pack(seen), content_type="application/gzip")
    still = [one.row for one in seen if not one.moved]
    witnessed = {
        "bucket": bucket,
        "prefix": prefix,
        "run": plan["run_id"],
        "key": key,
        "at": end_of_second(newest),
        "between": [began, objects.clock(bucket, prefix)],
        "restore_time": f"{newest}Z",
        "objects": len(seen),
        "moved": len(seen) - len(still),
        "bytes": sum(row.size for row in still),
        "single": _single(still),
    }
    evidence.put_json(f"{plan['key']}/{history.WITNESS}", witnessed)
    if drill["at"] == "oldest":
        witnessed = history.oldest(evidence, drill=drill, run=plan["key"], now=now) or witnessed
    return done(**witnessed)


def _single(rows: Iterable[Row]) -> str:
    """The key of the object that is brought back by itself: the largest that is no burden."""
    small = [row for row in rows if row.size <= LARGEST_SINGLE]
    return max(small, key=lambda row: row.size).key if small else ""
