"""The one place that makes functions: the same code, layer, runtime and logs, a role for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import AssetHashType, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_logs import LogGroup
from constructs import Construct

from functions import naming
from infra import logs
from infra.bundle import Asset, Bundle
from infra.nag import acknowledge
from infra.permissions import Permission, role


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """The subnets and the security group that a function is joined to."""

    subnets: tuple[str, ...]
    security_group: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """One function: `name` is what follows drill- in AWS, `may` all that its role may do.

    Times in seconds, memory in MiB. Without a placement it runs outside any VPC.
    """

    name: str
    purpose: str
    handler: str
    may: Sequence[Permission]
    timeout: int = 60
    memory: int = 512
    placement: Placement | None = None


_JOINS_A_NETWORK = Permission(
    actions=[
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ],
    resources=["*"],
    because="Lambda joins the function to its network with these, and EC2 knows no resource for "
    "an interface that is not there yet; the boundary denies them to the function's code",
)


class Functions(Construct):
    """What all functions share, and the functions."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        bundle: Bundle,
        environment: Mapping[str, str],
        log_days: int,
    ) -> None:
        super().__init__(scope, name)
        self._code = _asset(bundle.code)
        self._environment = dict(environment)
        self._log_days = log_days
        self.made: dict[str, lambda_.Function] = {}
        """Every function, by what follows drill- in its name."""

        self._layer = lambda_.LayerVersion(
            self,
            "Dependencies",
            code=_asset(bundle.layer),
            compatible_architectures=[lambda_.Architecture.ARM_64],
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            description="psycopg, pg8000, Powertools, and boto3 for the services we call",
        )

    def make(
        self, function: Function, *, boundary: iam.IManagedPolicy | None = None
    ) -> lambda_.Function:
        """The function, with its own role and its own log group.

        `boundary` takes the place of the common permissions boundary for this one.
        """
        scope = Construct(self, function.name)
        if boundary:
            iam.PermissionsBoundary.of(scope).apply(boundary)
        log_group = logs.log_group(
            scope, name=f"{naming.PREFIX}{function.name}", days=self._log_days
        )
        made = lambda_.Function(
            scope,
            "Function",
            function_name=f"{naming.PREFIX}{function.name}",
            description=function.purpose,
            architecture=lambda_.Architecture.ARM_64,
            code=self._code,
            environment=self._environment,
            handler=function.handler,
            layers=[self._layer],
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            memory_size=function.memory,
            role=self._role(scope, function, log_group),
            runtime=lambda_.Runtime.PYTHON_3_13,
            timeout=Duration.seconds(function.timeout),
        )
        acknowledge(
            made,
            "AwsSolutions-L1",
            "psycopg and the layer are pinned and tested for Python 3.13; a newer runtime is a "
            "change of requirements.txt and of infra/bundle.py together",
        )
        if function.placement:
            self._place(made, function.placement)
        self.made[function.name] = made
        return made

    def _role(self, scope: Construct, function: Function, log_group: LogGroup) -> iam.IRole:
        writes_logs = Permission(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[log_group.log_group_arn],
            because="the streams of its own log group: CloudWatch's ARN of a group ends so",
        )
        joins = [_JOINS_A_NETWORK] if function.placement else []
        return role(
            scope,
            principal=iam.ServicePrincipal("lambda.amazonaws.com"),
            purpose=function.purpose,
            may=[*function.may, writes_logs, *joins],
        )

    def _place(self, made: lambda_.Function, placement: Placement) -> None:
        """By property: the source's VPC is not ours, and its id is not needed."""
        resource = made.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=list(placement.subnets), security_group_ids=[placement.security_group]
        )


def _asset(asset: Asset) -> lambda_.Code:
    return lambda_.Code.from_asset(
        str(asset.folder), asset_hash=asset.digest, asset_hash_type=AssetHashType.CUSTOM
    )
