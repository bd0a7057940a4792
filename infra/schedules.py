"""What starts things: EventBridge Scheduler, with a time zone and an end to its patience."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy, TimeZone
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from functions import naming
from infra import schema
from infra.alarms import IGNORE, MISSED, Alarm
from infra.config import ConfigurationError
from infra.nag import acknowledge
from infra.notify import Notify
from infra.permissions import Permission, role
from infra.watched import PATIENCE_SECONDS, schedule_group

MOST_INPUT_BYTES = 256 * 1024
"""What EventBridge Scheduler hands over at most."""

_PATIENCE = Duration.seconds(PATIENCE_SECONDS)
_RETRIES = 5


class Schedules(Construct):
    """The schedules of a deployment; what could not be started is kept, and alarms."""

    def __init__(self, scope: Construct, name: str, *, stack: str, notify: Notify) -> None:
        super().__init__(scope, name)
        self.group = schedule_group(stack)
        self._group = scheduler.ScheduleGroup(
            self,
            "Group",
            schedule_group_name=self.group,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._missed = sqs.Queue(
            self,
            "Missed",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            queue_name=f"{naming.PREFIX}{stack}-missed",
            retention_period=Duration.days(14),
        )
        acknowledge(self._missed, "AwsSolutions-SQS3", "it is a dead-letter queue itself")
        notify.alarm(
            self,
            Alarm(
                name=f"{naming.PREFIX}{stack}-missed",
                subject=f"{naming.PREFIX}{stack}-missed",
                condition=MISSED,
                metric=self._missed.metric_approximate_number_of_messages_visible(
                    period=Duration.minutes(5), statistic="Maximum"
                ),
                severity="high",
                missing=IGNORE,
            ),
        )

    def start(
        self, scope: Construct, *, name: str, machine: sfn.IStateMachine, when: schema.Schedule
    ) -> scheduler.Schedule:
        """Start a machine when its schedule says; its input is the time that it was meant for."""
        given = {"scheduled_time": scheduler.ContextAttribute.scheduled_time}
        return self._schedule(
            scope,
            name=name,
            expression=scheduler.ScheduleExpression.expression(
                when.expression, TimeZone.of(when.timezone)
            ),
            enabled=when.enabled,
            window=when.window,
            target=targets.StepFunctionsStartExecution(
                machine,
                dead_letter_queue=self._missed,
                input=scheduler.ScheduleTargetInput.from_object(given),
                role=self._role(scope, "states:StartExecution", machine.state_machine_arn),
                max_event_age=_PATIENCE,
                retry_attempts=_RETRIES,
            ),
        )

    def invoke(
        self,
        scope: Construct,
        *,
        name: str,
        function: lambda_.IFunction,
        when: scheduler.ScheduleExpression,
        given: Mapping[str, Any],
    ) -> scheduler.Schedule:
        """Invoke a function again and again, with the same input.

        Raises ConfigurationError where that is more than the Scheduler hands over.
        """
        size = len(json.dumps(given, ensure_ascii=False).encode())
        if size > MOST_INPUT_BYTES:
            raise ConfigurationError(
                [
                    f"drills: {size} bytes to watch: expected sources and drills of at most"
                    f" {MOST_INPUT_BYTES} bytes as JSON, which EventBridge Scheduler hands over"
                ]
            )
        return self._schedule(
            scope,
            name=name,
            expression=when,
            enabled=True,
            target=targets.LambdaInvoke(
                function,
                dead_letter_queue=self._missed,
                input=scheduler.ScheduleTargetInput.from_object(dict(given)),
                role=self._role(scope, "lambda:InvokeFunction", function.function_arn),
                max_event_age=_PATIENCE,
                retry_attempts=_RETRIES,
            ),
        )

    def _role(self, scope: Construct, action: str, target: str) -> iam.IRole:
        return role(
            scope,
            name="ScheduleRole",
            principal=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            purpose="Starts what is scheduled",
            may=[
                Permission(actions=[action], resources=[target]),
                Permission(actions=["sqs:SendMessage"], resources=[self._missed.queue_arn]),
            ],
        )

    def _schedule(
        self,
        scope: Construct,
        *,
        name: str,
        expression: scheduler.ScheduleExpression,
        enabled: bool,
        target: scheduler.IScheduleTarget,
        window: int | None = None,
    ) -> scheduler.Schedule:
        return scheduler.Schedule(
            scope,
            "Schedule",
            enabled=enabled,
            schedule=expression,
            schedule_group=self._group,
            schedule_name=name,
            target=target,
            time_window=scheduler.TimeWindow.flexible(Duration.seconds(window))
            if window
            else scheduler.TimeWindow.off(),
        )
