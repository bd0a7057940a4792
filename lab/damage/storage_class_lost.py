"""An object that came back has another storage class."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import rewrite, to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    rewrite(s3, bucket, key, StorageClass="ONEZONE_IA")


DAMAGE = Damage(
    description="an object that came back is kept in one zone only",
    check="storage_class",
    kind="s3_versions",
    arrange=to_an_object(_damage),
)
