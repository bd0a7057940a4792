"""The witness of a restore point in the past: no reading around it can exist.

Then the names of the tables as of now and the heartbeats around that point are all there is. One
heartbeat is written now, for the restores of later drills to be placed by, and for this one: a
restore that ran on to the end would have it.
"""

from __future__ import annotations

import uuid

from functions import clock
from functions.aurora import manifest, tables
from functions.aurora.comparison import HEARTBEAT_TOLERANCE
from functions.aurora.manifest import Manifest
from functions.aurora.witness_work import Work, keep, list_tables, mark, the_writer
from functions.model import Answer
from functions.step import waiting

HEARTBEATS = 1000
"""How many heartbeats are taken on each side of a restore point in the past."""


def look_back(work: Work) -> Answer:
    """The manifest of a restore point in the past."""
    restore_time = clock.parse(work.plan["restore"]["time"])
    beats, restorable_after = None, None
    if work.marked:
        with work.session(work.source.writer, read_only=False) as session:
            # Heartbeats nearer than that to the restore point prove nothing.
            if the_writer(session)["clock"] <= restore_time + HEARTBEAT_TOLERANCE:
                return waiting(1, "the restore point to go by")
            mark(work, session, str(uuid.uuid4()), "beat")
            found = session.all("heartbeats_around", moment=restore_time, limit=HEARTBEATS)
            beats = tuple((row["id"], row["beat_at"].isoformat()) for row in found)
            # That the copy lacks it says something once a restore could have brought it back.
            written = [row["beat_at"] for row in found]
            restorable_after = min(
                (at for at in written if at > restore_time + HEARTBEAT_TOLERANCE), default=None
            )
    with work.session(work.source.reader) as session:
        listed = list_tables(session, work)
        holds_rows = tables.any_row(session, listed)
        schemas = work.drill["schemas"] or tables.schemas(session)
        server = session.one("server")
    kept, excluded = manifest.of_past(listed)
    return keep(
        work,
        Manifest(
            restore_time=work.plan["restore"]["time"],
            source=work.source_name,
            listed_at=clock.render(server["clock"]),
            holds_rows=holds_rows,
            server_version=server["version"],
            schemas=tuple(schemas),
            heartbeats=beats,
            tables=kept,
            excluded=excluded,
        ),
        restorable_after=restorable_after,
    )
