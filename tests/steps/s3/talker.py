"""A server that says on each request what a test wrote down for it, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

import boto3
from botocore.config import Config

from functions.s3_versions.wire import Bucket

KEYS = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret"}
PATHS = Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=5)


class Say(NamedTuple):
    """Bytes to answer with, and whether the connection is closed, or reset, after them."""

    data: bytes
    then: str = "keep"


class Heard(NamedTuple):
    """A request as it came; `connection` numbers the connection that it came over."""

    connection: int
    line: str
    headers: dict[str, str]
    body: bytes


def ok(body: bytes = b"", *headers: str, status: str = "200 OK", then: str = "keep") -> Say:
    """A plain answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return Say("\r\n".join(lines).encode() + b"\r\n\r\n" + body, then)


def error(status: int, code: str, message: str = "so it is") -> Say:
    """A refusal in S3's words."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return ok(body, status=f"{status} no")


VERSIONING = b"<VersioningConfiguration><Status>%s</Status></VersioningConfiguration>"
ENABLED = ok(VERSIONING % b"Enabled")
"""That a bucket has versioning."""


@dataclass(kw_only=True)
class Talker:
    """Listens on 127.0.0.1; says the last thing again where nothing else is left to say."""

    says: deque[Say]
    tls: ssl.SSLContext | None = None
    heard: list[Heard] = field(default_factory=list)

    @classmethod
    def of(cls, says: Iterable[Say], tls: ssl.SSLContext | None = None) -> Self:
        return cls(says=deque(says), tls=tls)

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        self._threads.append(accepting)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        with self._lock:
            for one in self._sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                made, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            thread = threading.Thread(target=self._talk, args=(made, number))
            with self._lock:
                self._sockets.append(made)
                self._threads.append(thread)
            thread.start()

    def _talk(self, made: socket.socket, number: int) -> None:
        with made:
            try:
                talking = self.tls.wrap_socket(made, server_side=True) if self.tls else made
                with talking, talking.makefile("rb") as reader:
                    while line := reader.readline():
                        headers = {}
                        while (one := reader.readline()) not in (b"\r\n", b""):
                            name, _, value = one.decode("latin-1").partition(":")
                            headers[name.lower()] = value.strip()
                        body = reader.read(int(headers.get("content-length", 0)))
                        if not self._answer(
                            talking, Heard(number, line.decode().strip(), headers, body)
                        ):
                            return
            except OSError:
                return

    def _answer(self, talking: socket.socket, heard: Heard) -> bool:
        with self._lock:
            self.heard.append(heard)
            say = self.says[0] if len(self.says) == 1 else self.says.popleft()
        talking.sendall(say.data)
        if say.then == "reset":
            talking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return say.then == "keep"


def client(endpoint: str | None = None, config: Config = PATHS, **more: Any) -> Any:
    """A client of S3 whose environment is nobody's."""
    given = {"region_name": "eu-central-1", **KEYS, **more}
    return boto3.client("s3", endpoint_url=endpoint, config=config, **given)


@contextlib.contextmanager
def talking(*says: Say, tries: int = 3, **more: Any) -> Iterator[tuple[Talker, Bucket]]:
    """A bucket at a server that says this."""
    with Talker.of(says) as talker:
        at = client(f"http://127.0.0.1:{talker.port}")
        with Bucket("bucket", client=at, tries=tries, pause_seconds=0.001, **more) as bucket:
            yield talker, bucket
