"""A template of the types that ours has, written by hand, becomes resources of the emulator."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.deploy import DeployError, Deployment, Skipped, deploy
from lab.emulator import Emulator
from lab.lambdas import Functions
from tests.emulator.conftest import Machines

HANDLER = """
    import json, os
    import boto3

    def report(event, context):
        drill = event["document"]["drill"]
        ledger, bucket = os.environ["DRILLS_LEDGER_TABLE"], os.environ["DRILLS_EVIDENCE_BUCKET"]
        item = {"drill": {"S": drill["name"]}, "item": {"S": "run#1"}}
        boto3.client("dynamodb").put_item(TableName=ledger, Item=item)
        body = json.dumps(drill["timing"])
        boto3.client("s3").put_object(Bucket=bucket, Key="report.json", Body=body)
        boto3.client("sns").publish(
            TopicArn=os.environ["DRILLS_TOPIC_ARN"],
            Message="all is well",
            MessageAttributes={"severity": {"DataType": "String", "StringValue": "medium"}},
        )
        return {"done": True, "input": event["document"]["input"]}
"""


def allow(action: str, resource: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def trust(service: str) -> dict[str, Any]:
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def get(name: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


LINE = {
    "StartAt": "Drill",
    "States": {
        "Drill": {
            "Type": "Pass",
            "Parameters": {
                "drill": {
                    "name": "monthly",
                    "timing": {
                        "poll_seconds": 30,
                        "restorable_margin_seconds": 60,
                        "login_seconds": 600,
                    },
                },
                "input.$": "$$.Execution.Input",
            },
            "Next": "Report",
        },
        "Report": {
            "Type": "Task",
            "Resource": "${ReportFunction}",
            "Parameters": {"document.$": "$"},
            "TimeoutSeconds": 90,
            "End": True,
        },
    },
}

# What is needed comes last, so that the order of the template cannot be the order of the making.
RESOURCES: dict[str, Any] = {
    "Schedule": {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Name": "drill-monthly",
            "GroupName": ref("Group"),
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "cron(0 5 ? * 2#1 *)",
            "ScheduleExpressionTimezone": "America/Sao_Paulo",
            "State": "ENABLED",
            "Target": {
                "Arn": ref("Machine"),
                "RoleArn": get("MachineRole"),
                "Input": '{"scheduled_time":"<aws.scheduler.scheduled-time>"}',
                "DeadLetterConfig": {"Arn": get("Missed")},
            },
        },
    },
    "Machine": {
        "Type": "AWS::StepFunctions::StateMachine",
        "DependsOn": ["MachineRole"],
        "Properties": {
            "StateMachineName": "drill-monthly",
            "DefinitionString": json.dumps(LINE),
            "DefinitionSubstitutions": {"ReportFunction": get("Report")},
            "RoleArn": get("MachineRole"),
        },
    },
    "MachineRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": trust("states")},
    },
    "MachinePolicy": {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "MachinePolicy",
            "Roles": [ref("MachineRole")],
            "PolicyDocument": allow("lambda:InvokeFunction", get("Report")),
        },
    },
    "Report": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "drill-report",
            "Runtime": "python3.13",
            "Handler": "handler.report",
            "Code": {
                "S3Bucket": {"Fn::Sub": "assets-${AWS::AccountId}-${AWS::Region}"},
                "S3Key": "abc.zip",
            },
            "Environment": {
                "Variables": {
                    "DRILLS_LEDGER_TABLE": ref("Ledger"),
                    "DRILLS_EVIDENCE_BUCKET": ref("Bucket"),
                    "DRILLS_TOPIC_ARN": ref("Topic"),
                    "DRILLS_SECURITY_GROUP": get("Group1", "GroupId"),
                }
            },
            "LoggingConfig": {"LogFormat": "JSON", "LogGroup": ref("Logs")},
            "Role": get("ReportRole"),
            "Timeout": 60,
            "MemorySize": 512,
            "VpcConfig": {
                "SubnetIds": [ref("Subnet1"), ref("Subnet2")],
                "SecurityGroupIds": [get("Group1", "GroupId")],
            },
        },
    },
    "Permission": {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": get("Report"),
            "Principal": "secretsmanager.amazonaws.com",
            "SourceAccount": ref("AWS::AccountId"),
        },
    },
    "Login": {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {
            "Name": "company/app",
            "Description": "the application's login",
            "KmsKeyId": get("Key"),
            "GenerateSecretString": {
                "SecretStringTemplate": '{"username":"app"}',
                "GenerateStringKey": "password",
                "ExcludeCharacters": "abc",
                "ExcludePunctuation": True,
                "PasswordLength": 40,
            },
            "Tags": [{"Key": "stage", "Value": "prod"}],
        },
    },
    "Given": {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {"SecretString": {"Fn::Join": ["", ["for ", ref("Login")]]}},
    },
    "Custom": {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Runtime": "nodejs22.x", "Handler": "index.handler", "Code": {}},
    },
    "ReportRole": {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": trust("lambda"),
            "PermissionsBoundary": ref("Boundary"),
            "Policies": [
                {
                    "PolicyName": "may",
                    "PolicyDocument": allow(
                        "s3:PutObject", {"Fn::Join": ["", [get("Bucket"), "/*"]]}
                    ),
                }
            ],
        },
    },
    "Boundary": {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": allow("s3:*", "*")},
    },
    "Email": {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": ref("Topic"),
            "Protocol": "email",
            "Endpoint": "devops@example.com",
            "FilterPolicy": {"severity": ["critical", "high"]},
        },
    },
    "Topic": {
        "Type": "AWS::SNS::Topic",
        "Properties": {"KmsMasterKeyId": get("Key")},
    },
    "Missed": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "drill-missed"}},
    "Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "drills"}},
    "Bucket": {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "ObjectLockEnabled": True,
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": get("Key"),
                        }
                    }
                ]
            },
        },
    },
    "Ledger": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "KeySchema": [
                {"AttributeName": "drill", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "drill", "AttributeType": "S"},
                {"AttributeName": "item", "AttributeType": "S"},
            ],
            "TimeToLiveSpecification": {"AttributeName": "expires_epoch", "Enabled": True},
        },
    },
    "SubnetGroup": {
        "Type": "AWS::RDS::DBSubnetGroup",
        "Properties": {
            "DBSubnetGroupName": "drill-subnets",
            "DBSubnetGroupDescription": "copies",
            "SubnetIds": [ref("Subnet1"), ref("Subnet2")],
        },
    },
    "ClusterParameters": {
        "Type": "AWS::RDS::DBClusterParameterGroup",
        "Properties": {
            "DBClusterParameterGroupName": "drill-cluster",
            "Family": "aurora-postgresql15",
            "Description": "copies",
        },
    },
    "InstanceParameters": {
        "Type": "AWS::RDS::DBParameterGroup",
        "Properties": {
            "DBParameterGroupName": "drill-instance",
            "Family": "aurora-postgresql15",
            "Description": "copies",
        },
    },
    "Group1": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "copies", "VpcId": ref("Vpc")},
    },
    "Subnet1": {
        "Type": "AWS::EC2::Subnet",
        "Properties": {
            "VpcId": ref("Vpc"),
            "CidrBlock": "10.9.0.0/24",
            "AvailabilityZone": "sa-east-1a",
        },
    },
    "Subnet2": {
        "Type": "AWS::EC2::Subnet",
        "Properties": {
            "VpcId": ref("Vpc"),
            "CidrBlock": "10.9.1.0/24",
            "AvailabilityZone": {"Fn::Select": [1, {"Fn::GetAZs": ""}]},
        },
    },
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"Description": "evidence"}},
    "Alias": {
        "Type": "AWS::KMS::Alias",
        "Properties": {"AliasName": "alias/drills", "TargetKeyId": get("Key")},
    },
    "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
    "Alarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {"AlarmActions": [ref("Topic")], "Tags": [ref("AWS::NoValue")]},
    },
}


def assembly_of(resources: dict[str, Any], folder: Path) -> Path:
    """A cloud assembly, as the CDK leaves it, of one stack with these resources."""
    (folder / "asset.abc").mkdir(parents=True)
    (folder / "asset.abc" / "handler.py").write_text(textwrap.dedent(HANDLER))
    stack = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "drills.template.json"},
    }
    files = {
        "abc": {
            "source": {"path": "asset.abc", "packaging": "zip"},
            "destinations": {"here": {"bucketName": "assets", "objectKey": "abc.zip"}},
        }
    }
    for name, content in {
        "manifest.json": {"artifacts": {"drills": stack, "Tree": {"type": "cdk:tree"}}},
        "drills.template.json": {"Resources": resources},
        "drills.assets.json": {"files": files},
    }.items():
        (folder / name).write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def functions(
    emulator: Emulator, layer: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Functions]:
    made = Functions(endpoint=emulator.endpoint, folder=tmp_path_factory.mktemp("lab"), layer=layer)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def deployed(
    emulator: Emulator, functions: Functions, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    assembly = assembly_of(RESOURCES, tmp_path_factory.mktemp("cdk") / "out")
    return deploy(
        assembly=assembly,
        emulator=emulator,
        functions=functions,
        time_factor=emulator.time_factor,
    )


def test_what_was_made_is_said(deployed: Deployment) -> None:
    assert deployed.stack == "drills"
    assert deployed.machines == {
        "monthly": "arn:aws:states:sa-east-1:123456789012:stateMachine:drill-monthly"
    }
    assert deployed.schedules == {"monthly": "drill-monthly"}
    assert list(deployed.functions) == ["drill-report"]
    assert deployed.topic_arn.startswith("arn:aws:sns:sa-east-1:123456789012:drills-Topic-")


def test_what_was_not_made_is_said(deployed: Deployment) -> None:
    assert sorted(deployed.skipped, key=lambda skipped: skipped.resource) == [
        Skipped(resource="Alarm", type="AWS::CloudWatch::Alarm"),
        Skipped(resource="Custom", type="AWS::Lambda::Function"),
        Skipped(resource="Logs", type="AWS::Logs::LogGroup"),
    ]


def test_the_drill_runs_from_its_schedule_to_its_notification(
    deployed: Deployment, emulator: Emulator, functions: Functions, machines: Machines
) -> None:
    emulator.invoke = functions.invoke
    execution = emulator.fire_schedule(deployed.schedules["monthly"], "2026-12-07T08:00:00Z")
    ended = machines.ended(execution, within=20)
    assert ended.status == "SUCCEEDED", ended.answer
    assert ended.output["input"] == {"scheduled_time": "2026-12-07T08:00:00Z"}
    item = emulator.client("dynamodb").get_item(
        TableName=deployed.ledger_table, Key={"drill": {"S": "monthly"}, "item": {"S": "run#1"}}
    )
    assert "Item" in item
    written = emulator.client("s3").get_object(Bucket=deployed.evidence_bucket, Key="report.json")
    assert json.loads(written["Body"].read()) == {
        "poll_seconds": 30,
        "restorable_margin_seconds": 2,
        "login_seconds": 12,
    }
    heard = emulator.client("sqs").receive_message(QueueUrl=deployed.queue_url)["Messages"]
    assert [message["Body"] for message in heard] == ["all is well"]
    by = {call.operation: call.role for call in emulator.calls}
    assert by["PutItem"] == by["PutObject"] == by["Publish"]
    assert "ReportRole" in str(by["PutItem"])
    assert "MachineRole" in str(by["Invoke"])


def test_roles_have_their_policies(deployed: Deployment, emulator: Emulator) -> None:
    iam = emulator.client("iam")
    roles = {role["RoleName"]: role for role in iam.list_roles()["Roles"]}
    report = next(name for name in roles if "ReportRole" in name)
    boundary = iam.get_role(RoleName=report)["Role"]["PermissionsBoundary"]
    assert "Boundary" in boundary["PermissionsBoundaryArn"]
    document = iam.get_role_policy(RoleName=report, PolicyName="may")["PolicyDocument"]
    assert document["Statement"][0]["Resource"] == f"arn:aws:s3:::{deployed.evidence_bucket}/*"
    machine = next(name for name in roles if "MachineRole" in name)
    document = iam.get_role_policy(RoleName=machine, PolicyName="MachinePolicy")["PolicyDocument"]
    assert document["Statement"][0]["Resource"] == deployed.functions["drill-report"]


def test_the_bucket_is_versioned_locked_and_encrypted(
    deployed: Deployment, emulator: Emulator
) -> None:
    s3, bucket = emulator.client("s3"), deployed.evidence_bucket
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["ObjectLockEnabled"] == "Enabled"
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_the_network_of_the_copies(deployed: Deployment, emulator: Emulator) -> None:
    assert deployed
    (group,) = emulator.client("rds").describe_db_subnet_groups(DBSubnetGroupName="drill-subnets")[
        "DBSubnetGroups"
    ]
    zones = {subnet["SubnetAvailabilityZone"]["Name"] for subnet in group["Subnets"]}
    assert zones == {"sa-east-1a", "sa-east-1b"}


def test_the_table_forgets(deployed: Deployment, emulator: Emulator) -> None:
    lives = emulator.client("dynamodb").describe_time_to_live(TableName=deployed.ledger_table)
    assert lives["TimeToLiveDescription"]["AttributeName"] == "expires_epoch"


def test_severities_are_filtered(deployed: Deployment, emulator: Emulator) -> None:
    sns = emulator.client("sns")
    listed = sns.list_subscriptions_by_topic(TopicArn=deployed.topic_arn)["Subscriptions"]
    email = next(found for found in listed if found["Protocol"] == "email")
    attributes = sns.get_subscription_attributes(SubscriptionArn=email["SubscriptionArn"])
    assert json.loads(attributes["Attributes"]["FilterPolicy"]) == {
        "severity": ["critical", "high"]
    }


def test_secrets_are_made(deployed: Deployment, emulator: Emulator) -> None:
    secrets = emulator.client("secretsmanager")
    arn = deployed.secrets["company/app"]
    described = secrets.describe_secret(SecretId=arn)
    assert described["Name"] == "company/app"
    assert described["Description"] == "the application's login"
    assert described["Tags"] == [{"Key": "stage", "Value": "prod"}]
    assert ":key/" in described["KmsKeyId"]
    login = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    assert login.keys() == {"username", "password"}
    assert len(login["password"]) == 40
    assert login["password"].isalnum()
    assert not set("abc") & set(login["password"])
    (other,) = deployed.secrets.keys() - {"company/app"}
    assert other.startswith("drills-Given-")
    given = secrets.get_secret_value(SecretId=deployed.secrets[other])["SecretString"]
    assert given == f"for {arn}"


def test_a_function_has_its_own_policy_and_its_network(
    deployed: Deployment,
    emulator: Emulator,
    functions: Functions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(emulator, "describe_function", functions.configuration)
    api, arn = emulator.client("lambda"), deployed.functions["drill-report"]
    (statement,) = json.loads(api.get_policy(FunctionName=arn)["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "secretsmanager.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceAccount": "123456789012"}}
    assert statement["Resource"] == arn
    found = api.get_function_configuration(FunctionName="drill-report")
    assert len(found["VpcConfig"]["SubnetIds"]) == 2
    assert found["VpcConfig"]["SecurityGroupIds"][0].startswith("sg-")
    assert (found["Runtime"], found["Timeout"]) == ("python3.13", 60)


WRONG = {
    "each needs the other": (
        {
            "A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": ref("B")}},
            "B": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": ref("A")}},
        },
        "A -> B -> A",
    ),
    "not declared": (
        {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": ref("B")}}},
        "refers to B",
    ),
    "no such function": (
        {
            "A": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": {"Fn::ImportValue": "elsewhere"}},
            }
        },
        "does not resolve Fn::ImportValue",
    ),
    "no such attribute": (
        {
            "A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": get("B", "Nothing")}},
            "B": {"Type": "AWS::SQS::Queue"},
        },
        "does not know Nothing of B",
    ),
    "refused by the service": (
        {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "not a name"}}},
        r"A \(AWS::SQS::Queue\): .*InvalidParameterValue",
    ),
    "no settings": ({"A": {"Type": "AWS::KMS::Key"}}, "DRILLS_EVIDENCE_BUCKET"),
}


@pytest.mark.parametrize(("resources", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_template_that_cannot_be_made(
    resources: dict[str, Any],
    message: str,
    emulator: Emulator,
    functions: Functions,
    folder: Path,
) -> None:
    assembly = assembly_of(resources, folder / "out")
    with pytest.raises(DeployError, match=message):
        deploy(assembly=assembly, emulator=emulator, functions=functions, time_factor=1)


def test_no_assembly(emulator: Emulator, functions: Functions, folder: Path) -> None:
    with pytest.raises(DeployError, match=r"python app\.py"):
        deploy(assembly=folder, emulator=emulator, functions=functions, time_factor=1)
