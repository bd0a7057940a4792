"""The door before each server: TLS, an IAM token or the server's own SCRAM, then straight through.

A client meets what it meets at Aurora: encryption is required, members of `rds_iam` log in with a
token made by `generate_db_auth_token`, other roles with their password. A token is the front's to
judge; who is let in is connected to the server's unix socket as that role. For all other roles the
front only takes the encryption away: from the startup packet on, every byte goes to the server's
TCP port and back, and it is the server that asks for the password. It offers no channel binding
then, since no TLS reaches it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from lab.postgres import Server
from lab.tokens import CredentialOf, TokenRefused, principal_of

HOST = "127.0.0.1"
LOGIN_SECONDS = 30.0

Authorise = Callable[[str, str, str], bool]
"""Whether a principal (ARN) may do an action on a resource (ARN), by the policies in IAM."""

_HOSTS = (HOST, "localhost")
_CANCEL, _TLS, _GSS = 80877102, 80877103, 80877104
_STARTUP_LIMIT, _PASSWORD_LIMIT = 10_000, 65_535  # bytes, the server's own limits
_CHUNK = 64 * 1024
_ACCEPT_SECONDS = 0.2
_REBIND_SECONDS, _REBIND_PAUSE_SECONDS = 10.0, 0.005
_ASK_CLEARTEXT = struct.pack("!cii", b"R", 8, 3)
_INVALID_AUTHORISATION, _CANNOT_CONNECT = "28000", "57P03"


class _NotPostgres(Exception):
    """When a client does not speak the protocol."""


class LoginRefused(Exception):
    """When a login is not let in: what the client is told, and the reason, which it is not."""

    def __init__(self, sqlstate: str, message: str, *, reason: str) -> None:
        """Keep the three."""
        super().__init__(message)
        self.sqlstate = sqlstate
        self.message = message
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Decides about the tokens shown to one cluster, as the PAM module of Aurora does."""

    server: Server
    region: str
    account: str
    resource_id: str
    iam_enabled: Callable[[], bool]
    credential_of: CredentialOf
    authorise: Authorise

    def asks(self, user: str) -> bool:
        """Whether the role is asked for a token: it is a member of `rds_iam`.

        Raises LoginRefused when the server cannot tell.
        """
        try:
            with self.server.connect() as connection:
                row = connection.execute(
                    # A superuser passes for a member of every role, but not in pg_hba.conf.
                    "SELECT pg_has_role(role.oid, iam.oid, 'MEMBER') AND NOT role.rolsuper "
                    "FROM pg_roles AS role, pg_roles AS iam "
                    "WHERE role.rolname = %s AND iam.rolname = 'rds_iam'",
                    [user],
                ).fetchone()
        except psycopg.OperationalError as error:
            raise LoginRefused(
                _CANNOT_CONNECT, "the database system is shutting down", reason=str(error)
            ) from None
        return row == (True,)

    def admit(self, *, user: str, password: str, port: int, now: datetime) -> None:
        """Let the role in at this port with its token, or raise LoginRefused.

        Whether the role may log in at all (NOLOGIN, CONNECT) is left to the server to say.
        """
        try:
            if not self.iam_enabled():
                raise TokenRefused("IAM database authentication is off")
            principal = principal_of(
                password,
                hosts=_HOSTS,
                port=port,
                user=user,
                region=self.region,
                credential_of=self.credential_of,
                now=now,
            )
            resource = (
                f"arn:aws:rds-db:{self.region}:{self.account}:dbuser:{self.resource_id}/{user}"
            )
            if not self.authorise(principal, "rds-db:connect", resource):
                raise TokenRefused(f"{principal} may not rds-db:connect to {resource}")
        except TokenRefused as refusal:
            raise LoginRefused(
                _INVALID_AUTHORISATION,
                f'PAM authentication failed for user "{user}"',
                reason=str(refusal),
            ) from None


class LoginFront:
    """The endpoint of one cluster. Its port is its own from the start, and refuses until opened."""

    def __init__(self, *, context: ssl.SSLContext, port: int | None = None) -> None:
        """Reserve `port` when it is free, else any."""
        self.requires_tls = True
        """Whether who does not encrypt is refused, as with the parameter rds.force_ssl."""
        self._gate: Gate | None = None
        self._context = context
        self._reserved = _reserve(port)
        self.port: int = self._reserved.getsockname()[1]
        self.refusals: deque[tuple[str, str]] = deque(maxlen=100)
        """The latest refused logins: the role, and more of the reason than its client is told.

        Of a login that the server refused, all that the front knows is what the server said.
        """
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return self._gate is not None

    def open(self, gate: Gate) -> None:
        """Accept connections from now on, and let in whom the gate or the server admits."""
        self._gate = gate
        self._closing.clear()
        self._reserved.settimeout(_ACCEPT_SECONDS)
        self._reserved.listen(64)
        self._start(self._accept, self._reserved)

    def close(self) -> None:
        """Refuse connections from now on, and end those that are open; the port stays ours."""
        self.release()
        self._reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bind_again(self._reserved, self.port)

    def release(self) -> None:
        """End everything and give the port back."""
        self._closing.set()
        with self._lock:
            connections, threads = list(self._open), list(self._threads)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        self._reserved.close()
        self._gate = None

    def _accept(self, listener: socket.socket) -> None:
        while not self._closing.is_set():
            try:
                client, _ = listener.accept()
            except TimeoutError:
                continue
            self._start(self._serve, client)

    def _start(self, work: Callable[[socket.socket], None], subject: socket.socket) -> None:
        def run() -> None:
            try:
                work(subject)
            finally:
                with self._lock:
                    self._threads.remove(thread)

        thread = threading.Thread(target=run, name=f"login front {self.port}", daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _serve(self, raw: socket.socket) -> None:
        gate = self._gate
        assert gate is not None
        with contextlib.ExitStack() as stack:
            # A client that goes away, at any point, is no event worth a word.
            stack.enter_context(contextlib.suppress(OSError, EOFError, _NotPostgres))
            stack.enter_context(raw)
            stack.enter_context(self._kept(raw))
            raw.settimeout(LOGIN_SECONDS)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client, code, startup = self._begin(raw, stack)
            user = _parameters(startup).get("user", "")
            try:
                if code == _CANCEL:
                    self._connect(gate, stack).sendall(startup)
                    return
                server = self._way_in(gate, client, startup, stack)
            except LoginRefused as refusal:
                self.refusals.append((user, refusal.reason))
                client.sendall(_error(refusal))
                return
            server.sendall(startup)
            relay(client, server, _Listener(lambda said: self.refusals.append((user, said))))

    def _begin(
        self, raw: socket.socket, stack: contextlib.ExitStack
    ) -> tuple[socket.socket, int, bytes]:
        """The connection, encrypted if the client asked for that, and its first real packet."""
        client = raw
        while True:
            code, packet = _read_startup(client)
            if code == _TLS and client is raw:
                raw.sendall(b"S")
                client = self._context.wrap_socket(
                    raw, server_side=True, do_handshake_on_connect=False
                )
                stack.enter_context(client)
                stack.enter_context(self._kept(client))
                client.do_handshake()
                stack.callback(say_goodbye, client)
            elif code == _GSS:
                client.sendall(b"N")
            else:
                return client, code, packet

    def _way_in(
        self, gate: Gate, client: socket.socket, startup: bytes, stack: contextlib.ExitStack
    ) -> socket.socket:
        """A connection to the server, where it is the server that asks unless the gate has asked.

        Raises LoginRefused.
        """
        parameters = _parameters(startup)
        user = parameters.get("user", "")
        encrypted = isinstance(client, ssl.SSLSocket)
        if not encrypted and self.requires_tls:
            raise _not_encrypted(parameters)
        if not gate.asks(user):
            return self._connect(gate, stack, as_any_role=False)
        if not encrypted:  # a token is for encrypted connections only, whatever the parameter says
            raise _not_encrypted(parameters)
        client.sendall(_ASK_CLEARTEXT)
        password = _read_password(client)
        gate.admit(user=user, password=password, port=self.port, now=datetime.now(UTC))
        return self._connect(gate, stack)

    def _connect(
        self, gate: Gate, stack: contextlib.ExitStack, *, as_any_role: bool = True
    ) -> socket.socket:
        family = socket.AF_UNIX if as_any_role else socket.AF_INET
        server = stack.enter_context(socket.socket(family))
        stack.enter_context(self._kept(server))
        try:
            server.connect(str(gate.server.socket) if as_any_role else gate.server.address)
        except OSError as error:
            raise LoginRefused(
                _CANNOT_CONNECT, "the database system is shutting down", reason=str(error)
            ) from None
        if not as_any_role:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return server

    @contextlib.contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[None]:
        """Known to `release` while it lasts."""
        with self._lock:
            if self._closing.is_set():
                raise EOFError
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)


def _reserve(port: int | None) -> socket.socket:
    """A socket bound to the port, or to a free one; it does not listen, so clients are refused."""
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        reserved.bind((HOST, port or 0))
    except OSError:
        reserved.bind((HOST, 0))
    # Not before the first bind, which would then share a port that another lab has reserved;
    # but before the first connection, or what is left of it would keep the second bind away.
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return reserved


def bind_again(unbound: socket.socket, port: int) -> None:
    """Bind a socket to a port that was ours a moment ago. Raises OSError when it stays taken.

    A program that another thread is just starting holds a copy of the listener until it runs.
    """
    deadline = time.monotonic() + _REBIND_SECONDS
    unbound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    while True:
        try:
            unbound.bind((HOST, port))
        except OSError:
            if time.monotonic() > deadline:
                unbound.close()
                raise
            time.sleep(_REBIND_PAUSE_SECONDS)
        else:
            return


def say_goodbye(client: ssl.SSLSocket) -> None:
    """End the encryption in good order, without waiting for the client to do the same."""
    with contextlib.suppress(OSError, ValueError):
        client.settimeout(0.0)
        client.unwrap()


def relay(
    client: socket.socket, server: socket.socket, hear: Callable[[bytes], None] = lambda _: None
) -> None:
    """Carry bytes both ways until either side ends; `hear` is told what the server says."""
    server.settimeout(None)
    client.settimeout(0.0)
    with selectors.DefaultSelector() as selector:
        for side in (client, server):
            selector.register(side, selectors.EVENT_READ)
        while True:
            # What is decrypted already the selector does not see.
            if isinstance(client, ssl.SSLSocket) and client.pending():
                readable: set[object] = {client}
            else:
                readable = {key.fileobj for key, _ in selector.select()}
            if server in readable:
                if not (data := server.recv(_CHUNK)):
                    return
                hear(data)
                client.settimeout(None)
                client.sendall(data)
                client.settimeout(0.0)
            if client in readable:
                with contextlib.suppress(ssl.SSLWantReadError, BlockingIOError):
                    if not (data := client.recv(_CHUNK)):
                        return
                    server.sendall(data)


class _Listener:
    """Hears what a server says up to the first ReadyForQuery: an error before it ends the login.

    >>> heard = []
    >>> listener = _Listener(heard.append)
    >>> said = _error(LoginRefused("28P01", "no", reason="")) + struct.pack("!cic", b"Z", 5, b"I")
    >>> for byte in struct.pack("!cii", b"R", 8, 0) + said + said:
    ...     listener(bytes([byte]))
    >>> heard
    ['28P01: no']
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._unread = b""
        self._ready = False

    def __call__(self, said: bytes) -> None:
        """Hear more of it."""
        if self._ready:
            return
        self._unread += said
        while len(self._unread) >= 5:
            kind, length = struct.unpack("!ci", self._unread[:5])
            if len(self._unread) <= length:
                return
            message, self._unread = self._unread[5 : 1 + length], self._unread[1 + length :]
            if kind == b"E":
                fields = {field[:1]: field[1:] for field in message.split(b"\0")}
                told = b": ".join(fields.get(name, b"") for name in (b"C", b"M"))
                self._tell(told.decode(errors="replace"))
            elif kind == b"Z":
                self._ready, self._unread = True, b""
                return


def _read_startup(client: socket.socket) -> tuple[int, bytes]:
    """The code (or protocol version) of a packet without a type, and the whole packet."""
    length, code = struct.unpack("!ii", head := _read(client, 8))
    if not 8 <= length <= _STARTUP_LIMIT:
        raise _NotPostgres
    return code, head + _read(client, length - 8)


def _read_password(client: socket.socket) -> str:
    kind, length = struct.unpack("!ci", _read(client, 5))
    if kind != b"p" or not 4 <= length <= _PASSWORD_LIMIT:
        raise _NotPostgres
    return _read(client, length - 4).rstrip(b"\0").decode(errors="replace")


def _read(client: socket.socket, size: int) -> bytes:
    """Exactly so many bytes. Raises EOFError."""
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _parameters(startup: bytes) -> dict[str, str]:
    """The names and values in a startup packet.

    >>> _parameters(struct.pack("!ii", 0, 196608) + b"user\\0ann\\0database\\0db\\0\\0")
    {'user': 'ann', 'database': 'db'}
    """
    words = startup[8:].rstrip(b"\0").decode(errors="replace").split("\0")
    return dict(zip(words[::2], words[1::2], strict=False))


def _not_encrypted(parameters: dict[str, str]) -> LoginRefused:
    """What the server says when no line of its pg_hba.conf is for connections in clear."""
    user = parameters.get("user", "")
    database = parameters.get("database", user)
    return LoginRefused(
        _INVALID_AUTHORISATION,
        f'no pg_hba.conf entry for host "{HOST}", user "{user}", database "{database}", '
        "no encryption",
        reason="the connection is not encrypted",
    )


def _error(refusal: LoginRefused) -> bytes:
    """An ErrorResponse of severity FATAL."""
    fields = {"S": "FATAL", "V": "FATAL", "C": refusal.sqlstate, "M": refusal.message}
    body = b"".join(f"{name}{value}\0".encode() for name, value in fields.items()) + b"\0"
    return struct.pack("!ci", b"E", 4 + len(body)) + body
