"""Delete every version and marker that a drill made, by id, and see that nothing is left.

Deletes nothing outside the place that the plan named: a prefix with the run's name in it, or the
scratch bucket of the drill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from functions import naming
from functions.errors import NotOurs
from functions.model import Answer
from functions.s3_versions import objects, restore
from functions.s3_versions.values import Entry
from functions.s3_versions.wire import Bucket
from functions.step import done, waiting

MARGIN_SECONDS = 60
"""A call stops so long before its function's own time is over."""

AT_ONCE = 10_000
"""Versions that are listed before they are deleted: no listing goes on behind a deleted one."""

MOST_TOLD = 20
"""Of the versions that are left, how many the answer names."""


def place_of(drill: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[str, str]:
    """The bucket and the prefix that a run may empty.

    The plan alone is not believed: that of a dead run comes from the ledger, and was perhaps made
    for another configuration. A prefix must end with the run's own folder, which nobody else has;
    without a prefix it is the drill's scratch bucket or nothing.

    Raises NotOurs for any other place.
    """
    bucket, prefix = plan["place"]["bucket"], plan["place"]["prefix"]
    own = naming.object_prefix("", plan["run_id"])
    if prefix == own or prefix.endswith(f"/{own}"):
        expected = {drill["bucket"], *([drill["canary"]["bucket"]] if drill["canary"] else [])}
    elif prefix:
        raise NotOurs(f"s3://{bucket}/{prefix}: expected a prefix that ends with {own}")
    else:
        scratch = drill["scratch"]["bucket"] if drill["scratch"] else ""
        expected = {scratch} - {drill["bucket"]}
    if bucket not in expected:
        raise NotOurs(
            f"s3://{bucket}/{prefix}: is no place of this drill: expected"
            f" {' or '.join(sorted(expected)) or 'a scratch bucket'}. If the drill was configured"
            " otherwise, delete what is there by hand, and then the drill's claim in the ledger"
        )
    return bucket, prefix


def remove(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    previous: Mapping[str, Any],
    remaining_seconds: Callable[[], float],
) -> Answer:
    """Delete what is there, until the listing is empty or the time of the call is over.

    Where the configuration accepts a default retention, versions that are still locked by it may
    stay: nobody could delete them.
    """
    bucket, prefix = place_of(drill, plan)
    deleted = previous.get("versions", 0)
    for key, upload in objects.unfinished_uploads(bucket, prefix):
        objects.abort_upload(bucket, key, upload)
    with Bucket(bucket, client=objects.client(), owner=plan["account"]) as wire:
        refused: list[str] = []
        while found := list(islice(restore.entries(wire, prefix=prefix), AT_ONCE)):
            refused = _delete(bucket, found)
            deleted += len(found) - len(refused)
            if len(refused) == len(found):
                break
            if remaining_seconds() < MARGIN_SECONDS:
                return waiting(1, "the rest to be deleted", versions=deleted)
        left = list(restore.entries(wire, prefix=prefix)) if refused else []
    may_be_locked = bool(drill["canary"]) and "default_retention" in drill["canary"]["accept"]
    locked = [entry for entry in left if may_be_locked and _is_locked(bucket, entry)]
    others = [entry for entry in left if entry not in locked]
    return done(
        proven=not others,
        versions=deleted,
        locked=len(locked),
        deleted=[_told(bucket, prefix, f"{deleted} versions and markers")] if deleted else [],
        leftovers=[_told(bucket, e.key, e.version_id) for e in others[:MOST_TOLD]],
        refused=refused[:MOST_TOLD],
    )


def unless_written_since(answer: Answer, *, plan: Mapping[str, Any], previous: Answer) -> Answer:
    """The answer, once nothing was written between two looks.

    For a run that is dead: its execution was stopped, and a function of it may still be writing.
    """
    if not answer["done"] or not answer["proven"]:
        return answer
    if previous.get("looked") and previous["versions"] == answer["versions"]:
        return answer
    return waiting(
        plan["poll_seconds"],
        "whatever of the dead run may still be writing",
        versions=answer["versions"],
        looked=True,
    )


def _delete(bucket: str, found: Sequence[Entry]) -> list[str]:
    """Delete versions and markers; what S3 would not delete."""
    refused: list[str] = []
    for start in range(0, len(found), objects.MOST_DELETED):
        batch = found[start : start + objects.MOST_DELETED]
        refused += objects.delete_versions(bucket, [(e.key, e.version_id) for e in batch])
    return refused


def _is_locked(bucket: str, entry: Entry) -> bool:
    held = None if entry.marker else objects.head(bucket, entry.key, entry.version_id)
    return held is not None and held.locked


def _told(bucket: str, key: str, what: str) -> dict[str, str]:
    return {"type": "object versions", "name": f"s3://{bucket}/{key} ({what})", "arn": ""}
