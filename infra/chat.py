"""A chat channel of a team: its own topic, and Amazon Q (AWS Chatbot), which reads it out there."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.nag import acknowledge
from infra.permissions import Permission, role
from infra.schema import SlackChannel, TeamsChannel

_READS = ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms")
_LISTS = "whoever asks in the channel may see any alarm, and nothing else; a list has no resource"


class Channel(Construct):
    """Whoever writes in the channel can look at alarms, and do nothing else in the account."""

    def __init__(
        self,
        scope: Construct,
        construct: str,
        *,
        name: str,
        channel: SlackChannel | TeamsChannel,
        severities: Sequence[str],
        key: kms.Key,
    ) -> None:
        super().__init__(scope, construct)
        self.severities = tuple(severities)
        self.topic = sns.Topic(
            self, "Topic", display_name="Backup drills", enforce_ssl=True, master_key=key
        )
        most = iam.ManagedPolicy(
            self,
            "Most",
            description="The most that anybody may do from the channel",
            document=iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=list(_READS), resources=["*"])]
            ),
        )
        acknowledge(most, "AwsSolutions-IAM5[Resource::*]", _LISTS)
        iam.PermissionsBoundary.of(self).apply(most)
        reads = role(
            self,
            principal=iam.ServicePrincipal("chatbot.amazonaws.com"),
            purpose="Reads alarms for a chat channel",
            may=[Permission(actions=_READS, resources=["*"], because=_LISTS)],
        )
        match channel:
            case SlackChannel():
                chatbot.CfnSlackChannelConfiguration(
                    self,
                    "Slack",
                    configuration_name=name,
                    guardrail_policies=[most.managed_policy_arn],
                    iam_role_arn=reads.role_arn,
                    slack_channel_id=channel.channel,
                    slack_workspace_id=channel.workspace,
                    sns_topic_arns=[self.topic.topic_arn],
                )
            case TeamsChannel():
                chatbot.CfnMicrosoftTeamsChannelConfiguration(
                    self,
                    "Teams",
                    configuration_name=name,
                    guardrail_policies=[most.managed_policy_arn],
                    iam_role_arn=reads.role_arn,
                    sns_topic_arns=[self.topic.topic_arn],
                    team_id=channel.team,
                    teams_channel_id=channel.channel,
                    teams_tenant_id=channel.tenant,
                )
