"""Each damage does to the copy what it says, and nothing to the source."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.kinds import KINDS
from lab import seed
from lab.damage import (
    Damage,
    NotACopy,
    NotStopped,
    UnknownDamage,
    aim,
    find_damage,
    inflict,
    list_damages,
)
from lab.postgres import Server
from lab.rds import Rds
from tests.lab_parts.conftest import LAG_SECONDS, Copies, moment_between, put_marker, value

NAMES = [
    "hidden_rows_deleted",
    "ran_past",
    "role_cannot_log_in",
    "rows_deleted",
    "stopped_too_early",
    "table_dropped",
]


@pytest.fixture
def damaged(copies: Copies, rds: Rds) -> Callable[..., tuple[Server, datetime]]:
    """Restores with a damage to a moment just now; the copy's server, and the moment."""

    def restore(damage: Damage, moment: datetime | None = None) -> tuple[Server, datetime]:
        rds.damage = damage
        until = moment or datetime.now(UTC)
        time.sleep(LAG_SECONDS + 0.05)
        copy = rds.cluster(copies.available(until)).server
        assert copy is not None
        return copy, until

    return restore


def count(server: Server, what: str) -> int:
    with server.connect(seed.DATABASE) as connection:
        return int(value(connection, f"SELECT count(*) FROM {what}"))  # noqa: S608


def test_all_are_listed() -> None:
    damages = list_damages()
    of_copies = {damage.name for damage in damages if damage.kind == "aurora"}
    assert of_copies > set(NAMES), "those that tests/steps/fingerprint does to copies are more"
    assert {damage.kind for damage in damages} == set(KINDS)
    assert all(damage.description and damage.check for damage in damages)


def test_who_does_a_damage_leaves_it_to_nobody_who_cannot() -> None:
    for damage in list_damages():
        assert not damage.at_rest or damage.only_in_score, damage.name
        assert not damage.only_in_score or not damage.in_steps, damage.name
        assert damage.in_steps or not damage.in_whole_drills, damage.name


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownDamage, match="'flood': expected one of application_pool, "):
        find_damage("flood")


@pytest.mark.parametrize("name", NAMES)
def test_none_is_done_to_a_source(name: str, server: Server) -> None:
    def state(connection: Any) -> Any:
        return connection.execute(
            "SELECT (SELECT count(*) FROM nigredo_leads.consents),"
            " (SELECT count(*) FROM nigredo_leads.private_notes),"
            " to_regclass('nigredo_leads.import_batches') IS NOT NULL,"
            " (SELECT count(*) FROM pg_roles WHERE NOT rolcanlogin)"
        ).fetchone()

    with server.connect(seed.DATABASE) as connection:
        before = state(connection)
        with pytest.raises(NotACopy, match=name):
            inflict(find_damage(name), connection)
        assert state(connection) == before


def test_no_file_of_a_source_is_aimed_at(server: Server) -> None:
    with (
        server.connect(seed.DATABASE) as connection,
        pytest.raises(NotACopy, match="heap_page_zeroed"),
    ):
        aim(find_damage("heap_page_zeroed"), connection)


def test_files_of_a_copy_are_left_alone_while_it_runs(damaged: Callable[..., Any]) -> None:
    copy, _ = damaged(find_damage("rows_deleted"))
    table = "nigredo_leads.private_notes"
    before = count(copy, table)
    with copy.connect(seed.DATABASE) as connection:
        edit = aim(find_damage("heap_page_zeroed"), connection)
    with pytest.raises(NotStopped, match="heap_page_zeroed"):
        edit(copy.data)
    copy.stop()
    edit(copy.data)
    copy.start()
    assert count(copy, table) < before


def test_a_value_is_changed_in_its_place(damaged: Callable[..., Any], server: Server) -> None:
    copy, _ = damaged(find_damage("value_changed"))
    table = "rubedo_ledger.exchange_rates"
    rows = f"SELECT ctid::text, it::text FROM {table} AS it ORDER BY ctid"  # noqa: S608
    with server.connect(seed.DATABASE) as there, copy.connect(seed.DATABASE) as here:
        before, after = there.execute(rows).fetchall(), here.execute(rows).fetchall()
    assert [place for place, _ in before] == [place for place, _ in after]
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_rows_are_lost(damaged: Callable[..., Any], server: Server) -> None:
    copy, _ = damaged(find_damage("rows_deleted"))
    table = "nigredo_leads.consents"
    assert count(server, table) - count(copy, table) == 3


def test_only_hidden_rows_are_lost(damaged: Callable[..., Any], server: Server) -> None:
    copy, _ = damaged(find_damage("hidden_rows_deleted"))
    table = "nigredo_leads.private_notes"
    hidden, seen = f"{table} WHERE confidential", f"{table} WHERE NOT confidential"
    assert count(server, hidden) - count(copy, hidden) == 5
    assert count(server, seen) == count(copy, seen)


def test_a_table_is_lost(damaged: Callable[..., Any], server: Server) -> None:
    copy, _ = damaged(find_damage("table_dropped"))
    tables = "pg_tables WHERE schemaname = ANY ('{nigredo_leads,albedo_orders,rubedo_ledger}')"
    assert count(server, tables) - count(copy, tables) == 1
    assert count(copy, f"{tables} AND tablename = 'import_batches'") == 0


def test_a_role_is_locked_out(damaged: Callable[..., Any], server: Server) -> None:
    role = "pg_roles WHERE rolname = 'backup_drills_verifier' AND rolcanlogin"
    copy, _ = damaged(find_damage("role_cannot_log_in"))
    assert count(server, role) == 1
    assert count(copy, role) == 0


def markers(server: Server) -> set[str]:
    with server.connect() as connection:
        return {row[0] for row in connection.execute("SELECT word FROM marker")}


def test_a_restore_runs_past(damaged: Callable[..., Any], server: Server) -> None:
    moment = moment_between(server, "past-before", "past-after")
    copy, _ = damaged(find_damage("ran_past"), moment)
    assert {"past-before", "past-after"} <= markers(copy)


def test_a_restore_stops_too_early(damaged: Callable[..., Any], server: Server) -> None:
    """Even when that would be before the restore window."""
    put_marker(server, "early-before")
    copy, _ = damaged(find_damage("stopped_too_early"))
    with copy.connect() as connection:
        table = value(connection, "SELECT to_regclass('marker') IS NOT NULL")
    assert not table or "early-before" not in markers(copy)
