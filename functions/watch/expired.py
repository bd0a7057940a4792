"""What the sweeper may delete, decided. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from functions import clock, naming

EXPIRED = "ExpiredScratch"
"""The metric: how much a sweep found that should have been gone. No dimension."""

_ON_ITS_WAY = "deleting"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scratch:
    """A cluster or an instance as RDS lists it; `members` are a cluster's instances."""

    name: str
    status: str
    tags: Mapping[str, str] = field(default_factory=dict)
    members: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What is to be deleted now, instances first; `expired` is all that should be gone by now."""

    instances: tuple[str, ...]
    clusters: tuple[str, ...]
    expired: tuple[str, ...]


def decide(*, clusters: Iterable[Scratch], instances: Iterable[Scratch], now: datetime) -> Sweep:
    """What to delete of everything there is.

    Only what bears the prefix, the tag, and an expiry that has passed. A cluster with a member that
    is none of that stays, whatever its own tags say.

    >>> from datetime import UTC
    >>> old = {naming.MANAGED_TAG: "true", naming.EXPIRES_TAG: "2026-11-02T09:00:00Z"}
    >>> sweep = decide(
    ...     clusters=[Scratch(name="drill-a", status="available", tags=old, members=("drill-a-1",)),
    ...               Scratch(name="prod", status="available", tags=old)],
    ...     instances=[Scratch(name="drill-a-1", status="available", tags=old)],
    ...     now=datetime(2026, 11, 2, 10, tzinfo=UTC))
    >>> sweep.instances, sweep.clusters
    (('drill-a-1',), ('drill-a',))
    """
    old_instances = [each for each in instances if is_expired(each, now)]
    old_clusters = [each for each in clusters if is_expired(each, now)]
    gone_or_going = {each.name for each in old_instances}
    return Sweep(
        instances=tuple(each.name for each in old_instances if each.status != _ON_ITS_WAY),
        clusters=tuple(
            each.name
            for each in old_clusters
            if each.status != _ON_ITS_WAY and gone_or_going.issuperset(each.members)
        ),
        expired=tuple(each.name for each in (*old_instances, *old_clusters)),
    )


def is_expired(found: Scratch, now: datetime) -> bool:
    """Whether it is a drill's, and its time is over; what has no readable expiry is left alone.

    >>> from datetime import UTC
    >>> tags = {naming.MANAGED_TAG: "true", naming.EXPIRES_TAG: "soon"}
    >>> is_expired(Scratch(name="drill-a", status="available", tags=tags), datetime.now(UTC))
    False
    """
    if not found.name.startswith(naming.PREFIX) or found.tags.get(naming.MANAGED_TAG) != "true":
        return False
    try:
        return clock.parse(found.tags.get(naming.EXPIRES_TAG, "")) < now
    except ValueError:
        return False
