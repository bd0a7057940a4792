"""Who compares a copy with its source: one interface, measured by stages.

What a program takes to start is left out: one of them loads much that has no part in this.
"""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from bench.verify_meter import Meter, Stage
from bench.verify_tables import READER, READER_PASSWORD
from bench.verify_tools import Ran, run
from functions.aurora import content, database
from functions.aurora.chunks import Blocks, Place
from functions.aurora.database import Session
from functions.aurora.digest import row_digest
from lab import driven
from lab.driven import Premises
from lab.postgres import SUPERUSER, Server

SCHEMA: Final = "public"


class BenchFailed(Exception):
    """When a process of ours ended otherwise than it should."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A source and its copy, both at rest; which database of them is compared."""

    source: Server
    copy: Server
    database: str

    @property
    def sides(self) -> tuple[Server, Server]:
        """Both."""
        return self.source, self.copy

    def dsn(self, server: Server) -> str:
        """Over the socket, as the superuser."""
        return f"host={server.sockets} port={server.port} user={SUPERUSER} dbname={self.database}"

    def url(self, server: Server) -> str:
        """Over TCP, with a password, as some want it."""
        host, port = server.address
        return f"postgresql://{READER}:{READER_PASSWORD}@{host}:{port}/{self.database}"


@dataclass(kw_only=True, slots=True)
class Said:
    """Which tables it calls different, and over which it failed, and why.

    `memory` is the peak of its own process in MiB, by stage; `levels` how closely it has compared;
    `parts` are seconds of the clock, and `facts` is what else it tells.
    """

    different: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)


class Contestant(Protocol):
    """Compares tables of a pair."""

    name: str

    def compare(self, pair: Pair, tables: Sequence[str], meter: Meter) -> Said:
        """What it says of these tables of the schema public; each stage is measured."""


@dataclass(kw_only=True)
class Ours:
    """Witness and Verify, as a drill calls them, the units so many at once.

    `restores`: with markers, and a copy of its own as of the restore point; else with the pair's
    copy, that is as good while the source is at rest. To restore takes nobody's time.
    """

    name: str
    premises: Premises
    workers: int = 1
    restores: bool = True

    def compare(self, pair: Pair, tables: Sequence[str], meter: Meter) -> Said:
        """Raises BenchFailed."""
        with tempfile.TemporaryDirectory() as folder:
            asked = self._asked(pair, tables, Path(folder))
            said, copy = Said(), pair.copy
            with meter.stage("witness", pair.source) as stage:
                seen = self._run(asked | {"stage": "witness"}, pair.source, pair)
                _leave_out(stage, seen)
            try:
                if self.restores:
                    copy = self.premises.restore(seen["witness"]["restore_time"])
                    warm(copy, pair.database, tables)
                asked |= {"stage": "verify", "witness": seen["witness"]}
                with meter.stage("verify", copy) as stage:
                    found = self._run(asked, copy, pair)
                    _leave_out(stage, found)
            finally:
                self.premises.forget_copies()
        for told, ran in (("witness", seen), ("verify", found)):
            said.memory[told] = ran["memory"]
            said.facts[f"calls of {told}"] = ran["calls"]
            said.facts[f"s between the calls of {told}"] = round(ran["waited"], 1)
            said.parts |= ran["parts"]
        for check in found["checks"]:
            target = check["target"].removeprefix(f"{SCHEMA}.")
            if check["status"] == "passed" and check["name"] != "rows":
                continue
            if check["name"] == "rows" and target in tables:
                said.levels[target] = check["level"]
                if check["status"] == "failed":
                    said.different.add(target)
                elif check["status"] != "passed":
                    said.failed[target] = check["detail"] or check["observed"]
            elif not check["by_configuration"]:
                said.failed[f"{check['name']} {target}"] = check["detail"] or check["observed"]
        return said

    def _asked(self, pair: Pair, tables: Sequence[str], folder: Path) -> dict[str, Any]:
        with pair.source.connect(pair.database) as connection:
            found = connection.execute(
                "SELECT relname, pg_table_size(oid) FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = %s::regnamespace",
                [SCHEMA],
            ).fetchall()
        return {
            "folder": str(folder),
            "drill": driven.drill(
                database=pair.database,
                schemas=[SCHEMA],
                exclude=[f"{SCHEMA}.{name}" for name, _ in found if name not in tables],
                heartbeat=self.restores,
            ),
            "plan": driven.plan(),
            # No table is cut, and there are units enough for all.
            "unit_weight": 1024**2 + max(size for name, size in found if name in tables),
            "workers": self.workers,
        }

    def _run(self, asked: dict[str, Any], server: Server, pair: Pair) -> dict[str, Any]:
        login = self.premises.login(server)
        given = {
            **{key: getattr(login, key) for key in ("host", "port", "user")},
            "database": pair.database,
            "password": login.password(),
            "ca_file": str(login.ca_file),
        }
        asked = asked | {"login": given, "at": time.time()}
        ran = run([sys.executable, "-m", "bench.verify_ours"], asked=json.dumps(asked))
        if ran.status:
            raise BenchFailed(f"{self.name}: {asked['stage']}: {ran.complaint[-2000:]}")
        told: dict[str, Any] = json.loads(ran.told)
        return told | {"processor": ran.processor}


def _leave_out(stage: Stage, ran: dict[str, Any]) -> None:
    """Of a process of ours: its start, and the time between calls."""
    stage.aside = ran["waited"] + ran["start"]["seconds"]
    stage.client = ran["processor"] - ran["start"]["processor"]


@dataclass(kw_only=True)
class Apart:
    """A contestant that is given one table after the other; its stages are the tables."""

    name: str
    one: Contestant

    def compare(self, pair: Pair, tables: Sequence[str], meter: Meter) -> Said:
        """All that is said of each of them."""
        said = Said()
        for table in tables:
            before = len(meter.stages)
            each = self.one.compare(pair, [table], meter)
            for stage in meter.stages[before:]:
                stage.name = table
            said.different |= each.different
            said.failed |= each.failed
            said.levels |= each.levels
        return said


@dataclass(kw_only=True)
class Scan:
    """One query a table, on one side after the other; `ask` gives what must be alike."""

    name: str
    ask: Callable[[Session, str], object]

    def compare(self, pair: Pair, tables: Sequence[str], meter: Meter) -> Said:
        """Tables whose answers are not alike are different."""
        said = Said()
        for table in tables:
            with meter.stage(table, *pair.sides):
                source, copy = (self._answer(pair, server, table) for server in pair.sides)
            if source != copy:
                said.different.add(table)
        return said

    def _answer(self, pair: Pair, server: Server, table: str) -> object:
        told = database.told(pair.dsn(server))
        with database.open_told(told, application="bench") as session:
            for setting in ("max_parallel_workers_per_gather", "statement_timeout"):
                session.ask(f"SELECT set_config('{setting}', '0', false)")
            return self.ask(session, table)


def count(session: Session, table: str) -> object:
    """How many rows."""
    return session.ask(f"SELECT count(*) FROM {SCHEMA}.{table}")  # noqa: S608


def digest(session: Session, table: str) -> object:
    """The exact digest of all rows, in one scan."""
    [(oid,)] = session.ask(f"SELECT '{SCHEMA}.{table}'::regclass::oid")
    columns = content.read_columns(session, [oid])[oid]
    types = content.read_types(session, {column.type for column in columns})
    sql = row_digest(columns, types).sql
    place = Place(schema=SCHEMA, name=table, digest=sql, key=sql)
    return content.digest_blocks(session, place, Blocks())


@dataclass(kw_only=True)
class Dump:
    """`pg_dump --data-only | md5sum`, on one side after the other."""

    name: str
    program: Path

    def compare(self, pair: Pair, tables: Sequence[str], meter: Meter) -> Said:
        """Tables whose sums are not alike are different."""
        said = Said()
        for table in tables:
            with meter.stage(table, *pair.sides) as stage:
                ran = [run(self._command(pair.dsn(server), table)) for server in pair.sides]
                stage.client = sum(each.processor for each in ran)
            bad = next((each for each in ran if each.status or each.complaint), None)
            if bad:
                said.failed[table] = bad.last_words
            elif ran[0].told != ran[1].told:
                said.different.add(table)
        return said

    def _command(self, dsn: str, table: str) -> list[str]:
        dump = [str(self.program), "--data-only", "--table", f"{SCHEMA}.{table}", "-d", dsn]
        # Newer ones write a key by chance into each dump.
        lines = r"sed -e '/^\\restrict/d' -e '/^\\unrestrict/d'"
        return ["sh", "-c", f"{shlex.join(dump)} | {lines} | md5sum"]


@dataclass(kw_only=True)
class Compare:
    """`python -m cli compare`."""

    name: str

    def compare(self, pair: Pair, tables: Sequence[str], meter: Meter) -> Said:
        """What its document says. Raises BenchFailed."""
        command = [sys.executable, "-m", "cli", "compare"]
        start = run([*command, "--help"])
        with meter.stage("all", *pair.sides) as stage:
            ran = run(
                [
                    *(*command, "--json"),
                    *("--source", pair.dsn(pair.source), "--copy", pair.dsn(pair.copy)),
                    *("--tables", *(f"{SCHEMA}.{table}" for table in tables)),
                ]
            )
            _less(stage, ran, start)
        if not ran.told:
            raise BenchFailed(f"{self.name}: {ran.complaint[-2000:]}")
        said = Said(memory={"": ran.memory})
        for found in json.loads(ran.told)["tables"]:
            table = found["table"].removeprefix(f"{SCHEMA}.")
            said.levels[table] = found["level"]
            if found["standing"] == "different":
                said.different.add(table)
            elif found["standing"] != "equal":
                said.failed[table] = found["detail"] or found["standing"]
        return said


@dataclass(kw_only=True)
class Peer:
    """Another tool: it is called for each table, and prints the rows that differ."""

    name: str
    program: Path
    options: Sequence[str] = ()

    def compare(self, pair: Pair, tables: Sequence[str], meter: Meter) -> Said:
        """It says that a table is different where it prints a row."""
        said = Said(memory={"": 0.0})
        start = run([self.program, "--version"], alone=True)
        source, copy = (pair.url(server) for server in pair.sides)
        for table in tables:
            name = f"{SCHEMA}.{table}"
            command = [str(self.program), source, name, copy, name, "-k", "id", "-c", "%"]
            with meter.stage(table, *pair.sides) as stage:
                ran = run([*command, *self.options], alone=True)
                _less(stage, ran, start)
            said.memory[""] = max(said.memory[""], ran.memory)
            self._hear(said, table, ran)
        return said

    def _hear(self, said: Said, table: str, ran: Ran) -> None:
        if any(line[:2] in ("+ ", "- ") for line in ran.told.splitlines()):
            said.different.add(table)
        elif ran.status or "Traceback" in ran.complaint or "ERROR" in ran.complaint:
            said.failed[table] = ran.last_words or f"exit status {ran.status}"


def _less(stage: Stage, ran: Ran, start: Ran) -> None:
    """Of a process: what it takes to start."""
    stage.aside = min(start.seconds, ran.seconds)
    stage.client = max(0.0, ran.processor - start.processor)


def warm(server: Server, name: str, tables: Sequence[str]) -> None:
    """Read these tables once, so that nobody is the first."""
    with server.connect(name) as connection:
        for table in tables:
            connection.execute(f"SELECT count(*) FROM {SCHEMA}.{table}".encode())  # noqa: S608
