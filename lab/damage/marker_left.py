"""A delete marker lies above an object that was to come back."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    s3.delete_object(Bucket=bucket, Key=key)


DAMAGE = Damage(
    description="a delete marker was left above an object",
    check="brought_back",
    kind="s3_versions",
    only_mode="canary",
    arrange=to_an_object(_damage),
)
