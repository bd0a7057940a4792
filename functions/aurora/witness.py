"""What is true on the source around the restore point T, written down as evidence.

Every table is read twice, before T and after it, by short snapshots of its own (comparison.py says
what that proves). Markers, committed just before T and just after it, show where the restore
landed. A call does the next part and answers where it stopped; nothing sleeps here.

    first reading, catalogs -> marker 'before', T chosen -> T goes by -> marker 'after'
        -> catalogs, second reading

Of a restore point in the past no such witness can exist: witness_past.py says what there is then.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from functions import clock
from functions.aurora import counting, manifest, tables, witness_catalogs
from functions.aurora.comparison import AFTER_T, WINDOW, restore_point
from functions.aurora.database import QueryFailed, Session
from functions.aurora.manifest import Manifest, Reading, Table
from functions.aurora.witness_past import look_back
from functions.aurora.witness_work import (
    Evidence,
    ReaderBehind,
    Source,
    Work,
    keep,
    list_tables,
    listed_tables,
    mark,
    open_session,
    the_writer,
)
from functions.errors import SourceChanged, TryAgain
from functions.model import Answer
from functions.step import done, waiting

UNMARKED = timedelta(seconds=2)
"""How long after T the second reading begins where no marker shows that all of it is visible."""

ROUNDS = 2
"""How often tables that were rewritten during the first reading are read anew."""

READER_LAG = timedelta(minutes=2)


class Phase(StrEnum):
    """Where the witness stands."""

    FIRST = "first"
    BEFORE = "before"
    TURN = "turn"
    AFTER = "after"
    SECOND = "second"


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """What a call hands on to the next one, small enough for the document.

    Of a reading: `round` says whether it is the first of all tables or one of some of them again,
    `place` how many of its tables are done, `part` how many files of evidence there are, and
    `reading` how far the present table has come. From the turn on: the restore point, the markers,
    the server that wrote them, and when by its clock.
    """

    phase: Phase = Phase.FIRST
    round: int = 0
    place: int = 0
    part: int = 0
    reading: dict[str, Any] | None = None
    restore_time: str = ""
    before: str | None = None
    after: str | None = None
    next_xid: int | None = None
    turned_at: str = ""
    server: dict[str, str] = field(default_factory=dict)


def advance(
    *,
    source: Source | None,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    previous: Mapping[str, Any],
    evidence: Evidence,
    remaining_seconds: Callable[[], float],
    slice_bytes: int = counting.SLICE_BYTES,
) -> Answer:
    """Do the next part of the witness's work, as far as the time of this call goes.

    `source` None is: the drill may not read the source. Answers `restore_time` (RFC 3339, a whole
    second), `restorable_after` (the moment that must be restorable before the restore is asked
    for), `marker`, `manifest` (its key in the evidence bucket, or None), `tables`, `bounded`,
    `excluded`, `objects`, `rows` and `bytes` when done; until then `progress`.

    Raises TryAgain when the source cannot be reached, database.LoginRefused and
    database.TlsFailed, NothingToWitness, HeartbeatMissing, ReaderBehind, and SourceChanged when
    the writer is not the server any more that it was at T.
    """
    if source is None:
        return _unwitnessed(plan)
    work = Work(
        source=source,
        drill=drill,
        plan=plan,
        evidence=evidence,
        remaining_seconds=remaining_seconds,
        slice_bytes=slice_bytes,
    )
    if plan["restore"]["time"]:
        return look_back(work)
    progress = _progress(previous)
    match progress.phase:
        case Phase.FIRST:
            return _read_first(work, progress)
        case Phase.BEFORE:
            return _read_catalogs_first(work, progress)
        case Phase.TURN:
            return _turn(work, progress)
        case Phase.AFTER:
            return _read_catalogs_again(work, progress)
        case Phase.SECOND:
            return _read_second(work, progress)
        case unreachable:
            assert_never(unreachable)


def _unwitnessed(plan: Mapping[str, Any]) -> Answer:
    latest = clock.parse(plan["source"]["latest_restorable_time"]).replace(microsecond=0)
    restore_time = plan["restore"]["time"] or clock.render(latest)
    marker = {"before": None, "after": None}
    return done(
        restore_time=restore_time,
        restorable_after=restore_time,
        marker=marker,
        manifest=None,
        tables=0,
        rows=0,
        bytes=0,
    )


def _read_first(work: Work, progress: Progress) -> Answer:
    """Read every table for the first time."""
    with open_session(work.tables_are_at) as session:
        if progress == Progress():
            work.put("tables", [asdict(table) for table in list_tables(session, work)])
        listed = listed_tables(work)
        again = set(work.get(f"again-{progress.round}")) if progress.round else None
        todo = [t for t in listed if t.counted and (again is None or t.target in again)]
        progress = _read(work, session, progress, todo)
        if progress.place < len(todo):
            return _waiting(progress, f"the first reading of {len(todo) - progress.place} tables")
    return _waiting(replace(progress, phase=Phase.BEFORE), "the catalogs to be read")


def _read_catalogs_first(work: Work, progress: Progress) -> Answer:
    """Read the catalogs; then mark, and choose T, unless tables have to be read again."""
    listed, readings = listed_tables(work), _readings(work, replace(progress, phase=Phase.FIRST))
    with open_session(work.tables_are_at) as session:
        witness_catalogs.read(work, session, "before")
        stale = _stale(session, listed, readings)
    if stale and progress.round < ROUNDS:
        another = Progress(round=progress.round + 1, part=progress.part)
        work.put(f"again-{another.round}", stale)
        return _waiting(another, f"{len(stale)} tables to be read again")
    work.put("first", {target: reading.to_document() for target, reading in readings.items()})
    return _choose(work)


def _stale(session: Session, listed: list[Table], readings: Mapping[str, Reading]) -> list[str]:
    """The tables to be read again.

    Those that have been rewritten since, those that were locked, and those whose window is half
    used up.
    """
    names = sorted({table.schema for table in listed})
    found = session.all("filenodes", schemas=names)
    now = {f"{row['schema']}.{row['name']}": row for row in found}
    return [
        target
        for target, reading in readings.items()
        if target in now and _is_stale(reading, now[target]["filenode"], now[target]["next_xid"])
    ]


def _is_stale(reading: Reading, filenode: int, next_xid: int) -> bool:
    """Whether a reading is of no use any more, or never was and may be now."""
    if reading.filenode is None or reading.horizon is None:
        return QueryFailed("", sqlstate=reading.sqlstate).passing
    return filenode != reading.filenode or next_xid - reading.horizon > WINDOW // 2


def _choose(work: Work) -> Answer:
    """Commit the marker 'before', then choose T by the clock of the writer."""
    marker = str(uuid.uuid4()) if work.marked else None
    with open_session(work.source.writer, read_only=not work.marked) as session:
        the_writer(session)
        if marker:
            mark(work, session, marker, "before")
        server = the_writer(session)
    progress = Progress(
        phase=Phase.TURN,
        restore_time=clock.render(restore_point(server["clock"])),
        before=marker,
        server=_identity(server),
    )
    return _waiting(progress, "the restore point to go by", seconds=2)


def _turn(work: Work, progress: Progress) -> Answer:
    """Once T has gone by on the writer's clock, commit the marker 'after'."""
    margin = AFTER_T if work.marked else UNMARKED
    with open_session(work.source.writer, read_only=not work.marked) as session:
        if _same_writer(session, progress)["clock"] <= clock.parse(progress.restore_time) + margin:
            return _waiting(progress, "the restore point to go by")
        marker = str(uuid.uuid4()) if work.marked else None
        next_xid = mark(work, session, marker, "after") if marker else None
        turned_at = _same_writer(session, progress)["clock"].isoformat()
    turned = replace(
        progress, phase=Phase.AFTER, after=marker, next_xid=next_xid, turned_at=turned_at
    )
    return _waiting(turned, "what was committed up to the restore point to be visible")


def _read_catalogs_again(work: Work, progress: Progress) -> Answer:
    """Read the catalogs again, as soon as all is visible that was committed up to T."""
    since = _since_turn(work, progress)
    if since < AFTER_T:
        return _waiting(progress, "what was committed up to the restore point to be visible")
    with open_session(work.tables_are_at) as session:
        if not _shows(session, progress.after):
            return _behind(work, progress, since)
        witness_catalogs.read(work, session, "after")
    return _waiting(replace(progress, phase=Phase.SECOND), "the second reading of the tables")


def _since_turn(work: Work, progress: Progress) -> timedelta:
    """How long ago the marker 'after' was committed. Raises SourceChanged."""
    with open_session(work.source.writer) as session:
        now: datetime = _same_writer(session, progress)["clock"]
    return now - datetime.fromisoformat(progress.turned_at)


def _behind(work: Work, progress: Progress, since: timedelta) -> Answer:
    """The reader does not show the marker yet. Raises ReaderBehind once it takes too long."""
    if since > READER_LAG:
        raise ReaderBehind(
            f"{work.source.reader.host} does not show what {work.source.writer.host}"
            f" committed {since.total_seconds():.0f} s ago"
        )
    return _waiting(progress, "the reader to show the marker")


def _read_second(work: Work, progress: Progress) -> Answer:
    """Read every table for the second time, then write the manifest."""
    since = _since_turn(work, progress)
    with open_session(work.tables_are_at) as session:
        if not _shows(session, progress.after):
            return _behind(work, progress, since)
        listed = listed_tables(work)
        first = {target: Reading.from_document(r) for target, r in work.get("first").items()}
        todo = [table for table in listed if table.counted and not first[table.target].problem]
        progress = _read(work, session, progress, todo, first)
        if progress.place < len(todo):
            return _waiting(progress, f"the second reading of {len(todo) - progress.place} tables")
        schemas = work.drill["schemas"] or tables.schemas(session)
        later = tables.list_tables(session, schemas=schemas, exclude=work.drill["exclude"])
        server = session.one("server")
    kept, excluded = manifest.of_present(
        before=listed,
        after=later,
        first=first,
        second=_readings(work, progress),
    )
    return keep(
        work,
        Manifest(
            restore_time=progress.restore_time,
            source=work.source_name,
            listed_at=clock.render(server["clock"]),
            holds_rows=any(reading.counted.total for reading in first.values()),
            before=progress.before,
            after=progress.after,
            next_xid=progress.next_xid,
            server_version=server["version"],
            schemas=tuple(schemas),
            catalogs=witness_catalogs.seen(work),
            tables=kept,
            excluded=excluded,
            **witness_catalogs.insides(work),
        ),
    )


def _read(
    work: Work,
    session: Session,
    progress: Progress,
    todo: list[Table],
    first: Mapping[str, Reading] | None = None,
) -> Progress:
    """Read on from where the last call stopped, at least one slice.

    What was finished goes into one file of evidence, of this call's own, before the answer.
    """
    finished: dict[str, dict[str, Any]] = {}
    place, begun = progress.place, progress.reading
    slices = 0
    while place < len(todo):
        left = work.remaining_seconds()
        if slices and left < counting.RESERVE_SECONDS:
            break
        table = todo[place]
        before = Reading.from_document(begun) if begun else _beginning(table, first)
        try:
            after = counting.read_on(
                session,
                before,
                schema=table.schema,
                name=table.name,
                slice_bytes=work.slice_bytes,
                remaining_seconds=left,
            )
        except TryAgain:
            if slices:
                break  # what was read is kept; the next call finds out whether this one passes
            raise
        slices += 1
        begun = after.to_document()
        if after.finished:
            finished[table.target] = begun
            place, begun = place + 1, None
        elif after.behind:
            break
    work.put(f"{progress.phase}-{progress.part}", finished)
    return replace(progress, place=place, part=progress.part + 1, reading=begun)


def _beginning(table: Table, first: Mapping[str, Reading] | None) -> Reading:
    """The second reading of a table has the horizon of the first, and finds the same file."""
    if first is None:
        return Reading()
    known = first[table.target]
    return Reading(
        horizon=known.horizon, known_gap=known.gap, oid=known.oid, filenode=known.filenode
    )


def _readings(work: Work, progress: Progress) -> dict[str, Reading]:
    """What all calls of a phase have read; of a table that was read again, the last reading."""
    return {
        target: Reading.from_document(record)
        for part in range(progress.part)
        for target, record in work.get(f"{progress.phase}-{part}").items()
    }


def _shows(session: Session, marker: str | None) -> bool:
    return marker is None or bool(session.all("find_heartbeats", ids=[marker]))


def _same_writer(session: Session, progress: Progress) -> dict[str, Any]:
    """The writer. Raises SourceChanged when it is another one than at T, or was restarted."""
    server = the_writer(session)
    if _identity(server) != progress.server:
        raise SourceChanged(
            "the source failed over or was restarted around the restore point: the clock that"
            " stamped its commits may be another one"
        )
    return server


def _identity(server: Mapping[str, Any]) -> dict[str, str]:
    return {"address": server["address"], "started_at": server["started_at"].isoformat()}


def _progress(previous: Mapping[str, Any]) -> Progress:
    found = previous.get("progress")
    return Progress(**{**found, "phase": Phase(found["phase"])}) if found else Progress()


def _waiting(progress: Progress, waiting_for: str, *, seconds: float = 1) -> Answer:
    return waiting(seconds, waiting_for, progress=asdict(progress))
