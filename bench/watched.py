"""A deployment with so many clusters, buckets, secrets and drills, as the emulator's records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from functions.settings import Settings
from functions.watch.watched import Drill, Source, Watched
from lab import aws
from lab.emulator import Emulator
from lab.rds import Rds
from lab.rds_records import ServedCluster, ServedInstance, default_group
from lab.rds_snapshots import take_automated
from lab.seed import bucket as sample_bucket

_GROUP: Final = "drill-bench"
_FAMILY: Final = "aurora-postgresql15"
_VERSION: Final = "15.8"
_CRON, _ZONE = "0 5 ? * 2#1 *", "America/Sao_Paulo"

SETTINGS: Final = Settings(
    evidence_bucket="evidence-of-the-bench",
    ledger_table="ledger",
    topic_arn=f"arn:aws:sns:{aws.REGION}:{aws.ACCOUNT}:reports",
    subnet_group=_GROUP,
    security_group="sg-0",
    schedule_group=_GROUP,
)

_WANTED: Final[dict[str, dict[str, Any]]] = {
    "aurora": {
        "restorable_lag_maximum_seconds": 900,
        "snapshot_age_maximum_seconds": 93_600,
        "retention_days_minimum": 7,
        "require_encryption": True,
        "instance_classes": ["db.serverless"],
        "parameter_groups": [f"drill-{_FAMILY}"],
    },
    "s3_versions": {
        "kept": [{"prefix": "", "days": 30}],
        "encryption": [{"type": "any", "kms_key": ""}],
        "public_access_block": True,
        "replication": "if_replicated",
    },
    "secret_rotation": {"functions": ["rotate"], "rotation_days_maximum": 30},
}


@contextmanager
def deployments(folder: Path) -> Iterator[Deployments]:
    """An emulated AWS with the real server that all clusters share; ended in the end."""
    emulator = Emulator(folder=folder)
    emulator.start()
    rds = Rds(folder=folder, authorise=lambda *_: True)
    try:
        rds.install()
        yield Deployments(emulator, rds)
    finally:
        rds.stop()
        emulator.stop()


class Deployments:
    """Grows, and says what is to be watched."""

    def __init__(self, emulator: Emulator, rds: Rds) -> None:
        self.emulator = emulator
        self.rds = rds
        self._made = 0
        self._first = rds.create_source(
            _name("aurora", 0),
            database="postgres",
            administrator="postgres",
            load=lambda _: None,
            engine_version=_VERSION,
        )
        rds.quotas.update(DBClusters=1000, DBInstances=1000)
        rds.create_subnet_group(_GROUP)
        group = f"drill-{_FAMILY}"
        rds.create_parameter_groups(cluster=group, instance=group, family=_FAMILY)
        self._make_what_is_shared()

    def watched(self, count: int) -> Watched:
        """So many sources of each kind, each with a drill."""
        while self._made < count:
            self._make(self._made)
            self._made += 1
        named = [(kind, _name(kind, number)) for number in range(count) for kind in _WANTED]
        return Watched(
            stack="bench",
            schedule_group=_GROUP,
            sources=tuple(Source(kind=k, name=name, wanted=_WANTED[k]) for k, name in named),
            drills=tuple(_drill(kind, name) for kind, name in named),
        )

    def _make(self, number: int) -> None:
        if number:
            self._twin(_name("aurora", number))
        sample_bucket.configure(self.emulator.client("s3"), _name("s3_versions", number))
        self._secret(_name("secret_rotation", number))
        scheduler = self.emulator.client("scheduler")
        for kind in _WANTED:
            scheduler.create_schedule(
                Name=f"drill-of-{_name(kind, number)}",
                GroupName=_GROUP,
                FlexibleTimeWindow={"Mode": "OFF"},
                ScheduleExpression=f"cron({_CRON})",
                ScheduleExpressionTimezone=_ZONE,
                Target={"Arn": _arn("states", "stateMachine:x"), "RoleArn": _arn("iam", "role/x")},
            )

    def _twin(self, name: str) -> None:
        """One more cluster, as records: the server behind it is the first one's."""
        first = self._first
        cluster = ServedCluster(
            self.rds.backend,
            front=first.front,
            db_cluster_identifier=name,
            database_name="postgres",
            master_username="postgres",
            engine_version=_VERSION,
            backup_retention_period=7,
            storage_encrypted=True,
            storage_type="aurora",
            kms_key_id=first.kms_key_id,
            deletion_protection=True,
            enable_iam_database_authentication=True,
            copy_tags_to_snapshot=True,
            db_cluster_parameter_group_name=default_group(_VERSION),
            vpc_security_group_ids=["sg-0"],
            tags=[],
        )
        self.rds.backend.clusters[name] = cluster
        instance = ServedInstance(
            self.rds.backend,
            cluster=cluster,
            db_instance_identifier=f"{name}-1",
            db_instance_class="db.r6g.large",
        )
        self.rds.backend.databases[instance.identifier] = instance
        cluster.server = first.server
        cluster.status = instance.status = "available"
        take_automated(self.rds, name)

    def _secret(self, name: str) -> None:
        """One whose rotation is switched on; the function does nothing, and takes no time."""
        secrets = self.emulator.client("secretsmanager")
        arn = secrets.create_secret(Name=name, SecretString="{}")["ARN"]
        secrets.rotate_secret(
            SecretId=arn,
            RotationLambdaARN=_arn("lambda", "function:rotate"),
            RotationRules={"AutomaticallyAfterDays": 30},
            RotateImmediately=False,
        )

    def _make_what_is_shared(self) -> None:
        s3 = self.emulator.client("s3")
        s3.create_bucket(
            Bucket=SETTINGS.evidence_bucket,
            CreateBucketConfiguration={"LocationConstraint": aws.REGION},
        )
        s3.put_bucket_versioning(
            Bucket=SETTINGS.evidence_bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        self.emulator.client("dynamodb").create_table(
            TableName=SETTINGS.ledger_table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "drill", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "drill", "AttributeType": "S"},
                {"AttributeName": "item", "AttributeType": "S"},
            ],
        )
        self.emulator.client("scheduler").create_schedule_group(Name=_GROUP)
        self.emulator.describe_function = _rotation_function
        self.emulator.allow_invoke("rotate", "secretsmanager.amazonaws.com")
        self.emulator.invoke = lambda _name, _payload: aws.Invocation(json.dumps(None).encode())


def _drill(kind: str, source: str) -> Drill:
    name = f"of-{source}"
    return Drill(
        name=name,
        kind=kind,
        source=source,
        severity="medium",
        cron=_CRON,
        timezone=_ZONE,
        enabled=True,
        grace_seconds=43_200,
        machine=f"drill-{name}",
        schedule=f"drill-{name}",
        at="latest" if kind == "aurora" else "",
        retention_days=7 if kind == "aurora" else 0,
    )


def _name(kind: str, number: int) -> str:
    return f"{kind.replace('_', '-')}-{number}"


def _rotation_function(name: str) -> dict[str, Any]:
    return {
        "FunctionName": name,
        "FunctionArn": _arn("lambda", f"function:{name}"),
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "Runtime": "python3.13",
        "Timeout": 30,
        "Environment": {"Variables": {}},
        "LoggingConfig": {"LogGroup": f"/aws/lambda/{name}"},
    }


def _arn(service: str, resource: str) -> str:
    region = "" if service == "iam" else aws.REGION
    return f"arn:aws:{service}:{region}:{aws.ACCOUNT}:{resource}"
