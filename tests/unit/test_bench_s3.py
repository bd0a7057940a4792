"""The history that the bench of restores writes, and when a goal is met."""

from __future__ import annotations

import pytest

from bench.s3_history import History, Write, etag, mixed
from bench.s3_restore import Goal


def test_a_key_is_written_once_a_round_but_for_ties() -> None:
    history = mixed(500)
    *rounds, ties = history.before
    for writes in (*rounds, *history.after):
        assert all(len(of_key) == 1 for of_key in writes)
        assert len({of_key[0].key for of_key in writes}) == len(writes)
    assert ties
    assert all([write.body is None for write in of_key] == [False, True] for of_key in ties)


def test_the_state_is_what_the_log_says_of_its_middle() -> None:
    history = History(
        [[[Write("a", b"1")], [Write("b", b"1")]], [[Write("b", None)]], [[Write("a", b"2")]]],
        [[[Write("a", None)], [Write("c", b"1")]]],
    )
    assert history.state() == {"a": etag(b"2")}


@pytest.mark.parametrize(
    ("reached", "at_most", "met"), [(3, False, True), (2.9, False, False), (0, True, True)]
)
def test_a_goal_is_met_from_its_side(reached: float, at_most: bool, met: bool) -> None:
    assert Goal(name="x", reached=reached, wanted=3, at_most=at_most).met is met
    assert not Goal(name="x", reached=3.1, wanted=3, at_most=True).met
