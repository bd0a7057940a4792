"""Where what a drill proves is kept: the evidence bucket, the run ledger, and their key."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.nag import acknowledge
from infra.permissions import Permission

MANIFEST = {"retention": "manifest"}
"""The tag of objects that hold digests of personal data: a prefix cannot name them."""

_KEYS_ARE_OF_RUNS = "the folder of a run, or of a restore, bears a name that is not known before"

_MANIFEST_DAYS = 35
"""As long as the longest retention of automated backups, and no longer."""


class Evidence(Construct):
    """The bucket and the ledger outlive the stack: a proof must not go with what made it."""

    def __init__(self, scope: Construct, name: str, *, stack: str) -> None:
        super().__init__(scope, name)
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{stack}",
            description="Evidence and notifications of the backup drills",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            bucket_key_enabled=True,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_lock_enabled=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            versioned=True,
            lifecycle_rules=_lifecycle(),
        )
        acknowledge(
            self.bucket,
            "AwsSolutions-S1",
            "an access log would need a second bucket; who read evidence is in CloudTrail's data "
            "events, which an account that must prove it switches on",
        )
        self.ledger = dynamodb.Table(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name="drill", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="item", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            deletion_protection=True,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.RETAIN,
            time_to_live_attribute="expires_epoch",
        )

    def may_read(self, *keys: str) -> list[Permission]:
        """What a role needs to read objects, and to be told that one is absent rather than hidden.

        `keys` are patterns such as */witness/*.
        """
        return [
            Permission(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn]),
            Permission(
                actions=["s3:GetObject"], resources=self._objects(keys), because=_KEYS_ARE_OF_RUNS
            ),
            self._use_key("kms:Decrypt"),
        ]

    def may_write(self, *keys: str, locked: bool = False, tagged: bool = False) -> list[Permission]:
        """What a role needs to write objects; `locked` ones cannot be deleted for a while."""
        actions = {
            "s3:PutObject": True,
            "s3:PutObjectRetention": locked,
            "s3:PutObjectTagging": tagged,
        }
        return [
            Permission(
                actions=[action for action, needed in actions.items() if needed],
                resources=self._objects(keys),
                because=_KEYS_ARE_OF_RUNS,
            ),
            self._use_key("kms:GenerateDataKey"),
        ]

    def may_use_ledger(self, *operations: str) -> Permission:
        """What a role needs for operations such as GetItem on the ledger."""
        return Permission(
            actions=[f"dynamodb:{operation}" for operation in operations],
            resources=[self.ledger.table_arn],
        )

    def _objects(self, keys: tuple[str, ...]) -> list[str]:
        return [self.bucket.arn_for_objects(key) for key in keys]

    def _use_key(self, action: str) -> Permission:
        return Permission(actions=[action], resources=[self.key.key_arn])


def _lifecycle() -> list[s3.LifecycleRule]:
    """What is locked stays: S3 removes no locked version, whatever a rule says."""
    return [
        s3.LifecycleRule(
            id="manifests",
            tag_filters=MANIFEST,
            expiration=Duration.days(_MANIFEST_DAYS - 1),
            noncurrent_version_expiration=Duration.days(1),
        ),
        s3.LifecycleRule(
            id="unfinished",
            abort_incomplete_multipart_upload_after=Duration.days(1),
            expired_object_delete_marker=True,
        ),
    ]
