"""An object that came back is encrypted otherwise."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import rewrite, to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    rewrite(s3, bucket, key, ServerSideEncryption="aws:kms")


DAMAGE = Damage(
    description="an object that came back is encrypted with another key",
    check="encryption",
    kind="s3_versions",
    only_mode="canary",
    arrange=to_an_object(_damage),
)
