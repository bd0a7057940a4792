"""What events the rules match: EventBridge patterns, made from names. Pure.

docs/deploy.md, "What the drills may do to a source", is the list of what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from functions import naming

Pattern = dict[str, Any]

_DRILLS: Final = f"{naming.PREFIX}*"
_NOT_OURS: Final = [{"anything-but": {"prefix": naming.PREFIX}}]

_OBJECT_WRITES: Final = (
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "DeleteObject",
    "DeleteObjects",
    "PutObject",
    "PutObjectTagging",
    "RestoreObject",
    "UploadPart",
    "UploadPartCopy",
)


def touched_clusters(roles: Sequence[str]) -> Pattern:
    """A change by one of the roles, to a cluster, instance or snapshot not called drill-...

    A restore is made from a source, never over it.
    """
    return _call(
        "rds",
        roles,
        [
            {"requestParameters": {"dBClusterIdentifier": _NOT_OURS}},
            {"requestParameters": {"dBInstanceIdentifier": _NOT_OURS}},
            {"requestParameters": {"dBClusterSnapshotIdentifier": _NOT_OURS}},
            {
                "requestParameters": {
                    "resourceName": [{"anything-but": {"wildcard": f"*:{_DRILLS}"}}]
                }
            },
            {
                "eventName": [{"anything-but": ["RestoreDBClusterToPointInTime"]}],
                "requestParameters": {"sourceDBClusterIdentifier": _NOT_OURS},
            },
        ],
    )


def configured_buckets(roles: Sequence[str]) -> Pattern:
    """A change by one of the roles to how a bucket is configured; one not called drill-..."""
    return _call(
        "s3",
        roles,
        [
            {
                "eventName": [{"anything-but": list(_OBJECT_WRITES)}],
                "requestParameters": {"bucketName": _NOT_OURS},
            }
        ],
    )


def written_objects(
    roles: Sequence[str], *, never: Sequence[str], below: Mapping[str, str]
) -> Pattern:
    """A change by one of the roles, to an object of a source.

    To the buckets in `never` no drill writes; `below` are the prefixes that drills may write to, by
    the bucket. CloudTrail tells it only where a trail logs data events, and of a DeleteObjects no
    keys: see `deleted_in_batches` for the buckets in `below`.
    """
    alternatives: list[Pattern] = []
    if never:
        alternatives.append({"requestParameters": {"bucketName": list(never)}})
    if below:
        prefixes = list(dict.fromkeys(below.values()))
        beside = [{"anything-but": {"prefix": prefixes if len(prefixes) > 1 else prefixes[0]}}]
        alternatives.append({"requestParameters": {"bucketName": list(below), "key": beside}})
    return _call("s3", roles, alternatives)


def deleted_in_batches(roles: Sequence[str], *, buckets: Sequence[str]) -> Pattern:
    """A DeleteObjects by one of the roles, in one of the buckets, whatever it deletes.

    Not for the roles of a drill, or of a restore, that deletes in batches where it may: what else
    it deletes in the same bucket so, no event would show; its policy and its boundary refuse it.
    """
    return _call(
        "s3",
        roles,
        [{"eventName": ["DeleteObjects"], "requestParameters": {"bucketName": list(buckets)}}],
    )


def touched_secrets(roles: Sequence[str], *, may: Sequence[str]) -> Pattern:
    """A change by one of the roles, to a secret not called drill-..., but for what they `may` do.

    A secret is named by its name or by its ARN.
    """
    other = [{"anything-but": {"wildcard": [_DRILLS, f"*:secret:{_DRILLS}"]}}]
    matched: Pattern = {"requestParameters": {"secretId": other}}
    if may:
        matched["eventName"] = [{"anything-but": list(may)}]
    return _call("secretsmanager", roles, [matched])


def rotations_that_failed(secrets: Sequence[str]) -> Pattern:
    """What Secrets Manager tells of a rotation that did not end well, of these secrets.

    `secrets` are names or ARNs; the event holds an ARN, which ends with six characters by chance.
    """
    return {
        "source": ["aws.secretsmanager"],
        "detail-type": ["AWS Service Event via CloudTrail"],
        "detail": {
            "eventSource": ["secretsmanager.amazonaws.com"],
            "eventName": ["RotationAbandoned", "RotationFailed", "TestRotationFailed"],
            "additionalEventData": {
                "SecretId": [
                    secret
                    if secret.startswith("arn:")
                    else {"wildcard": f"arn:*:secret:{secret}-*"}
                    for secret in secrets
                ]
            },
        },
    }


def snapshots_that_were_made(clusters: Sequence[str]) -> Pattern:
    """What RDS tells of an automated snapshot of one of the clusters that was finished."""
    return {
        "source": ["aws.rds"],
        "detail-type": ["RDS DB Cluster Snapshot Event"],
        "detail": {
            "EventID": ["RDS-EVENT-0169"],
            "SourceIdentifier": [{"prefix": f"rds:{cluster}-"} for cluster in clusters],
        },
    }


def _call(service: str, roles: Sequence[str], alternatives: Sequence[Pattern]) -> Pattern:
    """A call that changes something, by one of the roles (by their ids), in one of these ways."""
    choice = alternatives[0] if len(alternatives) == 1 else {"$or": list(alternatives)}
    return {
        "source": [f"aws.{service}"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": [f"{service}.amazonaws.com"],
            "readOnly": [False],
            "userIdentity": {"sessionContext": {"sessionIssuer": {"principalId": list(roles)}}},
            **choice,
        },
    }
