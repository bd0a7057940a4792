"""The health of a cluster's backups, judged: gauges, findings, facts. Pure.

A cluster that is not there, or is being deleted, is unprotected and cannot be restored; of its
backups nothing else is asked. A stopped one is backed up no more, but can be restored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from operator import attrgetter
from typing import Any, Final

from functions import clock
from functions.aurora import restorability
from functions.aurora.protection import (
    ABSENT,
    CLUSTERS,
    INSTANCES,
    MANUAL_SNAPSHOTS,
    Backed,
    Look,
    Snapshot,
)
from functions.health import Finding, Gauge, Health

SLOWEST_SNAPSHOT: Final = timedelta(hours=6)
"""RDS knows no failed snapshot: one that is `creating` for longer is taken for failed."""

SNAPSHOT_GRACE: Final = timedelta(hours=2)
"""How long after the end of its backup window a snapshot may be begun."""

WINDOW_SLACK: Final = timedelta(hours=4)
"""How much shorter than the retention the restore window may be: its early edge moves in steps."""

MOST_OF_SNAPSHOT_QUOTA: Final = 0.8
"""What manual snapshots may use of their quota, before somebody should look."""

SNAPSHOTS_TOLD: Final = 7

_BEGUN: Final = attrgetter("at")
_QUOTAS_TOLD: Final = (CLUSTERS, INSTANCES, MANUAL_SNAPSHOTS)

NOT_PUBLISHED: Final = "not published yet"


def judge(look: Look, *, wanted: Mapping[str, Any], now: datetime) -> Health:
    """What is true of a cluster's backups now, against what drills.yaml wants of them."""
    return Health(
        gauges=tuple(_gauges(look, now)),
        findings=(*look.missed, *_findings(look, wanted, now)),
        facts=_facts(look),
    )


def _findings(look: Look, wanted: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    for condition, texts in (
        ("unprotected", _unprotected(look, wanted)),
        ("backup-stale", _backup_stale(look, wanted, now)),
        ("snapshot-stale", _snapshot_stale(look, wanted, now)),
        ("not-restorable", restorability.obstacles(look)),
        ("advice", _advice(look, now)),
    ):
        yield from (Finding(condition=condition, text=text) for text in texts)


def _unprotected(look: Look, wanted: Mapping[str, Any]) -> Iterator[str]:
    cluster = look.cluster
    if cluster == ABSENT:
        yield f"{look.name}: is not there: expected a cluster that is backed up"
    if not isinstance(cluster, Backed):
        return
    if _is_going(cluster):
        yield f"{look.name}: is {cluster.status}, and its automated backups go with it"
    least = wanted["retention_days_minimum"]
    if cluster.retention_days < least:
        yield (
            f"{look.name}: keeps its backups for {cluster.retention_days} days:"
            f" expected {least} at least"
        )
    if wanted["require_encryption"] and not cluster.encrypted:
        yield f"{look.name}: is not encrypted: the policy expects it"
    if key := restorability.unusable_key(look, cluster):
        yield key


def _backup_stale(look: Look, wanted: Mapping[str, Any], now: datetime) -> Iterator[str]:
    cluster = look.cluster
    if not isinstance(cluster, Backed) or _is_going(cluster):
        return
    if cluster.status == "stopped":
        yield f"{look.name}: is stopped: nothing is backed up until it is started"
        return
    if cluster.latest is None:
        yield f"{look.name}: has no latest restorable time: expected continuous backup"
        return
    most = wanted["restorable_lag_maximum_seconds"]
    if now - cluster.latest > timedelta(seconds=most):
        yield (
            f"{look.name}: its latest restorable time is {clock.render(cluster.latest)}:"
            f" expected {most} seconds ago at most"
        )


def _snapshot_stale(look: Look, wanted: Mapping[str, Any], now: datetime) -> Iterator[str]:
    cluster = look.cluster
    if cluster == ABSENT or look.snapshots is None:
        return
    most = timedelta(seconds=wanted["snapshot_age_maximum_seconds"])
    newest = _newest(look.snapshots)
    created, window = None, ""
    if isinstance(cluster, Backed):
        created, window = cluster.created_at, cluster.window
    if newest is None:
        if created is None or now > next_snapshot_by(created, window, most):
            yield f"{look.name}: has no automated snapshot: expected one every day"
    elif now > next_snapshot_by(newest.at, window, most):
        after = f", and one in its backup window of {window} UTC" if window else ""
        yield (
            f"{look.name}: its newest automated snapshot is {newest.identifier}, of"
            f" {clock.render(newest.at)}: expected {_hours(most)} ago at most{after}"
        )
    for snapshot in look.snapshots:
        if _is_stuck(snapshot, now):
            yield (
                f"{snapshot.identifier}: is creating at {snapshot.progress} % for more than"
                f" {_hours(SLOWEST_SNAPSHOT)}: expected it to be available"
            )


def next_snapshot_by(last: datetime, window: str, most: timedelta) -> datetime:
    """When there must be a newer snapshot than the last: neither `most` nor a window allows later.

    RDS takes one a day, in the backup window. Whether it takes another on the day on which the
    window is moved, it does not say: so the window that counts is the first to end a day after the
    last snapshot, less the grace. With its own grace that is never later than after two days.

    >>> last, most = datetime.fromisoformat("2026-11-02T02:10:00Z"), timedelta(hours=26)
    >>> for window in ("", "02:00-02:30", "06:00-06:30", "00:15-00:45"):
    ...     print(next_snapshot_by(last, window, most).isoformat(" ", "minutes"))
    2026-11-03 04:10+00:00
    2026-11-03 04:30+00:00
    2026-11-03 08:30+00:00
    2026-11-03 04:10+00:00
    """
    by_age = last + most
    ends = _end_of(window)
    if ends is None:
        return by_age
    a_day_later = (last + timedelta(days=1) - SNAPSHOT_GRACE).astimezone(UTC)
    end = datetime.combine(a_day_later, ends, UTC)
    if end < a_day_later:
        end += timedelta(days=1)
    return max(by_age, end + SNAPSHOT_GRACE)


def _end_of(window: str) -> time | None:
    """When a backup window ends, as RDS writes it; None where there is none.

    >>> _end_of("23:45-00:15"), _end_of("")
    (datetime.time(0, 15), None)
    """
    try:
        return time.fromisoformat(window.partition("-")[2])
    except ValueError:
        return None


def _advice(look: Look, now: datetime) -> Iterator[str]:
    cluster = look.cluster
    if cluster == ABSENT:
        return
    if isinstance(cluster, Backed):
        if not cluster.deletion_protection:
            yield f"{look.name}: its deletion protection is off"
        if _is_window_short(cluster, now):
            yield (
                f"{look.name}: its restore window is shorter than its retention of"
                f" {cluster.retention_days} days, as it is for a while after the retention grew"
            )
        if look.engine_status == "deprecated":
            yield f"{cluster.engine} {cluster.engine_version}: is deprecated: upgrade {look.name}"
    quota = (look.quotas or {}).get(MANUAL_SNAPSHOTS)
    if quota is not None and quota.used >= MOST_OF_SNAPSHOT_QUOTA * quota.limit:
        yield f"quota {MANUAL_SNAPSHOTS}: {quota.used} of {quota.limit} used: delete some"


def _is_going(cluster: Backed) -> bool:
    return cluster.status in ("deleting", "deleted")


def _is_window_short(cluster: Backed, now: datetime) -> bool:
    """Whether the window does not reach as far back as the retention, though the cluster does."""
    if cluster.earliest is None or cluster.created_at is None:
        return False
    reaches = now - timedelta(days=cluster.retention_days) + WINDOW_SLACK
    return cluster.created_at < reaches - WINDOW_SLACK and cluster.earliest > reaches


def _is_stuck(snapshot: Snapshot, now: datetime) -> bool:
    return snapshot.status == "creating" and now - snapshot.at > SLOWEST_SNAPSHOT


def _newest(snapshots: tuple[Snapshot, ...]) -> Snapshot | None:
    """The newest that can be used."""
    available = [each for each in snapshots if each.status == "available"]
    return max(available, key=_BEGUN, default=None)


def _gauges(look: Look, now: datetime) -> Iterator[Gauge]:
    cluster = look.cluster
    if isinstance(cluster, Backed):
        if (since := cluster.latest or cluster.created_at) is not None:
            yield Gauge(name="RestorableLagSeconds", value=_age(since, now), unit="Seconds")
        if cluster.earliest is not None and cluster.latest is not None:
            window = (cluster.latest - cluster.earliest).total_seconds()
            yield Gauge(name="RestorableWindowSeconds", value=window, unit="Seconds")
    newest = _newest(look.snapshots or ())
    if newest is not None:
        yield Gauge(name="SnapshotAgeSeconds", value=_age(newest.at, now), unit="Seconds")
        if (took := look.seconds.get(newest.identifier)) is not None:
            yield Gauge(name="SnapshotDurationSeconds", value=took, unit="Seconds")
    if look.usage is not None and look.usage.backups is not None:
        yield Gauge(name="BackupBytes", value=look.usage.backups, unit="Bytes")
    if look.manual_snapshots is not None:
        yield Gauge(name="ManualSnapshots", value=look.manual_snapshots, unit="Count")


def _age(since: datetime, now: datetime) -> float:
    """Seconds since then; AWS's clock may be ahead of ours."""
    return max(0.0, round((now - since).total_seconds(), 3))


def _facts(look: Look) -> dict[str, Any]:
    cluster = look.cluster
    if cluster == ABSENT:
        return {"status": ABSENT}
    facts: dict[str, Any] = {
        "snapshots": None if look.snapshots is None else _told(look),
        "backup_bytes": None,
        "volume_bytes": None,
        "free_addresses": None,
        "quotas": None,
    }
    if isinstance(cluster, Backed):
        facts |= _facts_of(cluster, look)
    if look.usage is not None:
        facts["backup_bytes"] = _or_not_published(look.usage.backups)
        facts["volume_bytes"] = _or_not_published(look.usage.volume)
    if look.subnets is not None and look.free is not None:
        facts["free_addresses"] = restorability.free_by_zone(look.subnets, look.free)
    if look.quotas is not None:
        facts["quotas"] = {
            name: {"used": quota.used, "limit": quota.limit}
            for name, quota in look.quotas.items()
            if name in _QUOTAS_TOLD
        }
    return facts


def _facts_of(cluster: Backed, look: Look) -> dict[str, Any]:
    return {
        "status": cluster.status,
        "engine": cluster.engine,
        "engine_version": cluster.engine_version,
        "engine_status": look.engine_status,
        "members": list(cluster.members),
        "retention_days": cluster.retention_days,
        "encrypted": cluster.encrypted,
        "key": {"id": cluster.key, "state": look.key_state} if cluster.key else None,
        "deletion_protection": cluster.deletion_protection,
        "window": {"earliest": _rendered(cluster.earliest), "latest": _rendered(cluster.latest)},
    }


def _told(look: Look) -> list[dict[str, Any]]:
    """The last snapshots, newest first. RDS tells the size of none (AllocatedStorage is 1)."""
    newest_first = sorted(look.snapshots or (), key=_BEGUN, reverse=True)
    return [
        {
            "id": snapshot.identifier,
            "time": clock.render(snapshot.at),
            "status": snapshot.status,
            "seconds": look.seconds.get(snapshot.identifier),
        }
        for snapshot in newest_first[:SNAPSHOTS_TOLD]
    ]


def _or_not_published(size: float | None) -> float | str:
    return NOT_PUBLISHED if size is None else size


def _rendered(instant: datetime | None) -> str | None:
    return clock.render(instant) if instant is not None else None


def _hours(length: timedelta) -> str:
    """A length, for people.

    >>> _hours(timedelta(hours=26))
    '26 hours'
    """
    return f"{length.total_seconds() / 3600:g} hours"
