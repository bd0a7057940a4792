"""An older version of an object is not kept."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    s3.delete_object(Bucket=bucket, Key=key, VersionId=versions[1]["VersionId"])


DAMAGE = Damage(
    description="a version that was overwritten is not kept",
    check="versions",
    kind="s3_versions",
    only_mode="canary",
    arrange=to_an_object(_damage),
)
