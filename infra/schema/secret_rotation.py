"""Every key of a drill of the kind `secret_rotation`."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from functions import naming
from infra.durations import Duration
from infra.schema.base import (
    KEY_ARN,
    ClockTime,
    DrillName,
    Identifier,
    Schedule,
    Severity,
    SourceNetwork,
    TimeZone,
    Values,
)

_LONGEST_PLACE = 64 - len(f"{naming.PREFIX}rotate-")

MANAGED = "managed"
"""In the place of a rotation function's name: the stack makes one."""


def _not_of_rds(value: object) -> object:
    if isinstance(value, str) and value.rpartition(":")[2].startswith("rds!"):
        raise ValueError("a secret that a function rotates: RDS rotates this one by itself")
    return value


def _probe(value: str) -> str:
    """https to a name: an address, a user or another port could be anybody's, or the host's own."""
    expected = "https://, a host name, and a path: no address, user, port, query or fragment"
    try:
        parts = urlsplit(value)
        has_port = parts.port is not None
    except ValueError:
        raise ValueError(expected) from None
    host = parts.hostname or ""
    odd = parts.username or parts.password or parts.query or parts.fragment or has_port
    named = re.fullmatch(r"([a-z0-9-]{1,63}\.)+[a-z][a-z0-9-]{1,62}", host)
    if parts.scheme != "https" or odd or not named or host.endswith((".internal", ".localhost")):
        raise ValueError(expected)
    return value


class RotationObjectives(Values):
    """What a rotation may take, and do to those who log in."""

    rotation: Annotated[int, Duration("1s", "1h")] = Field(default="1m", validate_default=True)
    """the longest time from asking for the rotation until AWSCURRENT is on the new version"""
    lockout: Annotated[int, Duration("1s", "1h")] = Field(default="5s", validate_default=True)
    """the longest time for which neither the old nor the new password may work"""


class Window(Values):
    """When a real secret may be rotated."""

    days: Annotated[
        tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...], Field(min_length=1)
    ]
    """a list of mon, tue, wed, thu, fri, sat, sun: the days on which the window opens"""
    start: ClockTime
    """when it opens, in quotes, such as "02:00\""""
    end: ClockTime
    """when it closes, in quotes, such as "04:00"; a time before the start is on the next day"""
    timezone: TimeZone
    """an IANA time zone, such as America/Sao_Paulo"""


class RotationDeadlines(Values):
    """How long a rotation drill may take before it gives up, and leaves things in order."""

    verify: Annotated[int, Duration("5m", "24h")] = Field(default="2h", validate_default=True)
    """how long everything up to the end of the verification may take"""
    teardown: Annotated[int, Duration("1m", "24h")] = Field(default="30m", validate_default=True)
    """how long the teardown may take"""


class RotationTiming(Values):
    """How often the drill looks, and for how long."""

    poll: Annotated[int, Duration("10s", "10m")] = Field(default="30s", validate_default=True)
    """how long the line waits before it looks again"""
    rotation: Annotated[int, Duration("1m", "13m")] = Field(default="10m", validate_default=True)
    """how long a rotation is watched before it counts as failed, 13m at most"""
    cache: Annotated[int, Duration("1s", "2h")] = Field(default="5m", validate_default=True)
    """how long the application may keep a secret before it reads it again"""


class RotationDrill(Values):
    """One drill of a secret that a function rotates in Secrets Manager."""

    name: DrillName
    """lower-case letters, digits and single hyphens, 39 at most, as in secret-prod-monthly"""
    kind: Literal["secret_rotation"]
    """secret_rotation"""
    secret: Annotated[
        str,
        BeforeValidator(_not_of_rds),
        Field(
            pattern=r"^([A-Za-z0-9/_+=.@-]{1,512}"
            r"|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:"
            r"[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6})$"
        ),
    ]
    """the name or the whole ARN of the secret whose rotation is drilled"""
    mode: Literal["rehearsal", "live"] = "rehearsal"
    """rehearsal (a secret of the drill's own is rotated) or live (this very secret is)"""
    window: Window | None = None
    """days, start, end and timezone: obligatory in mode live, and only there"""
    function: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    """managed (the stack makes the rotation function), or the name, not the ARN, of yours"""
    network: Identifier | None = None
    """the name of the one of deployment.source_networks that the rotation function is in"""
    role: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,56}$")] = "backup_drills_rotation"
    """the database role of the rehearsal: its password is the one that is rotated"""
    kms_key: Annotated[str, Field(pattern=KEY_ARN)] | None = None
    """the ARN of the key that encrypts the secret; left away for the key of Secrets Manager"""
    cluster: Identifier | None = None
    """the identifier of the Aurora cluster that the secret opens"""
    hosts: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$")], ...] = ()
    """a list of hosts that the secret may name besides the cluster's own endpoints"""
    rotation_days_maximum: Annotated[int, Field(ge=1, le=1000)] = 30
    """days that may pass between two rotations, from 1 to 1000"""
    require_tls: bool = True
    """true or false"""
    probes: tuple[Annotated[str, AfterValidator(_probe)], ...] = ()
    """a list of https URLs at which the application answers 2xx while it gets into its database"""
    schedule: Schedule
    """cron and timezone"""
    objectives: RotationObjectives = RotationObjectives()
    """rotation and lockout"""
    deadlines: RotationDeadlines = RotationDeadlines()
    """verify and teardown"""
    timing: RotationTiming = RotationTiming()
    """poll, rotation and cache"""
    severity: Severity = "medium"
    """critical, high, medium or low"""

    @property
    def source(self) -> str:
        """What is drilled, for people."""
        return self.secret

    @property
    def is_managed(self) -> bool:
        """Whether the stack makes the rotation function."""
        return self.function == MANAGED

    @property
    def rehearsal_secret(self) -> str:
        """The name of the drill's own secret."""
        return f"{naming.PREFIX}rotation-{self.name}"

    @property
    def rotation_function(self) -> str:
        """The name of the function that rotates; the stack's own is named for its network.

        A secret names its function: the name must not change with the order of drills.
        """
        if not self.is_managed:
            return self.function
        place = self.network or "anywhere"
        if len(place) > _LONGEST_PLACE:
            digest = hashlib.sha256(place.encode()).hexdigest()[:8]
            place = f"{place[: _LONGEST_PLACE - 9]}-{digest}"
        return f"{naming.PREFIX}rotate-{place}"

    def document(self, *, network: SourceNetwork | None) -> dict[str, Any]:
        """The drill as the line carries it: docs/design.md, "The document"."""
        return {
            "name": self.name,
            "kind": self.kind,
            "secret": self.secret,
            "mode": self.mode,
            "window": self.window.model_dump(mode="json") if self.window else None,
            "rehearsal": {"secret": self.rehearsal_secret, "role": self.role},
            "function": self.rotation_function,
            "kms_key": self.kms_key or "",
            "managed": self.is_managed,
            "network": {
                "name": network.name,
                "subnets": list(network.subnets),
                "security_group": network.security_group,
            }
            if network
            else None,
            "cluster": self.cluster or "",
            "hosts": list(self.hosts),
            "rotation_days_maximum": self.rotation_days_maximum,
            "require_tls": self.require_tls,
            "probes": list(self.probes),
            "objectives": {
                "rto_seconds": self.objectives.rotation,
                "lockout_seconds": self.objectives.lockout,
            },
            "deadlines": {f"{key}_seconds": value for key, value in self.deadlines},
            "timing": {f"{key}_seconds": value for key, value in self.timing},
            "severity": self.severity,
        }
