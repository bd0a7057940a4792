"""What a comparison takes of the servers: time, their processors', and what the source feels.

The processor's time of a server is that of all its processes, those that have ended included; where
the system has no /proc it is zero. The source is looked at twenty times a second, by a session that
counts for nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lab.postgres import Server

LOOK_SECONDS: Final = 0.05
BLOCK_BYTES: Final = 8192

_QUIET_SECONDS: Final = 10.0
_PROCESSES: Final = Path("/proc")

_OTHERS: Final = b"""
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start))
                FILTER (WHERE state = 'active'), 0)::float8,
       coalesce(max(extract(epoch FROM clock_timestamp() - xact_start))
                FILTER (WHERE backend_xmin IS NOT NULL), 0)::float8,
       count(*)
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_READ: Final = b"""
SELECT sum(blks_hit + blks_read)::bigint, sum(blks_read)::bigint
FROM pg_stat_database WHERE datname = %s
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Felt:
    """What the source has felt: seconds of the longest statement and of the longest snapshot, how
    many connections there were at once, and the bytes of pages that were read, each as often as it
    was; `fetched` were those that were not in its cache.
    """

    statement: float = 0.0
    snapshot: float = 0.0
    connections: int = 0
    read: int = 0
    fetched: int = 0

    def __or__(self, other: Felt) -> Felt:
        """One after the other.

        >>> Felt(statement=2, read=8, connections=1) | Felt(statement=1, read=8, connections=3)
        Felt(statement=2, snapshot=0.0, connections=3, read=16, fetched=0)
        """
        return Felt(
            statement=max(self.statement, other.statement),
            snapshot=max(self.snapshot, other.snapshot),
            connections=max(self.connections, other.connections),
            read=self.read + other.read,
            fetched=self.fetched + other.fetched,
        )


@dataclass(kw_only=True, slots=True)
class Stage:
    """A part of a comparison: seconds of the clock, and of the processor, servers' and client's.

    `aside` is to be left out of the first: seconds in which nothing was to be done but to wait.
    """

    name: str
    seconds: float = 0.0
    servers: float = 0.0
    client: float = 0.0
    aside: float = 0.0
    felt: Felt = field(default_factory=Felt)


class Meter:
    """Measures comparisons with one source."""

    def __init__(self, source: Server, database: str) -> None:
        self._source, self._database = source, database
        self._session = source.connect()
        self._own = int(self._one(b"SELECT pg_backend_pid()")[0])
        self.stages: list[Stage] = []

    def close(self) -> None:
        """Log out."""
        self._session.close()

    @contextmanager
    def stage(self, name: str, *servers: Server) -> Iterator[Stage]:
        """Measure what is done in the block, on these servers."""
        self._settle()
        measured = Stage(name=name)
        processor, read = self._processor(servers), self._read()
        stop, seen = threading.Event(), [Felt()]
        watch = threading.Thread(target=self._watch, args=(stop, seen), daemon=True)
        watch.start()
        began = time.perf_counter()
        try:
            yield measured
        finally:
            measured.seconds = time.perf_counter() - began - measured.aside
            stop.set()
            watch.join()
        self._settle()
        measured.servers = self._processor(servers) - processor
        pages, fetched = (now - then for now, then in zip(self._read(), read, strict=True))
        measured.felt = seen[0] | Felt(read=pages * BLOCK_BYTES, fetched=fetched * BLOCK_BYTES)
        self.stages.append(measured)

    def _watch(self, stop: threading.Event, seen: list[Felt]) -> None:
        while not stop.wait(LOOK_SECONDS):
            statement, snapshot, connections = self._one(_OTHERS)
            seen[0] |= Felt(statement=statement, snapshot=snapshot, connections=connections)

    def _settle(self) -> None:
        """Wait until nobody else is connected: a session that ends tells what it has read."""
        deadline = time.monotonic() + _QUIET_SECONDS
        while self._one(_OTHERS)[2] and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        time.sleep(LOOK_SECONDS)  # nor are they on the copy then, and the ended are counted

    def _read(self) -> list[int]:
        return [int(number or 0) for number in self._one(_READ, self._database)]

    def _one(self, statement: bytes, *values: str) -> tuple[Any, ...]:
        row = self._session.execute(statement, values or None).fetchone()
        assert row is not None
        return row

    def _processor(self, servers: tuple[Server, ...]) -> float:
        return sum(processor_of(postmaster(server), leave_out=self._own) for server in servers)


def postmaster(server: Server) -> int:
    """The process that all others of the server come from."""
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def processor_of(parent: int, *, leave_out: int = 0) -> float:
    """Seconds of the processor that the children of a process have used, those that ended too."""
    if not (_PROCESSES / str(parent)).is_dir():
        return 0.0
    ticks = 0
    for folder in _PROCESSES.glob("[0-9]*"):
        fields = _fields(folder)
        if fields is None:
            continue
        if int(folder.name) == parent:
            ticks += int(fields[13]) + int(fields[14])
        elif int(fields[1]) == parent and int(folder.name) != leave_out:
            ticks += sum(int(each) for each in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(folder: Path) -> list[str] | None:
    """What /proc says of a process, from its state on; None where it is gone."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
