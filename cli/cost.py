"""`python -m cli cost`: what stands costs a month, and what ran cost this month. Estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from cli.access import Aws
from cli.deployed import Deployment, DrillMachine, at_once, drills
from cli.metric_hours import whole_metrics
from cli.output import Told, plain_table
from cli.remembered import remember
from functions import clock, naming
from functions.report.words import count, instant
from functions.settings import Settings
from functions.watch import cost as estimates
from functions.watch.cost import Line
from functions.watch.watched import Drill

_COUNTED: Final = {
    "keys": "AWS::KMS::Key",
    "composites": "AWS::CloudWatch::CompositeAlarm",
    "dashboards": "AWS::CloudWatch::Dashboard",
    "secrets": "AWS::SecretsManager::Secret",
}
_NAMESPACE: Final = str({field.name: field.default for field in fields(Settings)}["namespace"])
_ALARM: Final = "AWS::CloudWatch::Alarm"
_LOG_GROUP: Final = "AWS::Logs::LogGroup"
_OF_MEMORY: Final = "prices marked ? are from memory, not read from AWS's pages"


def cost(aws: Aws, deployment: Deployment, *, now: datetime) -> Told:
    """What the deployment costs, estimated in US dollars."""
    lines = estimates.standing(_counts(aws, deployment, now))
    machines = drills(aws, deployment)
    remember(drills=[drill.name for drill in machines])
    ran = at_once(lambda drill: deployment.ledger_of(drill.name).runs(), machines)
    months = [_month(drill, facts, now) for drill, facts in zip(machines, ran, strict=True)]
    document = {
        "command": "cost",
        "stack": deployment.stack,
        "at": clock.render(now),
        "currency": "USD",
        "estimate": True,
        "standing": [_line(line) for line in lines],
        "standing_dollars": estimates.total(lines),
        "drills": months,
        "month_dollars": round(sum(month["dollars"] for month in months), 4),
    }
    return Told(document=document, shown=_shown(document))


def _counts(aws: Aws, deployment: Deployment, now: datetime) -> dict[str, int]:
    """How many there are of what is paid for by the month; of metrics, as whole ones."""
    counts = {name: deployment.counts[kind] for name, kind in _COUNTED.items()}
    counts["alarms"] = _alarmed(aws, deployment)
    counts["metrics"] = whole_metrics(aws, _NAMESPACE, now=now)
    counts["log_bytes"] = sum(at_once(lambda name: _stored(aws, name), _groups(deployment)))
    return counts


def _alarmed(aws: Aws, deployment: Deployment) -> int:
    """How many metrics the alarms read: an alarm of several is paid for as often."""
    names = set(deployment.resources.get(_ALARM, ()))
    pages = aws.watch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=naming.PREFIX, AlarmTypes=["MetricAlarm"]
    )
    found = {
        alarm["AlarmName"]: sum("MetricStat" in query for query in alarm.get("Metrics", []))
        for page in pages
        for alarm in page.get("MetricAlarms", [])
        if alarm["AlarmName"] in names
    }
    return sum(max(found.get(name, 1), 1) for name in names)


def _groups(deployment: Deployment) -> Sequence[str]:
    return deployment.resources.get(_LOG_GROUP, ())


def _stored(aws: Aws, name: str) -> int:
    """The bytes of a log group."""
    found = aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return sum(one.get("storedBytes", 0) for one in found if one["logGroupName"] == name)


def _month(drill: DrillMachine, ran: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """What the runs of a drill cost this month, and how many they are."""
    begins = clock.render(now.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
    return {
        "name": drill.name,
        "kind": drill.kind,
        "runs": sum(1 for facts in ran if str(facts.get("started_at")) >= begins),
        "dollars": estimates.month_to_date(_watched(drill), ran, now),
    }


def _watched(drill: DrillMachine) -> Drill:
    """The drill as the watch knows it; of when and where it runs nothing is asked here."""
    return Drill(
        name=drill.name,
        kind=drill.kind,
        source="",
        severity="",
        cron="",
        timezone="",
        enabled=True,
        grace_seconds=0,
        machine=drill.arn,
        schedule="",
    )


def _line(line: Line) -> dict[str, Any]:
    return {
        "what": line.name,
        "count": line.count,
        "unit": line.unit,
        "dollars": line.dollars,
        "documented": line.documented,
    }


def _shown(told: Mapping[str, Any]) -> RenderableType:
    standing = plain_table("standing, a month", "", "about")
    for line in told["standing"]:
        if line["count"]:
            number = f"{line['count']:,.2f}".removesuffix(".00")
            mark = "" if line["documented"] else " ?"
            standing.add_row(line["unit"], number, _dollars(line, mark))
    ran = plain_table("this month, up to now", "", "about")
    for drill in told["drills"]:
        ran.add_row(Text(drill["name"]), count(drill["runs"], "run"), _dollars(drill))
    for table in (standing, ran):
        for column in table.columns[1:]:
            column.justify, column.no_wrap = "right", True
    whole = (
        f"about ${told['standing_dollars']:,.2f} a month whether anything runs or not, and about"
        f" ${told['month_dollars']:,.2f} for the runs of this month, up to"
        f" {instant(told['at'], seconds=False)}"
    )
    note = f"Estimates, on the high side, at the prices of us-east-1; {_OF_MEMORY}."
    return Group(standing, Text(), ran, Text(), Text(whole), Text(note, style="dim"))


def _dollars(line: Mapping[str, Any], mark: str = "") -> Text:
    """
    >>> _dollars({"dollars": 0.004}).plain, _dollars({"dollars": 12}, " ?").plain
    ('$0.004', '$12.00 ?')
    """
    dollars = line["dollars"]
    return Text(f"${dollars:,.3f}{mark}" if 0 < dollars < 0.01 else f"${dollars:,.2f}{mark}")
