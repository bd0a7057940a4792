"""A look at real answers of S3, KMS and CloudWatch: each damage is found, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.s3_versions import objects
from lab.calls import Call
from lab.emulator import Emulator
from tests.steps.watch_s3.bucket import ABORT, BLOCK, Bucket, expiry, look

Damage = Callable[[Bucket], object]


def test_a_bucket_in_order_has_no_finding(bucket: Bucket) -> None:
    found = bucket.health()
    assert found.findings == ()
    assert [(gauge.name, gauge.value) for gauge in found.gauges] == [("FailedReplications", 0)]
    assert found.facts["unknown"] == []


@pytest.mark.parametrize(
    ("damage", "condition", "says"),
    [
        (lambda b: b.version("Suspended"), "versioning-off", "Suspended: expected Enabled"),
        (lambda b: b.s3.delete_bucket(Bucket=b.name), "versioning-off", "no such bucket"),
        (lambda b: b.expire(expiry(29), ABORT), "unprotected", "29 days, by the rule old"),
        (lambda b: b.encrypt("aws:kms"), "unprotected", "aws:kms: expected AES256"),
        (
            lambda b: b.block({**BLOCK, "RestrictPublicBuckets": False}),
            "unprotected",
            "not wholly blocked",
        ),
        (
            lambda b: b.s3.delete_public_access_block(Bucket=b.name),
            "unprotected",
            "not wholly blocked",
        ),
        (lambda b: b.expire(ABORT), "advice", "no lifecycle rule ends noncurrent versions"),
        (lambda b: b.expire(expiry(30)), "advice", "no lifecycle rule aborts unfinished"),
        (lambda b: b.replicate(metrics="Disabled"), "advice", "to-west has no metrics"),
    ],
)
def test_each_damage_is_found(bucket: Bucket, damage: Damage, condition: str, says: str) -> None:
    damage(bucket)
    [only] = bucket.health().findings
    assert only.condition == condition
    assert only.text.startswith(f"{bucket.name}: ")
    assert says in only.text


def test_a_bucket_whose_policy_lets_everybody_in_is_unprotected(bucket: Bucket) -> None:
    bucket.block({**BLOCK, "BlockPublicPolicy": False})
    bucket.let_everybody_in()
    [only] = bucket.health().findings
    assert (only.condition, "lets everybody in" in only.text) == ("unprotected", True)


def test_what_is_mended_is_no_finding_any_more(bucket: Bucket) -> None:
    bucket.version("Suspended")
    assert bucket.conditions() == ["versioning-off"]
    bucket.version("Enabled")
    assert bucket.conditions() == []


@pytest.mark.parametrize(
    ("value", "ago", "condition", "gauge"),
    [
        (0.0, timedelta(hours=1), [], [0.0]),
        (2.0, timedelta(hours=1), ["replication-failing"], [2.0]),
        (2.0, timedelta(hours=25), [], []),
    ],
)
def test_replication_fails_by_what_cloudwatch_has_of_a_day(
    bucket: Bucket, value: float, ago: timedelta, condition: list[str], gauge: list[float]
) -> None:
    bucket.publish(bucket.replicate(), value, ago=ago)
    found = bucket.health()
    assert [finding.condition for finding in found.findings] == condition
    assert [each.value for each in found.gauges] == gauge


def test_a_replication_that_is_required(bucket: Bucket) -> None:
    assert bucket.conditions(replication="required") == ["unprotected"]
    target = bucket.replicate()
    assert bucket.conditions(replication="required") == ["advice"]
    bucket.publish(target, 0.0)
    assert bucket.conditions(replication="required") == []


def test_replication_that_is_ignored_is_not_asked_about(here: Emulator, bucket: Bucket) -> None:
    bucket.publish(bucket.replicate(), 5.0)
    called: list[Call] = []
    here.before_call.append(called.append)
    assert bucket.conditions(replication="ignored") == []
    assert {call.service for call in called} == {"s3"}


def test_the_key_of_the_bucket_must_be_usable(here: Emulator, bucket: Bucket) -> None:
    kms = here.client("kms")
    key = kms.create_key()["KeyMetadata"]
    wanted: dict[str, Any] = {"encryption": [{"type": "kms", "kms_key": key["Arn"]}]}
    bucket.encrypt("aws:kms", key["Arn"])
    assert bucket.conditions(**wanted) == []
    kms.disable_key(KeyId=key["KeyId"])
    [only] = bucket.health(**wanted).findings
    assert (only.condition, "is Disabled" in only.text) == ("unprotected", True)
    kms.enable_key(KeyId=key["KeyId"])
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    assert "is PendingDeletion" in bucket.health(**wanted).findings[0].text


ANYTHING: dict[str, Any] = {"encryption": [{"type": "any", "kms_key": ""}]}


@pytest.mark.parametrize("told", ["Arn", "KeyId", "alias"])
def test_a_key_that_the_bucket_alone_names_must_be_usable(
    here: Emulator, bucket: Bucket, told: str
) -> None:
    kms = here.client("kms")
    key = kms.create_key()["KeyMetadata"]
    alias = f"alias/{bucket.name}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    name = alias if told == "alias" else key[told]
    bucket.encrypt("aws:kms", name)
    assert bucket.conditions(**ANYTHING) == []
    kms.disable_key(KeyId=key["KeyId"])
    [only] = bucket.health(**ANYTHING).findings
    assert only.condition == "unprotected"
    assert only.text == f"{bucket.name}: its key {name} is Disabled: expected Enabled"
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    [only] = bucket.health(**ANYTHING).findings
    assert "is PendingDeletion" in only.text


def test_a_key_of_the_bucket_alone_that_is_not_there_is_found(bucket: Bucket) -> None:
    bucket.encrypt("aws:kms", "00000000-0000-0000-0000-000000000000")
    [only] = bucket.health(**ANYTHING).findings
    assert (only.condition, "is not there" in only.text) == ("unprotected", True)


def test_a_key_that_both_name_is_asked_about_once(here: Emulator, bucket: Bucket) -> None:
    key = here.client("kms").create_key()["KeyMetadata"]
    bucket.encrypt("aws:kms", key["KeyId"])
    called: list[Call] = []
    here.before_call.append(called.append)
    assert bucket.conditions(encryption=[{"type": "kms", "kms_key": key["Arn"]}]) == []
    assert [call.operation for call in called].count("DescribeKey") == 1


def test_the_keys_of_aws_itself_are_not_asked_about(here: Emulator, bucket: Bucket) -> None:
    called: list[Call] = []
    here.before_call.append(called.append)
    for key in ("", "alias/aws/s3"):
        bucket.encrypt("aws:kms", key)
        assert bucket.conditions(**ANYTHING) == []
    assert "kms" not in {call.service for call in called}


def test_a_key_of_the_bucket_alone_that_may_not_be_looked_at_is_advice(
    here: Emulator, bucket: Bucket
) -> None:
    key = here.client("kms").create_key()["KeyMetadata"]["Arn"]
    bucket.encrypt("aws:kms", key)
    bucket.deny("DescribeKey", code="AccessDeniedException")
    found = bucket.health(**ANYTHING)
    [only] = found.findings
    assert (only.condition, key in only.text) == ("advice", True)
    assert found.facts["keys"] == {}


def test_a_key_of_which_kms_tells_nothing_is_unreadable(here: Emulator, bucket: Bucket) -> None:
    bucket.encrypt("aws:kms", here.client("kms").create_key()["KeyMetadata"]["Arn"])
    bucket.deny("DescribeKey", code="KMSInternalException")
    assert bucket.conditions(**ANYTHING) == ["unreadable"]


def test_a_key_that_was_never_there_is_found(bucket: Bucket) -> None:
    key = "arn:aws:kms:sa-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    bucket.encrypt("aws:kms", key)
    [only] = bucket.health(encryption=[{"type": "kms", "kms_key": key}]).findings
    assert (only.condition, "is not there" in only.text) == ("unprotected", True)


@pytest.mark.parametrize(
    "operation",
    [
        "GetBucketVersioning",
        "GetBucketLifecycleConfiguration",
        "GetBucketEncryption",
        "GetPublicAccessBlock",
        "GetBucketPolicyStatus",
        "GetObjectLockConfiguration",
        "GetBucketReplication",
        "GetBucketOwnershipControls",
        "GetBucketNotificationConfiguration",
    ],
)
def test_each_question_that_is_denied_is_a_finding_that_names_it(
    bucket: Bucket, operation: str
) -> None:
    bucket.deny(operation)
    [only] = bucket.health().findings
    assert only.condition == "unreadable"
    assert only.text.startswith(f"{operation} of {bucket.name} could not be asked: ")
    assert "AccessDenied" in only.text


def test_what_can_be_read_is_judged_beside_what_cannot(bucket: Bucket) -> None:
    bucket.version("Suspended")
    bucket.deny("GetBucketEncryption")
    assert bucket.conditions() == ["versioning-off", "unreadable"]


def test_numbers_that_are_denied_are_a_finding(bucket: Bucket) -> None:
    bucket.replicate()
    bucket.deny("GetMetricStatistics", code="AccessDenied")
    [only] = bucket.health(replication="required").findings
    assert only.condition == "unreadable"
    assert only.text.startswith(f"GetMetricStatistics of {bucket.name} could not be asked")


def test_a_key_that_may_not_be_looked_at_is_a_finding(here: Emulator, bucket: Bucket) -> None:
    key = here.client("kms").create_key()["KeyMetadata"]["Arn"]
    bucket.encrypt("aws:kms", key)
    bucket.deny("DescribeKey", code="AccessDeniedException")
    [only] = bucket.health(encryption=[{"type": "kms", "kms_key": key}]).findings
    assert only.condition == "unreadable"
    assert only.text.startswith(f"DescribeKey of {key} could not be asked")


def test_one_bucket_that_answers_nothing_does_not_stop_the_others(
    new_bucket: Callable[[], Bucket],
) -> None:
    first, second, third = new_bucket(), new_bucket(), new_bucket()
    first.deny("GetBucketVersioning", code="InternalError")
    second.s3.delete_bucket(Bucket=second.name)
    found = look(first.source(), second.source(), third.source())
    assert [[finding.condition for finding in each.findings] for each in found] == [
        ["unreadable"],
        ["versioning-off"],
        [],
    ]


def test_a_connection_that_breaks_is_one_finding_of_the_bucket(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    objects.client.cache_clear()
    [only] = bucket.health().findings
    assert only.condition == "unreadable"
    assert only.text.startswith(f"{bucket.name} could not be asked: EndpointConnectionError")


def test_the_questions_of_a_bucket_are_nine_however_many_there_are(
    here: Emulator, new_bucket: Callable[[], Bucket]
) -> None:
    sources = [new_bucket().source() for _ in range(3)]
    called: list[Call] = []
    here.before_call.append(called.append)
    look(*sources)
    assert len(called) == 9 * len(sources)
    assert {call.service for call in called} == {"s3"}
