"""What every function may do: told in a file for people, and enough for what it calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from functions import naming
from lab.iam import Iam, SecretFacts, World
from lab.policies import Request, Role
from tests.infra.bucket_calls import of_canary
from tests.infra.cfn import Template

ROOT = Path(__file__).parents[2]
TOLD = Path(__file__).with_name("permissions.txt")
AT = "arn:aws:{service}:sa-east-1:123456789012:"
LOOKING = {"drill-collector", "drill-reminder"}
"""What these call, and the sweeper beside its deletes: tests/infra/test_watch_guard.py."""


def told(template: Template, roles: Mapping[str, Role]) -> str:
    """For each role a title, and a line for each statement: actions, resources, conditions."""
    named = {
        properties["Role"]: f"{properties['FunctionName']} ({_network(properties)})"
        for properties in template.of_type("AWS::Lambda::Function").values()
    }
    sections = []
    for name in roles:
        lines = [
            _line(statement) for policy in roles[name].policies for statement in policy["Statement"]
        ]
        title = named.get(template.arn(name), name.rstrip("0123456789ABCDEF"))
        sections.append("\n".join([title, *sorted(lines)]))
    return "\n\n".join(sorted(sections)) + "\n"


def _network(function: Mapping[str, Any]) -> str:
    if "VpcConfig" not in function:
        return "outside any VPC"
    subnets = function["VpcConfig"]["SubnetIds"]
    return "in the drill VPC" if any("Drill" in each for each in subnets) else "with the source"


def _line(statement: Mapping[str, Any]) -> str:
    conditions = "; ".join(
        f"{operator} {key} {_joined(value)}"
        for operator, keys in sorted(statement.get("Condition", {}).items())
        for key, value in sorted(keys.items())
    )
    start = f"  {_joined(statement['Action'])} | {_joined(statement['Resource'])}"
    return f"{start} | {conditions}" if conditions else start


def _joined(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    return " ".join(str(each).replace("sa-east-1:123456789012", "") for each in values)


def test_what_every_role_may_do_is_what_the_file_tells(
    template: Template, roles: dict[str, Role]
) -> None:
    """A change of permissions shows in the diff of tests/infra/permissions.txt."""
    found = told(template, roles)
    if found != TOLD.read_text():
        proposed = ROOT / "build" / TOLD.name
        proposed.parent.mkdir(exist_ok=True)
        proposed.write_text(found)
        pytest.fail(f"permissions changed: read {proposed}, and move it over {TOLD} if you agree")


def test_every_role_belongs_to_one_user(template: Template) -> None:
    users = [
        *(function["Role"] for function in template.of_type("AWS::Lambda::Function").values()),
        *(
            machine["RoleArn"]
            for machine in template.of_type("AWS::StepFunctions::StateMachine").values()
        ),
        *(
            schedule["Target"]["RoleArn"]
            for schedule in template.of_type("AWS::Scheduler::Schedule").values()
        ),
    ]
    assert len(set(users)) == len(users)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call as the emulator records it."""

    role: str | None
    service: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def calls(template: Template) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """What each function calls in a drill: function, service, operation, parameters."""
    bucket = template.called("AWS::S3::Bucket", "Evidence")
    (table,) = template.of_type("AWS::DynamoDB::Table")
    topic = template.arn(next(n for n in template.of_type("AWS::SNS::Topic") if "Reports" in n))
    source, run = "fibonacci-aurora-cluster-prod", "aurora-prod-monthly/2026/20261102-1a2b3c"
    copy = "drill-aurora-prod-monthly-20261102-1a2b3c"
    group, key = "drill-aurora-postgresql15", "1a2b3c4d"
    tags = [
        {"Key": name, "Value": value}
        for name, value in naming.tags("20261102-1a2b3c", "2026-11-02T12:00:00Z").items()
    ]

    def put(name: str, **more: str) -> tuple[str, str, dict[str, Any]]:
        return "s3", "PutObject", {"Bucket": bucket, "Key": f"{run}/{name}", **more}

    def get(name: str) -> tuple[str, str, dict[str, Any]]:
        return "s3", "GetObject", {"Bucket": bucket, "Key": f"{run}/{name}"}

    listing = ("s3", "ListObjectsV2", {"Bucket": bucket, "Prefix": f"{run}/"})
    describe_source = ("rds", "DescribeDBClusters", {"DBClusterIdentifier": source})
    describe_copy = ("rds", "DescribeDBClusters", {"DBClusterIdentifier": copy})
    describe_instance = ("rds", "DescribeDBInstances", {"DBInstanceIdentifier": f"{copy}-1"})
    execution = f"{AT.format(service='states')}execution:drill-aurora-prod-monthly:a"
    ended = {"DBInstanceIdentifier": f"{copy}-1", "SkipFinalSnapshot": True}
    gone = {"DBClusterIdentifier": copy, "SkipFinalSnapshot": True}
    groups = "DBClusterParameterGroupName", "DBParameterGroupName"
    does: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
        "drill-aurora-plan": [
            describe_source,
            ("rds", "DescribeAccountAttributes", {}),
            ("rds", "DescribeDBSubnetGroups", {"DBSubnetGroupName": "drill-backup-drills"}),
            ("rds", "DescribeDBClusterParameterGroups", {groups[0]: group}),
            ("rds", "DescribeDBParameterGroups", {groups[1]: group}),
            ("kms", "DescribeKey", {"KeyId": key}),
            ("stepfunctions", "DescribeExecution", {"executionArn": execution}),
            ("dynamodb", "GetItem", {"TableName": table}),
            ("dynamodb", "PutItem", {"TableName": table}),
            put("plan.json"),
        ],
        "drill-aurora-witness-1": [
            put("witness/manifest.json"),
            put("witness/part-1.json", Tagging="retention=manifest"),
            get("witness/part-1.json"),
            listing,
        ],
        "drill-aurora-exercise": [
            describe_source,
            describe_copy,
            describe_instance,
            (
                "rds",
                "RestoreDBClusterToPointInTime",
                {
                    "SourceDBClusterIdentifier": source,
                    "DBClusterIdentifier": copy,
                    "DBSubnetGroupName": "drill-backup-drills",
                    "DBClusterParameterGroupName": group,
                    "KmsKeyId": key,
                    "Tags": tags,
                },
            ),
            (
                "rds",
                "CreateDBInstance",
                {
                    "DBClusterIdentifier": copy,
                    "DBInstanceIdentifier": f"{copy}-1",
                    "DBParameterGroupName": group,
                    "PubliclyAccessible": False,
                    "Tags": tags,
                },
            ),
        ],
        "drill-aurora-verify": [get("witness/manifest.json"), put("checks/verify.json"), listing],
        "drill-aurora-verify-unit": [
            get("witness/part-1.json"),
            get("checks/units.json"),
            get("parts/0-1.json"),
            put("parts/0-1.json"),
            put("checks/unit-000.json"),
            listing,
        ],
        "drill-aurora-teardown": [
            describe_copy,
            describe_instance,
            ("rds", "DescribeDBClusterAutomatedBackups", {"DbClusterResourceId": "cluster-A"}),
            ("rds", "DeleteDBInstance", ended),
            ("rds", "DeleteDBCluster", gone),
            ("rds", "DeleteDBClusterAutomatedBackup", {"DbClusterResourceId": "cluster-A"}),
        ],
        "drill-report": [
            get("checks/verify.json"),
            listing,
            put("report.json", ObjectLockMode="GOVERNANCE"),
            put("report.html", ObjectLockMode="GOVERNANCE"),
            ("dynamodb", "PutItem", {"TableName": table}),
            ("dynamodb", "DeleteItem", {"TableName": table}),
            ("sns", "Publish", {"TopicArn": topic}),
        ],
        **rotations(put, get, listing, describe_source, table),
        **buckets(put, get, listing, template),
        "drill-sweeper": [
            ("rds", "DescribeDBClusters", {}),
            ("rds", "DescribeDBInstances", {}),
            ("rds", "DeleteDBInstance", ended),
            ("rds", "DeleteDBCluster", gone),
        ],
    }
    for function, made in does.items():
        for service, operation, parameters in made:
            yield function, service, operation, parameters


def rotations(
    put: Callable[..., tuple[str, str, dict[str, Any]]],
    get: Callable[..., tuple[str, str, dict[str, Any]]],
    listing: tuple[str, str, dict[str, Any]],
    describe_source: tuple[str, str, dict[str, Any]],
    table: str,
) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """What the functions of a rotation drill call."""
    source, own = "fibonacci-aurora-cluster-prod-app", "drill-rotation-secret-prod-monthly"
    rotator = f"{AT.format(service='lambda')}function:drill-rotate-production"
    execution = f"{AT.format(service='states')}execution:drill-secret-prod-monthly:a"

    def secret(operation: str, name: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
        return "secretsmanager", operation, {"SecretId": name, **more}

    looks = [
        secret(operation, name)
        for operation in ("DescribeSecret", "GetSecretValue")
        for name in (source, own)
    ]
    moves = secret("UpdateSecretVersionStage", own, VersionStage="AWSCURRENT")
    return {
        "drill-rotation-plan": [
            *looks,
            secret("ListSecretVersionIds", source),
            secret("ListSecretVersionIds", own),
            ("lambda", "GetFunctionConfiguration", {"FunctionName": "drill-rotate-production"}),
            ("lambda", "GetPolicy", {"FunctionName": "drill-rotate-production"}),
            describe_source,
            ("stepfunctions", "DescribeExecution", {"executionArn": execution}),
            ("dynamodb", "GetItem", {"TableName": table}),
            ("dynamodb", "PutItem", {"TableName": table}),
            put("plan.json"),
        ],
        "drill-rotation-witness-1": [
            *looks,
            secret("PutSecretValue", own),
            moves,
            put("witness/rights.json", Tagging="retention=manifest"),
        ],
        "drill-rotation-exercise-1": [
            *looks,
            secret("RotateSecret", own, RotationLambdaARN=rotator),
        ],
        "drill-rotation-verify-1": [
            *looks,
            get("witness/rights.json"),
            put("checks/verify.json"),
            listing,
        ],
        "drill-rotation-verify-unit-1": [*looks, moves, put("checks/unit-000.json")],
        "drill-rotation-teardown-1": [*looks, secret("PutSecretValue", own), moves],
        "drill-rotate-production": [
            secret(operation, name)
            for operation in (
                "DescribeSecret",
                "GetSecretValue",
                "PutSecretValue",
                "UpdateSecretVersionStage",
            )
            for name in (source, own)
        ],
    }


def buckets(
    put: Callable[..., tuple[str, str, dict[str, Any]]],
    get: Callable[..., tuple[str, str, dict[str, Any]]],
    listing: tuple[str, str, dict[str, Any]],
    template: Template,
) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """What the functions of a drill of a bucket call."""
    (table,) = template.of_type("AWS::DynamoDB::Table")
    sibling = template.called("AWS::S3::Bucket", "S3VersionsSibling")
    execution = f"{AT.format(service='states')}execution:drill-files-prod-monthly:a"
    witness, check = get("witness/objects.jsonl.gz"), put("checks/verify.json")
    looks = ("cloudwatch", "GetMetricStatistics", {"Namespace": "AWS/S3"})
    others: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
        "drill-s3-plan": [
            ("stepfunctions", "DescribeExecution", {"executionArn": execution}),
            ("dynamodb", "GetItem", {"TableName": table}),
            ("dynamodb", "PutItem", {"TableName": table}),
            put("plan.json"),
        ],
        "drill-s3-witness": [
            put("witness/canary.json", Tagging="retention=manifest"),
            witness,
            listing,
        ],
        "drill-s3-exercise": [witness, listing],
        "drill-s3-verify": [witness, check, listing, looks],
        "drill-s3-verify-unit": [witness, put("checks/unit-000.json"), listing, looks],
    }
    in_s3 = of_canary("fibonacci-files-prod", sibling, "drill-20261102-1a2b3c/")
    return {step: [*made, *others.get(step, [])] for step, made in in_s3}


@pytest.fixture(scope="module")
def iam(template: Template, function_roles: dict[str, Role]) -> Iam:
    (key,) = template.of_type("AWS::KMS::Key")
    managed = {naming.MANAGED_TAG: "true"}
    return Iam(
        roles=function_roles,
        world=World(
            region="sa-east-1",
            account="123456789012",
            tags_of=lambda arn: managed if "drill-" in arn or "auto-backup" in arn else {},
            key_of=lambda arn: template.arn(key) if "S3Versions" not in arn else None,
            secret_of=lambda name: SecretFacts(
                arn=f"{AT.format(service='secretsmanager')}secret:{name}-AbCdEf",
                rotation_function=f"{AT.format(service='lambda')}function:drill-rotate-production",
            ),
        ),
    )


def test_every_function_may_make_its_calls(template: Template, iam: Iam) -> None:
    refused = [
        (function, operation, str(request))
        for function, service, operation, parameters in calls(template)
        if (
            request := iam.refused(
                Call(role=function, service=service, operation=operation, parameters=parameters)
            )
        )
    ]
    assert refused == []
    assert {function for function, *_ in calls(template)} == set(iam.roles) - LOOKING


def test_no_function_may_make_the_calls_of_another(template: Template, iam: Iam) -> None:
    """Writes only: some functions look at the same things."""
    writes = [
        (function, Call(role=None, service=service, operation=operation, parameters=parameters))
        for function, service, operation, parameters in calls(template)
        if service == "rds" and not operation.startswith("Describe")
    ]
    for owner, call in writes:
        others = {
            name
            for name in iam.roles
            if not iam.refused(
                Call(
                    role=name,
                    service=call.service,
                    operation=call.operation,
                    parameters=call.parameters,
                )
            )
        } - {owner}
        deletes = call.operation.startswith("DeleteDB")
        assert others <= ({"drill-sweeper", "drill-aurora-teardown"} if deletes else set())


def test_a_restore_must_be_tagged_and_go_into_the_drill_network(
    template: Template, iam: Iam
) -> None:
    (parameters,) = (
        parameters
        for _, _, operation, parameters in calls(template)
        if operation == "RestoreDBClusterToPointInTime"
    )

    def refused(**changed: Any) -> Request | None:
        call = Call(
            role="drill-aurora-exercise",
            service="rds",
            operation="RestoreDBClusterToPointInTime",
            parameters={**parameters, **changed},
        )
        return iam.refused(call)

    assert refused() is None
    assert refused(Tags=[])
    assert refused(Tags=[*parameters["Tags"], {"Key": "team", "Value": "a"}])
    assert refused(DBSubnetGroupName="production")
    assert refused(DBClusterParameterGroupName="default.aurora-postgresql15")
    assert refused(DBClusterIdentifier="production-2")
    assert refused(SourceDBClusterIdentifier="another-cluster")


def test_an_instance_joins_only_a_drill_s_cluster_and_is_never_public(
    template: Template, iam: Iam
) -> None:
    (parameters,) = (
        parameters
        for _, _, operation, parameters in calls(template)
        if operation == "CreateDBInstance"
    )

    def refused(**changed: Any) -> Request | None:
        call = Call(
            role="drill-aurora-exercise",
            service="rds",
            operation="CreateDBInstance",
            parameters={**parameters, **changed},
        )
        return iam.refused(call)

    assert refused() is None
    assert refused(PubliclyAccessible=True)
    assert refused(DBClusterIdentifier="fibonacci-aurora-cluster-prod")
    assert refused(Tags=[])


def test_only_who_reads_a_database_may_log_in_and_only_as_the_verifier(iam: Iam) -> None:
    users = f"{AT.format(service='rds-db')}dbuser:cluster-ABC123/"
    for name in iam.roles:
        reads = name.startswith(("drill-aurora-verify", "drill-aurora-witness"))
        assert iam.authorise(name, "rds-db:connect", f"{users}backup_drills_verifier") is reads
        assert not iam.authorise(name, "rds-db:connect", f"{users}postgres")


def test_the_sweeper_deletes_only_what_bears_prefix_and_tag(iam: Iam) -> None:
    db = f"{AT.format(service='rds')}db:"
    ours = {f"aws:ResourceTag/{naming.MANAGED_TAG}": "true"}
    delete = "rds:DeleteDBInstance"
    assert iam.authorise("drill-sweeper", delete, f"{db}drill-a-1", ours)
    assert not iam.authorise("drill-sweeper", delete, f"{db}drill-a-1")
    assert not iam.authorise("drill-sweeper", delete, f"{db}production-1", ours)
