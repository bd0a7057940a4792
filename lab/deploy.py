"""Creates in the emulator what a synthesized CloudFormation template declares.

The same template that `cdk deploy` ships: its intrinsic functions are resolved, its resources are
made in the order in which they need each other, through the services' own APIs. A resource of a
type that the lab has no use for (an alarm, a log group, a bucket policy) gets an invented id, so
that what refers to it can be made, and is listed in `Deployment.skipped`.

Not as in AWS: of a property only what matters in the lab is passed on (a bucket has its lock,
versions and key, not its lifecycle); functions run on the lab's own dependency layer, not on the
template's; nothing is updated, rolled back or deleted.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from lab import aws
from lab.application import CACHE_SECONDS
from lab.emulator import Emulator
from lab.lambdas import Functions, FunctionSpec

PSEUDO = {
    "AWS::AccountId": aws.ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": aws.REGION,
    "AWS::URLSuffix": "amazonaws.com",
}

WAITED_FOR = {"poll_seconds"}
"""The timing that a step hands to a Wait state: the emulator scales that already."""

KEPT = {"cache_seconds": math.ceil(CACHE_SECONDS) + 1}
"""Timing that is the lab's own: how long its application keeps a secret, and a bit."""


class DeployError(Exception):
    """When the assembly is not one stack, or its template asks for what the lab cannot make."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A resource that was not made."""

    resource: str
    type: str


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
    least; `poll_seconds` excepted, which becomes a Wait and is scaled as such. Raises DeployError.
    """
    template = _Template.of(assembly)
    made = _Making(template, emulator, functions, time_factor)
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Template:
    """A stack's template, and where its assets are."""

    stack: str
    resources: Mapping[str, Mapping[str, Any]]
    parameters: Mapping[str, Mapping[str, Any]]
    assets: Mapping[str, Path]

    @classmethod
    def of(cls, assembly: Path) -> _Template:
        manifest_file = assembly / "manifest.json"
        if not manifest_file.is_file():
            raise DeployError(f"{assembly} is no cloud assembly: `python app.py` makes one")
        artifacts = json.loads(manifest_file.read_text())["artifacts"]
        stacks = {
            name: artifact
            for name, artifact in artifacts.items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        if len(stacks) != 1:
            raise DeployError(f"{assembly} has {len(stacks)} stacks: the lab deploys one")
        ((name, artifact),) = stacks.items()
        properties = artifact["properties"]
        template = json.loads((assembly / properties["templateFile"]).read_text())
        assets = json.loads((assembly / f"{name}.assets.json").read_text())["files"]
        return cls(
            stack=properties.get("stackName", name),
            resources=template["Resources"],
            parameters=template.get("Parameters", {}),
            assets={
                destination["objectKey"]: assembly / asset["source"]["path"]
                for asset in assets.values()
                for destination in asset["destinations"].values()
            },
        )


@dataclass(frozen=True, slots=True)
class _Made:
    """What Ref and GetAtt of a resource give."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class _Making:
    """The resources of a template, each made once, when it or what needs it is asked for."""

    def __init__(
        self, template: _Template, emulator: Emulator, functions: Functions, time_factor: float
    ) -> None:
        self.template = template
        self.emulator = emulator
        self.functions = functions
        self.time_factor = time_factor
        self.machines: dict[str, str] = {}
        self.schedules: dict[str, str] = {}
        self.function_arns: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.skipped: list[Skipped] = []
        self._environments: list[Mapping[str, str]] = []
        self._clients: dict[str, Any] = {}
        self._made: dict[str, _Made] = {}
        self._under_way: list[str] = []

    def resource(self, name: str) -> _Made:
        """A resource of the template, made now if it was not yet. Raises DeployError."""
        if name in self._made:
            return self._made[name]
        if name in self._under_way:
            raise DeployError(f"resources need each other: {' -> '.join([*self._under_way, name])}")
        resource = self.template.resources.get(name)
        if resource is None:
            raise DeployError(f"the template refers to {name}, which it does not declare")
        self._under_way.append(name)
        for needed in _listed(resource.get("DependsOn")):
            self.resource(needed)
        kind = resource["Type"]
        properties = self.resolved(resource.get("Properties", {}))
        try:
            made = _MAKERS[kind](self, name, properties) if kind in _MAKERS else None
        except ClientError as error:
            raise DeployError(f"{name} ({kind}): {error}") from error
        if made is None:
            self.skipped.append(Skipped(resource=name, type=kind))
            made = _invented(name, kind)
        self._under_way.pop()
        self._made[name] = made
        return made

    def resolved(self, value: Any) -> Any:
        """A value, its intrinsic functions worked out. Raises DeployError for an unknown one."""
        if isinstance(value, list):
            return [self.resolved(item) for item in value if item != _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._function(function, argument)
        return {key: self.resolved(item) for key, item in value.items() if item != _NO_VALUE}

    def client(self, service: str) -> Any:
        """A client of the emulator, one for each service."""
        if service not in self._clients:
            self._clients[service] = self.emulator.client(service)
        return self._clients[service]

    def named(self, name: str, limit: int = 63) -> str:
        """A name for what the template does not name, as CloudFormation makes one up."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{self.template.stack}-{name}"[: limit - 9] + f"-{digest}"

    def keep_settings(self, environment: Mapping[str, str]) -> None:
        """Remember what a function is told: it says which table, bucket and topic are ours."""
        self._environments.append(environment)

    def settings(self) -> Mapping[str, str]:
        """What the functions are told of the deployment. Raises DeployError if it is not enough."""
        needed = {"DRILLS_LEDGER_TABLE", "DRILLS_EVIDENCE_BUCKET", "DRILLS_TOPIC_ARN"}
        for environment in self._environments:
            if needed <= environment.keys():
                return environment
        raise DeployError(f"no function of the template is told {', '.join(sorted(needed))}")

    def schedules_of_drills(self) -> dict[str, str]:
        """From a drill's name to that of the schedule that starts it."""
        started = {target: name for name, target in self.schedules.items()}
        return {
            drill: started[machine]
            for drill, machine in self.machines.items()
            if machine in started
        }

    def _function(self, function: str, argument: Any) -> Any:
        match function, argument:
            case "Ref", str(name):
                return self._reference(name)
            case "Fn::GetAtt", [name, attribute]:
                return self._attribute(name, attribute)
            case "Fn::GetAtt", str(path):
                return self._attribute(*path.split(".", 1))
            case "Fn::Join", [separator, parts]:
                return separator.join(str(part) for part in self.resolved(parts))
            case "Fn::Select", [index, items]:
                return self.resolved(items)[int(index)]
            case "Fn::Split", [separator, text]:
                return self.resolved(text).split(separator)
            case "Fn::Sub", [text, values]:
                return self._substituted(text, self.resolved(values))
            case "Fn::Sub", str(text):
                return self._substituted(text, {})
            case "Fn::GetAZs", _:
                return [f"{aws.REGION}{zone}" for zone in "abc"]
            case _:
                raise DeployError(f"the lab does not resolve {function} of {json.dumps(argument)}")

    def _reference(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in ("AWS::StackName", "AWS::StackId"):
            return self.template.stack
        if name in self.template.parameters:
            return str(self.template.parameters[name].get("Default", ""))
        return self.resource(name).ref

    def _attribute(self, name: str, attribute: str) -> str:
        attributes = self.resource(name).attributes
        if attribute in attributes:
            return attributes[attribute]
        if any(skipped.resource == name for skipped in self.skipped):
            return f"{name}.{attribute}"
        raise DeployError(f"the lab does not know {attribute} of {name}")

    def _substituted(self, text: str, values: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in values:
                return str(values[name])
            if "." in name:
                return self._attribute(*name.split(".", 1))
            return self._reference(name)

        return re.sub(r"\$\{([^}]+)\}", value, text)


_NO_VALUE = {"Ref": "AWS::NoValue"}

Properties = Mapping[str, Any]


def _role(making: _Making, name: str, properties: Properties) -> _Made:
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
    return _Made(role, {"Arn": answer["Arn"], "RoleId": answer["RoleId"]})


def _policy(making: _Making, name: str, properties: Properties) -> _Made:
    policy = properties.get("PolicyName") or making.named(name)
    for role in properties.get("Roles", []):
        making.client("iam").put_role_policy(
            RoleName=role,
            PolicyName=policy,
            PolicyDocument=json.dumps(properties["PolicyDocument"]),
        )
    return _Made(policy)


def _managed_policy(making: _Making, name: str, properties: Properties) -> _Made:
    iam = making.client("iam")
    arn = iam.create_policy(
        PolicyName=properties.get("ManagedPolicyName") or making.named(name, 128),
        PolicyDocument=json.dumps(properties["PolicyDocument"]),
    )["Policy"]["Arn"]
    for role in properties.get("Roles", []):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return _Made(arn, {"PolicyArn": arn})


def _lambda_function(making: _Making, name: str, properties: Properties) -> _Made | None:
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
    return _Made(function, {"Arn": arn})


def _permission(making: _Making, name: str, properties: Properties) -> _Made | None:
    if properties["Action"] != "lambda:InvokeFunction":
        return None
    making.emulator.allow_invoke(
        properties["FunctionName"],
        properties["Principal"],
        source_account=properties.get("SourceAccount"),
        source_arn=properties.get("SourceArn"),
        statement_id=name,
    )
    return _Made(name, {"Id": name})


def _secret(making: _Making, name: str, properties: Properties) -> _Made:
    secret = str(properties.get("Name") or making.named(name))
    passed_on = ("Description", "KmsKeyId", "SecretString", "Tags")
    given = {key: properties[key] for key in passed_on if key in properties}
    if "GenerateSecretString" in properties:
        given["SecretString"] = _generated(making, properties["GenerateSecretString"])
    arn = str(making.client("secretsmanager").create_secret(Name=secret, **given)["ARN"])
    making.secrets[secret] = arn
    return _Made(arn, {"Id": arn})


def _generated(making: _Making, wanted: Properties) -> str:
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


def _machine(making: _Making, name: str, properties: Properties) -> _Made:
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
    return _Made(arn, {"Arn": arn, "Name": machine})


def _drill_of(definition: dict[str, Any]) -> dict[str, Any]:
    """The drill's configuration in the line: that of the Pass state that begins the document."""
    first: dict[str, Any] = definition["States"].get("Drill", {})
    drill = first.get("Parameters", {}).get("drill", {})
    return drill if isinstance(drill, dict) else {}


def _scaled(timing: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Times of a drill's configuration, as the lab's clock has them.

    >>> _scaled({"restorable_margin_seconds": 60, "login_seconds": 600, "poll_seconds": 30}, 0.01)
    {'restorable_margin_seconds': 1, 'login_seconds': 6, 'poll_seconds': 30}
    """
    return {
        key: KEPT.get(key, value if key in WAITED_FOR else max(1, math.ceil(value * factor)))
        for key, value in timing.items()
    }


def _table(making: _Making, name: str, properties: Properties) -> _Made:
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
    return _Made(table, {"Arn": arn})


def _bucket(making: _Making, name: str, properties: Properties) -> _Made:
    s3 = making.client("s3")
    bucket = properties.get("BucketName") or making.named(name).lower()
    s3.create_bucket(
        Bucket=bucket,
        ObjectLockEnabledForBucket=bool(properties.get("ObjectLockEnabled", False)),
        CreateBucketConfiguration={"LocationConstraint": aws.REGION},
    )
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration=properties["VersioningConfiguration"]
        )
    for rule in properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", []):
        default = rule["ServerSideEncryptionByDefault"]
        given = {"SSEAlgorithm": default["SSEAlgorithm"]}
        if "KMSMasterKeyID" in default:
            given["KMSMasterKeyID"] = default["KMSMasterKeyID"]
        s3.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": given}]
            },
        )
    domain = f"{bucket}.s3.{aws.REGION}.amazonaws.com"
    return _Made(bucket, {"Arn": f"arn:aws:s3:::{bucket}", "RegionalDomainName": domain})


def _topic(making: _Making, name: str, properties: Properties) -> _Made:
    topic = properties.get("TopicName") or making.named(name)
    key = properties.get("KmsMasterKeyId")
    arn = making.client("sns").create_topic(
        Name=topic, Attributes={"KmsMasterKeyId": key} if key else {}
    )["TopicArn"]
    return _Made(arn, {"TopicArn": arn, "TopicName": topic})


def _subscription(making: _Making, name: str, properties: Properties) -> _Made:
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
    return _Made(arn, {"Arn": arn})


def _queue(making: _Making, name: str, properties: Properties) -> _Made:
    queue = properties.get("QueueName") or making.named(name, 80)
    url = making.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    return _Made(url, {"Arn": _queue_arn(queue), "QueueName": queue, "QueueUrl": url})


def _queue_arn(queue: str) -> str:
    return f"arn:aws:sqs:{aws.REGION}:{aws.ACCOUNT}:{queue}"


def _key(making: _Making, name: str, properties: Properties) -> _Made:
    del name
    key = making.client("kms").create_key(Description=properties.get("Description", ""))
    metadata = key["KeyMetadata"]
    return _Made(metadata["KeyId"], {"Arn": metadata["Arn"], "KeyId": metadata["KeyId"]})


def _key_alias(making: _Making, name: str, properties: Properties) -> _Made:
    del name
    alias = properties["AliasName"]
    making.client("kms").create_alias(
        AliasName=alias, TargetKeyId=properties["TargetKeyId"].split("/")[-1]
    )
    return _Made(alias)


def _schedule_group(making: _Making, name: str, properties: Properties) -> _Made:
    group = properties.get("Name") or making.named(name)
    arn = making.client("scheduler").create_schedule_group(Name=group)["ScheduleGroupArn"]
    return _Made(group, {"Arn": arn})


def _schedule(making: _Making, name: str, properties: Properties) -> _Made:
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
    return _Made(schedule, {"Arn": arn})


def _vpc(making: _Making, name: str, properties: Properties) -> _Made:
    del name
    vpc = making.client("ec2").create_vpc(CidrBlock=properties["CidrBlock"])["Vpc"]["VpcId"]
    return _Made(vpc, {"VpcId": vpc, "CidrBlock": properties["CidrBlock"]})


def _subnet(making: _Making, name: str, properties: Properties) -> _Made:
    del name
    subnet = making.client("ec2").create_subnet(
        VpcId=properties["VpcId"],
        CidrBlock=properties["CidrBlock"],
        AvailabilityZone=properties["AvailabilityZone"],
    )["Subnet"]["SubnetId"]
    return _Made(subnet, {"SubnetId": subnet, "AvailabilityZone": properties["AvailabilityZone"]})


def _security_group(making: _Making, name: str, properties: Properties) -> _Made:
    group = making.client("ec2").create_security_group(
        GroupName=properties.get("GroupName") or making.named(name),
        Description=properties["GroupDescription"],
        VpcId=properties["VpcId"],
    )["GroupId"]
    return _Made(group, {"GroupId": group, "VpcId": properties["VpcId"]})


def _subnet_group(making: _Making, name: str, properties: Properties) -> _Made:
    group = properties.get("DBSubnetGroupName") or making.named(name)
    making.client("rds").create_db_subnet_group(
        DBSubnetGroupName=group,
        DBSubnetGroupDescription=properties["DBSubnetGroupDescription"],
        SubnetIds=properties["SubnetIds"],
    )
    return _Made(group)


def _cluster_parameter_group(making: _Making, name: str, properties: Properties) -> _Made:
    group = properties.get("DBClusterParameterGroupName") or making.named(name)
    making.client("rds").create_db_cluster_parameter_group(
        DBClusterParameterGroupName=group,
        DBParameterGroupFamily=properties["Family"],
        Description=properties["Description"],
    )
    return _Made(group)


def _parameter_group(making: _Making, name: str, properties: Properties) -> _Made:
    group = properties.get("DBParameterGroupName") or making.named(name)
    making.client("rds").create_db_parameter_group(
        DBParameterGroupName=group,
        DBParameterGroupFamily=properties["Family"],
        Description=properties["Description"],
    )
    return _Made(group)


Maker = Callable[[_Making, str, Properties], _Made | None]

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
    "AWS::S3::Bucket": _bucket,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _queue,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::Scheduler::ScheduleGroup": _schedule_group,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::StepFunctions::StateMachine": _machine,
}


def _invented(name: str, kind: str) -> _Made:
    """Something to refer to in the place of what was not made."""
    service = kind.split("::")[1].lower()
    return _Made(name, {"Arn": f"arn:aws:{service}:{aws.REGION}:{aws.ACCOUNT}:{name}"})


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


def _listed(value: str | list[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value
