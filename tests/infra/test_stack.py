"""What the stack is made of: schedules, alarms, evidence, network, notifications, tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from functions import naming
from functions.settings import Settings
from functions.watch.watched import Watched
from infra.config import load
from infra.schema import Configuration
from tests.infra.cfn import Template

ROOT = Path(__file__).parents[2]
LARGEST_TEMPLATE = 1_000_000


@pytest.fixture(scope="module")
def configured() -> Configuration:
    return load(ROOT / "drills.yaml")


def schedules(template: Template) -> dict[str, dict[str, Any]]:
    return {each["Name"]: each for each in template.of_type("AWS::Scheduler::Schedule").values()}


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    return {each["AlarmName"]: each for each in template.of_type("AWS::CloudWatch::Alarm").values()}


def functions(template: Template) -> dict[str, dict[str, Any]]:
    return {
        each["FunctionName"]: each for each in template.of_type("AWS::Lambda::Function").values()
    }


class TestSchedules:
    def test_every_drill_has_its_own_in_its_time_zone(
        self, template: Template, configured: Configuration
    ) -> None:
        found = schedules(template)
        for drill in configured.drills:
            schedule = found[f"drill-{drill.name}"]
            assert schedule["ScheduleExpression"] == f"cron({drill.schedule.cron})"
            assert schedule["ScheduleExpressionTimezone"] == drill.schedule.timezone
            assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
            assert schedule["State"] == "ENABLED"

    def test_a_drill_starts_with_the_time_it_was_meant_for(self, template: Template) -> None:
        target = schedules(template)["drill-aurora-prod-monthly"]["Target"]
        assert target["Arn"].endswith(":stateMachine:drill-aurora-prod-monthly")
        assert json.loads(target["Input"]) == {"scheduled_time": "<aws.scheduler.scheduled-time>"}

    def test_patience_ends_after_two_hours_and_what_was_missed_is_kept(
        self, template: Template
    ) -> None:
        (queue,) = template.of_type("AWS::SQS::Queue")
        for schedule in schedules(template).values():
            assert schedule["Target"]["RetryPolicy"] == {
                "MaximumEventAgeInSeconds": 7200,
                "MaximumRetryAttempts": 5,
            }
            assert schedule["Target"]["DeadLetterConfig"] == {"Arn": template.arn(queue)}

    def test_what_watches_runs_every_hour_and_reminds_every_day(self, template: Template) -> None:
        found = schedules(template)
        for name in ("collector", "sweeper"):
            assert found[name]["ScheduleExpression"] == "rate(1 hour)"
        assert found["reminder"]["ScheduleExpression"] == "cron(0 9 * * ? *)"
        assert found["reminder"]["ScheduleExpressionTimezone"] == "America/Sao_Paulo"
        assert {each["GroupName"] for each in found.values()} == {"drill-backup-drills"}

    def test_what_watches_is_told_what_is_watched(
        self, template: Template, configured: Configuration
    ) -> None:
        from infra.watched import watched

        found = schedules(template)
        for name in ("collector", "sweeper", "reminder"):
            given = json.loads(found[name]["Target"]["Input"])
            assert Watched.from_document(given["watched"]) == watched(configured), name


class TestAlarms:
    def test_every_drill_has_one_that_counts_every_bad_end(
        self, template: Template, configured: Configuration
    ) -> None:
        for drill in configured.drills:
            alarm = alarms(template)[f"drill-{drill.name}-failed"]
            metrics = {
                each["MetricStat"]["Metric"]["MetricName"]
                for each in alarm["Metrics"]
                if "MetricStat" in each
            }
            assert metrics == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
            assert alarm["AlarmDescription"].startswith(f"{drill.severity}: ")
            assert alarm["Threshold"] == 1
            assert alarm["TreatMissingData"] == "notBreaching"

    def test_what_could_not_be_started_is_alarmed(self, template: Template) -> None:
        missed = alarms(template)["drill-backup-drills-missed"]
        assert missed["MetricName"] == "ApproximateNumberOfMessagesVisible"


class TestNotifications:
    def test_reports_are_filtered_by_attribute_and_alarms_by_their_description(
        self, template: Template, configured: Configuration
    ) -> None:
        found = template.of_type("AWS::SNS::Subscription").values()
        for subscription in configured.notify:
            mine = [each for each in found if each["Endpoint"] == subscription.email]
            filters = {each.get("FilterPolicyScope", "MessageAttributes"): each for each in mine}
            severities = list(subscription.severities)
            assert filters["MessageAttributes"]["FilterPolicy"] == {"severity": severities}
            assert filters["MessageBody"]["FilterPolicy"] == {
                "AlarmDescription": [{"prefix": f"{severity}: "} for severity in severities],
                "$or": [{"NewStateValue": ["ALARM"]}, {"OldStateValue": ["ALARM"]}],
            }

    def test_both_topics_are_encrypted_and_refuse_plain_text(self, template: Template) -> None:
        assert all(each["KmsMasterKeyId"] for each in template.of_type("AWS::SNS::Topic").values())
        for policy in template.of_type("AWS::SNS::TopicPolicy").values():
            statements = policy["PolicyDocument"]["Statement"]
            assert any(
                each["Effect"] == "Deny"
                and each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
                for each in statements
            )

    def test_an_alarm_and_a_rule_may_use_the_key_of_their_topic(self, template: Template) -> None:
        policy = template.only("AWS::KMS::Key")["KeyPolicy"]["Statement"]
        (cloudwatch,) = (
            each for each in policy if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        )
        assert cloudwatch["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
        (events,) = (
            each for each in policy if each["Principal"] == {"Service": "events.amazonaws.com"}
        )
        assert events["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]


class TestEvidence:
    def test_the_bucket_is_locked_versioned_encrypted_private_and_stays(
        self, template: Template
    ) -> None:
        name = template.called("AWS::S3::Bucket", "Evidence")
        resource, bucket = template.resources[name], template.of_type("AWS::S3::Bucket")[name]
        assert bucket["ObjectLockEnabled"] is True
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"

    def test_manifests_expire_after_35_days_and_nothing_else_does(self, template: Template) -> None:
        bucket = template.resources[template.called("AWS::S3::Bucket", "Evidence")]
        rules = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        expiring = [rule for rule in rules if "ExpirationInDays" in rule]
        assert [rule["TagFilters"] for rule in expiring] == [
            [{"Key": "retention", "Value": "manifest"}]
        ]
        (rule,) = expiring
        kept = rule["ExpirationInDays"] + rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        assert kept == 35

    def test_the_ledger_forgets_by_itself_can_be_restored_and_stays(
        self, template: Template
    ) -> None:
        (name,) = template.of_type("AWS::DynamoDB::Table")
        ledger = template.only("AWS::DynamoDB::Table")
        keys = {each["AttributeName"]: each["KeyType"] for each in ledger["KeySchema"]}
        assert keys == {"drill": "HASH", "item": "RANGE"}
        assert ledger["TimeToLiveSpecification"] == {
            "AttributeName": "expires_epoch",
            "Enabled": True,
        }
        assert ledger["BillingMode"] == "PAY_PER_REQUEST"
        recovery = ledger["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True
        assert template.resources[name]["DeletionPolicy"] == "Retain"

    def test_the_key_turns_and_stays(self, template: Template) -> None:
        (name,) = template.of_type("AWS::KMS::Key")
        assert template.only("AWS::KMS::Key")["EnableKeyRotation"] is True
        assert template.resources[name]["DeletionPolicy"] == "Retain"


class TestNetwork:
    def test_the_database_s_group_lets_nothing_out_and_only_the_verifier_in(
        self, template: Template
    ) -> None:
        groups = template.of_type("AWS::EC2::SecurityGroup")
        database = next(name for name in groups if "Database" in name)
        verifier = next(name for name in groups if "Verifier" in name)
        # CDK's way to say "nothing": without a rule EC2 would add one that lets everything out.
        assert [
            (rule["CidrIp"], rule["IpProtocol"]) for rule in groups[database]["SecurityGroupEgress"]
        ] == [("255.255.255.255/32", "icmp")]
        egress = template.of_type("AWS::EC2::SecurityGroupEgress").values()
        assert not [rule for rule in egress if rule["GroupId"] == f"{database}.GroupId"]
        (ingress,) = template.of_type("AWS::EC2::SecurityGroupIngress").values()
        assert ingress["GroupId"] == f"{database}.GroupId"
        assert ingress["SourceSecurityGroupId"] == f"{verifier}.GroupId"
        assert (ingress["FromPort"], ingress["ToPort"]) == (5432, 5432)
        assert "SecurityGroupIngress" not in groups[database]

    def test_the_verifier_reaches_the_database_and_s3_alone(self, template: Template) -> None:
        groups = template.of_type("AWS::EC2::SecurityGroup")
        verifier = next(name for name in groups if "Verifier" in name)
        (to_database,) = template.of_type("AWS::EC2::SecurityGroupEgress").values()
        assert to_database["GroupId"] == f"{verifier}.GroupId"
        assert [rule["ToPort"] for rule in groups[verifier]["SecurityGroupEgress"]] == [443]

    def test_the_vpc_is_connected_to_nothing(self, template: Template) -> None:
        connecting = (
            "InternetGateway",
            "NatGateway",
            "Peering",
            "TransitGateway",
            "VPNGateway",
            "EC2::Route",
        )
        made = {resource["Type"] for resource in template.resources.values()}
        assert not [
            kind
            for kind in made
            if any(each in kind for each in connecting) and "RouteTable" not in kind
        ]
        (endpoint,) = template.of_type("AWS::EC2::VPCEndpoint").values()
        assert endpoint["VpcEndpointType"] == "Gateway"

    def test_only_the_evidence_bucket_is_reached_from_there(self, template: Template) -> None:
        bucket = template.called("AWS::S3::Bucket", "Evidence")
        (endpoint,) = template.of_type("AWS::EC2::VPCEndpoint").values()
        (statement,) = endpoint["PolicyDocument"]["Statement"]
        arn = template.arn(bucket)
        assert statement["Resource"] == [arn, f"{arn}/*"]
        assert statement["Action"] == [
            "s3:GetObject",
            "s3:ListBucket",
            "s3:PutObject",
            "s3:PutObjectTagging",
        ]

    def test_its_zones_are_those_of_the_configuration(
        self, template: Template, configured: Configuration
    ) -> None:
        zones = [each["AvailabilityZone"] for each in template.of_type("AWS::EC2::Subnet").values()]
        assert zones == list(configured.deployment.zones)

    def test_refused_traffic_is_logged(self, template: Template) -> None:
        assert template.only("AWS::EC2::FlowLog")["TrafficType"] == "REJECT"


class TestFunctions:
    def test_all_are_alike(self, template: Template) -> None:
        for name, function in functions(template).items():
            assert function["Architectures"] == ["arm64"], name
            assert function["Runtime"] == "python3.13", name
            assert function["LoggingConfig"]["LogFormat"] == "JSON", name
            assert function["Description"], name
            assert function["Timeout"] <= 900, name

    def test_their_handlers_exist(self, template: Template) -> None:
        """By file and name: importing them would need what only a function has."""
        for name, function in functions(template).items():
            module, _, handler = function["Handler"].rpartition(".")
            source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
            assert f"def {handler}(" in source, name

    def test_their_settings_can_be_read(self, template: Template) -> None:
        for function in functions(template).values():
            settings = Settings.from_environment(function["Environment"]["Variables"])
            assert settings.subnet_group == "drill-backup-drills"
            assert settings.lock_mode == "GOVERNANCE"
            assert settings.lock_days == 400
            assert settings.schedule_group == "drill-backup-drills"

    def test_who_reads_a_database_runs_where_it_is_and_nobody_else_in_a_vpc(
        self, template: Template, configured: Configuration
    ) -> None:
        placed = {
            name: function["VpcConfig"]["SubnetIds"]
            for name, function in functions(template).items()
            if "VpcConfig" in function
        }
        source = list(configured.deployment.source_networks[0].subnets)
        assert placed.pop("drill-aurora-witness-1") == source
        rotations = {name: placed.pop(name) for name in list(placed) if "-rotat" in name}
        assert set(rotations) == {
            "drill-rotate-production",
            *(
                f"drill-rotation-{step}-1"
                for step in ("witness", "exercise", "verify", "verify-unit", "teardown")
            ),
        }
        assert all(subnets == source for subnets in rotations.values())
        assert set(placed) == {"drill-aurora-verify", "drill-aurora-verify-unit"}
        assert all(source != subnets for subnets in placed.values())

    def test_every_log_group_has_an_end(self, template: Template) -> None:
        groups = template.of_type("AWS::Logs::LogGroup")
        assert {group["RetentionInDays"] for group in groups.values()} == {400}
        written = {
            function["LoggingConfig"]["LogGroup"] for function in functions(template).values()
        }
        assert len(written) == len(functions(template))


class TestCopies:
    def test_nothing_that_the_source_runs_by_itself_runs_in_a_copy(
        self, template: Template
    ) -> None:
        group = template.only("AWS::RDS::DBClusterParameterGroup")
        assert group["DBClusterParameterGroupName"] == "drill-aurora-postgresql15"
        assert group["Family"] == "aurora-postgresql15"
        assert group["Parameters"]["rds.force_ssl"] == "1"
        assert group["Parameters"]["max_logical_replication_workers"] == "0"
        assert "pg_cron" not in group["Parameters"]["shared_preload_libraries"]
        instances = template.only("AWS::RDS::DBParameterGroup")
        assert instances["DBParameterGroupName"] == "drill-aurora-postgresql15"


class TestWhole:
    def test_everything_that_can_be_tagged_says_whose_it_is_and_nothing_says_scratch(
        self, template: Template
    ) -> None:
        """The tags of scratch mean "may be deleted": they are never on what the stack made."""
        tagged = 0
        for name, resource in template.resources.items():
            tags = resource.get("Properties", {}).get("Tags", [])
            found = (
                dict(tags)
                if isinstance(tags, Mapping)
                else {tag["Key"]: tag["Value"] for tag in tags}
            )
            if found:
                tagged += 1
                assert found["backup-drills:stack"] == "backup-drills", name
            assert naming.MANAGED_TAG not in found, name
        assert tagged > 30

    def test_no_function_of_the_cdk_s_own_is_in_it(self, template: Template) -> None:
        made = {resource["Type"] for resource in template.resources.values()}
        assert not [kind for kind in made if kind.startswith("Custom::")]
        assert all(name.startswith("drill-") for name in functions(template))

    def test_it_names_no_account_and_no_region(self, raw_template: dict[str, Any]) -> None:
        text = json.dumps(raw_template)
        assert "123456789012" not in text
        zones = ("sa-east-1a", "sa-east-1b", "sa-east-1c")
        for zone in zones:
            text = text.replace(zone, "")
        assert "sa-east-1" not in text
        assert len(text) < LARGEST_TEMPLATE
