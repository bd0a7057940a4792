"""Every key of a drill of the kind `aurora`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from functions import clock, naming
from functions.aurora.definitions import KINDS
from functions.aurora.expectation import Expectation
from infra.durations import Duration
from infra.schema.base import DrillName, Identifier, Name, Schedule, Severity, Table, Values


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


class Objectives(Values):
    """What the company promised to achieve."""

    rpo: Annotated[int, Duration("1s", "30d")] = Field(default="5m", validate_default=True)
    """the longest stretch of data that may be lost"""
    rto: Annotated[int, Duration("1m", "30d")] = Field(default="30m", validate_default=True)
    """the longest time from asking for the restore to the first login"""


class Restore(Values):
    """What is restored."""

    source: Literal["point-in-time"] = Field(default="point-in-time", alias="from")
    """point-in-time (restoring from a snapshot comes in a later version)"""
    at: Annotated[str, AfterValidator(_restore_point)] = "latest"
    """latest, oldest, random, or an RFC 3339 time with a zone: 2026-11-02T05:00:00Z"""


class Capacity(Values):
    """Aurora capacity units of the restored instance; 0 would pause it and look like a failure."""

    min: Annotated[float, Field(ge=0.5, le=256, multiple_of=0.5)] = 0.5
    """Aurora capacity units, from 0.5 to 256 in steps of 0.5"""
    max: Annotated[float, Field(ge=1, le=256, multiple_of=0.5)] = 4.0
    """Aurora capacity units, from 1 to 256 in steps of 0.5"""


class Witness(Values):
    """From where the source is read while it is still whole."""

    network: Identifier | None = None
    """the name of one of deployment.source_networks"""
    endpoint: Literal["reader", "writer", "none"] = "reader"
    """reader, writer or none"""
    share: Annotated[int, Field(ge=5, le=100)] = 100
    """per cent of its time for which the witness reads tables; else it rests (from 5 to 100)"""


class SqlCheck(Values):
    """A question of the user's to the restored copy."""

    name: Annotated[str, Field(pattern=r"^\S.{0,99}$")]
    """what the report calls this check, 100 characters at most"""
    sql: Annotated[str, Field(min_length=1, max_length=8192)]
    """one SELECT that returns one value; :restore_time stands for the restored moment"""
    expect: Annotated[str, AfterValidator(_expectation)]
    """a comparison, such as > 0, <> 'open', between 1 and 9 or is not null"""


class Freshness(Values):
    """A table that must have had rows shortly before the restored moment."""

    table: Table
    """schema.table"""
    column: Name
    """the column that holds when a row came"""
    within: Annotated[int, Duration("1m", "366d")]
    """how long before the restored moment the newest row may lie"""


def _pattern(value: str) -> str:
    if value.partition(":")[0] not in (*KINDS, "*"):
        raise ValueError("kind:name, as in indexes:sales.tmp_*; the kinds: " + ", ".join(KINDS))
    return value


class Fingerprint(Values):
    """What is compared of the catalogs: every object, unless it is ignored here."""

    ignore: tuple[Annotated[str, Field(max_length=200), AfterValidator(_pattern)], ...] = ()
    """a list of objects that may differ, each as kind:name, with * for any text"""
    comments: bool = False
    """whether comments are compared, true or false"""


class Integrity(Values):
    """How closely the copy's pages, indexes and keys are looked at, and for how long."""

    level: Literal["none", "quick", "full"] = "quick"
    """none, quick (pages and the order of indexes) or full (that each row is in each index too)"""
    budget: Annotated[int, Duration("10s", "2h")] = Field(default="10m", validate_default=True)
    """how long that may take; what there is no time for is named in the report"""
    foreign_keys: Literal["none", "not-valid", "all"] = "not-valid"
    """none, not-valid (those that are marked NOT VALID) or all"""
    required: bool = False
    """true or false: whether what was not looked at keeps the drill from passing"""


class Roles(Values):
    """Database roles."""

    verifier: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "backup_drills_verifier"
    """the database role that reads the source and the copy"""


class Deadlines(Values):
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


class Timing(Values):
    """How often the drill looks."""

    poll: Annotated[int, Duration("10s", "10m")] = Field(default="30s", validate_default=True)
    """how long the line waits before it looks again"""
    restorable_margin: Annotated[int, Duration("1s", "30m")] = Field(
        default="60s", validate_default=True
    )
    """how far past the restore point the restorable time must be"""
    login: Annotated[int, Duration("10s", "1h")] = Field(default="10m", validate_default=True)
    """how long the first login may be refused before it counts as failed"""
    snapshot: Annotated[int, Duration("10s", "10m")] = Field(default="2m", validate_default=True)
    """how long a snapshot may be open on the source around the restore point"""


class AuroraDrill(Values):
    """One drill of an Aurora PostgreSQL cluster."""

    name: DrillName
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
    required_level: Literal["exact", "bounded", "counted", "none"] = "exact"
    """exact, bounded, counted or none: how closely each table must be compared"""
    levels: dict[Table, Literal["exact", "bounded", "counted", "none"]] = Field(
        default_factory=dict, json_schema_extra={"additionalProperties": False}
    )
    """exact, bounded, counted or none, by schema.table: where a table must reach another level"""
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
    """network, endpoint and share"""
    checks: tuple[SqlCheck, ...] = ()
    """a list of checks, each with name, sql and expect"""
    freshness: tuple[Freshness, ...] = ()
    """a list of tables, each with table, column and within"""
    fingerprint: Fingerprint = Fingerprint()
    """ignore and comments"""
    integrity: Integrity = Integrity()
    """level, budget, foreign_keys and required"""
    roles: Roles = Roles()
    """verifier"""
    retention_days_minimum: Annotated[int, Field(ge=1, le=35)] = 7
    """days for which the source must keep its backups, from 1 to 35"""
    require_encryption: bool = True
    """true or false"""
    deadlines: Deadlines = Deadlines()
    """restorable, restore, instance, verify and teardown"""
    timing: Timing = Timing()
    """poll, restorable_margin, login and snapshot"""
    severity: Severity = "medium"
    """critical, high, medium or low"""

    @property
    def source(self) -> str:
        """What is drilled, for people."""
        return self.cluster

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
            "levels": dict(self.levels),
            "instance_class": self.instance_class,
            "capacity": {"min": self.capacity.min, "max": self.capacity.max},
            "objectives": {
                "rpo_seconds": self.objectives.rpo,
                "rto_seconds": self.objectives.rto,
            },
            "heartbeat": self.heartbeat,
            "witness": {"endpoint": self.witness.endpoint, "share": self.witness.share},
            "checks": [check.model_dump() for check in self.checks],
            "freshness": [
                {"table": fresh.table, "column": fresh.column, "within_seconds": fresh.within}
                for fresh in self.freshness
            ],
            "fingerprint": {
                "ignore": list(self.fingerprint.ignore),
                "comments": self.fingerprint.comments,
            },
            "integrity": {
                "level": self.integrity.level,
                "budget_seconds": self.integrity.budget,
                "foreign_keys": self.integrity.foreign_keys,
                "required": self.integrity.required,
            },
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
