"""The boundaries of what reads and writes the versions of buckets: the drills, and the restores."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.evidence import Evidence
from infra.guard.statements import SECRETS, ceiling, deny, everywhere, policy

CONFIGURATION_LOOKS = (
    "s3:GetBucketLocation",
    "s3:GetBucketNotification",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
)
"""How a bucket is configured."""

OBJECT_LOOKS = (
    "s3:GetObject",
    "s3:GetObjectAttributes",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
)
"""What is in an object, and with it; in each of its versions."""

RETENTION_LOOKS = ("s3:GetObjectRetention",)
"""Until when a version is locked: S3 tells that to nobody else, be it in the headers of a read."""

LISTINGS = (
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:ListMultipartUploadParts",
)

_DRILL_WRITES = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:PutObject",
    "s3:PutObjectTagging",
)
_RESTORE_WRITES = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:PutObject",
    "s3:PutObjectTagging",
)
_UNDELETE = "s3:DeleteObjectVersion"
_THAW = "s3:RestoreObject"
_FANS_OUT = ("states:RedriveExecution", "states:StopExecution")

_NEVER_IN_S3 = (
    "s3:Associate*",
    "s3:Bypass*",
    "s3:Create*",
    "s3:Dissociate*",
    "s3:Initiate*",
    "s3:ObjectOwner*",
    "s3:Pause*",
    "s3:Replicate*",
    "s3:Submit*",
    "s3:Tag*",
    "s3:Untag*",
    "s3:Update*",
)


def drills_of_buckets(
    scope: Construct, name: str, *, written: Sequence[str], evidence: Evidence
) -> iam.ManagedPolicy:
    """The boundary of the steps that drill a bucket, in the place of the common one.

    Of any bucket they may read what their own policies name. `written` are the objects that they
    may write and end: those of the drills' own buckets, and below the prefixes that are the drills'
    by name. Evidence they write, and never end.
    """
    looks = (*CONFIGURATION_LOOKS, *OBJECT_LOOKS, *RETENTION_LOOKS, *LISTINGS)
    proof = evidence.bucket.arn_for_objects("*")
    return policy(
        scope,
        name,
        "The most that a step of a drill of a bucket may do",
        [
            ceiling(looks, _DRILL_WRITES, ("cloudwatch:GetMetricStatistics",)),
            *_nothing_else(),
            deny("S3Writes", _DRILL_WRITES, but_for=(proof, *dict.fromkeys(written))),
            deny("S3Evidence", _ends(_DRILL_WRITES), on=(proof,)),
            _only(looks, _DRILL_WRITES),
            *everywhere(),
        ],
    )


def restores_of_buckets(
    scope: Construct,
    name: str,
    *,
    written: Sequence[str],
    undeleted: Sequence[str],
    thawed: Sequence[str],
    evidence: Evidence,
) -> iam.ManagedPolicy:
    """The boundary of what restores a bucket on many machines, in the place of the common one.

    `written` are the objects that it may write, or add a marker to; of those that are `undeleted`
    it may remove a marker by its id, and those that are `thawed` it may ask back from an archive.
    """
    looks = (*CONFIGURATION_LOOKS, *OBJECT_LOOKS, *LISTINGS)
    writes = (*_RESTORE_WRITES, _UNDELETE, _THAW)
    proof = evidence.bucket.arn_for_objects("*")
    ends_of_versions = (
        deny("S3Versions", (_UNDELETE,), but_for=undeleted)
        if undeleted
        else deny("S3Versions", (_UNDELETE,), on=("*",))
    )
    return policy(
        scope,
        name,
        "The most that a restore of a whole bucket may do",
        [
            ceiling(looks, writes, _FANS_OUT),
            *_nothing_else(),
            deny("S3Writes", _RESTORE_WRITES, but_for=(proof, *dict.fromkeys(written))),
            ends_of_versions,
            deny("S3Thaws", (_THAW,), but_for=thawed),
            deny("S3Evidence", ("s3:DeleteObject",), on=(proof,)),
            _only(looks, writes),
            *everywhere(),
        ],
    )


def _nothing_else() -> list[iam.PolicyStatement]:
    """No business with databases, secrets, or the configuration of S3 itself."""
    return [
        deny("Rds", ("rds:*",), on=("*",)),
        deny("Secrets", SECRETS, on=("*",)),
        deny("S3Never", _NEVER_IN_S3, on=("*",)),
    ]


def _only(*actions: Sequence[str]) -> iam.PolicyStatement:
    """To a bucket or an object nothing is done but these: no policy, lock or retention is put."""
    return iam.PolicyStatement(
        sid="S3Else",
        effect=iam.Effect.DENY,
        not_actions=[action for group in actions for action in group],
        resources=[f"arn:{Aws.PARTITION}:s3:::*"],
    )


def _ends(writes: Sequence[str]) -> list[str]:
    return [action for action in writes if not action.startswith("s3:Put")]
