"""What one look at a cluster tells of its backups, as frozen values. Pure.

Everywhere None is "could not be read", of which a finding tells, and ABSENT is "is not there".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from functions.aurora.values import Quota
from functions.health import Finding

ABSENT: Final = "absent"

CLUSTERS, INSTANCES, MANUAL_SNAPSHOTS = "DBClusters", "DBInstances", "ManualClusterSnapshots"
"""The account's quotas that a backup or a restore needs, by RDS's names of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backed:
    """A cluster, as far as its backups are concerned. Times are None while AWS does not say.

    `key` is the KMS key that a restore needs; empty where there is none, or where it is AWS's own,
    which nobody can take away. `window` is when the daily snapshot is taken, in UTC
    ("02:00-02:30"); empty where AWS does not say.
    """

    identifier: str
    status: str
    engine: str
    engine_version: str
    encrypted: bool
    key: str
    retention_days: int
    deletion_protection: bool
    created_at: datetime | None
    earliest: datetime | None
    latest: datetime | None
    members: tuple[str, ...] = ()
    window: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """An automated snapshot of a cluster. `at` is when it was begun, `progress` a percentage."""

    identifier: str
    status: str
    at: datetime
    progress: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a cluster and its backups take, in bytes; None where AWS has not published it."""

    billed: float | None = None
    automated: float | None = None
    manual: float | None = None
    volume: float | None = None

    @property
    def backups(self) -> float | None:
        """What is billed for the backups; as long as that is not published, what they take.

        >>> Usage(billed=0.0, automated=5.0).backups
        0.0
        >>> Usage(automated=5.0, manual=2.0).backups
        7.0
        >>> Usage(volume=9.0).backups is None
        True
        """
        if self.billed is not None:
            return self.billed
        known = [part for part in (self.automated, self.manual) if part is not None]
        return sum(known) if known else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """All that was found of one cluster, and of what a restore of it needs.

    `seconds` is how long snapshots took, by id. `zones` is where an instance class is offered, by
    class: empty where it is not. `cluster_groups` and `instance_groups` are the families of the
    parameter groups, by name. `subnets` is the zone of each subnet of the drill network, empty
    where it has no subnet group; `free` is how many addresses each has left. What could not be
    read is None, or not in its mapping, and in `missed`.
    """

    name: str
    cluster: Backed | Literal["absent"] | None = None
    snapshots: tuple[Snapshot, ...] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    manual_snapshots: int | None = None
    key_state: str | None = None
    quotas: Mapping[str, Quota] | None = None
    engine_status: str | None = None
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cluster_groups: Mapping[str, str] = field(default_factory=dict)
    instance_groups: Mapping[str, str] = field(default_factory=dict)
    subnets: Mapping[str, str] | None = None
    free: Mapping[str, int] | None = None
    usage: Usage | None = None
    missed: tuple[Finding, ...] = ()
