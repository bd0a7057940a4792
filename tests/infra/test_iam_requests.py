"""What IAM is asked when a call is made: lab/iam.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lab.iam import Iam, SecretFacts, UndescribedCall, World, requests_of, roles_of
from lab.policies import Role

OF_RDS = "arn:aws:rds:sa-east-1:123456789012"
OF_SECRETS = "arn:aws:secretsmanager:sa-east-1:123456789012:secret"
OF_FUNCTIONS = "arn:aws:lambda:sa-east-1:123456789012:function"
KEY = "arn:aws:kms:sa-east-1:123456789012:key/s"
LOGIN = SecretFacts(
    arn=f"{OF_SECRETS}:company/login-x1Y2z3",
    key="s",
    rotation_function=f"{OF_FUNCTIONS}:rotation",
    tags={"stage": "prod"},
)
WORLD = World(
    region="sa-east-1",
    account="123456789012",
    tags_of=lambda arn: {"mine": "yes"} if arn.endswith(":drill-a") else {},
    key_of=lambda arn: "arn:aws:kms:sa-east-1:123456789012:key/k" if arn.endswith("b") else None,
    secret_of=lambda secret: LOGIN if secret in ("company/login", LOGIN.arn) else None,
)


@dataclass(frozen=True, kw_only=True)
class Call:
    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    role: str | None = None


def asked(service: str, operation: str, **parameters: Any) -> list[tuple[str, str]]:
    call = Call(service=service, operation=operation, parameters=parameters)
    return [(each.action, each.resource) for each in requests_of(call, WORLD)]


def test_a_restore_is_asked_about_all_that_it_touches() -> None:
    found = asked(
        "rds",
        "RestoreDBClusterToPointInTime",
        SourceDBClusterIdentifier="prod",
        DBClusterIdentifier="drill-a",
        DBClusterParameterGroupName="drill-p",
        DBSubnetGroupName="drill-s",
        KmsKeyId="k",
        Tags=[{"Key": "a", "Value": "b"}],
    )
    restore = "rds:RestoreDBClusterToPointInTime"
    assert found == [
        (restore, f"{OF_RDS}:cluster:prod"),
        (restore, f"{OF_RDS}:cluster:drill-a"),
        (restore, f"{OF_RDS}:cluster-pg:drill-p"),
        (restore, f"{OF_RDS}:subgrp:drill-s"),
        (restore, f"{OF_RDS}:og:default"),
        ("rds:AddTagsToResource", f"{OF_RDS}:cluster:drill-a"),
        ("kms:DescribeKey", "arn:aws:kms:sa-east-1:123456789012:key/k"),
        ("kms:CreateGrant", "arn:aws:kms:sa-east-1:123456789012:key/k"),
    ]


def test_a_delete_without_skipping_the_final_snapshot_makes_one() -> None:
    skipped = asked("rds", "DeleteDBCluster", DBClusterIdentifier="x", SkipFinalSnapshot=True)
    assert skipped == [("rds:DeleteDBCluster", f"{OF_RDS}:cluster:x")]
    made = asked("rds", "DeleteDBCluster", DBClusterIdentifier="x", FinalDBSnapshotIdentifier="s")
    assert ("rds:CreateDBClusterSnapshot", f"{OF_RDS}:cluster-snapshot:s") in made


def test_the_tags_of_a_resource_are_in_the_context() -> None:
    call = Call(
        service="rds", operation="DescribeDBClusters", parameters={"DBClusterIdentifier": "drill-a"}
    )
    (request,) = requests_of(call, WORLD)
    assert request.context == {"aws:ResourceTag/mine": "yes"}


def test_objects_in_an_encrypted_bucket_need_its_key_and_a_lock_needs_its_own_action() -> None:
    key = "arn:aws:kms:sa-east-1:123456789012:key/k"
    assert asked("s3", "PutObject", Bucket="b", Key="x", ObjectLockMode="GOVERNANCE") == [
        ("s3:PutObject", "arn:aws:s3:::b/x"),
        ("s3:PutObjectRetention", "arn:aws:s3:::b/x"),
        ("kms:GenerateDataKey", key),
    ]
    assert ("kms:Decrypt", key) in asked("s3", "GetObject", Bucket="b", Key="x")
    assert asked("s3", "GetObject", Bucket="c", Key="x", VersionId="1") == [
        ("s3:GetObjectVersion", "arn:aws:s3:::c/x")
    ]
    tagged = asked("s3", "PutObject", Bucket="c", Key="x", Tagging="a=b")
    assert ("s3:PutObjectTagging", "arn:aws:s3:::c/x") in tagged


CUSTOMERS_KEY = "arn:aws:kms:sa-east-1:123456789012:key/k"


def actions(operation: str, **parameters: Any) -> list[str]:
    """What is asked about an object `x` of the bucket `c`, which has no key of a customer's."""
    found = asked("s3", operation, Bucket="c", Key="x", **parameters)
    assert {resource for _, resource in found} == {"arn:aws:s3:::c/x"}
    return [action.removeprefix("s3:") for action, _ in found]


def context_of(operation: str, **parameters: Any) -> Mapping[str, Any]:
    """The condition keys of the first thing that is asked."""
    call = Call(service="s3", operation=operation, parameters=parameters)
    return requests_of(call, WORLD)[0].context


def test_a_version_is_read_and_deleted_by_actions_of_its_own() -> None:
    assert actions("GetObject") == actions("HeadObject") == ["GetObject"]
    assert actions("HeadObject", VersionId="1") == ["GetObjectVersion"]
    assert actions("GetObjectTagging") == ["GetObjectTagging"]
    assert actions("GetObjectTagging", VersionId="1") == ["GetObjectVersionTagging"]
    assert actions("GetObjectAttributes") == ["GetObject", "GetObjectAttributes"]
    assert actions("GetObjectAttributes", VersionId="1") == [
        "GetObjectVersion",
        "GetObjectVersionAttributes",
    ]
    assert actions("DeleteObject") == ["DeleteObject"]
    assert actions("DeleteObject", VersionId="1") == ["DeleteObjectVersion"]
    assert actions("RestoreObject", VersionId="1") == ["RestoreObject"]
    assert context_of("GetObject", Bucket="c", Key="x", VersionId="1")["s3:VersionId"] == "1"


def test_a_batch_is_asked_about_each_key() -> None:
    objects = [{"Key": "x", "VersionId": "1"}, {"Key": "y", "ETag": "e"}]
    assert asked("s3", "DeleteObjects", Bucket="c", Delete={"Objects": objects}) == [
        ("s3:DeleteObjectVersion", "arn:aws:s3:::c/x"),
        ("s3:DeleteObject", "arn:aws:s3:::c/y"),
        ("s3:GetObject", "arn:aws:s3:::c/y"),
    ]
    locked = actions("DeleteObject", VersionId="1", BypassGovernanceRetention=True)
    assert locked == ["DeleteObjectVersion", "BypassGovernanceRetention"]


def test_a_condition_on_what_is_there_needs_the_right_to_read_it() -> None:
    assert actions("PutObject", IfNoneMatch="*") == ["PutObject"]
    assert actions("PutObject", IfMatch="e") == ["PutObject", "GetObject"]
    assert actions("DeleteObject", IfMatch="*") == ["DeleteObject"]
    assert context_of("PutObject", Bucket="c", Key="x", IfMatch="e")["s3:if-match"] == "e"


def test_a_copy_reads_its_source_with_its_tags_and_writes_both() -> None:
    source = "c/a%20b?versionId=7"
    assert asked("s3", "CopyObject", Bucket="b", Key="x", CopySource=source, IfMatch="e") == [
        ("s3:GetObjectVersion", "arn:aws:s3:::c/a b"),
        ("s3:GetObjectVersionTagging", "arn:aws:s3:::c/a b"),
        ("s3:PutObject", "arn:aws:s3:::b/x"),
        ("s3:PutObjectTagging", "arn:aws:s3:::b/x"),
        ("s3:GetObject", "arn:aws:s3:::b/x"),
        ("kms:GenerateDataKey", CUSTOMERS_KEY),
    ]
    replaced = {"CopySource": "b/y", "TaggingDirective": "REPLACE"}
    assert asked("s3", "CopyObject", Bucket="c", Key="x", **replaced) == [
        ("s3:GetObject", "arn:aws:s3:::b/y"),
        ("kms:Decrypt", CUSTOMERS_KEY),
        ("s3:PutObject", "arn:aws:s3:::c/x"),
    ]


def test_only_what_is_encrypted_with_a_customers_key_needs_it() -> None:
    own = {"Bucket": "b", "Key": "x", "ServerSideEncryption": "AES256"}
    assert asked("s3", "PutObject", **own) == [("s3:PutObject", "arn:aws:s3:::b/x")]
    given = {"Bucket": "c", "Key": "x", "SSEKMSKeyId": "other"}
    assert asked("s3", "PutObject", **given)[-1] == (
        "kms:GenerateDataKey",
        "arn:aws:kms:sa-east-1:123456789012:key/other",
    )


def test_an_upload_in_parts() -> None:
    assert actions("CreateMultipartUpload", Tagging="a=b") == ["PutObject", "PutObjectTagging"]
    assert actions("UploadPart") == actions("CompleteMultipartUpload") == ["PutObject"]
    assert actions("AbortMultipartUpload") == ["AbortMultipartUpload"]
    assert actions("ListParts") == ["ListMultipartUploadParts"]
    assert asked("s3", "UploadPart", Bucket="b", Key="x")[-1] == ("kms:Decrypt", CUSTOMERS_KEY)
    assert asked("s3", "UploadPartCopy", Bucket="c", Key="x", CopySource="c/y?versionId=1") == [
        ("s3:GetObjectVersion", "arn:aws:s3:::c/y"),
        ("s3:PutObject", "arn:aws:s3:::c/x"),
    ]


@pytest.mark.parametrize(
    ("operation", "action"),
    [("ListObjectVersions", "ListBucketVersions"), ("ListObjectsV2", "ListBucket")],
)
def test_a_listing_is_of_a_prefix(operation: str, action: str) -> None:
    assert asked("s3", operation, Bucket="c") == [(f"s3:{action}", "arn:aws:s3:::c")]
    assert context_of(operation, Bucket="c", Prefix="a/")["s3:prefix"] == "a/"


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("GetBucketEncryption", "GetEncryptionConfiguration"),
        ("GetBucketLifecycleConfiguration", "GetLifecycleConfiguration"),
        ("GetBucketLocation", "GetBucketLocation"),
        ("GetBucketNotificationConfiguration", "GetBucketNotification"),
        ("GetBucketOwnershipControls", "GetBucketOwnershipControls"),
        ("GetBucketPolicyStatus", "GetBucketPolicyStatus"),
        ("GetBucketReplication", "GetReplicationConfiguration"),
        ("GetBucketVersioning", "GetBucketVersioning"),
        ("GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"),
        ("GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
        ("HeadBucket", "ListBucket"),
        ("ListMultipartUploads", "ListBucketMultipartUploads"),
    ],
)
def test_a_bucket_is_looked_at_by_iams_own_names(operation: str, action: str) -> None:
    assert asked("s3", operation, Bucket="c") == [(f"s3:{action}", "arn:aws:s3:::c")]
    assert context_of(operation, Bucket="c")["s3:ResourceAccount"] == "123456789012"


@pytest.mark.parametrize("operation", ["GetMetricData", "GetMetricStatistics"])
def test_metrics_have_no_resource(operation: str) -> None:
    assert asked("cloudwatch", operation) == [(f"cloudwatch:{operation}", "*")]


def test_a_list_without_a_name_is_of_everything() -> None:
    assert asked("rds", "DescribeDBInstances") == [("rds:DescribeDBInstances", f"{OF_RDS}:db:*")]


def test_a_secret_is_the_same_by_name_and_by_arn_and_has_one_of_its_own_if_nobody_knows_it() -> (
    None
):
    get = "GetSecretValue"
    for secret_id in ("company/login", LOGIN.arn):
        assert asked("secretsmanager", get, SecretId=secret_id) == [
            ("secretsmanager:GetSecretValue", LOGIN.arn),
            ("kms:Decrypt", KEY),
        ]
    for secret_id in ("other", f"{OF_SECRETS}:other", f"{OF_SECRETS}:other-AbCdEf"):
        assert asked("secretsmanager", get, SecretId=secret_id) == [
            ("secretsmanager:GetSecretValue", f"{OF_SECRETS}:other-AbCdEf")
        ]


def test_only_who_reads_or_writes_a_value_needs_the_secrets_key() -> None:
    for operation in ("DescribeSecret", "ListSecretVersionIds", "UpdateSecretVersionStage"):
        assert asked("secretsmanager", operation, SecretId="company/login") == [
            (f"secretsmanager:{operation}", LOGIN.arn)
        ]
    assert asked("secretsmanager", "PutSecretValue", SecretId="company/login") == [
        ("secretsmanager:PutSecretValue", LOGIN.arn),
        ("kms:GenerateDataKey", KEY),
        ("kms:Decrypt", KEY),
    ]


def test_a_rotation_is_asked_about_the_function_too() -> None:
    rotate = ("secretsmanager:RotateSecret", LOGIN.arn)
    assert asked("secretsmanager", "RotateSecret", SecretId="company/login") == [
        rotate,
        ("lambda:InvokeFunction", f"{OF_FUNCTIONS}:rotation"),
    ]
    other = f"{OF_FUNCTIONS}:other"
    given = {"SecretId": "company/login", "RotationLambdaARN": other}
    assert asked("secretsmanager", "RotateSecret", **given) == [
        rotate,
        ("lambda:InvokeFunction", other),
    ]
    call = Call(service="secretsmanager", operation="RotateSecret", parameters=given)
    assert requests_of(call, WORLD)[0].context == {
        "aws:ResourceTag/stage": "prod",
        "secretsmanager:ResourceTag/stage": "prod",
        "secretsmanager:RotationLambdaARN": other,
        "secretsmanager:resource/AllowRotationLambdaArn": LOGIN.rotation_function,
    }


def test_a_secrets_key_is_used_through_secrets_manager() -> None:
    call = Call(
        service="secretsmanager", operation="GetSecretValue", parameters={"SecretId": LOGIN.arn}
    )
    read, decrypt = requests_of(call, WORLD)
    assert read.context["secretsmanager:resource/AllowRotationLambdaArn"] == (
        LOGIN.rotation_function
    )
    assert decrypt.context == {
        "kms:ViaService": "secretsmanager.sa-east-1.amazonaws.com",
        "kms:EncryptionContext:SecretARN": LOGIN.arn,
    }


def test_what_is_asked_of_lambda_about_a_function() -> None:
    for operation in ("GetFunctionConfiguration", "GetPolicy"):
        for name in ("rotation", f"{OF_FUNCTIONS}:rotation"):
            assert asked("lambda", operation, FunctionName=name) == [
                (f"lambda:{operation}", f"{OF_FUNCTIONS}:rotation")
            ]


def test_a_call_that_no_function_was_known_to_make_raises() -> None:
    with pytest.raises(UndescribedCall, match="rds:StopDBCluster"):
        asked("rds", "StopDBCluster", DBClusterIdentifier="prod")


def test_who_is_no_role_may_do_all_and_an_unknown_role_raises() -> None:
    iam = Iam(roles={"arn:aws:iam::1:role/none": Role(policies=())}, world=WORLD)
    describe = {"DBClusterIdentifier": "prod"}

    def refused(role: str | None) -> object:
        call = Call(role=role, service="rds", operation="DescribeDBClusters", parameters=describe)
        return iam.refused(call)

    assert refused(None) is None
    assert refused("arn:aws:iam::1:role/none")
    with pytest.raises(KeyError):
        refused("arn:aws:iam::1:role/other")


@mock_aws
def test_roles_are_read_from_an_iam_api_with_their_boundary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = boto3.client("iam", region_name="sa-east-1")
    allow = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"%s","Resource":"*"}}'
    boundary = client.create_policy(PolicyName="b", PolicyDocument=allow % "s3:Get*")
    attached = client.create_policy(PolicyName="a", PolicyDocument=allow % "s3:Put*")
    role = client.create_role(
        RoleName="r",
        AssumeRolePolicyDocument="{}",
        PermissionsBoundary=boundary["Policy"]["Arn"],
    )["Role"]
    client.put_role_policy(RoleName="r", PolicyName="i", PolicyDocument=allow % "s3:GetObject")
    client.attach_role_policy(RoleName="r", PolicyArn=attached["Policy"]["Arn"])
    iam = Iam(roles=roles_of(client), world=WORLD)
    assert iam.authorise(role["Arn"], "s3:GetObject", "*")
    assert not iam.authorise(role["Arn"], "s3:PutObject", "*")


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "request_made"),
    [
        ("rds", "DescribeEvents", {}, ("rds:DescribeEvents", "*")),
        ("ec2", "DescribeSubnets", {"SubnetIds": ["subnet-1"]}, ("ec2:DescribeSubnets", "*")),
        ("cloudtrail", "LookupEvents", {}, ("cloudtrail:LookupEvents", "*")),
        ("cloudwatch", "DescribeAlarms", {}, ("cloudwatch:DescribeAlarms", "*")),
        ("secretsmanager", "ListSecrets", {}, ("secretsmanager:ListSecrets", "*")),
        ("s3", "ListBuckets", {}, ("s3:ListAllMyBuckets", "*")),
        ("resourcegroupstaggingapi", "GetResources", {}, ("tag:GetResources", "*")),
        (
            "s3",
            "DeleteBucket",
            {"Bucket": "drill-x"},
            ("s3:DeleteBucket", "arn:aws:s3:::drill-x"),
        ),
        (
            "logs",
            "DeleteLogGroup",
            {"logGroupName": "/aws/rds/cluster/drill-x"},
            (
                "logs:DeleteLogGroup",
                "arn:aws:logs:sa-east-1:123456789012:log-group:/aws/rds/cluster/drill-x",
            ),
        ),
        (
            "scheduler",
            "GetSchedule",
            {"GroupName": "drill-s", "Name": "collector"},
            (
                "scheduler:GetSchedule",
                "arn:aws:scheduler:sa-east-1:123456789012:schedule/drill-s/collector",
            ),
        ),
        (
            "rds",
            "DeleteDBClusterSnapshot",
            {"DBClusterSnapshotIdentifier": "drill-x"},
            ("rds:DeleteDBClusterSnapshot", f"{OF_RDS}:cluster-snapshot:drill-x"),
        ),
    ],
)
def test_what_the_watch_calls(
    service: str, operation: str, parameters: dict[str, Any], request_made: tuple[str, str]
) -> None:
    assert asked(service, operation, **parameters) == [request_made]
