"""One byte of an object that came back is another."""

from __future__ import annotations

from typing import Any

from lab.damage import Damage
from lab.damage._objects import flipped, rewrite, to_an_object


def _damage(s3: Any, bucket: str, key: str) -> None:
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    rewrite(s3, bucket, key, Body=flipped(body))


DAMAGE = Damage(
    description="one byte of an object that came back is another",
    check="content",
    kind="s3_versions",
    arrange=to_an_object(_damage),
)
