"""Another version than that of T is current."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    versions = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    overwritten = versions[1]["VersionId"]
    source = {"Bucket": bucket, "Key": key, "VersionId": overwritten}
    s3.copy_object(Bucket=bucket, Key=key, CopySource=source)


DAMAGE = Damage(
    description="another version than that of T was brought back",
    check="restored_version",
    kind="s3_versions",
    only_mode="canary",
    arrange=to_an_object(_damage),
)
