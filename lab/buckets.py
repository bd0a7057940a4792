"""Makes the buckets of a template: what it says of them, in the words of S3's API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab import aws
from lab.template import Made, Making, Properties


def make_bucket(making: Making, name: str, properties: Properties) -> Made:
    """An AWS::S3::Bucket with its versions, key, lock, lifecycle, owners, blocks, and tags.

    Its replication, notifications but for EventBridge, website and logs are left out.
    """
    s3 = making.client("s3")
    bucket = properties.get("BucketName") or making.named(name).lower()
    s3.create_bucket(
        Bucket=bucket,
        ObjectLockEnabledForBucket=bool(properties.get("ObjectLockEnabled", False)),
        CreateBucketConfiguration={"LocationConstraint": aws.REGION},
    )
    for operation, parameters in _configured(properties):
        getattr(s3, operation)(Bucket=bucket, **parameters)
    domain = f"{bucket}.s3.{aws.REGION}.amazonaws.com"
    return Made(bucket, {"Arn": f"arn:aws:s3:::{bucket}", "RegionalDomainName": domain})


def _configured(properties: Properties) -> Iterator[tuple[str, dict[str, Any]]]:
    """The operations of S3 that configure a bucket, and what they are given."""
    for property_name, operation, parameter in (
        ("VersioningConfiguration", "put_bucket_versioning", "VersioningConfiguration"),
        (
            "PublicAccessBlockConfiguration",
            "put_public_access_block",
            "PublicAccessBlockConfiguration",
        ),
        ("OwnershipControls", "put_bucket_ownership_controls", "OwnershipControls"),
        ("ObjectLockConfiguration", "put_object_lock_configuration", "ObjectLockConfiguration"),
    ):
        if property_name in properties:
            yield operation, {parameter: properties[property_name]}
    encryption = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration")
    if encryption:
        rules = [_encryption_rule(rule) for rule in encryption]
        yield (
            "put_bucket_encryption",
            {"ServerSideEncryptionConfiguration": {"Rules": rules}},
        )
    lifecycle = properties.get("LifecycleConfiguration", {}).get("Rules")
    if lifecycle:
        rules = [lifecycle_rule(rule) for rule in lifecycle]
        yield (
            "put_bucket_lifecycle_configuration",
            {"LifecycleConfiguration": {"Rules": rules}},
        )
    notified = properties.get("NotificationConfiguration", {}).get("EventBridgeConfiguration", {})
    if notified.get("EventBridgeEnabled"):
        yield (
            "put_bucket_notification_configuration",
            {"NotificationConfiguration": {"EventBridgeConfiguration": {}}},
        )
    if properties.get("Tags"):
        yield "put_bucket_tagging", {"Tagging": {"TagSet": properties["Tags"]}}


def _encryption_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    told = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
    if "BucketKeyEnabled" in rule:
        told["BucketKeyEnabled"] = rule["BucketKeyEnabled"]
    return told


def lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A template's lifecycle rule as S3 has it.

    >>> lifecycle_rule({"Id": "old", "Status": "Enabled", "Prefix": "site/",
    ...                 "NoncurrentVersionExpiration": {"NoncurrentDays": 90}})
    {'Status': 'Enabled', 'Filter': {'Prefix': 'site/'}, 'ID': 'old', \
'NoncurrentVersionExpiration': {'NoncurrentDays': 90}}
    """
    told: dict[str, Any] = {"Status": rule["Status"], "Filter": _filter(rule)}
    for of_template, of_api in (
        ("Id", "ID"),
        ("NoncurrentVersionExpiration", "NoncurrentVersionExpiration"),
        ("AbortIncompleteMultipartUpload", "AbortIncompleteMultipartUpload"),
    ):
        if of_template in rule:
            told[of_api] = rule[of_template]
    expiration = {
        of_api: rule[of_template]
        for of_template, of_api in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if of_template in rule
    }
    if expiration:
        told["Expiration"] = expiration
    for list_name, days in (
        ("Transitions", "Days"),
        ("NoncurrentVersionTransitions", "NoncurrentDays"),
    ):
        names = {"TransitionInDays": days, "TransitionDate": "Date"}
        if list_name in rule:
            told[list_name] = [
                {names.get(key, key): value for key, value in each.items()}
                for each in rule[list_name]
            ]
    return told


def _filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule is about: one thing, or several that are joined by And."""
    parts = {
        key: rule[key]
        for key in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
        if key in rule
    }
    tags = rule.get("TagFilters", [])
    if len(parts) + len(tags) > 1:
        return {"And": {**parts, **({"Tags": tags} if tags else {})}}
    return {"Tag": tags[0]} if tags else parts or {"Prefix": ""}
