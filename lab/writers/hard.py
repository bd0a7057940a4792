"""The hard writer: several connections that do all kinds of work at once, until it is stopped.

Each thread belongs to a crew and goes through the crew's work in rounds, every round in another
order; the order and what is written come from a seed, and how the threads meet does not. What
PostgreSQL refuses when many write at once is counted and gone on from.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final

import psycopg
from psycopg import errors

from lab.postgres import Server
from lab.writers import locks, rows, transactions, upkeep
from lab.writers.desk import Crew, Desk, Work

SCHEMA: Final = "mill"
WORK: Final[tuple[Work, ...]] = (
    *rows.WORK,
    *transactions.WORK,
    *locks.WORK,
    *upkeep.WORK,
)
KINDS: Final = tuple(work.name for work in WORK)
SLOW: Final = tuple(work.name for work in WORK if work.crew in (Crew.LONG, Crew.PREPARED))
"""Kinds whose transactions stay open for some seconds."""

THREADS: Final[Mapping[Crew, int]] = MappingProxyType(
    {Crew.QUICK: 3, Crew.LONG: 2, Crew.PREPARED: 2, Crew.UPKEEP: 1, Crew.RESHAPING: 1}
)

_SETTINGS: Final = {
    "max_prepared_transactions": "20",
    "deadlock_timeout": "50ms",
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_analyze_scale_factor": "0.01",
}
_LOCK_TIMEOUT: Final = "300ms"
_PAUSES: Final[Mapping[Crew, tuple[float, float]]] = MappingProxyType(
    {
        Crew.QUICK: (0.0, 0.004),
        Crew.LONG: (0.0, 0.2),
        Crew.PREPARED: (0.0, 0.2),
        Crew.UPKEEP: (0.1, 0.4),
        Crew.RESHAPING: (0.3, 1.0),
    }
)
_EXPECTED: Final = (
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.SerializationFailure,
)
_JOIN_SECONDS: Final = 30.0


class WriterFailed(Exception):
    """When the writer met an error that is not one of those which many who write must expect."""


def settle_in(server: Server, database: str) -> None:
    """Make the writer's tables in a database, and the server's settings; starts the server anew.

    Raises psycopg.Error and lab.postgres.PostgresError.
    """
    with server.connect(database) as connection:
        connection.execute(Path(__file__).with_name("schema.sql").read_bytes())
        for name, value in _SETTINGS.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
    server.stop()
    server.start()


@dataclass
class _Span:
    """A transaction of a slow kind, and how long it was open."""

    kind: str
    began: datetime
    ended: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        return self.began < moment and (self.ended is None or moment < self.ended)


class HardWriter:
    """Writes to a database that `settle_in` has furnished; in a `with` block, from begin to end."""

    def __init__(
        self, server: Server, database: str, *, seed: int = 1, most_seconds: float = 3600.0
    ) -> None:
        """A writer that has not begun, and stops by itself after `most_seconds` of writing."""
        self.refused: Counter[str] = Counter()
        """How often PostgreSQL refused to go on, by the name of the error."""
        self._done: Counter[str] = Counter()
        self._server = server
        self._database = database
        self._seed = seed
        self._most_seconds = most_seconds
        self._ends_at = 0.0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._trouble: list[tuple[str, BaseException]] = []
        self._threads: list[threading.Thread] = []
        self._slow: list[_Span] = []

    def __enter__(self) -> HardWriter:
        """Begin to write."""
        self._settle_promises()
        self._ends_at = time.monotonic() + self._most_seconds
        for crew, count in THREADS.items():
            for number in range(count):
                thread = threading.Thread(target=self._work, args=(crew, number), daemon=True)
                self._threads.append(thread)
                thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def stop(self) -> None:
        """End it, with no transaction left open. Raises WriterFailed for what was not expected."""
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=_JOIN_SECONDS)
        running = [thread.name for thread in self._threads if thread.is_alive()]
        self._threads = []
        if running:
            raise WriterFailed(f"{len(running)} threads do not end")
        self._settle_promises()
        self._tell_trouble()

    def demand(self) -> None:
        """Make sure that it still writes. Raises WriterFailed."""
        self._tell_trouble()
        if self._ended.is_set() or time.monotonic() > self._ends_at:
            raise WriterFailed("it has stopped")

    def _tell_trouble(self) -> None:
        if self._trouble:
            kind, error = self._trouble[0]
            raise WriterFailed(f"{kind}: {type(error).__name__}: {error}") from error

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind of work was done to its end so far, in the order of KINDS."""
        with self._lock:
            return {kind: self._done[kind] for kind in KINDS}

    def open_at(self, moment: datetime) -> dict[str, int]:
        """How many transactions of each slow kind had begun by then and ended only later."""
        with self._lock:
            there = [span.kind for span in self._slow if span.holds(moment)]
        return {kind: there.count(kind) for kind in SLOW}

    def await_all(self, *, seconds: float = 180.0) -> None:
        """Wait until each kind was done once at least. Raises WriterFailed after `seconds`."""
        deadline = time.monotonic() + seconds
        while missing := [kind for kind, count in self.counts.items() if not count]:
            self.demand()
            if time.monotonic() > deadline:
                raise WriterFailed(f"not done within {seconds:.0f} s: {', '.join(missing)}")
            time.sleep(0.05)

    def _work(self, crew: Crew, number: int) -> None:
        name = f"{crew}-{number}"
        dice = Random(f"{self._seed}/{name}")  # noqa: S311 - it only has to be varied
        kind = "connection"
        try:
            with self._connect() as connection:
                if number % 2:  # it is told that it is committed before that is on the disk
                    connection.execute("SET synchronous_commit = off")
                for turn, work in enumerate(_rounds(crew, dice)):
                    if self._ended.is_set() or time.monotonic() > self._ends_at:
                        return
                    kind = work.name
                    desk = Desk(
                        connection=connection,
                        dice=dice,
                        name=f"{self._seed}-{name}-{turn}",
                        rest=self._ended.wait,
                    )
                    self._do(work, desk)
                    self._ended.wait(dice.uniform(*_PAUSES[crew]))
        except Exception as error:  # whatever it is, `stop` raises it
            self._trouble.append((kind, error))
            self._ended.set()

    def _do(self, work: Work, desk: Desk) -> None:
        try:
            with self._noted(work):
                work.do(desk)
        except _EXPECTED as refusal:
            with self._lock:
                self.refused[type(refusal).__name__] += 1
            return
        with self._lock:
            self._done[work.name] += 1

    @contextlib.contextmanager
    def _noted(self, work: Work) -> Iterator[None]:
        """When a slow kind of work began, and when it ended."""
        if work.name not in SLOW:
            yield
            return
        span = _Span(work.name, datetime.now(UTC))
        with self._lock:
            self._slow.append(span)
        try:
            yield
        finally:
            span.ended = datetime.now(UTC)

    def _settle_promises(self) -> None:
        """Take back what was prepared and never decided."""
        with self._connect() as connection:
            found = connection.execute(
                "SELECT gid FROM pg_prepared_xacts WHERE starts_with(gid, %s)"
                " AND database = current_database()",
                [transactions.PREPARED_PREFIX],
            ).fetchall()
            for (name,) in found:
                connection.execute(f"ROLLBACK PREPARED '{name}'".encode())

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        # Plans that are kept would not survive the changes of their tables.
        return self._server.connect(
            self._database,
            prepare_threshold=None,
            application_name="hard writer",
            options=f"-c lock_timeout={_LOCK_TIMEOUT}",
        )


@contextlib.contextmanager
def writing(
    server: Server, database: str, *, seed: int = 1, most_seconds: float = 3600.0
) -> Iterator[HardWriter]:
    """A hard writer that has done each kind of work once, and goes on while the block runs.

    Raises WriterFailed.
    """
    with HardWriter(server, database, seed=seed, most_seconds=most_seconds) as writer:
        writer.await_all()
        yield writer


def _rounds(crew: Crew, dice: Random) -> Iterator[Work]:
    """The work of a crew, round after round, each in another order.

    >>> first = list(itertools.islice(_rounds(Crew.LONG, Random(1)), 4))
    >>> sorted(work.name for work in first)[-2:]
    ['long transaction', 'long transaction']
    >>> first == list(itertools.islice(_rounds(Crew.LONG, Random(1)), 4))
    True
    """
    cards = [work for work in WORK if work.crew is crew for _ in range(work.times)]
    for _ in itertools.count():
        dice.shuffle(cards)
        yield from cards
