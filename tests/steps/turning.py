"""T goes by on a source of its own, to which something is done at each moment of that."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from functions.aurora import scanning, witness, witness_turn
from functions.aurora.comparison import AFTER_T, restore_point
from functions.aurora.witness_work import Source
from lab import driven
from lab.driven import INSTALL, Outcome, Premises, Shelf
from lab.postgres import Server
from tests.steps.company import Company

DATABASE = "turns"
SCHEMA = "turn"

_AHEAD = timedelta(seconds=1)
_SURELY_AFTER = timedelta(milliseconds=200)

Hook = Callable[[], Any]


def settings(**changes: Any) -> dict[str, Any]:
    """The configuration of a drill of that database."""
    return driven.drill(database=DATABASE, schemas=[SCHEMA], **changes)


def see(
    source: Source,
    shelf: Shelf,
    hooks: Mapping[str, Hook],
    monkeypatch: pytest.MonkeyPatch,
    *,
    asked: Mapping[str, Any],
    remaining_seconds: Callable[[], float] = driven.plenty,
    slice_bytes: int = scanning.SLICE_BYTES,
) -> dict[str, Any]:
    """Drive the witness to its end; something is done at some moments, once each.

    They are "begin", the phases of the witness, before the first call of each, and within the turn:
    "before T", "after T" (a third snapshot is open by then), "marked" (the marker 'after' is
    committed, the second snapshot not yet open), and "reading": all of them are open.
    """
    play = _Play(dict(hooks))
    monkeypatch.setattr(witness_turn, "restore_point", play.choose)
    witnessed = driven.drive(
        lambda previous: witness.advance(
            source=source,
            drill=asked,
            plan=driven.plan(),
            previous=play.reach(previous),
            evidence=shelf,
            remaining_seconds=play.reading(remaining_seconds),
            slice_bytes=slice_bytes,
            pause=play.pause,
        )
    )
    assert not play.pending, "a moment did not come"
    return witnessed


@dataclass
class Stage:
    """The source, and the connections that do something to it."""

    premises: Premises
    connections: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)

    def do(self, *lines: str) -> None:
        """Run statements, each by the connection that stands before it: `a: COMMIT`."""
        for line in lines:
            name, _, statement = line.partition(": ")
            if name not in self.connections:
                self.connections[name] = self.premises.source.connect(DATABASE)
            self.connections[name].execute(statement.encode())

    def see(
        self,
        shelf: Shelf,
        hooks: Mapping[str, Hook],
        monkeypatch: pytest.MonkeyPatch,
        *,
        reader: Any = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The same of this source."""
        login = self.premises.login(self.premises.source)
        source = Source(reader=self.premises.login(reader) if reader else login, writer=login)
        return see(source, shelf, hooks, monkeypatch, **({"asked": settings()} | options))

    def restore(self, witnessed: Mapping[str, Any]) -> Server:
        """The copy as of T."""
        return self.premises.restore(witnessed["restore_time"])

    def judge(
        self, copy: Server, witnessed: Mapping[str, Any], shelf: Shelf, **options: Any
    ) -> Outcome:
        """What Verify says of it."""
        chosen = {"settings": settings()} | options
        return driven.judge(self.premises.login(copy), witnessed, shelf, **chosen)

    def furnish(self, statements: str) -> None:
        """An empty schema, and in it what the statements make."""
        self.premises.run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
        self.premises.run(statements)

    def tidy(self) -> None:
        """End what is open, and forget the copies."""
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()
        self.premises.forget_copies()


@dataclass
class _Play:
    """Which moments have come."""

    pending: dict[str, Hook]
    moment: datetime = datetime(9999, 1, 1, tzinfo=UTC)
    is_marked: bool = False

    def come(self, name: str) -> None:
        if hook := self.pending.pop(name, None):
            hook()

    def reach(self, previous: Mapping[str, Any]) -> Mapping[str, Any]:
        self.come(previous["progress"]["phase"] if previous else "begin")
        return previous

    def choose(self, now: datetime) -> datetime:
        """A restore point that is far enough ahead for what is done before it."""
        self.moment = restore_point(now + _AHEAD)
        return self.moment

    def pause(self, seconds: float) -> None:
        if seconds == AFTER_T.total_seconds():
            self.come("after T")
            self.come("marked")
            self.is_marked = True
        elif "before T" in self.pending:
            self.come("before T")
            assert datetime.now(UTC) < self.moment, "what was done before T took too long"
            return
        elif datetime.now(UTC) > self.moment + _SURELY_AFTER:
            self.come("after T")
            return
        time.sleep(min(seconds, 0.05) if "after T" in self.pending else seconds)

    def reading(self, remaining: Callable[[], float]) -> Callable[[], float]:
        def left() -> float:
            if self.is_marked:
                self.come("reading")
            return remaining()

        return left


@contextlib.contextmanager
def stage(company: Company) -> Iterator[Stage]:
    """A source beside the company's: transactions can be prepared, and nothing cleans up."""
    source = company.servers.create("turning")
    with source.connect() as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        connection.execute("ALTER SYSTEM SET max_prepared_transactions = 10")
        connection.execute("ALTER SYSTEM SET autovacuum = off")
    source.stop()
    source.start()
    premises = Premises(
        servers=company.servers, authority=company.authority, source=source, database=DATABASE
    )
    premises.run(INSTALL.read_text())
    made = Stage(premises)
    try:
        source.back_up()
        yield made
    finally:
        made.tidy()
        if source.socket in premises.doors:
            premises.doors.pop(source.socket).release()
        company.servers.remove(source.name)
