"""Where a restored copy lives: a network of its own, connected to nothing."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from constructs import Construct

from functions import naming
from infra import logs
from infra.functions import Placement
from infra.nag import acknowledge

_POSTGRESQL = ec2.Port.tcp(5432)
_HTTPS = ec2.Port.tcp(443)


class Network(Construct):
    """Isolated subnets, no internet, no NAT, no interface endpoints: a way to S3 and no other.

    Only the verifier reaches the database, and the database reaches nothing.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stack: str,
        zones: Sequence[str],
        cidr: str,
        s3_prefix_list: str | None,
        bucket: s3.Bucket,
        log_days: int,
    ) -> None:
        super().__init__(scope, name)
        vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=list(zones),
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            nat_gateways=0,
            # Nothing is put into the default group; closing it would need a function of the CDK's.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="Drill", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
            ],
            vpc_name=f"{naming.PREFIX}{stack}",
        )
        acknowledge(
            vpc, "W3010", "the zones are those that drills.yaml names: nothing is looked up"
        )
        self._log_what_was_refused(vpc, stack, log_days)
        _way_to(bucket, vpc)
        self.database = self._group(vpc, "Database", "The restored copy: reaches nothing")
        verifier = self._group(vpc, "Verifier", "The verifier: reaches the copy, and S3")
        self.database.add_ingress_rule(verifier, _POSTGRESQL, "the verifier alone")
        verifier.add_egress_rule(self.database, _POSTGRESQL, "the restored copy")
        # The network has no other way out than S3's; the list narrows the address as well.
        s3_addresses = (
            ec2.Peer.prefix_list(s3_prefix_list) if s3_prefix_list else ec2.Peer.any_ipv4()
        )
        verifier.add_egress_rule(s3_addresses, _HTTPS, "S3, by the gateway endpoint")
        self.verifier = Placement(
            subnets=tuple(subnet.subnet_id for subnet in vpc.isolated_subnets),
            security_group=verifier.security_group_id,
        )
        self.subnet_group = f"{naming.PREFIX}{stack}"
        rds.CfnDBSubnetGroup(
            self,
            "SubnetGroup",
            db_subnet_group_name=self.subnet_group,
            db_subnet_group_description="Where restored copies are put",
            subnet_ids=list(self.verifier.subnets),
        )

    def _group(self, vpc: ec2.Vpc, name: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, name, vpc=vpc, description=description, allow_all_outbound=False
        )

    def _log_what_was_refused(self, vpc: ec2.Vpc, stack: str, days: int) -> None:
        group = logs.log_group(self, name=f"{stack}-refused-traffic", days=days)
        vpc.add_flow_log(
            "Refused",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )


def _way_to(bucket: s3.Bucket, vpc: ec2.Vpc) -> None:
    """S3's gateway endpoint, through which only the evidence bucket can be reached."""
    endpoint = vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
    endpoint.add_to_policy(
        iam.PolicyStatement(
            principals=[iam.AnyPrincipal()],
            actions=["s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:PutObjectTagging"],
            resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
        )
    )
