"""What watches the drills can hurt no source either: each role alone, and under its boundary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from functions import naming
from functions.watch.expired import STACK_TAG
from infra.contradictions import (
    MOST_CLUSTERS,
    MOST_RESTORES,
    MOST_S3_DRILLS,
    MOST_SECRET_CHARACTERS,
    MOST_SECRETS,
)
from lab.policies import Context, Request, Role
from tests.infra import destructive
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import roles_in, roles_of_functions, synthesized
from tests.infra.samples import configuration, content
from tests.infra.test_guard import ALL, DRILLED, FILES, FORGED, HIDDEN, KEY, dangers, not_denied

AT = "arn:aws:{}:sa-east-1:123456789012:"
RDS, SECRET = AT.format("rds"), AT.format("secretsmanager")
MACHINES, LOGS = AT.format("states"), AT.format("logs")
OURS: Context = {f"aws:ResourceTag/{naming.MANAGED_TAG}": "true"}
OF_THE_STACK: Context = {**OURS, f"aws:ResourceTag/{STACK_TAG}": "backup-drills"}
WATCHING = ("drill-collector", "drill-reminder", "drill-sweeper")


@pytest.fixture(scope="module")
def evidence(template: Template) -> str:
    return template.arn(template.called("AWS::S3::Bucket", "Evidence"))


@pytest.fixture(scope="module")
def ledger(template: Template) -> str:
    (table,) = template.of_type("AWS::DynamoDB::Table")
    return template.arn(table)


@pytest.fixture(scope="module")
def collector(function_roles: Mapping[str, Role]) -> Role:
    return function_roles["drill-collector"]


@pytest.fixture(scope="module")
def reminder(function_roles: Mapping[str, Role]) -> Role:
    return function_roles["drill-reminder"]


@pytest.fixture(scope="module")
def sweeper(function_roles: Mapping[str, Role]) -> Role:
    return function_roles["drill-sweeper"]


@pytest.fixture(params=WATCHING)
def boundary(request: pytest.FixtureRequest, function_roles: Mapping[str, Role]) -> dict[str, Any]:
    found = function_roles[request.param].boundary
    assert found is not None
    return dict(found)


class TestCollector:
    @pytest.mark.parametrize(
        "action",
        [
            "cloudtrail:LookupEvents",
            "cloudwatch:GetMetricData",
            "cloudwatch:GetMetricStatistics",
            "rds:DescribeAccountAttributes",
            "rds:DescribeDBClusters",
            "rds:DescribeDBClusterSnapshots",
            "rds:DescribeDBEngineVersions",
            "rds:DescribeEvents",
        ],
    )
    def test_it_looks_at_lists(self, collector: Role, action: str) -> None:
        assert collector.allows(Request(action, "*"))

    def test_it_looks_at_subnets_though_no_other_code_may(self, collector: Role) -> None:
        from_code: Context = {
            "lambda:SourceFunctionArn": f"{AT.format('lambda')}function:drill-collector"
        }
        assert collector.allows(Request("ec2:DescribeSubnets", "*", from_code))
        assert not collector.allows(Request("ec2:CreateNetworkInterface", "*"))

    def test_it_looks_at_what_restores_are_made_of(self, collector: Role) -> None:
        for action, resource in (
            ("rds:DescribeDBSubnetGroups", f"{RDS}subgrp:drill-backup-drills"),
            ("rds:DescribeDBParameterGroups", f"{RDS}pg:drill-aurora-postgresql15"),
            ("rds:DescribeDBClusterParameterGroups", f"{RDS}cluster-pg:drill-aurora-postgresql15"),
            ("kms:DescribeKey", KEY),
        ):
            assert collector.allows(Request(action, resource)), action

    def test_it_looks_at_buckets_and_secrets_and_never_into_them(self, collector: Role) -> None:
        assert collector.allows(Request("s3:GetBucketVersioning", FILES[0]))
        assert collector.allows(Request("secretsmanager:DescribeSecret", DRILLED))
        assert not collector.allows(Request("secretsmanager:GetSecretValue", DRILLED))
        for bucket in FILES:
            for action in ("s3:GetObject", "s3:GetObjectVersion"):
                assert not collector.allows(Request(action, f"{bucket}/invoices/1.pdf"))

    def test_it_knows_schedules_and_runs(self, collector: Role, ledger: str) -> None:
        schedule = f"{AT.format('scheduler')}schedule/drill-backup-drills/collector"
        assert collector.allows(Request("scheduler:GetSchedule", schedule))
        for operation in ("GetItem", "PutItem", "Query"):
            assert collector.allows(Request(f"dynamodb:{operation}", ledger))
        assert not collector.allows(Request("dynamodb:DeleteItem", ledger))

    @pytest.mark.parametrize(
        ("key", "written"),
        [
            ("_watch/state.json", True),
            ("_watch/2026/11/02/05.json", True),
            ("aurora-prod-monthly/2026/20261102-1a2b3c/cloudtrail.json", True),
            ("aurora-prod-monthly/2026/20261102-1a2b3c/report.json", False),
            ("aurora-prod-monthly/2026/20261102-1a2b3c/plan.json", False),
        ],
    )
    def test_of_evidence_it_writes_its_own_alone(
        self, collector: Role, evidence: str, key: str, written: bool
    ) -> None:
        put = Request("s3:PutObject", f"{evidence}/{key}")
        assert collector.allows(put) is written
        assert Role(policies=(ALL,), boundary=collector.boundary).allows(put) is written

    def test_it_tells_nobody(self, collector: Role, template: Template) -> None:
        everything = Role(policies=(ALL,), boundary=collector.boundary)
        for topic in template.of_type("AWS::SNS::Topic"):
            assert not everything.allows(Request("sns:Publish", template.arn(topic)))


class TestReminder:
    def test_it_reads_the_state_and_the_alarms_and_tells(
        self, reminder: Role, template: Template, evidence: str
    ) -> None:
        topic = next(name for name in template.of_type("AWS::SNS::Topic") if "Reports" in name)
        assert reminder.allows(Request("cloudwatch:DescribeAlarms", "*"))
        assert reminder.allows(Request("s3:GetObject", f"{evidence}/_watch/state.json"))
        assert reminder.allows(Request("sns:Publish", template.arn(topic)))

    def test_and_nothing_else(self, reminder: Role, evidence: str, ledger: str) -> None:
        everything = Role(policies=(ALL,), boundary=reminder.boundary)
        for action, resource in (
            ("s3:PutObject", f"{evidence}/_watch/state.json"),
            ("s3:GetObject", f"{FILES[0]}/invoices/1.pdf"),
            ("dynamodb:GetItem", ledger),
            ("rds:DescribeDBClusters", "*"),
            ("cloudwatch:SetAlarmState", "*"),
            ("cloudwatch:DisableAlarmActions", "*"),
        ):
            assert not everything.allows(Request(action, resource)), action


class TestSweeper:
    @pytest.mark.parametrize(
        ("action", "resource"),
        [
            ("rds:DeleteDBCluster", f"{RDS}cluster:drill-a-20261102-1a2b3c"),
            ("rds:DeleteDBInstance", f"{RDS}db:drill-a-20261102-1a2b3c-1"),
            ("rds:DeleteDBClusterSnapshot", f"{RDS}cluster-snapshot:drill-a-20261102-1a2b3c"),
            ("rds:DeleteDBClusterAutomatedBackup", f"{RDS}cluster-auto-backup:ab-1a2b3c"),
            ("secretsmanager:DeleteSecret", f"{SECRET}secret:drill-a-AbCdEf"),
            ("logs:DeleteLogGroup", f"{LOGS}log-group:/aws/rds/cluster/drill-a/postgresql:*"),
        ],
    )
    def test_it_ends_what_bears_the_tag_and_never_what_the_stack_made(
        self, sweeper: Role, action: str, resource: str
    ) -> None:
        everything = Role(policies=(ALL,), boundary=sweeper.boundary)
        assert sweeper.allows(Request(action, resource, OURS))
        for each in (sweeper, everything):
            assert not each.allows(Request(action, resource))
            assert not each.allows(Request(action, resource, OF_THE_STACK))

    def test_what_is_not_called_so_it_cannot_end_whatever_its_tags(self, sweeper: Role) -> None:
        everything = Role(policies=(ALL,), boundary=sweeper.boundary)
        for action, resource in (
            ("rds:DeleteDBCluster", f"{RDS}cluster:a-drill"),
            ("rds:DeleteDBClusterSnapshot", f"{RDS}cluster-snapshot:before-release"),
            ("secretsmanager:DeleteSecret", HIDDEN),
            ("logs:DeleteLogGroup", f"{LOGS}log-group:/aws/rds/cluster/prod/postgresql:*"),
            ("s3:DeleteBucket", "arn:aws:s3:::company-drill-files"),
        ):
            assert not everything.allows(Request(action, resource, OURS)), action

    @pytest.mark.parametrize(
        ("action", "resource"),
        [
            ("logs:DescribeLogGroups", "*"),
            ("rds:DescribeDBClusterAutomatedBackups", "*"),
            ("rds:DescribeDBClusterSnapshots", "*"),
            ("rds:DescribeDBClusters", "*"),
            ("rds:DescribeDBInstances", "*"),
            ("s3:ListAllMyBuckets", "*"),
            ("secretsmanager:ListSecrets", "*"),
            ("tag:GetResources", "*"),
            ("s3:DeleteBucket", "arn:aws:s3:::drill-a"),
            ("s3:GetBucketTagging", "arn:aws:s3:::drill-a"),
            ("s3:ListBucket", "arn:aws:s3:::drill-a"),
            ("s3:ListBucketMultipartUploads", "arn:aws:s3:::drill-a"),
            ("s3:ListBucketVersions", "arn:aws:s3:::drill-a"),
            ("logs:ListTagsForResource", f"{LOGS}log-group:/aws/rds/cluster/drill-a/postgresql"),
            ("states:DescribeExecution", f"{MACHINES}execution:drill-a:b"),
            ("states:DescribeStateMachineForExecution", f"{MACHINES}execution:drill-a:b"),
            ("states:DescribeStateMachine", f"{MACHINES}stateMachine:drill-a"),
            ("states:ListExecutions", f"{MACHINES}stateMachine:drill-a"),
        ],
    )
    def test_it_finds_scratch_and_knows_what_runs(
        self, sweeper: Role, action: str, resource: str
    ) -> None:
        assert sweeper.allows(Request(action, resource))

    def test_it_calls_every_teardown_and_no_other_function(
        self, sweeper: Role, template: Template
    ) -> None:
        everything = Role(policies=(ALL,), boundary=sweeper.boundary)
        functions = {
            each["FunctionName"]: template.arn(name)
            for name, each in template.of_type("AWS::Lambda::Function").items()
        }
        for each in (sweeper, everything):
            called = {
                name
                for name, arn in functions.items()
                if each.allows(Request("lambda:InvokeFunction", arn))
            }
            assert called == {
                "drill-aurora-teardown",
                "drill-rotation-teardown-1",
                "drill-s3-teardown",
            }

    def test_of_evidence_it_writes_its_report_and_ends_nothing(
        self, sweeper: Role, evidence: str, ledger: str
    ) -> None:
        everything = Role(policies=(ALL,), boundary=sweeper.boundary)
        for operation in ("DeleteItem", "GetItem", "Query"):
            assert sweeper.allows(Request(f"dynamodb:{operation}", ledger))
        for action in ("s3:PutObject", "s3:PutObjectTagging", "s3:GetObject"):
            assert sweeper.allows(Request(action, f"{evidence}/_watch/sweep.json"))
        assert not everything.allows(Request("s3:PutObject", f"{evidence}/_watch/state.json"))
        assert not everything.allows(Request("s3:DeleteBucket", evidence))
        for action in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
            for target in (f"{evidence}/_watch/sweep.json", "arn:aws:s3:::drill-a/b"):
                assert not everything.allows(Request(action, target))


class TestBoundaries:
    def test_alone_they_forbid_all_dangers(self, boundary: dict[str, Any]) -> None:
        everything = Role(policies=(ALL,), boundary=boundary)
        assert [danger for danger in dangers() if everything.allows(Request(*danger))] == []

    def test_their_denies_hold_even_where_somebody_lifts_the_ceiling(
        self, boundary: dict[str, Any]
    ) -> None:
        assert not_denied(boundary) == []

    def test_no_role_of_the_watch_can_hurt_a_source(
        self, function_roles: Mapping[str, Role]
    ) -> None:
        asked = [*dangers(), *((action, DRILLED, FORGED) for action in destructive.secrets())]
        for name in WATCHING:
            assert not [each for each in asked if function_roles[name].allows(Request(*each))]


def test_a_source_that_is_called_like_a_drill_s_is_not_swept(tmp_path: Path) -> None:
    """Whatever its name, and whatever tags somebody gave it."""
    written = content(
        {"kind": "s3_versions", "bucket": "drill-files"},
        restore_buckets=[{"bucket": "drill-old", "to": "drill-new"}],
    )
    (tmp_path / "drills.yaml").write_text(json.dumps(written))
    template = resolve(synthesized(tmp_path / "drills.yaml", tmp_path))
    sweeper = roles_of_functions(template, roles_in(template))["drill-sweeper"]
    everything = Role(policies=(ALL,), boundary=sweeper.boundary)
    for bucket in ("drill-files", "drill-old", "drill-new"):
        for role in (sweeper, everything):
            assert not role.allows(Request("s3:DeleteBucket", f"arn:aws:s3:::{bucket}", OURS))
    assert sweeper.allows(Request("s3:DeleteBucket", "arn:aws:s3:::drill-other"))


def test_the_sweeper_s_boundary_fits_iam_s_limit_with_as_much_as_may_be_configured() -> None:
    from aws_cdk import App, Stack

    from infra.evidence import Evidence
    from infra.guard import sweeper_boundary
    from infra.watch import protected

    longest = MOST_SECRET_CHARACTERS // MOST_SECRETS
    configured = configuration(
        *({"name": f"a{n}", "cluster": f"c{n:062d}"} for n in range(MOST_CLUSTERS)),
        *(
            {
                "kind": "secret_rotation",
                "name": f"r{n}",
                "secret": f"s{n}".ljust(longest, "x"),
                "cluster": f"c{n}",
            }
            for n in range(MOST_SECRETS)
        ),
        *(
            {"kind": "s3_versions", "name": f"b{n}", "bucket": f"b{n}".ljust(63, "x")}
            for n in range(MOST_S3_DRILLS)
        ),
        restore_buckets=[
            {"bucket": f"o{n}".ljust(63, "x"), "to": f"n{n}".ljust(63, "x")}
            for n in range(MOST_RESTORES)
        ],
    )
    app = App()
    stack = Stack(app, "s")
    sweeper_boundary(
        stack,
        "Boundary",
        sources=protected(configured),
        evidence=Evidence(stack, "Evidence", stack="s"),
    )
    template = resolve(app.synth().get_stack_by_name("s").template)
    document = template.only("AWS::IAM::ManagedPolicy")["PolicyDocument"]
    text = json.dumps(document, separators=(",", ":"))
    names_of_buckets = 4 * 63
    assert len(text) + names_of_buckets < 6144
