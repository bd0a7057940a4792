"""What a lab's Secrets Manager keeps: secrets, their versions, and what rotations have done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lab.secrets_schedule import next_rotation

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
PRINCIPAL = "secretsmanager.amazonaws.com"
KEPT_VERSIONS = 100

Request = Mapping[str, Any]
Value = str | bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class RotationStep:
    """An invocation of a rotation function; `moment` is of the monotonic clock."""

    secret: str
    step: str
    version: str
    moment: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RotationFailure:
    """A step that failed: AWS tells it to CloudTrail, and to nobody else."""

    secret: str
    step: str
    error_type: str


@dataclass(eq=False, kw_only=True, slots=True)
class Version:
    """A version; without a value it is only the place of the labels that a rotation put there."""

    id: str
    created: datetime
    value: Value | None = None
    labels: set[str] = field(default_factory=set)


@dataclass(eq=False, kw_only=True, slots=True)
class StoredSecret:
    """A secret, and all that DescribeSecret shows of it."""

    name: str
    arn: str
    created: datetime
    changed: datetime
    description: str | None = None
    key: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    owner: str | None = None
    function: str | None = None
    rules: Mapping[str, Any] | None = None
    rotation_enabled: bool | None = None
    rotated: datetime | None = None
    next_rotation: datetime | None = None
    accessed: datetime | None = None
    deleted: datetime | None = None

    def holder(self, label: str) -> Version | None:
        """The version that bears a label."""
        return next((each for each in self.versions.values() if label in each.labels), None)

    def put_label(self, label: str, version: Version) -> None:
        """Label a version, and no other; where AWSCURRENT was, AWSPREVIOUS goes."""
        holder = self.holder(label)
        if holder is not version:
            version.labels.add(label)
            if holder is not None:
                holder.labels.discard(label)
                if label == CURRENT:
                    self.put_label(PREVIOUS, holder)

    def tidy(self) -> None:
        """Forget what bears neither label nor value, and the oldest of what bears no label."""
        bare = [version for version in self.versions.values() if not version.labels]
        deprecated = [version for version in bare if version.value is not None]
        deprecated.sort(key=lambda version: version.created)
        kept = deprecated[-KEPT_VERSIONS:]
        for version in bare:
            if version not in kept:
                del self.versions[version.id]

    def schedule(self, moment: datetime) -> None:
        """The value has changed, which counts as a rotation: the next one is due later."""
        if self.rules and self.rotation_enabled:
            self.next_rotation = next_rotation(self.rules, moment)


def now() -> datetime:
    """Of this machine's clock, in UTC."""
    return datetime.now(UTC)
