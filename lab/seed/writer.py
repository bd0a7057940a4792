"""Writes to the sample company all the time, as its applications would.

A process of its own, `python -m lab.seed.writer`: four connections that insert, update and delete,
roll back, use subtransactions, keep a transaction open for a while and delete in bulk. It deletes
about as much as it inserts, leaves the quiet tables alone, waits while the server is away, and ends
when its standard input does: with the lab, however that ends.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from lab import processes
from lab.postgres import Server
from lab.seed import APPLICATION, DATABASE

PAUSE_SECONDS = 0.05
_AWAY_SECONDS = 0.5
_OPEN_SECONDS = 1.5
_READY = b"writing\n"
_ROOT = Path(__file__).parents[2]

Connection = psycopg.Connection[tuple[Any, ...]]


class WriterFailed(Exception):
    """When the writer process ends before its first transaction."""


class WriterProcess:
    """A writer that runs beside the lab."""

    def __init__(self, server: Server, *, folder: Path) -> None:
        """Start it and wait for its first transaction. Raises WriterFailed."""
        self._folder = folder
        log = folder / "writer.log"
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", __name__),
                    *("--sockets", str(server.sockets), "--port", str(server.port)),
                ],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        processes.record(folder, self._process.pid, what="the writer of the sample company")
        assert self._process.stdout is not None
        if self._process.stdout.readline() != _READY:
            self.stop()
            raise WriterFailed(f"the writer ended early; see {log}")

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it; nothing to do when it has ended."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        try:
            self._process.wait(timeout=processes.PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        processes.forget(self._folder, self._process.pid)


def capture_lead(connection: Connection, random: Random) -> None:
    """A new lead with events and a note; some are given up, some meet a duplicate on the way."""
    with connection.transaction():
        [campaign] = _one(connection, "SELECT id FROM nigredo_leads.campaigns LIMIT 1")
        [lead] = _one(
            connection,
            "INSERT INTO nigredo_leads.leads (campaign_id, email, full_name, score, tags) "
            "VALUES (%s, %s, 'Pessoa Nova', %s, ARRAY['novo']) RETURNING id",
            campaign,
            f"novo.{random.randrange(10**9)}@example.com",
            random.randrange(100),
        )
        for kind in random.choices(["visit", "form", "chat"], k=random.randrange(1, 4)):
            connection.execute(
                "INSERT INTO nigredo_leads.lead_events (lead_id, kind, payload) "
                "VALUES (%s, %s, '{\"live\": true}')",
                [lead, kind],
            )
        with contextlib.suppress(psycopg.errors.UniqueViolation), connection.transaction():
            connection.execute(
                "INSERT INTO nigredo_leads.lead_notes (lead_id, author, body) "
                "VALUES (%s, 'writer', 'Primeiro contato.')",
                [lead],
            )
            if random.random() < 0.2:
                connection.execute(
                    "INSERT INTO nigredo_leads.leads (id, campaign_id, email, full_name) "
                    "VALUES (%s, %s, 'duplicate@example.com', 'Duplicata')",
                    [lead, campaign],
                )
        if random.random() < 0.15:
            raise psycopg.Rollback
    if random.random() < 0.01:
        connection.execute(
            "DELETE FROM nigredo_leads.leads WHERE id IN "
            "(SELECT id FROM nigredo_leads.leads ORDER BY id LIMIT 90)"
        )


def sell(connection: Connection, random: Random) -> None:
    """A new order with lines and a payment; now and then one that stays open for a while."""
    with connection.transaction():
        [customer] = _one(
            connection,
            "SELECT id FROM albedo_orders.customers WHERE id >= %s ORDER BY id LIMIT 1",
            random.randrange(1, 100),
        )
        [order] = _one(
            connection,
            "INSERT INTO albedo_orders.orders (customer_id, state) VALUES (%s, 'placed') "
            "RETURNING id",
            customer,
        )
        for line in range(1, random.randrange(2, 5)):
            connection.execute(
                "INSERT INTO albedo_orders.order_lines (order_id, line, sku, quantity, unit_price)"
                " SELECT %s, %s, sku, %s, price FROM albedo_orders.products LIMIT 1",
                [order, line, random.randrange(1, 9)],
            )
        if random.random() < 0.02:
            time.sleep(_OPEN_SECONDS)
        if random.random() < 0.1:
            raise psycopg.Rollback
        connection.execute(
            "UPDATE albedo_orders.orders SET total = albedo_orders.order_total(id), state = 'paid' "
            "WHERE id = %s",
            [order],
        )
        connection.execute(
            "INSERT INTO albedo_orders.payments (order_id, amount, method) "
            "SELECT id, total, 'pix' FROM albedo_orders.orders WHERE id = %s",
            [order],
        )
    if random.random() < 0.01:
        with connection.transaction():
            connection.execute(
                "DELETE FROM albedo_orders.orders WHERE id IN "
                "(SELECT id FROM albedo_orders.orders ORDER BY id LIMIT 90)"
            )
            connection.execute(
                "DELETE FROM rubedo_ledger.audit_log WHERE at < now() - interval '2 minutes'"
            )


def revise(connection: Connection, random: Random) -> None:
    """Changes of what is there: leads, their notes, their segments."""
    [newest] = _one(connection, "SELECT max(id) FROM nigredo_leads.leads")
    some = max(1, (newest or 1) - random.randrange(2000))
    match random.randrange(4):
        case 0:
            connection.execute(
                "UPDATE nigredo_leads.leads SET score = score + 0.001, status = 'contacted' "
                "WHERE id BETWEEN %s AND %s AND score < 900",
                [some, some + 3],
            )
        case 1:
            connection.execute(
                "UPDATE nigredo_leads.leads SET attributes = attributes || '{\"seen\": true}', "
                "email = upper(email::text) WHERE id = %s",
                [some],
            )
        case 2:
            connection.execute("DELETE FROM nigredo_leads.lead_notes WHERE lead_id = %s", [some])
        case _:
            connection.execute(
                "INSERT INTO nigredo_leads.segment_members (segment_id, lead_id) "
                "SELECT %s, id FROM nigredo_leads.leads WHERE id = %s ON CONFLICT DO NOTHING",
                [random.randrange(1, 41), some],
            )


def keep_books(connection: Connection, random: Random) -> None:
    """Stock movements over the partitions and journal entries, with a bulk delete of old ones."""
    warehouse = random.choice(["lisboa", "recife", "torino", "belém"])
    connection.execute(
        "INSERT INTO albedo_orders.stock_movements (warehouse, sku, quantity) "
        "SELECT %s, sku, %s FROM albedo_orders.products OFFSET %s LIMIT 1",
        [warehouse, random.randrange(-9, 9), random.randrange(400)],
    )
    connection.execute(
        "INSERT INTO rubedo_ledger.journal (account, amount, memo) VALUES (%s, %s, 'Lançamento')",
        [random.randrange(1001, 1081), random.random() * 1000],
    )
    if random.random() < 0.01:
        for table in ("albedo_orders.stock_movements", "rubedo_ledger.journal"):
            connection.execute(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT 100)"  # noqa: S608
            )


WORK: tuple[Callable[[Connection, Random], None], ...] = (capture_lead, sell, revise, keep_books)


def main(arguments: list[str]) -> None:
    """Write until standard input ends; say "writing" after the first transaction."""
    parser = argparse.ArgumentParser(prog="python -m lab.seed.writer", description=__doc__)
    parser.add_argument("--sockets", required=True, help="the folder of the server's socket")
    parser.add_argument("--port", required=True, type=int, help="the number in its name")
    options = parser.parse_args(arguments)
    ended, wrote = threading.Event(), threading.Event()

    def work(task: Callable[[Connection, Random], None], number: int) -> None:
        random = Random(number)  # noqa: S311  # it only has to be varied
        while not ended.is_set():
            # The server may be stopped, or gone: try again until the lab is gone too.
            with (
                contextlib.suppress(psycopg.OperationalError),
                _connect(options.sockets, options.port) as connection,
            ):
                while not ended.wait(PAUSE_SECONDS):
                    # A row that another connection has deleted meanwhile.
                    with contextlib.suppress(psycopg.IntegrityError):
                        task(connection, random)
                    wrote.set()
            ended.wait(_AWAY_SECONDS)

    def report() -> None:
        wrote.wait()
        sys.stdout.buffer.write(_READY)
        sys.stdout.buffer.flush()

    threads = [
        threading.Thread(target=work, args=pair, daemon=True)
        for pair in zip(WORK, range(len(WORK)), strict=True)
    ]
    for thread in (*threads, threading.Thread(target=report, daemon=True)):
        thread.start()
    sys.stdin.buffer.read()
    ended.set()
    for thread in threads:
        thread.join(timeout=_OPEN_SECONDS)


def _connect(sockets: str, port: int) -> Connection:
    return psycopg.connect(
        host=sockets,
        port=port,
        dbname=DATABASE,
        user=APPLICATION,
        application_name="writer",
        autocommit=True,
    )


def _one(connection: Connection, statement: str, *parameters: object) -> tuple[Any, ...]:
    row = connection.execute(statement, parameters).fetchone()
    assert row is not None
    return row


if __name__ == "__main__":
    main(sys.argv[1:])
