"""Somebody lifts the block of public access."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import Place, to_a_bucket


def _damage(s3: Any, place: Place) -> None:
    s3.delete_public_access_block(Bucket=place.source)


DAMAGE = Damage(
    description="the public access block of the bucket is gone",
    check="public_access",
    kind="s3_versions",
    arrange=to_a_bucket(_damage, at="drill-s3-plan"),
)
