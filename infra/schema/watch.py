"""Every key of `watch`: what is looked at between the drills, and when somebody is told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from infra.durations import Duration
from infra.schema.base import ClockTime, TimeZone, Values


class Reminder(Values):
    """When what is still open is told once more, every day."""

    at: ClockTime = "09:00"
    """a time of the day, in quotes, such as "09:00\""""
    timezone: TimeZone = "UTC"
    """an IANA time zone, such as America/Sao_Paulo"""

    @property
    def cron(self) -> str:
        """As EventBridge Scheduler writes it."""
        hour, minute = self.at.split(":")
        return f"cron({int(minute)} {int(hour)} * * ? *)"


class Watching(Values):
    """How late and how old is too late and too old."""

    restorable_lag: Annotated[int, Duration("6m", "24h")] = Field(
        default="15m", validate_default=True
    )
    """how far behind now a cluster's latest restorable time may be; some 5m is usual"""
    snapshot_age: Annotated[int, Duration("24h", "35d")] = Field(
        default="26h", validate_default=True
    )
    """how old the last automated snapshot may be, once the backup window is two hours past"""
    grace: Annotated[int, Duration("1h", "7d")] = Field(default="12h", validate_default=True)
    """how long after its scheduled time its PASS may be missing; never less than it may run"""
    reminder: Reminder = Reminder()
    """at and timezone"""
    dashboard: bool = True
    """true or false"""
