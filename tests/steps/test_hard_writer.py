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


@pytest.mark.parametrize("attempt", range(3))
def test_no_false_alarm_under_a_hard_writer(mill: Mill, attempt: int) -> None:
    before = mill.writer.counts
    outcome = mill.judge(*mill.drill())
    assert outcome.red() == [], (attempt, [c for c in outcome.checks if c.status == "failed"])
    assert {target for _, target in outcome.unsure()} <= RESHAPED | {DATABASE}
    assert outcome.answer["at_restore_point"] is True
    assert mill.writer.counts["insert"] > before["insert"], "nobody wrote: it proves nothing"


def test_a_damaged_row_is_found_meanwhile(mill: Mill) -> None:
    """One of thousands that are locked and frozen all the time, and never changed."""
    copy, shelf, witnessed = mill.drill()
    mill.premises.run("UPDATE mill.rates SET rate = rate + 0.0001 WHERE id = 77", copy)
    outcome = mill.judge(copy, shelf, witnessed)
    assert outcome.red() == [("rows", "mill.rates")]
    assert {target for _, target in outcome.unsure()} <= RESHAPED | {DATABASE}


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
