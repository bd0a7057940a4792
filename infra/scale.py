"""Beyond one machine: a state machine that restores a whole bucket, shard by shard.

It is made for the buckets of `restore_buckets` alone, and starts when somebody starts it: there is
no schedule. docs/scale.md has the arithmetic.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from functions import naming
from infra import guard
from infra.evidence import Evidence
from infra.functions import Function, Functions
from infra.guard.buckets import CONFIGURATION_LOOKS
from infra.machine import limit, machine, seconds
from infra.permissions import Permission
from infra.schema import RestoreBucket

RESTORE = Path(__file__).parent / "restore.asl.json"

_HANDLERS = "functions.s3_versions.shard"
_FOLDERS = "restores/*"
_LONGEST_NAME = 80
_DIGITS = 8

_ANY_KEY = "it restores every object of the bucket, whatever its key"
_ITS_OWN_RUNS = "the executions of its own Map, which have names that Step Functions gives them"

_READS = (
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionTagging",
)
_WRITES = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject", "s3:PutObjectTagging")
_UNDELETE = "s3:DeleteObjectVersion"
_THAW = "s3:RestoreObject"


class Restores(Construct):
    """A machine for each bucket that may be restored whole; three functions for all of them."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        restores: Sequence[RestoreBucket],
        functions: Functions,
        evidence: Evidence,
        log_days: int,
    ) -> None:
        super().__init__(scope, name)
        self._restores = restores
        self._evidence = evidence
        self._boundary = guard.restores_of_buckets(
            self,
            "Boundary",
            written=self._objects(restores, written=True),
            undeleted=self._objects(self._undeleting, written=True),
            thawed=self._objects(restores),
            evidence=evidence,
        )
        iam.PermissionsBoundary.of(self).apply(self._boundary)
        steps = {
            step: functions.make(function, boundary=self._boundary)
            for step, function in {
                "Plan": self._plan(),
                "Shard": self._shard(),
                "Collect": self._collect(),
            }.items()
        }
        for restore in restores:
            self._machine(restore, steps, log_days)

    @property
    def _undeleting(self) -> list[RestoreBucket]:
        return [restore for restore in self._restores if restore.undelete]

    def _machine(
        self, restore: RestoreBucket, steps: Mapping[str, lambda_.Function], log_days: int
    ) -> None:
        scope, name = Construct(self, restore.bucket), machine_name(restore.bucket)
        timeouts = {step: seconds(function) for step, function in steps.items()}
        machine(
            scope,
            name=name,
            comment=f"Restores {restore.bucket} into {restore.target}; a dry run first",
            purpose=f"Restores {restore.bucket} shard by shard",
            definition=definition(restore=restore, timeouts=timeouts),
            functions=steps,
            log_days=log_days,
            may=[
                *_may_fan_out(name),
                *self._evidence.may_read("restores/*/shards.json"),
                *self._may_write_results(),
            ],
            substitutions={"Partition": Aws.PARTITION},
        )

    def _may_write_results(self) -> list[Permission]:
        """Step Functions writes what the shards answered, in parts where it is much."""
        return [
            *self._evidence.may_write(_FOLDERS),
            Permission(
                actions=["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
                resources=[self._evidence.bucket.arn_for_objects(_FOLDERS)],
                because="the folder of a restore bears the name of its execution",
            ),
        ]

    def _plan(self) -> Function:
        return Function(
            name="restore-plan",
            purpose="Checks that the bucket can be restored, divides its keys into shards",
            handler=f"{_HANDLERS}.plan_handler",
            timeout=900,
            may=[
                Permission(
                    actions=[*CONFIGURATION_LOOKS, "s3:ListBucket", "s3:ListBucketVersions"],
                    resources=self._buckets(),
                ),
                *self._evidence.may_write("restores/*/shards.json"),
            ],
        )

    def _shard(self) -> Function:
        return Function(
            name="restore-shard",
            purpose="Plans a range of keys, does what was planned for it, or verifies it",
            handler=f"{_HANDLERS}.shard_handler",
            timeout=900,
            memory=1024,
            may=[
                Permission(
                    actions=["s3:ListBucket", "s3:ListBucketVersions"], resources=self._buckets()
                ),
                Permission(
                    actions=["s3:GetBucketVersioning", "s3:ListBucketMultipartUploads"],
                    resources=self._targets(),
                ),
                _on_objects([*_READS, _THAW], self._objects(self._restores)),
                _on_objects([*_READS, *_WRITES], self._objects(self._restores, written=True)),
                *(
                    [_on_objects([_UNDELETE], self._objects(self._undeleting, written=True))]
                    if self._undeleting
                    else []
                ),
                *_may_use_keys(self._restores),
                *self._evidence.may_read(_FOLDERS),
                *self._evidence.may_write(_FOLDERS, tagged=True),
            ],
        )

    def _collect(self) -> Function:
        return Function(
            name="restore-collect",
            purpose="Sums up what the shards planned, did, or found",
            handler=f"{_HANDLERS}.collect_handler",
            timeout=900,
            may=[
                *self._evidence.may_read(_FOLDERS),
                *self._evidence.may_write(_FOLDERS, tagged=True),
            ],
        )

    def _buckets(self) -> list[str]:
        named = (bucket for each in self._restores for bucket in (each.bucket, each.target))
        return [_arn(bucket) for bucket in dict.fromkeys(named)]

    def _targets(self) -> list[str]:
        return [_arn(each.target) for each in self._restores]

    def _objects(self, restores: Sequence[RestoreBucket], *, written: bool = False) -> list[str]:
        """The objects that are read, or those that are `written`."""
        named = (each.target if written else each.bucket for each in restores)
        return [f"{_arn(bucket)}/*" for bucket in dict.fromkeys(named)]


def definition(*, restore: RestoreBucket, timeouts: Mapping[str, int]) -> str:
    """The machine's definition: the bucket in its place, and every task's time limit.

    `timeouts` are the functions' own, in seconds. Raises KeyError for a task whose function is not
    among them.
    """
    machine = json.loads(RESTORE.read_text(encoding="utf-8"))
    machine["States"]["Restore"]["Parameters"]["restore"] = document(restore)
    limit(machine["States"], timeouts)
    return json.dumps(machine, separators=(",", ":"), ensure_ascii=False)


def document(restore: RestoreBucket) -> dict[str, Any]:
    """What is restored, as the machine carries it: from `bucket` into `target`."""
    return {
        "bucket": restore.bucket,
        "target": restore.target,
        "in_place": restore.in_place,
        "undelete": restore.undelete,
        "kms_key": restore.kms_key or "",
    }


def machine_name(bucket: str) -> str:
    """The name of the machine of a bucket: a machine that logs may have no dots in it.

    >>> machine_name("company-files")
    'drill-restore-company-files'
    >>> machine_name("files.company.example")
    'drill-restore-files-company-example-f568fd4d'
    """
    name = f"{naming.PREFIX}restore-{bucket}"
    if "." not in bucket and len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(bucket.encode()).hexdigest()[:_DIGITS]
    return f"{name.replace('.', '-')[: _LONGEST_NAME - _DIGITS - 1]}-{digest}"


def _may_fan_out(machine: str) -> list[Permission]:
    """A Distributed Map is executions of its own machine (Step Functions' guide, its policies)."""
    states = f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}"
    return [
        Permission(
            actions=["states:StartExecution"], resources=[f"{states}:stateMachine:{machine}"]
        ),
        Permission(
            actions=["states:DescribeExecution", "states:StopExecution"],
            resources=[f"{states}:execution:{machine}:*", f"{states}:execution:{machine}/*"],
            because=_ITS_OWN_RUNS,
        ),
        Permission(
            actions=["states:RedriveExecution"],
            resources=[f"{states}:execution:{machine}/*"],
            because=_ITS_OWN_RUNS,
        ),
    ]


def _may_use_keys(restores: Sequence[RestoreBucket]) -> list[Permission]:
    keys = list(dict.fromkeys(each.kms_key for each in restores if each.kms_key))
    if not keys:
        return []
    through = {"kms:ViaService": f"s3.{Aws.REGION}.amazonaws.com"}
    return [
        Permission(
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=keys,
            conditions={"StringEquals": through},
        )
    ]


def _on_objects(actions: list[str], objects: list[str]) -> Permission:
    return Permission(actions=actions, resources=objects, because=_ANY_KEY)


def _arn(bucket: str) -> str:
    return f"arn:{Aws.PARTITION}:s3:::{bucket}"
