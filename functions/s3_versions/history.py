"""What earlier runs of a rehearsal have witnessed: moments whose versions must still be kept.

A restore of what was there a moment ago touches hardly a noncurrent version. One of what was there
a month ago does, and what an earlier run wrote down says whether it is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from functions.errors import EvidenceMissing
from functions.s3_versions.values import moment

WITNESS = "witness/rehearsal.json"
"""Where, in the folder of a run, its witness says of what it is and when it was."""


class Shelf(Protocol):
    """Where witnesses are kept."""

    def get_json(self, key: str) -> Any:
        """The value at a key. Raises EvidenceMissing."""

    def list_keys(self, prefix: str) -> list[str]:
        """The keys below a prefix."""


def oldest(
    shelf: Shelf, *, drill: Mapping[str, Any], run: str, now: datetime
) -> dict[str, Any] | None:
    """What the oldest run has witnessed that is not older than the drill demands versions to be.

    `run` is this run's folder. None where no other run has witnessed the same keys of this bucket
    in that time, or its witness has expired.
    """
    since = moment(now - timedelta(days=drill["noncurrent_days_minimum"]))
    keys = [
        key
        for key in shelf.list_keys(f"{drill['name']}/")
        if key.endswith(f"/{WITNESS}") and not key.startswith(f"{run}/")
    ]
    for key in sorted(keys):
        try:
            witnessed: dict[str, Any] = shelf.get_json(key)
        except EvidenceMissing:
            continue  # it expired this moment
        same = all(witnessed[name] == drill[name] for name in ("bucket", "prefix"))
        if same and witnessed["at"] >= since:
            return witnessed
    return None
