"""How T goes by: what is marked, in which order, and from which transaction on nothing counts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from functions.aurora.comparison import AFTER_T
from functions.aurora.database import Login, Session
from functions.aurora.witness_turn import UNMARKED, Turned, _pass_by
from functions.aurora.witness_work import Load, Source, Work
from functions.errors import SourceChanged, TryAgain
from lab.driven import Shelf, drill, plan, plenty
from tests.unit.witness_samples import LOGIN

BEGAN = datetime(2026, 11, 2, 5, 0, 0, 250_000, tzinfo=UTC)
T = datetime(2026, 11, 2, 5, 0, 1, tzinfo=UTC)
STARTED = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Writer:
    """A server on which each look takes a while, and each ends up behind a transaction of others.

    `log` has what was done, and when: by the server's clock, with the next transaction then.
    """

    clock: datetime = BEGAN
    next_xid: int = 700
    restarts_after: datetime | None = None
    in_recovery: bool = False
    log: list[tuple[str, datetime, int]] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)
        self.next_xid += 1

    @contextlib.contextmanager
    def snapshot(self, *, seconds: float, idle_seconds: float) -> Iterator[None]:
        assert 0 < seconds < idle_seconds + seconds
        self.log.append(("snapshot", self.clock, self.next_xid))
        yield

    def run(self, query: str) -> None:
        assert query == "forget_heartbeats"

    def one(self, query: str, **given: Any) -> dict[str, Any]:
        self.pause(0.001)
        xid = self.next_xid
        match query:
            case "put_marker":
                self.next_xid += 1
                self.log.append((str(given["position"]), self.clock, xid))
                return {"xid": xid}
            case "next_xid":
                return {"clock": self.clock, "next_xid": xid, "oldest_running": xid}
            case _:
                assert query == "server"
        self.log.append(("looked", self.clock, xid))
        later = self.restarts_after and self.clock > self.restarts_after
        return {
            "clock": self.clock,
            "next_xid": xid,
            "address": "10.0.0.7",
            "started_at": self.clock if later else STARTED,
            "in_recovery": self.in_recovery,
        }

    def at(self, what: str) -> tuple[datetime, int]:
        """When that was done the first time."""
        return next((moment, xid) for name, moment, xid in self.log if name == what)


@dataclass(frozen=True, kw_only=True, slots=True)
class Around(Work):
    """What one call was given, with a server behind each endpoint."""

    writer: Writer

    @contextlib.contextmanager
    def session(self, login: Login, *, read_only: bool = True) -> Iterator[Session]:
        assert login is LOGIN
        assert read_only or self.marked
        yield cast(Session, self.writer)


def passed_by(writer: Writer, *, heartbeat: bool) -> Turned:
    work = Around(
        source=Source(reader=LOGIN, writer=LOGIN),
        drill=drill(database="shop", schemas=[], heartbeat=heartbeat),
        plan=plan(),
        evidence=Shelf(),
        remaining_seconds=plenty,
        slice_bytes=1 << 20,
        pause=writer.pause,
        load=Load(),
        writer=writer,
    )
    with ExitStack() as stack:
        turned, _ = _pass_by(work, stack)
    return turned


def test_t_lies_between_two_markers() -> None:
    writer = Writer()
    turned = passed_by(writer, heartbeat=True)
    assert turned.restore_time == "2026-11-02T05:00:01Z"
    before, snapshot, after = (writer.at(what) for what in ("before", "snapshot", "after"))
    assert before[0] < T < snapshot[0] < T + AFTER_T < after[0]
    assert before[1] < turned.own_from < snapshot[1] < turned.next_xid == after[1]
    assert None not in (turned.before, turned.after)
    assert turned.before != turned.after
    assert turned.turned_at > after[0].isoformat()


def test_without_markers_the_writer_tells_what_came_too_late() -> None:
    writer = Writer()
    turned = passed_by(writer, heartbeat=False)
    assert (turned.before, turned.after) == (None, None)
    assert {what for what, *_ in writer.log} == {"looked", "snapshot"}
    looked = [(moment, xid) for what, moment, xid in writer.log if what == "looked"]
    first_after = next(xid for moment, xid in looked if moment > T)
    assert turned.next_xid == first_after
    assert min(moment for moment, _ in looked if moment > T) > T + UNMARKED
    assert turned.own_from < writer.at("snapshot")[1] < turned.next_xid


@pytest.mark.parametrize("heartbeat", [True, False])
def test_a_writer_that_is_another_one_afterwards_has_another_clock(heartbeat: bool) -> None:
    with pytest.raises(SourceChanged):
        passed_by(Writer(restarts_after=T), heartbeat=heartbeat)


@pytest.mark.parametrize("heartbeat", [True, False])
def test_a_reader_cannot_say_when_t_is(heartbeat: bool) -> None:
    writer = Writer(in_recovery=True)
    with pytest.raises(TryAgain):
        passed_by(writer, heartbeat=heartbeat)
    assert [what for what, *_ in writer.log] == ["looked"]
