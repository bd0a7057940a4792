"""Exercise and Teardown, decided: what is seen goes in, the next thing to do comes out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from functions import clock, naming
from functions.aurora.values import Cluster, Instance, State, state_of
from functions.errors import DeadlineExceeded, NotOurs, RestoreFailed


class Move(StrEnum):
    """What a step does next."""

    WAIT = "wait"
    RESTORE = "restore"
    CREATE_INSTANCE = "create_instance"
    DELETE_INSTANCE = "delete_instance"
    DELETE_CLUSTER = "delete_cluster"
    DELETE_BACKUP = "delete_backup"
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The next move, and what is waited for after it: the live view and the log show that."""

    move: Move
    waiting_for: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a call of Exercise sees: the source's edge of restorability, the copy, its instance."""

    latest_restorable_time: datetime | None
    cluster: Cluster | None
    instance: Instance | None


def restore_next(
    *,
    seen: Seen,
    waits_for: datetime,
    margin_seconds: float,
    plan: Mapping[str, Any],
    limits: Mapping[str, float],
    previous: Mapping[str, Any],
    now: datetime,
) -> Decision:
    """The next move of Exercise, which restores when `waits_for` is restorable: T, or later.

    `limits` are the drill's deadlines (seconds a phase may take). Raises DeadlineExceeded when a
    phase has taken longer, RestoreFailed in a hopeless state, NotOurs where a planned name is
    taken by something that lacks the tags of this run.
    """
    cluster, instance = seen.cluster, seen.instance
    if cluster is None:
        return _restore_when_restorable(
            seen.latest_restorable_time, waits_for, margin_seconds, limits, previous, now
        )
    _ours(cluster.identifier, cluster.tags, plan["run_id"])
    match state_of(cluster.status):
        case State.HOPELESS:
            raise RestoreFailed(f"cluster {cluster.identifier} is {cluster.status}")
        case State.WAIT:
            since = previous.get("requested_at")
            _in_time("the cluster", cluster.status, since, limits["restore_seconds"], now)
            return Decision(move=Move.WAIT, waiting_for=f"the cluster, which is {cluster.status}")
        case State.AVAILABLE:
            pass
        case unreachable:
            assert_never(unreachable)
    if instance is None:
        return Decision(move=Move.CREATE_INSTANCE, waiting_for="the instance")
    _ours(instance.identifier, instance.tags, plan["run_id"])
    if instance.cluster != cluster.identifier:
        raise NotOurs(_elsewhere(instance, cluster.identifier))
    match state_of(instance.status):
        case State.HOPELESS:
            raise RestoreFailed(f"instance {instance.identifier} is {instance.status}")
        case State.WAIT:
            since = previous.get("cluster_available_at")
            _in_time("the instance", instance.status, since, limits["instance_seconds"], now)
            return Decision(move=Move.WAIT, waiting_for=f"the instance, which is {instance.status}")
        case State.AVAILABLE:
            # An instance goes available, configuring, available: it must be seen so twice in a row.
            if previous.get("instance_available_at"):
                return Decision(move=Move.DONE)
            return Decision(
                move=Move.WAIT, waiting_for="the instance to be available twice in a row"
            )
        case unreachable_too:
            assert_never(unreachable_too)


def _restore_when_restorable(
    latest: datetime | None,
    waits_for: datetime,
    margin_seconds: float,
    limits: Mapping[str, float],
    previous: Mapping[str, Any],
    now: datetime,
) -> Decision:
    if latest is not None and latest >= waits_for + timedelta(seconds=margin_seconds):
        return Decision(move=Move.RESTORE, waiting_for="the cluster")
    since = previous.get("started_at")
    shown = clock.render(latest) if latest else "unknown"
    _in_time("the restore point", f"at {shown}", since, limits["restorable_seconds"], now)
    return Decision(
        move=Move.WAIT, waiting_for=f"the restore point: latest restorable time is {shown}"
    )


def _in_time(
    what: str, status: str, since: str | None, limit_seconds: float, now: datetime
) -> None:
    if since and now > clock.parse(since) + timedelta(seconds=limit_seconds):
        raise DeadlineExceeded(f"{what} is still {status} after {limit_seconds:.0f} seconds")


def _ours(name: str, tags: Mapping[str, str], run: str) -> None:
    if not naming.is_ours(name, tags, run):
        raise NotOurs(f"{name} exists, without the tags of run {run}: it is left alone")


@dataclass(frozen=True, kw_only=True, slots=True)
class Remains:
    """What a call of Teardown sees of the run: all None and empty when nothing is left."""

    cluster: Cluster | None
    instances: tuple[Instance, ...]
    retained_backups: tuple[str, ...]


def kept(*, remains: Remains, plan: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    """Why Teardown must delete nothing: a sentence each, and none where it may.

    In a disaster the copy may be the rescue. It is somebody's once its cluster was renamed, or
    protected against deletion, or given a member that is not this run's; and until then where its
    expiry was put off by hand.
    """
    planned, run, cluster = plan["names"]["cluster"], plan["run_id"], remains.cluster
    why = [_elsewhere(each, planned) for each in remains.instances if each.cluster != planned]
    if cluster is None and any(each.status != "deleting" for each in remains.instances):
        why = why or [f"the cluster {planned} is gone and its instance is not: it was renamed"]
    if cluster is None or not naming.is_ours(cluster.identifier, cluster.tags, run):
        return tuple(why)
    own = {e.identifier for e in remains.instances if naming.is_ours(e.identifier, e.tags, run)}
    known = {e.identifier for e in remains.instances}
    # A member with a drill's name that was not found any more is gone.
    gone = {e for e in cluster.members if e.startswith(naming.PREFIX)} - known
    if strangers := sorted({*cluster.members, *known} - own - gone):
        why.append(f"{planned} has a member that is not this run's: {', '.join(strangers)}")
    if cluster.deletion_protection:
        why.append(f"{planned} is protected against deletion: somebody switched that on")
    for tags in (cluster.tags, *(each.tags for each in remains.instances)):
        until = tags.get(naming.EXPIRES_TAG, plan["expires"])
        if _put_off(until, plan["expires"], now):
            why.append(
                f"{planned} bears {naming.EXPIRES_TAG}={until}: the run's plan said"
                f" {plan['expires']}"
            )
            break
    return tuple(why)


def _elsewhere(instance: Instance, planned: str) -> str:
    where = f"in the cluster {instance.cluster}" if instance.cluster else "in no cluster"
    return f"the instance {instance.identifier} is {where}: expected {planned}"


def _put_off(until: str, planned: str, now: datetime) -> bool:
    """Whether somebody has written a later time, or anything else, into the tag of the expiry."""
    if until == planned:
        return False
    try:
        return clock.parse(until) > max(now, clock.parse(planned))
    except (OverflowError, ValueError):
        return True


def teardown_next(*, remains: Remains, run: str) -> Decision:
    """The next move of Teardown: instances, then the cluster, then backups that were kept.

    Deletion may be asked for again and again; what is gone is success. Raises NotOurs where a
    planned name belongs to something without the tags of this run.
    """
    for instance in remains.instances:
        _ours(instance.identifier, instance.tags, run)
    alive = [i for i in remains.instances if i.status != "deleting"]
    if alive:
        return Decision(move=Move.DELETE_INSTANCE, waiting_for="the instance to be gone")
    cluster = remains.cluster
    if cluster is not None:
        _ours(cluster.identifier, cluster.tags, run)
        if cluster.status != "deleting":
            return Decision(move=Move.DELETE_CLUSTER, waiting_for="the cluster to be gone")
    if remains.instances or cluster is not None:
        return Decision(move=Move.WAIT, waiting_for="the copy to be gone")
    if remains.retained_backups:
        return Decision(move=Move.DELETE_BACKUP, waiting_for="automated backups that were retained")
    return Decision(move=Move.DONE)


def observed(
    *,
    previous: Mapping[str, Any],
    seen: Seen,
    waits_for: datetime,
    margin_seconds: float,
    now: datetime,
) -> dict[str, Any]:
    """The facts of Exercise's answer after this look: when each phase was first seen to be over.

    A cluster that is there although no earlier answer says so was asked for by a call that died:
    it counts from its own creation time.
    """
    at = clock.render(now)
    facts = {k: v for k, v in previous.items() if k not in _STAMPS}
    latest, cluster, instance = seen.latest_restorable_time, seen.cluster, seen.instance
    if latest is not None and cluster is None:
        lag = round((now - latest).total_seconds(), 3)
        facts["largest_lag_seconds"] = max(lag, facts.get("largest_lag_seconds", 0))
        if latest >= waits_for + timedelta(seconds=margin_seconds):
            facts.setdefault("restorable_at", at)
    if cluster is not None:
        created = clock.render(cluster.created_at) if cluster.created_at else at
        facts.setdefault("restorable_at", created)
        facts.setdefault("requested_at", created)
        facts.setdefault("accepted_at", facts["requested_at"])
        facts["resource_id"], facts["endpoint"] = cluster.resource_id, cluster.endpoint
        facts["port"] = cluster.port
        if state_of(cluster.status) is State.AVAILABLE:
            facts.setdefault("cluster_available_at", at)
        facts["created"] = [_resource("cluster", cluster.identifier, cluster.arn)]
    if instance is not None:
        available = state_of(instance.status) is State.AVAILABLE
        facts["instance_available_at"] = (
            (previous.get("instance_available_at") or at) if available else None
        )
        facts["created"] = [
            *facts.get("created", []),
            _resource("instance", instance.identifier, instance.arn),
        ]
    return facts


_STAMPS = frozenset({"done", "wait_seconds", "waiting_for", "calls", "started_at", "ended_at"})


def remembered(previous: Mapping[str, Any], remains: Remains) -> list[dict[str, str]]:
    """All of the run that Teardown has ever seen, this look included."""
    found = {(e["type"], e["name"]): dict(e) for e in previous.get("seen", [])}
    for instance in remains.instances:
        found["instance", instance.identifier] = _resource(
            "instance", instance.identifier, instance.arn
        )
    if remains.cluster is not None:
        name = remains.cluster.identifier
        found["cluster", name] = _resource("cluster", name, remains.cluster.arn)
    for backup in remains.retained_backups:
        found["automated backup", backup] = _resource("automated backup", backup, "")
    return list(found.values())


def _resource(type_: str, name: str, arn: str) -> dict[str, str]:
    return {"type": type_, "name": name, "arn": arn}
