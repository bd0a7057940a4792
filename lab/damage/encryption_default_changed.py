"""What is written to the bucket is encrypted by another key."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import Place, to_a_bucket


def _damage(s3: Any, place: Place) -> None:
    default = {"SSEAlgorithm": "aws:kms"}
    rules = [{"ApplyServerSideEncryptionByDefault": default}]
    s3.put_bucket_encryption(
        Bucket=place.source, ServerSideEncryptionConfiguration={"Rules": rules}
    )
    if place.bucket != place.source:
        s3.put_bucket_encryption(
            Bucket=place.bucket, ServerSideEncryptionConfiguration={"Rules": rules}
        )


DAMAGE = Damage(
    description="the bucket encrypts with another key than the policy says",
    check="encryption_default",
    kind="s3_versions",
    arrange=to_a_bucket(_damage),
)
