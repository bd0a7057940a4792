"""Every key of drills.yaml: its type, its default, and what it is expected to be.

The text below a key is its description in docs/drills.schema.json, and the end of the error
message for a wrong value.
"""

from __future__ import annotations

import ipaddress
import zoneinfo
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from functions import clock, naming
from functions.aurora.expectation import Expectation
from infra import cron
from infra.durations import Duration

_LONGEST_IDENTIFIER = 63
_LONGEST_NAME = _LONGEST_IDENTIFIER - len(
    naming.instance_name(naming.cluster_name("", "20261102-1a2b3c"))
)

Severity = Literal["critical", "high", "medium", "low"]
"""How urgent it is that a drill did not pass."""

Heard = Literal["critical", "high", "medium", "low", "info"]
"""What somebody can be told of: info is a drill that passed."""


def _time_zone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        close = get_close_matches(value, zoneinfo.available_timezones(), n=1)
        raise ValueError(f"an IANA time zone, such as {close[0] if close else 'America/Sao_Paulo'}")
    return value


def _cron(value: str) -> str:
    if fault := cron.fault(value):
        raise ValueError(
            f"six fields of EventBridge Scheduler's cron, such as 0 5 ? * 2#1 *; {fault}"
        )
    return value


def _restore_point(value: str) -> str:
    if value not in ("latest", "oldest", "random"):
        try:
            clock.parse(value)
        except ValueError:
            raise ValueError(
                "latest, oldest, random, or an RFC 3339 time with a zone: 2026-11-02T05:00:00Z"
            ) from None
    return value


def _expectation(value: str) -> str:
    try:
        Expectation.parse(value)
    except ValueError as error:
        raise ValueError(str(error).partition(": expected ")[2]) from None
    return value


def _cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        network = None
    if network is None or not network.is_private or not 16 <= network.prefixlen <= 26:
        raise ValueError("a private IPv4 network from /16 to /26, such as 10.91.0.0/24")
    return value


Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)]
Table = Annotated[str, Field(pattern=r"^[^.\s\"]{1,63}\.[^.\s\"]{1,63}$")]
Name = Annotated[str, Field(pattern=r"^[^\s\"]{1,63}$")]


class _Values(BaseModel):
    """Frozen; unknown keys are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        populate_by_name=False,
    )


class Objectives(_Values):
    """What the company promised to achieve."""

    rpo: Annotated[int, Duration("1s", "30d")] = Field(default="5m", validate_default=True)
    """the longest stretch of data that may be lost"""
    rto: Annotated[int, Duration("1m", "30d")] = Field(default="30m", validate_default=True)
    """the longest time from asking for the restore to the first login"""


class Subscription(_Values):
    """Who hears of what."""

    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    """an e-mail address"""
    severities: Annotated[tuple[Heard, ...], Field(min_length=1)]
    """a list of critical, high, medium, low, info"""


class SourceNetwork(_Values):
    """Where a source can be reached: the witness reads it from there."""

    name: Identifier
    """a word by which a drill's witness names this network"""
    subnets: Annotated[
        tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...], Field(min_length=1)
    ]
    """a list of subnets in the source's VPC, such as subnet-0a1b2c3d4e5f60718"""
    security_group: Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")]
    """a security group that the source's own admits, such as sg-0a1b2c3d4e5f60718"""


class EvidenceLock(_Values):
    """How long a report can be neither changed nor deleted."""

    lock_mode: Literal["governance", "compliance", "none"] = "governance"
    """governance, compliance (nobody can shorten it, not even the account's root) or none"""
    lock: Annotated[int, Duration("1d", "3650d")] = Field(default="400d", validate_default=True)
    """how long a report is locked, in days"""

    @property
    def lock_days(self) -> int:
        """As S3 counts it."""
        return self.lock // 86_400


class Permissions(_Values):
    """What narrows the roles further than the defaults do."""

    source_keys: tuple[
        Annotated[
            str,
            Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-zA-Z-]+$"),
        ],
        ...,
    ] = ()
    """the ARNs of the keys that encrypt the sources; by default any key, but only through RDS"""


LogRetention = Literal[30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653]


class Deployment(_Values):
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


class Restore(_Values):
    """What is restored."""

    source: Literal["point-in-time"] = Field(default="point-in-time", alias="from")
    """point-in-time (restoring from a snapshot comes in a later version)"""
    at: Annotated[str, AfterValidator(_restore_point)] = "latest"
    """latest, oldest, random, or an RFC 3339 time with a zone: 2026-11-02T05:00:00Z"""


class Capacity(_Values):
    """Aurora capacity units of the restored instance; 0 would pause it and look like a failure."""

    min: Annotated[float, Field(ge=0.5, le=256, multiple_of=0.5)] = 0.5
    """Aurora capacity units, from 0.5 to 256 in steps of 0.5"""
    max: Annotated[float, Field(ge=1, le=256, multiple_of=0.5)] = 4.0
    """Aurora capacity units, from 1 to 256 in steps of 0.5"""


class Witness(_Values):
    """From where the source is read while it is still whole."""

    network: Identifier | None = None
    """the name of one of deployment.source_networks"""
    endpoint: Literal["reader", "writer", "none"] = "reader"
    """reader, writer or none"""


class SqlCheck(_Values):
    """A question of the user's to the restored copy."""

    name: Annotated[str, Field(pattern=r"^\S.{0,99}$")]
    """what the report calls this check, 100 characters at most"""
    sql: Annotated[str, Field(min_length=1, max_length=8192)]
    """one SELECT that returns one value; :restore_time stands for the restored moment"""
    expect: Annotated[str, AfterValidator(_expectation)]
    """a comparison, such as > 0, <> 'open', between 1 and 9 or is not null"""


class Freshness(_Values):
    """A table that must have had rows shortly before the restored moment."""

    table: Table
    """schema.table"""
    column: Name
    """the column that holds when a row came"""
    within: Annotated[int, Duration("1m", "366d")]
    """how long before the restored moment the newest row may lie"""


class Roles(_Values):
    """Database roles."""

    verifier: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "backup_drills_verifier"
    """the database role that reads the source and the copy"""


class Deadlines(_Values):
    """How long each stretch of a drill may take before the drill gives up, and tears down."""

    restorable: Annotated[int, Duration("1m", "6h")] = Field(default="30m", validate_default=True)
    """how long the restore point may take to become restorable"""
    restore: Annotated[int, Duration("1m", "24h")] = Field(default="3h", validate_default=True)
    """how long the cluster may take to become available"""
    instance: Annotated[int, Duration("1m", "24h")] = Field(default="1h", validate_default=True)
    """how long the instance may take to become available"""
    verify: Annotated[int, Duration("1m", "24h")] = Field(default="4h", validate_default=True)
    """how long the verification may take"""
    teardown: Annotated[int, Duration("1m", "24h")] = Field(default="1h", validate_default=True)
    """how long the teardown may take"""


class Timing(_Values):
    """How often the drill looks."""

    poll: Annotated[int, Duration("10s", "10m")] = Field(default="30s", validate_default=True)
    """how long the line waits before it looks again"""
    restorable_margin: Annotated[int, Duration("1s", "30m")] = Field(
        default="60s", validate_default=True
    )
    """how far past the restore point the restorable time must be"""
    login: Annotated[int, Duration("10s", "1h")] = Field(default="10m", validate_default=True)
    """how long the first login may be refused before it counts as failed"""


class Schedule(_Values):
    """When a drill starts by itself."""

    cron: Annotated[str, AfterValidator(_cron)]
    """six fields of EventBridge Scheduler's cron, such as 0 5 ? * 2#1 * (first Monday, 05:00)"""
    timezone: Annotated[str, AfterValidator(_time_zone)]
    """an IANA time zone, such as America/Sao_Paulo"""
    enabled: bool = True
    """true or false"""

    @property
    def expression(self) -> str:
        """As EventBridge Scheduler writes it."""
        return f"cron({self.cron})"


class AuroraDrill(_Values):
    """One drill of an Aurora PostgreSQL cluster."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=_LONGEST_NAME)]
    """lower-case letters, digits and single hyphens, 39 at most, as in aurora-prod-monthly"""
    kind: Literal["aurora"]
    """aurora"""
    cluster: Identifier
    """the identifier of the Aurora cluster to drill, in lower case"""
    engine_family: Annotated[str, Field(pattern=r"^aurora-postgresql(1[4-9]|[2-9][0-9])$")]
    """the family of the cluster's parameter group, such as aurora-postgresql15 (14 or newer)"""
    database: Name
    """the name of a database of the cluster"""
    schemas: tuple[Name, ...] = ()
    """a list of the schemas whose tables are compared; none given, all of them are"""
    exclude: tuple[Table, ...] = ()
    """a list of tables that are not compared, each as schema.table"""
    restore: Restore = Restore()
    """from and at"""
    required_level: Literal["bounded", "counted", "none"] = "bounded"
    """bounded, counted or none (exact comes in a later version)"""
    schedule: Schedule
    """cron and timezone"""
    instance_class: Annotated[str, Field(pattern=r"^db\.([a-z0-9-]+\.)?[a-z0-9]+$")] = (
        "db.serverless"
    )
    """db.serverless, or an instance class such as db.r7g.large"""
    capacity: Capacity = Capacity()
    """min and max"""
    objectives: Objectives = Objectives()
    """rpo and rto"""
    heartbeat: bool = True
    """true or false"""
    witness: Witness
    """network and endpoint"""
    checks: tuple[SqlCheck, ...] = ()
    """a list of checks, each with name, sql and expect"""
    freshness: tuple[Freshness, ...] = ()
    """a list of tables, each with table, column and within"""
    roles: Roles = Roles()
    """verifier"""
    retention_days_minimum: Annotated[int, Field(ge=1, le=35)] = 7
    """days for which the source must keep its backups, from 1 to 35"""
    require_encryption: bool = True
    """true or false"""
    deadlines: Deadlines = Deadlines()
    """restorable, restore, instance, verify and teardown"""
    timing: Timing = Timing()
    """poll, restorable_margin and login"""
    severity: Severity = "medium"
    """critical, high, medium or low"""

    @property
    def parameter_group(self) -> str:
        """The name of the drill's own parameter groups, one of the cluster and one of instances."""
        return f"{naming.PREFIX}{self.engine_family}"

    def document(self) -> dict[str, Any]:
        """The drill as the line carries it: docs/design.md, "The document"."""
        return {
            "name": self.name,
            "kind": self.kind,
            "cluster": self.cluster,
            "engine_family": self.engine_family,
            "database": self.database,
            "schemas": list(self.schemas),
            "exclude": list(self.exclude),
            "restore": {"from": self.restore.source, "at": self.restore.at},
            "required_level": self.required_level,
            "instance_class": self.instance_class,
            "capacity": {"min": self.capacity.min, "max": self.capacity.max},
            "objectives": {
                "rpo_seconds": self.objectives.rpo,
                "rto_seconds": self.objectives.rto,
            },
            "heartbeat": self.heartbeat,
            "witness": {"endpoint": self.witness.endpoint},
            "checks": [check.model_dump() for check in self.checks],
            "freshness": [
                {"table": fresh.table, "column": fresh.column, "within_seconds": fresh.within}
                for fresh in self.freshness
            ],
            "roles": {"verifier": self.roles.verifier},
            "retention_days_minimum": self.retention_days_minimum,
            "require_encryption": self.require_encryption,
            "parameter_groups": {
                "cluster": self.parameter_group,
                "instance": self.parameter_group,
            },
            "deadlines": {f"{key}_seconds": value for key, value in self.deadlines},
            "timing": {f"{key}_seconds": value for key, value in self.timing},
            "severity": self.severity,
        }


class Configuration(_Values):
    """What is drilled, when, how strictly, and who hears of it."""

    deployment: Deployment
    """what differs from company to company: zones, source networks, evidence lock"""
    notify: tuple[Subscription, ...] = ()
    """a list of subscriptions, each with email and severities"""
    objectives: Objectives = Objectives()
    """rpo and rto, for the drills that have none of their own"""
    drills: Annotated[tuple[AuroraDrill, ...], Field(min_length=1)]
    """a list of drills"""

    def network(self, name: str) -> SourceNetwork:
        """The source network of that name. Raises KeyError when there is none."""
        return {network.name: network for network in self.deployment.source_networks}[name]
