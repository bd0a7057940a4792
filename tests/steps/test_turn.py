"""Rows go through everything while T goes by: each is decided, and a damage of each is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from lab.damage import Edit
from lab.damage._pages import edit
from lab.driven import Outcome, Shelf
from lab.postgres import Server
from tests.steps.company import Company
from tests.steps.turning import Stage, stage

# ruff: noqa: S608 - the statements are this file's own

ROWS = 40


@dataclass(frozen=True, kw_only=True)
class Case:
    """What rows of a table go through: statements at each moment, by connection.

    `copy` says how the copy differs from the table's beginning: by id the number it holds, None
    where the row is gone. Damages of the copy: rows that are `lost`, `changed` in their place,
    deleted ones that are `back`; each is told by its place. `unnamed` are rows of which only the
    blocks are told, when they are lost. `unseen` is how many nobody can say anything of.
    """

    early: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    copy: dict[int, int | None] = field(default_factory=dict)
    first: tuple[str, ...] = ()
    lost: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    back: tuple[int, ...] = ()
    unnamed: tuple[int, ...] = ()
    unseen: int = 0


MANY_IDS = (
    "x: DO $$ BEGIN FOR i IN 1..200 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
)
"""So that no transaction after T has an id that the copy takes for a damage."""

ALL_THREE = (
    "INSERT INTO {t} VALUES (901, 0, 'row 901')",
    "UPDATE {t} SET n = 1 WHERE id IN (7, 17)",
    "DELETE FROM {t} WHERE id IN (8, 18)",
)


def within(connection: str, *statements: str) -> tuple[str, ...]:
    """Statements of one transaction, which is left open."""
    return tuple(f"{connection}: {statement}" for statement in ("BEGIN", *statements))


NOTHING_OF_IT = Case(lost=(7, 8), changed=(17, 18))
ALL_OF_IT = Case(
    copy={901: 0, 7: 1, 17: 1, 8: None, 18: None}, lost=(901, 7), changed=(17,), back=(8, 18)
)

CASES = {
    "inserted": Case(
        before=("x: INSERT INTO {t} VALUES (901, 0, 'row 901'), (902, 0, 'row 902')",),
        copy={901: 0, 902: 0},
        lost=(901,),
        changed=(902,),
    ),
    "inserted_late": Case(
        after=("x: INSERT INTO {t} VALUES (901, 0, 'row 901')",),
        unnamed=(7,),
    ),
    "updated": Case(
        before=("x: UPDATE {t} SET id = id + 900 WHERE id IN (7, 8)",),
        copy={7: None, 8: None, 907: 0, 908: 0},
        lost=(907,),
        changed=(908,),
        back=(7, 8),
    ),
    "updated_in_place": Case(
        before=("x: UPDATE {t} SET n = 1 WHERE id IN (7, 8)",),
        copy={7: 1, 8: 1},
        lost=(7,),
        changed=(8,),
    ),
    "updated_late": Case(
        after=("x: UPDATE {t} SET n = 1 WHERE id IN (7, 8)",), lost=(7,), changed=(8,)
    ),
    "deleted": Case(
        before=("x: DELETE FROM {t} WHERE id IN (7, 8)",), copy={7: None, 8: None}, back=(7, 8)
    ),
    "deleted_late": Case(after=("x: DELETE FROM {t} WHERE id IN (7, 8)",), lost=(7,), changed=(8,)),
    "deleted_by_a_subtransaction": Case(
        before=(
            *within("x", "SAVEPOINT s", "DELETE FROM {t} WHERE id IN (7, 8)", "RELEASE s"),
            "x: COMMIT",
        ),
        copy={7: None, 8: None},
        back=(7, 8),
    ),
    "deleted_late_by_a_subtransaction": Case(
        before=within("late", "SAVEPOINT s", "DELETE FROM {t} WHERE id IN (7, 8)", "RELEASE s"),
        after=("late: COMMIT",),
        lost=(7,),
        changed=(8,),
    ),
    "subtransaction_rolled_back": Case(
        before=(
            *within("x", "SAVEPOINT s", "DELETE FROM {t} WHERE id = 7", "ROLLBACK TO s"),
            "x: DELETE FROM {t} WHERE id = 8",
            "x: COMMIT",
        ),
        copy={8: None},
        back=(8,),
        unnamed=(7,),
    ),
    "rolled_back": Case(before=(*within("x", *ALL_THREE), "x: ROLLBACK"), unnamed=(7, 8)),
    "shared_while_it_is_updated": Case(
        early=within("sharer", "SELECT FROM {t} WHERE id IN (7, 8) FOR KEY SHARE"),
        before=("x: UPDATE {t} SET n = 1 WHERE id IN (7, 8)",),
        after=("sharer: COMMIT",),
        copy={7: 1, 8: 1},
        lost=(7,),
        changed=(8,),
    ),
    "shared_while_it_is_updated_late": Case(
        early=within("sharer_2", "SELECT FROM {t} WHERE id IN (7, 8) FOR KEY SHARE"),
        before=within("late_2", "UPDATE {t} SET n = 1 WHERE id IN (7, 8)"),
        after=("late_2: COMMIT", "sharer_2: COMMIT"),
        lost=(7,),
        changed=(8,),
    ),
    "shared_and_deleted": Case(
        before=(
            *within("x", "SELECT FROM {t} WHERE id IN (7, 8) FOR SHARE", "SAVEPOINT s"),
            "x: DELETE FROM {t} WHERE id IN (7, 8)",
            "x: COMMIT",
        ),
        copy={7: None, 8: None},
        back=(7, 8),
    ),
    "shared_only": Case(
        early=within("sharer_3", "SELECT FROM {t} WHERE id < 20 FOR SHARE"),
        before=("x: SELECT FROM {t} WHERE id < 20 FOR SHARE",),
        after=("sharer_3: COMMIT",),
        unnamed=(7,),
    ),
    "open_across": replace(
        NOTHING_OF_IT, before=within("across", *ALL_THREE), after=("across: COMMIT",)
    ),
    "open_from_long_before": replace(
        ALL_OF_IT, first=within("long", *ALL_THREE), before=("long: COMMIT",)
    ),
    "committed_just_before": replace(
        ALL_OF_IT, early=within("just", *ALL_THREE), before=("just: COMMIT",)
    ),
    "prepared_across": Case(
        before=within("x", *ALL_THREE, "PREPARE TRANSACTION 'across'"),
        after=("x: COMMIT PREPARED 'across'",),
        changed=(17, 18),
    ),
    "prepared_and_committed": replace(
        ALL_OF_IT,
        early=within("y", *ALL_THREE, "PREPARE TRANSACTION 'just'"),
        before=("y: COMMIT PREPARED 'just'",),
    ),
    "prepared_and_rolled_back": Case(
        before=within("x", *ALL_THREE, "PREPARE TRANSACTION 'never'"),
        after=("x: ROLLBACK PREPARED 'never'",),
        unnamed=(9,),
    ),
    "came_and_went_beside_another": Case(
        before=(
            "x: INSERT INTO {t} VALUES (901, 0, 'row 901'), (902, 0, 'row 902')",
            "x: DELETE FROM {t} WHERE id = 8",
        ),
        after=("x: DELETE FROM {t} WHERE id > 900",),
        copy={901: 0, 902: 0, 8: None},
        changed=(901, 902),
        back=(8,),
    ),
    "came_and_went_alone": Case(
        before=("x: INSERT INTO {t} VALUES (901, 0, 'row 901'), (902, 0, 'row 902')",),
        after=("x: DELETE FROM {t} WHERE id > 900",),
        copy={901: 0, 902: 0},
        unseen=2,
        unnamed=(7,),
    ),
    "came_and_went_before": Case(
        before=(
            "x: INSERT INTO {t} VALUES (901, 0, 'row 901')",
            "x: DELETE FROM {t} WHERE id > 900",
        ),
        unnamed=(7,),
    ),
    "counter": Case(
        before=("x: UPDATE {t} SET n = n + 1 WHERE id = 7",) * 5,
        after=("x: UPDATE {t} SET n = n + 1 WHERE id = 7",) * 5,
        copy={7: 5},
        changed=(7,),
    ),
}


@dataclass(frozen=True)
class Played:
    """What came of it: the rows of the copy, what Verify said of it, and of the damaged one.

    `places` are those of rows, by table and id: on the copy, or of a deleted one on the source.
    """

    rows: dict[str, dict[int, int]]
    healthy: Outcome
    damaged: Outcome
    places: dict[tuple[str, int], str]


@pytest.fixture(scope="module")
def played(company: Company) -> Iterator[Played]:
    """All cases at once, each in a table of its own."""
    with stage(company) as source, pytest.MonkeyPatch.context() as monkeypatch:
        source.furnish(
            ";".join(
                f"CREATE TABLE turn.{name} (id int PRIMARY KEY, n int, word text);"
                f"INSERT INTO turn.{name} SELECT i, 0, 'row ' || i"
                f" FROM generate_series(1, {ROWS}) AS i"
                for name in CASES
            )
        )
        places = _places(source)
        shelf = Shelf()
        witnessed = source.see(
            shelf,
            {
                "begin": lambda: _act(source, "first"),
                "turn": lambda: _act(source, "early"),
                "before T": lambda: _act(source, "before"),
                "after T": lambda: _act(source, "after"),
            },
            monkeypatch,
        )
        copy = source.restore(witnessed)
        rows = {
            name: dict(source.premises.run(f"SELECT id, n FROM turn.{name}", copy))
            for name in CASES
        }
        healthy = source.judge(copy, witnessed, shelf)
        places |= _places(source, copy)
        _damage(source, copy, places)
        yield Played(rows, healthy, source.judge(copy, witnessed, shelf), places)


def _act(source: Stage, moment: str) -> None:
    if moment == "after":
        source.do(MANY_IDS)
    for name, case in CASES.items():
        source.do(*(line.replace("{t}", f"turn.{name}") for line in getattr(case, moment)))


def _places(source: Stage, copy: Server | None = None) -> dict[tuple[str, int], str]:
    return {
        (name, number): place
        for name in CASES
        for number, place in source.premises.run(f"SELECT id, ctid::text FROM turn.{name}", copy)
    }


def _damage(source: Stage, copy: Server, places: dict[tuple[str, int], str]) -> None:
    """Every damage of every case: rows lost and back by statements, changed in the file itself."""
    run, edits = source.premises.run, []
    run("CREATE EXTENSION pg_surgery", copy)
    run("ALTER SYSTEM SET ignore_checksum_failure = on", copy)
    for name, case in CASES.items():
        for number in (*case.lost, *case.unnamed):
            run(f"DELETE FROM turn.{name} WHERE id = {number}", copy)
        for number in case.back:
            place = places[name, number]
            run(f"SELECT heap_force_freeze('turn.{name}'::regclass, ARRAY['{place}'::tid])", copy)
        [(file,)] = run(f"SELECT pg_relation_filepath('turn.{name}')", copy)
        edits += [_changed(file, places[name, number]) for number in case.changed]
    run("DROP EXTENSION pg_surgery", copy)
    copy.stop()
    for apply in edits:
        apply(copy.data)
    copy.start()


def _changed(file: str, place: str) -> Edit:
    block, item = (int(part) for part in place.strip("()").split(","))
    return edit(file, block, lambda page: page.turn_bit(page.find(item, b"row ")))


@pytest.mark.parametrize("name", CASES)
def test_the_case_is_what_it_says(played: Played, name: str) -> None:
    changed = CASES[name].copy
    expected = dict.fromkeys(range(1, ROWS + 1), 0) | changed
    assert played.rows[name] == {n: value for n, value in expected.items() if value is not None}


@pytest.mark.parametrize("name", CASES)
def test_every_row_is_decided(played: Played, name: str) -> None:
    (check,) = played.healthy.of("rows", f"turn.{name}")
    assert (check.status, check.level, check.observed) == ("passed", "exact", check.expected)
    unseen = CASES[name].unseen
    told = f"{unseen} came and went meanwhile, unseen" in check.detail
    assert told if unseen else "unseen" not in check.detail


def test_no_other_check_minds(played: Played) -> None:
    assert (played.healthy.red(), played.healthy.unsure()) == ([], [])


@pytest.mark.parametrize("name", CASES)
def test_a_damage_of_just_these_rows_is_told_with_their_places(played: Played, name: str) -> None:
    case = CASES[name]
    (check,) = played.damaged.of("rows", f"turn.{name}")
    assert (check.status, check.level) == ("failed", "exact")
    expected = [(number, "lost") for number in case.lost]
    expected += [(number, "differs") for number in case.changed]
    expected += [(number, "there, though it was deleted") for number in case.back]
    told = [f"row {played.places[name, number]}: {what}" for number, what in expected]
    assert [line for line in told if line not in check.detail] == []
    if case.unnamed:
        rows = "1 row is" if len(case.unnamed) == 1 else f"{len(case.unnamed)} rows are"
        assert f"blocks 0 to the end: at least {rows} missing" in check.detail


def test_nothing_else_of_the_damaged_copy_is_red(played: Played) -> None:
    assert {name for name, _ in played.damaged.red()} == {"rows"}
