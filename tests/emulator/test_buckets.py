"""A template's bucket is made as the template says, and no more than that."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.buckets import make_bucket
from lab.emulator import Emulator
from lab.lambdas import Functions
from lab.template import Making, Template

BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
CAREFUL: dict[str, Any] = {
    "VersioningConfiguration": {"Status": "Enabled"},
    "PublicAccessBlockConfiguration": BLOCKED,
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {
                "BucketKeyEnabled": True,
                "ServerSideEncryptionByDefault": {
                    "SSEAlgorithm": "aws:kms",
                    "KMSMasterKeyID": "arn:aws:kms:sa-east-1:123456789012:key/k",
                },
            }
        ]
    },
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "old",
                "Status": "Enabled",
                "NoncurrentVersionExpiration": {
                    "NoncurrentDays": 90,
                    "NewerNoncurrentVersions": 2,
                },
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            },
            {
                "Id": "tagged",
                "Status": "Disabled",
                "Prefix": "logs/",
                "TagFilters": [{"Key": "a", "Value": "b"}],
                "ExpirationInDays": 9,
                "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 30}],
                "NoncurrentVersionTransitions": [
                    {"StorageClass": "GLACIER", "TransitionInDays": 60}
                ],
            },
        ]
    },
    "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
    "Tags": [{"Key": "stage", "Value": "prod"}],
}
LOCKED: dict[str, Any] = {
    "ObjectLockEnabled": True,
    "ObjectLockConfiguration": {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
    },
}


def made(emulator: Emulator, functions: Functions, properties: Mapping[str, Any]) -> str:
    """The name of the bucket that a template with these properties makes."""
    resource = {"Type": "AWS::S3::Bucket", "Properties": properties}
    template = Template(
        stack=f"s-{uuid.uuid4().hex[:8]}",
        resources={"Bucket": resource},
        parameters={},
        assets={},
    )
    making = Making(
        template,
        {"AWS::S3::Bucket": make_bucket},
        emulator=emulator,
        functions=functions,
        time_factor=1.0,
    )
    return making.resource("Bucket").ref


@pytest.fixture
def functions(emulator: Emulator, tmp_path: Any) -> Functions:
    return Functions(endpoint=emulator.endpoint, folder=tmp_path, layer=tmp_path, environment={})


def test_a_careful_bucket(emulator: Emulator, functions: Functions) -> None:
    name, s3 = made(emulator, functions, CAREFUL), emulator.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == BLOCKED
    owners = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert owners == CAREFUL["OwnershipControls"]
    (rule,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 90, "NewerNoncurrentVersions": 2},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "tagged",
            "Status": "Disabled",
            "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "b"}]}},
            "Expiration": {"Days": 9},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}],
            "NoncurrentVersionTransitions": [{"NoncurrentDays": 60, "StorageClass": "GLACIER"}],
        },
    ]
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == CAREFUL["Tags"]
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=name)


def test_a_locked_bucket(emulator: Emulator, functions: Functions) -> None:
    name, s3 = made(emulator, functions, LOCKED), emulator.client("s3")
    found = s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    assert found == LOCKED["ObjectLockConfiguration"]
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert s3.head_object(Bucket=name, Key="k")["ObjectLockMode"] == "GOVERNANCE"


def test_a_bucket_of_which_nothing_is_said(emulator: Emulator, functions: Functions) -> None:
    name, s3 = made(emulator, functions, {}), emulator.client("s3")
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)
    for operation in (
        s3.get_bucket_lifecycle_configuration,
        s3.get_bucket_ownership_controls,
        s3.get_object_lock_configuration,
        s3.get_public_access_block,
    ):
        with pytest.raises(ClientError, match=r"(NotFoundError|NoSuch)"):
            operation(Bucket=name)
