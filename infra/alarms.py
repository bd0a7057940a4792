"""What an alarm is here: a condition, of something, counted by a metric; and how it is told.

The conditions of sources and of drills are those of functions/watch/conditions.py; those of the
deployment itself are below. Each has a section of its own in docs/runbook.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from functions import naming
from functions.watch.conditions import (
    FINDINGS,
    OF_DRILLS,
    OF_SOURCES,
    OF_WATCH,
    OVERDUE,
    Condition,
    Severity,
    alarm_of_drill,
    alarm_of_source,
)
from functions.watch.expired import EXPIRED, SWEEPS, UNTAGGED
from functions.watch.metrics import COLLECTIONS
from functions.watch.watched import Drill, Source

HOUR: Final = Duration.hours(1)
RUNBOOK: Final = "docs/runbook.md"

IGNORE: Final = cloudwatch.TreatMissingData.IGNORE
"""What was found stays found until something is seen again: a silent collector clears no alarm."""

BREACHING: Final = cloudwatch.TreatMissingData.BREACHING
NOT_BREACHING: Final = cloudwatch.TreatMissingData.NOT_BREACHING

_LONGEST_DESCRIPTION = 1024
_LONGEST_SUBJECT = 300
_WARM_UP_MINUTES = 6 * 60
"""Until a new deployment, or a new drill, has been collected often enough."""

_PERIODS_OF_A_MOMENT = 3
"""Of five minutes each. Where silence counts as 0, a point that CloudWatch shows only after its
period has passed would never be seen in one."""

FAILED: Final = Condition(
    name="failed",
    severity=None,
    means="it did not pass: it failed, was refused, was inconclusive, timed out or was aborted",
    first="Open its report: python -m cli report NAME; its state machine shows where it ended.",
    periods=_PERIODS_OF_A_MOMENT,
    datapoints=1,
)
COLLECTOR_SILENT: Final = Condition(
    name="collector-silent",
    severity="high",
    means="the last collection was finished three to five hours ago: nothing is known of sources"
    " and drills, and every other alarm of theirs stays as it was",
    first="Read the log of drill-collector; then its schedule, `collector`.",
    periods=4,
    datapoints=3,
)
SWEEPER_SILENT: Final = Condition(
    name="sweeper-silent",
    severity="high",
    means="the last sweep was finished three to five hours ago: what a dead drill left behind"
    " stays, and costs",
    first="Read the log of drill-sweeper; then its schedule, `sweeper`.",
    periods=4,
    datapoints=3,
)
SWEEPER_ERRORS: Final = Condition(
    name="sweeper-errors",
    severity="high",
    means="the sweeper raised in two of three hours: it could not look, or could not delete what"
    " has expired",
    first="Read the log of drill-sweeper: it names the call or the thing, and what AWS answered.",
    periods=3,
    datapoints=2,
)
REMINDER_ERRORS: Final = Condition(
    name="reminder-errors",
    severity="low",
    means="the daily reminder raised: nobody is told once more of what is still open",
    first="Read the log of drill-reminder.",
    periods=1,
    datapoints=1,
)
LEFTOVERS: Final = Condition(
    name="leftovers",
    severity="high",
    means="what a drill made is still there three hours after its end, though the sweeper deletes"
    " it every hour",
    first="Read the log of drill-sweeper: it says what it is, and what AWS answered.",
    periods=3,
    datapoints=3,
)
UNTAGGED_LEFT: Final = Condition(
    name="untagged",
    severity="low",
    means="something bears some sign of a drill and is left alone: its name without the tags, the"
    " tags without the name, or an expiry that is far away",
    first="Look at `_watch/sweep.json` in the evidence bucket; delete by hand what is not wanted.",
    periods=24,
    datapoints=20,
)
MISSED: Final = Condition(
    name="missed",
    severity="high",
    means="something could not be started at its time: a drill, or what watches the drills",
    first="Read the message in the dead-letter queue: it says what, and why. Start it by hand.",
    periods=1,
    datapoints=1,
)
PRODUCTION_TOUCHED: Final = Condition(
    name="production-touched",
    severity="critical",
    means="a role of the drills called, on something that is not a drill's, what no drill may do",
    first="Ask CloudTrail who called what; disable the drill's schedule until you know why.",
    periods=_PERIODS_OF_A_MOMENT,
    datapoints=1,
)
MOMENTS: Final = (FAILED, PRODUCTION_TOUCHED, REMINDER_ERRORS)
"""What happened, and is over at once though nothing is mended: that it clears is not told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """A condition of a `subject`, which rings when its metric reaches 1, or where `silence` is
    meant, falls below 1.

    `severity` is the drill's, where the condition has none; `called` is what to write for NAME in
    what to do first. One that is not `told` rings for a composite alarm alone.
    """

    name: str
    subject: str
    condition: Condition
    metric: cloudwatch.IMetric
    severity: Severity
    missing: cloudwatch.TreatMissingData = NOT_BREACHING
    silence: bool = False
    warms_up: bool = False
    told: bool = True
    called: str = ""

    @property
    def description(self) -> str:
        """What is told of it: subscriptions are filtered by how it begins."""
        return description(
            self.condition, severity=self.severity, subject=self.subject, called=self.called
        )

    @property
    def warm_up_minutes(self) -> int | None:
        """How long a new one waits for data; CloudWatch ends that early when there is enough."""
        return _WARM_UP_MINUTES if self.warms_up else None


def description(condition: Condition, *, severity: Severity, subject: str, called: str = "") -> str:
    """What is wrong, what to do first, and where to read on: 1,024 characters at most.

    `called` takes the place of NAME in what to do first, unless it is too long for it.

    >>> description(OVERDUE, severity="medium", subject="aurora-monthly")[:53]
    'medium: aurora-monthly: its last scheduled time has p'
    """
    first = condition.first
    if called and len(called) <= _LONGEST_SUBJECT:
        first = first.replace("NAME", called)
    if len(subject) > _LONGEST_SUBJECT:
        subject = f"{subject[: _LONGEST_SUBJECT - 1]}…"
    told = (
        f"{severity}: {subject}: {condition.means}. First: {first}"
        f" Runbook: {RUNBOOK}#{condition.name}"
    )
    return told[:_LONGEST_DESCRIPTION]


def of_sources(stack: str, namespace: str, sources: Sequence[Source]) -> list[Alarm]:
    """One for each condition of each source."""
    return [
        Alarm(
            name=alarm_of_source(stack, source.kind, source.name, condition),
            subject=source.name,
            condition=condition,
            metric=_findings(
                namespace,
                {"Condition": condition.name, "Kind": source.kind, "Source": source.name},
            ),
            severity=_severity(condition, "high"),
            missing=IGNORE,
            called=source.name,
        )
        for source in sources
        for condition in OF_SOURCES[source.kind]
        if condition.alarms
    ]


def of_drill(namespace: str, drill: Drill) -> list[Alarm]:
    """One for each condition of a drill. That it is overdue is told for all drills together."""
    return [
        Alarm(
            name=alarm_of_drill(drill.name, condition),
            subject=drill.name,
            condition=condition,
            metric=_findings(namespace, {"Condition": condition.name, "Drill": drill.name}),
            severity=_severity(condition, cast(Severity, drill.severity)),
            missing=BREACHING if condition is OVERDUE else IGNORE,
            warms_up=condition is OVERDUE,
            told=condition is not OVERDUE,
            called=drill.name,
        )
        for condition in OF_DRILLS
        if condition.alarms
    ]


def of_watch(
    stack: str, namespace: str, *, sweeper: cloudwatch.IMetric, reminder: cloudwatch.IMetric
) -> list[Alarm]:
    """Those of what watches; `sweeper` and `reminder` count what those functions raised."""

    def of(
        condition: Condition,
        metric: cloudwatch.IMetric,
        missing: cloudwatch.TreatMissingData = NOT_BREACHING,
        silence: bool = False,
    ) -> Alarm:
        return Alarm(
            name=f"{naming.PREFIX}{condition.name}",
            subject=stack,
            condition=condition,
            metric=metric,
            severity=_severity(condition, "high"),
            missing=missing,
            silence=silence,
            warms_up=silence,
        )

    return [
        of(COLLECTOR_SILENT, _hourly(namespace, COLLECTIONS, "Sum"), BREACHING, silence=True),
        of(SWEEPER_SILENT, _hourly(namespace, SWEEPS, "Sum"), BREACHING, silence=True),
        of(SWEEPER_ERRORS, sweeper),
        of(REMINDER_ERRORS, reminder),
        of(LEFTOVERS, _hourly(namespace, EXPIRED, "Maximum"), IGNORE),
        of(UNTAGGED_LEFT, _hourly(namespace, UNTAGGED, "Maximum"), IGNORE),
        *(
            of(condition, _findings(namespace, {"Condition": condition.name}), IGNORE)
            for condition in OF_WATCH
            if condition.alarms
        ),
    ]


def _severity(condition: Condition, otherwise: Severity) -> Severity:
    return condition.severity or otherwise


def _findings(namespace: str, dimensions: dict[str, str]) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=FINDINGS,
        dimensions_map=dimensions,
        period=HOUR,
        statistic="Maximum",
    )


def _hourly(namespace: str, name: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace, metric_name=name, period=HOUR, statistic=statistic
    )
