"""IAM for a lab: what IAM is asked when a call is made, and what the deployed roles answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from lab.iam_s3 import S3_REQUESTS
from lab.policies import Context, Policy, Request, Role
from lab.world import Parameters, SecretFacts, World, key_arn, with_key

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


__all__ = [
    "Iam",
    "RecordedCall",
    "SecretFacts",
    "UndescribedCall",
    "World",
    "requests_of",
    "roles_of",
]


class RecordedCall(Protocol):
    """A call of an AWS API, named as the SDK names it: `rds`, `DescribeDBClusters`."""

    @property
    def role(self) -> str | None: ...
    @property
    def service(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Any]: ...


class UndescribedCall(Exception):
    """A function made a call of which lab/iam.py does not say what IAM is asked."""


def requests_of(call: RecordedCall, world: World) -> list[Request]:
    """What IAM is asked when this call is made.

    Raises UndescribedCall for an operation that no function of ours was known to call.
    """
    describe = _REQUESTS.get((call.service, call.operation))
    if describe is None:  # refused: what nobody described here must not pass as allowed
        raise UndescribedCall(f"{call.service}:{call.operation} is not in lab/iam.py")
    return list(describe(call.parameters, world))


def _restore(parameters: Parameters, world: World) -> Iterator[Request]:
    """AWS asks about the source, the new cluster and all that it is put into; then about tags."""
    source, target = parameters["SourceDBClusterIdentifier"], parameters["DBClusterIdentifier"]
    tags = _request_tags(parameters)
    for arn in (
        source if source.startswith("arn:") else world.rds("cluster", source),
        world.rds("cluster", target),
        world.rds("cluster-pg", parameters.get("DBClusterParameterGroupName", "default")),
        world.rds("subgrp", parameters.get("DBSubnetGroupName", "default")),
        world.rds("og", "default"),
    ):
        yield Request("rds:RestoreDBClusterToPointInTime", arn, {**tags, **world.about(arn)})
    yield from _tagging(world.rds("cluster", target), tags)
    yield from _grant(parameters.get("KmsKeyId"), world)


def _create_instance(parameters: Parameters, world: World) -> Iterator[Request]:
    tags = _request_tags(parameters)
    public = {"rds:PubliclyAccessible": str(parameters.get("PubliclyAccessible", True)).lower()}
    instance = world.rds("db", parameters["DBInstanceIdentifier"])
    for arn in (
        instance,
        world.rds("cluster", parameters.get("DBClusterIdentifier", "none")),
        world.rds("pg", parameters.get("DBParameterGroupName", "default")),
        world.rds("og", "default"),
    ):
        yield Request("rds:CreateDBInstance", arn, {**tags, **public, **world.about(arn)})
    yield from _tagging(instance, tags)


def _request_tags(parameters: Parameters) -> dict[str, str | Sequence[str]]:
    tags = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", [])}
    given: dict[str, str | Sequence[str]] = {
        f"aws:RequestTag/{key}": value for key, value in tags.items()
    }
    return {**given, "aws:TagKeys": list(tags)} if tags else given


def _tagging(arn: str, tags: Context) -> Iterator[Request]:
    """Tags in a create call are authorised as AddTagsToResource too; the resource has none yet."""
    if tags:
        yield Request("rds:AddTagsToResource", arn, tags)


def _grant(key: str | None, world: World) -> Iterator[Request]:
    if key:
        arn = key_arn(key, world)
        yield Request("kms:DescribeKey", arn, world.through("rds"))
        grant = {**world.through("rds"), "kms:GrantIsForAWSResource": "true"}
        yield Request("kms:CreateGrant", arn, grant)


def _delete_cluster(parameters: Parameters, world: World) -> Iterator[Request]:
    arn = world.rds("cluster", parameters["DBClusterIdentifier"])
    yield Request("rds:DeleteDBCluster", arn, world.about(arn))
    if not parameters.get("SkipFinalSnapshot"):
        snapshot = world.rds("cluster-snapshot", parameters.get("FinalDBSnapshotIdentifier"))
        yield Request("rds:DeleteDBCluster", snapshot)
        yield Request("rds:CreateDBClusterSnapshot", snapshot)


def _delete_backup(parameters: Parameters, world: World) -> Iterator[Request]:
    """AWS chose the backup's name, so only its tags can say whose it is."""
    arn = world.rds("cluster-auto-backup", parameters["DbClusterResourceId"])
    yield Request("rds:DeleteDBClusterAutomatedBackup", arn, world.about(arn))


def _publish(parameters: Parameters, world: World) -> Iterator[Request]:
    yield Request("sns:Publish", parameters["TopicArn"])
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        yield from with_key(parameters["TopicArn"], world, "sns", action)


def _of_secret(operation: str, *kms: str) -> tuple[tuple[str, str], Any]:
    """An operation on a secret, and what it does with the secret's key for the caller."""

    def describe(parameters: Parameters, world: World) -> Iterator[Request]:
        facts = world.secret(parameters["SecretId"])
        yield Request(f"secretsmanager:{operation}", facts.arn, _about_secret(facts))
        if facts.key:
            context = {
                **world.through("secretsmanager"),
                "kms:EncryptionContext:SecretARN": facts.arn,
            }
            for action in kms:
                yield Request(action, key_arn(facts.key, world), context)

    return ("secretsmanager", operation), describe


def _rotate(parameters: Parameters, world: World) -> Iterator[Request]:
    """AWS asks about the secret, and whether the caller may invoke what will rotate it."""
    facts = world.secret(parameters["SecretId"])
    given = parameters.get("RotationLambdaARN")
    context = _about_secret(facts)
    if given:
        context["secretsmanager:RotationLambdaARN"] = given
    yield Request("secretsmanager:RotateSecret", facts.arn, context)
    if function := given or facts.rotation_function:
        yield Request("lambda:InvokeFunction", function, world.about(function))


def _about_secret(facts: SecretFacts) -> dict[str, str | Sequence[str]]:
    """The condition keys that a secret gives, whatever is done with it."""
    about: dict[str, str | Sequence[str]] = {
        f"{service}:ResourceTag/{key}": value
        for key, value in facts.tags.items()
        for service in ("aws", "secretsmanager")
    }
    if facts.rotation_function:
        about["secretsmanager:resource/AllowRotationLambdaArn"] = facts.rotation_function
    return about


def _on(
    action: str, resource: Callable[[Parameters, World], str]
) -> Callable[[Parameters, World], Iterator[Request]]:
    """An operation that is one request, on one resource."""

    def describe(parameters: Parameters, world: World) -> Iterator[Request]:
        arn = resource(parameters, world)
        yield Request(action, arn, world.about(arn))

    return describe


def _function_arn(parameters: Parameters, world: World) -> str:
    """The ARN of a function that is called by its ARN or by its name."""
    name = str(parameters["FunctionName"]).rpartition(":")[2]
    return f"arn:{world.partition}:lambda:{world.region}:{world.account}:function:{name}"


def _of_rds(action: str, kind: str, parameter: str) -> tuple[tuple[str, str], Any]:
    def resource(parameters: Parameters, world: World) -> str:
        return world.rds(kind, parameters.get(parameter))

    return ("rds", action), _on(f"rds:{action}", resource)


def _anywhere(service: str, action: str) -> tuple[tuple[str, str], Any]:
    """An operation that has no resource."""
    return (service, action), _on(f"{service}:{action}", lambda _, __: "*")


def _of_table(action: str) -> tuple[tuple[str, str], Any]:
    def resource(parameters: Parameters, world: World) -> str:
        name = parameters["TableName"]
        return f"arn:{world.partition}:dynamodb:{world.region}:{world.account}:table/{name}"

    return ("dynamodb", action), _on(f"dynamodb:{action}", resource)


def _log_group_arn(parameters: Parameters, world: World) -> str:
    name = parameters["logGroupName"]
    return f"arn:{world.partition}:logs:{world.region}:{world.account}:log-group:{name}"


def _schedule_arn(parameters: Parameters, world: World) -> str:
    group, name = parameters.get("GroupName", "default"), parameters["Name"]
    return f"arn:{world.partition}:scheduler:{world.region}:{world.account}:schedule/{group}/{name}"


_WITHOUT_RESOURCE = (
    ("cloudtrail", "LookupEvents"),
    ("cloudwatch", "DescribeAlarms"),
    ("cloudwatch", "GetMetricData"),
    ("cloudwatch", "GetMetricStatistics"),
    ("cloudwatch", "ListMetrics"),
    ("ec2", "DescribeSubnets"),
    ("logs", "DescribeLogGroups"),
    ("rds", "DescribeAccountAttributes"),
    ("rds", "DescribeDBClusterSnapshots"),
    ("rds", "DescribeDBEngineVersions"),
    ("rds", "DescribeEvents"),
    ("rds", "DescribeOrderableDBInstanceOptions"),
    ("secretsmanager", "ListSecrets"),
)
"""Lists, and what is asked of the account: their only resource is `*`.

Of snapshots AWS asks about those of a cluster where one is named; whoever may see all may see them.
"""

_REQUESTS: dict[tuple[str, str], Callable[[Parameters, World], Iterable[Request]]] = {
    ("rds", "RestoreDBClusterToPointInTime"): _restore,
    ("rds", "CreateDBInstance"): _create_instance,
    ("rds", "DeleteDBCluster"): _delete_cluster,
    ("rds", "DeleteDBClusterAutomatedBackup"): _delete_backup,
    ("rds", "DescribeDBClusterAutomatedBackups"): _on(
        "rds:DescribeDBClusterAutomatedBackups",
        lambda parameters, world: world.rds(
            "cluster-auto-backup", parameters.get("DbClusterResourceId")
        ),
    ),
    **dict(
        (
            _of_rds("DeleteDBClusterSnapshot", "cluster-snapshot", "DBClusterSnapshotIdentifier"),
            _of_rds("DeleteDBInstance", "db", "DBInstanceIdentifier"),
            _of_rds("DescribeDBClusters", "cluster", "DBClusterIdentifier"),
            _of_rds("DescribeDBInstances", "db", "DBInstanceIdentifier"),
            _of_rds("DescribeDBSubnetGroups", "subgrp", "DBSubnetGroupName"),
            _of_rds("DescribeDBParameterGroups", "pg", "DBParameterGroupName"),
            _of_rds(
                "DescribeDBClusterParameterGroups", "cluster-pg", "DBClusterParameterGroupName"
            ),
            _of_table("GetItem"),
            _of_table("PutItem"),
            _of_table("DeleteItem"),
            _of_table("Query"),
        )
    ),
    **S3_REQUESTS,
    **dict(_anywhere(service, operation) for service, operation in _WITHOUT_RESOURCE),
    ("s3", "ListBuckets"): _on("s3:ListAllMyBuckets", lambda _, __: "*"),
    ("resourcegroupstaggingapi", "GetResources"): _on("tag:GetResources", lambda _, __: "*"),
    ("logs", "ListTagsForResource"): _on(
        "logs:ListTagsForResource", lambda parameters, _: str(parameters["resourceArn"])
    ),
    ("logs", "DeleteLogGroup"): _on("logs:DeleteLogGroup", _log_group_arn),
    ("scheduler", "GetSchedule"): _on("scheduler:GetSchedule", _schedule_arn),
    ("sns", "Publish"): _publish,
    ("kms", "DescribeKey"): _on(
        "kms:DescribeKey", lambda parameters, world: key_arn(parameters["KeyId"], world)
    ),
    ("stepfunctions", "DescribeExecution"): _on(
        "states:DescribeExecution", lambda parameters, _: str(parameters["executionArn"])
    ),
    ("stepfunctions", "DescribeStateMachineForExecution"): _on(
        "states:DescribeStateMachineForExecution",
        lambda parameters, _: str(parameters["executionArn"]),
    ),
    ("stepfunctions", "DescribeStateMachine"): _on(
        "states:DescribeStateMachine", lambda parameters, _: str(parameters["stateMachineArn"])
    ),
    ("stepfunctions", "ListExecutions"): _on(
        "states:ListExecutions", lambda parameters, _: str(parameters["stateMachineArn"])
    ),
    ("stepfunctions", "StartExecution"): _on(
        "states:StartExecution", lambda parameters, _: str(parameters["stateMachineArn"])
    ),
    ("lambda", "Invoke"): _on("lambda:InvokeFunction", _function_arn),
    ("lambda", "GetFunctionConfiguration"): _on("lambda:GetFunctionConfiguration", _function_arn),
    ("lambda", "GetPolicy"): _on("lambda:GetPolicy", _function_arn),
    **dict(
        (
            _of_secret("DeleteSecret"),
            _of_secret("DescribeSecret"),
            _of_secret("GetSecretValue", "kms:Decrypt"),
            _of_secret("ListSecretVersionIds"),
            _of_secret("PutSecretValue", "kms:GenerateDataKey", "kms:Decrypt"),
            _of_secret("UpdateSecretVersionStage"),
        )
    ),
    ("secretsmanager", "RotateSecret"): _rotate,
    ("sts", "GetCallerIdentity"): lambda _, __: [],
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Iam:
    """The roles of a deployment by ARN, and the world they act in."""

    roles: Mapping[str, Role]
    world: World

    def refused(self, call: RecordedCall) -> Request | None:
        """The first thing that IAM would refuse of a call; None when the call may be made.

        A caller that is no role (a test, a person) may do all. Raises KeyError for an unknown role.
        """
        if call.role is None:
            return None
        role = self.roles[call.role]
        requests = requests_of(call, self.world)
        return next((request for request in requests if not role.allows(request)), None)

    def authorise(
        self, role: str, action: str, resource: str, context: Context | None = None
    ) -> bool:
        """Whether a role may do an action on a resource: rds-db:connect on a database user, say.

        Raises KeyError for an unknown role.
        """
        return self.roles[role].allows(Request(action, resource, context or {}))


def roles_of(iam: IAMClient) -> dict[str, Role]:
    """Every role that an IAM API knows, by ARN, with its policies and its boundary."""
    roles = {}
    for page in iam.get_paginator("list_roles").paginate():
        for listed in page["Roles"]:
            name = listed["RoleName"]
            inline = [
                _document(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
                for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
            ]
            attached = [
                _managed(iam, policy["PolicyArn"])
                for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            ]
            limit = iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary")
            roles[listed["Arn"]] = Role(
                policies=(*inline, *attached),
                boundary=_managed(iam, limit["PermissionsBoundaryArn"]) if limit else None,
            )
    return roles


def _managed(iam: IAMClient, arn: str) -> Policy:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)
    return _document(answer["PolicyVersion"]["Document"])


def _document(found: object) -> Policy:
    """botocore decodes policies: a mapping, whatever its types say."""
    return cast(Policy, found)
