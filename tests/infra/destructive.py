"""Everything that could hurt a source, from the services' own models: broad, so that new calls of a
newer model are in it too."""

from __future__ import annotations

from functools import cache

import botocore.session

_READS = ("BatchGet", "Describe", "Download", "Get", "Head", "List", "Select", "Validate")
_USES_OF_KEYS = (
    "CreateGrant",
    "Decapsulate",
    "Decrypt",
    "Encapsulate",
    "Derive",
    "Encrypt",
    "Generate",
    "ReEncrypt",
    "Sign",
    "Verify",
)

# Actions of S3 are not always named as the operations that they authorise.
_S3 = (
    "AbortMultipartUpload",
    "BypassGovernanceRetention",
    "CreateAccessPoint",
    "CreateBucket",
    "CreateJob",
    "CreateSession",
    "DeleteAccessPoint",
    "DeleteAccessPointPolicy",
    "DeleteBucket",
    "DeleteBucketPolicy",
    "DeleteBucketWebsite",
    "DeleteObject",
    "DeleteObjectTagging",
    "DeleteObjectVersion",
    "DeleteObjectVersionTagging",
    "DeleteStorageLensConfiguration",
    "InitiateReplication",
    "ObjectOwnerOverrideToBucketOwner",
    "PutAccelerateConfiguration",
    "PutAccountPublicAccessBlock",
    "PutAnalyticsConfiguration",
    "PutBucketAcl",
    "PutBucketCORS",
    "PutBucketLogging",
    "PutBucketNotification",
    "PutBucketObjectLockConfiguration",
    "PutBucketOwnershipControls",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketRequestPayment",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutBucketWebsite",
    "PutEncryptionConfiguration",
    "PutIntelligentTieringConfiguration",
    "PutInventoryConfiguration",
    "PutLifecycleConfiguration",
    "PutMetricsConfiguration",
    "PutObject",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectTagging",
    "PutObjectVersionAcl",
    "PutObjectVersionTagging",
    "PutReplicationConfiguration",
    "ReplicateDelete",
    "ReplicateObject",
    "ReplicateTags",
    "RestoreObject",
    "UpdateJobPriority",
    "UpdateJobStatus",
)
S3_CONFIGURATION_AND_ENDS = tuple(
    f"s3:{name}"
    for name in _S3
    if name not in ("PutObject", "PutObjectRetention", "PutObjectTagging")
)

S3_LOOKS = tuple(
    f"s3:{name}"
    for name in (
        "GetBucketAcl",
        "GetBucketCORS",
        "GetBucketLocation",
        "GetBucketLogging",
        "GetBucketNotification",
        "GetBucketObjectLockConfiguration",
        "GetBucketOwnershipControls",
        "GetBucketPolicy",
        "GetBucketPolicyStatus",
        "GetBucketPublicAccessBlock",
        "GetBucketTagging",
        "GetBucketVersioning",
        "GetEncryptionConfiguration",
        "GetInventoryConfiguration",
        "GetLifecycleConfiguration",
        "GetObject",
        "GetObjectAcl",
        "GetObjectAttributes",
        "GetObjectLegalHold",
        "GetObjectRetention",
        "GetObjectTagging",
        "GetObjectVersion",
        "GetObjectVersionAcl",
        "GetObjectVersionAttributes",
        "GetObjectVersionTagging",
        "GetReplicationConfiguration",
        "ListBucket",
        "ListBucketMultipartUploads",
        "ListBucketVersions",
        "ListMultipartUploadParts",
    )
)


def rds() -> list[str]:
    """Every action on RDS that is not a mere look; a restore is one of the source, not to it."""
    return [action for action in _writes("rds") if action != "rds:RestoreDBClusterToPointInTime"]


def s3() -> list[str]:
    """Every action on S3 that writes, ends or configures."""
    return [f"s3:{name}" for name in _S3]


def secrets() -> list[str]:
    """Every action on Secrets Manager that is not a mere look."""
    return [
        action for action in _writes("secretsmanager") if not action.endswith(":GetRandomPassword")
    ]


def key_administration() -> list[str]:
    """Every action on KMS but to look at a key and to use it."""
    return [action for action in _writes("kms") if not action[4:].startswith(_USES_OF_KEYS)]


ADMINISTRATION = (
    "iam:AttachRolePolicy",
    "iam:CreateAccessKey",
    "iam:CreateRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "organizations:LeaveOrganization",
    "sts:AssumeRole",
)


@cache
def _writes(service: str) -> list[str]:
    model = botocore.session.Session().get_service_model(service)
    return [f"{service}:{name}" for name in model.operation_names if not name.startswith(_READS)]
