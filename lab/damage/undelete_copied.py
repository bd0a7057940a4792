"""An object whose marker was to be removed is there as a copy of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._objects import VERIFY, places
from lab.damage._rotations import when_called

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Copy one of them onto itself, once it is back and before it is verified."""
    s3 = lab.emulator.client("s3")

    def copy() -> None:
        for place in places(lab):
            found = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)
            for entry in found.get("Contents", []):
                if entry["Key"].endswith("undeleted/document.json"):
                    named = {"Bucket": place.bucket, "Key": entry["Key"]}
                    version = s3.head_object(**named)["VersionId"]
                    s3.copy_object(**named, CopySource={**named, "VersionId": version})

    return when_called(lab, VERIFY, copy)


DAMAGE = Damage(
    description="what was deleted came back as a copy, and not as the version that it was",
    check="undeleted_version",
    kind="s3_versions",
    only_mode="canary",
    arrange=arrange,
)
