"""Whether a bucket keeps what is written over: as long as its versioning is Enabled."""

from __future__ import annotations

import math
import time
from typing import Final

from functions.errors import DrillError
from functions.s3_versions import documents
from functions.s3_versions.values import NULL
from functions.s3_versions.wire import Bucket

LOOK_SECONDS: Final = 30.0
"""How long what S3 said of a bucket's versioning is believed."""

_ENABLED: Final = "Enabled"


class VersioningLost(DrillError):
    """When versioning is off or suspended where we write: a write destroys the null version."""


class Watch:
    """Watches the versioning of one bucket. Thread-safe.

    `lost` is what was found wrong; it stays, and nothing may be written any more. Without a bucket
    nothing is watched: for a target that may be unversioned.
    """

    def __init__(self, bucket: Bucket | None = None, *, seconds: float = LOOK_SECONDS) -> None:
        """Nothing is asked yet."""
        self.lost: VersioningLost | None = None
        self._bucket = bucket
        self._seconds = seconds
        self._looked = -math.inf

    def check(self) -> None:
        """Before each write: no request. Raises VersioningLost."""
        if self.lost:
            raise self.lost

    def look(self, since: float = math.inf) -> None:
        """Ask S3, unless it was asked since a time (of time.monotonic), and not `seconds` ago yet.

        Raises VersioningLost, and RequestRefused, NoAnswer or UnreadableAnswer where S3 does not
        tell.
        """
        self.check()
        began = time.monotonic()
        if self._bucket is None or (self._looked >= since and began - self._looked < self._seconds):
            return
        answer = self._bucket.request("GetBucketVersioning", "GET", query={"versioning": ""})
        status = documents.texts(documents.root(answer.body)).get("Status", "off")
        if status != _ENABLED:
            self.lost = VersioningLost(
                f"bucket {self._bucket.name}: versioning is {status}: expected {_ENABLED}"
            )
            raise self.lost
        self._looked = began

    def wrote(self, operation: str, key: str, version: str) -> str:
        """Why the version id that S3 told of a write means that versioning is lost; else empty."""
        if self._bucket is None or version not in ("", NULL):
            return ""
        told = (
            f"{operation} {f'{self._bucket.name}/{key}'!r}: S3 told"
            f" {f'version id {version}' if version else 'no version id'}: expected one of its own:"
            " versioning is off or suspended, what the key's null version held may be gone"
        )
        self.lost = self.lost or VersioningLost(told)
        return told
