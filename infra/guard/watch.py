"""The boundaries of what watches the drills: the collector and the reminder look, the sweeper ends.

Each is the whole list of what the function may do at all. A Deny of all that is not in the list
says it once more, and holds even where somebody lifts the ceiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions import naming
from functions.watch.expired import STACK_TAG
from infra.evidence import Evidence
from infra.guard.common import IS_OURS
from infra.guard.statements import deny, policy

_LOG: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
_READ_EVIDENCE: Final = ("kms:Decrypt", "s3:GetObject", "s3:ListBucket")
_WRITE_EVIDENCE: Final = ("kms:GenerateDataKey", "s3:PutObject", "s3:PutObjectTagging")
_LOCK: Final = ("s3:PutObjectRetention",)

_COLLECTS: Final = (
    "cloudtrail:LookupEvents",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "scheduler:GetSchedule",
)
_REMINDS: Final = ("cloudwatch:DescribeAlarms", "kms:GenerateDataKey", "sns:Publish")

_RDS_DELETES: Final = (
    "rds:DeleteDBCluster",
    "rds:DeleteDBClusterAutomatedBackup",
    "rds:DeleteDBClusterSnapshot",
    "rds:DeleteDBInstance",
)
_DELETE_SECRET: Final = ("secretsmanager:DeleteSecret",)
_DELETE_LOGS: Final = ("logs:DeleteLogGroup",)
_DELETE_BUCKET: Final = ("s3:DeleteBucket",)
_INVOKES: Final = ("lambda:InvokeFunction",)
_SWEEPS: Final = (
    *_DELETE_BUCKET,
    *_DELETE_LOGS,
    *_DELETE_SECRET,
    *_INVOKES,
    *_RDS_DELETES,
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "logs:DescribeLogGroups",
    "logs:ListTagsForResource",
    "rds:DescribeDBClusterAutomatedBackups",
    "rds:DescribeDBClusterSnapshots",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "s3:GetBucketTagging",
    "s3:ListAllMyBuckets",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "secretsmanager:ListSecrets",
    "states:DescribeExecution",
    "states:DescribeStateMachine",
    "states:DescribeStateMachineForExecution",
    "states:ListExecutions",
    "tag:GetResources",
)


def collector_boundary(
    scope: Construct, name: str, *, looks: Sequence[str], evidence: Evidence
) -> iam.ManagedPolicy:
    """The boundary of the collector: it looks, and writes its state and the trail of a run.

    `looks` are what the kinds need to look at their sources: none of them changes anything.
    """
    own = [evidence.bucket.arn_for_objects(key) for key in ("_watch/*", "*/cloudtrail.json")]
    writes = (*_WRITE_EVIDENCE, *_LOCK)
    return policy(
        scope,
        name,
        "The most that the collector of the backup drills may do",
        [
            *_this_alone(_LOG, _READ_EVIDENCE, writes, _COLLECTS, looks),
            deny("S3Writes", _objects(writes), but_for=own),
            _reads_evidence_alone(evidence),
        ],
    )


def reminder_boundary(scope: Construct, name: str, *, evidence: Evidence) -> iam.ManagedPolicy:
    """The boundary of the reminder: it reads the state and the alarms, and tells."""
    return policy(
        scope,
        name,
        "The most that the reminder of the backup drills may do",
        [*_this_alone(_LOG, _READ_EVIDENCE, _REMINDS), _reads_evidence_alone(evidence)],
    )


def sweeper_boundary(
    scope: Construct,
    name: str,
    *,
    sources: Sequence[str],
    evidence: Evidence,
) -> iam.ManagedPolicy:
    """The boundary of the sweeper: it ends what bears the drills' prefix and tag, nothing else.

    `sources` are never ended, whatever they are called and whatever tag they bear. What a dead run
    planned it has removed by the Teardown that owns it.
    """
    drills = f"{naming.PREFIX}*"
    logs = f"arn:{Aws.PARTITION}:logs:*:*:log-group:/aws/rds/cluster/{drills}"
    teardowns = f"arn:{Aws.PARTITION}:lambda:*:*:function:{naming.PREFIX}*-teardown*"
    own_rds = [
        f"arn:{Aws.PARTITION}:rds:*:*:{kind}"
        for kind in (
            f"cluster:{drills}",
            f"db:{drills}",
            f"cluster-snapshot:{drills}",
            "cluster-auto-backup:*",
        )
    ]
    tagged = (*_RDS_DELETES, *_DELETE_SECRET, *_DELETE_LOGS)
    sweeps = evidence.bucket.arn_for_objects("_watch/sweep.json")
    return policy(
        scope,
        name,
        "The most that the sweeper of the backup drills may do",
        [
            *_this_alone(_LOG, _READ_EVIDENCE, _WRITE_EVIDENCE, _SWEEPS),
            deny("Sources", (*tagged, *_DELETE_BUCKET), on=(*sources, evidence.bucket.bucket_arn)),
            deny("RdsElse", _RDS_DELETES, but_for=own_rds),
            deny(
                "SecretsElse",
                _DELETE_SECRET,
                but_for=(f"arn:{Aws.PARTITION}:secretsmanager:*:*:secret:{drills}",),
            ),
            deny("LogsElse", _DELETE_LOGS, but_for=(logs,)),
            deny("S3Ends", _DELETE_BUCKET, but_for=(f"arn:{Aws.PARTITION}:s3:::{drills}",)),
            deny("S3Writes", _objects(_WRITE_EVIDENCE), but_for=(sweeps,)),
            _reads_evidence_alone(evidence),
            deny("Calls", _INVOKES, but_for=(teardowns,)),
            _deny_where("Untagged", tagged, "StringNotEquals", IS_OURS),
            _deny_where("OfTheStack", tagged, "Null", {f"aws:ResourceTag/{STACK_TAG}": "false"}),
        ],
    )


def _this_alone(*actions: Sequence[str]) -> list[iam.PolicyStatement]:
    """These actions, and a Deny of all others."""
    allowed = sorted({action for group in actions for action in group})
    return [
        iam.PolicyStatement(sid="Ceiling", actions=allowed, resources=["*"]),
        iam.PolicyStatement(
            sid="Else", effect=iam.Effect.DENY, not_actions=allowed, resources=["*"]
        ),
    ]


def _reads_evidence_alone(evidence: Evidence) -> iam.PolicyStatement:
    """No object of a source is ever read: how it is configured is all there is to know."""
    return deny("S3Reads", ("s3:GetObject",), but_for=(evidence.bucket.arn_for_objects("*"),))


def _deny_where(
    sid: str, actions: Sequence[str], operator: str, keys: dict[str, str]
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        actions=list(actions),
        resources=["*"],
        conditions={operator: keys},
    )


def _objects(actions: Sequence[str]) -> list[str]:
    return [action for action in actions if action.startswith("s3:")]
