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
            answer = s3.list_object_versions(Bucket=place.bucket, Prefix=place.prefix)
            for version in answer.get("Versions", []):
                if version["Key"].endswith("undeleted/document.json"):
                    source = {"Bucket": place.bucket, "Key": version["Key"]}
                    source["VersionId"] = version["VersionId"]
                    s3.copy_object(Bucket=place.bucket, Key=version["Key"], CopySource=source)

    return when_called(lab, VERIFY, copy)


DAMAGE = Damage(
    description="what was deleted came back as a copy, and not as the version that it was",
    check="undeleted_version",
    kind="s3_versions",
    only_mode="canary",
    arrange=arrange,
)
