"""A hot standby of a server: what a reader of a cluster is."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from lab.postgres import SUPERUSER, PostgresError, Server, Servers

_SETTINGS = {
    "hot_standby": "on",
    "archive_mode": "off",
    "hot_standby_feedback": "on",
    "max_standby_streaming_delay": "2s",
}
_START_SECONDS = 30.0
_POLL_SECONDS = 0.02
_PORTS = 1000  # names the link to its socket, beside that of its source


@dataclass
class Standby:
    """A server that streams from another one, and lets itself be read."""

    server: Server
    database: str
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.server.socket

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser; its rows."""
        with self.server.connect(self.database) as connection:
            return connection.execute(statement.encode()).fetchall()

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


def standby_of(servers: Servers, source: Server, database: str, **settings: str) -> Standby:
    """A reader of the source, in the way of Aurora's: what it replays waits for no query for long.

    Raises PostgresError with the end of its log when it does not answer.
    """
    reader = Server(servers, name="reader", port=source.port + _PORTS)
    for folder in (reader.folder, reader.archive, reader.base_backups):
        servers.make_folder(folder)
    shutil.rmtree(reader.data, ignore_errors=True)
    servers.run(
        *("pg_basebackup", "-D", reader.data, "-h", source.sockets, "-R", "--no-sync"),
        *("-p", str(source.port), "-U", SUPERUSER, "-X", "stream", "-c", "fast"),
    )
    reader.configure({**_SETTINGS, **settings})
    process = servers.spawn("postgres", "-D", reader.data, log=reader.log)
    standby = Standby(reader, database, process)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError):
            if standby.run("SELECT pg_is_in_recovery()") == [(True,)]:
                return standby
        time.sleep(_POLL_SECONDS)
    standby.stop()
    raise PostgresError(f"the standby does not answer; its log ends:\n{reader.log_tail()}")
