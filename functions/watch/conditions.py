"""Every condition that the watch knows: its severity, what it means, what to do first. Pure.

The alarms, the state document, the daily reminder and docs/runbook.md speak of the same conditions
by the same names. Each that alarms is counted by the metric `Findings`: how many findings there
are, every hour in which there are any, and 0 where there are none any more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from functions import naming

Severity = Literal["critical", "high", "medium", "low"]

SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low")
"""Worst first."""

RESPONSE: Final[dict[Severity, str]] = {
    "critical": "at once: production data is at risk",
    "high": "within 1 hour: backups, or the drills themselves, do not work",
    "medium": "within 4 hours: a restore test failed, or is missing",
    "low": "on the next working day",
}
"""How soon somebody must look."""

FINDINGS: Final = "Findings"
"""The metric: how many findings of a condition. Dimensions: Condition and Source and Kind, or
Condition and Drill, or Condition alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """Something that can be wrong.

    It alarms once `datapoints` of the last `periods` hours found it. `means` completes "<source or
    drill>: ..."; `first` is what to do first, one sentence. `severity` is None where it is the
    drill's own. `alarms` is false for what only the state and the reminder tell.
    """

    name: str
    severity: Severity | None
    means: str
    first: str
    periods: int = 2
    datapoints: int = 2
    alarms: bool = True


UNREADABLE: Final = Condition(
    name="unreadable",
    severity="high",
    means="the collector could not look at it, so nothing is known of its backups",
    first="Read the finding in `python -m cli status`: it names the call and what AWS answered.",
    periods=6,
    datapoints=3,
)
ADVICE: Final = Condition(
    name="advice",
    severity="low",
    means="something should be better, though a restore works today",
    first="Read the findings in `python -m cli status`.",
    periods=24,
    datapoints=20,
)
UNPROTECTED: Final = Condition(
    name="unprotected",
    severity="critical",
    means="what protects its backups is gone or weaker than drills.yaml asks for",
    first="Undo the change that the finding names; CloudTrail says who made it.",
    periods=1,
    datapoints=1,
)
BACKUP_STALE: Final = Condition(
    name="backup-stale",
    severity="high",
    means="the latest restorable time stands still: what was written since would be lost",
    first="Look at the cluster's state and events, then open a case with AWS.",
    periods=3,
    datapoints=2,
)
SNAPSHOT_STALE: Final = Condition(
    name="snapshot-stale",
    severity="high",
    means="no automated snapshot was finished in its time",
    first="Look at the cluster's events in its backup window, then open a case with AWS.",
)
NOT_RESTORABLE: Final = Condition(
    name="not-restorable",
    severity="high",
    means="a restore would not work today",
    first="Mend what the finding names (key, subnet group, engine version, parameter group, quota)"
    " and start the drill by hand.",
)
VERSIONING_OFF: Final = Condition(
    name="versioning-off",
    severity="critical",
    means="versioning is not enabled: what is overwritten or deleted now is lost",
    first="Enable versioning again, at once.",
    periods=1,
    datapoints=1,
)
REPLICATION_FAILING: Final = Condition(
    name="replication-failing",
    severity="high",
    means="objects were not replicated in the last 24 hours",
    first="Look at the replication rule's role, key and destination bucket.",
    periods=1,
    datapoints=1,
)
ROTATION_FAILED: Final = Condition(
    name="rotation-failed",
    severity="high",
    means="a rotation did not finish: a version keeps the label AWSPENDING",
    first="Read the log of the rotation function; do not rotate again before it is mended.",
    periods=1,
    datapoints=1,
)
SECRET_GONE: Final = Condition(
    name="secret-gone",
    severity="critical",
    means="the secret is not there, or is scheduled for deletion: who reads it gets nothing",
    first="Bring it back within its recovery window: aws secretsmanager restore-secret --secret-id"
    " NAME.",
    periods=1,
    datapoints=1,
)
ROTATION_OVERDUE: Final = Condition(
    name="rotation-overdue",
    severity="high",
    means="its password is older than it may be, or nothing rotates it any more",
    first="Look whether rotation is switched on and its function is there, then rotate by hand.",
)

OVERDUE: Final = Condition(
    name="overdue",
    severity=None,
    means="its last scheduled time has passed, and no run has passed since: nothing is proven",
    first="Start it by hand: python -m cli run NAME --watch.",
    periods=3,
    datapoints=3,
)
OBJECTIVE_MISSED: Final = Condition(
    name="objective-missed",
    severity=None,
    means="its last run took longer, or lost more, than the objectives allow",
    first="Open the run's report: its phases say where the time went.",
    periods=1,
    datapoints=1,
)
SCHEDULE_OFF: Final = Condition(
    name="schedule-off",
    severity="high",
    means="its schedule is not the one that was deployed: it may never start by itself",
    first="Make the schedule in EventBridge Scheduler what the finding says it was: a deployment"
    " changes nothing of what CloudFormation believes to be right.",
)
NOT_PASSED: Final = Condition(
    name="not-passed",
    severity=None,
    means="its last run that counts did not pass",
    first="Open its report: python -m cli report NAME.",
    alarms=False,
)
NOT_WATCHED: Final = Condition(
    name="unreadable-run",
    severity="high",
    means="its runs could not be read, so nothing is known of its proofs",
    first="Read the finding in `python -m cli status`: it names the call and what AWS answered.",
    periods=6,
    datapoints=3,
)
WATCH_SCHEDULE_OFF: Final = Condition(
    name="watch-schedule-off",
    severity="high",
    means="the schedule of the collector, the sweeper or the reminder is not the one that was"
    " deployed: it may never start again",
    first="Make the schedule in EventBridge Scheduler what the finding says it was.",
)

OF_SOURCES: Final[dict[str, tuple[Condition, ...]]] = {
    "aurora": (UNPROTECTED, BACKUP_STALE, SNAPSHOT_STALE, NOT_RESTORABLE, UNREADABLE, ADVICE),
    "s3_versions": (VERSIONING_OFF, UNPROTECTED, REPLICATION_FAILING, UNREADABLE, ADVICE),
    "secret_rotation": (SECRET_GONE, ROTATION_FAILED, ROTATION_OVERDUE, UNREADABLE, ADVICE),
}
"""By the kind of the drill that a source is of."""

OF_WATCH: Final = (WATCH_SCHEDULE_OFF,)
"""Of the deployment itself, found by the collector; dimension Condition alone."""

OF_DRILLS: Final = (OVERDUE, OBJECTIVE_MISSED, SCHEDULE_OFF, NOT_PASSED, NOT_WATCHED)

_LONGEST_ALARM_NAME = 255


def alarm_of_source(stack: str, kind: str, source: str, condition: Condition) -> str:
    """The name of the alarm for a condition of a source; CloudWatch takes 255 characters.

    >>> alarm_of_source("backup-drills", "s3_versions", "files", VERSIONING_OFF)
    'drill-backup-drills-s3-versions-files-versioning-off'
    """
    head = f"{naming.PREFIX}{stack}-{kind.replace('_', '-')}-"
    room = _LONGEST_ALARM_NAME - len(head) - len(condition.name) - 1
    if len(source) > room:
        digest = hashlib.sha256(source.encode()).hexdigest()[:8]
        source = f"{source[: room - 9]}-{digest}"
    return f"{head}{source}-{condition.name}"


def alarm_of_drill(drill: str, condition: Condition) -> str:
    """The name of the alarm for a condition of a drill.

    >>> alarm_of_drill("aurora-prod-monthly", OVERDUE)
    'drill-aurora-prod-monthly-overdue'
    """
    return f"{naming.PREFIX}{drill}-{condition.name}"
