"""What no reading of the source was sure to see: no copy that lacks it, or has too much, passes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.aurora import scanning
from functions.aurora.sandwich import Chunk
from functions.aurora.scanning import Looked, Relation
from functions.aurora.witness_work import NothingToWitness
from lab import driven
from lab.damage import Edit
from lab.damage._pages import XMAX_COMMITTED, XMAX_INVALID, XMIN_FROZEN, Page, Row, edit
from lab.damage.commit_lost import _roll_back
from lab.driven import Outcome, Shelf
from lab.postgres import Server
from tests.steps.turning import Stage, settings

# ruff: noqa: S608 - the statements are this file's own

MADE = """
CREATE TABLE turn.{name} (id int PRIMARY KEY, n int, word text);
INSERT INTO turn.{name} SELECT i, 0, 'row ' || i FROM generate_series(1, 40) AS i;
"""
MANY_IDS = (
    "x: DO $$ BEGIN FOR i IN 1..200 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
)
"""So that no transaction after T has an id that the copy takes for a damage."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What rows of a table go through after its first reading, and what a copy does to them.

    `turn` comes before the first snapshot of the turn, beside an older transaction that goes on
    where one is `beside` it; `before` and `after` are around T. Of the damaged copy rows are
    `lost`, or `back` at the places that they had, or the log has lost the commit of the transaction
    that wrote them (`uncommitted`). `says` is told of it, of the first of these rows.
    """

    beside: bool = False
    turn: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    lost: tuple[int, ...] = ()
    back: tuple[int, ...] = ()
    uncommitted: tuple[int, ...] = ()
    says: str


INSERT = "x: INSERT INTO {t} VALUES (901, 0, 'row 901'), (902, 0, 'row 902')"
DELETE = "x: DELETE FROM {t} WHERE id > 900"
UPDATE = "x: UPDATE {t} SET n = 1 WHERE id > 900"

CASES = {
    "deleted_right_after": Case(
        turn=(INSERT,), after=(DELETE,), lost=(901,), says="row {place}: lost"
    ),
    "updated_right_after": Case(
        turn=(INSERT,), after=(UPDATE,), lost=(902,), says="row {place}: lost"
    ),
    "deleted_right_after_beside_another": Case(
        beside=True, turn=(INSERT,), after=(DELETE,), lost=(901,), says="row {place}: lost"
    ),
    "kept": Case(turn=(INSERT,), lost=(901,), says="at least 1 row is missing"),
    "kept_beside_another": Case(beside=True, turn=(INSERT,), lost=(901,), says="row {place}: lost"),
    "deleted_long_before": Case(
        turn=(INSERT, DELETE), back=(901, 902), says="at least 2 rows too many"
    ),
    "deleted_before": Case(
        turn=(INSERT,),
        before=(DELETE,),
        back=(901, 902),
        says="row {place}: there, though it was deleted",
    ),
    "deleted_before_beside_another": Case(
        beside=True,
        turn=(INSERT,),
        before=(DELETE,),
        back=(901, 902),
        says="row {place}: there, though it was deleted",
    ),
    "rolled_back": Case(turn=(INSERT,), uncommitted=(901, 902), says="at least 2 rows are missing"),
    "rolled_back_beside_another": Case(
        beside=True, turn=(INSERT,), uncommitted=(901, 902), says="row {place}: lost"
    ),
}
LONG = "long: BEGIN; SELECT pg_current_xact_id()"


@dataclass(frozen=True)
class Played:
    """What Verify said of the copy, and of the damaged one; places of rows by table and id."""

    healthy: Outcome
    damaged: Outcome
    places: dict[tuple[str, int], str]


@pytest.fixture(scope="module")
def played(staged: Stage) -> Iterator[Played]:
    """All cases at once, each in a table of its own."""
    staged.furnish("".join(MADE.format(name=name) for name in CASES))
    places: dict[tuple[str, int], str] = {}

    def act(moment: str, chosen: Callable[[Case], bool] = lambda _: True) -> None:
        for name, case in CASES.items():
            for line in getattr(case, moment) if chosen(case) else ():
                staged.do(line.replace("{t}", f"turn.{name}"))
                places.update(_places(staged, name))

    def turn() -> None:
        act("turn", lambda case: not case.beside)
        staged.do(LONG)
        act("turn", lambda case: case.beside)

    def after() -> None:
        staged.do("long: COMMIT", MANY_IDS)
        act("after")

    with pytest.MonkeyPatch.context() as monkeypatch:
        shelf = Shelf()
        hooks = {"turn": turn, "before T": lambda: act("before"), "after T": after}
        witnessed = staged.see(shelf, hooks, monkeypatch)
    copy = staged.restore(witnessed)
    healthy = staged.judge(copy, witnessed, shelf)
    for name in CASES:
        places |= _places(staged, name, copy)
    _damage(staged, copy, places)
    yield Played(healthy, staged.judge(copy, witnessed, shelf), places)
    staged.tidy()


def _places(source: Stage, name: str, copy: Server | None = None) -> dict[tuple[str, int], str]:
    found = source.premises.run(f"SELECT id, ctid::text FROM turn.{name} WHERE id > 900", copy)
    return {(name, number): place for number, place in found}


def _damage(source: Stage, copy: Server, places: dict[tuple[str, int], str]) -> None:
    run, edits = source.premises.run, list[Edit]()
    run("ALTER SYSTEM SET ignore_checksum_failure = on", copy)
    for name, case in CASES.items():
        for number in case.lost:
            run(f"DELETE FROM turn.{name} WHERE id = {number}", copy)
        [(file,)] = run(f"SELECT pg_relation_filepath('turn.{name}')", copy)
        edits += [_edit(file, places[name, number], _undelete) for number in case.back]
        for number in case.uncommitted:
            [(writer,)] = run(f"SELECT xmin::text FROM turn.{name} WHERE id = {number}", copy)
            edits += [_edit(file, places[name, number], _ask_the_log), _rolled_back(int(writer))]
    copy.stop()
    for apply in edits:
        apply(copy.data)
    copy.start()


def _edit(file: str, place: str, change: Callable[[Row], None]) -> Edit:
    block, item = (int(part) for part in place.strip("()").split(","))

    def apply(page: Page) -> None:
        change(Row(page, item))

    return edit(file, block, apply)


def _undelete(row: Row) -> None:
    row.xmax, row.mask = 0, row.mask & ~XMAX_COMMITTED | XMAX_INVALID


def _ask_the_log(row: Row) -> None:
    row.mask &= ~XMIN_FROZEN


def _rolled_back(transaction: int) -> Edit:
    def apply(data: Path) -> None:
        _roll_back(data, transaction)

    return apply


@pytest.mark.parametrize("name", CASES)
def test_a_healthy_copy_is_exact(played: Played, name: str) -> None:
    (check,) = played.healthy.of("rows", f"turn.{name}")
    assert (check.status, check.level, check.observed) == ("passed", "exact", check.expected)
    assert "unseen" not in check.detail


def test_no_other_check_minds(played: Played) -> None:
    assert (played.healthy.red(), played.healthy.unsure()) == ([], [])


@pytest.mark.parametrize("name", CASES)
def test_a_damage_of_these_rows_is_red(played: Played, name: str) -> None:
    case = CASES[name]
    (check,) = played.damaged.of("rows", f"turn.{name}")
    assert (check.status, check.level) == ("failed", "exact")
    (number, *_) = (*case.lost, *case.back, *case.uncommitted)
    assert case.says.format(place=played.places[name, number]) in check.detail


LATE = settings(timing={**settings()["timing"], "snapshot_seconds": 0})


@pytest.mark.parametrize("moment", ["after T", "second"])
def test_what_is_read_late_is_bounded_and_its_loss_no_proof(
    source: Stage, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Rows came after the first reading, and went before the second one: neither has seen them."""
    source.furnish(MADE.format(name="t"))
    shelf = Shelf()
    hooks = {
        "turn": lambda: source.do(INSERT.replace("{t}", "turn.t")),
        moment: lambda: source.do(MANY_IDS, UPDATE.replace("{t}", "turn.t")),
    }
    witnessed = source.see(shelf, hooks, monkeypatch, asked=LATE)
    copy = source.restore(witnessed)
    mild = source.judge(copy, witnessed, shelf, planned=driven.plan(required="bounded"))
    assert (mild.red(), mild.unsure()) == ([], [])
    assert [check.level for check in mild.counts()] == ["bounded"]
    assert source.premises.run("DELETE FROM turn.t WHERE id > 900 RETURNING id", copy)
    assert source.judge(copy, witnessed, shelf).unsure() == [("rows", "turn.t")]


LONG_TABLE = """
CREATE TABLE turn.{name} AS
SELECT i AS id, repeat('x', 200) AS word FROM generate_series(1, 20000) AS i;
"""


def test_what_the_evidence_has_lost_is_not_compared(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A range in the middle, and all from one on; the third table has lost nothing."""
    names = ("beheaded", "holed", "whole")
    source.furnish("".join(LONG_TABLE.format(name=name) for name in names))
    shelf = Shelf()

    def lose() -> None:
        (key,) = [key for key in shelf.objects if "/first-" in key]
        kept = json.loads(shelf.objects[key])
        del kept["turn.holed"]["chunks"][3]
        del kept["turn.beheaded"]["chunks"][5:]
        shelf.objects[key] = json.dumps(kept)

    witnessed = source.see(shelf, {"before": lose}, monkeypatch)
    copy = source.restore(witnessed)
    for statement in ("SELECT", "DELETE FROM turn.holed", "DELETE FROM turn.beheaded"):
        source.premises.run(statement, copy)
        for required in ("exact", "bounded"):
            planned = driven.plan(required=required)
            outcome = source.judge(copy, witnessed, shelf, planned=planned)
            assert outcome.red() == []
            assert outcome.unsure() == [("rows", "turn.beheaded"), ("rows", "turn.holed")]
            (whole,) = outcome.of("rows", "turn.whole")
            assert (whole.status, whole.level) == ("passed", "exact")
            for name in ("holed", "beheaded"):
                (check,) = outcome.of("rows", f"turn.{name}")
                assert "what was read of it has gaps" in check.detail


BUSY_AFTER = ("x: INSERT INTO turn.other VALUES (901, 0, 'row 901')", *[UPDATE] * 5)


@pytest.mark.parametrize("heartbeat", [True, False])
@pytest.mark.parametrize("ids", [0, 1, 500])
def test_a_job_that_writes_to_the_copy_is_no_proof(
    source: Stage, monkeypatch: pytest.MonkeyPatch, ids: int, heartbeat: bool
) -> None:
    """Its first transactions have ids that the source used just after T."""
    source.furnish(MADE.format(name="t") + MADE.format(name="other"))
    asked = settings(heartbeat=heartbeat)
    shelf = Shelf()
    after = {
        "after T": lambda: source.do(*(line.replace("{t}", "turn.other") for line in BUSY_AFTER))
    }
    witnessed = source.see(shelf, after, monkeypatch, asked=asked)
    copy = source.restore(witnessed)
    healthy = source.judge(copy, witnessed, shelf, settings=asked)
    assert (healthy.red(), healthy.unsure()) == ([], [])
    assert {check.level for check in healthy.counts()} == {"exact"}
    with copy.connect(source.premises.database) as job:
        for _ in range(ids):
            job.execute("SELECT pg_current_xact_id()")
        job.execute("INSERT INTO turn.t SELECT i, 0, '' FROM generate_series(1001, 2000) AS i")
    (check,) = source.judge(copy, witnessed, shelf, settings=asked).of("rows", "turn.t")
    assert check.status in ("failed", "not_run"), check


def test_tables_whose_names_read_the_same_are_one_clear_error(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.furnish(
        'CREATE TABLE turn."a.b" (id int); DROP SCHEMA IF EXISTS "turn.a" CASCADE;'
        ' CREATE SCHEMA "turn.a"; CREATE TABLE "turn.a".b (id int);'
        ' INSERT INTO turn."a.b" VALUES (1); INSERT INTO "turn.a".b VALUES (1)'
    )
    asked = settings() | {"schemas": ["turn", "turn.a"]}
    message = "tables: turn.a.b: two of the database are called so, because of a dot in a name"
    try:
        with pytest.raises(NothingToWitness, match=message):
            source.see(Shelf(), {}, monkeypatch, asked=asked)
        source.do('x: ALTER TABLE turn."a.b" RENAME TO "a.c"')
        shelf = Shelf()
        witnessed = source.see(shelf, {}, monkeypatch, asked=asked)
        source.do("x: SELECT pg_current_xact_id()")
        copy = source.restore(witnessed)
        healthy = source.judge(copy, witnessed, shelf, settings=asked)
        assert (healthy.red(), healthy.unsure()) == ([], [])
        assert {check.level for check in healthy.counts()} == {"exact"}
        source.premises.run('DELETE FROM turn."a.c"', copy)
        damaged = source.judge(copy, witnessed, shelf, settings=asked)
        assert damaged.red() == [("rows", "turn.a.c")]
    finally:
        source.premises.run('DROP SCHEMA "turn.a" CASCADE')


DOCUMENTS = """
CREATE TABLE turn.documents (id int, pad text, document text);
ALTER TABLE turn.documents ALTER pad SET STORAGE PLAIN, ALTER document SET STORAGE EXTERNAL;
INSERT INTO turn.documents
SELECT i, repeat('p', 700), repeat(chr(97 + i % 26), 100000) FROM generate_series(1, 400) AS i;
"""
SLICE_BYTES = 4 * 1024 * 1024
STORED = """
SELECT (ctid::text::point)[0]::int, sum(pg_column_size(pad) + pg_column_size(document))::int
FROM turn.documents GROUP BY 1
"""


def test_a_statement_reads_about_a_slice_also_of_documents(
    source: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stored out of line: the table's own blocks are few."""
    source.furnish(DOCUMENTS)
    stored = dict(source.premises.run(STORED))
    read = list[int]()
    survey = scanning._survey

    def watched(session: Any, relation: Relation, chunks: Sequence[Chunk]) -> list[Looked]:
        if relation.digest and relation.name == "documents":
            spans = [(chunk.start, chunk.end or max(stored) + 1) for chunk in chunks]
            blocks = {block for start, end in spans for block in range(start, end)}
            read.append(sum(stored.get(block, 0) for block in blocks))
        return survey(session, relation, chunks)

    monkeypatch.setattr(scanning, "_survey", watched)
    shelf = Shelf()
    after = {"after T": lambda: source.do(MANY_IDS)}
    witnessed = source.see(shelf, after, monkeypatch, slice_bytes=SLICE_BYTES)
    copy = source.restore(witnessed)
    healthy = source.judge(copy, witnessed, shelf, slice_bytes=SLICE_BYTES)
    assert (healthy.red(), healthy.unsure()) == ([], [])
    assert [check.level for check in healthy.counts()] == ["exact"]
    assert sum(read) == 2 * sum(stored.values()), "each side is read once"
    assert SLICE_BYTES // 2 < max(read) < SLICE_BYTES * 5 // 4
    source.premises.run("DELETE FROM turn.documents WHERE id = 200", copy)
    damaged = source.judge(copy, witnessed, shelf, slice_bytes=SLICE_BYTES)
    assert damaged.red() == [("rows", "turn.documents")]
