"""Somebody suspends versioning while the drill runs."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import Place, to_a_bucket


def _damage(s3: Any, place: Place) -> None:
    s3.put_bucket_versioning(Bucket=place.source, VersioningConfiguration={"Status": "Suspended"})


DAMAGE = Damage(
    description="versioning of the bucket is suspended during the drill",
    check="versioning",
    kind="s3_versions",
    arrange=to_a_bucket(_damage),
)
