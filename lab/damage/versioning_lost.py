"""Versioning is suspended where the drill is about to bring objects back."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import Place, to_a_bucket


def _damage(s3: Any, place: Place) -> None:
    if place.bucket != place.source:
        suspended = {"Status": "Suspended"}
        s3.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration=suspended)


DAMAGE = Damage(
    description="versioning is suspended while objects are brought back",
    check="versioning",
    kind="s3_versions",
    only_mode="canary",
    arrange=to_a_bucket(_damage, at="drill-s3-exercise"),
)
