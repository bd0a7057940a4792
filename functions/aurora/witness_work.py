"""What the parts of the witness share: what it was given, its sessions, its marks, its manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from functions import clock
from functions.aurora import database, tables
from functions.aurora.database import Login, QueryFailed, Session
from functions.aurora.manifest import Manifest, Table
from functions.errors import DrillError, TryAgain
from functions.model import Answer, Level
from functions.step import done

APPLICATION = "backup-drills witness"


ROUND_SECONDS: Final = 60.0
"""After a round of the first reading that took longer, what has changed meanwhile is read again."""


class NothingToWitness(DrillError):
    """When a configured schema or table is not on the source, or there is nothing to compare."""


class HeartbeatMissing(DrillError):
    """When the heartbeat table on the source is absent or may not be written."""


class ReaderBehind(DrillError):
    """When the reader does not show, for minutes, what the writer has committed."""


class Evidence(Protocol):
    """Where evidence is kept: functions/evidence.py is one, a dictionary in tests another."""

    def put_json(self, key: str, value: Any, *, locked: bool = False) -> None:
        """Store a value."""

    def get_json(self, key: str) -> Any:
        """The value at a key. Raises EvidenceMissing."""

    def list_keys(self, prefix: str) -> list[str]:
        """The keys below a prefix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where tables are read, and where markers are written: a reader and its writer, or the latter
    twice."""

    reader: Login
    writer: Login


@dataclass(slots=True)
class Load:
    """What the witness has cost the source so far: what a DBA asks for.

    The seconds of the longest statement and for which the longest snapshot was open, and the bytes
    of tables that were read, each time they were.
    """

    statement_seconds: float = 0.0
    snapshot_seconds: float = 0.0
    read_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What one call of `witness.advance` was given."""

    source: Source
    drill: Mapping[str, Any]
    plan: Mapping[str, Any]
    evidence: Evidence
    remaining_seconds: Callable[[], float]
    slice_bytes: int
    pause: Callable[[float], None]
    load: Load
    round_seconds: float = ROUND_SECONDS

    @contextmanager
    def session(self, login: Login, *, read_only: bool = True) -> Iterator[Session]:
        """A session on the source. Raises what database.session raises."""
        with database.session(login, application=APPLICATION, read_only=read_only) as opened:
            try:
                yield opened
            finally:
                load, longest = self.load, round(opened.longest_seconds, 3)
                load.statement_seconds = max(load.statement_seconds, longest)

    def rest(self, took: float) -> None:
        """Leave the source alone for a while, after so many seconds of reading."""
        share = float(self.drill["witness"]["share"])
        if share < 100:
            self.pause(took * (100 - share) / share)

    @property
    def marked(self) -> bool:
        """Whether markers are written."""
        return bool(self.drill["heartbeat"])

    @property
    def comments(self) -> bool:
        """Whether comments are compared."""
        return bool(self.drill["fingerprint"]["comments"])

    @property
    def tables_are_at(self) -> Login:
        """Where tables are read: without markers nothing proves how far a reader has come."""
        return self.source.reader if self.marked else self.source.writer

    @property
    def source_name(self) -> str:
        """Which database is read: that of another cluster may have the same name."""
        return f"{self.plan['source']['resource_id']}/{self.drill['database']}"

    def key(self, name: str) -> str:
        return f"{self.plan['key']}/witness/{name}.json"

    def put(self, name: str, value: Any) -> None:
        self.evidence.put_json(self.key(name), value)

    def get(self, name: str) -> Any:
        return self.evidence.get_json(self.key(name))


def the_writer(session: Session) -> dict[str, Any]:
    """The server behind the writer's endpoint. Raises TryAgain when that is a reader."""
    server = session.one("server")
    if server["in_recovery"]:
        raise TryAgain("the source's endpoint leads to a reader: it is failing over")
    return server


def mark(work: Work, session: Session, marker: str, position: str) -> int:
    """Commit a marker. Its transaction. Raises HeartbeatMissing."""
    try:
        session.run("forget_heartbeats")
        row = session.one(
            "put_marker",
            id=marker,
            drill=work.drill["name"],
            run_id=work.plan["run_id"],
            position=position,
        )
    except QueryFailed as failure:
        if failure.absent or failure.denied:
            raise HeartbeatMissing(
                f"the marker {position!r} cannot be written on {work.source.writer.host}:"
                f" {failure}; run functions/aurora/sql/setup/install.sql there as the master user,"
                " or set heartbeat: false"
            ) from None
        raise
    return int(row["xid"])


def list_tables(session: Session, work: Work) -> list[Table]:
    """The tables to witness. Raises NothingToWitness."""
    database_name, asked = work.drill["database"], work.drill["schemas"]
    there = tables.schemas(session)
    missing = [name for name in asked if name not in there]
    if missing:
        raise NothingToWitness(
            f"schemas: {', '.join(missing)}: not in the database {database_name},"
            f" which has {', '.join(there) or 'none'}"
        )
    listed = tables.list_tables(session, schemas=asked or there, exclude=work.drill["exclude"])
    if not any(table.counted for table in listed):
        raise NothingToWitness(
            f"schemas: {', '.join(asked or there) or 'none'}: hold no table that can be compared"
        )
    targets = Counter(table.target for table in listed)
    if alike := sorted(name for name, number in targets.items() if number > 1):
        raise NothingToWitness(
            f"tables: {', '.join(alike)}: two of the database are called so, because of a dot in a"
            " name: expected tables that can be told apart; rename one, or leave its schema out"
        )
    if unknown := sorted(name for name in work.drill["levels"] if name not in targets):
        raise NothingToWitness(
            f"levels: {', '.join(unknown)}: expected tables of the schemas"
            f" {', '.join(asked or there)}"
        )
    return listed


def listed_tables(work: Work) -> list[Table]:
    """The tables that the run's first call has listed."""
    return [Table(**{**row, "columns": tuple(row["columns"])}) for row in work.get("tables")]


def keep(
    work: Work,
    made: Manifest,
    *,
    restorable_after: datetime | None = None,
    load: Load | None = None,
) -> Answer:
    """Store the manifest. The witness's answer."""
    work.put("manifest", made.to_document())
    return done(
        restore_time=made.restore_time,
        restorable_after=clock.render(restorable_after) if restorable_after else made.restore_time,
        marker={"before": made.before, "after": made.after},
        manifest=work.key("manifest"),
        tables=len(made.tables),
        exact=sum(table.level is Level.EXACT for table in made.tables),
        bounded=sum(table.level is Level.BOUNDED for table in made.tables),
        excluded=len(made.excluded),
        objects=made.catalogs.objects if made.catalogs else 0,
        rows=sum(table.rows or 0 for table in made.tables),
        bytes=sum(table.bytes for table in made.tables),
        load=asdict(load or Load()),
    )
