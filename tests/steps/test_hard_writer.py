"""Whatever a source goes through while it is witnessed: no drill of it raises a false alarm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from functions.aurora.witness_work import Source
from lab import driven
from lab.driven import INSTALL, Outcome, Premises, Shelf
from lab.postgres import Server
from lab.writers.hard import KINDS, SCHEMA, HardWriter, settle_in, writing
from lab.writers.upkeep import RESHAPED
from tests.steps.company import Company

DATABASE = "mill"
SETTINGS = driven.drill(
    database=DATABASE,
    schemas=[SCHEMA],
    integrity={"level": "full", "budget_seconds": 600, "foreign_keys": "all", "required": False},
)


DAMAGES = {
    "accounts": "balance = balance + 0.01",
    "documents": "document = document || '{\"one\": 1.00}'",
    "events_first": "kind = kind || ' '",
    "narrow": "counter = counter + 1",
    "people": "age = age + 1",
    "rates": "rate = rate + 0.0001",
    "wide": "ratio = -ratio",
}


@dataclass(frozen=True)
class Mill:
    """A source of its own under the hard writer."""

    premises: Premises
    writer: HardWriter

    def drill(self) -> tuple[Server, Shelf, dict[str, object]]:
        """A witness, and the copy as of its restore point."""
        login, shelf = self.premises.login(self.premises.source), Shelf()
        witnessed = driven.see(Source(reader=login, writer=login), shelf, settings=SETTINGS)
        return self.premises.restore(witnessed["restore_time"]), shelf, witnessed

    def judge(self, copy: Server, shelf: Shelf, witnessed: dict[str, object]) -> Outcome:
        return driven.judge(self.premises.login(copy), witnessed, shelf, settings=SETTINGS)


@pytest.fixture(scope="module")
def mill(company: Company) -> Iterator[Mill]:
    """Beside the company's server: this one has settings of its own."""
    source = company.servers.create("mill")
    with source.connect() as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
    settle_in(source, DATABASE)
    premises = Premises(
        servers=company.servers, authority=company.authority, source=source, database=DATABASE
    )
    premises.run(INSTALL.read_text())
    source.back_up()
    with writing(source, DATABASE) as writer:
        yield Mill(premises, writer)
    premises.forget_copies()
    premises.doors.pop(source.socket).release()
    company.servers.remove(source.name)


@pytest.fixture(autouse=True)
def _no_copies(mill: Mill) -> Iterator[None]:
    yield
    mill.premises.forget_copies()


def nothing_else(outcome: Outcome) -> None:
    """All is exact, and nobody is unsure, but of what is reshaped all the time."""
    assert {target for _, target in outcome.unsure()} <= RESHAPED | {DATABASE}
    levels = {check.level for check in outcome.counts() if check.target not in RESHAPED}
    assert levels == {"exact"}


@pytest.mark.parametrize("attempt", range(3))
def test_no_false_alarm_under_a_hard_writer(mill: Mill, attempt: int) -> None:
    before = mill.writer.counts
    outcome = mill.judge(*mill.drill())
    assert outcome.red() == [], (attempt, [c for c in outcome.checks if c.status == "failed"])
    nothing_else(outcome)
    assert outcome.answer["at_restore_point"] is True
    assert mill.writer.counts["insert"] > before["insert"], "nobody wrote: it proves nothing"


def test_a_damaged_row_is_found_meanwhile(mill: Mill) -> None:
    """One of a thousand, in each table that is written or locked all the time.

    The oldest one: of a row that came and went between the readings nobody can say what it held.
    """
    copy, shelf, witnessed = mill.drill()
    for table, change in DAMAGES.items():
        # Prepared transactions have locked rows, on the copy as well.
        mill.premises.run(
            f"UPDATE mill.{table} SET {change} WHERE ctid = (SELECT ctid FROM mill.{table}"  # noqa: S608
            " WHERE id <= 4000 ORDER BY age(xmin) DESC LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)",
            copy,
        )
    outcome = mill.judge(copy, shelf, witnessed)
    assert sorted(outcome.red()) == [("rows", f"mill.{table}") for table in sorted(DAMAGES)]
    nothing_else(outcome)


def test_each_kind_of_work_was_done(mill: Mill) -> None:
    premises, counts = mill.premises, mill.writer.counts
    assert [kind for kind in KINDS if not counts[kind]] == []
    [(in_place, promised)] = premises.run(
        "SELECT (SELECT sum(n_tup_hot_upd) FROM pg_stat_user_tables WHERE relname = 'narrow'),"
        " current_setting('max_prepared_transactions')::int"
    )
    assert in_place > 0
    assert promised > 0
    premises.run("CHECKPOINT")
    [(multixacts,)] = premises.run(
        "SELECT next_multixact_id::text::bigint FROM pg_control_checkpoint()"
    )
    assert multixacts > 10
