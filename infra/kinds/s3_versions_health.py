"""The buckets that are watched between drills: what is wanted of each, and how it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws

from functions.watch.watched import Source
from infra.guard.buckets import CONFIGURATION_LOOKS
from infra.permissions import Permission
from infra.schema import Configuration, S3VersionsDrill

_FAILURES = "cloudwatch:GetMetricStatistics"
_KEY = "kms:DescribeKey"
_WEAKEST_FIRST = ("ignored", "if_replicated", "required")

_ANY_KEY = f"arn:{Aws.PARTITION}:kms:{Aws.REGION}:{Aws.ACCOUNT_ID}:key/*"

LOOKS: tuple[str, ...] = (*CONFIGURATION_LOOKS, _FAILURES, _KEY)
"""All that the collector calls to look at buckets."""


def sources(configuration: Configuration) -> list[Source]:
    """Each bucket once, with the strictest wishes of its drills."""
    drills: dict[str, list[S3VersionsDrill]] = {}
    for drill in configuration.s3_versions:
        drills.setdefault(drill.bucket, []).append(drill)
    return [
        Source(kind="s3_versions", name=bucket, wanted=_wanted(its))
        for bucket, its in drills.items()
    ]


def _wanted(drills: Sequence[S3VersionsDrill]) -> dict[str, Any]:
    """What functions/s3_versions/health.py judges by. Drills may ask of each prefix its own.

    `if_replicated` is content where there is no rule: one look cannot know that there was one. Only
    `required` finds that a replication is gone.
    """
    kept: dict[str, int] = {}
    for drill in drills:
        kept[drill.prefix] = max(drill.noncurrent_days_minimum, kept.get(drill.prefix, 0))
    encryption = dict.fromkeys((drill.encryption.type, drill.kms_key) for drill in drills)
    return {
        "kept": [{"prefix": prefix, "days": days} for prefix, days in kept.items()],
        "encryption": [{"type": kind, "kms_key": key} for kind, key in encryption],
        "public_access_block": any(drill.require_public_access_block for drill in drills),
        "replication": max((drill.replication for drill in drills), key=_WEAKEST_FIRST.index),
    }


def may_look(configuration: Configuration) -> list[Permission]:
    """How the buckets are configured, whether replication failed, whether their keys are there."""
    drills = configuration.s3_versions
    if not drills:
        return []
    buckets = dict.fromkeys(f"arn:{Aws.PARTITION}:s3:::{drill.bucket}" for drill in drills)
    named = [drill.kms_key for drill in drills if drill.kms_key]
    own = configuration.deployment.permissions.source_keys or (_ANY_KEY,)
    return [
        Permission(actions=list(CONFIGURATION_LOOKS), resources=list(buckets)),
        Permission(
            actions=[_KEY],
            resources=list(dict.fromkeys([*named, *own])),
            because="only shows whether a key can be used; of its own key the bucket tells",
        ),
        Permission(
            actions=[_FAILURES],
            resources=["*"],
            because="what failed to replicate is a metric, and metrics know no resources",
        ),
    ]
