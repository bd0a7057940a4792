"""Aurora: what each step may do, on which targets, in which network."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from aws_cdk import Aws
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from constructs import Construct

from functions import naming
from infra.evidence import Evidence
from infra.functions import Function, Functions, Placement
from infra.guard import BECOMES_OURS, IS_OURS, Sources
from infra.network import Network
from infra.permissions import Permission
from infra.schema import AuroraDrill, Configuration

_HANDLERS = "functions.aurora.steps"
_TAG_KEYS = [naming.MANAGED_TAG, naming.RUN_TAG, naming.EXPIRES_TAG]
_THROUGH_RDS: Mapping[str, str] = {"kms:ViaService": f"rds.{Aws.REGION}.amazonaws.com"}

_NAMED_BY_RUNS = "a run names what it makes, after itself: drill-<name>-<run>; the tag is asked too"
_NO_RESOURCE = "AWS knows no resource for this action"
_IDS_ARE_AWS_S = "AWS chooses the id of a cluster when it makes it; the role's name is ours alone"
_ANY_KEY = "the key of a source may be any of this account's, but only RDS may use it for us; "
_ANY_KEY_NARROWED = f"{_ANY_KEY}permissions.source_keys of drills.yaml names them"


class Aurora(Construct):
    """One function per step for all Aurora drills, and the parameter groups of their copies."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        configuration: Configuration,
        functions: Functions,
        evidence: Evidence,
        network: Network,
    ) -> None:
        super().__init__(scope, name)
        self._configuration = configuration
        self._evidence = evidence
        self._network = network
        self._drills = configuration.aurora
        for family in sorted({drill.engine_family for drill in self._drills}):
            self._parameter_groups(family)
        self._witnesses = {
            placement: functions.make(self._witness(placement, number))
            for number, placement in enumerate(self._placements(), start=1)
        }
        self._steps = {
            "Plan": functions.make(self._plan()),
            "Exercise": functions.make(self._exercise()),
            "Verify": functions.make(self._verify()),
            "VerifyUnit": functions.make(self._verify_unit()),
            "Teardown": functions.make(self._teardown()),
        }

    def steps(self, drill: AuroraDrill) -> dict[str, lambda_.Function]:
        """The functions of a drill by the name of the state that calls them."""
        return {**self._steps, "Witness": self._witnesses[self._placement(drill)]}

    def _plan(self) -> Function:
        return Function(
            name="aurora-plan",
            purpose="Checks that the drill can run, names everything that will exist, claims it",
            handler=f"{_HANDLERS}.plan",
            timeout=120,
            may=[
                self._may_describe_sources(),
                Permission(
                    actions=[
                        "rds:DescribeDBClusterParameterGroups",
                        "rds:DescribeDBParameterGroups",
                        "rds:DescribeDBSubnetGroups",
                    ],
                    resources=self._made_for_copies(),
                ),
                Permission(
                    actions=["rds:DescribeAccountAttributes"],
                    resources=["*"],
                    because=_NO_RESOURCE,
                ),
                Permission(
                    actions=["kms:DescribeKey"],
                    resources=self._source_keys(),
                    because="only shows whether a key can be used; of which key the source tells",
                ),
                Permission(
                    actions=["states:DescribeExecution"],
                    resources=[_arn("states", f"execution:{naming.PREFIX}*:*")],
                    because="whether the run that holds the claim still runs: any of any drill",
                ),
                self._evidence.may_use_ledger("GetItem", "PutItem"),
                *self._evidence.may_write("*/plan.json"),
            ],
        )

    def _witness(self, placement: Placement | None, number: int) -> Function:
        return Function(
            name=f"aurora-witness-{number}",
            purpose="Writes down what is true now on the source, and fixes the restore point",
            handler=f"{_HANDLERS}.witness",
            timeout=900,
            memory=1024,
            placement=placement,
            may=[
                *([self._may_log_in()] if placement else []),
                *self._evidence.may_read("*/witness/*"),
                *self._evidence.may_write("*/witness/*", tagged=True),
            ],
        )

    def _exercise(self) -> Function:
        return Function(
            name="aurora-exercise",
            purpose="Restores the cluster to the restore point and adds an instance",
            handler=f"{_HANDLERS}.exercise",
            timeout=120,
            may=[
                self._may_describe_sources(),
                self._may_describe_copies(),
                Permission(
                    actions=["rds:RestoreDBClusterToPointInTime"],
                    resources=[*self._sources(), *self._made_for_copies(), _rds("og", "*")],
                    because="Aurora's restore asks about the default option group of the engine",
                ),
                Permission(
                    actions=["rds:RestoreDBClusterToPointInTime"],
                    resources=[_rds("cluster", f"{naming.PREFIX}*")],
                    conditions={"StringEquals": BECOMES_OURS},
                    because=_NAMED_BY_RUNS,
                ),
                Permission(
                    actions=["rds:CreateDBInstance"],
                    resources=self._copies(),
                    conditions={
                        "StringEquals": BECOMES_OURS,
                        "BoolIfExists": {"rds:PubliclyAccessible": "false"},
                    },
                    because=_NAMED_BY_RUNS,
                ),
                Permission(
                    actions=["rds:CreateDBInstance"],
                    resources=[*self._made_for_copies(), _rds("og", "*")],
                    because="creating an instance asks about the default option group",
                ),
                Permission(
                    actions=["rds:AddTagsToResource"],
                    resources=self._copies(),
                    conditions={
                        "StringEquals": BECOMES_OURS,
                        "ForAllValues:StringEquals": {"aws:TagKeys": _TAG_KEYS},
                    },
                    because=_NAMED_BY_RUNS,
                ),
                Permission(
                    actions=["kms:DescribeKey"],
                    resources=self._source_keys(),
                    conditions={"StringEquals": _THROUGH_RDS},
                    because=_ANY_KEY_NARROWED,
                ),
                Permission(
                    actions=["kms:CreateGrant"],
                    resources=self._source_keys(),
                    conditions={
                        "StringEquals": _THROUGH_RDS,
                        "Bool": {"kms:GrantIsForAWSResource": "true"},
                    },
                    because=_ANY_KEY_NARROWED,
                ),
            ],
        )

    def _verify(self) -> Function:
        return Function(
            name="aurora-verify",
            purpose="Opens the copy, proves that it is the one asked for, divides the work",
            handler=f"{_HANDLERS}.verify",
            timeout=300,
            memory=1024,
            placement=self._network.verifier,
            may=[
                self._may_log_in(),
                *self._evidence.may_read("*/witness/*"),
                *self._evidence.may_write("*/checks/*"),
            ],
        )

    def _verify_unit(self) -> Function:
        return Function(
            name="aurora-verify-unit",
            purpose="Compares one unit of what came back with the witness",
            handler=f"{_HANDLERS}.verify_unit",
            timeout=900,
            memory=1024,
            placement=self._network.verifier,
            may=[
                self._may_log_in(),
                *self._evidence.may_read("*/witness/*", "*/checks/*", "*/parts/*"),
                *self._evidence.may_write("*/checks/*"),
                *self._evidence.may_write("*/parts/*", tagged=True),
            ],
        )

    def _teardown(self) -> Function:
        return Function(
            name="aurora-teardown",
            purpose="Removes everything the plan named, and proves that it is gone",
            handler=f"{_HANDLERS}.teardown",
            timeout=120,
            may=[self._may_describe_copies(), *may_delete_copies(), *_may_delete_backups()],
        )

    def _may_describe_sources(self) -> Permission:
        return Permission(actions=["rds:DescribeDBClusters"], resources=self._sources())

    def _may_describe_copies(self) -> Permission:
        return Permission(
            actions=["rds:DescribeDBClusters", "rds:DescribeDBInstances"],
            resources=self._copies(),
            because=_NAMED_BY_RUNS,
        )

    def _may_log_in(self) -> Permission:
        users = sorted({drill.roles.verifier for drill in self._drills})
        return Permission(
            actions=["rds-db:connect"],
            resources=[_arn("rds-db", f"dbuser:cluster-*/{user}") for user in users],
            because=_IDS_ARE_AWS_S,
        )

    def _placements(self) -> list[Placement | None]:
        """Where the witness must run, each once, in the order of the drills."""
        return list(dict.fromkeys(self._placement(drill) for drill in self._drills))

    def _placement(self, drill: AuroraDrill) -> Placement | None:
        if drill.witness.network is None:
            return None
        network = self._configuration.network(drill.witness.network)
        return Placement(subnets=network.subnets, security_group=network.security_group)

    def _sources(self) -> list[str]:
        return [_rds("cluster", cluster) for cluster in clusters(self._configuration)]

    def _source_keys(self) -> list[str]:
        keys = self._configuration.deployment.permissions.source_keys
        return list(keys) or [_arn("kms", "key/*")]

    def _copies(self) -> list[str]:
        return [_rds(kind, f"{naming.PREFIX}*") for kind in ("cluster", "db")]

    def _made_for_copies(self) -> list[str]:
        groups = sorted({drill.parameter_group for drill in self._drills})
        return [
            *chain.from_iterable((_rds("cluster-pg", g), _rds("pg", g)) for g in groups),
            _rds("subgrp", self._network.subnet_group),
        ]

    def _parameter_groups(self, family: str) -> None:
        """Nothing that the source runs by itself (jobs, subscriptions) may run in the copy."""
        name = f"{naming.PREFIX}{family}"
        rds.CfnDBClusterParameterGroup(
            self,
            f"{family}-cluster",
            db_cluster_parameter_group_name=name,
            description="Restored copies: TLS only, no scheduled jobs, no logical replication",
            family=family,
            parameters={
                "max_logical_replication_workers": "0",
                "rds.force_ssl": "1",
                "rds.logical_replication": "0",
                "shared_preload_libraries": "pg_stat_statements",
            },
        )
        rds.CfnDBParameterGroup(
            self,
            f"{family}-instance",
            db_parameter_group_name=name,
            description="Instances of restored copies",
            family=family,
        )


def clusters(configuration: Configuration) -> list[str]:
    """The clusters that are drilled, each once."""
    return sorted({drill.cluster for drill in configuration.aurora})


def may_delete_copies() -> list[Permission]:
    """Deleting what drills made: by prefix and by tag."""
    return [
        Permission(
            actions=["rds:DeleteDBCluster"],
            resources=[_rds("cluster", f"{naming.PREFIX}*")],
            conditions={"StringEquals": IS_OURS},
            because=_NAMED_BY_RUNS,
        ),
        Permission(
            actions=["rds:DeleteDBInstance"],
            resources=[_rds("db", f"{naming.PREFIX}*")],
            conditions={"StringEquals": IS_OURS},
            because=_NAMED_BY_RUNS,
        ),
    ]


def _may_delete_backups() -> list[Permission]:
    """Deleting what outlives a copy: by tag alone, for AWS chooses the name."""
    return [
        Permission(
            actions=["rds:DescribeDBClusterAutomatedBackups"],
            resources=["*"],
            because="it is asked by the id of a cluster that is gone",
        ),
        Permission(
            actions=["rds:DeleteDBClusterAutomatedBackup"],
            resources=[_rds("cluster-auto-backup", "*")],
            conditions={"StringEquals": IS_OURS},
            because="AWS chooses the name of a retained backup: the tag alone says whose it is",
        ),
    ]


def sources(configuration: Configuration, subnet_group: str) -> Sources:
    """What the boundary protects, and the little that the Aurora drills do to it."""
    drills = f"{naming.PREFIX}*"
    return Sources(
        protected=[_anywhere("cluster", cluster) for cluster in clusters(configuration)],
        readable=["rds:Describe*", "rds:RestoreDBClusterToPointInTime"],
        ours=[_anywhere("cluster", drills), _anywhere("db", drills)],
        ours_by_tag=[_anywhere("cluster-auto-backup", "*")],
        around=[
            _anywhere("cluster-pg", drills),
            _anywhere("og", "*"),
            _anywhere("pg", drills),
            _anywhere("subgrp", subnet_group),
        ],
        ceiling=[
            "rds-db:connect",
            "rds:AddTagsToResource",
            "rds:CreateDBInstance",
            "rds:DeleteDBCluster",
            "rds:DeleteDBClusterAutomatedBackup",
            "rds:DeleteDBInstance",
            "rds:DescribeAccountAttributes",
            "rds:DescribeDBClusterAutomatedBackups",
            "rds:DescribeDBClusterParameterGroups",
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "rds:DescribeDBParameterGroups",
            "rds:DescribeDBSubnetGroups",
            "rds:RestoreDBClusterToPointInTime",
        ],
    )


def _rds(kind: str, name: str) -> str:
    return _arn("rds", f"{kind}:{name}")


def _arn(service: str, resource: str) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"


def _anywhere(kind: str, name: str) -> str:
    """In every region and account: a Deny may reach further than an Allow."""
    return f"arn:{Aws.PARTITION}:rds:*:*:{kind}:{name}"
