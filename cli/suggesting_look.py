"""What a database says of itself, and short looks at its rows: none may cost it anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from cli.suggesting import Column, Constraint, Omitted, Sample, Table
from functions.aurora import database, tables
from functions.aurora.comparison import CLOCK_TOLERANCE
from functions.aurora.database import QueryFailed, Session
from functions.aurora.expectation import bind_restore_time

CATALOG_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 5.0
"""No statement that reads rows takes longer."""

LOCK_SECONDS: Final = 0.2
ALL_LOOKS_SECONDS: Final = 180.0
"""After so long nothing more is looked at."""

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of a table that is larger only a part is read."""

FEW_BYTES: Final = 2 * 1024 * 1024
"""Where for each row another one is looked up by an index, so much is read at most."""

_BLOCK_BYTES: Final = 8192
_TIMED_OUT: Final = "57014"

Answer = TypeVar("Answer")


class NotSeen(Exception):
    """When a look has found nothing out. Its message says why, and holds no row's content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Where it was looked, and when by its own clock."""

    database: str
    user: str
    version: str
    major: int
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogs:
    """What the catalogs hold of the chosen schemas."""

    tables: tuple[Table, ...]
    constraints: tuple[Constraint, ...]
    sequences: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """When rows came, the newest first, how that was found; `later`: some are still to come."""

    times: tuple[datetime, ...]
    later: bool
    by: str


class Looker:
    """Asks one session. A table with more than `most_bytes` is read in part."""

    def __init__(
        self, session: Session, *, most_bytes: int = MOST_BYTES, few_bytes: int = FEW_BYTES
    ) -> None:
        """Nothing is asked yet."""
        self._session = session
        self.most_bytes = most_bytes
        self.few_bytes = few_bytes
        self._until = time.monotonic() + ALL_LOOKS_SECONDS

    def server(self) -> Server:
        """Which server it is. Raises QueryFailed."""
        said = self._catalog(lambda: self._session.one("server"))
        role = self._catalog(lambda: self._session.one("role"))
        return Server(
            database=self._session.database,
            user=role["name"],
            version=said["version"].partition(" ")[0],
            major=said["version_number"] // 10_000,
            now=said["clock"],
        )

    def schemas(self) -> list[str]:
        """The schemas that are neither the system's nor ours. Raises QueryFailed."""
        return self._catalog(lambda: tables.schemas(self._session))

    def catalogs(self, schemas: Sequence[str]) -> Catalogs:
        """The tables of these schemas, and what else there is. Raises QueryFailed."""
        rows = self._catalog(lambda: self._session.all("suggest_tables", schemas=list(schemas)))
        oids = [row["oid"] for row in rows]
        described = self._catalog(lambda: self._session.all("suggest_columns", oids=oids))
        columns: dict[int, list[Column]] = {}
        for row in described:
            columns.setdefault(row.pop("oid"), []).append(Column(**row))
        sizes = self._sizes([member for row in rows for member in row["members"]])
        found = {row["oid"]: _table(row, columns.get(row["oid"], ()), sizes) for row in rows}
        marked = self._catalog(lambda: self._session.all("suggest_constraints", oids=oids))
        counted = self._catalog(
            lambda: self._session.one("suggest_sequences", schemas=list(schemas))
        )
        return Catalogs(
            tables=tuple(found.values()),
            constraints=tuple(
                Constraint(table=found[row.pop("table_oid")], **row) for row in marked
            ),
            sequences=counted["sequences"],
        )

    def condition(self, constraint: Constraint) -> str:
        """What a constraint demands of a row. Raises NotSeen."""
        rows = self._look(lambda: self._session.all("suggest_condition", oid=constraint.oid))
        if not rows:
            raise NotSeen("it was dropped meanwhile")
        return str(rows[0]["condition"])

    def number(self, lines: Sequence[str], *, now: datetime, by_index: bool = False) -> int:
        """What a query says that is to be proposed, asked as a drill asks it. Raises NotSeen.

        `by_index`: what it looks up is too large to be read as a whole.
        """

        def ask() -> Any:
            self._session.one("open_search_path")
            return self._session.ask(bind_restore_time(" ".join(lines)), restore_time=now)

        [(value,)] = self._look(ask, by_index=by_index)
        return int(value)

    def filled(self, table: Table, column: Column, sample: Sample | None) -> int:
        """How many rows hold a value in a column. Raises NotSeen."""
        parts = {
            **_parts(table, column),
            "sample": database.expression(sample.clause) if sample else database.NOTHING,
        }
        row = self._look(lambda: self._session.one("suggest_filled", parts=parts))
        return int(row["filled"])

    def times(self, table: Table, column: Column, *, now: datetime, since: datetime) -> Times:
        """When rows came since then, one time at most of each hour. Raises NotSeen."""
        limits = {"limit": now + CLOCK_TOLERANCE, "since": since}
        parts = _parts(table, column)
        if column.indexed:
            row = self._look(lambda: self._session.one("suggest_walk", parts=parts, **limits))
            return Times(times=tuple(row["times"]), later=row["later"], by="its index")
        blocks = database.NOTHING
        if table.bytes > self.most_bytes:
            if table.divided:
                raise NotSeen("it is large, and no index leads with it")
            first = (table.bytes - self.most_bytes) // _BLOCK_BYTES
            limits["start"] = f"({first},0)"  # type: ignore[assignment]
            blocks = database.part("suggest_last_blocks")
        row = self._look(
            lambda: self._session.one("suggest_recent", parts={**parts, "blocks": blocks}, **limits)
        )
        by = "the last blocks of the table" if "start" in limits else "all of its rows"
        return Times(times=tuple(row["times"]), later=row["later"], by=by)

    def _sizes(self, oids: Sequence[int]) -> dict[int, int]:
        """The bytes of tables now, without those that are locked."""
        try:
            return self._measure(oids)
        except NotSeen:
            found: dict[int, int] = {}
            for oid in oids:
                try:
                    found |= self._measure([oid])
                except NotSeen:
                    continue
            return found

    def _measure(self, oids: Sequence[int]) -> dict[int, int]:
        rows = self._look(lambda: self._session.all("sizes", oids=list(oids)))
        return {row["oid"]: row["bytes"] for row in rows}

    def _catalog(self, ask: Callable[[], Answer]) -> Answer:
        with self._session.snapshot(seconds=CATALOG_SECONDS):
            return ask()

    def _look(self, ask: Callable[[], Answer], *, by_index: bool = False) -> Answer:
        if time.monotonic() > self._until:
            raise NotSeen("there was no time left to look at it")
        try:
            with self._session.snapshot(seconds=LOOK_SECONDS):
                self._session.one(
                    "suggest_gently",
                    milliseconds=str(round(LOCK_SECONDS * 1000)),
                    whole="off" if by_index else "on",
                )
                return ask()
        except QueryFailed as failure:
            raise NotSeen(_why(failure)) from None


def omitted(target: str, why: NotSeen) -> Omitted:
    """What is told of something that could not be looked at."""
    return Omitted(target, f"it could not be looked at: {why}")


def _why(failure: QueryFailed) -> str:
    if failure.locked:
        return "somebody holds a lock"
    if failure.sqlstate == _TIMED_OUT:
        return f"it takes longer than {LOOK_SECONDS:.0f} s"
    if failure.denied:
        return "the role may not read all of it"
    if failure.absent:
        return "it was dropped meanwhile"
    return str(failure)


def _table(row: Mapping[str, Any], columns: Sequence[Column], sizes: Mapping[int, int]) -> Table:
    members = tuple(row["members"])
    measured = sum(sizes.get(member, 0) for member in members)
    size = max(row["bytes"], measured)
    return Table(**{**row, "members": members, "columns": tuple(columns), "bytes": size})


def _parts(table: Table, column: Column) -> dict[str, database.Part]:
    return {
        "table": database.table(table.schema, table.name),
        "column": database.column(column.name),
    }
