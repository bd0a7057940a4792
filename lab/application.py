"""The sample company's application: what a rotated password must not take down.

It has a page that asks nothing but itself, and one that logs in to the database anew, with the
secret as an application gets it from AWS's caching client: read, kept for a while, read again.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import psycopg

from lab.authority import Authority
from lab.proxy import HttpServer

HOST_NAME = "app.fibonacci.example"

CACHE_SECONDS = 1.0
"""How long the application uses a secret before it reads it again, unless told otherwise."""

ReadSecret = Callable[[], Mapping[str, Any]]
"""Reads the current secret: host, port, username, password, dbname."""

_CONNECT_SECONDS = 5
_STATEMENT_MILLISECONDS = 5000


class Application:
    """An HTTPS server of that name, on 127.0.0.1, from `start` to `stop`."""

    def __init__(
        self, *, authority: Authority, read_secret: ReadSecret, cache_seconds: float
    ) -> None:
        """Get a certificate; `cache_seconds` is how long a secret is used before the next look."""
        self.pooled = False
        """A damage: the secret that was read once is kept for ever, as in a pool."""
        self.requests = 0
        """How many were answered or are being answered, whatever they asked for."""
        self.failures: deque[str] = deque(maxlen=100)
        """Why the database was not reached: for the person at the lab, not on the wire."""
        self.port = 0
        """Where it listens; known after the first start, and the same after another one."""
        self._read_secret = read_secret
        self._cache_seconds = cache_seconds
        self._secret: Mapping[str, Any] | None = None
        self._read_at = 0.0
        self._trusted = authority.certificate
        self._context = authority.issue(HOST_NAME)
        self._server: HttpServer | None = None
        self._counting, self._reading = threading.Lock(), threading.Lock()

    def start(self) -> None:
        """Serve, until `stop`. May be called twice. Raises OSError."""
        if self._server is None:
            handler = partial(_Page, self.answer)
            self._server = HttpServer(handler, port=self.port, context=self._context)
            self.port = self._server.port

    def stop(self) -> None:
        """End every connection and every thread. May be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.end()

    def answer(self, path: str) -> tuple[HTTPStatus, str]:
        """What a GET of this path is answered: a status and a word on it."""
        with self._counting:
            self.requests += 1
        match path:
            case "/health":
                return HTTPStatus.OK, "ok"
            case "/health/database":
                return self._look()
            case _:
                return HTTPStatus.NOT_FOUND, "not found"

    def _look(self) -> tuple[HTTPStatus, str]:
        try:
            _log_in(self._current_secret(), self._trusted)
        # Whatever the driver or the reader of the secret raises, the client is told no more.
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")
            return HTTPStatus.SERVICE_UNAVAILABLE, "database unreachable"
        return HTTPStatus.OK, "ok"

    def _current_secret(self) -> Mapping[str, Any]:
        with self._reading:
            age = time.monotonic() - self._read_at
            if self._secret is None or (age >= self._cache_seconds and not self.pooled):
                self._secret = self._read_secret()
                self._read_at = time.monotonic()
            return self._secret


class _Page(BaseHTTPRequestHandler):
    """Answers one request."""

    def __init__(self, answer: Callable[[str], tuple[HTTPStatus, str]], *connection: Any) -> None:
        self._answer = answer
        super().__init__(*connection)

    def do_GET(self) -> None:
        status, word = self._answer(self.path)
        body = json.dumps({"status": word}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Say nothing: the lab's output is the drill's."""


def _log_in(secret: Mapping[str, Any], trusted: Path) -> None:
    """Open a connection, run a statement, close it. Raises psycopg.Error, KeyError."""
    with psycopg.connect(
        host=secret["host"],
        port=secret["port"],
        dbname=secret["dbname"],
        user=secret["username"],
        password=secret["password"],
        sslmode="verify-full",
        sslrootcert=str(trusted),
        connect_timeout=_CONNECT_SECONDS,
        application_name="fibonacci",
        options=f"-c statement_timeout={_STATEMENT_MILLISECONDS}",
    ) as connection:
        connection.execute("SELECT 1")
