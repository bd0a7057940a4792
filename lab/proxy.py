"""The way to the sample company's own host names, which no DNS knows: a proxy for HTTPS.

A function of the lab has its address in the standard variable HTTPS_PROXY, so the URLs that it is
given are the real ones, and the certificates that it is shown are checked for the real names.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from lab.login_front import HOST, bind_again, relay, say_goodbye

REQUEST_SECONDS = 10.0
"""How long a client may take to say what it wants."""

_POLL_SECONDS = 0.05


class HttpServer(ThreadingHTTPServer):
    """An HTTP server in threads, whose `end` leaves none of them, nor a socket."""

    def __init__(
        self,
        handler: Callable[..., BaseHTTPRequestHandler],
        *,
        port: int = 0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """Serve from now on, encrypted if there is a context, at a port it had or at a free one.

        Raises OSError when the port is not to be had.
        """
        super().__init__((HOST, port), handler)
        self.port: int = self.server_port
        self._context = context
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._accepting = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), name="http", daemon=True
        )
        self._accepting.start()

    def end(self) -> None:
        """End every connection and every thread, and give the port back."""
        self.shutdown()
        self._accepting.join()
        self.server_close()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections:
            thread.join()

    def server_bind(self) -> None:
        """Bind, and ask no DNS for a name, as the inherited method does."""
        if port := int(self.server_address[1]):
            bind_again(self.socket, port)
        else:
            TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection; its handshake comes with its first read, in a thread of its own."""
        connection, address = super().get_request()
        connection.settimeout(REQUEST_SECONDS)
        if self._context is not None:
            try:
                connection = self._context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            except OSError:  # it is gone already
                connection.close()
                raise
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread that `end` knows."""

        def serve() -> None:
            try:
                self.process_request_thread(request, client_address)
            finally:
                with self._lock:
                    del self._connections[thread]

        thread = threading.Thread(target=serve, name="http", daemon=True)
        with self._lock:
            self._connections[thread] = request
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """End a connection, in good order if it is encrypted."""
        if isinstance(request, ssl.SSLSocket):
            say_goodbye(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell what went wrong; a client that goes away is no event worth a word."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Proxy:
    """A proxy for the method CONNECT, and for given targets only.

    `targets` says at which port of this machine a `host:port` is, and may be changed at any time.
    """

    def __init__(self, *, targets: Mapping[str, int]) -> None:
        self.targets = targets
        self.port = 0
        """Where it listens; known after the first start, and the same after another one."""
        self._server: HttpServer | None = None

    @property
    def url(self) -> str:
        """The value of HTTPS_PROXY."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Serve, until `stop`. May be called twice. Raises OSError."""
        if self._server is None:
            self._server = HttpServer(
                partial(_Tunnel, lambda target: self.targets.get(target)), port=self.port
            )
            self.port = self._server.port

    def stop(self) -> None:
        """End every connection and every thread. May be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.end()


class _Tunnel(BaseHTTPRequestHandler):
    """Joins one client to the target that it asks for."""

    rbufsize = 0  # what follows the request is the target's: nothing may be read ahead

    def __init__(self, port_of: Callable[[str], int | None], *connection: Any) -> None:
        self._port_of = port_of
        super().__init__(*connection)

    def do_CONNECT(self) -> None:
        port = self._port_of(self.path.lower())
        if port is None:
            self._refuse()
            return
        try:
            target = socket.create_connection((HOST, port), REQUEST_SECONDS)
        except OSError:
            self.send_error(HTTPStatus.BAD_GATEWAY, "the target does not answer")
            return
        with target:
            self.send_response(HTTPStatus.OK, "Connection established")
            self.end_headers()
            relay(self.connection, target)

    def _refuse(self) -> None:
        self.send_error(HTTPStatus.FORBIDDEN, "not a target of this proxy")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Say nothing: the lab's output is the drill's."""
