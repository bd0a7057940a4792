"""What is true on the source around the restore point T, written down as evidence.

Every table is read twice, before T and after it, by short snapshots of its own (comparison.py says
what that proves). Markers, committed just before T and just after it, show where the restore
landed. A call does the next part and answers where it stopped; nothing sleeps here.

    first reading, catalogs -> marker 'before', T chosen -> T goes by -> marker 'after'
        -> catalogs, second reading

Of a restore point in the past no witness can exist: then the names of the tables as of now and the
heartbeats around that point are all there is. One heartbeat is written now, for the restores of
later drills to be placed by, and for this one: a restore that ran on to the end would have it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, assert_never

from functions import clock
from functions.aurora import catalogs, counting, database, inspection, manifest, tables
from functions.aurora.comparison import AFTER_T, HEARTBEAT_TOLERANCE, WINDOW, restore_point
from functions.aurora.database import Login, QueryFailed, Session
from functions.aurora.definitions import kinds_of
from functions.aurora.fingerprint import Catalogs
from functions.aurora.manifest import Manifest, Reading, Table
from functions.errors import DrillError, SourceChanged, TryAgain
from functions.model import Answer
from functions.step import done, waiting

APPLICATION = "backup-drills witness"

UNMARKED = timedelta(seconds=2)
"""How long after T the second reading begins where no marker shows that all of it is visible."""

ROUNDS = 2
"""How often tables that were rewritten during the first reading are read anew."""

READER_LAG = timedelta(minutes=2)
HEARTBEATS = 1000
"""How many heartbeats are taken on each side of a restore point in the past."""


class NothingToWitness(DrillError):
    """When a configured schema does not exist on the source, or holds no table to compare."""


class HeartbeatMissing(DrillError):
    """When the heartbeat table on the source is absent or may not be written."""


class ReaderBehind(DrillError):
    """When the reader does not show, for minutes, what the writer has committed."""


class Evidence(Protocol):
    """Where evidence is kept: functions/evidence.py is one, a dictionary in tests another."""

    def put_json(self, key: str, value: Any, *, locked: bool = False) -> None:
        """Store a value."""

    def get_json(self, key: str) -> Any:
        """The value at a key. Raises EvidenceMissing."""

    def list_keys(self, prefix: str) -> list[str]:
        """The keys below a prefix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where tables are read, and where markers are written: a reader and its writer, or the latter
    twice."""

    reader: Login
    writer: Login


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """What one call was given."""

    source: Source
    drill: Mapping[str, Any]
    plan: Mapping[str, Any]
    evidence: Evidence
    remaining_seconds: Callable[[], float]
    slice_bytes: int

    @property
    def marked(self) -> bool:
        """Whether markers are written."""
        return bool(self.drill["heartbeat"])

    @property
    def comments(self) -> bool:
        """Whether comments are compared."""
        return bool(self.drill["fingerprint"]["comments"])

    @property
    def tables_are_at(self) -> Login:
        """Where tables are read: without markers nothing proves how far a reader has come."""
        return self.source.reader if self.marked else self.source.writer

    @property
    def source_name(self) -> str:
        """Which database is read: that of another cluster may have the same name."""
        return f"{self.plan['source']['resource_id']}/{self.drill['database']}"

    def key(self, name: str) -> str:
        return f"{self.plan['key']}/witness/{name}.json"

    def put(self, name: str, value: Any) -> None:
        self.evidence.put_json(self.key(name), value)

    def get(self, name: str) -> Any:
        return self.evidence.get_json(self.key(name))


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
    work = _Work(
        source=source,
        drill=drill,
        plan=plan,
        evidence=evidence,
        remaining_seconds=remaining_seconds,
        slice_bytes=slice_bytes,
    )
    if plan["restore"]["time"]:
        return _look_back(work)
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


def _read_first(work: _Work, progress: Progress) -> Answer:
    """Read every table for the first time."""
    with _session(work.tables_are_at) as session:
        if progress == Progress():
            work.put("tables", [asdict(table) for table in _list(session, work)])
        listed = _tables(work)
        again = set(work.get(f"again-{progress.round}")) if progress.round else None
        todo = [t for t in listed if t.counted and (again is None or t.target in again)]
        progress = _read(work, session, progress, todo)
        if progress.place < len(todo):
            return _waiting(progress, f"the first reading of {len(todo) - progress.place} tables")
    return _waiting(replace(progress, phase=Phase.BEFORE), "the catalogs to be read")


def _read_catalogs_first(work: _Work, progress: Progress) -> Answer:
    """Read the catalogs; then mark, and choose T, unless tables have to be read again."""
    listed, readings = _tables(work), _readings(work, replace(progress, phase=Phase.FIRST))
    with _session(work.tables_are_at) as session:
        _read_catalogs(work, session, "before")
        stale = _stale(session, listed, readings)
    if stale and progress.round < ROUNDS:
        another = Progress(round=progress.round + 1, part=progress.part)
        work.put(f"again-{another.round}", stale)
        return _waiting(another, f"{len(stale)} tables to be read again")
    work.put("first", {target: reading.to_document() for target, reading in readings.items()})
    return _choose(work)


def _list(session: Session, work: _Work) -> list[Table]:
    """The tables to witness. Raises NothingToWitness."""
    database_name, asked = work.drill["database"], work.drill["schemas"]
    there = tables.schemas(session)
    missing = [name for name in asked if name not in there]
    if missing:
        raise NothingToWitness(
            f"schemas: {', '.join(missing)}: not in the database {database_name},"
            f" which has {', '.join(there) or 'none'}"
        )
    listed = tables.list_tables(session, schemas=asked or there, exclude=work.drill["exclude"])
    if not any(table.counted for table in listed):
        raise NothingToWitness(
            f"schemas: {', '.join(asked or there)}: hold no table that can be compared"
        )
    return listed


def _tables(work: _Work) -> list[Table]:
    return [Table(**{**row, "columns": tuple(row["columns"])}) for row in work.get("tables")]


def _read_catalogs(work: _Work, session: Session, side: str) -> None:
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


def _look_inside(work: _Work, session: Session, side: str) -> None:
    """Write down what shows whether the copy is whole inside: functions/aurora/inspection.py."""
    facts: dict[str, Any] = {}
    first = None
    if side == "before":
        oids = [table.oid for table in _tables(work) if table.counted]
        asked = work.drill["integrity"]
        facts = inspection.of_source(session, asked, oids, work.remaining_seconds)
    else:
        first = work.get("insides-before")["large_objects"]
    facts["large_objects"] = inspection.large_objects(session, first)
    work.put(f"insides-{side}", facts)


def _insides(work: _Work) -> dict[str, Any]:
    before, after = work.get("insides-before"), work.get("insides-after")
    readings = [Reading.from_document(side["large_objects"]) for side in (before, after)]
    return {
        "large_objects": manifest.of_large_objects(*readings),
        "orphans": before["orphans"],
        "collations": before["collations"],
    }


def _catalogs(work: _Work) -> Catalogs:
    before, after = work.get("catalogs-before"), work.get("catalogs-after")
    return Catalogs(
        before=before["pages"],
        after=after["pages"],
        objects=after["objects"],
        horizon=before["oldest_running"],
        next_xid=after["next_xid"],
        unread=before["unread"] | after["unread"],
    )


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


def _choose(work: _Work) -> Answer:
    """Commit the marker 'before', then choose T by the clock of the writer."""
    marker = str(uuid.uuid4()) if work.marked else None
    with _session(work.source.writer, read_only=not work.marked) as session:
        _writer(session)
        if marker:
            _mark(work, session, marker, "before")
        server = _writer(session)
    progress = Progress(
        phase=Phase.TURN,
        restore_time=clock.render(restore_point(server["clock"])),
        before=marker,
        server=_identity(server),
    )
    return _waiting(progress, "the restore point to go by", seconds=2)


def _turn(work: _Work, progress: Progress) -> Answer:
    """Once T has gone by on the writer's clock, commit the marker 'after'."""
    margin = AFTER_T if work.marked else UNMARKED
    with _session(work.source.writer, read_only=not work.marked) as session:
        if _same_writer(session, progress)["clock"] <= clock.parse(progress.restore_time) + margin:
            return _waiting(progress, "the restore point to go by")
        marker = str(uuid.uuid4()) if work.marked else None
        next_xid = _mark(work, session, marker, "after") if marker else None
        turned_at = _same_writer(session, progress)["clock"].isoformat()
    turned = replace(
        progress, phase=Phase.AFTER, after=marker, next_xid=next_xid, turned_at=turned_at
    )
    return _waiting(turned, "what was committed up to the restore point to be visible")


def _read_catalogs_again(work: _Work, progress: Progress) -> Answer:
    """Read the catalogs again, as soon as all is visible that was committed up to T."""
    since = _since_turn(work, progress)
    if since < AFTER_T:
        return _waiting(progress, "what was committed up to the restore point to be visible")
    with _session(work.tables_are_at) as session:
        if not _shows(session, progress.after):
            return _behind(work, progress, since)
        _read_catalogs(work, session, "after")
    return _waiting(replace(progress, phase=Phase.SECOND), "the second reading of the tables")


def _since_turn(work: _Work, progress: Progress) -> timedelta:
    """How long ago the marker 'after' was committed. Raises SourceChanged."""
    with _session(work.source.writer) as session:
        now: datetime = _same_writer(session, progress)["clock"]
    return now - datetime.fromisoformat(progress.turned_at)


def _behind(work: _Work, progress: Progress, since: timedelta) -> Answer:
    """The reader does not show the marker yet. Raises ReaderBehind once it takes too long."""
    if since > READER_LAG:
        raise ReaderBehind(
            f"{work.source.reader.host} does not show what {work.source.writer.host}"
            f" committed {since.total_seconds():.0f} s ago"
        )
    return _waiting(progress, "the reader to show the marker")


def _read_second(work: _Work, progress: Progress) -> Answer:
    """Read every table for the second time, then write the manifest."""
    since = _since_turn(work, progress)
    with _session(work.tables_are_at) as session:
        if not _shows(session, progress.after):
            return _behind(work, progress, since)
        listed = _tables(work)
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
    return _keep(
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
            catalogs=_catalogs(work),
            tables=kept,
            excluded=excluded,
            **_insides(work),
        ),
    )


def _look_back(work: _Work) -> Answer:
    """The manifest of a restore point in the past."""
    restore_time = clock.parse(work.plan["restore"]["time"])
    beats, restorable_after = None, None
    if work.marked:
        with _session(work.source.writer, read_only=False) as session:
            # Heartbeats nearer than that to the restore point prove nothing.
            if _writer(session)["clock"] <= restore_time + HEARTBEAT_TOLERANCE:
                return waiting(1, "the restore point to go by")
            _mark(work, session, str(uuid.uuid4()), "beat")
            found = session.all("heartbeats_around", moment=restore_time, limit=HEARTBEATS)
            beats = tuple((row["id"], row["beat_at"].isoformat()) for row in found)
            # That the copy lacks it says something once a restore could have brought it back.
            written = [row["beat_at"] for row in found]
            restorable_after = min(
                (at for at in written if at > restore_time + HEARTBEAT_TOLERANCE), default=None
            )
    with _session(work.source.reader) as session:
        listed = _list(session, work)
        holds_rows = tables.any_row(session, listed)
        schemas = work.drill["schemas"] or tables.schemas(session)
        server = session.one("server")
    kept, excluded = manifest.of_past(listed)
    return _keep(
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


def _keep(work: _Work, made: Manifest, *, restorable_after: datetime | None = None) -> Answer:
    work.put("manifest", made.to_document())
    return done(
        restore_time=made.restore_time,
        restorable_after=clock.render(restorable_after) if restorable_after else made.restore_time,
        marker={"before": made.before, "after": made.after},
        manifest=work.key("manifest"),
        tables=len(made.tables),
        bounded=sum(table.bounds is not None for table in made.tables),
        excluded=len(made.excluded),
        objects=made.catalogs.objects if made.catalogs else 0,
        rows=sum(table.rows or 0 for table in made.tables),
        bytes=sum(table.bytes for table in made.tables),
    )


def _read(
    work: _Work,
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


def _readings(work: _Work, progress: Progress) -> dict[str, Reading]:
    """What all calls of a phase have read; of a table that was read again, the last reading."""
    return {
        target: Reading.from_document(record)
        for part in range(progress.part)
        for target, record in work.get(f"{progress.phase}-{part}").items()
    }


def _mark(work: _Work, session: Session, marker: str, position: str) -> int:
    """Commit a marker. Its transaction. Raises HeartbeatMissing."""
    try:
        session.run("forget_heartbeats")
        row = session.one(
            "put_marker",
            id=marker,
            drill=work.drill["name"],
            run_id=work.plan["run_id"],
            position=position,
        )
    except QueryFailed as failure:
        if failure.absent or failure.denied:
            raise HeartbeatMissing(
                f"the marker {position!r} cannot be written on {work.source.writer.host}:"
                f" {failure}; run functions/aurora/sql/setup/install.sql there as the master user,"
                " or set heartbeat: false"
            ) from None
        raise
    return int(row["xid"])


def _shows(session: Session, marker: str | None) -> bool:
    return marker is None or bool(session.all("find_heartbeats", ids=[marker]))


def _writer(session: Session) -> dict[str, Any]:
    """The server behind the writer's endpoint. Raises TryAgain when that is a reader."""
    server = session.one("server")
    if server["in_recovery"]:
        raise TryAgain("the source's endpoint leads to a reader: it is failing over")
    return server


def _same_writer(session: Session, progress: Progress) -> dict[str, Any]:
    """The writer. Raises SourceChanged when it is another one than at T, or was restarted."""
    server = _writer(session)
    if _identity(server) != progress.server:
        raise SourceChanged(
            "the source failed over or was restarted around the restore point: the clock that"
            " stamped its commits may be another one"
        )
    return server


def _identity(server: Mapping[str, Any]) -> dict[str, str]:
    return {"address": server["address"], "started_at": server["started_at"].isoformat()}


def _session(login: Login, *, read_only: bool = True) -> AbstractContextManager[Session]:
    return database.session(login, application=APPLICATION, read_only=read_only)


def _progress(previous: Mapping[str, Any]) -> Progress:
    found = previous.get("progress")
    return Progress(**{**found, "phase": Phase(found["phase"])}) if found else Progress()


def _waiting(progress: Progress, waiting_for: str, *, seconds: float = 1) -> Answer:
    return waiting(seconds, waiting_for, progress=asdict(progress))
