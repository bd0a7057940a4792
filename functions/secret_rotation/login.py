"""The only door to the database: logins with a password, each over a fresh connection.

pg8000, not libpq: of a login that failed libpq tells no SQLSTATE, and a refusal is proven by 28P01
alone. TLS is always asked for and the certificate always verified, name included; the one exception
sends no real password. An error that leaves this module holds the server's primary message where
that can name no row's content, never a password.
"""

from __future__ import annotations

import ssl
import struct
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, LiteralString, Protocol, cast

import scramp
from pg8000.exceptions import DatabaseError, Error, InterfaceError
from pg8000.native import Connection, identifier, literal

from functions.errors import DrillError, LoginRefused, NotReachable, TlsFailed, TryAgain
from functions.secret_rotation.values import Credential

APPLICATION = "backup-drills rotation"
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30

WRONG_PASSWORD = "28P01"  # noqa: S105  # the SQLSTATE invalid_password
NOT_ALLOWED = "28000"
"""invalid_authorization_specification: among others, that no line of pg_hba.conf lets it in."""

_STATEMENTS = Path(__file__).with_name("sql")

_PINNED = {
    "search_path": "pg_catalog",
    "client_min_messages": "error",
    "statement_timeout": str(STATEMENT_SECONDS * 1000),
    "lock_timeout": "5000",
}

# Too many connections, starting up, shutting down: the server has not said yes or no.
_NOT_NOW = ("53", "57")

_ITERATIONS = 4096


class StatementFailed(DrillError):
    """When a statement failed: the condition's SQLSTATE and its primary message."""


class Driver(Protocol):
    """What is asked of pg8000's connection."""

    def run(self, sql: str, **values: Any) -> list[list[Any]] | None:
        """The rows of a statement."""

    def close(self) -> None:
        """Say goodbye."""


class Session:
    """A connection as one user. Raises TryAgain when it was lost, else StatementFailed."""

    def __init__(self, driver: Driver) -> None:
        """Take over a connection."""
        self._driver = driver

    def all(self, statement: LiteralString) -> list[tuple[Any, ...]]:
        """The rows that the statement in sql/<statement>.sql returns."""
        return self._run(_statement(statement))

    def run(self, statement: str) -> None:
        """Run a statement of a rotation function's own."""
        self._run(statement)

    def change_own_password(self, user: str, password: str) -> None:
        """Set the password of the user that is logged in, as a verifier: no log can hold more."""
        self._run(f"ALTER ROLE {identifier(user)} PASSWORD {literal(scram_verifier(password))}")

    def is_alive(self) -> bool:
        """Whether the server still answers on this connection."""
        try:
            return self._run("SELECT 1") == [(1,)]
        except (TryAgain, StatementFailed):
            return False

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            rows = self._driver.run(statement)
        except DatabaseError as error:
            told = _told(error)
            message = f"{told.get('M', 'no message')} ({told.get('C', 'no SQLSTATE')})"
            raise StatementFailed(message) from None
        except (InterfaceError, OSError, struct.error):
            raise TryAgain("the connection to the database was lost") from None
        return [tuple(row) for row in rows or []]


@contextmanager
def session(credential: Credential, *, ca_file: Path) -> Iterator[Session]:
    """A fresh session, encrypted and verified. Raises LoginRefused, NotReachable or TlsFailed."""
    driver = _connect(credential, context=_context(ca_file))
    try:
        yield Session(driver)
    finally:
        with suppress(Error, OSError, struct.error):
            driver.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """How one login ended. `sqlstate` is empty where no server spoke; `user` where none came in."""

    accepted: bool
    sqlstate: str = ""
    told: str = ""
    user: str = ""
    tls_failed: bool = False

    @property
    def refused(self) -> bool:
        """Whether the server said that this password is wrong: nothing else is a refusal."""
        return not self.accepted and self.sqlstate == WRONG_PASSWORD


def attempt(credential: Credential, *, ca_file: Path) -> Attempt:
    """Log in over a fresh connection, ask who one is, and leave. A failed login raises nothing."""
    try:
        with session(credential, ca_file=ca_file) as fresh:
            ((user,),) = fresh.all("who")
            return Attempt(accepted=True, user=str(user))
    except LoginRefused as refusal:
        return Attempt(accepted=False, sqlstate=refusal.sqlstate, told=str(refusal))
    except (NotReachable, TlsFailed, TryAgain, StatementFailed) as failure:
        failed = isinstance(failure, TlsFailed)
        return Attempt(accepted=False, told=str(failure), tls_failed=failed)


def answered(credential: Credential, *, ca_file: Path) -> Attempt:
    """An attempt that the server has answered. Raises TryAgain or TlsFailed where it has not."""
    tried = attempt(credential, ca_file=ca_file)
    if tried.tls_failed:
        raise TlsFailed(tried.told)
    if not tried.accepted and not tried.sqlstate:
        raise TryAgain(f"the database does not answer: {tried.told}")
    return tried


def asks_for_tls(credential: Credential) -> bool | None:
    """Whether the server refuses a connection in the clear; None where that cannot be told.

    What is sent in the clear is a password that nobody has. A server that insists on TLS says 28000
    before it looks at any; one that does not, 28P01 after it.
    """
    nobodys = Credential(
        host=credential.host,
        port=credential.port,
        database=credential.database,
        username=credential.username,
        password="no password of anybody",  # noqa: S106
        engine=credential.engine,
    )
    try:
        _connect(nobodys, context=False).close()
    except LoginRefused as refusal:
        return {NOT_ALLOWED: True, WRONG_PASSWORD: False}.get(refusal.sqlstate)
    except (NotReachable, TlsFailed):
        return None
    return False


def scram_verifier(password: str) -> str:
    """What PostgreSQL stores of a password, so that the password itself need not travel.

    >>> scram_verifier("a").split("$")[0], scram_verifier("a") == scram_verifier("a")
    ('SCRAM-SHA-256', False)
    """
    salt, stored, server, iterations = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(
        password, iteration_count=_ITERATIONS
    )
    salted, key, server_key = (b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salted}${key}:{server_key}"


def _connect(credential: Credential, *, context: ssl.SSLContext | bool) -> Driver:
    place = f"{credential.host}:{credential.port}"
    try:
        made = Connection(
            credential.username,
            host=credential.host,
            port=credential.port,
            database=credential.database,
            password=credential.password,
            ssl_context=context,
            timeout=CONNECT_SECONDS,
            application_name=APPLICATION,
            startup_params=dict(_PINNED),
        )
    except DatabaseError as error:
        raise _refused(error, credential) from None
    except ssl.SSLError as error:
        raise TlsFailed(f"{place}: {_verification(error)}") from None
    except InterfaceError as error:
        # Closing the socket may fail while the server's own answer is being handled.
        if isinstance(error.__context__, DatabaseError):
            raise _refused(error.__context__, credential) from None
        if "refuses SSL" in str(error):
            raise TlsFailed(f"{place}: the server offers no TLS, or has hung up") from None
        raise NotReachable(f"{place}: {_why(error)}") from None
    except (OSError, struct.error) as error:
        raise NotReachable(f"{place}: {error or type(error).__name__}") from None
    except (scramp.ScramException, KeyError, ValueError) as error:  # an answer of another protocol
        raise NotReachable(f"{place}: no answer of a database: {type(error).__name__}") from None
    # pg8000 has one limit for everything: a statement may take longer than a login.
    made._usock.settimeout(STATEMENT_SECONDS + CONNECT_SECONDS)
    return cast(Driver, made)


def _refused(error: DatabaseError, credential: Credential) -> LoginRefused | NotReachable:
    place, told = f"{credential.host}:{credential.port}", _told(error)
    state, message = told.get("C", ""), told.get("M", "no message")
    if state.startswith(_NOT_NOW):
        return NotReachable(f"{place}: {message} ({state})")
    refusal = f"{place} refused the login of {credential.username}: {message} ({state})"
    return LoginRefused(refusal, sqlstate=state)


def _verification(error: ssl.SSLError) -> str:
    verified = getattr(error, "verify_message", "")
    return f"{error.reason or 'TLS failed'}: {verified or 'no encrypted connection'}"


def _why(error: InterfaceError) -> str:
    cause = error.__cause__
    return str(cause) if cause else str(error)


def _told(error: DatabaseError) -> Mapping[str, str]:
    """The fields of the server's answer: C is the SQLSTATE, M the primary message."""
    fields = error.args[0] if error.args else {}
    return fields if isinstance(fields, dict) else {}


@cache
def _context(ca_file: Path) -> ssl.SSLContext:
    """Verifies the chain and the name, with these authorities and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=str(ca_file))
    return context


@cache
def _statement(name: str) -> str:
    """The text of sql/<name>.sql, without its comments."""
    text = (_STATEMENTS / f"{name}.sql").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(lines).strip()


def lines(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """The first column of rows, as sorted lines."""
    return sorted(str(row[0]) for row in rows)
