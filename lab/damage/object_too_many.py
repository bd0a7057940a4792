"""An object came back that was not there."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=f"{key}.old", Body=b"from nowhere")


DAMAGE = Damage(
    description="an object came back that was not there",
    check="keys",
    kind="s3_versions",
    only_mode="rehearsal",
    arrange=to_an_object(_damage),
)
