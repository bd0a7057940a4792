"""What a deployment watches: its sources, each once, and its drills. No construct is made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from functions import naming
from functions.watch.board import Objectives
from functions.watch.watched import Drill, OwnSchedule, Source, Watched
from infra import schema
from infra.kinds import aurora_health, s3_versions_health, secret_rotation_health
from infra.schema import AuroraDrill, Configuration

PATIENCE_SECONDS: Final = 2 * 60 * 60
"""How late the Scheduler may start something; its own default would start a drill of five in the
morning a day later."""

_EVERY_HOUR: Final = "rate(1 hour)"

_SOURCES: Final[tuple[Callable[[Configuration], list[Source]], ...]] = (
    aurora_health.sources,
    s3_versions_health.sources,
    secret_rotation_health.sources,
)


def watched(configuration: Configuration) -> Watched:
    """The list that collector, sweeper and reminder are given."""
    stack = configuration.deployment.stack
    return Watched(
        stack=stack,
        schedule_group=schedule_group(stack),
        sources=tuple(source for sources in _SOURCES for source in sources(configuration)),
        drills=tuple(_drill(drill, configuration) for drill in configuration.drills),
        schedules=(
            OwnSchedule(name="collector", expression=_EVERY_HOUR, timezone="UTC"),
            OwnSchedule(name="sweeper", expression=_EVERY_HOUR, timezone="UTC"),
            OwnSchedule(
                name="reminder",
                expression=configuration.watch.reminder.cron,
                timezone=configuration.watch.reminder.timezone,
            ),
        ),
    )


def objectives(configuration: Configuration) -> dict[str, Objectives]:
    """What each drill must keep to, by its name: the level lines of the dashboard."""
    return {drill.name: _objectives(drill) for drill in configuration.drills}


def schedule_group(stack: str) -> str:
    """The name of the group that holds the schedules of a stack.

    >>> schedule_group("backup-drills")
    'drill-backup-drills'
    """
    return f"{naming.PREFIX}{stack}"


def _drill(drill: schema.Drill, configuration: Configuration) -> Drill:
    name = f"{naming.PREFIX}{drill.name}"
    return Drill(
        name=drill.name,
        kind=drill.kind,
        source=drill.source,
        severity=drill.severity,
        cron=drill.schedule.cron,
        timezone=drill.schedule.timezone,
        enabled=drill.schedule.enabled,
        grace_seconds=max(configuration.watch.grace, _longest(drill)),
        machine=name,
        schedule=name,
        at=drill.restore.at if isinstance(drill, AuroraDrill) else "",
        retention_days=drill.retention_days_minimum if isinstance(drill, AuroraDrill) else 0,
    )


def _longest(drill: schema.Drill) -> int:
    """How long after its scheduled time a run may still be going on, within its own deadlines."""
    deadlines = sum(int(value) for _, value in drill.deadlines)
    return PATIENCE_SECONDS + (drill.schedule.window or 0) + deadlines


def _objectives(drill: schema.Drill) -> Objectives:
    match drill:
        case AuroraDrill():
            return Objectives(rto=drill.objectives.rto, rpo=drill.objectives.rpo)
        case schema.RotationDrill():
            return Objectives(rto=drill.objectives.rotation)
        case schema.S3VersionsDrill():
            return Objectives(rto=drill.objectives.bucket, rpo=0)
