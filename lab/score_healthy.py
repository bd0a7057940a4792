"""What may happen to a copy and harms nothing: Verify must not mind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import LiteralString

from lab import seed
from lab.postgres import Server


@dataclass(frozen=True, kw_only=True, slots=True)
class Harmless:
    """Something harmless, as a sentence, and done; `with_both` with checksums and without."""

    what: str
    act: Callable[[Server], None]
    with_both: bool = False


def _nothing(server: Server) -> None:
    """Leave it as it is."""


def _restart(server: Server) -> None:
    server.stop()
    server.start()


def _crash(server: Server) -> None:
    server.stop(fast=False)
    server.start()


def _running(*statements: LiteralString) -> Callable[[Server], None]:
    def run(server: Server) -> None:
        with server.connect(seed.DATABASE) as connection:
            for statement in statements:
                connection.execute(statement)

    return run


def _read(server: Server) -> None:
    """Read every row, which leaves traces on pages that were just replayed."""
    with server.connect(seed.DATABASE) as connection:
        connection.execute("SET enable_indexscan = off")
        connection.execute(
            "DO $$ DECLARE relation regclass; BEGIN"
            " FOR relation IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relpersistence = 'p'"
            " LOOP EXECUTE format('SELECT count(*) FROM %s', relation); END LOOP; END $$"
        )
        connection.execute("CHECKPOINT")


HARMLESS = (
    Harmless(what="as it was restored", act=_nothing, with_both=True),
    Harmless(what="restarted", act=_restart),
    Harmless(what="crashed and recovered", act=_crash),
    Harmless(what="read by somebody else before", act=_read, with_both=True),
    Harmless(what="analyzed", act=_running("ANALYZE")),
    Harmless(what="vacuumed and frozen", act=_running("VACUUM (FREEZE, ANALYZE)")),
    Harmless(
        what="its indexes built anew",
        act=_running(*(f"REINDEX SCHEMA {schema}" for schema in seed.SCHEMAS)),
    ),
    Harmless(
        what="with a transaction that was rolled back",
        act=_running(
            "BEGIN; DELETE FROM rubedo_ledger.exchange_rates;"
            " INSERT INTO rubedo_ledger.measurements VALUES ('never'); ROLLBACK"
        ),
    ),
)
