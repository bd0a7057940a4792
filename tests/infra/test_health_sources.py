"""What is watched between drills, of drills.yaml: each source once, the strictest wish of each."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.kinds import s3_versions_health, secret_rotation_health
from infra.permissions import Permission
from lab.calls import Call
from lab.iam import Iam, SecretFacts, World
from lab.policies import Role
from tests.infra.bucket_calls import facts
from tests.infra.samples import BUCKET, DEPLOYMENT, ROTATION, configuration

KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b"
SEALED: dict[str, Any] = {"encryption": {"type": "kms", "kms_key": KEY}}
KINDS = [s3_versions_health, secret_rotation_health]


def bucket(name: str = "files", **changes: Any) -> dict[str, Any]:
    return {**BUCKET, "name": name, **changes}


def rotation(name: str = "rotation", **changes: Any) -> dict[str, Any]:
    return {**ROTATION, "name": name, "role": f"role_{name}", **changes}


def actions(permissions: list[Permission]) -> set[str]:
    return {action for permission in permissions for action in permission.actions}


def test_a_bucket_has_the_defaults_of_a_drill() -> None:
    [source] = s3_versions_health.sources(configuration(bucket()))
    assert (source.kind, source.name) == ("s3_versions", "company-files")
    assert source.wanted == {
        "kept": [{"prefix": "", "days": 30}],
        "encryption": [{"type": "s3", "kms_key": ""}],
        "public_access_block": True,
        "replication": "if_replicated",
    }


def test_a_bucket_of_several_drills_has_the_strictest_wish_of_each() -> None:
    [source] = s3_versions_health.sources(
        configuration(
            bucket("one", require_public_access_block=False, replication="ignored"),
            bucket("two", noncurrent_days_minimum=90, require_public_access_block=False),
            bucket("three", mode="rehearsal", prefix="site/", noncurrent_days_minimum=60),
            bucket(
                "four",
                **SEALED,
                replication="required",
                noncurrent_days_minimum=7,
            ),
        )
    )
    assert source.wanted == {
        "kept": [{"prefix": "", "days": 90}, {"prefix": "site/", "days": 60}],
        "encryption": [{"type": "s3", "kms_key": ""}, {"type": "kms", "kms_key": KEY}],
        "public_access_block": True,
        "replication": "required",
    }


def test_each_bucket_is_one_source() -> None:
    found = s3_versions_health.sources(
        configuration(bucket("one"), bucket("two", bucket="others"), bucket("three"))
    )
    assert [source.name for source in found] == ["company-files", "others"]


def test_a_secret_of_several_drills_has_the_strictest_wish_of_each() -> None:
    [source] = secret_rotation_health.sources(
        configuration(
            rotation("one", rotation_days_maximum=60),
            rotation("two", rotation_days_maximum=14, function="mine"),
        )
    )
    assert (source.kind, source.name) == ("secret_rotation", "prod/app")
    assert source.wanted == {
        "functions": ["drill-rotate-main", "mine"],
        "rotation_days_maximum": 14,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_drill_of_the_kind_nothing_is_watched_and_nothing_allowed(kind: Any) -> None:
    assert kind.sources(configuration()) == []
    assert kind.may_look(configuration()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_looking_writes_nothing_and_reads_no_value(kind: Any) -> None:
    allowed = actions(kind.may_look(configuration(bucket(**SEALED), rotation())))
    assert allowed == set(kind.LOOKS)
    assert all(re.match(r"[a-z0-9]+:(Describe|Get|List|Lookup)", action) for action in allowed)
    assert not {action for action in allowed if "SecretValue" in action or "Object" in action} - {
        "s3:GetBucketObjectLockConfiguration"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_wildcard_says_why(kind: Any) -> None:
    for permission in kind.may_look(configuration(bucket(), rotation())):
        assert bool(permission.because) == any("*" in each for each in permission.resources)


def keys(*drills: dict[str, Any], **others: Any) -> list[str]:
    """The keys that the collector may look at for buckets."""
    allowed = s3_versions_health.may_look(configuration(*drills, **others))
    [one] = [permission for permission in allowed if "kms:DescribeKey" in permission.actions]
    assert list(one.actions) == ["kms:DescribeKey"]
    return [re.sub(r"\$\{Token\[[^\]]*\]\}", "", each) for each in one.resources]


def test_any_key_may_be_looked_at_for_a_bucket_names_its_own() -> None:
    assert keys(bucket()) == ["arn::kms:::key/*"]
    assert keys(bucket(**SEALED)) == [KEY, "arn::kms:::key/*"]


def test_the_keys_that_drills_yaml_narrows_roles_to_are_those_of_buckets_too() -> None:
    other = KEY.replace("1a2b", "3c4d")
    narrowed = {**DEPLOYMENT, "permissions": {"source_keys": [other]}}
    assert keys(bucket(**SEALED), deployment=narrowed) == [KEY, other]
    assert keys(bucket(), deployment=narrowed) == [other]


def test_a_secret_by_its_arn_is_looked_at_by_its_arn() -> None:
    arn = "arn:aws:secretsmanager:sa-east-1:123456789012:secret:prod/app-AbCdEf"
    [secrets, functions, _] = secret_rotation_health.may_look(
        configuration(rotation(secret=arn), rotation("two", secret=arn))
    )
    assert secrets.resources == [arn]
    assert len(functions.resources) == 1


def asked() -> list[tuple[str, str, dict[str, Any]]]:
    """What a look at the sources of drills.yaml asks, but for CloudTrail."""
    described = {"SecretId": "fibonacci-aurora-cluster-prod-app"}
    function = {"FunctionName": "drill-rotate-production"}
    return [
        *facts("fibonacci-files-prod"),
        ("cloudwatch", "GetMetricStatistics", {"Namespace": "AWS/S3"}),
        ("kms", "DescribeKey", {"KeyId": KEY}),
        ("secretsmanager", "DescribeSecret", described),
        ("secretsmanager", "ListSecretVersionIds", described),
        ("lambda", "GetFunctionConfiguration", function),
        ("lambda", "GetPolicy", function),
    ]


@pytest.fixture(scope="module")
def iam(function_roles: dict[str, Role]) -> Iam:
    secrets = "arn:aws:secretsmanager:sa-east-1:123456789012:secret"
    return Iam(
        roles=function_roles,
        world=World(
            region="sa-east-1",
            account="123456789012",
            tags_of=lambda _: {},
            key_of=lambda _: None,
            secret_of=lambda name: SecretFacts(arn=f"{secrets}:{name}-AbCdEf"),
        ),
    )


@pytest.mark.parametrize(("service", "operation", "parameters"), asked())
def test_the_collector_may_ask_all_that_a_look_asks(
    iam: Iam, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    call = Call(
        role="drill-collector",
        session=None,
        service=service,
        operation=operation,
        parameters=parameters,
    )
    assert iam.refused(call) is None


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("s3", "GetObject", {"Bucket": "fibonacci-files-prod", "Key": "a"}),
        ("secretsmanager", "GetSecretValue", {"SecretId": "fibonacci-aurora-cluster-prod-app"}),
        ("secretsmanager", "DescribeSecret", {"SecretId": "another"}),
    ],
)
def test_the_collector_may_read_no_object_and_no_value(
    iam: Iam, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    call = Call(
        role="drill-collector",
        session=None,
        service=service,
        operation=operation,
        parameters=parameters,
    )
    assert iam.refused(call) is not None
