"""The WSGI application before moto's: it reads requests, shows them to hooks, and answers."""

from __future__ import annotations

import io
import json
import logging
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.sts.models import sts_backends
from werkzeug.http import http_date

from lab import aws
from lab.calls import Call, Refusal, answer_to, operation_of, signature
from lab.iam import UndescribedCall
from lab.policies import UnknownOperator
from lab.s3 import Answer as S3Answer
from lab.s3_faults import HungUp

if TYPE_CHECKING:
    from lab.emulator import Emulator

MOTO_VERSION = "5.2.5"

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
StartResponse = Callable[..., object]

_LOG = logging.getLogger("moto")

_NO_FUNCTION = "Lambda.ResourceNotFoundException"
"""What Step Functions calls it; the Lambda API's own name for it comes behind the point."""


class Front:
    """The WSGI application before moto's: reads the request, asks the hooks, keeps the call."""

    def __init__(self, emulator: Emulator, moto: Any) -> None:
        self.connections: set[socket.socket] = set()
        self._emulator = emulator
        self._moto = moto

    def hang_up(self) -> None:
        """Cut all connections, used or kept."""
        for connection in list(self.connections):
            _cut(connection)

    @property
    def clock_skew(self) -> timedelta:
        """How far the clock that AWS shows is from this machine's."""
        return self._emulator.clock_skew

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response = _undated(start_response)
        signed = signature(_credential(environ))
        if signed is None:
            return self._passed_on(environ, start_response)
        body = _whole_body(environ)
        access_key, _, service = signed
        try:
            operation, parameters = operation_of(
                service, {**environ, "wsgi.input": io.BytesIO(body)}
            )
        except Refusal as refusal:
            return _answer(start_response, *_unread(service, environ, refusal))
        role, session = _assumed_role(access_key)
        call = Call(
            role=role,
            session=session,
            service=service,
            operation=operation,
            parameters=parameters,
        )
        try:
            answer = self._answered(environ, call, body)
        except HungUp:
            self._emulator.tell_hooks(call)
            _cut(environ["werkzeug.socket"])
            raise
        except Exception as error:  # a hook's own failure: its caller gets to read it
            _LOG.exception("%s:%s", call.service, call.operation)
            answer = _refused(environ, call, _failure(call, error, "a hook of the lab"))
        return _answer(start_response, *answer)

    def _answered(self, environ: dict[str, Any], call: Call, body: bytes) -> Answer:
        refusal = self._emulator.ask_hooks(call)
        if refusal is not None:
            return _refused(environ, call, refusal)
        environ["wsgi.input"] = io.BytesIO(body)
        if call.service == "s3":
            answer = self._stored(environ, call, body)
        elif _is_invoke(call):
            answer = self._invoked(environ, call, body)
        else:
            answer = self._known(environ, call)
        self._emulator.tell_hooks(replace(call, status=answer[0]))
        return answer

    def _known(self, environ: dict[str, Any], call: Call) -> Answer:
        """What the lab answers in moto's place, or what moto answers."""
        try:
            text = self._emulator.own_answer(call)
        except Refusal as refusal:
            return _refused(environ, call, refusal)
        if text is None:
            return self._asked(environ, call)
        return int(HTTPStatus.OK), [("Content-Type", "application/x-amz-json-1.1")], text

    def _stored(self, environ: dict[str, Any], call: Call, body: bytes) -> Answer:
        """What the lab's S3 answers, which asks moto about buckets."""

        def moto() -> S3Answer:
            status, headers, text = self._asked(environ, call)
            return S3Answer(status=status, headers=dict(headers), body=text)

        found = self._emulator.s3.answer(call, environ, body, moto)
        return found.status, list(found.headers.items()), found.body

    def _passed_on(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer

    def _asked(self, environ: dict[str, Any], call: Call) -> Answer:
        """What moto answers, as a whole, so that the hooks come before the caller's first byte."""
        head: list[tuple[str, Headers]] = []
        try:
            chunks = self._moto(environ, lambda status, headers, *_: head.append((status, headers)))
            with closing(chunks):
                text = b"".join(chunks)
        except Exception as error:  # what moto cannot do is an answer, not a broken connection
            _LOG.exception("%s:%s", call.service, call.operation)
            return _refused(environ, call, _failure(call, error, f"moto {MOTO_VERSION}"))
        status, headers = head[-1]
        return int(status.split()[0]), headers, text

    def _invoked(self, environ: dict[str, Any], call: Call, body: bytes) -> Answer:
        """The Lambda API's Invoke, which moto would do in Docker."""
        name = aws.function_name(call.parameters["FunctionName"])
        answer = self._emulator.invoke(name, body or b"{}")
        told = json.loads(answer.payload) if answer.error else {}
        if told.get("errorType") == _NO_FUNCTION:  # the caller's error, not a function's
            code = _NO_FUNCTION.partition(".")[2]
            refusal = Refusal(code, told["errorMessage"], HTTPStatus.NOT_FOUND)
            return _refused(environ, call, refusal)
        headers = [("Content-Type", "application/json")]
        if answer.error:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        return int(HTTPStatus.OK), headers, answer.payload


class QuietHandler(MotoRequestHandler):  # type: ignore[misc]  # moto has no types
    """Keeps connections, as AWS does: werkzeug's handler closes each after one request.

    Requests are in `Emulator.calls`; a line for each on the terminal is too much.
    """

    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        """Begin with a connection."""
        super().setup()
        self.server.app.connections.add(self.connection)

    def finish(self) -> None:
        """Be done with a connection, which the caller may have closed."""
        self.server.app.connections.discard(self.connection)
        with suppress(ConnectionError):
            super().finish()

    def run_wsgi(self) -> None:
        """Answer a request, and close the connection if its body may not have been read."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        head: list[tuple[str, Headers]] = []
        try:
            chunks = self.server.app(
                environ, lambda status, headers, *_: head.append((status, headers))
            )
            with closing(chunks) if hasattr(chunks, "close") else nullcontext():
                text = b"".join(chunks)
        except HungUp:
            self.close_connection = True
            return
        status, headers = head[-1]
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in _with_length(headers, text):
            self.send_header(name, value)
        if not environ.get(_WHOLE):
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
        self.wfile.flush()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of every answer, by the clock that AWS is to show."""
        moment = time.time() if timestamp is None else timestamp
        skew: timedelta = self.server.app.clock_skew
        return http_date(moment + skew.total_seconds())

    def log_request(self, *_arguments: Any) -> None:
        """Say nothing."""


_WHOLE = "lab.body_is_read"


def _whole_body(environ: dict[str, Any]) -> bytes:
    """The request's body, which `environ` then says the length of."""
    stream = environ["wsgi.input"]
    if "HTTP_TRANSFER_ENCODING" in environ:
        del environ["HTTP_TRANSFER_ENCODING"]
        body: bytes = stream.read()
    else:
        body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["CONTENT_LENGTH"] = str(len(body))
    environ[_WHOLE] = True
    return body


def _credential(environ: dict[str, Any]) -> str:
    """Where a request says who signed it: in a header, or in the query of a pre-signed one."""
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    return header or unquote(environ.get("QUERY_STRING", ""))


def _cut(connection: socket.socket) -> None:
    """Cut a connection. The caller may have gone already."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _with_length(headers: Headers, text: bytes) -> Headers:
    """The headers of an answer with its length; of an answer to HEAD it may be told already."""
    if any(name.lower() == "content-length" for name, _ in headers):
        return headers
    return [*headers, ("Content-Length", str(len(text)))]


def _unread(service: str, environ: dict[str, Any], refusal: Refusal) -> Answer:
    """The answer to a request that cannot be read."""
    asked_in = environ.get("CONTENT_TYPE", "")
    status, content_type, text = answer_to(service, asked_in, refusal)
    return status, [("Content-Type", content_type)], text


def _assumed_role(access_key: str) -> tuple[str | None, str | None]:
    """ARN of the role and name of the session that a key belongs to, if it is a role's."""
    assumed = sts_backends[aws.ACCOUNT]["aws"].get_assumed_role_from_access_key(access_key)
    return (assumed.role_arn, assumed.session_name) if assumed else (None, None)


def _is_invoke(call: Call) -> bool:
    return (call.service, call.operation) == ("lambda", "Invoke")


def _refused(environ: dict[str, Any], call: Call, refusal: Refusal) -> Answer:
    return _unread(call.service, environ, refusal)


def _failure(call: Call, error: Exception, whose: str) -> Refusal:
    """The answer to a call that could not be carried out."""
    why = f"{whose} cannot do {call.service}:{call.operation}: {error!r}"
    # NotImplementedError is how moto says that it lacks an operation; the others are the lab's own.
    if isinstance(error, (NotImplementedError, UndescribedCall, UnknownOperator)):
        return Refusal("NotImplemented", why, HTTPStatus.NOT_IMPLEMENTED)
    return Refusal("InternalFailure", why, HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer(
    start_response: StartResponse, status: int, headers: Headers, text: bytes
) -> Iterable[bytes]:
    start_response(f"{status} {HTTPStatus(status).phrase}", _with_length(headers, text))
    return [text]


def _undated(start_response: StartResponse) -> StartResponse:
    """The same, without a Date of moto's own: the server puts one on every answer."""

    def start(status: str, headers: Headers, *rest: Any) -> object:
        return start_response(
            status, [header for header in headers if header[0].lower() != "date"], *rest
        )

    return start
