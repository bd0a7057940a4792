"""What we know of clusters and instances, as frozen values, and what their states mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """A DB cluster as DescribeDBClusters shows it. Times are UTC; None while AWS does not say."""

    identifier: str
    arn: str
    resource_id: str
    status: str
    engine: str
    engine_version: str
    encrypted: bool
    kms_key_id: str
    port: int
    endpoint: str
    reader_endpoint: str
    earliest_restorable_time: datetime | None
    latest_restorable_time: datetime | None
    retention_days: int
    iam_authentication: bool
    members: tuple[str, ...]
    tags: Mapping[str, str]
    created_at: datetime | None
    lifecycle_support: str
    storage_type: str
    deletion_protection: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """A DB instance as DescribeDBInstances shows it; `cluster` is the one that it is in."""

    identifier: str
    cluster: str
    arn: str
    status: str
    tags: Mapping[str, str]
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """An account quota: how many there are, and how many there may be."""

    used: int
    limit: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """All that Plan looks at before it lets a drill begin. None is: not found."""

    source: Cluster | None
    key_state: str | None
    quotas: Mapping[str, Quota]
    subnet_zones: tuple[str, ...] | None
    parameter_families: Mapping[str, str | None] = field(default_factory=dict)


class State(StrEnum):
    """What a status means to whoever waits for `available`."""

    AVAILABLE = "available"
    WAIT = "wait"
    HOPELESS = "hopeless"


# "DB cluster status" and "DB instance status" of the Aurora user guide.
_HOPELESS = frozenset(
    {
        "cloning-failed",
        "deleted",
        "deleting",
        "failed",
        "inaccessible-encryption-credentials",
        "inaccessible-encryption-credentials-recoverable",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "insufficient-capacity",
        "migration-failed",
        "restore-error",
        "storage-full",
    }
)


# What passes by itself: a source in one of these is waited for before it is refused.
_PASSING = frozenset(
    {
        "backing-up",
        "configuring-enhanced-monitoring",
        "configuring-iam-database-auth",
        "configuring-log-exports",
        "failing-over",
        "maintenance",
        "modifying",
        "promoting",
        "rebooting",
        "renaming",
        "resetting-master-credentials",
        "starting",
        "update-iam-db-auth",
        "upgrading",
    }
)


def passes(status: str) -> bool:
    """Whether a source in this state becomes available by itself.

    >>> passes("backing-up"), passes("stopped"), passes("available")
    (True, False, False)
    """
    return status in _PASSING


def state_of(status: str) -> State:
    """What a status means. AWS adds states: an unknown one is waited for, until the deadline.

    >>> state_of("available"), state_of("backing-up"), state_of("incompatible-restore")
    (<State.AVAILABLE: 'available'>, <State.WAIT: 'wait'>, <State.HOPELESS: 'hopeless'>)
    """
    if status == "available":
        return State.AVAILABLE
    return State.HOPELESS if status in _HOPELESS else State.WAIT
