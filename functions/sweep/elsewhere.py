"""What there is outside RDS that may be a drill's, and its end: secrets, buckets, logs.

Drills make none of these today. What bears all the signs of one is removed all the same, so that a
kind that begins to make them finds its sweeper here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from functions import naming, owner
from functions.aws import asks_again, code_of
from functions.watch.expired import Kind, Scratch

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

LOGS_OF_CLUSTERS = "/aws/rds/cluster/"
"""RDS puts a cluster's logs below it, one group for each type of log."""


@cache
def _secrets() -> SecretsManagerClient:
    return boto3.client("secretsmanager")


@cache
def _s3() -> S3Client:
    return boto3.client("s3")


@cache
def _logs() -> CloudWatchLogsClient:
    return boto3.client("logs")


def secrets(beginning: str = naming.PREFIX) -> list[Scratch]:
    """The secrets with a drill's name; those that are scheduled for deletion are not listed."""
    pages = (
        _secrets()
        .get_paginator("list_secrets")
        .paginate(Filters=[{"Key": "name", "Values": [beginning]}])
    )
    return [
        Scratch(
            kind=Kind.SECRET,
            name=found["Name"],
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
            handle=found["ARN"],
            stays=f"the service {found['OwningService']} owns it"
            if found.get("OwningService")
            else "",
        )
        for page in pages
        for found in page["SecretList"]
        if found["Name"].startswith(naming.PREFIX)
    ]


def delete_secret(found: Scratch) -> None:
    """End a secret for good. AWS raises nothing for one that is gone."""
    _secrets().delete_secret(SecretId=found.handle, ForceDeleteWithoutRecovery=True)


def buckets(account: str, beginning: str = naming.PREFIX) -> list[Scratch]:
    """This account's buckets with a drill's name; what is in one stays, and so does it."""
    owner.expect(_s3(), account)
    pages = _s3().get_paginator("list_buckets").paginate(Prefix=beginning)
    names = [
        bucket["Name"]
        for page in pages
        for bucket in page["Buckets"]
        if bucket["Name"].startswith(beginning)
    ]
    return [_bucket(name) for name in names]


def _bucket(name: str) -> Scratch:
    try:
        tags = _tags_of_bucket(name)
        holds = tags.get(naming.MANAGED_TAG) == "true" and _holds(name)
    except ClientError as error:
        return _unreadable(Scratch(kind=Kind.BUCKET, name=name), error)
    stays = "it is not empty: its objects may be somebody's" if holds else ""
    return Scratch(kind=Kind.BUCKET, name=name, tags=tags, stays=stays)


def _unreadable(found: Scratch, error: ClientError) -> Scratch:
    """What cannot be looked at is told, and does not hide the others. Raises what may pass."""
    if asks_again(error):
        raise error
    return replace(found, unreadable=str(error))


def _tags_of_bucket(name: str) -> dict[str, str]:
    try:
        tags = _s3().get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        if code_of(error) in ("NoSuchTagSet", "NoSuchBucket"):
            return {}
        raise
    return {tag["Key"]: tag["Value"] for tag in tags}


def _holds(name: str) -> bool:
    """Whether anything is in a bucket: a version, a marker, an upload that is not finished."""
    versions = _s3().list_object_versions(Bucket=name, MaxKeys=1)
    if versions.get("Versions") or versions.get("DeleteMarkers"):
        return True
    return bool(_s3().list_multipart_uploads(Bucket=name, MaxUploads=1).get("Uploads"))


def delete_bucket(found: Scratch) -> None:
    """End an empty bucket; S3 refuses one that is not. What is gone is success."""
    try:
        _s3().delete_bucket(Bucket=found.name)
    except ClientError as error:
        if code_of(error) != "NoSuchBucket":
            raise


def log_groups(beginning: str = f"{LOGS_OF_CLUSTERS}{naming.PREFIX}") -> list[Scratch]:
    """The logs of clusters with a drill's name."""
    pages = _logs().get_paginator("describe_log_groups").paginate(logGroupNamePrefix=beginning)
    return [
        _log_group(group["logGroupName"], group["arn"].removesuffix(":*"))
        for page in pages
        for group in page["logGroups"]
    ]


def _log_group(name: str, arn: str) -> Scratch:
    cluster = name.removeprefix(LOGS_OF_CLUSTERS).partition("/")[0]
    found = Scratch(kind=Kind.LOG_GROUP, name=cluster, handle=name)
    try:
        return replace(found, tags=_logs().list_tags_for_resource(resourceArn=arn)["tags"])
    except ClientError as error:
        return _unreadable(found, error)


def delete_log_group(found: Scratch) -> None:
    """End a log group. What is gone is success."""
    try:
        _logs().delete_log_group(logGroupName=found.handle)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
