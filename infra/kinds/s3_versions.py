"""S3 versions: the drills' own buckets, and what each step may do in them and in the real ones.

A step writes below `drill-` alone: in a canary's sibling, or below the prefix of the real bucket
that the configuration names. What a rehearsal restores keeps its keys, in a scratch bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from functions import naming
from infra import guard
from infra.evidence import Evidence
from infra.functions import Function, Functions
from infra.guard.buckets import CONFIGURATION_LOOKS, OBJECT_LOOKS
from infra.nag import acknowledge
from infra.permissions import Permission
from infra.schema import Configuration, S3VersionsDrill

_STEPS = "functions.s3_versions.steps"
_LARGE = 1024
"""MiB: with them comes the share of a processor that many requests at once need."""

_DEAD_DAYS = 2
"""What a dead drill leaves in a bucket of its own goes by itself, once no run can need it."""

_KEYS_ARE_OF_RUNS = "the keys of a run bear its id, which is not known before"
_KEYS_ARE_THE_SOURCES = "it reads or restores every object below the prefix, whatever its key"

_READS = ("GetObject", "GetObjectTagging", "GetObjectVersion", "GetObjectVersionTagging")
"""What a copy reads of a version, and what tells whether it is there already."""

_WRITES = ("AbortMultipartUpload", "PutObject", "PutObjectTagging")

Drills = Sequence[S3VersionsDrill]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a drill writes: a bucket, and a pattern of keys. `prefix` bounds what it may list."""

    bucket: str
    keys: str
    prefix: str = ""

    @property
    def objects(self) -> str:
        """The ARN of the objects."""
        return f"{self.bucket}/{self.keys}"


class S3Versions(Construct):
    """A function for each step of all drills of buckets; a bucket for each sibling and scratch."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        configuration: Configuration,
        functions: Functions,
        evidence: Evidence,
    ) -> None:
        super().__init__(scope, name)
        self._evidence = evidence
        self._drills = configuration.s3_versions
        self._canaries = [drill for drill in self._drills if drill.is_canary]
        self._rehearsals = [drill for drill in self._drills if not drill.is_canary]
        self._own = {
            drill.name: self._sibling(drill) if drill.is_canary else self._scratch(drill)
            for drill in self._drills
            if not drill.writes_to_source
        }
        boundary = guard.drills_of_buckets(
            self,
            "Boundary",
            written=[self._place(drill).objects for drill in self._drills],
            evidence=evidence,
        )
        steps = {
            "Plan": self._plan(),
            "Witness": self._witness(),
            "Exercise": self._exercise(),
            "Verify": self._verify("verify", "Lists what came back, divides the comparison"),
            "VerifyUnit": self._verify("verify_unit", "Compares what came back, byte for byte"),
            "Teardown": self._teardown(),
        }
        self._functions = {
            state: functions.make(function, boundary=boundary) for state, function in steps.items()
        }

    @property
    def own_buckets(self) -> dict[str, str]:
        """The name of the bucket that the stack makes for a drill, by the drill's name."""
        return {name: bucket.bucket_name for name, bucket in self._own.items()}

    def steps(self, drill: S3VersionsDrill) -> dict[str, lambda_.Function]:
        """The functions of a drill by the name of the state that calls them."""
        del drill
        return self._functions

    def _sibling(self, drill: S3VersionsDrill) -> s3.Bucket:
        """Configured as the source must be, so that what is proven of it holds for the source.

        So noncurrent versions live just as long as the drill demands. What is current expires below
        `drill-` alone, where only a dead drill can have left it.
        """
        return self._bucket(
            drill,
            "Sibling",
            [
                s3.LifecycleRule(
                    id="noncurrent",
                    expired_object_delete_marker=True,
                    noncurrent_version_expiration=Duration.days(drill.noncurrent_days_minimum),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
                s3.LifecycleRule(
                    id="dead-drills", prefix=naming.PREFIX, expiration=Duration.days(_DEAD_DAYS)
                ),
            ],
        )

    def _scratch(self, drill: S3VersionsDrill) -> s3.Bucket:
        """Everything in it is a copy: it goes soon, current or not."""
        return self._bucket(
            drill,
            "Scratch",
            [
                s3.LifecycleRule(
                    id="dead-drills",
                    expiration=Duration.days(_DEAD_DAYS),
                    noncurrent_version_expiration=Duration.days(1),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                ),
                s3.LifecycleRule(id="markers", expired_object_delete_marker=True),
            ],
        )

    def _bucket(
        self, drill: S3VersionsDrill, purpose: str, rules: list[s3.LifecycleRule]
    ) -> s3.Bucket:
        """Its name is CloudFormation's: no configuration can name a source in its place."""
        key = (
            kms.Key.from_key_arn(self, f"Key-{drill.name}", drill.kms_key)
            if drill.kms_key
            else None
        )
        bucket = s3.Bucket(
            self,
            f"{purpose}-{drill.name}",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            bucket_key_enabled=True if key else None,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            enforce_ssl=True,
            lifecycle_rules=rules,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.DESTROY,
            versioned=True,
        )
        acknowledge(
            bucket,
            "AwsSolutions-S1",
            "it holds a drill's own objects or copies, for an hour; what the drill did with them "
            "is in its report",
        )
        return bucket

    def _function(
        self,
        step: str,
        *,
        purpose: str,
        may: Sequence[Permission],
        timeout: int = 900,
        memory: int = 512,
    ) -> Function:
        return Function(
            name=f"s3-{step.replace('_', '-')}",
            purpose=purpose,
            handler=f"{_STEPS}.{step}",
            timeout=timeout,
            memory=memory,
            may=may,
        )

    def _plan(self) -> Function:
        return self._function(
            "plan",
            purpose="Checks that the bucket can be drilled, names the keys that will be",
            timeout=120,
            may=[
                self._may_look_at_buckets(),
                *_may_list_sources(self._rehearsals),
                Permission(
                    actions=["states:DescribeExecution"],
                    resources=[
                        f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}"
                        f":execution:{naming.PREFIX}*:*"
                    ],
                    because="whether the run that holds the claim still runs: any of any drill",
                ),
                self._evidence.may_use_ledger("GetItem", "PutItem"),
                *self._evidence.may_write("*/plan.json"),
            ],
        )

    def _witness(self) -> Function:
        return self._function(
            "witness",
            purpose="Writes the canary's versions, or down what the bucket holds",
            memory=_LARGE,
            may=[
                *self._may_list_places(self._canaries),
                *self._may(self._canaries, *_READS, *_WRITES, "DeleteObject"),
                *_may_list_sources(self._rehearsals),
                Permission(
                    actions=["s3:GetBucketVersioning"],
                    resources=_distinct(
                        [
                            *(self._place(drill).bucket for drill in self._canaries),
                            *(_source(drill) for drill in self._rehearsals),
                        ]
                    ),
                ),
                *_may_use_keys(self._canaries, "kms:Decrypt", "kms:GenerateDataKey"),
                *self._evidence.may_read("*/witness/*"),
                *self._evidence.may_write("*/witness/*", tagged=True),
            ],
        )

    def _exercise(self) -> Function:
        return self._function(
            "exercise",
            purpose="Brings versions back: by copies, and by removing markers",
            memory=_LARGE,
            may=[
                *self._may_list_places(self._drills),
                Permission(
                    actions=["s3:GetBucketVersioning"],
                    resources=_distinct(self._place(drill).bucket for drill in self._drills),
                ),
                *self._may(
                    self._canaries, *_READS, *_WRITES, "DeleteObject", "DeleteObjectVersion"
                ),
                *_may_list_sources(self._rehearsals),
                *_may_read_sources(self._rehearsals, *_READS),
                *self._may(self._rehearsals, *_READS, *_WRITES),
                *_may_use_keys(self._drills, "kms:Decrypt", "kms:GenerateDataKey"),
                *self._evidence.may_read("*/witness/*"),
            ],
        )

    def _verify(self, step: str, purpose: str) -> Function:
        looks = [action.removeprefix("s3:") for action in OBJECT_LOOKS]
        return self._function(
            step,
            purpose=purpose,
            memory=_LARGE,
            may=[
                self._may_look_at_buckets(),
                *self._may_list_places(self._drills),
                *self._may(self._drills, *looks),
                *_may_list_sources(self._rehearsals),
                *_may_read_sources(self._rehearsals, *looks),
                Permission(
                    actions=["cloudwatch:GetMetricStatistics"],
                    resources=["*"],
                    because="what failed to replicate is a metric, and metrics know no resources",
                ),
                *_may_use_keys(self._drills, "kms:Decrypt"),
                *self._evidence.may_read("*/witness/*"),
                *self._evidence.may_write("*/checks/*"),
            ],
        )

    def _teardown(self) -> Function:
        places = [self._place(drill) for drill in self._drills]
        retained = [drill for drill in self._drills if "default_retention" in drill.canary.accept]
        return self._function(
            "teardown",
            purpose="Deletes each version and marker that the drill made, by id",
            may=[
                *self._may_list_places(self._drills),
                Permission(
                    actions=["s3:ListBucketMultipartUploads"],
                    resources=_distinct(place.bucket for place in places),
                ),
                *self._may(
                    self._drills,
                    "AbortMultipartUpload",
                    "DeleteObject",
                    "DeleteObjectVersion",
                    "ListMultipartUploadParts",
                ),
                *self._may(
                    retained, "GetObjectRetention", "GetObjectVersion", "GetObjectVersionTagging"
                ),
                *_may_use_keys(retained, "kms:Decrypt"),
            ],
        )

    def _may_look_at_buckets(self) -> Permission:
        """How the real buckets and the drills' own are configured."""
        own = [bucket.bucket_arn for bucket in self._own.values()]
        return Permission(
            actions=list(CONFIGURATION_LOOKS),
            resources=[*_distinct(_source(drill) for drill in self._drills), *own],
        )

    def _may(self, drills: Drills, *actions: str) -> list[Permission]:
        """Actions on the objects that drills write, and on no other."""
        objects = _distinct(self._place(drill).objects for drill in drills)
        return _permissions(
            [f"s3:{action}" for action in actions], objects, because=_KEYS_ARE_OF_RUNS
        )

    def _may_list_places(self, drills: Drills) -> list[Permission]:
        """Which objects and versions are where drills write.

        S3 tells who may list a bucket that a key is absent, and anybody else that it is denied. It
        asks that of a read without a prefix: so only the listing of versions has a condition.
        """
        places = [self._place(drill) for drill in drills]
        own = _distinct(place.bucket for place in places if not place.prefix)
        shared = [place for place in places if place.prefix]
        return [
            *_permissions(["s3:ListBucket", "s3:ListBucketVersions"], own),
            *_permissions(["s3:ListBucket"], _distinct(place.bucket for place in shared)),
            *_may_list_versions((place.bucket, place.prefix) for place in shared),
        ]

    def _place(self, drill: S3VersionsDrill) -> Place:
        if drill.writes_to_source:
            prefix = f"{drill.canary.prefix}{naming.PREFIX}"
            return Place(bucket=_source(drill), keys=f"{prefix}*", prefix=prefix)
        keys = f"{naming.PREFIX}*" if drill.is_canary else "*"
        return Place(bucket=self._own[drill.name].bucket_arn, keys=keys)


def _may_list_sources(drills: Drills) -> list[Permission]:
    """Which objects and versions a rehearsal's prefix holds."""
    return _may_list_versions(((_source(drill), drill.prefix) for drill in drills), "s3:ListBucket")


def _may_list_versions(listed: Iterable[tuple[str, str]], *others: str) -> list[Permission]:
    """Listing versions in buckets, each below a prefix; one permission for each prefix."""
    by_prefix: dict[str, list[str]] = {}
    for bucket, prefix in listed:
        by_prefix.setdefault(prefix, []).append(bucket)
    return [
        permission
        for prefix, buckets in by_prefix.items()
        for permission in _permissions(
            [*others, "s3:ListBucketVersions"],
            _distinct(buckets),
            {"StringLike": {"s3:prefix": f"{prefix}*"}} if prefix else {},
        )
    ]


def _may_read_sources(drills: Drills, *actions: str) -> list[Permission]:
    objects = _distinct(f"{_source(drill)}/{drill.prefix}*" for drill in drills)
    asked = [f"s3:{action}" for action in actions]
    return _permissions(asked, objects, because=_KEYS_ARE_THE_SOURCES)


def _may_use_keys(drills: Drills, *actions: str) -> list[Permission]:
    """Through S3 alone; its own keys need no permission."""
    through = {"StringEquals": {"kms:ViaService": f"s3.{Aws.REGION}.amazonaws.com"}}
    keys = _distinct(drill.kms_key for drill in drills if drill.kms_key)
    return _permissions(list(actions), keys, through)


def _permissions(
    actions: list[str],
    resources: list[str],
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    because: str = "",
) -> list[Permission]:
    """One permission; none where there is no resource, which IAM would refuse."""
    if not resources:
        return []
    return [
        Permission(
            actions=actions, resources=resources, conditions=conditions or {}, because=because
        )
    ]


def _source(drill: S3VersionsDrill) -> str:
    return f"arn:{Aws.PARTITION}:s3:::{drill.bucket}"


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
