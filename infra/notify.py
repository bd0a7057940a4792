"""Who hears of what: two topics, since a report and an alarm tell their severity differently."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.permissions import Permission
from infra.schema import Severity, Subscription


class Notify(Construct):
    """`reports` carries the severity as an attribute; an alarm's is how its description begins.

    An alarm has no attributes, and without its own topic every filter would drop it.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        key: kms.Key,
        subscribers: Sequence[Subscription],
    ) -> None:
        super().__init__(scope, name)
        self._key = key
        self.reports = sns.Topic(
            self, "Reports", display_name="Backup drills", enforce_ssl=True, master_key=key
        )
        self._alarms = sns.Topic(
            self, "Alarms", display_name="Backup drill alarms", enforce_ssl=True, master_key=key
        )
        _let_cloudwatch_use(key)
        for subscriber in subscribers:
            severities = list(subscriber.severities)
            self.reports.add_subscription(
                subscriptions.EmailSubscription(
                    subscriber.email,
                    filter_policy={
                        "severity": sns.SubscriptionFilter.string_filter(allowlist=severities)
                    },
                )
            )
            self._alarms.add_subscription(
                subscriptions.EmailSubscription(
                    subscriber.email,
                    filter_policy_with_message_body={
                        "AlarmDescription": sns.FilterOrPolicy.filter(
                            sns.SubscriptionFilter.string_filter(
                                match_prefixes=[f"{severity}: " for severity in severities]
                            )
                        )
                    },
                )
            )

    def may_publish(self) -> list[Permission]:
        """What a role needs to publish a report."""
        return [
            Permission(actions=["sns:Publish"], resources=[self.reports.topic_arn]),
            Permission(
                actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self._key.key_arn]
            ),
        ]

    def alarm(
        self,
        scope: Construct,
        *,
        name: str,
        metric: cloudwatch.IMetric,
        severity: Severity,
        description: str,
        periods: int = 1,
    ) -> cloudwatch.Alarm:
        """An alarm at the first count of a metric. It needs nothing of ours to be heard."""
        alarm = cloudwatch.Alarm(
            scope,
            "Alarm",
            alarm_name=name,
            alarm_description=f"{severity}: {description}",
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=periods,
            metric=metric,
            threshold=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._alarms))
        return alarm


def _let_cloudwatch_use(key: kms.Key) -> None:
    """An alarm cannot publish to an encrypted topic unless the key itself says so."""
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
