"""The rules of EventBridge: which events they match, and how they are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.cfn import Template, resolve
from tests.infra.conftest import synthesized
from tests.infra.event_patterns import matches
from tests.infra.samples import WINDOW, content

LONGEST_PATTERN = 2048
SOURCE = "fibonacci-aurora-cluster-prod"
SECRET = f"{SOURCE}-app"
BUCKET = "fibonacci-files-prod"
COPY = "drill-aurora-prod-monthly-20261102-1a2b3c"
ARN = "arn:aws:secretsmanager:sa-east-1:123456789012:secret:"
ID = re.compile(r"\S+\.RoleId")


def rules(template: Template, start: str = "") -> dict[str, dict[str, Any]]:
    found = template.of_type("AWS::Events::Rule")
    return {
        name.removeprefix("WatchRules"): rule
        for name, rule in found.items()
        if name.startswith(f"WatchRules{start}")
    }


def role_of(template: Template, function: str) -> str:
    """The id of a function's role, as the template names it before there is one."""
    arn = next(
        each["Role"]
        for each in template.of_type("AWS::Lambda::Function").values()
        if each["FunctionName"] == function
    )
    return f"{arn.rpartition('/')[2]}.RoleId"


def call(service: str, name: str, role: str, **parameters: str) -> dict[str, Any]:
    """A call as CloudTrail's events hold it."""
    return {
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "readOnly": name.startswith(("Describe", "Get", "List")),
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": f"{role}:drill-x",
                "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": role}},
            },
            "requestParameters": parameters,
        },
    }


def alarmed(template: Template, event: dict[str, Any]) -> bool:
    return any(matches(rule["EventPattern"], event) for rule in rules(template, "Touched").values())


TOUCHED = [
    ("drill-aurora-teardown", "rds", "DeleteDBCluster", {"dBClusterIdentifier": SOURCE}),
    ("drill-aurora-exercise", "rds", "ModifyDBCluster", {"dBClusterIdentifier": SOURCE}),
    ("drill-sweeper", "rds", "DeleteDBInstance", {"dBInstanceIdentifier": f"{SOURCE}-1"}),
    (
        "drill-sweeper",
        "rds",
        "DeleteDBClusterSnapshot",
        {"dBClusterSnapshotIdentifier": f"{SOURCE}-before-release"},
    ),
    (
        "drill-aurora-exercise",
        "rds",
        "AddTagsToResource",
        {"resourceName": f"arn:aws:rds:sa-east-1:123456789012:cluster:{SOURCE}"},
    ),
    (
        "drill-aurora-exercise",
        "rds",
        "RestoreDBClusterToPointInTime",
        {"dBClusterIdentifier": SOURCE, "sourceDBClusterIdentifier": SOURCE},
    ),
    (
        "drill-aurora-exercise",
        "rds",
        "CreateDBClusterSnapshot",
        {"dBClusterIdentifier": SOURCE, "dBClusterSnapshotIdentifier": "drill-x"},
    ),
    ("drill-s3-exercise", "s3", "PutBucketVersioning", {"bucketName": BUCKET}),
    ("drill-s3-exercise", "s3", "PutObject", {"bucketName": BUCKET, "key": "invoices/1.pdf"}),
    ("drill-collector", "s3", "DeleteBucket", {"bucketName": "company-website"}),
    ("drill-rotation-teardown-1", "secretsmanager", "PutSecretValue", {"secretId": SECRET}),
    ("drill-sweeper", "secretsmanager", "DeleteSecret", {"secretId": f"{ARN}{SECRET}-AbCdEf"}),
    ("drill-rotation-exercise-1", "secretsmanager", "RotateSecret", {"secretId": SECRET}),
    ("drill-rotate-production", "secretsmanager", "DeleteSecret", {"secretId": SECRET}),
]
ALLOWED = [
    ("drill-aurora-plan", "rds", "DescribeDBClusters", {"dBClusterIdentifier": SOURCE}),
    (
        "drill-aurora-exercise",
        "rds",
        "RestoreDBClusterToPointInTime",
        {"dBClusterIdentifier": COPY, "sourceDBClusterIdentifier": SOURCE},
    ),
    (
        "drill-aurora-exercise",
        "rds",
        "CreateDBInstance",
        {"dBInstanceIdentifier": f"{COPY}-1", "dBClusterIdentifier": COPY},
    ),
    ("drill-aurora-teardown", "rds", "DeleteDBCluster", {"dBClusterIdentifier": COPY}),
    (
        "drill-aurora-exercise",
        "rds",
        "AddTagsToResource",
        {"resourceName": f"arn:aws:rds:sa-east-1:123456789012:cluster:{COPY}"},
    ),
    ("drill-s3-plan", "s3", "GetBucketVersioning", {"bucketName": BUCKET}),
    (
        "drill-rotation-witness-1",
        "secretsmanager",
        "PutSecretValue",
        {"secretId": "drill-rotation-secret-prod-monthly"},
    ),
    (
        "drill-rotation-exercise-1",
        "secretsmanager",
        "RotateSecret",
        {"secretId": f"{ARN}drill-rotation-secret-prod-monthly-AbCdEf"},
    ),
    (
        "drill-rotate-production",
        "secretsmanager",
        "PutSecretValue",
        {"secretId": f"{ARN}{SECRET}-AbCdEf"},
    ),
    (
        "drill-rotate-production",
        "secretsmanager",
        "UpdateSecretVersionStage",
        {"secretId": f"{ARN}{SECRET}-AbCdEf"},
    ),
]


class TestTouched:
    @pytest.mark.parametrize(("function", "service", "name", "parameters"), TOUCHED)
    def test_what_no_drill_may_do_is_told(
        self,
        template: Template,
        function: str,
        service: str,
        name: str,
        parameters: dict[str, str],
    ) -> None:
        assert alarmed(template, call(service, name, role_of(template, function), **parameters))

    @pytest.mark.parametrize(("function", "service", "name", "parameters"), ALLOWED)
    def test_what_the_table_of_the_docs_allows_is_not(
        self,
        template: Template,
        function: str,
        service: str,
        name: str,
        parameters: dict[str, str],
    ) -> None:
        role = role_of(template, function)
        assert not alarmed(template, call(service, name, role, **parameters))

    def test_of_anybody_else_it_is_nobody_s_concern_here(self, template: Template) -> None:
        for _, service, name, parameters in TOUCHED:
            person = call(service, name, "AROA234567890ABCDEFGH", **parameters)
            assert not alarmed(template, person)

    def test_an_attempt_that_was_refused_is_told_too(self, template: Template) -> None:
        role = role_of(template, "drill-sweeper")
        event = call("rds", "DeleteDBCluster", role, dBClusterIdentifier=SOURCE)
        event["detail"]["errorCode"] = "AccessDenied"
        assert alarmed(template, event)

    def test_the_evidence_and_a_sibling_are_the_drills_own(self, template: Template) -> None:
        role = role_of(template, "drill-s3-exercise")
        for start in ("Evidence", "S3VersionsSibling"):
            bucket = template.called("AWS::S3::Bucket", start)
            event = call("s3", "PutObject", role, bucketName=bucket, key="a")
            assert not alarmed(template, event)

    def test_every_function_is_in_some_rule_of_each_service(self, template: Template) -> None:
        functions = [
            each["FunctionName"] for each in template.of_type("AWS::Lambda::Function").values()
        ]
        assert len(functions) > 20
        for function in functions:
            role = role_of(template, function)
            for event in (
                call("rds", "DeleteDBCluster", role, dBClusterIdentifier="other"),
                call("s3", "DeleteBucket", role, bucketName="company-website"),
                call("s3", "DeleteObject", role, bucketName=BUCKET, key="a"),
                call("secretsmanager", "DeleteSecret", role, secretId="prod/other"),
            ):
                assert alarmed(template, event), function

    def test_they_are_given_every_management_event(self, template: Template) -> None:
        for name, rule in {**rules(template, "Touched"), **rules(template, "Rotations")}.items():
            assert rule["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", name

    def test_an_alarm_counts_what_they_matched(self, template: Template) -> None:
        alarm = next(
            each
            for each in template.of_type("AWS::CloudWatch::Alarm").values()
            if each["AlarmName"] == "drill-production-touched"
        )
        counted = {
            each["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
            for each in alarm["Metrics"]
            if "MetricStat" in each
        }
        assert counted == {f"WatchRules{name}" for name in rules(template, "Touched")}
        assert alarm["AlarmDescription"].startswith("critical: ")


class TestRotations:
    @pytest.mark.parametrize("name", ["RotationAbandoned", "RotationFailed", "TestRotationFailed"])
    def test_a_rotation_that_failed_is_told(self, template: Template, name: str) -> None:
        (rule,) = rules(template, "Rotations").values()
        assert matches(rule["EventPattern"], rotation(name, f"{ARN}{SECRET}-AbCdEf"))

    def test_one_that_succeeded_or_another_s_is_not(self, template: Template) -> None:
        (rule,) = rules(template, "Rotations").values()
        for name, secret in (
            ("RotationSucceeded", f"{ARN}{SECRET}-AbCdEf"),
            ("RotationFailed", f"{ARN}other-AbCdEf"),
        ):
            assert not matches(rule["EventPattern"], rotation(name, secret))

    def test_what_is_told_reads_like_an_alarm(self, template: Template) -> None:
        (rule,) = rules(template, "Rotations").values()
        (target,) = rule["Targets"]
        transformer = target["InputTransformer"]
        told = json.loads(transformer["InputTemplate"])
        assert told["AlarmDescription"].startswith("high: <secret>: a rotation did not finish")
        assert told["AlarmDescription"].endswith("docs/runbook.md#rotation-failed")
        assert told["NewStateValue"] == "ALARM"
        used = set(re.findall(r"<(\w+)>", transformer["InputTemplate"]))
        assert used == set(transformer["InputPathsMap"])


def rotation(name: str, secret: str) -> dict[str, Any]:
    return {
        "source": "aws.secretsmanager",
        "detail-type": "AWS Service Event via CloudTrail",
        "detail": {
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": name,
            "eventType": "AwsServiceEvent",
            "requestParameters": None,
            "additionalEventData": {"SecretId": secret},
        },
    }


class TestSnapshots:
    def test_a_snapshot_of_a_source_that_was_made_calls_the_collector(
        self, template: Template
    ) -> None:
        (rule,) = rules(template, "Snapshots").values()
        made = snapshot("RDS-EVENT-0169", f"rds:{SOURCE}-2026-11-02-05-00")
        assert matches(rule["EventPattern"], made)
        for event in (
            snapshot("RDS-EVENT-0168", f"rds:{SOURCE}-2026-11-02-05-00"),
            snapshot("RDS-EVENT-0169", "rds:other-2026-11-02-05-00"),
        ):
            assert not matches(rule["EventPattern"], event)
        (target,) = rule["Targets"]
        assert target["Arn"].endswith(":function:drill-collector")

    def test_the_collector_lets_that_rule_call_it(self, template: Template) -> None:
        (permission,) = (
            each
            for each in template.of_type("AWS::Lambda::Permission").values()
            if each["Principal"] == "events.amazonaws.com"
        )
        assert permission["FunctionName"].endswith(":function:drill-collector")
        (name,) = rules(template, "Snapshots")
        assert permission["SourceArn"].endswith(f"rule/WatchRules{name}")


def snapshot(event: str, name: str) -> dict[str, Any]:
    return {
        "source": "aws.rds",
        "detail-type": "RDS DB Cluster Snapshot Event",
        "detail": {
            "EventID": event,
            "SourceIdentifier": name,
            "SourceType": "CLUSTER_SNAPSHOT",
        },
    }


def test_the_topic_of_alarms_lets_the_account_s_alarms_publish_and_these_rules(
    template: Template,
) -> None:
    topic = next(name for name in template.of_type("AWS::SNS::Topic") if "Alarms" in name)
    (policy,) = (
        each
        for each in template.of_type("AWS::SNS::TopicPolicy").values()
        if each["Topics"] == [template.arn(topic)]
    )
    allowed = {
        each["Principal"]["Service"]: each["Condition"]
        for each in policy["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow"
    }
    assert allowed.keys() == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
    assert allowed["cloudwatch.amazonaws.com"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"}
    }
    ours = allowed["events.amazonaws.com"]["ArnEquals"]["aws:SourceArn"]
    names = {each.rpartition("/")[2] for each in ours}
    telling = {**rules(template, "Touched"), **rules(template, "Rotations")}
    assert names == {f"WatchRules{name}" for name in telling}


def lengths(template: Template) -> Iterator[tuple[str, int]]:
    """How long each pattern is: the id of a role has 21 characters, a bucket's name 63 at most."""
    for name, rule in rules(template).items():
        text = json.dumps(rule["EventPattern"], separators=(",", ":"))
        text = re.sub(r'"[^"]+\.RoleId"', f'"{"A" * 21}"', text)
        for bucket in template.of_type("AWS::S3::Bucket"):
            text = text.replace(f'"{bucket}"', f'"{"b" * 63}"')
        yield name, len(text)


def test_patterns_are_as_long_as_eventbridge_takes(template: Template) -> None:
    assert {name: length for name, length in lengths(template) if length > LONGEST_PATTERN} == {}


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A live rotation, canaries in real buckets, a bucket restored in place, many networks."""
    networks = [
        {"name": f"n{n}", "subnets": [f"subnet-0a1b2c{n:02}"], "security_group": "sg-0a1b2c3d"}
        for n in range(8)
    ]
    written = content(
        *(
            {
                "kind": "secret_rotation",
                "name": f"r{n}",
                "secret": f"prod/{n}",
                "cluster": f"c{n}",
                "network": f"n{n}",
                "mode": "live",
                "window": WINDOW,
                "schedule": {"cron": "0 5 ? * 1 *", "timezone": WINDOW["timezone"]},
            }
            for n in range(8)
        ),
        *(
            {
                "kind": "s3_versions",
                "name": f"b{n}",
                "bucket": f"b{n}".ljust(63, "x"),
                "canary": {"in": "bucket", "prefix": f"_drill{n}/"} if n < 4 else {"in": "sibling"},
            }
            for n in range(6)
        ),
        restore_buckets=[{"bucket": "company-files", "in_place": True}],
        deployment={"zones": ["sa-east-1a", "sa-east-1b"], "source_networks": networks},
    )
    folder = tmp_path_factory.mktemp("rules")
    (folder / "drills.yaml").write_text(json.dumps(written))
    return resolve(synthesized(folder / "drills.yaml", folder))


class TestVariant:
    def test_many_functions_fit_into_one_pattern(self, variant: Template) -> None:
        assert len(variant.of_type("AWS::Lambda::Function")) > 60
        assert {name: length for name, length in lengths(variant) if length > LONGEST_PATTERN} == {}

    def test_a_live_rotation_may_rotate(self, variant: Template) -> None:
        role = role_of(variant, "drill-rotation-exercise-8")
        for secret in ("prod/1", f"{ARN}prod/1-AbCdEf"):
            rotated = call("secretsmanager", "RotateSecret", role, secretId=secret)
            assert not alarmed(variant, rotated)
            ended = call("secretsmanager", "DeleteSecret", role, secretId=secret)
            assert alarmed(variant, ended)

    def test_a_canary_writes_below_its_prefix_alone(self, variant: Template) -> None:
        role, bucket = role_of(variant, "drill-s3-exercise"), "b0".ljust(63, "x")
        for key, told in (
            ("_drill0/drill-20261102-1a2b3c/a", False),
            ("_drill0/a", True),
            ("invoices/1.pdf", True),
        ):
            put = call("s3", "PutObject", role, bucketName=bucket, key=key)
            assert alarmed(variant, put) is told, key
        configured = call("s3", "PutBucketVersioning", role, bucketName=bucket)
        assert alarmed(variant, configured)

    def test_deletes_in_batches_are_told_but_of_those_that_must(self, variant: Template) -> None:
        """CloudTrail names no key of a DeleteObjects, inside a prefix or out of it."""
        may = {"drill-restore-shard", "drill-s3-exercise", "drill-s3-teardown"}
        functions = {
            each["FunctionName"] for each in variant.of_type("AWS::Lambda::Function").values()
        }
        assert may < functions
        for name in functions:
            role = role_of(variant, name)
            for bucket in ("b0".ljust(63, "x"), "company-files"):
                deleted = call("s3", "DeleteObjects", role, bucketName=bucket, delete="")
                assert alarmed(variant, deleted) is (name not in may), (name, bucket)
            never = call("s3", "DeleteObjects", role, bucketName="b5".ljust(63, "x"), delete="")
            assert alarmed(variant, never), name

    def test_a_restore_writes_objects_wherever_they_are(self, variant: Template) -> None:
        role = role_of(variant, "drill-restore-shard")
        put = call("s3", "PutObject", role, bucketName="company-files", key="invoices/1.pdf")
        assert not alarmed(variant, put)
        suspended = call("s3", "PutBucketVersioning", role, bucketName="company-files")
        assert alarmed(variant, suspended)


def test_what_does_not_fit_into_one_rule_is_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.rules.LONGEST_PATTERN", 840)
    (tmp_path / "drills.yaml").write_text(json.dumps(content({"kind": "s3_versions"})))
    template = resolve(synthesized(tmp_path / "drills.yaml", tmp_path))
    assert len(rules(template, "TouchedClusters")) > 1
    for each in template.of_type("AWS::Lambda::Function").values():
        role = role_of(template, each["FunctionName"])
        assert alarmed(template, call("rds", "DeleteDBCluster", role, dBClusterIdentifier="other"))
    # And without secrets and clusters there are no rules of theirs.
    assert rules(template, "Rotations") == rules(template, "Snapshots") == {}
