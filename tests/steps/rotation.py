"""A database behind its door, a Secrets Manager, and the rotation function of this project.

The server is a real PostgreSQL, its door asks for TLS, Secrets Manager is the lab's, and its
rotations call `functions.secret_rotation.rotate.handler` in this process.
"""

from __future__ import annotations

import io
import json
import logging
import secrets as randomness
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from functions.errors import DrillError
from functions.secret_rotation import login, rotate, secrets
from functions.secret_rotation.values import CURRENT, PENDING, PREVIOUS, Credential, Secret
from lab import aws
from lab.authority import Authority
from lab.calls import Call, Refusal
from lab.emulator import Emulator, Invocation
from lab.lambdas import arn
from lab.login_front import HOST, Gate, LoginFront
from lab.postgres import Server, Servers, find_binaries
from lab.secrets_manager import PRINCIPAL

DATABASE = "shop"
FUNCTION = "rotate-shop"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
Handler = Callable[[Mapping[str, Any], object], None]

PATIENCE = 30.0
"""Seconds after which a test that waits for a background rotation gives up."""


def door(server: Server, authority: Authority, *, host_name: str = "") -> LoginFront:
    """An open door before a server, wired as lab/rds.py does it."""
    context = authority.issue(host_name) if host_name else authority.context
    front = LoginFront(context=context)
    _send_at_once(front)
    front.open(
        Gate(
            server=server,
            region=aws.REGION,
            account=aws.ACCOUNT,
            resource_id="cluster-shop",
            iam_enabled=lambda: False,
            credential_of=lambda _: None,
            authorise=lambda *_: False,
        )
    )
    return front


def _send_at_once(front: LoginFront) -> None:
    """As a server of PostgreSQL does; what is accepted inherits it. 40 ms a login, here."""
    front._reserved.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@dataclass
class Database:
    """A server, its door, and the users that a test makes."""

    server: Server
    front: LoginFront
    authority: Authority

    @property
    def ca_file(self) -> Path:
        return self.authority.certificate

    def run(self, statement: str | sql.Composed) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser."""
        with self.server.connect(DATABASE) as connection:
            text = statement.encode() if isinstance(statement, str) else statement
            cursor = connection.execute(text)
            return cursor.fetchall() if cursor.description else []

    def user(self, password: str = "", *, name: str = "", options: str = "LOGIN") -> Credential:
        """A new user, and the credential that opens the database."""
        made = Credential(
            host=HOST,
            port=self.front.port,
            database=DATABASE,
            username=name or f"app_{uuid.uuid4().hex[:8]}",
            password=password or randomness.token_urlsafe(24),
            engine="postgres",
        )
        self.run(
            sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
                sql.Identifier(made.username), sql.SQL(options), sql.Literal(made.password)
            )
        )
        return made

    def set_password(self, username: str, password: str) -> None:
        """Change it behind everybody's back."""
        self.run(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(username), sql.Literal(password)
            )
        )

    def stored(self, username: str) -> str:
        """What the server keeps of a password."""
        asked = sql.SQL("SELECT rolpassword FROM pg_authid WHERE rolname = {}")
        ((verifier,),) = self.run(asked.format(sql.Literal(username)))
        return str(verifier)

    def ended(self, username: str) -> int:
        """End all sessions of a user; how many there were."""
        asked = sql.SQL(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = {}"
        )
        return sum(done for (done,) in self.run(asked.format(sql.Literal(username))))

    def accepts(self, credential: Credential) -> bool:
        """Whether the credential gets in; a silence is neither."""
        tried = login.attempt(credential, ca_file=self.ca_file)
        assert tried.accepted or tried.refused, tried
        return tried.accepted

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens meanwhile."""
        gate = self.front._gate
        assert gate is not None
        self.front.close()
        try:
            yield
        finally:
            _send_at_once(self.front)
            self.front.open(gate)


@contextmanager
def database(servers: Servers, authority: Authority) -> Iterator[Database]:
    """A new server with an empty database, and its door."""
    name = f"rotation-{uuid.uuid4().hex[:6]}"
    server = servers.create(name)
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
    front = door(server, authority)
    try:
        yield Database(server, front, authority)
    finally:
        front.release()
        servers.remove(name)


def secret_value(credential: Credential, **further: Any) -> str:
    """What a secret with this credential holds."""
    return json.dumps(
        {
            "engine": credential.engine,
            "host": credential.host,
            "port": credential.port,
            "dbname": credential.database,
            "username": credential.username,
            "password": credential.password,
            **further,
        }
    )


@dataclass
class Held:
    """A secret of one test, and the user in it."""

    premises: Premises
    arn: str
    name: str
    user: Credential
    first: str
    """The version that it had at first."""

    def described(self) -> Secret:
        found = secrets.describe(self.arn)
        assert found is not None
        return found

    def labels(self) -> dict[str, str]:
        """The version of each label that there is."""
        found = self.described()
        return {label: v for label in (CURRENT, PENDING, PREVIOUS) if (v := found.version(label))}

    def value(self, version: str = "") -> dict[str, Any]:
        held: dict[str, Any] = json.loads(secrets.value(self.arn, version=version))
        return held

    def credential(self, version: str = "") -> Credential:
        """The credential of a version, the current one by default, at the place of the user's."""
        held = self.value(version)
        return replace(self.user, username=held["username"], password=held["password"])

    def opens(self, version: str = "") -> bool:
        return self.premises.accepts(self.credential(version))

    def begin(self) -> str:
        """An empty version that is pending, as RotateSecret leaves it; its id."""
        token, manager = str(uuid.uuid4()), self.premises.emulator.secrets
        with self.premises.handled_by(_nobody), pytest.MonkeyPatch.context() as patched:
            patched.setattr(manager, "attempts", 1)
            secrets.rotate(self.arn, token=token, function=arn(FUNCTION))
            manager.wait(self.arn, PATIENCE)
        return token

    def do(self, step: str, token: str) -> None:
        """One call of the rotation function."""
        event = {"Step": step, "SecretId": self.arn, "ClientRequestToken": token}
        rotate.handler(event, None)

    def rotate(self) -> str:
        """A whole rotation; the version that is current afterwards."""
        token = self.begin()
        for step in STEPS:
            self.do(step, token)
        self.take_off_pending(token)
        return token

    def take_off_pending(self, token: str) -> None:
        """What AWS does at the end of a rotation, or an operator with one that is stuck."""
        secrets.take_off_pending(self.arn, version=token)

    def add(self, password: str, *, stages: tuple[str, ...] = (CURRENT,)) -> str:
        """A version with another password, which the database does not know; its id."""
        token = str(uuid.uuid4())
        text = secret_value(replace(self.user, password=password))
        secrets.put(self.arn, text=text, token=token, stages=stages)
        return token


@dataclass
class Premises:
    """The database, an AWS, and all that was said while a test ran."""

    database: Database
    emulator: Emulator
    log: io.StringIO = field(default_factory=io.StringIO)
    raised: list[BaseException] = field(default_factory=list)
    handler: Handler = rotate.handler

    @property
    def ca_file(self) -> Path:
        return self.database.ca_file

    def accepts(self, credential: Credential) -> bool:
        """Whether the database takes it."""
        return self.database.accepts(credential)

    def secret(self, user: Credential | None = None, **further: Any) -> Held:
        """A new user's secret, that the function may rotate."""
        user = user or self.database.user()
        api = self.emulator.client("secretsmanager")
        name = f"drill-rotation-{user.username}"
        made = api.create_secret(Name=name, SecretString=secret_value(user, **further))
        return Held(self, made["ARN"], name, user, made["VersionId"])

    def invoke(self, function: str, payload: bytes) -> Invocation:
        """Lambda, for the one function that there is."""
        assert function == FUNCTION
        try:
            self.handler(json.loads(payload), None)
        except Exception as error:
            self.raised.append(error)
            told = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return Invocation(json.dumps(told).encode(), error=True)
        return Invocation(b"null")

    @contextmanager
    def handled_by(self, handler: Handler) -> Iterator[None]:
        """Another rotation function stands in the place of ours meanwhile."""
        before, self.handler = self.handler, handler
        try:
            yield
        finally:
            self.handler = before

    def told(self) -> str:
        """Every word of the log and of the errors that were raised, with what they came from."""
        said = [self.log.getvalue()]
        for error in self.raised:
            seen: BaseException | None = error
            while seen is not None:
                said += [str(seen), repr(seen), repr(seen.__dict__)]
                hidden = seen.__suppress_context__
                seen = seen.__cause__ or (None if hidden else seen.__context__)
        return "\n".join(said)

    def passwords(self) -> set[str]:
        """Every password that any version of any secret ever held."""
        held = [json.loads(text) for text in self.emulator.secrets.values]
        return {each["password"] for each in held if "password" in each}

    @contextmanager
    def expect(self, kind: type[Exception], says: str | None = None) -> Iterator[None]:
        """An error of this kind, which is kept for `told`."""
        with pytest.raises(kind, match=says) as info:
            yield
        self.raised.append(info.value)

    def assert_nothing_leaked(self, *further: object) -> None:
        """No password that a secret ever held is in what was said."""
        said = "\n".join([self.told(), *map(repr, further)])
        assert [each for each in self.passwords() if each in said] == []

    @contextmanager
    def failing(self, number: int, *operations: str) -> Iterator[list[str]]:
        """The so-manyth call of these operations is refused, once; yields what was called."""
        called: list[str] = []

        def refuse(call: Call) -> Refusal | None:
            if call.service != "secretsmanager" or call.operation not in operations:
                return None
            called.append(call.operation)
            # A refusal that no SDK tries again by itself.
            return Refusal("DecryptionFailure", "as asked") if len(called) == number else None

        self.emulator.before_call.append(refuse)
        try:
            yield called
        finally:
            self.emulator.before_call.remove(refuse)


@contextmanager
def premises(folder: Path) -> Iterator[Premises]:
    """All of it, in a folder."""
    with ExitStack() as stack:
        servers = Servers(folder=folder / "servers", binaries=find_binaries({}))
        stack.callback(servers.stop)
        made = stack.enter_context(database(servers, Authority(folder / "tls")))
        emulator = Emulator(folder=folder / "aws", time_factor=0.001)
        emulator.start()
        stack.callback(emulator.stop)
        emulator.secrets.retry_seconds = 0.02
        emulator.describe_function = lambda name: (
            {"FunctionName": name, "FunctionArn": arn(name)} if name == FUNCTION else None
        )
        emulator.allow_invoke(FUNCTION, PRINCIPAL, aws.ACCOUNT, "rotation")
        world = Premises(made, emulator)
        emulator.invoke = world.invoke
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {
            "AWS_ENDPOINT_URL": emulator.endpoint,
            "AWS_ACCESS_KEY_ID": "lab",
            "AWS_SECRET_ACCESS_KEY": "lab",
            "AWS_SESSION_TOKEN": "lab",
            "AWS_DEFAULT_REGION": aws.REGION,
            "NO_PROXY": "127.0.0.1",
            "DRILLS_CA_FILE": str(made.ca_file),
        }.items():
            environment.setenv(name, value)
        environment.delenv("AWS_PROFILE", raising=False)
        secrets._client.cache_clear()
        secrets._client()
        stack.callback(secrets._client.cache_clear)
        listener = logging.StreamHandler(world.log)
        listener.setFormatter(rotate.logger.registered_formatter)
        rotate.logger.addHandler(listener)
        stack.callback(rotate.logger.removeHandler, listener)
        yield world


class Killed(DrillError):
    """When a test lets a process die at a point of its choice."""


def _nobody(_event: Mapping[str, Any], _context: object) -> None:
    raise Killed


def plan_of(subject: Held, *, token: str = "", mode: str = "rehearsal") -> dict[str, Any]:
    """A plan, as far as Exercise, the rollback and the standing version read it."""
    return {
        "token": token or str(uuid.uuid4()),
        "mode": mode,
        "blocked": "",
        "subject": {
            "name": subject.name,
            "arn": subject.arn,
            "function": arn(FUNCTION),
            "strategy": "single user",
            "recent": [],
            "step_seconds": 1,
        },
        "source": {"name": subject.name, "arn": subject.arn, "facts": subject.user.facts()},
    }


def drill(**changes: Any) -> dict[str, Any]:
    """A drill, as far as Exercise reads it."""
    base = {"window": None, "timing": {"rotation_seconds": 30}}
    return base | changes
