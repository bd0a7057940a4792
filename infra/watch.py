"""What looks after the drills from outside: the sweeper, and its alarms."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from functions import naming
from functions.watch.expired import EXPIRED
from infra.functions import Function, Functions
from infra.kinds import aurora
from infra.notify import Notify
from infra.permissions import Permission
from infra.schedules import Schedules

_SWEEPS = Duration.hours(1)


class Watch(Construct):
    """An execution that is stopped or times out runs no Teardown: the sweeper does it then."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        functions: Functions,
        schedules: Schedules,
        notify: Notify,
        namespace: str,
    ) -> None:
        super().__init__(scope, name)
        sweeper = functions.make(
            Function(
                name="sweeper",
                purpose="Deletes what a dead drill left behind, once it has expired",
                handler="functions.watch.sweeper.sweep",
                timeout=300,
                may=[
                    Permission(
                        actions=["rds:DescribeDBClusters", "rds:DescribeDBInstances"],
                        resources=["*"],
                        because="it looks for what nobody remembers: the list has no other filter",
                    ),
                    *aurora.may_delete_copies(),
                ],
            )
        )
        schedules.invoke(self, name="sweeper", function=sweeper, every=_SWEEPS)
        notify.alarm(
            Construct(self, "Leftovers"),
            name=f"{naming.PREFIX}leftovers",
            metric=cloudwatch.Metric(
                namespace=namespace,
                metric_name=EXPIRED,
                period=_SWEEPS,
                statistic="Maximum",
            ),
            periods=3,
            severity="high",
            description="what a drill made is still there three hours after its end, though the"
            " sweeper deletes it every hour; its log says what it is and what AWS answered.",
        )
        notify.alarm(
            Construct(self, "Errors"),
            name=f"{naming.PREFIX}sweeper-errors",
            metric=sweeper.metric_errors(period=_SWEEPS, statistic="Sum"),
            severity="high",
            description="the sweeper raised: nothing removes what a dead drill may leave behind.",
        )
