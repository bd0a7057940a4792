"""What the damages of S3's object versions have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lab.damage._rotations import when_called

if TYPE_CHECKING:
    from lab.lab import Lab

VERIFY = "drill-s3-verify"
"""How the names of the functions begin that verify."""

VICTIM = "overwritten/document.json"
"""How the key ends of the canary's object that is damaged: it has all that an object can have."""

_KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a drill writes, and the bucket that it is about."""

    source: str
    bucket: str
    prefix: str


def places(lab: Lab) -> Iterator[Place]:
    """Of every drill of buckets, as its deployed state machine has it."""
    states = lab.emulator.client("stepfunctions")
    for drill in lab.configuration.s3_versions:
        machine = states.describe_state_machine(stateMachineArn=lab.deployment.machines[drill.name])
        document = json.loads(machine["definition"])["States"]["Drill"]["Parameters"]["drill"]
        place = document["canary"] or document["scratch"]
        yield Place(
            source=drill.bucket, bucket=place["bucket"], prefix=f"{place.get('prefix', '')}"
        )


def victims(lab: Lab, s3: Any) -> Iterator[tuple[str, str]]:
    """One object of each drill that has just brought some back: bucket and key."""
    for place in places(lab):
        keys = [
            version["Key"]
            for page in s3.get_paginator("list_object_versions").paginate(
                Bucket=place.bucket, Prefix=place.prefix
            )
            for version in page.get("Versions", [])
            if version["IsLatest"]
        ]
        chosen = [key for key in keys if "/drill-" in f"/{key}" and key.endswith(VICTIM)]
        if not chosen and place.bucket != place.source:
            chosen = [key for key in keys if _has_everything(s3, place.bucket, key)]
        if chosen:
            yield place.bucket, chosen[0]


def _has_everything(s3: Any, bucket: str, key: str) -> bool:
    found = s3.head_object(Bucket=bucket, Key=key)
    return bool(found["Metadata"] and found.get("TagCount") and found["ContentLength"])


def to_an_object(
    act: Callable[[Any, str, str], object],
) -> Callable[[Lab], Callable[[], None]]:
    """Arrange that something is done to one object, once it is back and before it is verified.

    `act` gets a client of S3, the bucket and the key.
    """

    def arrange(lab: Lab) -> Callable[[], None]:
        s3 = lab.emulator.client("s3")

        def damage() -> None:
            for bucket, key in victims(lab, s3):
                act(s3, bucket, key)

        return when_called(lab, VERIFY, damage)

    return arrange


def to_a_bucket(
    act: Callable[[Any, Place], object], *, at: str = VERIFY
) -> Callable[[Lab], Callable[[], None]]:
    """Arrange that something is done to the buckets of the drills, before a function is called.

    What undoes it puts their configuration back.
    """

    def arrange(lab: Lab) -> Callable[[], None]:
        s3 = lab.emulator.client("s3")
        found = list(places(lab))
        buckets = {bucket for place in found for bucket in (place.source, place.bucket)}
        before = {bucket: _configuration(s3, bucket) for bucket in buckets}

        def damage() -> None:
            for place in found:
                act(s3, place)

        end = when_called(lab, at, damage)

        def undo() -> None:
            end()
            for bucket, configuration in before.items():
                for name, value in configuration.items():
                    getattr(s3, f"put_{name}")(Bucket=bucket, **value)

        return undo

    return arrange


_CONFIGURATION = {
    "bucket_versioning": ("VersioningConfiguration", "Status"),
    "bucket_lifecycle_configuration": ("LifecycleConfiguration", "Rules"),
    "bucket_encryption": ("ServerSideEncryptionConfiguration", "Rules"),
    "public_access_block": ("PublicAccessBlockConfiguration", "BlockPublicAcls"),
    "bucket_ownership_controls": ("OwnershipControls", "Rules"),
}
"""How SDK and S3 call what a damage may change: the parameter of Put, and what must be in it."""


def _configuration(s3: Any, bucket: str) -> dict[str, dict[str, Any]]:
    """The configuration of a bucket, as Put takes it; what is not configured is left out."""
    found = {}
    for name, (parameter, needed) in _CONFIGURATION.items():
        try:
            answer = getattr(s3, f"get_{name}")(Bucket=bucket)
        except ClientError:
            continue
        value = answer.get(parameter, answer)
        if needed in value:
            found[name] = {parameter: {k: v for k, v in value.items() if k != "ResponseMetadata"}}
    return found


def rewrite(s3: Any, bucket: str, key: str, **changes: Any) -> None:
    """Write an object once more, as it is but for the changes (PutObject's parameters)."""
    found = s3.get_object(Bucket=bucket, Key=key)
    kept = {name: found[name] for name in _KEPT if found.get(name)}
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    written: Mapping[str, Any] = {"Body": found["Body"].read(), **kept, **changes}
    s3.put_object(Bucket=bucket, Key=key, **written)
    s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tags})


def flipped(body: bytes) -> bytes:
    """The same bytes with one bit turned over, in the middle.

    >>> flipped(b"abc")
    b'acc'
    """
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
