"""Who hears of what: two topics, since a report and an alarm tell their severity differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from functions import naming
from functions.report.chat import Chat, as_setting
from functions.watch.conditions import SEVERITIES, Condition, Severity
from infra.alarms import MOMENTS, Alarm, description
from infra.chat import Channel
from infra.permissions import Permission
from infra.schema import Subscription

_SUPPRESSOR_WAITS = Duration.hours(1)
"""Both go silent at once: the composite alarm must not be the first to speak."""


class Notify(Construct):
    """`reports` carries the severity as an attribute; an alarm's is how its description begins.

    An alarm has no attributes, and without its own topic every filter would drop it. A chat has a
    topic of its own, because the chat's subscription to it cannot filter: what does not concern it
    is not published there.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stack: str,
        key: kms.Key,
        subscribers: Sequence[Subscription],
    ) -> None:
        super().__init__(scope, name)
        self._stack = stack
        self._key = key
        self.reports = sns.Topic(
            self, "Reports", display_name="Backup drills", enforce_ssl=True, master_key=key
        )
        self.alarms_topic = sns.Topic(
            self, "Alarms", display_name="Backup drill alarms", enforce_ssl=True, master_key=key
        )
        self.made: list[tuple[Severity, cloudwatch.IAlarm]] = []
        """Every alarm that there is, with its severity."""

        _let_aws_use(key)
        self._channels: list[Channel] = []
        for subscriber in subscribers:
            if subscriber.email is not None:
                self._subscribe(subscriber.email, subscriber.severities)
            elif subscriber.chat is not None:
                self._channels.append(
                    Channel(
                        self,
                        f"Chat{len(self._channels) + 1}",
                        name=f"{naming.PREFIX}{stack}-{len(self._channels) + 1}",
                        channel=subscriber.chat,
                        severities=subscriber.severities,
                        key=key,
                    )
                )
        for topic in (self.alarms_topic, *(channel.topic for channel in self._channels)):
            _let_alarms_publish(topic)

    @property
    def chat_topics(self) -> str:
        """The topics of chats as Settings carries them."""
        return as_setting(
            Chat(topic_arn=channel.topic.topic_arn, severities=channel.severities)
            for channel in self._channels
        )

    def may_publish(self) -> list[Permission]:
        """What a role needs to publish a report."""
        topics = [self.reports, *(channel.topic for channel in self._channels)]
        return [
            Permission(actions=["sns:Publish"], resources=[topic.topic_arn for topic in topics]),
            Permission(
                actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[self._key.key_arn]
            ),
        ]

    def hearing(self, severity: Severity) -> list[sns.Topic]:
        """Where something of this severity is published beside a report."""
        heard = [each.topic for each in self._channels if severity in each.severities]
        return [self.alarms_topic, *heard]

    def alarm(self, scope: Construct, alarm: Alarm) -> cloudwatch.Alarm:
        """An alarm. It needs nothing of ours to be heard."""
        condition = alarm.condition
        operators = cloudwatch.ComparisonOperator
        made = cloudwatch.Alarm(
            scope,
            "Alarm",
            alarm_name=alarm.name,
            alarm_description=alarm.description,
            comparison_operator=operators.LESS_THAN_THRESHOLD
            if alarm.silence
            else operators.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            datapoints_to_alarm=condition.datapoints,
            evaluation_periods=condition.periods,
            metric=alarm.metric,
            threshold=1,
            treat_missing_data=alarm.missing,
        )
        if alarm.warm_up_minutes is not None:
            resource = made.node.default_child
            assert isinstance(resource, cloudwatch.CfnAlarm)
            resource.warm_up_configuration = cloudwatch.CfnAlarm.WarmUpConfigurationProperty(
                warm_up_period_duration_in_minutes=alarm.warm_up_minutes
            )
        if alarm.told:
            self._tell(made, alarm.severity, also_over=condition not in MOMENTS)
        self.made.append((alarm.severity, made))
        return made

    def any_of(
        self,
        scope: Construct,
        *,
        condition: Condition,
        alarms: Sequence[tuple[Alarm, cloudwatch.Alarm]],
        unless: cloudwatch.Alarm,
    ) -> None:
        """One message for many alarms of a condition; none while `unless` rings, which says why.

        One for each severity, since a severity is how a description begins.
        """
        for severity in SEVERITIES:
            children = [(alarm, made) for alarm, made in alarms if alarm.severity == severity]
            if not children:
                continue
            made = cloudwatch.CompositeAlarm(
                scope,
                severity.capitalize(),
                composite_alarm_name=f"{naming.PREFIX}{condition.name}-{severity}",
                alarm_description=description(
                    condition,
                    severity=severity,
                    subject=f"{self._stack}: one drill or more (the dashboard says which)",
                ),
                alarm_rule=cloudwatch.AlarmRule.from_string(
                    " OR ".join(f'ALARM("{alarm.name}")' for alarm, _ in children)
                ),
                actions_suppressor=unless,
                actions_suppressor_wait_period=_SUPPRESSOR_WAITS,
                actions_suppressor_extension_period=_SUPPRESSOR_WAITS,
            )
            for _, child in children:
                made.node.add_dependency(child)
            self._tell(made, severity, also_over=True)
            self.made.append((severity, made))

    def _tell(self, made: cloudwatch.AlarmBase, severity: Severity, *, also_over: bool) -> None:
        """By mail also that it is over, where that means something.

        A chat is not told: it would hear of every new alarm that turns from not knowing to well,
        which mail leaves out.
        """
        for topic in self.hearing(severity):
            made.add_alarm_action(actions.SnsAction(topic))
        if also_over:
            made.add_ok_action(actions.SnsAction(self.alarms_topic))

    def _subscribe(self, email: str, severities: Sequence[str]) -> None:
        self.reports.add_subscription(
            subscriptions.EmailSubscription(
                email,
                filter_policy={
                    "severity": sns.SubscriptionFilter.string_filter(allowlist=list(severities))
                },
            )
        )
        made = self.alarms_topic.add_subscription(subscriptions.EmailSubscription(email))
        resource = made.node.default_child
        assert isinstance(resource, sns.CfnSubscription)
        resource.filter_policy_scope = "MessageBody"
        resource.filter_policy = alarms_for(severities)


def alarms_for(severities: Sequence[str]) -> dict[str, Any]:
    """Which alarms are for somebody: by severity, those that ring, and those that have rung.

    A new alarm turns from INSUFFICIENT_DATA to OK: that is nobody's concern.
    """
    return {
        "AlarmDescription": [{"prefix": f"{severity}: "} for severity in severities],
        "$or": [{"NewStateValue": ["ALARM"]}, {"OldStateValue": ["ALARM"]}],
    }


def _let_alarms_publish(topic: sns.Topic) -> None:
    """A policy of its own takes the place of the one by which the account's alarms may publish."""
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Alarms",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )


def _let_aws_use(key: kms.Key) -> None:
    """An alarm, and a rule, cannot publish to an encrypted topic unless the key itself says so.

    To an encrypted topic EventBridge sends no account along that a condition could ask for.
    """
    actions = ["kms:Decrypt", "kms:GenerateDataKey*"]
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=actions,
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=actions,
            resources=["*"],
        )
    )
