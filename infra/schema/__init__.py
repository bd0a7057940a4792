"""Every key of drills.yaml: its type, its default, and what it is expected to be.

The text below a key is its description in docs/drills.schema.json, and the end of the error
message for a wrong value.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from infra.durations import Duration
from infra.schema.aurora import AuroraDrill, Objectives
from infra.schema.base import KEY_ARN, Schedule, Severity, SourceNetwork, Values
from infra.schema.notify import SlackChannel, Subscription, TeamsChannel
from infra.schema.s3_versions import RestoreBucket, S3VersionsDrill
from infra.schema.secret_rotation import RotationDrill
from infra.schema.watch import Reminder, Watching

__all__ = [
    "AuroraDrill",
    "Configuration",
    "Drill",
    "Reminder",
    "RestoreBucket",
    "RotationDrill",
    "S3VersionsDrill",
    "Schedule",
    "Severity",
    "SlackChannel",
    "SourceNetwork",
    "Subscription",
    "TeamsChannel",
    "Watching",
]


def _cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        network = None
    if network is None or not network.is_private or not 16 <= network.prefixlen <= 26:
        raise ValueError("a private IPv4 network from /16 to /26, such as 10.91.0.0/24")
    return value


class EvidenceLock(Values):
    """How long a report can be neither changed nor deleted."""

    lock_mode: Literal["governance", "compliance", "none"] = "governance"
    """governance, compliance (nobody can shorten it, not even the account's root) or none"""
    lock: Annotated[int, Duration("1d", "3650d")] = Field(default="400d", validate_default=True)
    """how long a report is locked, in days"""

    @property
    def lock_days(self) -> int:
        """As S3 counts it."""
        return self.lock // 86_400


class Permissions(Values):
    """What narrows the roles further than the defaults do."""

    source_keys: tuple[
        Annotated[
            str,
            Field(pattern=KEY_ARN),
        ],
        ...,
    ] = ()
    """the ARNs of the keys of clusters, secrets and buckets; by default any key of the account"""


LogRetention = Literal[30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]


class Deployment(Values):
    """What differs from company to company, and nothing that a drill means."""

    stack: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)] = (
        "backup-drills"
    )
    """the name of the stack: lower-case letters, digits and single hyphens, 40 at most"""
    zones: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$")], ...],
        Field(min_length=2, max_length=3),
    ]
    """two or three availability zones for the drill VPC, such as sa-east-1a"""
    cidr: Annotated[str, AfterValidator(_cidr)] = "10.91.0.0/24"
    """the network of the drill VPC; it is connected to nothing, so it may overlap any other"""
    s3_prefix_list: Annotated[str, Field(pattern=r"^pl-[0-9a-f]{8,17}$")] | None = None
    """the id of the region's S3 prefix list, such as pl-0a1b2c3d"""
    source_networks: tuple[SourceNetwork, ...] = ()
    """a list of networks from which the witness reads the sources"""
    evidence: EvidenceLock = EvidenceLock()
    """lock_mode and lock"""
    log_retention_days: LogRetention = 400
    """a number of days: 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827 or 3653"""
    permissions: Permissions = Permissions()
    """source_keys"""


Drill = Annotated[AuroraDrill | RotationDrill | S3VersionsDrill, Field(discriminator="kind")]


class Configuration(Values):
    """What is drilled, when, how strictly, and who hears of it."""

    deployment: Deployment
    """what differs from company to company: zones, source networks, evidence lock"""
    notify: tuple[Subscription, ...] = ()
    """a list of subscriptions, each with email, slack or teams, and severities"""
    watch: Watching = Watching()
    """restorable_lag, snapshot_age, grace, reminder and dashboard"""
    objectives: Objectives = Objectives()
    """rpo and rto, for the drills that have none of their own"""
    restore_buckets: tuple[RestoreBucket, ...] = ()
    """a list of buckets, each with bucket, and to or in_place, that a machine can restore whole"""
    drills: Annotated[tuple[Drill, ...], Field(min_length=1)]
    """a list of drills"""

    @property
    def aurora(self) -> tuple[AuroraDrill, ...]:
        """The drills of Aurora clusters."""
        return tuple(drill for drill in self.drills if isinstance(drill, AuroraDrill))

    @property
    def rotations(self) -> tuple[RotationDrill, ...]:
        """The drills of secrets."""
        return tuple(drill for drill in self.drills if isinstance(drill, RotationDrill))

    @property
    def s3_versions(self) -> tuple[S3VersionsDrill, ...]:
        """The drills of buckets."""
        return tuple(drill for drill in self.drills if isinstance(drill, S3VersionsDrill))

    def document(self, drill: Drill, *, own_bucket: str = "") -> dict[str, Any]:
        """A drill as the line carries it: docs/design.md, "The document".

        `own_bucket` is the bucket that the stack makes for a drill of a bucket.
        """
        if isinstance(drill, S3VersionsDrill):
            return drill.document(own_bucket=own_bucket)
        if isinstance(drill, RotationDrill):
            return drill.document(network=self.network_of(drill))
        return drill.document()

    def network_of(self, drill: RotationDrill) -> SourceNetwork | None:
        """Where the function that rotates a drill's secret is; None for outside any VPC."""
        return self.network(drill.network) if drill.network else None

    def network(self, name: str) -> SourceNetwork:
        """The source network of that name. Raises KeyError when there is none."""
        return {network.name: network for network in self.deployment.source_networks}[name]
