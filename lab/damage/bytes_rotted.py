"""The bytes of restored objects are other than S3 says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._objects import VERIFY, places
from lab.damage._rotations import when_called

if TYPE_CHECKING:
    from lab.lab import Lab


READ_ANYHOW = 1024**2
"""Bytes from which the lab's objects were uploaded in parts: those are read to be compared."""


def arrange(lab: Lab) -> Callable[[], None]:
    """Turn over a bit of each object that came back, once Exercise is over."""
    s3 = lab.emulator.client("s3")

    def rot() -> None:
        for place in places(lab):
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket)
            for page in pages if place.bucket != place.source else ():
                for entry in page.get("Contents", []):
                    if 0 < entry["Size"] < READ_ANYHOW:
                        lab.emulator.s3.rot(place.bucket, entry["Key"])

    return when_called(lab, VERIFY, rot)


DAMAGE = Damage(
    description="the bytes of what came back are other than their checksums say",
    check="read_back",
    kind="s3_versions",
    only_mode="rehearsal",
    arrange=arrange,
)
