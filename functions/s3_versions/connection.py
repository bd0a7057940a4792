"""As much of HTTP/1.1 as a request of S3 needs, over one connection that is kept."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final, NamedTuple

from functions.s3_versions.signing import Place

LARGEST_HEAD: Final = 128 * 1024
"""Bytes of a head; S3 allows 8 KB for what comes from users."""

_PIECE: Final = 256 * 1024


class AnswerLost(Exception):
    """When a connection ended before the answer did, or what came is no HTTP."""


class ConnectionStale(AnswerLost):
    """When a kept connection had been closed by the server before this request was read."""


class Head(NamedTuple):
    """A status, and the headers with their names in lower case."""

    status: int
    headers: dict[str, str]


class Connection:
    """One connection; used by one thread at a time.

    `reusable` tells whether another request may be sent: not before an answer is read to its end.
    """

    __slots__ = ("_buffer", "_chunked", "_kept", "_left", "_socket", "reusable")

    def __init__(
        self,
        place: Place,
        *,
        tls: ssl.SSLContext | None,
        connect_seconds: float,
        read_seconds: float,
    ) -> None:
        """Connect. Raises OSError."""
        made = socket.create_connection((place.host, place.port), timeout=connect_seconds)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = tls.wrap_socket(made, server_hostname=place.host) if tls else made
            self._socket.settimeout(read_seconds)
        except BaseException:
            made.close()
            raise
        self._buffer = b""
        self._left: int | None = 0
        self._chunked = False
        self._kept = False
        self.reusable = True

    def close(self) -> None:
        """Close it; it may be closed already."""
        self.reusable = False
        self._socket.close()

    def ask(self, message: bytes, *, bodyless: bool = False) -> Head:
        """Send a whole request; the head of the answer. Its body must be read before the next one.

        `bodyless` is for HEAD, whose answer tells a length and has no body. Raises OSError,
        AnswerLost, and ConnectionStale where it is worth another connection at once.
        """
        kept, self.reusable = self._kept, False
        try:
            self._socket.sendall(message)
            version, status, headers = self._head()
        except (AnswerLost, ConnectionError) as error:
            if kept and not self._buffer:
                raise ConnectionStale(str(error)) from error
            raise
        while status < 200:
            version, status, headers = self._head()
        told = headers.get("connection", "").lower()
        self._kept = told == "keep-alive" if version == "HTTP/1.0" else told != "close"
        self._chunked = False
        if bodyless or status in (204, 304):
            self._left = 0
        elif "chunked" in headers.get("transfer-encoding", "").lower():
            self._chunked = True
            self._left = None
        elif (length := headers.get("content-length")) is not None:
            if not length.isdecimal():
                raise AnswerLost(f"Content-Length: {length}: expected a number")
            self._left = int(length)
        else:
            self._left = None
            self._kept = False
        return Head(status, headers)

    def read(self) -> bytes:
        """The whole body of the answer. Raises OSError and AnswerLost."""
        left, held = self._left, self._buffer
        if left is not None and len(held) >= left:
            self._buffer = held[left:]
            self.reusable = self._kept
            return held[:left]
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The body of the answer as it comes. Raises OSError and AnswerLost."""
        if self._chunked:
            yield from self._chunks()
        elif self._left is None:
            while piece := self._piece():
                yield piece
        else:
            yield from self._exactly(self._left)
        self.reusable = self._kept

    def _head(self) -> tuple[str, int, dict[str, str]]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > LARGEST_HEAD:
                raise AnswerLost(f"its head is longer than {LARGEST_HEAD} bytes")
            if not (more := self._socket.recv(_PIECE)):
                raise AnswerLost("the connection was closed before an answer came")
            self._buffer += more
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        self._buffer = self._buffer[end + 4 :]
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
            raise AnswerLost(f"{first[:80]!r}: expected a status line of HTTP/1.1")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip(" \t")
        return version, int(rest[:3]), headers

    def _piece(self) -> bytes:
        if held := self._buffer:
            self._buffer = b""
            return held
        return self._socket.recv(_PIECE)

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left:
            if not (piece := self._piece()):
                raise AnswerLost(f"the connection was closed {left} bytes before the answer's end")
            if len(piece) > left:
                self._buffer = piece[left:]
                piece = piece[:left]
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self._line()
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError as error:
                raise AnswerLost(f"{line[:80]!r}: expected the size of a chunk") from error
            if not size:
                break
            yield from self._exactly(size)
            if line := self._line():
                raise AnswerLost(f"{line[:80]!r}: expected the end of a chunk")
        while self._line():
            pass  # trailers

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            more = self._socket.recv(_PIECE)
            if not more or len(self._buffer) > LARGEST_HEAD:
                raise AnswerLost("the connection was closed within a chunk")
            self._buffer += more
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line
