"""Creates in the emulator what a synthesized CloudFormation template declares.

The same template that `cdk deploy` ships: its intrinsic functions are resolved, its resources are
made in the order in which they need each other, through the services' own APIs. A resource of a
type that the lab has no use for (an alarm, a log group, a bucket policy) gets an invented id, so
that what refers to it can be made, and is listed in `Deployment.skipped`.

Not as in AWS: of a property only what matters in the lab is passed on; functions run on the lab's
own dependency layer, not on the template's; nothing is updated, rolled back or deleted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import aws
from lab.application import CACHE_SECONDS
from lab.buckets import make_bucket
from lab.emulator import Emulator
from lab.lambdas import Functions, FunctionSpec
from lab.template import DeployError, Made, Maker, Making, Properties, Skipped, Template

__all__ = ["DeployError", "Deployment", "Skipped", "deploy"]

WAITED_FOR = {"poll_seconds"}
"""The timing that a step hands to a Wait state: the emulator scales that already."""

AS_LONG_HERE = {"snapshot_seconds"}
"""The timing of what takes a real database as long here as anywhere."""

KEPT = {"cache_seconds": math.ceil(CACHE_SECONDS) + 1}
"""Timing that is the lab's own: how long its application keeps a secret, and a bit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """What was made. `machines` and `schedules` go from a drill's name to ARN and name,
    `functions` and `secrets` from their own names to their ARNs.

    `queue_url` is a queue of the lab's own that hears all that is published to the reports' topic.
    """

    stack: str
    machines: Mapping[str, str]
    schedules: Mapping[str, str]
    functions: Mapping[str, str]
    secrets: Mapping[str, str]
    ledger_table: str
    evidence_bucket: str
    topic_arn: str
    queue_url: str
    skipped: tuple[Skipped, ...]


def deploy(
    *, assembly: Path, emulator: Emulator, functions: Functions, time_factor: float
) -> Deployment:
    """Make what the one stack of a cloud assembly (`build/cdk.out`) declares.

    `time_factor` scales the `timing` of every drill's configuration, to whole seconds, one at
    least; but `poll_seconds`, which becomes a Wait and is scaled as such, and what takes as long
    here. Raises DeployError.
    """
    template = Template.of(assembly)
    made = Making(
        template, _MAKERS, emulator=emulator, functions=functions, time_factor=time_factor
    )
    for name in template.resources:
        made.resource(name)
    settings = made.settings()
    return Deployment(
        stack=template.stack,
        machines=made.machines,
        schedules=made.schedules_of_drills(),
        functions=made.function_arns,
        secrets=made.secrets,
        ledger_table=settings["DRILLS_LEDGER_TABLE"],
        evidence_bucket=settings["DRILLS_EVIDENCE_BUCKET"],
        topic_arn=settings["DRILLS_TOPIC_ARN"],
        queue_url=_listening_queue(emulator, settings["DRILLS_TOPIC_ARN"]),
        skipped=tuple(made.skipped),
    )


def _role(making: Making, name: str, properties: Properties) -> Made:
    iam = making.client("iam")
    role = properties.get("RoleName") or making.named(name, 64)
    boundary = properties.get("PermissionsBoundary")
    answer = iam.create_role(
        RoleName=role,
        AssumeRolePolicyDocument=json.dumps(properties["AssumeRolePolicyDocument"]),
        **({"PermissionsBoundary": boundary} if boundary else {}),
    )["Role"]
    for policy in properties.get("Policies", []):
        iam.put_role_policy(
            RoleName=role,
            PolicyName=policy["PolicyName"],
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )
    for arn in properties.get("ManagedPolicyArns", []):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return Made(role, {"Arn": answer["Arn"], "RoleId": answer["RoleId"]})


def _policy(making: Making, name: str, properties: Properties) -> Made:
    policy = properties.get("PolicyName") or making.named(name)
    for role in properties.get("Roles", []):
        making.client("iam").put_role_policy(
            RoleName=role,
            PolicyName=policy,
            PolicyDocument=json.dumps(properties["PolicyDocument"]),
        )
    return Made(policy)


def _managed_policy(making: Making, name: str, properties: Properties) -> Made:
    iam = making.client("iam")
    arn = iam.create_policy(
        PolicyName=properties.get("ManagedPolicyName") or making.named(name, 128),
        PolicyDocument=json.dumps(properties["PolicyDocument"]),
    )["Policy"]["Arn"]
    for role in properties.get("Roles", []):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return Made(arn, {"PolicyArn": arn})


def _lambda_function(making: Making, name: str, properties: Properties) -> Made | None:
    if not properties.get("Runtime", "").startswith("python"):
        return None
    key = str(properties["Code"].get("S3Key"))
    if key not in making.template.assets:
        raise DeployError(f"{name}: its code {key} is not among the assembly's assets")
    function = str(properties.get("FunctionName") or making.named(name, 64))
    environment = properties.get("Environment", {}).get("Variables", {})
    arn = making.functions.create(
        FunctionSpec(
            name=function,
            handler=properties["Handler"],
            code=making.template.assets[key],
            environment=environment,
            role_arn=properties["Role"],
            timeout=int(properties.get("Timeout", 3)),
            memory=int(properties.get("MemorySize", 128)),
            log_format=properties.get("LoggingConfig", {}).get("LogFormat", "Text"),
            runtime=properties["Runtime"],
            vpc=properties.get("VpcConfig"),
        )
    )
    making.keep_settings(environment)
    making.function_arns[function] = arn
    return Made(function, {"Arn": arn})


def _permission(making: Making, name: str, properties: Properties) -> Made | None:
    if properties["Action"] != "lambda:InvokeFunction":
        return None
    making.emulator.allow_invoke(
        properties["FunctionName"],
        properties["Principal"],
        source_account=properties.get("SourceAccount"),
        source_arn=properties.get("SourceArn"),
        statement_id=name,
    )
    return Made(name, {"Id": name})


def _secret(making: Making, name: str, properties: Properties) -> Made:
    secret = str(properties.get("Name") or making.named(name))
    passed_on = ("Description", "KmsKeyId", "SecretString", "Tags")
    given = {key: properties[key] for key in passed_on if key in properties}
    if "GenerateSecretString" in properties:
        given["SecretString"] = _generated(making, properties["GenerateSecretString"])
    arn = str(making.client("secretsmanager").create_secret(Name=secret, **given)["ARN"])
    making.secrets[secret] = arn
    return Made(arn, {"Id": arn})


def _generated(making: Making, wanted: Properties) -> str:
    """A password, alone or under its key in a JSON text."""
    options = {
        key: value
        for key, value in wanted.items()
        if key not in ("SecretStringTemplate", "GenerateStringKey")
    }
    answer = making.client("secretsmanager").get_random_password(**options)
    password = str(answer["RandomPassword"])
    if "GenerateStringKey" not in wanted:
        return password
    template = json.loads(wanted["SecretStringTemplate"])
    return json.dumps({**template, wanted["GenerateStringKey"]: password})


def _machine(making: Making, name: str, properties: Properties) -> Made:
    text = properties["DefinitionString"]
    for placeholder, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{placeholder}}}", str(value))
    definition = json.loads(text)
    drill = _drill_of(definition)
    if "timing" in drill:
        drill["timing"] = _scaled(drill["timing"], making.time_factor)
    machine = str(properties.get("StateMachineName") or making.named(name))
    arn = making.client("stepfunctions").create_state_machine(
        name=machine, definition=json.dumps(definition), roleArn=properties["RoleArn"]
    )["stateMachineArn"]
    making.machines[drill.get("name", machine)] = arn
    return Made(arn, {"Arn": arn, "Name": machine})


def _drill_of(definition: dict[str, Any]) -> dict[str, Any]:
    """The drill's configuration in the line: that of the Pass state that begins the document."""
    first: dict[str, Any] = definition["States"].get("Drill", {})
    drill = first.get("Parameters", {}).get("drill", {})
    return drill if isinstance(drill, dict) else {}


def _scaled(timing: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Times of a drill's configuration, as the lab's clock has them.

    >>> _scaled({"restorable_margin_seconds": 60, "login_seconds": 600, "poll_seconds": 30}, 0.01)
    {'restorable_margin_seconds': 1, 'login_seconds': 6, 'poll_seconds': 30}
    >>> _scaled({"snapshot_seconds": 120}, 0.01)
    {'snapshot_seconds': 120}
    """
    unscaled = WAITED_FOR | AS_LONG_HERE
    return {
        key: KEPT.get(key, value if key in unscaled else max(1, math.ceil(value * factor)))
        for key, value in timing.items()
    }


def _table(making: Making, name: str, properties: Properties) -> Made:
    dynamodb = making.client("dynamodb")
    table = properties.get("TableName") or making.named(name)
    arn = dynamodb.create_table(
        TableName=table,
        KeySchema=properties["KeySchema"],
        AttributeDefinitions=properties["AttributeDefinitions"],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    if "TimeToLiveSpecification" in properties:
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={
                "AttributeName": properties["TimeToLiveSpecification"]["AttributeName"],
                "Enabled": True,
            },
        )
    return Made(table, {"Arn": arn})


def _topic(making: Making, name: str, properties: Properties) -> Made:
    topic = properties.get("TopicName") or making.named(name)
    key = properties.get("KmsMasterKeyId")
    arn = making.client("sns").create_topic(
        Name=topic, Attributes={"KmsMasterKeyId": key} if key else {}
    )["TopicArn"]
    return Made(arn, {"TopicArn": arn, "TopicName": topic})


def _subscription(making: Making, name: str, properties: Properties) -> Made:
    del name
    attributes = {}
    if "FilterPolicy" in properties:
        attributes["FilterPolicy"] = json.dumps(properties["FilterPolicy"])
    if "FilterPolicyScope" in properties:
        attributes["FilterPolicyScope"] = properties["FilterPolicyScope"]
    if properties.get("RawMessageDelivery"):
        attributes["RawMessageDelivery"] = "true"
    arn = making.client("sns").subscribe(
        TopicArn=properties["TopicArn"],
        Protocol=properties["Protocol"],
        Endpoint=properties["Endpoint"],
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    return Made(arn, {"Arn": arn})


def _queue(making: Making, name: str, properties: Properties) -> Made:
    queue = properties.get("QueueName") or making.named(name, 80)
    url = making.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    return Made(url, {"Arn": _queue_arn(queue), "QueueName": queue, "QueueUrl": url})


def _queue_arn(queue: str) -> str:
    return f"arn:aws:sqs:{aws.REGION}:{aws.ACCOUNT}:{queue}"


def _key(making: Making, name: str, properties: Properties) -> Made:
    del name
    key = making.client("kms").create_key(Description=properties.get("Description", ""))
    metadata = key["KeyMetadata"]
    return Made(metadata["KeyId"], {"Arn": metadata["Arn"], "KeyId": metadata["KeyId"]})


def _key_alias(making: Making, name: str, properties: Properties) -> Made:
    del name
    alias = properties["AliasName"]
    making.client("kms").create_alias(
        AliasName=alias, TargetKeyId=properties["TargetKeyId"].split("/")[-1]
    )
    return Made(alias)


def _schedule_group(making: Making, name: str, properties: Properties) -> Made:
    group = properties.get("Name") or making.named(name)
    arn = making.client("scheduler").create_schedule_group(Name=group)["ScheduleGroupArn"]
    return Made(group, {"Arn": arn})


def _schedule(making: Making, name: str, properties: Properties) -> Made:
    schedule = str(properties.get("Name") or making.named(name))
    passed_on = ("GroupName", "ScheduleExpressionTimezone", "State", "Description")
    arn = making.client("scheduler").create_schedule(
        Name=schedule,
        ScheduleExpression=properties["ScheduleExpression"],
        FlexibleTimeWindow=properties["FlexibleTimeWindow"],
        Target=properties["Target"],
        **{key: properties[key] for key in passed_on if key in properties},
    )["ScheduleArn"]
    making.schedules[schedule] = properties["Target"]["Arn"]
    return Made(schedule, {"Arn": arn})


def _vpc(making: Making, name: str, properties: Properties) -> Made:
    del name
    vpc = making.client("ec2").create_vpc(CidrBlock=properties["CidrBlock"])["Vpc"]["VpcId"]
    return Made(vpc, {"VpcId": vpc, "CidrBlock": properties["CidrBlock"]})


def _subnet(making: Making, name: str, properties: Properties) -> Made:
    del name
    subnet = making.client("ec2").create_subnet(
        VpcId=properties["VpcId"],
        CidrBlock=properties["CidrBlock"],
        AvailabilityZone=properties["AvailabilityZone"],
    )["Subnet"]["SubnetId"]
    return Made(subnet, {"SubnetId": subnet, "AvailabilityZone": properties["AvailabilityZone"]})


def _security_group(making: Making, name: str, properties: Properties) -> Made:
    group = making.client("ec2").create_security_group(
        GroupName=properties.get("GroupName") or making.named(name),
        Description=properties["GroupDescription"],
        VpcId=properties["VpcId"],
    )["GroupId"]
    return Made(group, {"GroupId": group, "VpcId": properties["VpcId"]})


def _subnet_group(making: Making, name: str, properties: Properties) -> Made:
    group = properties.get("DBSubnetGroupName") or making.named(name)
    making.client("rds").create_db_subnet_group(
        DBSubnetGroupName=group,
        DBSubnetGroupDescription=properties["DBSubnetGroupDescription"],
        SubnetIds=properties["SubnetIds"],
    )
    return Made(group)


def _cluster_parameter_group(making: Making, name: str, properties: Properties) -> Made:
    group = properties.get("DBClusterParameterGroupName") or making.named(name)
    making.client("rds").create_db_cluster_parameter_group(
        DBClusterParameterGroupName=group,
        DBParameterGroupFamily=properties["Family"],
        Description=properties["Description"],
    )
    return Made(group)


def _parameter_group(making: Making, name: str, properties: Properties) -> Made:
    group = properties.get("DBParameterGroupName") or making.named(name)
    making.client("rds").create_db_parameter_group(
        DBParameterGroupName=group,
        DBParameterGroupFamily=properties["Family"],
        Description=properties["Description"],
    )
    return Made(group)


_MAKERS: dict[str, Maker] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::EC2::Subnet": _subnet,
    "AWS::EC2::VPC": _vpc,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Policy": _policy,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Alias": _key_alias,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Function": _lambda_function,
    "AWS::Lambda::Permission": _permission,
    "AWS::RDS::DBClusterParameterGroup": _cluster_parameter_group,
    "AWS::RDS::DBParameterGroup": _parameter_group,
    "AWS::RDS::DBSubnetGroup": _subnet_group,
    "AWS::S3::Bucket": make_bucket,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _queue,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::Scheduler::ScheduleGroup": _schedule_group,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::StepFunctions::StateMachine": _machine,
}


def _listening_queue(emulator: Emulator, topic_arn: str) -> str:
    sqs, name = emulator.client("sqs"), "lab-notifications"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    emulator.client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=_queue_arn(name),
        Attributes={"RawMessageDelivery": "true"},
    )
    return str(url)
