"""A small company whose database never rests, and the drive through the witness and Verify."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from functions.aurora.database import Login
from functions.aurora.witness_work import Source
from lab import driven
from lab.driven import INSTALL as INSTALL
from lab.driven import SECRET as SECRET
from lab.driven import VERIFIER as VERIFIER
from lab.driven import Drilled as Drilled
from lab.driven import Outcome as Outcome
from lab.driven import Premises
from lab.driven import Shelf as Shelf
from lab.driven import drive as drive
from lab.driven import plan as plan
from lab.driven import plenty as plenty
from lab.standby import Standby, standby_of

DATABASE = "shop"

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


@dataclass
class Company(Premises):
    """A running source, the door in front of it, and the writers that never rest."""

    database: str = DATABASE

    def standby(self, **settings: str) -> Standby:
        """A reader, in the way of Aurora's: what it replays waits for no query for long."""
        return standby_of(self.servers, self.source, self.database, **settings)

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
    """The configuration of a drill of the company's database."""
    chosen: dict[str, Any] = {"database": DATABASE, "schemas": ["people", "sales"]}
    return driven.drill(**(chosen | changes))


def see(
    source: Source | None,
    shelf: Shelf,
    *,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Drive the witness to its end."""
    return driven.see(source, shelf, settings=settings or drill(), **options)


def judge(
    copy: Login,
    witnessed: Mapping[str, Any],
    shelf: Shelf,
    *,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> Outcome:
    """Drive Verify and all of its units to their end; collect what they recorded."""
    return driven.judge(copy, witnessed, shelf, settings=settings or drill(), **options)
