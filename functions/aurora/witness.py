"""What is true on the source around the restore point T, written down as evidence.

Every table is read chunk by chunk before T, by short snapshots, at leisure (witness_tables.py).
Then T goes by between two snapshots, and what changes meanwhile is listed (witness_turn.py); chunks
there was no time for are read again afterwards. sandwich.py says what that proves. Markers,
committed just before T and just after it, show where the restore landed. A call does the next part
and answers where it stopped.

    first reading -> catalogs -> the turn: marker 'before', T, marker 'after' -> catalogs
        -> second reading

Of a restore point in the past no such witness can exist: witness_past.py says what there is then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from functions import clock
from functions.aurora import (
    digesting,
    manifest,
    scanning,
    tables,
    witness_catalogs,
    witness_second,
    witness_tables,
)
from functions.aurora.comparison import AFTER_T
from functions.aurora.manifest import Manifest
from functions.aurora.passing import Pass, Read
from functions.aurora.witness_past import look_back
from functions.aurora.witness_tables import Again
from functions.aurora.witness_turn import Turned, expect_same, shows, turn
from functions.aurora.witness_work import (
    Evidence,
    Load,
    ReaderBehind,
    Source,
    Work,
    keep,
    listed_tables,
    the_writer,
)
from functions.model import Answer
from functions.step import done, waiting

ROUNDS = 2
"""How often tables that were rewritten during the first reading are read anew."""

MOST_ROUNDS = 5
"""How often what changes is read again, as long as a round takes long and finds less and less."""

RENEWED = (
    "its columns or the labels of an enum were renamed, or made again, while the source was"
    " witnessed"
)

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

    `round` says whether it is the first reading of all tables or one of some of them again, `place`
    how many tables are done, or groups of them, `parts` which files of evidence there are, and
    `going` how far the present table has come. `began` is when the round did, in seconds of the
    epoch, and `changed` how many chunks the round before had to read anew. From the turn on: what
    it has settled. `load` is what all of it has cost the source.
    """

    phase: Phase = Phase.FIRST
    round: int = 0
    place: int = 0
    parts: tuple[str, ...] = ()
    going: dict[str, Any] | None = None
    began: float = 0.0
    changed: int | None = None
    groups: int = 0
    turned: dict[str, Any] | None = None
    load: dict[str, Any] = field(default_factory=dict)

    @property
    def turn(self) -> Turned:
        """What the turn has settled."""
        if self.turned is None:
            raise ValueError("T has not gone by")
        return Turned(**self.turned)


def advance(
    *,
    source: Source | None,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    previous: Mapping[str, Any],
    evidence: Evidence,
    remaining_seconds: Callable[[], float],
    slice_bytes: int = scanning.SLICE_BYTES,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Do the next part of the witness's work, as far as the time of this call goes.

    `source` None is: the drill may not read the source. Answers `restore_time` (RFC 3339, a whole
    second), `restorable_after` (the moment that must be restorable before the restore is asked
    for), `marker`, `manifest` (its key in the evidence bucket, or None), `tables`, `exact`,
    `bounded`, `excluded`, `objects`, `rows`, `bytes` and `load` (what it has cost the source:
    witness_work.Load) when done; until then `progress`. `pause` waits for T to go by.

    Raises TryAgain when the source cannot be reached, database.LoginRefused and
    database.TlsFailed, NothingToWitness, HeartbeatMissing, ReaderBehind, and SourceChanged when
    the writer is not the server any more that it was at T.
    """
    if source is None:
        return _unwitnessed(plan)
    progress = _progress(previous)
    work = Work(
        source=source,
        drill=drill,
        plan=plan,
        evidence=evidence,
        remaining_seconds=remaining_seconds,
        slice_bytes=slice_bytes,
        pause=pause,
        load=Load(**progress.load),
    )
    if plan["restore"]["time"]:
        return look_back(work)
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
    """Read every table for the first time, or what has to be read again."""
    began = progress.began or time.time()
    with work.session(work.tables_are_at) as session:
        if not progress.parts:
            witness_tables.begin(work, session)
        again = _again(work, progress)
        counted = [table.target for table in listed_tables(work) if table.counted]
        todo = [target for target in counted if again.asks(target)]
        part = f"first-{progress.round}-{len(progress.parts)}"
        place, going = witness_tables.read(
            work,
            session,
            todo,
            place=progress.place,
            going=Pass.from_document(progress.going) if progress.going else Pass(),
            part=part,
            again=again,
        )
    read = replace(
        progress,
        place=place,
        going=going.to_document(),
        parts=(*progress.parts, part),
        began=began,
    )
    if place < len(todo):
        return _waiting(work, read, f"the first reading of {len(todo) - place} tables")
    return _waiting(work, replace(read, phase=Phase.BEFORE), "the catalogs to be read")


def _again(work: Work, progress: Progress) -> Again:
    """What this round has to read."""
    if not progress.round:
        return Again(everything=True)
    asked = work.get(f"again-{progress.round}")
    if asked["changed"]:
        read = witness_tables.gathered(work, progress.parts, _rounds(work, progress))
        return Again(changed={t: table for t, table in read.items() if not table.going.problem})
    anew = {target: Read.from_document(record) for target, record in asked["chunks"].items()}
    return Again(whole=frozenset(asked["whole"]), anew=anew)


def _rounds(work: Work, progress: Progress) -> list[list[str]]:
    """The tables that each round has begun from anew."""
    return [work.get(f"again-{number + 1}")["whole"] for number in range(progress.round)]


def _read_catalogs_first(work: Work, progress: Progress) -> Answer:
    """Read the catalogs, unless tables have to be read again, or those that change meanwhile."""
    read = witness_tables.gathered(work, progress.parts, _rounds(work, progress))
    with work.session(work.tables_are_at) as session:
        witness_catalogs.read(work, session, "before")
        stale = witness_tables.stale(session, listed_tables(work), read)
    unsure = {
        target: replace(table, chunks=tuple(c for c in table.chunks if c.ambiguous)).to_document()
        for target, table in read.items()
        if target not in stale and any(chunk.ambiguous for chunk in table.chunks)
    }
    if (stale or unsure) and progress.round < ROUNDS:
        what = f"{len(stale) + len(unsure)} tables to be read again"
        return _another(work, progress, {"whole": stale, "chunks": unsure}, what)
    restless = witness_tables.changed(work, progress.parts, progress.round)
    changed = restless.total()
    took_long = time.time() - progress.began > work.round_seconds
    fewer = progress.changed is None or changed < progress.changed
    if took_long and fewer and progress.round < MOST_ROUNDS:
        told = {"whole": [], "chunks": {}, "changed": True}
        what = "what has changed meanwhile to be read again"
        return _another(work, replace(progress, changed=changed), told, what)
    groups = 0
    for group in witness_tables.groups(read, restless):
        work.put(f"chunks-{groups}", {name: each.to_document() for name, each in group.items()})
        groups += 1
    ready = Progress(phase=Phase.TURN, groups=groups)
    return _waiting(work, ready, "the restore point to be chosen")


def _another(work: Work, progress: Progress, asked: Mapping[str, Any], waiting_for: str) -> Answer:
    """One more round of the first reading."""
    another = Progress(round=progress.round + 1, parts=progress.parts, changed=progress.changed)
    work.put(f"again-{another.round}", {"changed": False, **asked})
    return _waiting(work, another, waiting_for)


def _turn(work: Work, progress: Progress) -> Answer:
    """Let T go by between two snapshots."""
    groups = (witness_tables.group(work, number) for number in range(progress.groups))
    turned = turn(work, groups, witness_tables.relations(work))
    after = replace(progress, phase=Phase.AFTER, turned=asdict(turned))
    return _waiting(work, after, "what was committed up to the restore point to be visible")


def _read_catalogs_again(work: Work, progress: Progress) -> Answer:
    """Read the catalogs again, as soon as all is visible that was committed up to T."""
    since = _since_turn(work, progress)
    if since < AFTER_T:
        return _waiting(work, progress, "what was committed up to the restore point to be visible")
    with work.session(work.tables_are_at) as session:
        if not shows(session, progress.turn.after):
            return _behind(work, progress, since)
        witness_catalogs.read(work, session, "after")
    return _waiting(work, replace(progress, phase=Phase.SECOND), "the second reading of the tables")


def _since_turn(work: Work, progress: Progress) -> timedelta:
    """How long ago the marker 'after' was committed. Raises SourceChanged."""
    turned = progress.turn
    with work.session(work.source.writer) as session:
        server = the_writer(session)
    expect_same(turned, server)
    now: datetime = server["clock"]
    return now - datetime.fromisoformat(turned.turned_at)


def _behind(work: Work, progress: Progress, since: timedelta) -> Answer:
    """The reader does not show the marker yet. Raises ReaderBehind once it takes too long."""
    if since > READER_LAG:
        raise ReaderBehind(
            f"{work.source.reader.host} does not show what {work.source.writer.host}"
            f" committed {since.total_seconds():.0f} s ago"
        )
    return _waiting(work, progress, "the reader to show the marker")


def _read_second(work: Work, progress: Progress) -> Answer:
    """Read what the turn has not read, for the second time; then write the manifest."""
    since = _since_turn(work, progress)
    turned = progress.turn
    with work.session(work.tables_are_at) as session:
        if not shows(session, turned.after):
            return _behind(work, progress, since)
        place, going = witness_second.read(
            work,
            session,
            turned,
            groups=progress.groups,
            place=progress.place,
            going=Pass.from_document(progress.going) if progress.going else Pass(),
        )
        if place < progress.groups:
            read = replace(progress, place=place, going=going.to_document())
            left = progress.groups - place
            return _waiting(work, read, f"the second reading of {left} groups of tables")
        schemas = work.drill["schemas"] or tables.schemas(session)
        later = tables.list_tables(session, schemas=schemas, exclude=work.drill["exclude"])
        server = session.one("server")
        renewed = digesting.renewed(session, listed_tables(work), work.get("digests")["tables"])
    read_tables = witness_second.witnessed(work, turned, progress.groups)
    for target in renewed & read_tables.keys():
        read_tables[target] |= {"digest": "", "undigested": RENEWED}
    kept, excluded = manifest.of_present(before=listed_tables(work), after=later, read=read_tables)
    return keep(
        work,
        Manifest(
            restore_time=turned.restore_time,
            source=work.source_name,
            listed_at=clock.render(server["clock"]),
            holds_rows=any(facts.get("rows") for facts in read_tables.values()),
            before=turned.before,
            after=turned.after,
            next_xid=turned.next_xid,
            own_from=turned.own_from,
            digests=work.get("digests")["side"],
            server_version=server["version"],
            schemas=tuple(schemas),
            catalogs=witness_catalogs.seen(work),
            tables=kept,
            excluded=excluded,
            **witness_catalogs.insides(work),
        ),
        load=work.load,
    )


def _progress(previous: Mapping[str, Any]) -> Progress:
    found = previous.get("progress")
    if not found:
        return Progress()
    return Progress(**{**found, "phase": Phase(found["phase"]), "parts": tuple(found["parts"])})


def _waiting(work: Work, progress: Progress, waiting_for: str) -> Answer:
    told = replace(progress, load=asdict(work.load))
    return waiting(1, waiting_for, progress=asdict(told))
