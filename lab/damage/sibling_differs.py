"""The sibling encrypts otherwise than the bucket that it stands for."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import Place, to_a_bucket


def _damage(s3: Any, place: Place) -> None:
    if place.bucket != place.source:
        rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        s3.put_bucket_encryption(
            Bucket=place.bucket, ServerSideEncryptionConfiguration={"Rules": rules}
        )


DAMAGE = Damage(
    description="the sibling encrypts otherwise than the bucket that it stands for",
    check="same_configuration",
    kind="s3_versions",
    only_mode="canary",
    arrange=to_a_bucket(_damage, at="drill-s3-plan"),
)
