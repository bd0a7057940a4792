"""What the catalogs of the copy tell: every object of them against both readings of the source,
where the sequences stand, and what there is to look at inside.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from functions.aurora import (
    catalogs,
    definitions,
    fingerprint,
    inspection,
    integrity_checks,
    sequences,
    tables,
)
from functions.aurora.database import QueryFailed, Session
from functions.aurora.manifest import Manifest, Table
from functions.aurora.verify_work import Work, table_item, unplaced
from functions.model import Check, Level


def compare(
    work: Work, session: Session, manifest: Manifest, there: Mapping[str, Table]
) -> list[Check]:
    """Every object of the catalogs against both readings of the source, and the sequences."""
    seen, asked = manifest.catalogs, work.drill["fingerprint"]
    database_name = str(work.drill["database"])
    if seen is None:
        return [unplaced("catalogs", database_name, "the witness has not read the catalogs")]
    version_number = session.one("catalog_edges")["version_number"]
    kinds = definitions.kinds_of(version_number, comments=asked["comments"])
    reading = catalogs.Reading(session=session, kinds=kinds, alive=False)
    excluded = {target for target, why in manifest.excluded if why == tables.BY_CONFIGURATION}
    compared = fingerprint.compare(
        catalogs.kept(seen.before, lambda number: work.witness(f"catalogs-before-{number}")),
        catalogs.kept(seen.after, lambda number: work.witness(f"catalogs-after-{number}")),
        reading.entries(),
        catalogs=seen,
        unread=reading.unread,
        ignore=asked["ignore"],
        excluded=excluded,
        told={table.target for table in manifest.tables if table.target not in there},
    )
    diff = work.key("catalogs")
    if compared.differences:
        work.evidence.put_json(diff, list(fingerprint.diff_lines(compared)))
    unread = {**seen.unread, **reading.unread}
    checks = fingerprint.checks(
        compared, kinds=kinds, unread=unread, target=database_name, diff=diff
    )
    return [*checks, _sequences(work, session, database_name, seen.unread, excluded)]


def _sequences(
    work: Work,
    session: Session,
    target: str,
    unread: Mapping[str, str],
    excluded: Collection[str],
) -> Check:
    """Where the sequences stand."""
    if "sequence_values" in unread:
        return unplaced("sequence_values", target, unread["sequence_values"])
    before, after = (
        [sequences.Value(**record) for record in work.witness(f"sequences-{side}")]
        for side in ("before", "after")
    )
    there = catalogs.sequence_values(session, alive=False)
    return sequences.check(
        target=target,
        before=before,
        after=after,
        there=there,
        ends=catalogs.column_ends(session, there),
        excluded=excluded,
    )


def look_inside(
    work: Work, session: Session, found: Sequence[Table]
) -> tuple[list[Check], list[dict[str, Any]]]:
    """What the catalogs tell of whether the copy is whole inside, and what remains to be done."""
    manifest, asked = work.manifest, work.drill["integrity"]
    target, required = str(work.drill["database"]), bool(asked["required"])
    try:
        collations = inspection.collations(session)
        plan, checks = inspection.prepare(
            session,
            asked=asked,
            target=target,
            tables=found,
            orphans=manifest.orphans if manifest else {},
        )
    except QueryFailed as failure:
        if failure.damaged:
            raise
        return [integrity_checks.not_run("integrity", target, str(failure), required=required)], []
    on_source = manifest.collations if manifest else None
    checks.append(integrity_checks.collation_versions(target, collations, on_source))
    items: list[dict[str, Any]] = []
    if manifest and manifest.large_objects:
        witnessed = manifest.large_objects
        weight = {witnessed.target: witnessed.bytes}
        bounded = {"required": Level.BOUNDED.value, "needed": required}
        items.append(
            {**table_item(work, witnessed, weight, {}), "check": "large_objects", **bounded}
        )
    else:
        nobody = "no witness has counted them"
        checks.append(integrity_checks.not_run("large_objects", target, nobody, required=False))
    if plan.passes:
        work.evidence.put_json(work.key("integrity"), plan.to_document())
        items.append({"kind": "integrity", "target": target, "weight": 0, "pieces": 1})
    return checks, items
