"""A version that was current at T is not kept by the bucket."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import Place, rewrite, to_a_bucket


def _damage(s3: Any, place: Place) -> None:
    pages = s3.list_objects_v2(Bucket=place.source, Prefix="site/pages/")["Contents"]
    key = pages[0]["Key"]
    seen = s3.head_object(Bucket=place.source, Key=key)["VersionId"]
    rewrite(s3, place.source, key)
    s3.delete_object(Bucket=place.source, Key=key, VersionId=seen)


DAMAGE = Damage(
    description="the bucket does not keep a version that was current at T",
    check="versions",
    kind="s3_versions",
    only_mode="rehearsal",
    arrange=to_a_bucket(_damage),
)
