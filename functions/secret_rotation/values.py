"""What the rotation drill knows of secrets, their versions and their functions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
PREVIOUS = "AWSPREVIOUS"

ENGINES = ("postgres", "aurora-postgresql")
"""What a rotation template for PostgreSQL accepts as `engine`: notes on the templates of AWS."""


class Mode(StrEnum):
    """Which secret is rotated."""

    REHEARSAL = "rehearsal"
    LIVE = "live"


class Strategy(StrEnum):
    """How the rotation function works, recognised from the secret."""

    SINGLE = "single user"
    ALTERNATING = "alternating users"


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version of a secret that has a value, as ListSecretVersionIds tells it."""

    id: str
    created_at: datetime
    stages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A secret as DescribeSecret tells it: never its value.

    `stages` has every version with a label, also one that has no value yet. `schedule_days` is None
    where no schedule is set, or none that can be counted in days. `changed_at` is when anything of
    it last changed, `replicas` are the states of its copies by region. `asked_at` is the service's
    own clock when it answered; where it did not tell, `tells_time` is false and the clock is ours.
    """

    arn: str
    name: str
    kms_key: str
    owner: str
    deleted: bool
    rotation_enabled: bool
    rotation_function: str
    schedule_days: float | None
    last_rotated_at: datetime | None
    next_rotation_at: datetime | None
    stages: Mapping[str, tuple[str, ...]]
    asked_at: datetime
    tells_time: bool = True
    created_at: datetime | None = None
    changed_at: datetime | None = None
    replicas: Mapping[str, str] = field(default_factory=dict)

    def version(self, stage: str) -> str:
        """The version that bears a label; empty where none does."""
        return next((v for v, stages in self.stages.items() if stage in stages), "")

    @property
    def pending(self) -> str:
        """The version of a rotation that has not finished; empty where there is none."""
        version = self.version(PENDING)
        return "" if version == self.version(CURRENT) else version


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """A rotation that ended, of a secret by its ARN, as CloudTrail tells it."""

    secret: str
    at: datetime
    succeeded: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """The rotations of all secrets that CloudTrail knows of, since a time."""

    since: datetime
    rotations: tuple[Rotation, ...]

    def of(self, secret: str) -> tuple[int, int]:
        """How many rotations of a secret succeeded, and how many failed.

        >>> now = datetime.fromisoformat("2026-11-26T12:00:00Z")
        >>> ended = Rotation(secret="arn:a", at=now, succeeded=True)
        >>> History(since=now, rotations=(ended, ended)).of("arn:a")
        (2, 0)
        """
        ended = [r.succeeded for r in self.rotations if r.secret == secret and r.at >= self.since]
        return ended.count(True), ended.count(False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Invoker:
    """A service that a function's policy lets invoke it, for the resources of a pattern alone."""

    service: str
    source: str = "*"


@dataclass(frozen=True, kw_only=True, slots=True)
class RotationFunction:
    """A Lambda function that rotates; `timeout_seconds` is how long one of its steps may run."""

    arn: str
    name: str
    state: str
    last_update: str
    timeout_seconds: int = 0
    log_group: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    invokers: tuple[Invoker, ...] = ()


def function_name(arn: str) -> tuple[str, str]:
    """The name in a function's ARN, and the version or alias behind it; empty where none is.

    >>> function_name("arn:aws:lambda:sa-east-1:1:function:rotate:live")
    ('rotate', 'live')
    """
    name, _, qualifier = arn.rpartition(":function:")[2].partition(":")
    return name, qualifier


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """What a secret holds. The password never shows: not in a repr, not in an error.

    >>> Credential(host="db", port=5432, database="d", username="u", password="hidden",
    ...            engine="postgres")
    Credential(host='db', port=5432, database='d', username='u', engine='postgres', superuser='')
    """

    host: str
    port: int
    database: str
    username: str
    password: str = field(repr=False)
    engine: str
    superuser: str = ""

    @property
    def strategy(self) -> Strategy:
        """A secret that names a superuser's secret is rotated between two users."""
        return Strategy.ALTERNATING if self.superuser else Strategy.SINGLE

    def facts(self) -> dict[str, str]:
        """All that a rotation must not change, by the secret's own keys."""
        return {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.database,
            "engine": self.engine,
            "masterarn": self.superuser,
        }
