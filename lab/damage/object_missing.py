"""An object did not come back."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    s3.delete_object(Bucket=bucket, Key=key)


DAMAGE = Damage(
    description="an object did not come back",
    check="keys",
    kind="s3_versions",
    only_mode="rehearsal",
    arrange=to_an_object(_damage),
)
