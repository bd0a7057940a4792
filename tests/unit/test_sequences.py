"""Where sequences of a copy may stand, against a model of how PostgreSQL logs them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aurora.sequences import AHEAD, Ends, Value, check, unbounded, wrong
from functions.model import Check, Status

UP = Value(
    name="s.q",
    oid=1,
    filenode=1,
    increment=1,
    least=1,
    most=10**9,
    cycles=False,
    seen=True,
    last_value=100,
    feeds_schema="s",
    feeds_table="t",
    feeds_column="id",
)


def judged(
    before: Value | None, after: Value | None, there: Value, ends: Ends | str | None = None
) -> Check:
    return check(
        target="d",
        before=[before] if before else [],
        after=[after] if after else [],
        there=[there],
        ends={"s.q": ends} if ends is not None else {},
    )


@given(
    increment=st.sampled_from([1, 10, -1, -7]),
    calls=st.lists(st.integers(0, 40), min_size=3, max_size=3),
    checkpoints=st.lists(st.booleans(), min_size=200, max_size=200),
)
def test_a_right_copy_is_always_within_its_bounds(
    increment: int, calls: list[int], checkpoints: list[bool]
) -> None:
    """A call logs 32 numbers ahead where nothing is left of those, or after a checkpoint."""
    value: int | None = None
    logged: int | None = None
    seen: list[tuple[int | None, int | None]] = []
    number = 0
    for count in calls:
        for _ in range(count):
            value = (1 if increment > 0 else -1) if value is None else value + increment
            exhausted = logged is None or (value - logged) * increment > 0
            if exhausted or checkpoints[number % 200]:
                logged = value + AHEAD * increment
            number += 1
        seen.append((value, logged))
    base = replace(UP, increment=increment, least=-(10**9))
    before, after = (replace(base, last_value=seen[place][0]) for place in (0, 2))
    copy = replace(base, last_value=seen[1][1])
    assert unbounded(before, after) == ""
    assert wrong(before, after, copy) == ""


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        (99, "at 99, at least 100 expected"),
        (None, "never used, at least 100 expected"),
        (153, "at 153, at most 152 expected"),
    ],
)
def test_elsewhere_is_red(there: int | None, problem: str) -> None:
    found = judged(UP, replace(UP, last_value=120), replace(UP, last_value=there))
    assert (found.status, found.detail) == (Status.FAILED, f"s.q: {problem}")


def test_one_that_is_behind_its_column_on_the_source_too_is_told() -> None:
    found = judged(UP, UP, UP, Ends(least=1, most=500))
    assert found.status is Status.PASSED
    assert found.detail == "s.q: behind s.t.id, as on the source"


@pytest.mark.parametrize(
    "after",
    [
        replace(UP, filenode=2),
        replace(UP, last_value=7),
        replace(UP, last_value=None),
        replace(UP, oid=9),
        None,
    ],
)
def test_one_that_was_set_anew_is_held_against_its_column(after: Value | None) -> None:
    right = judged(UP, after, UP, Ends(least=1, most=100))
    assert right.status is Status.PASSED
    assert "not behind s.t.id" in right.detail
    for ends in (Ends(least=1, most=101), "no right to read it", None):
        assert judged(UP, after, UP, ends).status is Status.NOT_RUN, ends


def test_one_that_the_role_may_not_read_is_no_proof() -> None:
    unseen = replace(UP, seen=False, last_value=None)
    assert judged(UP, UP, unseen).status is Status.NOT_RUN
    assert judged(unseen, unseen, UP).status is Status.NOT_RUN


def test_one_of_a_table_that_is_excluded_is_left_out() -> None:
    found = check(
        target="d",
        before=[UP],
        after=[UP],
        there=[replace(UP, last_value=1)],
        ends={},
        excluded={"s.t"},
    )
    assert (found.status, found.expected[:1]) == (Status.PASSED, "0")


def test_one_that_begins_anew_has_no_bounds_near_its_end() -> None:
    near = replace(UP, cycles=True, most=120)
    assert unbounded(near, near) == "it is about to begin anew"
    assert unbounded(replace(near, most=1000), replace(near, most=1000)) == ""
