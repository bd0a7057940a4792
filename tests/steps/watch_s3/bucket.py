"""A bucket in order, every way to damage it, and what the look at it finds."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.health import Health
from functions.s3_versions.examine import examine
from functions.watch.watched import Source
from lab import aws
from lab.calls import Call, Denied, Refusal
from lab.emulator import Emulator

WANTED: dict[str, Any] = {
    "kept": [{"prefix": "", "days": 30}],
    "encryption": [{"type": "s3", "kms_key": ""}],
    "public_access_block": True,
    "replication": "if_replicated",
}
BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
ABORT = {
    "ID": "uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}


def expiry(days: int) -> dict[str, Any]:
    """A lifecycle rule that ends noncurrent versions after so many days."""
    return {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": days},
    }


def look(*sources: Source) -> list[Health]:
    """What is found of them now."""
    return [found for _, found in examine(sources, now=datetime.now(UTC))]


class Bucket:
    """A bucket of one test."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.s3 = emulator.client("s3")
        self.s3.create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": aws.REGION}
        )
        self.version("Enabled")
        self.encrypt("AES256")
        self.block(BLOCK)
        self.expire(expiry(30), ABORT)

    def source(self, **wanted: Any) -> Source:
        return Source(kind="s3_versions", name=self.name, wanted=WANTED | wanted)

    def health(self, **wanted: Any) -> Health:
        [found] = look(self.source(**wanted))
        return found

    def conditions(self, **wanted: Any) -> list[str]:
        return [finding.condition for finding in self.health(**wanted).findings]

    def version(self, status: str) -> None:
        self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def encrypt(self, algorithm: str, key: str = "") -> None:
        default = {"SSEAlgorithm": algorithm, **({"KMSMasterKeyID": key} if key else {})}
        self.s3.put_bucket_encryption(
            Bucket=self.name,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
            },
        )

    def block(self, block: dict[str, bool]) -> None:
        self.s3.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=block)

    def expire(self, *rules: dict[str, Any]) -> None:
        self.s3.put_bucket_lifecycle_configuration(
            Bucket=self.name, LifecycleConfiguration={"Rules": list(rules)}
        )

    def let_everybody_in(self) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.name}/*",
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps(policy))

    def replicate(self, *, metrics: str = "Enabled") -> str:
        """Into a bucket of its own, by a rule that has metrics or not; that bucket's name."""
        target = Bucket(self.emulator).name
        self.s3.put_bucket_replication(
            Bucket=self.name,
            ReplicationConfiguration={
                "Role": f"arn:aws:iam::{aws.ACCOUNT}:role/replicates",
                "Rules": [
                    {
                        "ID": "to-west",
                        "Status": "Enabled",
                        "Priority": 1,
                        "Filter": {"Prefix": ""},
                        "DeleteMarkerReplication": {"Status": "Disabled"},
                        "Destination": {
                            "Bucket": f"arn:aws:s3:::{target}",
                            "Metrics": {"Status": metrics},
                        },
                    }
                ],
            },
        )
        return target

    def publish(self, target: str, value: float, *, ago: timedelta = timedelta(hours=1)) -> None:
        """A value of the metric, as S3 publishes it of a rule."""
        dimensions = {"SourceBucket": self.name, "DestinationBucket": target, "RuleId": "to-west"}
        self.emulator.client("cloudwatch").put_metric_data(
            Namespace="AWS/S3",
            MetricData=[
                {
                    "MetricName": "OperationsFailedReplication",
                    "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()],
                    "Timestamp": datetime.now(UTC) - ago,
                    "Value": value,
                }
            ],
        )

    def deny(self, *operations: str, code: str = "") -> None:
        """Nobody gets an answer to these operations on this bucket any more."""

        def refuse(call: Call) -> Refusal | None:
            of_it = call.parameters.get("Bucket", self.name) == self.name
            if call.operation not in operations or not of_it:
                return None
            return Refusal(code, "as asked") if code else Denied(call.operation, self.name)

        self.emulator.before_call.append(refuse)
