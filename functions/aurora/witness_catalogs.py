"""The catalogs of the source, before the restore point and after it, and the look inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from functions.aurora import catalogs, inspection, manifest
from functions.aurora.database import QueryFailed, Session
from functions.aurora.definitions import kinds_of
from functions.aurora.fingerprint import Catalogs
from functions.aurora.manifest import Witnessed
from functions.aurora.passing import Read
from functions.aurora.sandwich import Sandwich
from functions.aurora.witness_second import of_readings
from functions.aurora.witness_work import Work, listed_tables

LARGE_OBJECTS: Final = "rows-large-objects"


def read(work: Work, session: Session, side: str) -> None:
    """Write down every object of the catalogs, and how far the sequences have come."""
    first = session.one("catalog_edges")
    kinds = kinds_of(first["version_number"], comments=work.comments)
    reading = catalogs.Reading(session=session, kinds=kinds, alive=True)
    pages = catalogs.keep(
        reading.entries(), lambda number, page: work.put(f"catalogs-{side}-{number}", page)
    )
    values: list[dict[str, Any]] = []
    try:
        values = [value.to_record() for value in catalogs.sequence_values(session, alive=True)]
    except QueryFailed as failure:
        reading.unread["sequence_values"] = str(failure)
    work.put(f"sequences-{side}", values)
    facts = {
        "pages": pages,
        "objects": reading.objects,
        "unread": reading.unread,
        "oldest_running": first["oldest_running"],
        "next_xid": session.one("catalog_edges")["next_xid"],
    }
    _look_inside(work, session, side)
    work.put(f"catalogs-{side}", facts)


def _look_inside(work: Work, session: Session, side: str) -> None:
    """Write down what shows whether the copy is whole inside: functions/aurora/inspection.py."""
    facts: dict[str, Any] = {}
    first = None
    if side == "before":
        oids = [table.oid for table in listed_tables(work) if table.counted]
        asked = work.drill["integrity"]
        facts = inspection.of_source(session, asked, oids, work.remaining_seconds)
    else:
        first = work.get("insides-before")["large_objects"]
    facts["large_objects"] = inspection.large_objects(session, first)
    work.put(f"insides-{side}", facts)


def seen(work: Work) -> Catalogs:
    """What the manifest says of the two readings of the catalogs."""
    before, after = work.get("catalogs-before"), work.get("catalogs-after")
    return Catalogs(
        before=before["pages"],
        after=after["pages"],
        objects=after["objects"],
        horizon=before["oldest_running"],
        next_xid=after["next_xid"],
        unread=before["unread"] | after["unread"],
    )


def insides(work: Work) -> dict[str, Any]:
    """What the manifest says of the two looks inside."""
    before, after = work.get("insides-before"), work.get("insides-after")
    return {
        "large_objects": _large_objects(work, before["large_objects"], after["large_objects"]),
        "orphans": before["orphans"],
        "collations": before["collations"],
    }


def _large_objects(work: Work, first: Mapping[str, Any], second: Mapping[str, Any]) -> Witnessed:
    """The system's table of large objects. Its sandwiches are kept like those of a table."""
    read = Read.from_document(first)
    sandwiches = [Sandwich.from_row(row) for row in second["rows"]]
    made = manifest.of_large_objects(
        read.going.oid or 0, of_readings(read, sandwiches, second["problem"])
    )
    work.put(LARGE_OBJECTS, {made.target: {"rows": second["rows"]}})
    return replace(made, kept_in=LARGE_OBJECTS)
