"""An object that came back has lost a tag."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    s3.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tags[1:]})


DAMAGE = Damage(
    description="an object that came back has lost a tag",
    check="tags",
    kind="s3_versions",
    arrange=to_an_object(_damage),
)
