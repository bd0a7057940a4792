"""A real server whose transaction ids have begun anew: with rows that are a whole round old."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from functions.aurora import database, passing, scanning
from functions.aurora.passing import Pass, Read
from functions.aurora.sandwich import Chunk
from functions.aurora.scanning import Relation
from functions.aurora.witness_work import Source
from tests.steps.company import DATABASE, INSTALL, Company, Outcome, Shelf, drill, judge, see

SCHEMA = """
CREATE SCHEMA sales;
CREATE TABLE sales.ahead (id int, note text);
CREATE TABLE sales.next (id int);
CREATE TABLE sales.busy (id int);
CREATE TABLE sales.bulk (id int);
INSERT INTO sales.busy SELECT generate_series(1, 500);
INSERT INTO sales.bulk SELECT generate_series(1, 500);
"""

BURN = """
DO $$ BEGIN FOR i IN 1..{count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$
"""

FILL = """
DO $$ BEGIN FOR i IN 1..50 LOOP INSERT INTO sales.{table} VALUES (i); COMMIT; END LOOP; END $$
"""

EXACT = ["sales.ahead", "sales.bulk", "sales.busy"]
SETTINGS = drill(schemas=["sales"])


@pytest.fixture(scope="module")
def wrapped(company: Company) -> Iterator[Company]:
    """A company in its second round: ids of `next` come into use soon, those of `ahead` do not."""
    made = Company(
        servers=company.servers,
        authority=company.authority,
        source=(source := company.servers.create(f"wrapped-{time.monotonic_ns()}")),
    )
    with source.connect() as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
    made.run(SCHEMA)
    made.run(INSTALL.read_text())
    ((begin,),) = made.run("SELECT pg_current_xact_id()::text::bigint")
    made.run(BURN.format(count=20))
    made.run(FILL.format(table="next"))
    made.run(BURN.format(count=5000))
    made.run(FILL.format(table="ahead"))
    # A round later everything has been frozen, and ids come from where they began.
    for name in (DATABASE, "postgres", "template1"):
        with source.connect(name) as connection:
            connection.execute("VACUUM (FREEZE)")
    with source.connect() as connection:
        connection.execute("ALTER DATABASE template0 ALLOW_CONNECTIONS true")
    with source.connect("template0") as connection:
        connection.execute("VACUUM (FREEZE)")
    with source.connect() as connection:
        connection.execute("VACUUM (FREEZE) pg_database")
    source.stop()
    made.servers.run("pg_resetwal", "-e", "1", "-x", str(begin), "-D", source.data)
    source.start()
    source.back_up()
    yield made
    made.forget_copies()
    for door in made.doors.values():
        door.release()
    made.servers.remove(source.name)


def judged(wrapped: Company, *damage: str) -> Outcome:
    """Witness, restore, damage, and verify; while T goes by, rows come whose ids are taken."""
    shelf = Shelf()
    login = wrapped.login(wrapped.source)
    left = iter(range(4))  # few, so that ids are left for the next time

    def pause(seconds: float) -> None:
        if next(left, None) is not None:
            wrapped.run("INSERT INTO sales.next VALUES (51)")
        time.sleep(seconds)

    witnessed = see(Source(reader=login, writer=login), shelf, settings=SETTINGS, pause=pause)
    copy = wrapped.restore(witnessed["restore_time"])
    for statement in damage:
        wrapped.run(statement, copy)
    outcome = judge(wrapped.login(copy), witnessed, shelf, settings=SETTINGS)
    assert outcome.unsure() == [("rows", "sales.next")]
    (unsure,) = outcome.of("rows", "sales.next")
    assert "written 2^32 transactions earlier" in unsure.detail
    assert sorted(c.target for c in outcome.counts() if c.level == "exact") == EXACT
    wrapped.forget_copies()
    return outcome


def test_a_server_in_its_second_round(wrapped: Company) -> None:
    wrapped.run(BURN.format(count=30))  # up to among those of `next`
    healthy = judged(wrapped)
    assert healthy.red() == []
    (check,) = healthy.of("rows", "sales.ahead")
    assert (check.expected, check.observed) == ("50", "50")
    damaged = judged(
        wrapped, "DELETE FROM sales.ahead WHERE id > 15", "DELETE FROM sales.bulk WHERE id = 1"
    )
    assert damaged.red() == [("rows", "sales.ahead"), ("rows", "sales.bulk")]
    (check,) = damaged.of("rows", "sales.ahead")
    assert (check.expected, check.observed) == ("50", "15")
    assert check.detail == (
        "in 1 of 1 ranges of blocks: blocks 0 to the end: at least 35 rows are missing"
    )
    altered = judged(wrapped, "UPDATE sales.ahead SET note = 'other' WHERE id = 7")
    assert altered.red() == [("rows", "sales.ahead")]


BUSY = Relation(schema="sales", name="busy", digest="x.id::bigint")


def retake(session: database.Session, going: Pass, chunks: list[Chunk]) -> tuple[Pass, list[Chunk]]:
    return passing.retake_on(
        session, going, BUSY, chunks, slice_bytes=1 << 28, remaining_seconds=900
    )


def test_new_rows_are_told_from_old_ones_when_older_transactions_have_ended(
    wrapped: Company,
) -> None:
    with (
        wrapped.source.connect(DATABASE) as held,
        database.connect(wrapped.login(wrapped.source), application="test") as session,
    ):
        held.execute("BEGIN; INSERT INTO sales.busy VALUES (0)")
        wrapped.run("INSERT INTO sales.busy VALUES (501)")
        going, once = passing.first_on(
            session, Pass(), BUSY, slice_bytes=1 << 28, remaining_seconds=900
        )
        assert going.finished
        assert [(chunk.rows, chunk.unsure, chunk.ambiguous) for chunk in once] == [(501, 1, True)]
        waiting, none = retake(session, going.again, once)
        assert waiting.behind
        assert none == []
        held.execute("COMMIT")
        going, chunks = retake(session, waiting, once)
        assert going.finished
        (chunk,) = chunks
        assert not chunk.ambiguous
        assert chunk.horizon >= once[0].next_xid
        assert (chunk.rows, chunk.old.rows) == (502, 502)

        held.execute("BEGIN; INSERT INTO sales.busy VALUES (0)")
        wrapped.run("INSERT INTO sales.busy VALUES (502)")
        going, once = passing.first_on(
            session, Pass(), BUSY, slice_bytes=1 << 28, remaining_seconds=900
        )
        going, tries = going.again, 0
        while not going.finished:
            going, chunks = retake(session, going, once)
            tries += 1
        assert tries == scanning.ATTEMPTS
        given_up = Read(going=going, chunks=tuple(chunks))
        assert given_up.chunks[0].unsure == 1
        assert given_up.problem.startswith("1 of its rows may be new, or written 2^32 transactions")
        held.execute("ROLLBACK")
