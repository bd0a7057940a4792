"""What looks after the drills from outside: collector, sweeper, reminder, and every alarm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, TimeZone
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from functions import naming
from functions.watch.conditions import OVERDUE
from functions.watch.expired import STACK_TAG
from functions.watch.watched import Watched
from infra import guard
from infra.alarms import COLLECTOR_SILENT, HOUR, Alarm, of_drill, of_sources, of_watch
from infra.dashboard import dashboard
from infra.evidence import Evidence
from infra.functions import Function, Functions
from infra.guard import IS_OURS
from infra.kinds import aurora, aurora_health, s3_versions_health, secret_rotation_health
from infra.notify import Notify
from infra.permissions import Permission
from infra.rules import Rules
from infra.schedules import Schedules
from infra.schema import Configuration
from infra.watched import objectives

_DRILLS = f"{naming.PREFIX}*"

_A_LIST = "it looks for what nobody remembers: AWS knows no resource for a list"
_NAMED_BY_RUNS = "a run names what it makes, after itself; the tag is asked too"


class Watch(Construct):
    """Three functions on schedules of their own, each with the list of what is watched as input."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        configuration: Configuration,
        watched: Watched,
        functions: Functions,
        evidence: Evidence,
        schedules: Schedules,
        notify: Notify,
        teardowns: Sequence[lambda_.Function],
        subnet_group: str,
        namespace: str,
    ) -> None:
        super().__init__(scope, name)
        self._configuration = configuration
        self._functions = functions
        self._evidence = evidence
        collector = self._collector(watched, subnet_group)
        sweeper = self._sweeper(teardowns)
        reminder = self._reminder(notify)
        called = {"collector": collector, "reminder": reminder, "sweeper": sweeper}
        given: dict[str, Any] = {"watched": watched.to_document()}
        for own in watched.schedules:
            schedules.invoke(
                Construct(self, own.name.capitalize()),
                name=own.name,
                function=called[own.name],
                when=scheduler.ScheduleExpression.expression(
                    own.expression, TimeZone.of(own.timezone)
                ),
                given=given,
            )
        _alarms(
            self,
            watched=watched,
            notify=notify,
            namespace=namespace,
            sweeper=sweeper,
            reminder=reminder,
        )
        Rules(
            self,
            "Rules",
            configuration=configuration,
            watched=watched,
            notify=notify,
            collector=collector,
            functions=functions,
        )
        if configuration.watch.dashboard:
            dashboard(
                self,
                watched=watched,
                objectives=objectives(configuration),
                namespace=namespace,
                alarms=notify.made,
            )

    def _collector(self, watched: Watched, subnet_group: str) -> lambda_.Function:
        evidence, configuration = self._evidence, self._configuration
        return self._functions.make(
            Function(
                name="collector",
                purpose="Looks how sources and drills stand, in numbers and in a document",
                handler="functions.watch.collector.collect",
                timeout=300,
                may=[
                    *aurora_health.may_look(configuration, subnet_group),
                    *s3_versions_health.may_look(configuration),
                    *secret_rotation_health.may_look(configuration),
                    Permission(
                        actions=["scheduler:GetSchedule"],
                        resources=[_arn("scheduler", f"schedule/{watched.schedule_group}/*")],
                        because="the schedules of this deployment, each drill's and its own",
                    ),
                    Permission(
                        actions=["cloudtrail:LookupEvents"],
                        resources=["*"],
                        because="AWS knows no resource for this action",
                    ),
                    *evidence.may_read("_watch/state.json", "*/report.json"),
                    *evidence.may_write("_watch/*", tagged=True),
                    *evidence.may_write("*/cloudtrail.json", locked=True),
                    evidence.may_use_ledger("GetItem", "PutItem", "Query"),
                ],
            ),
            boundary=guard.collector_boundary(
                self,
                "CollectorBoundary",
                looks=(
                    *aurora_health.LOOKS,
                    *s3_versions_health.LOOKS,
                    *secret_rotation_health.LOOKS,
                ),
                evidence=evidence,
            ),
        )

    def _reminder(self, notify: Notify) -> lambda_.Function:
        return self._functions.make(
            Function(
                name="reminder",
                purpose="Tells every day what is still open",
                handler="functions.watch.reminder.remind",
                timeout=60,
                memory=256,
                may=[
                    Permission(
                        actions=["cloudwatch:DescribeAlarms"],
                        resources=["*"],
                        because="the alarms of the drills are found by their prefix: a list",
                    ),
                    *self._evidence.may_read("_watch/state.json"),
                    *notify.may_publish(),
                ],
            ),
            boundary=guard.reminder_boundary(self, "ReminderBoundary", evidence=self._evidence),
        )

    def _sweeper(self, teardowns: Sequence[lambda_.Function]) -> lambda_.Function:
        made = self._functions.make(
            Function(
                name="sweeper",
                purpose="Deletes what a dead drill left behind, once it has expired",
                handler="functions.watch.sweeper.sweep",
                timeout=900,
                may=[
                    *_may_sweep(),
                    *aurora.may_delete_copies(),
                    *_may_see_runs(),
                    *(
                        [
                            Permission(
                                actions=["lambda:InvokeFunction"],
                                resources=[function.function_arn for function in teardowns],
                            )
                        ]
                        if teardowns
                        else []
                    ),
                    self._evidence.may_use_ledger("DeleteItem", "GetItem", "Query"),
                    *self._evidence.may_read("_watch/sweep.json"),
                    *self._evidence.may_write("_watch/sweep.json", tagged=True),
                ],
            ),
            boundary=guard.sweeper_boundary(
                self,
                "SweeperBoundary",
                sources=protected(self._configuration),
                evidence=self._evidence,
            ),
        )
        # The next sweep is its retry: Lambda's own would count as errors of two hours.
        made.configure_async_invoke(retry_attempts=0)
        return made


def protected(configuration: Configuration) -> list[str]:
    """The ARNs of the buckets that are sources: one may be called like a drill's.

    A cluster or a secret may not (infra/contradictions.py), and nothing else is ended.
    """
    restores = configuration.restore_buckets
    buckets = dict.fromkeys(
        (
            *(drill.bucket for drill in configuration.s3_versions),
            *(bucket for restore in restores for bucket in (restore.bucket, restore.target)),
        )
    )
    return [f"arn:{Aws.PARTITION}:s3:::{bucket}" for bucket in buckets]


def _alarms(
    scope: Construct,
    *,
    watched: Watched,
    notify: Notify,
    namespace: str,
    sweeper: lambda_.Function,
    reminder: lambda_.Function,
) -> None:
    """Those of the watch, of every source, of every drill, and one for all that are overdue."""
    made = {
        alarm.name: notify.alarm(Construct(scope, alarm.name), alarm)
        for alarm in of_watch(
            watched.stack,
            namespace,
            sweeper=sweeper.metric_errors(period=HOUR, statistic="Sum"),
            reminder=reminder.metric_errors(period=HOUR, statistic="Sum"),
        )
    }
    for alarm in of_sources(watched.stack, namespace, watched.sources):
        notify.alarm(Construct(scope, alarm.name), alarm)
    overdue: list[Alarm] = []
    for drill in watched.drills:
        for alarm in of_drill(namespace, drill):
            made[alarm.name] = notify.alarm(Construct(scope, alarm.name), alarm)
            if alarm.condition is OVERDUE:
                overdue.append(alarm)
    notify.any_of(
        Construct(scope, "Overdue"),
        condition=OVERDUE,
        alarms=[(alarm, made[alarm.name]) for alarm in overdue],
        unless=made[f"{naming.PREFIX}{COLLECTOR_SILENT.name}"],
    )


def _may_sweep() -> list[Permission]:
    """What the sweeper lists, and what it ends beside clusters and their backups."""
    own_bucket = f"arn:{Aws.PARTITION}:s3:::{_DRILLS}"
    own_logs = [_arn("logs", f"log-group:/aws/rds/cluster/{_DRILLS}{end}") for end in ("", ":*")]
    return [
        Permission(
            actions=[
                "logs:DescribeLogGroups",
                "rds:DescribeDBClusterAutomatedBackups",
                "rds:DescribeDBClusterSnapshots",
                "rds:DescribeDBClusters",
                "rds:DescribeDBInstances",
                "s3:ListAllMyBuckets",
                "secretsmanager:ListSecrets",
                "tag:GetResources",
            ],
            resources=["*"],
            because=_A_LIST,
        ),
        Permission(
            actions=["rds:DeleteDBClusterSnapshot"],
            resources=[_arn("rds", f"cluster-snapshot:{_DRILLS}")],
            conditions={"StringEquals": IS_OURS},
            because=_NAMED_BY_RUNS,
        ),
        Permission(
            actions=["rds:DeleteDBClusterAutomatedBackup"],
            resources=[_arn("rds", "cluster-auto-backup:*")],
            conditions={"StringEquals": IS_OURS},
            because="AWS chooses the name of a retained backup: the tag alone says whose it is",
        ),
        Permission(
            actions=["secretsmanager:DeleteSecret"],
            resources=[_arn("secretsmanager", f"secret:{_DRILLS}")],
            conditions={
                "StringEquals": IS_OURS,
                "Null": {f"aws:ResourceTag/{STACK_TAG}": "true"},
            },
            because=_NAMED_BY_RUNS,
        ),
        Permission(
            actions=[
                "s3:DeleteBucket",
                "s3:GetBucketTagging",
                "s3:ListBucket",
                "s3:ListBucketMultipartUploads",
                "s3:ListBucketVersions",
            ],
            resources=[own_bucket],
            because=f"{_NAMED_BY_RUNS}, by the sweeper; S3 ends no bucket that is not empty",
        ),
        Permission(
            actions=["logs:ListTagsForResource"], resources=own_logs, because=_NAMED_BY_RUNS
        ),
        Permission(
            actions=["logs:DeleteLogGroup"],
            resources=own_logs,
            conditions={"StringEquals": IS_OURS},
            because=_NAMED_BY_RUNS,
        ),
    ]


def _may_see_runs() -> list[Permission]:
    """Whether a run is alive, and what it was told: the machines of all drills."""
    because = "the machines of all drills, and their runs"
    return [
        Permission(
            actions=["states:DescribeExecution", "states:DescribeStateMachineForExecution"],
            resources=[_arn("states", f"execution:{_DRILLS}:*")],
            because=because,
        ),
        Permission(
            actions=["states:DescribeStateMachine", "states:ListExecutions"],
            resources=[_arn("states", f"stateMachine:{_DRILLS}")],
            because=because,
        ),
    ]


def _arn(service: str, resource: str) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"
