"""What the parts of Verify share: what it was given, and what more than one makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.aurora import comparison
from functions.aurora.database import Login
from functions.aurora.digesting import Digested
from functions.aurora.manifest import Manifest, Witnessed
from functions.aurora.witness_work import Evidence
from functions.model import Check, CheckClass, Level, Status

NOT_THERE = "the copy is not at the restore point"
TABLE_WEIGHT = 1024 * 1024
"""Bytes that the round trips of even an empty table are worth."""

_OF_SCHEMA = ("table_present", "catalogs", "sequence_values")


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What `verify.open_copy` was given."""

    copy: Login
    drill: Mapping[str, Any]
    plan: Mapping[str, Any]
    evidence: Evidence
    manifest: Manifest | None
    restore_time: datetime

    @property
    def marked(self) -> bool:
        return bool(self.drill["heartbeat"])

    @property
    def witnessed(self) -> tuple[Witnessed, ...]:
        return self.manifest.tables if self.manifest else ()

    @property
    def looks_back(self) -> bool:
        """Whether the restore point lay in the past when the run began."""
        return bool(self.plan["restore"]["time"])

    @property
    def required(self) -> Level:
        """The level that a table must reach."""
        return Level(self.plan["restore"]["required_level"])

    @property
    def waived(self) -> bool:
        """Whether the configuration demands nothing of a table that nobody can vouch for."""
        return self.required is Level.NONE

    @property
    def cluster(self) -> str:
        return str(self.plan["names"]["cluster"])

    def key(self, name: str) -> str:
        return f"{self.plan['key']}/checks/{name}.json"

    def witness(self, name: str) -> Any:
        """What the witness has left beside the manifest. Raises EvidenceMissing."""
        return self.evidence.get_json(f"{self.plan['key']}/witness/{name}.json")

    def required_of(self, witnessed: Witnessed) -> str:
        """The level that a table must reach. A materialized view may have been refreshed around T.

        What it shows is in other tables: that it can be read suffices then.
        """
        own = self.drill["levels"].get(witnessed.target)
        required = Level(own) if own else self.required
        if self.looks_back and required.reaches(Level.COUNTED):
            required = Level.COUNTED  # no witness of the past can exist
        derived = witnessed.kind == "m" and not witnessed.bounds
        return (Level.COUNTED if derived and required.reaches(Level.COUNTED) else required).value


def unplaced(name: str, target: str, detail: str = NOT_THERE) -> Check:
    """A check that says nothing, and why."""
    return Check(
        name=name,
        check_class=CheckClass.SCHEMA if name in _OF_SCHEMA else CheckClass.RESTORE_POINT,
        target=target,
        status=Status.NOT_RUN,
        expected="a comparison with the source",
        observed="not compared",
        detail=detail,
    )


def table_item(
    work: Work,
    witnessed: Witnessed,
    bytes_of: Mapping[str, int],
    digests: Mapping[str, Digested],
) -> dict[str, Any]:
    """A table to be read: from what the witness has kept of it, where it has.

    `start` and `end` of its pieces count chunks then, and blocks otherwise.
    """
    manifest = work.manifest
    found = digests.get(witnessed.target, Digested())
    same = bool(witnessed.digest) and found.name == witnessed.digest
    inexact = witnessed.inexact
    if witnessed.digest and not same:
        inexact = "its columns are not those that the source was digested by"
    return {
        "kind": "table",
        "schema": witnessed.schema,
        "name": witnessed.name,
        "kept_in": witnessed.kept_in if witnessed.bounds else "",
        "digest": found.sql if same else "",
        "inexact": inexact,
        "least": witnessed.least,
        "most": witnessed.most,
        "reason": witnessed.reason,
        "own_from": manifest.own_from if manifest else 0,
        "closed_after": manifest.next_xid if manifest and witnessed.bounds else None,
        "required": work.required_of(witnessed),
        "weight": bytes_of[witnessed.target] + TABLE_WEIGHT,
        "blocks": witnessed.chunks
        if witnessed.bounds
        else bytes_of[witnessed.target] // comparison.BLOCK_BYTES,
    }
