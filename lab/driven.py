"""Witness and Verify over real servers, without the emulator: each call as the line makes it.

For what asks about these two alone, many times: the tests of the steps, and the benches. Servers,
logins over TLS and the functions' code are real; the evidence is kept in memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from functions import clock
from functions.aurora import scanning, verify, verify_unit, witness
from functions.aurora.database import Login
from functions.aurora.witness_work import Source
from functions.errors import EvidenceMissing
from functions.model import Answer, Check
from lab.authority import Authority
from lab.login_front import LoginFront, LoginRefused
from lab.postgres import Server, Servers

VERIFIER = "backup_drills_verifier"
SECRET = "open sesame"  # noqa: S105 - of the door in front of a server that is alone with us
INSTALL = Path(__file__).parents[1] / "functions/aurora/sql/setup/install.sql"

_MOST_CALLS = 2000
_PAUSE_SECONDS = 0.005


class NotDone(Exception):
    """When a step is not done after a great many calls."""


class Shelf:
    """The evidence bucket, in memory; values pass through JSON as they do there."""

    def __init__(self) -> None:
        """An empty one."""
        self.objects: dict[str, str] = {}

    def put_json(self, key: str, value: Any, *, locked: bool = False) -> None:
        """Keep a value."""
        assert not locked
        self.objects[key] = json.dumps(value)

    def get_json(self, key: str) -> Any:
        """The value at a key. Raises EvidenceMissing."""
        if key not in self.objects:
            raise EvidenceMissing(key)
        return json.loads(self.objects[key])

    def list_keys(self, prefix: str) -> list[str]:
        """The keys below a prefix."""
        return sorted(key for key in self.objects if key.startswith(prefix))


class Reachable(Protocol):
    """A server that listens on a unix socket."""

    @property
    def socket(self) -> Path:
        """Where it is."""


@dataclass(frozen=True)
class PasswordGate:
    """Lets in whoever knows the secret; whether the role may log in is the server's to say."""

    server: Reachable

    def asks(self, user: str) -> bool:
        """Whether the role is asked for a password: all are."""
        return bool(user)

    def admit(self, *, user: str, password: str, **_: object) -> None:
        """Let the role in. Raises LoginRefused."""
        if password != SECRET:
            message = f'password authentication failed for user "{user}"'
            raise LoginRefused("28P01", message, reason="wrong password")


@dataclass
class Premises:
    """A source that runs, its copies, and the doors in front of them."""

    servers: Servers
    authority: Authority
    source: Server
    database: str
    doors: dict[Path, LoginFront] = field(default_factory=dict)
    copies: list[Server] = field(default_factory=list)

    def login(self, server: Reachable, *, user: str = VERIFIER, password: str = SECRET) -> Login:
        """A login through the server's door: TLS with an authority of our own."""
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
        """Run statements as the superuser; the rows of the last one."""
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
        """Delete what was restored, and its doors."""
        while self.copies:
            copy = self.copies.pop()
            if copy.socket in self.doors:
                self.doors.pop(copy.socket).release()
            self.servers.remove(copy.name)

    def close(self) -> None:
        """End everything."""
        for door in self.doors.values():
            door.release()
        self.servers.stop()


def drill(*, database: str, schemas: Sequence[str], **changes: Any) -> dict[str, Any]:
    """A drill's configuration, as far as the witness and Verify read it."""
    base: dict[str, Any] = {
        "name": f"{database}-monthly",
        "database": database,
        "schemas": list(schemas),
        "exclude": [],
        "fingerprint": {"ignore": [], "comments": False},
        "integrity": {
            "level": "none",
            "budget_seconds": 600,
            "foreign_keys": "not-valid",
            "required": False,
        },
        "heartbeat": True,
        "witness": {"endpoint": "writer", "share": 100},
        "checks": [],
        "freshness": [],
        "levels": {},
        "timing": {
            "poll_seconds": 1,
            "restorable_margin_seconds": 0,
            "login_seconds": 60,
            "snapshot_seconds": 30,
        },
    }
    return base | changes


def plan(restore_time: str | None = None, *, required: str = "exact") -> dict[str, Any]:
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


def drive(call: Callable[[Mapping[str, Any]], Answer], most: int = _MOST_CALLS) -> dict[str, Any]:
    """Call a step until it is done; its answers pass through JSON as they do in the line.

    Raises NotDone, and what the step raises.
    """
    answer: dict[str, Any] = {}
    for _ in range(most):
        answer = json.loads(json.dumps(call(answer)))
        if answer["done"]:
            return answer
        assert answer["wait_seconds"] >= 1
        time.sleep(_PAUSE_SECONDS)
    raise NotDone(f"not done after {most} calls: {answer}")


def see(
    source: Source | None,
    shelf: Shelf,
    *,
    settings: Mapping[str, Any],
    planned: Mapping[str, Any] | None = None,
    remaining_seconds: Callable[[], float] = plenty,
    slice_bytes: int = scanning.SLICE_BYTES,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Drive the witness to its end. `pause` is asked to let T go by, in seconds each time."""
    return drive(
        lambda previous: witness.advance(
            source=source,
            drill=settings,
            plan=planned or plan(),
            previous=previous,
            evidence=shelf,
            remaining_seconds=remaining_seconds,
            slice_bytes=slice_bytes,
            pause=pause,
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
        """The checks of the rows of tables that nothing excludes."""
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
    settings: Mapping[str, Any],
    planned: Mapping[str, Any] | None = None,
    remaining_seconds: Callable[[], float] = plenty,
    slice_bytes: int = scanning.SLICE_BYTES,
    unit_weight: int = verify.UNIT_WEIGHT,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Outcome:
    """Drive Verify and all of its units to their end; collect what they recorded."""
    chosen = planned or plan()
    answer = drive(
        lambda previous: verify.open_copy(
            copy=copy,
            drill=settings,
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
