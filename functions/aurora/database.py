"""The only door to PostgreSQL: logins, statements by the name of their file, and narrow errors.

An error that leaves this module holds the condition and its SQLSTATE, and the server's primary
message where that can name no row's content; never its DETAIL, CONTEXT or the statement.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import conninfo, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.json import Json

from functions.errors import DrillError, LoginRefused, NotReachable, TlsFailed, TryAgain

_STATEMENTS = Path(__file__).with_name("sql")

CONNECT_SECONDS = 10
IDLE_SECONDS = 60
LOCK_SECONDS = 5
STATEMENT_SECONDS = 60
"""The time limit of a statement, where a transaction sets no other."""

_PINNED = {
    "row_security": "off",  # a table that is not visible in full is an error, not a wrong count
    "search_path": "pg_catalog",
    "client_min_messages": "error",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "jit": "off",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
}

_SPARING = {"max_parallel_workers_per_gather": "0", "work_mem": "8MB"}
"""On a server that others use."""

# Primary messages of these classes of SQLSTATE speak of the server, of privileges and of names.
# The others can quote a value (22P02: invalid input syntax for type integer: "...").
_QUOTABLE = frozenset(
    {"08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58", "XX"}
)

_NOT_READY = re.compile(
    r"starting up|not yet accepting|not accepting|shutting down|in recovery mode"
    r"|too many (?:clients|connections)|remaining connection slots",
    re.IGNORECASE,
)
_TLS = re.compile(r"\bSSL\b|certificate|\bTLS\b", re.IGNORECASE)
# libpq gives no SQLSTATE for a login that failed, only the server's message behind its severity,
# which is in capitals in whatever language the server speaks.
_SERVER_SPOKE = re.compile(r"failed: [^\W\d_a-z]{4,}\s?:\s+(?P<message>[^\n]+)")


class QueryFailed(DrillError):
    """When a statement failed: `sqlstate`, and a message that holds no row's content.

    The state is `client` when it was the driver that failed, as over a date it cannot hold.
    """

    def __init__(self, message: str, *, sqlstate: str) -> None:
        """Keep the state beside the message."""
        super().__init__(f"{message} ({sqlstate})")
        self.sqlstate = sqlstate

    @property
    def passing(self) -> bool:
        """Whether the same statement may succeed a moment later.

        A conflict with recovery or a deadlock, a lock not granted in time, a statement cancelled.
        """
        return self.sqlstate in ("40001", "40P01", "55P03", "57014")

    @property
    def locked(self) -> bool:
        """Whether a lock was not granted in time."""
        return self.sqlstate == "55P03"

    @property
    def absent(self) -> bool:
        """Whether the table or its schema does not exist."""
        return self.sqlstate in ("42P01", "3F000")

    @property
    def altered(self) -> bool:
        """Whether a column is gone, or of another type, that the statement was made for."""
        return self.sqlstate in ("42703", "42804", "42883")

    @property
    def denied(self) -> bool:
        """Whether the role may not do this, or may not see the table in full."""
        return self.sqlstate == "42501"

    @property
    def damaged(self) -> bool:
        """Whether what is stored could not be read: a bad page, a missing file."""
        return self.sqlstate[:2] in ("XX", "58")


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """Where to log in, and as whom.

    `password` is asked at each connection: an IAM token is good for 15 minutes.
    """

    host: str
    port: int
    database: str
    user: str
    password: Callable[[], str]
    ca_file: Path


def iam_login(*, host: str, port: int, database: str, user: str, ca_file: Path) -> Login:
    """A login with an IAM token, which is signed here: no AWS endpoint needs to be in reach."""

    def token() -> str:
        import boto3  # here, so that a cold start elsewhere does without

        return boto3.client("rds").generate_db_auth_token(
            DBHostname=host, Port=port, DBUsername=user
        )

    return Login(
        host=host, port=port, database=database, user=user, password=token, ca_file=ca_file
    )


class BadConnectionString(DrillError):
    """When a connection string cannot be read. The message repeats nothing of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A connection string as a person gave it, and what may be shown of it."""

    text: str
    host: str
    user: str
    database: str

    @property
    def shown(self) -> str:
        """Host and database."""
        return f"{self.host}/{self.database}" if self.database else self.host


def told(text: str) -> Told:
    """What a connection string says: a URL, or keywords and values. The rest libpq finds by itself.

    >>> told("postgresql://ana:secret@db.example.com:5433/shop").shown
    'db.example.com/shop'
    >>> told("service=shop").shown
    'service shop'

    Raises BadConnectionString, also where a password that was not encoded would end up in a name.
    """
    try:
        parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(text).items()}
    except psycopg.Error:
        raise BadConnectionString(
            "it cannot be read: expected postgresql://USER@HOST:PORT/DATABASE, or host=HOST"
            " dbname=DATABASE user=USER"
        ) from None
    names = [parts.get(key, "") for key in ("host", "port", "dbname", "user")]
    # What is told of a user comes before any password, and some clouds put an @ into it.
    if any(sign in name for name in names[:3] for sign in "@?#") or re.search(r"[^\d,]", names[1]):
        raise BadConnectionString(
            "its host, port or database holds a sign that none of them has: expected what is"
            " special in a password as %XX, or a password file"
        )
    service = f"service {parts['service']}" if "service" in parts else "the default host"
    return Told(text=text, host=names[0] or service, user=names[3], database=names[2])


class Session:
    """A connection to one server. Every method raises QueryFailed; TryAgain when it was lost."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]], host: str) -> None:
        """Take over a connection in autocommit mode.

        `longest_seconds` is how long its longest statement has taken so far.
        """
        self._connection = connection
        self._host = host
        self.longest_seconds = 0.0

    @property
    def tls_protects(self) -> bool:
        """Whether the connection is encrypted; `connect` has seen to the certificate."""
        return bool(self._connection.pgconn.ssl_in_use)

    def all(
        self,
        statement: LiteralString,
        *,
        parts: Mapping[str, sql.Composable] | None = None,
        **values: Any,
    ) -> list[dict[str, Any]]:
        """The rows that the statement in sql/<statement>.sql returns, by column."""
        query = sql.SQL(_statement(statement)).format(**(parts or {}))
        began = time.monotonic()
        try:
            with self._translated():
                return self._connection.execute(query, values).fetchall()
        finally:
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)

    def one(
        self,
        statement: LiteralString,
        *,
        parts: Mapping[str, sql.Composable] | None = None,
        **values: Any,
    ) -> dict[str, Any]:
        """The one row that the statement returns."""
        (row,) = self.all(statement, parts=parts, **values)
        return row

    def pages(
        self, statement: LiteralString, *, size: int, lock_seconds: float, **values: Any
    ) -> Iterator[list[dict[str, Any]]]:
        """The rows that the statement returns, `size` at a time, in a transaction of its own.

        It waits for locks no longer than `lock_seconds`.
        """
        query = sql.SQL(_statement(statement))
        with (
            self._translated(),
            self._connection.transaction(),
            self._connection.cursor(name="pages") as cursor,
        ):
            self.one("limit_locks", milliseconds=str(round(lock_seconds * 1000)))
            cursor.execute(query, values)
            while page := cursor.fetchmany(size):
                yield page

    def run(self, statement: LiteralString, **values: Any) -> None:
        """Run a statement that returns nothing."""
        with self._translated():
            self._connection.execute(sql.SQL(_statement(statement)), values)

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """The first rows, two at most, that a user's own query returns. It is one statement.

        Only a prepared statement is sure to be one; so it is prepared.
        """
        with self._translated(), self._connection.cursor(row_factory=psycopg.rows.tuple_row) as c:
            # The query is the user's own, from the drill's configuration.
            c.execute(query, values, prepare=True)
            if c.description is None:
                raise QueryFailed("the query returns no rows", sqlstate="02000")
            return c.fetchmany(2)

    @property
    def database(self) -> str:
        """The name of the database."""
        return self._connection.info.dbname

    def stop(self) -> None:
        """End the statement that runs in another thread: there it is a QueryFailed that passes."""
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=CONNECT_SECONDS)

    @contextmanager
    def snapshot(self, *, seconds: float, idle_seconds: float | None = None) -> Iterator[None]:
        """A read-only transaction with one snapshot; `seconds` limit each of its statements.

        Within another one it is a part of that, with the same snapshot, at whose end the locks are
        given back that it took: so a long one keeps nobody from altering a table. `idle_seconds`
        limit how long it may rest between two statements.
        """
        inner = self._connection.info.transaction_status != TransactionStatus.IDLE
        with self._translated(), self._connection.transaction(force_rollback=inner):
            self.one("limit_statement", milliseconds=_milliseconds(seconds))
            if idle_seconds is not None:
                self.one("limit_idle", milliseconds=_milliseconds(idle_seconds))
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            if self._connection.closed:
                raise TryAgain(f"the connection to {self._host} was lost") from None
            # Not chained: the driver's error quotes rows in its DETAIL.
            raise QueryFailed(_message(error), sqlstate=error.sqlstate or "client") from None


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))


@contextmanager
def connect(
    login: Login, *, application: str, read_only: bool = True, parallel: bool = False
) -> Iterator[Session]:
    """A session that sees every table in full or raises, and whose output no setting can change.

    `parallel` allows a query several processes of the server: right on a copy that is ours alone.
    Raises LoginRefused, NotReachable or TlsFailed; and TryAgain in place of a QueryFailed that
    passes, when that leaves the block.
    """
    pinned = {
        **_PINNED,
        "default_transaction_read_only": "on" if read_only else "off",
        **({} if parallel else _SPARING),
    }
    try:
        connection = psycopg.connect(
            host=login.host,
            port=login.port,
            dbname=login.database,
            user=login.user,
            password=login.password(),
            sslmode="verify-full",
            sslrootcert=str(login.ca_file),
            connect_timeout=CONNECT_SECONDS,
            application_name=application,
            client_encoding="UTF8",
            options=_options(pinned),
            autocommit=True,
            row_factory=dict_row,
        )
    except psycopg.Error as error:
        raise login_error(str(error), login) from None
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = read_only
    try:
        yield Session(connection, login.host)
    except QueryFailed as failure:
        if failure.passing:
            raise TryAgain(f"{login.host}: {failure}") from None
        raise
    finally:
        connection.close()


@contextmanager
def open_told(given: Told, *, application: str) -> Iterator[Session]:
    """A session for somebody who has a connection string: read-only, its settings pinned.

    They are set by a statement: a pooler refuses them as options. Raises as `connect` does, and
    QueryFailed; nothing of it repeats the string.
    """
    try:
        connection = psycopg.connect(
            given.text,
            connect_timeout=CONNECT_SECONDS,
            application_name=application,
            client_encoding="UTF8",
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        )
    except psycopg.Error as error:
        raise _login_error(str(error), host=given.host, user=given.user or "the user") from None
    opened = Session(connection, given.host)
    try:
        opened.one("pin", settings=Json({**_PINNED, "default_transaction_read_only": "on"}))
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield opened
    finally:
        connection.close()


@contextmanager
def session(
    login: Login, *, application: str, read_only: bool = True, parallel: bool = False
) -> Iterator[Session]:
    """What `connect` gives, of a server that is known to be up: NotReachable becomes TryAgain."""
    try:
        with connect(
            login, application=application, read_only=read_only, parallel=parallel
        ) as connected:
            yield connected
    except NotReachable as failure:
        raise TryAgain(str(failure)) from None


def login_error(text: str, login: Login) -> LoginRefused | NotReachable | TlsFailed:
    """What the failure of a login means, from libpq's text.

    >>> login = Login(host="db", port=5432, database="d", user="u", password=str,
    ...               ca_file=Path("ca.pem"))
    >>> login_error('connection failed: connection to server at "10.0.0.7", port 5432 failed: '
    ...             'FATAL:  password authentication failed for user "u"', login)
    LoginRefused('db refused the login of u: password authentication failed for user "u"')
    >>> login_error('connection failed: connection to server at "10.0.0.7", port 5432 failed: '
    ...             'FATAL:  the database system is starting up', login)
    NotReachable('db: the database system is starting up')
    >>> login_error("connection failed: ... failed: SSL error: certificate verify failed", login)
    TlsFailed('db: SSL error: certificate verify failed')
    >>> login_error("connection timeout expired", login)
    NotReachable('db: connection timeout expired')
    """
    return _login_error(text, host=login.host, user=login.user)


def _login_error(text: str, *, host: str, user: str) -> LoginRefused | NotReachable | TlsFailed:
    spoken = _SERVER_SPOKE.search(text)
    last = (spoken["message"] if spoken else text.rpartition("failed: ")[2]).partition("\n")[0]
    if _NOT_READY.search(last):
        return NotReachable(f"{host}: {last}")
    if spoken and not _TLS.search(last):
        return LoginRefused(f"{host} refused the login of {user}: {last}")
    if _TLS.search(text):
        return TlsFailed(f"{host}: {text.rpartition('failed: ')[2].partition(chr(10))[0]}")
    return NotReachable(f"{host}: {last}")


def table(schema: str, name: str) -> sql.Composable:
    """A table's name, quoted.

    >>> table("s", "50 %s").as_string()
    '"s"."50 %%s"'
    """
    return expression(sql.Identifier(schema, name).as_string())


def column(name: str) -> sql.Composable:
    """A column's name, quoted."""
    return expression(sql.Identifier(name).as_string())


def part(statement: LiteralString) -> sql.Composable:
    """The part of a statement in sql/<statement>.sql."""
    return sql.SQL(_statement(statement))


def expression(text: str) -> sql.Composable:
    """An expression whose names are quoted, as part of a statement; no value is in it.

    >>> expression('x."50 %"').as_string()
    'x."50 %%"'
    """
    # The driver takes what follows a percent sign for the name of a value.
    return sql.SQL(text.replace("%", "%%"))


Part = sql.Composable
"""A part of a statement."""

NOTHING: Part = sql.SQL("")


def schema(name: str) -> sql.Composable:
    """A schema's name, quoted."""
    return column(name)


def only(name: sql.Composable) -> sql.Composable:
    """A table without those that inherit from it."""
    return sql.SQL("ONLY {}").format(name)


def refers(columns: Sequence[str], *, matches_full: bool) -> sql.Composable:
    """The condition that a row x refers to another at all: its columns are not null.

    >>> refers(["a", "b"], matches_full=True).as_string()
    'x."a" IS NOT NULL OR x."b" IS NOT NULL'
    """
    word: LiteralString = " OR " if matches_full else " AND "
    return sql.SQL(word).join(sql.SQL("x.{} IS NOT NULL").format(column(name)) for name in columns)


def matched(
    parents: Sequence[str], children: Sequence[str], schemas: Sequence[str]
) -> sql.Composable:
    """The condition that a row p is what a row x refers to, each column by its key's own operator.

    >>> matched(["id"], ["customer"], ["pg_catalog"]).as_string()
    'p."id" OPERATOR("pg_catalog".=) x."customer"'
    """
    return sql.SQL(" AND ").join(
        sql.SQL("p.{} OPERATOR({}.=) x.{}").format(column(parent), column(operator), column(child))
        for parent, child, operator in zip(parents, children, schemas, strict=True)
    )


@cache
def _statement(name: str) -> LiteralString:
    """The text of sql/<name>.sql, without its comments.

    >>> _statement("newest_heartbeat")
    'SELECT max(h.beat_at) AS beat_at\\nFROM backup_drills.heartbeat AS h'
    """
    text = (_STATEMENTS / f"{name}.sql").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return "\n".join(lines).strip()


def _options(settings: Mapping[str, str]) -> str:
    r"""Settings as libpq takes them: a space in a value is escaped.

    >>> _options({"datestyle": "ISO, YMD", "jit": "off"})
    '-c datestyle=ISO,\\ YMD -c jit=off'
    """
    return " ".join(
        f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in settings.items()
    )


def _message(error: psycopg.Error) -> str:
    """What an error may say: its primary message, or only its condition's name."""
    state = error.sqlstate or ""
    condition = type(error).__name__
    primary = error.diag.message_primary
    return f"{condition}: {primary}" if primary and state[:2] in _QUOTABLE else condition
