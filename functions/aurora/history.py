"""What earlier and later runs of a drill say of the tables at a restore point in the past.

A table that an earlier run saw, and that is on the source now under the same identity, was there
all the time between. Of a name that a run after the restore point did not find there, the copy
need not have a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from functions import clock
from functions.aurora.manifest import Manifest, Witnessed
from functions.aurora.schema import Known
from functions.errors import EvidenceMissing

MOST_RUNS = 40
"""How many manifests are looked at, of the latest days first; they expire with the backups."""


class Shelf(Protocol):
    """Where manifests are kept."""

    def get_json(self, key: str) -> Any:
        """The value at a key. Raises EvidenceMissing."""

    def list_keys(self, prefix: str) -> list[str]:
        """The keys below a prefix."""


def look_up(
    shelf: Shelf, *, run: str, now: Manifest, missing: Sequence[Witnessed], at: datetime
) -> Known:
    """What the other runs of a drill know of the tables that are missing.

    `run` is this run's folder and `now` its manifest; `at` is the restore point.
    """
    known = Known()
    if not missing:
        return known
    for key, manifest in _manifests(shelf, run, now.source):
        listed_at = clock.parse(manifest.listed_at)
        seen = {(table.target, table.oid) for table in manifest.tables if table.lasting}
        names = {table.target for table in manifest.tables} | {n for n, _ in manifest.excluded}
        for table in missing:
            if listed_at < at and (table.target, table.oid) in seen:
                known.older.setdefault(table.target, f"it was there before: {key}")
            elif listed_at > at and table.schema in manifest.schemas and table.target not in names:
                known.younger.setdefault(table.target, f"it was not there yet: {key}")
    return known


def _manifests(shelf: Shelf, run: str, source: str) -> Iterator[tuple[str, Manifest]]:
    """The manifests of the drill's other runs of this source, day by day, the latest first."""
    drill, _, _ = run.partition("/")
    keys = [
        key
        for key in shelf.list_keys(f"{drill}/")
        if key.endswith("/witness/manifest.json") and not key.startswith(f"{run}/")
    ]
    for key in sorted(keys, reverse=True)[:MOST_RUNS]:
        try:
            manifest = Manifest.from_document(shelf.get_json(key))
        except EvidenceMissing:
            continue  # it has expired
        if manifest.source == source and manifest.listed_at:
            yield key, manifest
