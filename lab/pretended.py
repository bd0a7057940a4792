"""Sources that are only pretended: how each would be found at a moment, well or with a fault. Pure.

What is found is judged by the code that judges it in AWS (`functions.<kind>.health`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from functions.aurora import health as aurora
from functions.aurora.protection import (
    CLUSTERS,
    INSTANCES,
    MANUAL_SNAPSHOTS,
    Backed,
    Snapshot,
    Usage,
)
from functions.aurora.protection import Look as Cluster
from functions.aurora.values import Quota
from functions.health import Health, unreadable
from functions.s3_versions import health as s3_versions
from functions.s3_versions.facts import Expiry, Facts, Replication
from functions.s3_versions.health import Look as Bucket
from functions.secret_rotation import health as secret_rotation
from functions.secret_rotation.health import Look as Secrets
from functions.secret_rotation.values import (
    CURRENT,
    PENDING,
    History,
    Invoker,
    Rotation,
    RotationFunction,
    Secret,
)
from functions.watch.watched import Source

AGE: Final = timedelta(days=700)
"""How old everything is: older than any retention."""

_KEY: Final = "arn:aws:kms:sa-east-1:123456789012:key/0a1b2c3d"
_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(2020, 1, 1, 3, 15, tzinfo=UTC)
_REFUSED: Final = PermissionError("AccessDenied")


def look_at(source: Source, *, now: datetime, faults: Collection[str] = ()) -> Health:
    """What the collector would find. Raises KeyError for a fault that the kind does not have."""
    return _KINDS[source.kind](source, now, faults)


def faults_of(kind: str) -> list[str]:
    """The faults that a source of a kind can have; most bear the name of a condition."""
    return sorted(_FAULTS[kind])


def _aurora(source: Source, now: datetime, faults: Collection[str]) -> Health:
    look = _cluster(source.name, now, source.wanted["retention_days_minimum"])
    for fault in faults:
        look = _FAULTS["aurora"][fault](look, now)
    return aurora.judge(look, wanted=source.wanted, now=now)


def _cluster(name: str, now: datetime, days: int) -> Cluster:
    """A cluster that is backed up, and could be restored."""
    night = now.replace(hour=4, minute=30, second=0)
    nights = [night - _DAY * back for back in range(days) if night - _DAY * back < now]
    snapshots = tuple(
        Snapshot(identifier=f"rds:{name}-{at:%Y-%m-%d-%H-%M}", status="available", at=at)
        for at in nights
    )
    return Cluster(
        name=name,
        cluster=Backed(
            identifier=name,
            status="available",
            engine="aurora-postgresql",
            engine_version="15.8",
            encrypted=True,
            key=_KEY,
            retention_days=days,
            deletion_protection=True,
            created_at=now - AGE,
            earliest=now - days * _DAY,
            latest=now - timedelta(minutes=3 + now.day % 3),
            members=(f"{name}-1", f"{name}-2"),
        ),
        snapshots=snapshots,
        seconds={snapshot.identifier: 150.0 + snapshot.at.day for snapshot in snapshots},
        manual_snapshots=4,
        key_state="Enabled",
        quotas={
            CLUSTERS: Quota(used=6, limit=40),
            INSTANCES: Quota(used=11, limit=40),
            MANUAL_SNAPSHOTS: Quota(used=4, limit=100),
        },
        engine_status="available",
        subnets={"subnet-a": "sa-east-1a", "subnet-b": "sa-east-1b", "subnet-c": "sa-east-1c"},
        free={"subnet-a": 11, "subnet-b": 11, "subnet-c": 11},
        usage=Usage(billed=0.0, automated=61e9, volume=58e9),
    )


def _stale(look: Cluster, now: datetime) -> Cluster:
    return replace(look, cluster=replace(_backed(look), latest=now - timedelta(hours=2)))


def _no_snapshot(look: Cluster, now: datetime) -> Cluster:
    snapshots = look.snapshots or ()
    return replace(
        look, snapshots=tuple(each for each in snapshots if each.at < now - timedelta(hours=30))
    )


def _short_retention(look: Cluster, now: datetime) -> Cluster:
    return replace(
        look, cluster=replace(_backed(look), retention_days=1, earliest=now - timedelta(days=1))
    )


def _no_quota(look: Cluster, _: datetime) -> Cluster:
    return replace(look, quotas={**(look.quotas or {}), CLUSTERS: Quota(used=40, limit=40)})


def _unprotected_from_deletion(look: Cluster, _: datetime) -> Cluster:
    return replace(look, cluster=replace(_backed(look), deletion_protection=False))


def _backed(look: Cluster) -> Backed:
    assert isinstance(look.cluster, Backed)
    return look.cluster


def _s3_versions(source: Source, now: datetime, faults: Collection[str]) -> Health:
    look = Bucket(name=source.name, facts=_bucket(source))
    for fault in faults:
        look = _FAULTS["s3_versions"][fault](look, now)
    return s3_versions.judge(look, wanted=source.wanted, now=now)


def _bucket(source: Source) -> Facts:
    """A bucket as its drills want it."""
    asked = source.wanted["encryption"][0] if source.wanted["encryption"] else {"type": "any"}
    return Facts(
        name=source.name,
        versioning="Enabled",
        encryption="aws:kms" if asked["type"] == "kms" else "AES256",
        kms_key=asked.get("kms_key", ""),
        blocked=True,
        ownership="BucketOwnerEnforced",
        expiries=tuple(
            Expiry(rule=f"old-{kept['prefix']}", prefix=kept["prefix"], days=kept["days"] + 60)
            for kept in source.wanted["kept"]
        ),
        aborts=("",),
    )


def _change(**facts: Any) -> Callable[[Bucket, datetime], Bucket]:
    def changed(look: Bucket, _: datetime) -> Bucket:
        assert look.facts is not None
        return replace(look, facts=replace(look.facts, **facts))

    return changed


def _replication_fails(look: Bucket, _: datetime) -> Bucket:
    assert look.facts is not None
    rule = Replication(rule="to-west", prefix="", destination="west", measured=True)
    facts = replace(look.facts, replications=(rule,))
    return replace(look, facts=facts, failed={"to-west": 12.0})


def _secret_rotation(source: Source, now: datetime, faults: Collection[str]) -> Health:
    look = _secret(source, now)
    for fault in faults:
        look = _FAULTS["secret_rotation"][fault](look, now)
    rotations = look.secret.arn if look.secret else ""
    return secret_rotation.judge(
        look, wanted=source.wanted, history=_rotations(rotations, now), now=now
    )


def _secret(source: Source, now: datetime) -> Secrets:
    """A secret that is rotated at night, as often as it may be at the least."""
    days = source.wanted["rotation_days_maximum"]
    since = (now - _EPOCH) % (days * _DAY)
    last = now - since
    name = source.wanted["functions"][0]
    arn = f"arn:aws:secretsmanager:sa-east-1:123456789012:secret:{source.name}-AbCdEf"
    function = f"arn:aws:lambda:sa-east-1:123456789012:function:{name}"
    return Secrets(
        name=source.name,
        secret=Secret(
            arn=arn,
            name=source.name,
            kms_key="",
            owner="",
            deleted=False,
            rotation_enabled=True,
            rotation_function=function,
            schedule_days=float(days),
            last_rotated_at=last,
            next_rotation_at=last + days * _DAY,
            stages={"v1": (CURRENT,)},
            asked_at=now,
            created_at=now - AGE,
            changed_at=last,
        ),
        asked=True,
        function=RotationFunction(
            arn=function,
            name=name,
            state="Active",
            last_update="Successful",
            invokers=(Invoker(service="secretsmanager.amazonaws.com"),),
        ),
    )


def _rotations(arn: str, now: datetime) -> History:
    """What CloudTrail knows of the last 90 days."""
    rotations = tuple(
        Rotation(secret=arn, at=now - days * _DAY, succeeded=True) for days in (5, 35, 65)
    )
    return History(since=now - 90 * _DAY, rotations=rotations)


def _of_secret(**change: Any) -> Callable[[Secrets, datetime], Secrets]:
    def changed(look: Secrets, _: datetime) -> Secrets:
        assert look.secret is not None
        return replace(look, secret=replace(look.secret, **change))

    return changed


def _stuck(look: Secrets, now: datetime) -> Secrets:
    assert look.secret is not None
    stages = {"v1": (CURRENT,), "v2": (PENDING,)}
    began = now - timedelta(hours=2)
    return replace(look, secret=replace(look.secret, stages=stages, changed_at=began))


_FAULTS: Final[Mapping[str, Mapping[str, Callable[[Any, datetime], Any]]]] = {
    "aurora": {
        "advice": _unprotected_from_deletion,
        "backup-stale": _stale,
        "key-disabled": lambda look, _: replace(look, key_state="Disabled"),
        "not-restorable": _no_quota,
        "snapshot-stale": _no_snapshot,
        "unprotected": _short_retention,
        "unreadable": lambda look, _: replace(
            look, snapshots=None, missed=(unreadable("DescribeDBClusterSnapshots", _REFUSED),)
        ),
    },
    "s3_versions": {
        "advice": _change(aborts=()),
        "replication-failing": _replication_fails,
        "unprotected": _change(blocked=False, public=True),
        "unreadable": lambda look, _: replace(
            look, facts=None, unread=(unreadable("GetBucketVersioning", _REFUSED),)
        ),
        "versioning-off": _change(versioning="Suspended"),
    },
    "secret_rotation": {
        "advice": _of_secret(replicas={"us-east-1": "Failed"}),
        "rotation-failed": _stuck,
        "rotation-overdue": _of_secret(rotation_enabled=False),
        "secret-gone": _of_secret(deleted=True),
        "unreadable": lambda look, _: replace(
            look, secret=None, unread=(unreadable("DescribeSecret", _REFUSED),)
        ),
    },
}
_KINDS: Final[Mapping[str, Callable[[Source, datetime, Collection[str]], Health]]] = {
    "aurora": _aurora,
    "secret_rotation": _secret_rotation,
    "s3_versions": _s3_versions,
}
