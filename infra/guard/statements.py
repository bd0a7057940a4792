"""What the boundaries of all kinds have in common: their ceiling, and what no role may ever do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.evidence import Evidence
from infra.nag import acknowledge

_CEILING = (
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKey",
    "lambda:InvokeFunction",
    "logs:CreateLogDelivery",
    "logs:CreateLogStream",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutLogEvents",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:PutObject",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "sns:Publish",
    "sqs:SendMessage",
    "states:DescribeExecution",
    "states:StartExecution",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
"""What the roles of every kind need: nothing here names a source."""

_S3_WRITES = (
    "s3:Abort*",
    "s3:Associate*",
    "s3:Create*",
    "s3:Dissociate*",
    "s3:Initiate*",
    "s3:ObjectOwner*",
    "s3:Pause*",
    "s3:Put*",
    "s3:Replicate*",
    "s3:Restore*",
    "s3:Submit*",
    "s3:Tag*",
    "s3:Untag*",
    "s3:Update*",
)

RDS_DELETES = ("rds:Delete*",)
RDS_ENDS = (
    "rds:Failover*",
    "rds:Modify*",
    "rds:Promote*",
    "rds:Reboot*",
    "rds:Remove*",
    "rds:Start*",
    "rds:Stop*",
)
"""What ends, stops or changes something that exists."""

RDS_WRITES = (
    *RDS_ENDS,
    "rds:Add*",
    "rds:Apply*",
    "rds:Authorize*",
    "rds:Backtrack*",
    "rds:Cancel*",
    "rds:Copy*",
    "rds:CrossRegion*",
    "rds:Deregister*",
    "rds:Disable*",
    "rds:Enable*",
    "rds:Purchase*",
    "rds:Register*",
    "rds:Reset*",
    "rds:Revoke*",
    "rds:Switchover*",
)
RDS_MAKES = ("rds:Create*", "rds:Restore*")
SECRETS = ("secretsmanager:*",)
"""Only the drills of rotations have any business with a secret, be it to read it."""

_KEY_ADMINISTRATION = (
    "kms:Cancel*",
    "kms:Connect*",
    "kms:CreateAlias",
    "kms:CreateCustom*",
    "kms:CreateKey",
    "kms:Delete*",
    "kms:Disable*",
    "kms:Disconnect*",
    "kms:Enable*",
    "kms:Import*",
    "kms:Put*",
    "kms:Replicate*",
    "kms:Retire*",
    "kms:Revoke*",
    "kms:Rotate*",
    "kms:Schedule*",
    "kms:Synchronize*",
    "kms:Tag*",
    "kms:Untag*",
    "kms:Update*",
)
_ADMINISTRATION = ("account:*", "iam:*", "organizations:*", "sts:AssumeRole")


def policy(
    scope: Construct, name: str, description: str, statements: list[iam.PolicyStatement]
) -> iam.ManagedPolicy:
    """A boundary of these statements."""
    made = iam.ManagedPolicy(
        scope,
        name,
        description=description,
        document=iam.PolicyDocument(statements=statements),
    )
    acknowledge(
        made,
        "AwsSolutions-IAM5[Resource::*]",
        "a boundary is a ceiling over all resources; which of them each role may touch, its own "
        "policy says",
    )
    return made


def ceiling(*actions: Sequence[str]) -> iam.PolicyStatement:
    """What the roles of every kind need, and these actions; what is not among them is denied."""
    return iam.PolicyStatement(
        sid="Ceiling", actions=[*_CEILING, *chain.from_iterable(actions)], resources=["*"]
    )


def evidence_alone(evidence: Evidence) -> list[iam.PolicyStatement]:
    """What nobody may do to a bucket: only evidence is written, and nothing is ended."""
    return [
        deny("S3Writes", _S3_WRITES, but_for=(evidence.bucket.arn_for_objects("*"),)),
        deny("S3Ends", ("s3:Bypass*", "s3:Delete*"), on=("*",)),
    ]


def everywhere() -> list[iam.PolicyStatement]:
    """What no role of any kind may do."""
    return [
        deny("Administration", (*_KEY_ADMINISTRATION, *_ADMINISTRATION), on=("*",)),
        iam.PolicyStatement(
            sid="GrantsToPeople",
            effect=iam.Effect.DENY,
            actions=["kms:CreateGrant"],
            resources=["*"],
            conditions={"BoolIfExists": {"kms:GrantIsForAWSResource": "false"}},
        ),
        # Lambda itself joins functions to a network; the code in them never may. Only calls that
        # come from a function's code carry this key (Lambda's guide to VPC access says so).
        iam.PolicyStatement(
            sid="NetworkFromCode",
            effect=iam.Effect.DENY,
            actions=["ec2:*"],
            resources=["*"],
            conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
        ),
    ]


def deny(
    sid: str, actions: Iterable[str], *, on: Iterable[str] = (), but_for: Iterable[str] = ()
) -> iam.PolicyStatement:
    """A Deny of actions `on` resources, or on all `but_for` some."""
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        actions=list(actions),
        resources=list(on) or None,
        not_resources=list(but_for) or None,
    )
