"""The check `rows` of a table: what a comparison comes to, at each level that may be required."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aurora.comparison import Bounds
from functions.aurora.digest import Digest
from functions.aurora.judging import Difference, Judged
from functions.aurora.row_check import Obstacle, Unread, rows
from functions.model import Check, CheckClass, Level, Status

FIVE = Digest(rows=5, first=50, second=500)
OTHER_FIVE = Digest(rows=5, first=51, second=500)
WHOLE = Judged(due=FIVE, there=FIVE, least=5, most=5, old=5, rows=9, chunks=3)
QUIET, BUSY = Bounds(least=5, most=5), Bounds(least=5, most=7)
ALTERED = "it was altered meanwhile"
LOST = Difference("lost", "(0,3)")


def numbers(old: int, *, least: int = 5, most: int = 7) -> Judged:
    """What comes of a table whose rows are only counted."""
    nearest = min(max(old, least), most)
    wrong = nearest != old
    return Judged(
        due=Digest(rows=nearest) if wrong else Digest(),
        there=Digest(rows=old) if wrong else Digest(),
        least=least,
        most=most,
        old=old,
        rows=old + 4,
        unproven=0 if wrong else most - least,
        chunks=1,
        wrong=int(wrong),
        differences=(Difference("rows differ"),) if wrong else (),
    )


def checked(
    found: Judged | Obstacle, bounds: Bounds | None, required: str, inexact: str = ""
) -> Check:
    return rows(
        target="s.t",
        found=found,
        bounds=bounds,
        unbounded_because="it was swapped",
        inexact=inexact,
        required=Level(required),
        seconds=1.5,
    )


def test_a_table_that_is_the_same_is_exact() -> None:
    assert checked(WHOLE, QUIET, "exact") == Check(
        name="rows",
        check_class=CheckClass.CONTENT,
        target="s.t",
        status=Status.PASSED,
        expected="5",
        observed="5",
        detail="quiet at the restore point; 9 rows in all",
        seconds=1.5,
        level=Level.EXACT,
    )


@pytest.mark.parametrize(
    ("found", "bounds", "inexact", "expected", "observed", "detail"),
    [
        (WHOLE, BUSY, "", "5", "5", "busy at the restore point; 9 rows in all"),
        (
            replace(WHOLE, undecided=3),
            QUIET,
            "",
            "5",
            "5",
            "quiet at the restore point; 9 rows in all; 3 came and went meanwhile, unseen",
        ),
        (
            replace(WHOLE, wrong=2, differences=(LOST, Difference("rows too many"))),
            QUIET,
            "",
            "5",
            "5",
            "quiet at the restore point; 9 rows in all; every row is there, at other places than"
            " on the source",
        ),
        (
            replace(WHOLE, unproven=2, undecided=2, old=6),
            BUSY,
            "",
            "5..7",
            "6",
            "busy at the restore point; 9 rows in all; bounded only: 2 rows came or went around the"
            " restore point and were not seen twice; 2 came and went meanwhile, unseen",
        ),
        (
            replace(WHOLE, own=100, undecided=100),
            QUIET,
            "",
            "5",
            "5",
            "quiet at the restore point; 9 rows in all; 100 came and went meanwhile, unseen",
        ),
        (
            replace(WHOLE, own=101, undecided=102),
            QUIET,
            "",
            "5",
            "5",
            "quiet at the restore point; 9 rows in all; bounded only: 101 rows that nobody saw on"
            " the source, by transactions that the copy may have used for itself; 102 came and went"
            " meanwhile, unseen",
        ),
        (
            WHOLE,
            QUIET,
            ALTERED,
            "5",
            "5",
            "quiet at the restore point; 9 rows in all; bounded only: it was altered meanwhile",
        ),
        (
            numbers(6),
            BUSY,
            ALTERED,
            "5..7",
            "6",
            "busy at the restore point; 10 rows in all; bounded only: it was altered meanwhile",
        ),
        (WHOLE, None, "", "every row can be read", "9", "counted only: it was swapped"),
        (
            replace(WHOLE, unsure=2),
            QUIET,
            "",
            "5",
            "9",
            "counted only: 2 rows may be old, or may have been written to the copy: it has used"
            " more transaction ids than can be told apart; run the drill again",
        ),
    ],
)
@pytest.mark.parametrize("required", ["exact", "bounded", "counted", "none"])
def test_what_is_right_passes_where_its_level_is_enough(
    found: Judged,
    bounds: Bounds | None,
    inexact: str,
    expected: str,
    observed: str,
    detail: str,
    required: str,
) -> None:
    reached = "exact"
    if "counted only" in detail:
        reached = "counted"
    elif "bounded only" in detail:
        reached = "bounded"
    check = checked(found, bounds, required, inexact)
    assert (check.level, check.expected, check.observed) == (reached, expected, observed)
    if Level(reached).reaches(Level(required)):
        assert (check.status, check.detail) == ("passed", detail)
    else:
        short = f"reached the level {reached}, required is {required}: {detail}"
        assert (check.status, check.detail) == ("not_run", short)


MISSING = "at least 1 row that existed at the restore point is missing"
SURPLUS = "at least 2 rows are there that did not exist at the restore point"


@pytest.mark.parametrize(
    ("found", "bounds", "inexact", "level", "observed", "detail"),
    [
        (
            replace(WHOLE, there=OTHER_FIVE, wrong=1, differences=(LOST,)),
            QUIET,
            "",
            "exact",
            "5, and not the same",
            "in 1 of 3 ranges of blocks: row (0,3): lost",
        ),
        (
            replace(WHOLE, there=Digest(rows=4), wrong=2, differences=(LOST, LOST)),
            BUSY,
            "",
            "exact",
            "4",
            "in 2 of 3 ranges of blocks: row (0,3): lost; row (0,3): lost",
        ),
        (
            replace(WHOLE, there=OTHER_FIVE, unproven=1, wrong=1, differences=(LOST,)),
            QUIET,
            "",
            "bounded",
            "5, and not the same",
            "in 1 of 3 ranges of blocks: row (0,3): lost",
        ),
        (
            replace(WHOLE, there=OTHER_FIVE, unsure=1, wrong=1, differences=(LOST,)),
            QUIET,
            "",
            "exact",
            "5, and not the same",
            "in 1 of 3 ranges of blocks: row (0,3): lost",
        ),
        (
            replace(WHOLE, late=2),
            QUIET,
            "",
            "exact",
            "5, and 2 written after the restore point",
            "something writes to the copy",
        ),
        (
            replace(numbers(4), late=2),
            BUSY,
            ALTERED,
            "bounded",
            "4, and 2 written after the restore point",
            "something writes to the copy",
        ),
        (
            numbers(4),
            BUSY,
            ALTERED,
            "bounded",
            "4",
            "in 1 of 1 ranges of blocks: rows differ",
        ),
        (replace(WHOLE, old=4), BUSY, ALTERED, "bounded", "4", MISSING),
        (replace(WHOLE, old=9), BUSY, ALTERED, "bounded", "9", SURPLUS),
        (replace(WHOLE, old=9, unproven=4), BUSY, "", "bounded", "9", SURPLUS),
        (replace(WHOLE, old=4, unsure=3), BUSY, ALTERED, "bounded", "4", MISSING),
        (
            Obstacle(kind=Unread.DAMAGED, detail="DataCorrupted"),
            QUIET,
            "",
            "counted",
            "unreadable",
            "DataCorrupted",
        ),
        (
            Obstacle(kind=Unread.DAMAGED, detail="DataCorrupted"),
            None,
            "",
            "counted",
            "unreadable",
            "DataCorrupted",
        ),
    ],
)
@pytest.mark.parametrize("required", ["exact", "bounded", "counted", "none"])
def test_what_is_wrong_fails_whatever_is_required(
    found: Judged | Obstacle,
    bounds: Bounds | None,
    inexact: str,
    level: str,
    observed: str,
    detail: str,
    required: str,
) -> None:
    check = checked(found, bounds, required, inexact)
    assert (check.status, check.level) == ("failed", level)
    assert (check.observed, check.detail) == (observed, detail)


@pytest.mark.parametrize("bounds", [QUIET, BUSY, None])
@pytest.mark.parametrize("required", ["exact", "bounded", "counted", "none"])
def test_what_could_not_be_read_is_no_proof_of_anything(
    bounds: Bounds | None, required: str
) -> None:
    check = checked(Obstacle(kind=Unread.IMPOSSIBLE, detail="it is locked"), bounds, required)
    assert (check.status, check.level) == ("not_run", "none")
    assert (check.expected, check.observed) == ("every row can be read", "not compared")
    assert check.detail == "it is locked"


a_digest = st.builds(Digest, rows=st.integers(0, 5), first=st.integers(0, 2))


@given(
    st.builds(
        Judged,
        due=a_digest,
        there=a_digest,
        old=st.integers(0, 5),
        rows=st.integers(0, 9),
        undecided=st.integers(0, 2),
        unproven=st.integers(0, 2),
        unsure=st.integers(0, 2),
        late=st.integers(0, 2),
        wrong=st.integers(0, 2),
        differences=st.lists(st.just(LOST), max_size=2).map(tuple),
    ),
    st.none() | st.builds(Bounds, least=st.integers(0, 3), most=st.integers(3, 5)),
    st.sampled_from(["", ALTERED]),
    st.sampled_from(list(Level)),
)
def test_nothing_passes_beyond_its_proof(
    found: Judged, bounds: Bounds | None, inexact: str, required: Level
) -> None:
    check = checked(found, bounds, required.value, inexact)
    assert check.level is not None
    differs = bool(found.differences) and found.due != found.there
    bounded_only = bool(inexact or found.unproven)
    facts: dict[str, Any] = {
        "late": found.late,
        "differs": differs,
        "out of bounds": bounds and bounded_only and not bounds.admit(found.old),
    }
    assert (check.status is Status.FAILED) == bool(bounds and any(facts.values()))
    if check.status is Status.PASSED:
        assert check.level.reaches(required)
        if check.level is Level.EXACT:
            assert not bounded_only
        if check.level in (Level.EXACT, Level.BOUNDED):
            assert bounds
            assert not found.unsure
    if check.status is Status.NOT_RUN:
        assert not check.level.reaches(required)


@given(st.integers(0, 10), st.integers(0, 10), st.integers(0, 30), st.sampled_from(list(Level)))
def test_a_count_out_of_bounds_never_passes(
    least: int, more: int, old: int, required: Level
) -> None:
    bounds = Bounds(least=least, most=least + more)
    found = numbers(old, least=least, most=least + more)
    check = checked(found, bounds, required.value, ALTERED)
    assert (check.status is Status.FAILED) == (not least <= old <= least + more)
