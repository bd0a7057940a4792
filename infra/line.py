"""A drill as a state machine: the line, inlined, with the drill's own configuration in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from functions import naming
from functions.watch.conditions import alarm_of_drill
from infra.alarms import FAILED, Alarm
from infra.machine import limit, machine, seconds
from infra.notify import Notify
from infra.schedules import Schedules
from infra.schema import Drill

LINE = Path(__file__).parent / "line.asl.json"


class Line(Construct):
    """The machine of a drill, its schedule, and an alarm that needs nothing of ours to ring."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        drill: Drill,
        document: Mapping[str, Any],
        steps: Mapping[str, lambda_.Function],
        schedules: Schedules,
        notify: Notify,
        log_days: int,
    ) -> None:
        super().__init__(scope, name)
        machine_name = f"{naming.PREFIX}{drill.name}"
        timeouts = {step: seconds(function) for step, function in steps.items()}
        made = machine(
            self,
            name=machine_name,
            comment=f"Backup drill {drill.name}: start it with {{}}",
            purpose=f"Calls the steps of the drill {drill.name}",
            definition=definition(drill=document, timeouts=timeouts),
            functions=steps,
            log_days=log_days,
        )
        schedules.start(self, name=machine_name, machine=made, when=drill.schedule)
        notify.alarm(
            self,
            Alarm(
                name=alarm_of_drill(drill.name, FAILED),
                subject=f"{drill.name} of {drill.source}",
                condition=FAILED,
                metric=_failures(made),
                severity=drill.severity,
                called=drill.name,
            ),
        )


def definition(*, drill: Mapping[str, Any], timeouts: Mapping[str, int]) -> str:
    """The line as a definition: the drill in its place, and every task's time limit.

    The functions' ARNs stay placeholders, which CloudFormation fills. `timeouts` are the functions'
    own, in seconds. Raises KeyError for a task whose function is not among them.
    """
    line = json.loads(LINE.read_text(encoding="utf-8"))
    line["States"]["Drill"]["Parameters"]["drill"] = dict(drill)
    limit(line["States"], timeouts)
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def _failures(machine: sfn.StateMachine) -> cloudwatch.MathExpression:
    """How many executions did not end well, whatever way: a stop and a time-out run no Catch."""
    period = Duration.minutes(5)
    return cloudwatch.MathExpression(
        expression="FILL(failed, 0) + FILL(timed_out, 0) + FILL(aborted, 0)",
        label="executions that did not pass",
        period=period,
        using_metrics={
            "aborted": machine.metric_aborted(period=period, statistic="Sum"),
            "failed": machine.metric_failed(period=period, statistic="Sum"),
            "timed_out": machine.metric_timed_out(period=period, statistic="Sum"),
        },
    )
