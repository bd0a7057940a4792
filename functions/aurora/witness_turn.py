"""The turn: T goes by between two snapshots, and what happened between them is written down.

The first snapshot is opened just before T, the second just after it, and both stay open for as long
as it takes to find the chunks that changed and to list, of these, the versions that went and those
that came; at most for `timing.snapshot_seconds`. No lock is held beyond the reading of a slice.
Chunks there was no time for get their second reading later: what went from them is only counted.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from functions import clock
from functions.aurora import database, passing, scanning
from functions.aurora.comparison import AFTER_T, WINDOW, restore_point
from functions.aurora.database import Session
from functions.aurora.digest import Digest
from functions.aurora.passing import Read
from functions.aurora.sandwich import Chunk, Sandwich
from functions.aurora.scanning import Known, Relation, Storage
from functions.aurora.second_reading import Room, quiet, quiet_since, unlisted
from functions.aurora.witness_work import Work, mark, the_writer
from functions.errors import SourceChanged, TryAgain

UNMARKED: Final = timedelta(seconds=2)
"""How long after T the second reading begins where no marker shows that all of it is visible."""

_LOOK_SECONDS: Final = 0.02
_CLOSE_TO_T: Final = 0.005
_READER_PAUSE: Final = 0.05
_READER_PATIENCE: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Turned:
    """What a turn has settled, for the document: T, the markers, and the writer around it.

    `name` is the turn's own, for its evidence. `own_from` was not in use yet just before T,
    `next_xid` is the transaction of the marker 'after', or was not in use then. `turned_at` is by
    the writer's clock.
    """

    name: str
    restore_time: str
    before: str | None
    after: str | None
    own_from: int
    next_xid: int
    turned_at: str
    server: dict[str, str]


@dataclass(slots=True)
class Between:
    """The open snapshots of a turn, by their sessions. `middle` was opened just after T."""

    early: Session
    late: Session
    middle: Session
    closed_after: int
    next_xid: int
    room: Room = field(default_factory=Room)
    enders: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def sandwiches(
        self, late: Session, relation: Relation, storage: Storage, chunks: Sequence[Chunk]
    ) -> list[Sandwich]:
        """Both readings of these chunks. Raises Changed, Behind, Overtaken and QueryFailed."""
        plain = replace(relation, digest="")
        seconds = scanning.SLICE_SECONDS
        with (
            scanning.opened(self.early, relation, seconds=seconds) as before,
            scanning.opened(self.middle, relation, seconds=seconds),
        ):
            if (before.oid, before.filenode) != (storage.oid, storage.filenode):
                raise scanning.Changed(passing.REWRITTEN)
            known = self._unchanged(relation, before, chunks)
            seen = scanning.read_again(late, plain, storage, known)
            return [
                ((chunk is not asked or not relation.digest) and quiet(chunk, looked, relation))
                or self._busy(relation, before, storage, asked)
                for asked, chunk, looked in zip(chunks, known, seen, strict=True)
            ]

    def _unchanged(
        self, relation: Relation, before: Storage, chunks: Sequence[Chunk]
    ) -> list[Chunk]:
        """The chunks, those as a reading by the first snapshot in which nothing has changed since.

        Only then is it known that no version came after the reading, and went before T or after it.
        """
        if not relation.digest:
            return list(chunks)
        seen = scanning.read_again(self.early, replace(relation, digest=""), before, chunks)
        return [
            replace(chunk, horizon=before.oldest_running, next_xid=before.next_xid)
            if chunk.gap == WINDOW and quiet_since(chunk, looked)
            else chunk
            for chunk, looked in zip(chunks, seen, strict=True)
        ]

    def _busy(self, relation: Relation, before: Storage, after: Storage, known: Chunk) -> Sandwich:
        """A chunk that changed: it is read anew by the first snapshot, and row by row.

        Raises Overtaken, and what `sandwiches` raises.
        """
        (chunk,) = scanning.read_first(
            self.early, relation, before, [(known.start, known.end)], Known.of(known)
        )
        (looked,) = scanning.read_again(self.late, replace(relation, digest=""), after, [chunk])
        scanning.expect_within(chunk, looked)
        most = self.room.versions
        came, glimpsed = (
            scanning.new_versions(session, relation, chunk, below=self.closed_after, most=most)
            for session in (self.late, self.middle)
        )
        marked = scanning.ending_versions(self.early, relation, chunk, most=most)
        before_t = scanning.new_versions(self.early, relation, chunk, below=None, most=most)
        still = {
            (version.ctid, version.writer)
            for version in scanning.versions_at(
                self.late,
                replace(relation, digest=""),
                chunk,
                [version.ctid for version, *_ in marked],
            )
        }
        gone = [
            replace(version, enders=self._enders(chunk, mark, several=several))
            for version, mark, several in marked
            if (version.ctid, version.writer) not in still
        ]
        lost = chunk.old.rows - looked.old.rows
        went = sum(version.writer is None for version in gone)
        if not self.room.hold(came, glimpsed, marked, before_t) or went != lost:
            return unlisted(self.late, relation, after, chunk, looked, None)
        decided = {(version.ctid, version.writer) for version in (*came, *gone)}
        # What the first snapshot saw was committed before T, whatever the copy says of it.
        certain = {(version.ctid, version.writer) for version in before_t}
        return Sandwich(
            chunk=chunk,
            left=Digest(rows=looked.old.rows),
            gone=tuple(gone),
            came=tuple(replace(v, certain=(v.ctid, v.writer) in certain) for v in came),
            glimpsed=tuple(v for v in glimpsed if (v.ctid, v.writer) not in decided),
        )

    def _enders(self, chunk: Chunk, mark: int, *, several: bool) -> tuple[int, ...]:
        """The transactions that a mark may mean."""
        if mark not in self.enders:
            found = {mark}
            if several and (members := scanning.updaters(self.early, mark)) is not None:
                found |= set(members)
            xids = {chunk.xid((xid - chunk.horizon) % 2**32) for xid in found}
            self.enders[mark] = tuple(sorted(xid for xid in xids if xid < self.next_xid))
        return self.enders[mark]


def turn(
    work: Work, groups: Iterable[Mapping[str, Read]], relations: Mapping[str, Relation]
) -> Turned:
    """Mark, let T go by, mark again, and write down what happened between, as far as time goes.

    The evidence of group n is `rows-<name>-<n>`: by target the sandwiches, in order, perhaps not
    all of them. Raises TryAgain, HeartbeatMissing, and SourceChanged when the writer is another one
    afterwards.
    """
    turned: Turned | None = None
    try:
        with ExitStack() as stack:
            early = stack.enter_context(work.session(work.tables_are_at))
            stack.enter_context(_held(work, early))
            early.one("next_xid")
            began = time.monotonic()
            turned, middle = _pass_by(work, stack)
            if late := _after(work, stack, turned):
                next_xid = late.one("next_xid")["next_xid"]
                between = Between(
                    early=early,
                    late=late,
                    middle=middle,
                    closed_after=turned.next_xid,
                    next_xid=next_xid,
                )
                _write(between, work, groups, relations, turned.name, began)
            work.load.snapshot_seconds = round(time.monotonic() - began, 3)
    except TryAgain:
        if turned is None:
            raise
        # What was not written down gets its second reading later.
    return turned


def _held(work: Work, session: Session) -> AbstractContextManager[None]:
    """A snapshot that may rest while others are read."""
    idle = float(work.drill["timing"]["snapshot_seconds"]) + database.IDLE_SECONDS
    return session.snapshot(seconds=scanning.SLICE_SECONDS, idle_seconds=idle)


def _pass_by(work: Work, stack: ExitStack) -> tuple[Turned, Session]:
    """Commit the marker 'before', choose T, wait for it, commit the marker 'after'.

    A third snapshot is opened at once after T: it shows rows that live but for a moment.
    """
    marked = work.marked
    before, after = (str(uuid.uuid4()) if marked else None for _ in range(2))
    middle = stack.enter_context(work.session(work.tables_are_at))
    with work.session(work.source.writer, read_only=not marked) as session:
        the_writer(session)
        if before:
            mark(work, session, before, "before")
        server = the_writer(session)
        moment = restore_point(server["clock"])
        own_from = _wait(work, session, moment) or int(server["next_xid"])
        stack.enter_context(_held(work, middle))
        middle.one("next_xid")
        _wait(work, session, moment + (AFTER_T if marked else UNMARKED))
        next_xid = (
            mark(work, session, after, "after") if after else int(the_writer(session)["next_xid"])
        )
        turned = Turned(
            name=uuid.uuid4().hex[:8],
            restore_time=clock.render(moment),
            before=before,
            after=after,
            own_from=own_from,
            next_xid=next_xid,
            turned_at=the_writer(session)["clock"].isoformat(),
            server=identity(server),
        )
        expect_same(turned, the_writer(session))
    return turned, middle


def _wait(work: Work, session: Session, moment: datetime) -> int:
    """Wait until that moment on the server's clock has gone by.

    The first transaction id that was not in use just before; 0 where it had gone by already.
    """
    unused = 0
    while (row := session.one("next_xid"))["clock"] <= moment:
        unused = row["next_xid"]
        # Often: a busy machine may sleep for longer than it was told.
        left = (moment - row["clock"]).total_seconds()
        work.pause(min(_LOOK_SECONDS, max(0.001, left - _CLOSE_TO_T)))
    return unused


def _after(work: Work, stack: ExitStack, turned: Turned) -> Session | None:
    """A session whose snapshot shows the marker 'after', and so all that was committed up to T.

    None where a reader does not show it in time.
    """
    work.pause(AFTER_T.total_seconds())
    late = stack.enter_context(work.session(work.tables_are_at))
    patience = _READER_PATIENCE
    while not shows(late, turned.after):
        if patience <= 0:
            return None
        work.pause(_READER_PAUSE)
        patience -= _READER_PAUSE
    stack.enter_context(_held(work, late))
    return late


def shows(session: Session, marker: str | None) -> bool:
    """Whether a server shows the marker, where there is one."""
    return marker is None or bool(session.all("find_heartbeats", ids=[marker]))


def _write(
    between: Between,
    work: Work,
    groups: Iterable[Mapping[str, Read]],
    relations: Mapping[str, Relation],
    name: str,
    began: float,
) -> None:
    """The sandwiches of all groups, until the time is up for which the snapshots may be open."""
    cap = float(work.drill["timing"]["snapshot_seconds"])

    def left() -> float:
        remaining = work.remaining_seconds() - scanning.RESERVE_SECONDS
        return min(cap - (time.monotonic() - began), remaining)

    for number, group in enumerate(groups):
        if left() <= 0:
            break
        work.put(f"rows-{name}-{number}", _group(between, work, group, relations, left))


def _group(
    between: Between,
    work: Work,
    group: Mapping[str, Read],
    relations: Mapping[str, Relation],
    left: Callable[[], float],
) -> dict[str, Any]:
    """The sandwiches of a group of tables, as far as time goes; then, and on an error, fewer."""
    found: dict[str, Any] = {}
    for target, table in group.items():
        rows: list[Any] = []
        going = table.going.again
        while not table.problem and table.chunks and not going.finished and left() > 0:
            before = going.bytes
            try:
                going, made = passing.again_on(
                    between.late,
                    going,
                    relations[target],
                    table.chunks,
                    between.sandwiches,
                    slice_bytes=work.slice_bytes,
                    remaining_seconds=left(),
                )
            except TryAgain:
                return found | {target: {"rows": rows}}
            rows += [sandwich.to_row() for sandwich in made]
            work.load.read_bytes += going.bytes - before
            # A chunk that changed is read by all three snapshots, six times in all.
            busy = sum(bool(sandwich.gone or sandwich.came) for sandwich in made)
            work.load.read_bytes += (going.bytes - before) * 5 * busy // max(1, len(made))
            if going.attempts:
                break  # it is locked, or was cancelled: its turn comes later
        found[target] = {"rows": rows}
    return found


def identity(server: Mapping[str, Any]) -> dict[str, str]:
    """What tells one server, or one start of it, from another."""
    return {"address": server["address"], "started_at": server["started_at"].isoformat()}


def expect_same(turned: Turned, server: Mapping[str, Any]) -> None:
    """Raises SourceChanged when the writer is another one than at T, or was restarted."""
    if identity(server) != turned.server:
        raise SourceChanged(
            "the source failed over or was restarted around the restore point: the clock that"
            " stamped its commits may be another one"
        )
