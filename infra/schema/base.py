"""What the keys of several kinds have in common: names, schedules, networks."""

from __future__ import annotations

import zoneinfo
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from functions import cron, naming
from infra.durations import Duration

_LONGEST_IDENTIFIER = 63
_LONGEST_NAME = _LONGEST_IDENTIFIER - len(
    naming.instance_name(naming.cluster_name("", "20261102-1a2b3c"))
)

KEY_ARN = r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-zA-Z-]+$"

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


def _whole_minutes(value: int) -> int:
    if value % 60:
        raise ValueError("whole minutes, such as 15m or 2h")
    return value


TimeZone = Annotated[str, AfterValidator(_time_zone)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)]
Table = Annotated[str, Field(pattern=r"^[^.\s\"]{1,63}\.[^.\s\"]{1,63}$")]
Name = Annotated[str, Field(pattern=r"^[^\s\"]{1,63}$")]
ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Values(BaseModel):
    """Frozen; unknown keys are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        populate_by_name=False,
    )


class SourceNetwork(Values):
    """Where a source can be reached: a witness or a rotation function runs there."""

    name: Identifier
    """a word by which a drill names this network"""
    subnets: Annotated[
        tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...], Field(min_length=1)
    ]
    """a list of subnets in the source's VPC, such as subnet-0a1b2c3d4e5f60718"""
    security_group: Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")]
    """a security group that the source's own admits, such as sg-0a1b2c3d4e5f60718"""


class Schedule(Values):
    """When a drill starts by itself."""

    cron: Annotated[str, AfterValidator(_cron)]
    """six fields of EventBridge Scheduler's cron, such as 0 5 ? * 2#1 * (first Monday, 05:00)"""
    timezone: TimeZone
    """an IANA time zone, such as America/Sao_Paulo"""
    enabled: bool = True
    """true or false"""
    window: Annotated[int, Duration("1m", "24h"), AfterValidator(_whole_minutes)] | None = None
    """how long after its time it may start at the latest, in whole minutes, 24h at most"""

    @property
    def expression(self) -> str:
        """As EventBridge Scheduler writes it."""
        return f"cron({self.cron})"


DrillName = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=_LONGEST_NAME)
]
