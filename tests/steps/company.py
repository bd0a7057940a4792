"""A small company whose database never rests, and the drive through the witness and Verify."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from functions import clock
from functions.aurora import counting, verify, verify_unit, witness
from functions.aurora.database import Login
from functions.aurora.witness_work import Source
from functions.errors import EvidenceMissing
from functions.model import Check
from lab.authority import Authority
from lab.login_front import LoginFront, LoginRefused
from lab.postgres import SUPERUSER, Server, Servers

DATABASE = "shop"
VERIFIER = "backup_drills_verifier"
SECRET = "open sesame"  # noqa: S105 - of the door in front of a test's server
INSTALL = Path("functions/aurora/sql/setup/install.sql").resolve()

SCHEMA = """
CREATE SCHEMA sales;
CREATE SCHEMA people;
CREATE TABLE sales.quiet (id int PRIMARY KEY, note text, price numeric(12, 2));
INSERT INTO sales.quiet SELECT i, 'note ' || i, i * 1.01 FROM generate_series(1, 4000) AS i;
CREATE TABLE sales.busy (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount int NOT NULL, filler text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO sales.busy (amount, filler)
    SELECT i, repeat('x', 40) FROM generate_series(1, 20000) AS i;
CREATE TABLE sales.queue (id bigint GENERATED ALWAYS AS IDENTITY, job jsonb);
CREATE TABLE sales.events (at timestamptz NOT NULL, kind text) PARTITION BY RANGE (at);
CREATE TABLE sales.events_old PARTITION OF sales.events
    FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
CREATE TABLE sales.events_new PARTITION OF sales.events DEFAULT;
INSERT INTO sales.events SELECT '2025-01-01'::timestamptz + i * interval '1 hour', 'k'
    FROM generate_series(1, 1000) AS i;
CREATE TABLE sales."Odd ""name" (id int);
INSERT INTO sales."Odd ""name" VALUES (1), (2);
CREATE TABLE sales.empty (id int);
CREATE UNLOGGED TABLE sales.cache (id int);
INSERT INTO sales.cache VALUES (1);
CREATE MATERIALIZED VIEW sales.totals AS SELECT count(*) AS n FROM sales.quiet;
CREATE MATERIALIZED VIEW sales.never AS SELECT 1 AS n WITH NO DATA;
CREATE TABLE people.hidden (id int, secret text);
INSERT INTO people.hidden SELECT i, 'secret-' || i FROM generate_series(1, 100) AS i;
ALTER TABLE people.hidden ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON people.hidden USING (id > 50);
"""

COUNTED = 9
"""Tables with rows of their own that the witness compares."""

RECORDED = COUNTED + 1
"""Those and a view that is not populated: as many records of row counts there are."""


class Shelf:
    """The evidence bucket, in memory; values pass through JSON as they do there."""

    def __init__(self) -> None:
        self.objects: dict[str, str] = {}

    def put_json(self, key: str, value: Any, *, locked: bool = False) -> None:
        assert not locked
        self.objects[key] = json.dumps(value)

    def get_json(self, key: str) -> Any:
        if key not in self.objects:
            raise EvidenceMissing(key)
        return json.loads(self.objects[key])

    def list_keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))


@dataclass(frozen=True)
class PasswordGate:
    """Lets in whoever knows the secret; whether the role may log in is the server's to say."""

    server: Server | Standby

    def asks(self, user: str) -> bool:
        return bool(user)

    def admit(self, *, user: str, password: str, **_: object) -> None:
        if password != SECRET:
            message = f'password authentication failed for user "{user}"'
            raise LoginRefused("28P01", message, reason="wrong password")


@dataclass
class Standby:
    """A hot standby of the source that streams from it."""

    server: Server
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> Path:
        return self.server.socket

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser."""
        with self.server.connect(DATABASE) as connection:
            return connection.execute(statement.encode()).fetchall()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


@dataclass
class Company:
    """A running source, the door in front of it, and the writers that never rest."""

    servers: Servers
    authority: Authority
    source: Server
    database: str = DATABASE
    doors: dict[Path, LoginFront] = field(default_factory=dict)
    copies: list[Server] = field(default_factory=list)

    def login(
        self, server: Server | Standby, *, user: str = VERIFIER, password: str = SECRET
    ) -> Login:
        """A login through the server's door: TLS with the test's authority."""
        if server.socket not in self.doors:
            door = self.doors[server.socket] = LoginFront(context=self.authority.context)
            door.open(PasswordGate(server))  # type: ignore[arg-type]  # what a door asks of a gate
        return Login(
            host="127.0.0.1",
            port=self.doors[server.socket].port,
            database=self.database,
            user=user,
            password=lambda: password,
            ca_file=self.authority.certificate,
        )

    def run(self, statements: str, server: Server | None = None) -> list[tuple[Any, ...]]:
        """Run statements as the superuser."""
        with (server or self.source).connect(self.database) as connection:
            cursor = connection.execute(statements.encode())
            return cursor.fetchall() if cursor.description else []

    def restore(self, until: datetime | str) -> Server:
        """A copy as of that moment, like RDS makes one when the moment has become restorable."""
        moment = clock.parse(until) if isinstance(until, str) else until
        while self.source.archive_now() <= moment:
            time.sleep(0.05)
        name = f"copy-{time.monotonic_ns()}"
        copy = self.servers.restore(name, source=self.source, until=moment)
        self.copies.append(copy)
        return copy

    def forget_copies(self) -> None:
        """Delete what was restored."""
        while self.copies:
            self.servers.remove(self.copies.pop().name)

    def standby(self, **settings: str) -> Standby:
        """A reader, in the way of Aurora's: what it replays waits for no query for long."""
        reader = Server(self.servers, name="reader", port=self.source.port + 1000)
        for folder in (reader.folder, reader.archive, reader.base_backups):
            self.servers.make_folder(folder)
        shutil.rmtree(reader.data, ignore_errors=True)
        self.servers.run(
            *("pg_basebackup", "-D", reader.data, "-h", self.source.sockets, "-R", "--no-sync"),
            *("-p", str(self.source.port), "-U", SUPERUSER, "-X", "stream", "-c", "fast"),
        )
        chosen = {"hot_standby_feedback": "on", "max_standby_streaming_delay": "2s"} | settings
        reader.configure({"hot_standby": "on", "archive_mode": "off", **chosen})
        standby = Standby(reader, self.servers.spawn("postgres", "-D", reader.data, log=reader.log))
        for _ in range(500):
            with contextlib.suppress(psycopg.OperationalError):
                if standby.run("SELECT pg_is_in_recovery()") == [(True,)]:
                    return standby
            time.sleep(0.02)
        raise AssertionError(reader.log_tail())

    @contextlib.contextmanager
    def writers(self, count: int = 3) -> Iterator[None]:
        """Transactions of all kinds, as fast as they go, while the block runs."""
        stop = threading.Event()
        threads = [
            threading.Thread(target=self._write, args=(stop, seed), daemon=True)
            for seed in range(count)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _write(self, stop: threading.Event, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - which rows are written is no secret
        with self.source.connect(DATABASE) as connection:
            while not stop.is_set():
                with (
                    contextlib.suppress(psycopg.errors.DeadlockDetected, _Abort),
                    connection.transaction(),
                ):
                    _transaction(connection, dice)

    def close(self) -> None:
        """End everything."""
        for door in self.doors.values():
            door.release()
        self.servers.stop()


class _Abort(Exception):
    """Rolls a writer's transaction back."""


def _transaction(connection: psycopg.Connection[Any], dice: random.Random) -> None:
    for _ in range(dice.randint(1, 4)):
        row = dice.randint(1, 25000)
        match dice.randint(0, 7):
            case 0 | 1:
                connection.execute(
                    "INSERT INTO sales.busy (amount, filler) VALUES (%s, 'new')", [row]
                )
            case 2 | 3:
                connection.execute("UPDATE sales.busy SET amount = amount + 1 WHERE id = %s", [row])
            case 4:
                connection.execute("DELETE FROM sales.busy WHERE id = %s", [row])
            case 5:
                with contextlib.suppress(_Abort), connection.transaction():
                    connection.execute("DELETE FROM sales.busy WHERE id = %s", [row + 1])
                    if dice.random() < 0.5:
                        raise _Abort
            case 6:
                connection.execute("""INSERT INTO sales.queue (job) VALUES ('{"a": 1}')""")
                connection.execute("INSERT INTO sales.events VALUES (clock_timestamp(), 'new')")
            case _:
                connection.execute(
                    "DELETE FROM sales.queue WHERE ctid IN (SELECT ctid FROM sales.queue"
                    " LIMIT 1 FOR UPDATE SKIP LOCKED)"
                )
    if dice.random() < 0.05:
        time.sleep(dice.random() * 0.4)
    if dice.random() < 0.1:
        raise _Abort


def drill(**changes: Any) -> dict[str, Any]:
    """A drill's configuration, as far as the witness and Verify read it."""
    base: dict[str, Any] = {
        "name": "shop-monthly",
        "database": DATABASE,
        "schemas": ["people", "sales"],
        "exclude": [],
        "fingerprint": {"ignore": [], "comments": False},
        "integrity": {
            "level": "none",
            "budget_seconds": 600,
            "foreign_keys": "not-valid",
            "required": False,
        },
        "heartbeat": True,
        "witness": {"endpoint": "writer"},
        "checks": [],
        "freshness": [],
        "timing": {"poll_seconds": 1, "restorable_margin_seconds": 0, "login_seconds": 60},
    }
    return base | changes


def plan(restore_time: str | None = None, *, required: str = "bounded") -> dict[str, Any]:
    """A plan, as far as the witness and Verify read it."""
    return {
        "run_id": "20261102-abcdef",
        "key": "shop-monthly/2026/20261102-abcdef",
        "names": {"cluster": "drill-shop-monthly-20261102-abcdef"},
        "restore": {"time": restore_time, "required_level": required},
        "source": {"latest_restorable_time": "2026-11-02T05:00:00Z", "resource_id": "cluster-A"},
    }


def plenty() -> float:
    """A call with all the time it wants."""
    return 900.0


def drive(call: Callable[[Mapping[str, Any]], dict[str, Any]], most: int = 2000) -> dict[str, Any]:
    """Call a step until it is done; its answers pass through JSON as they do in the line."""
    answer: dict[str, Any] = {}
    for _ in range(most):
        answer = json.loads(json.dumps(call(answer)))
        if answer["done"]:
            return answer
        assert answer["wait_seconds"] >= 1
        time.sleep(0.005)
    raise AssertionError(f"not done after {most} calls: {answer}")


def see(
    source: Source | None,
    shelf: Shelf,
    *,
    remaining_seconds: Callable[[], float] = plenty,
    slice_bytes: int = counting.SLICE_BYTES,
    settings: Mapping[str, Any] | None = None,
    planned: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Drive the witness to its end."""
    return drive(
        lambda previous: witness.advance(
            source=source,
            drill=settings or drill(),
            plan=planned or plan(),
            previous=previous,
            evidence=shelf,
            remaining_seconds=remaining_seconds,
            slice_bytes=slice_bytes,
        )
    )


@dataclass(frozen=True)
class Outcome:
    """What Verify answered, and all of its records."""

    answer: dict[str, Any]
    units: list[dict[str, Any]]
    checks: list[Check]

    def of(self, name: str, target: str = "") -> list[Check]:
        """The checks of a name, and of a target where one is given."""
        return [c for c in self.checks if c.name == name and target in ("", c.target)]

    def counts(self) -> list[Check]:
        """The row counts of tables that nothing excludes."""
        return [c for c in self.of("rows") if not c.by_configuration]

    def red(self) -> list[tuple[str, str]]:
        """Name and target of what failed."""
        return [(c.name, c.target) for c in self.checks if c.status == "failed"]

    def unsure(self) -> list[tuple[str, str]]:
        """Name and target of what was not run, though nothing switched it off."""
        return [
            (c.name, c.target)
            for c in self.checks
            if c.status == "not_run" and not c.by_configuration
        ]


def judge(
    copy: Login,
    witnessed: Mapping[str, Any],
    shelf: Shelf,
    *,
    remaining_seconds: Callable[[], float] = plenty,
    slice_bytes: int = counting.SLICE_BYTES,
    unit_weight: int = verify.UNIT_WEIGHT,
    settings: Mapping[str, Any] | None = None,
    planned: Mapping[str, Any] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Outcome:
    """Drive Verify and all of its units to their end; collect what they recorded."""
    chosen = planned or plan()
    answer = drive(
        lambda previous: verify.open_copy(
            copy=copy,
            drill=settings or drill(),
            plan=chosen,
            witness=witnessed,
            previous=previous,
            evidence=shelf,
            now=now,
            unit_weight=unit_weight,
        )
    )
    units = [
        drive(
            lambda previous, unit=entry["unit"]: verify_unit.run(  # type: ignore[misc]
                copy=copy,
                plan=chosen,
                unit=unit,
                previous=previous,
                evidence=shelf,
                remaining_seconds=remaining_seconds,
                slice_bytes=slice_bytes,
            )
        )
        for entry in answer["units"]
    ]
    records = [
        record
        for claimed in [answer["checks"], *units]
        for record in shelf.get_json(claimed["key"])
    ]
    return Outcome(answer, units, [Check.from_document(record) for record in records])


@dataclass(frozen=True)
class Drilled:
    """A source that was witnessed while it was written: the evidence, and the witness's answer."""

    shelf: Shelf
    witnessed: dict[str, Any]

    def fresh(self) -> Shelf:
        """The evidence as the witness left it, for one Verify alone."""
        copy = Shelf()
        copy.objects = dict(self.shelf.objects)
        return copy
