"""Log groups: one place gives them their names and their end."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct


def log_group(
    scope: Construct, *, name: str, days: int, folder: str = "backup-drills"
) -> logs.LogGroup:
    """A log group that goes with the stack; what must outlive it is in the evidence bucket.

    Raises KeyError for a number of days that CloudWatch Logs does not know.
    """
    return logs.LogGroup(
        scope,
        "Logs",
        log_group_name=f"/{folder}/{name}",
        removal_policy=RemovalPolicy.DESTROY,
        retention=_RETENTION[days],
    )


_RETENTION = {
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
