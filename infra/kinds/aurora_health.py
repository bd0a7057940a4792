"""Aurora between the drills: what is watched of a cluster, and what the collector may look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aws_cdk import Aws

from functions.watch.watched import Source
from infra.kinds.aurora import clusters
from infra.permissions import Permission
from infra.schema import AuroraDrill, Configuration, Watching

_LISTS: Final = (
    "cloudwatch:GetMetricData",
    "ec2:DescribeSubnets",
    "rds:DescribeAccountAttributes",
    "rds:DescribeDBClusterSnapshots",
    "rds:DescribeDBClusters",
    "rds:DescribeDBEngineVersions",
    "rds:DescribeEvents",
    "rds:DescribeOrderableDBInstanceOptions",
)
_GROUPS: Final = (
    "rds:DescribeDBClusterParameterGroups",
    "rds:DescribeDBParameterGroups",
    "rds:DescribeDBSubnetGroups",
)
_KEYS: Final = ("kms:DescribeKey",)

LOOKS: Final = (*_KEYS, *_LISTS, *_GROUPS)
"""All that the collector does to look at clusters: it reads."""


def sources(configuration: Configuration) -> list[Source]:
    """Each cluster once, with the strictest of what its drills want of it."""
    return [
        Source(
            kind="aurora",
            name=cluster,
            wanted=_wanted(
                [drill for drill in configuration.aurora if drill.cluster == cluster],
                configuration.watch,
            ),
        )
        for cluster in clusters(configuration)
    ]


def may_look(configuration: Configuration, subnet_group: str) -> list[Permission]:
    """What the collector may read: lists of all there is, and what restores are made of."""
    groups = sorted({drill.parameter_group for drill in configuration.aurora})
    if not groups:
        return []
    return [
        Permission(
            actions=_LISTS,
            resources=["*"],
            because="AWS knows no resource for these, or one list of all clusters takes one call",
        ),
        Permission(
            actions=_GROUPS,
            resources=[
                *(_arn("rds", f"{of}:{group}") for group in groups for of in ("cluster-pg", "pg")),
                _arn("rds", f"subgrp:{subnet_group}"),
            ],
        ),
        Permission(
            actions=_KEYS,
            resources=list(configuration.deployment.permissions.source_keys)
            or [_arn("kms", "key/*")],
            because="only shows whether a key can be used; of which key the cluster tells",
        ),
    ]


def _wanted(drills: Sequence[AuroraDrill], watch: Watching) -> dict[str, Any]:
    return {
        "restorable_lag_maximum_seconds": watch.restorable_lag,
        "snapshot_age_maximum_seconds": watch.snapshot_age,
        "retention_days_minimum": max(drill.retention_days_minimum for drill in drills),
        "require_encryption": any(drill.require_encryption for drill in drills),
        "instance_classes": sorted({drill.instance_class for drill in drills}),
        "parameter_groups": sorted({drill.parameter_group for drill in drills}),
    }


def _arn(service: str, resource: str) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"
