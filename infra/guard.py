"""What protects every source: a permissions boundary on every role of the stack.

A boundary is a ceiling: what it does not allow, no policy of a role can. Its Denies say once more,
in the words of the danger, what must never happen, and hold even where somebody lifts the ceiling.
docs/deploy.md, "What the drills may do to a source", is the closed list of exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions import naming
from infra.evidence import Evidence
from infra.nag import acknowledge

IS_OURS = {f"aws:ResourceTag/{naming.MANAGED_TAG}": "true"}
"""The tag that all scratch of a drill bears, on a resource that exists."""

BECOMES_OURS = {f"aws:RequestTag/{naming.MANAGED_TAG}": "true"}
"""The same tag, on a resource that is about to be made."""

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

_RDS_DELETES = ("rds:Delete*",)
_RDS_ENDS = (
    "rds:Failover*",
    "rds:Modify*",
    "rds:Promote*",
    "rds:Reboot*",
    "rds:Remove*",
    "rds:Start*",
    "rds:Stop*",
)
"""What ends, stops or changes something that exists."""

_RDS_WRITES = (
    *_RDS_ENDS,
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
_RDS_MAKES = ("rds:Create*", "rds:Restore*")
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
_S3_ENDS = ("s3:Bypass*", "s3:Delete*")
_SECRETS = ("secretsmanager:*",)
"""Only the drills of rotations have any business with a secret, be it to read it."""

_SECRETS_LOOKS = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecretVersionIds",
)
_SECRETS_WRITES = ("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
_ROTATES = ("secretsmanager:RotateSecret",)
_SECRETS_ENDS = (
    "secretsmanager:Cancel*",
    "secretsmanager:Create*",
    "secretsmanager:Delete*",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:Remove*",
    "secretsmanager:Replicate*",
    "secretsmanager:Restore*",
    "secretsmanager:Stop*",
    "secretsmanager:Tag*",
    "secretsmanager:Untag*",
    "secretsmanager:UpdateSecret",
)
_LOOKS_AROUND = ("lambda:GetFunctionConfiguration", "lambda:GetPolicy", "rds:DescribeDBClusters")

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """What a kind reads and must never change, and what its steps do at most.

    To `protected` only the actions of `readable` may be done. `ours` is what drills make and
    delete, `ours_by_tag` where only a tag can say so; `around` is what a thing of theirs is put
    into. `ceiling` are the actions of its steps.
    """

    protected: Sequence[str]
    readable: Sequence[str]
    ours: Sequence[str]
    ours_by_tag: Sequence[str]
    around: Sequence[str]
    ceiling: Sequence[str]


def boundary(scope: Construct, *, sources: Sources, evidence: Evidence) -> iam.ManagedPolicy:
    """The boundary, put on every role below `scope`, those that the CDK makes included."""
    policy = _policy(
        scope,
        "Boundary",
        "The most that any role of the backup drills may do",
        _statements(sources, evidence),
    )
    iam.PermissionsBoundary.of(scope).apply(policy)
    return policy


def rotation_boundary(
    scope: Construct, name: str, *, sources: Sequence[str], live: Sequence[str], evidence: Evidence
) -> iam.ManagedPolicy:
    """The boundary of the steps that drill a rotation, in the place of the common one.

    They write versions and labels of the rehearsals' secrets alone. `sources` they may read, and of
    those that are `live` ask for a rotation.
    """
    own = _own_secrets()
    return _policy(
        scope,
        name,
        "The most that a step of a rotation drill may do",
        [
            _ceiling(_SECRETS_LOOKS, _SECRETS_WRITES, _ROTATES, _LOOKS_AROUND),
            _deny("Rds", (*_RDS_WRITES, *_RDS_DELETES, *_RDS_MAKES), on=("*",)),
            _deny("SecretsElsewhere", _SECRETS, but_for=(own, *dict.fromkeys(sources))),
            _deny("SecretsWrites", _SECRETS_WRITES, but_for=(own,)),
            _deny("Rotations", _ROTATES, but_for=(own, *dict.fromkeys(live))),
            _deny("SecretsEnds", _SECRETS_ENDS, on=("*",)),
            *_everywhere(evidence),
        ],
    )


def rotator_boundary(
    scope: Construct, name: str, *, secrets: Sequence[str], evidence: Evidence
) -> iam.ManagedPolicy:
    """The boundary of a rotation function of the stack's own: versions and labels of its secrets.

    This is no step of a drill: it does what it is for to `secrets`, when Secrets Manager calls it.
    """
    return _policy(
        scope,
        name,
        "The most that a rotation function of the backup drills may do",
        [
            _ceiling(_SECRETS_LOOKS, _SECRETS_WRITES),
            _deny("Rds", ("rds:*",), on=("*",)),
            _deny("SecretsElsewhere", _SECRETS, but_for=(_own_secrets(), *secrets)),
            _deny("SecretsEnds", (*_SECRETS_ENDS, *_ROTATES), on=("*",)),
            *_everywhere(evidence),
        ],
    )


def _own_secrets() -> str:
    """The secrets of all rehearsals, by their names."""
    return f"arn:{Aws.PARTITION}:secretsmanager:*:*:secret:{naming.PREFIX}rotation-*"


def _policy(
    scope: Construct, name: str, description: str, statements: list[iam.PolicyStatement]
) -> iam.ManagedPolicy:
    policy = iam.ManagedPolicy(
        scope,
        name,
        description=description,
        document=iam.PolicyDocument(statements=statements),
    )
    acknowledge(
        policy,
        "AwsSolutions-IAM5[Resource::*]",
        "a boundary is a ceiling over all resources; which of them each role may touch, its own "
        "policy says",
    )
    return policy


def _ceiling(*actions: Sequence[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="Ceiling", actions=[*_CEILING, *chain.from_iterable(actions)], resources=["*"]
    )


def _statements(sources: Sources, evidence: Evidence) -> list[iam.PolicyStatement]:
    return [
        _ceiling(sources.ceiling),
        *_protected(sources),
        _deny("RdsWrites", _RDS_WRITES, but_for=sources.ours),
        _deny("RdsDeletes", _RDS_DELETES, but_for=(*sources.ours, *sources.ours_by_tag)),
        _deny("RdsMakes", _RDS_MAKES, but_for=(*sources.ours, *sources.around, *sources.protected)),
        iam.PolicyStatement(
            sid="RdsUntagged",
            effect=iam.Effect.DENY,
            actions=[*_RDS_DELETES, *_RDS_ENDS],
            resources=["*"],
            conditions={"StringNotEquals": IS_OURS},
        ),
        _deny("Secrets", _SECRETS, on=("*",)),
        *_everywhere(evidence),
    ]


def _protected(sources: Sources) -> list[iam.PolicyStatement]:
    if not sources.protected:
        return []
    return [
        iam.PolicyStatement(
            sid="Sources",
            effect=iam.Effect.DENY,
            not_actions=list(sources.readable),
            resources=list(sources.protected),
        )
    ]


def _everywhere(evidence: Evidence) -> list[iam.PolicyStatement]:
    """What no role of any kind may do."""
    return [
        _deny("S3Writes", _S3_WRITES, but_for=(evidence.bucket.arn_for_objects("*"),)),
        _deny("S3Ends", _S3_ENDS, on=("*",)),
        _deny("Administration", (*_KEY_ADMINISTRATION, *_ADMINISTRATION), on=("*",)),
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


def _deny(
    sid: str, actions: Iterable[str], *, on: Iterable[str] = (), but_for: Iterable[str] = ()
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        actions=list(actions),
        resources=list(on) or None,
        not_resources=list(but_for) or None,
    )
