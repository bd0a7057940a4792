"""How long nobody could get in, held against a database whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from functions.secret_rotation.lockout import Knock, Which, measure

moments = some.integers(0, 160).map(lambda eighths: eighths / 8)
"""Eighths of a second: exact as floats, and often the same."""


@dataclass(frozen=True)
class Truth:
    """A database: until when it takes the old password, from when on the new one; when that one is
    known to who knocks."""

    old_until: float
    new_from: float
    known_at: float

    def takes(self, which: Which, moment: float) -> bool:
        return moment < self.old_until if which == "old" else moment >= self.new_from


@dataclass(frozen=True)
class Login:
    """How long it pauses, how long it takes, when in between it is judged, whether it gets word."""

    pause: float
    length: float
    judged: float
    answered: bool


logins = some.lists(
    some.builds(
        Login,
        pause=some.sampled_from([0.0, 0.125, 0.25]),
        length=some.sampled_from([0.125, 0.25, 0.5, 2.0]),
        judged=some.sampled_from([0.0, 0.5, 1.0]),
        answered=some.sampled_from([True] * 7 + [False]),
    ),
    max_size=40,
)


def knock_at(truth: Truth, old: Sequence[Login], new: Sequence[Login]) -> list[Knock]:
    """What two threads that log in one after the other see."""
    seen = []
    which: Which
    for which, plans, start in (("old", old, 0.0), ("new", new, truth.known_at)):
        moment = start
        for login in plans:
            taken = truth.takes(which, moment + login.judged * login.length)
            seen.append(
                Knock(
                    which=which,
                    began=moment,
                    ended=moment + login.length,
                    accepted=taken and login.answered,
                    refused=not taken and login.answered,
                )
            )
            moment += login.length + login.pause
    return seen


def refused(knocks: Sequence[Knock], which: Which) -> list[Knock]:
    return [knock for knock in knocks if knock.which == which and knock.refused]


def proven(knocks: Sequence[Knock]) -> float:
    """The longest stretch in which two refusals prove that neither password was taken.

    Dead by the end of the one, not good before the beginning of the other.
    """
    return max(
        (
            new.began - old.ended
            for old in refused(knocks, "old")
            for new in refused(knocks, "new")
            if new.began >= old.ended
        ),
        default=0.0,
    )


truths = some.builds(Truth, old_until=moments, new_from=moments, known_at=moments)


@given(truth=truths, old=logins, new=logins)
def test_it_is_never_less_than_what_refusals_prove(
    truth: Truth, old: list[Login], new: list[Login]
) -> None:
    knocks = knock_at(truth, old, new)
    assert measure(knocks, current_at=None).seconds >= proven(knocks)


@given(truth=truths, old=logins, new=logins)
def test_while_the_new_one_is_unknown_a_dead_old_one_is_enough(
    truth: Truth, old: list[Login], new: list[Login]
) -> None:
    knocks = knock_at(truth, old, new)
    known = min((k.began for k in knocks if k.which == "new"), default=inf)
    end = min(known, max((k.ended for k in knocks), default=0.0))
    unknown = max((end - k.ended for k in refused(knocks, "old") if k.ended <= known), default=0.0)
    assert measure(knocks, current_at=None).seconds >= unknown


@given(moment=moments, known_at=moments, old=logins, new=logins)
def test_a_change_at_one_moment_locks_nobody_out(
    moment: float, known_at: float, old: list[Login], new: list[Login]
) -> None:
    assume(known_at <= moment)
    assume(new)
    knocks = knock_at(Truth(old_until=moment, new_from=moment, known_at=known_at), old, new)
    found = measure(knocks, current_at=None)
    assert (found.seconds, found.open_ended) == (0.0, False)


@given(truth=truths, old=logins, new=logins)
def test_while_both_are_taken_nobody_is_locked_out(
    truth: Truth, old: list[Login], new: list[Login]
) -> None:
    assume(truth.new_from <= truth.old_until)
    assume(truth.known_at <= truth.old_until)
    assume(new)
    assert measure(knock_at(truth, old, new), current_at=None).seconds == 0.0


@given(truth=truths, old=logins, new=logins)
def test_it_is_never_more_than_from_the_first_refusal_to_the_next_way_in(
    truth: Truth, old: list[Login], new: list[Login]
) -> None:
    knocks = knock_at(truth, old, new)
    found = measure(knocks, current_at=None)
    dead = refused(knocks, "old")
    if not dead:
        assert (found.seconds, found.open_ended) == (0.0, False)
        return
    end = min(
        (k.ended for k in knocks if k.which == "new" and k.accepted),
        default=max(k.ended for k in knocks),
    )
    assert found.seconds <= max(0.0, end - dead[0].began)


@given(truth=truths, old=logins, new=logins)
def test_it_is_open_only_while_nobody_has_got_in(
    truth: Truth, old: list[Login], new: list[Login]
) -> None:
    knocks = knock_at(truth, old, new)
    found = measure(knocks, current_at=None)
    if any(k.which == "new" and k.accepted for k in knocks):
        assert not found.open_ended
    elif proven(knocks):
        assert found.open_ended


@given(truth=truths, old=logins, new=logins, current_at=some.none() | moments)
def test_stale_is_from_the_first_refusal_until_the_label_moved(
    truth: Truth, old: list[Login], new: list[Login], current_at: float | None
) -> None:
    knocks = knock_at(truth, old, new)
    dead = refused(knocks, "old")
    stale = measure(knocks, current_at=current_at).stale_seconds
    if not dead or current_at is None:
        assert stale is None
    else:
        assert stale == max(0.0, current_at - dead[0].began)


@given(truth=truths, old=logins, new=logins, data=some.data())
def test_the_order_in_which_threads_wrote_is_no_matter(
    truth: Truth, old: list[Login], new: list[Login], data: some.DataObject
) -> None:
    knocks = knock_at(truth, old, new)
    # Ties are between the threads alone: each of them logs in one after the other.
    merged = data.draw(some.permutations(["old"] * len(old) + ["new"] * len(new)))
    queues = {w: iter([k for k in knocks if k.which == w]) for w in ("old", "new")}
    written = [next(queues[which]) for which in merged]
    assert measure(written, current_at=3.0) == measure(knocks, current_at=3.0)


def knock(which: Which, began: float, ended: float, answer: str = "refused") -> Knock:
    return Knock(
        which=which,
        began=began,
        ended=ended,
        accepted=answer == "accepted",
        refused=answer == "refused",
    )


def test_nobody_knocked() -> None:
    found = measure([], current_at=1.0)
    assert (found.seconds, found.stale_seconds, found.open_ended) == (0.0, None, False)


def test_a_login_without_an_answer_hides_no_lockout() -> None:
    """The new password is tried in vain for ten seconds; both were refused before and after."""
    knocks = [
        knock("old", 2.0, 3.0),
        knock("new", 1.0, 2.5),
        knock("new", 2.6, 12.6, "silence"),
        knock("new", 12.7, 12.8),
        knock("new", 12.9, 13.0, "accepted"),
    ]
    assert measure(knocks, current_at=None).seconds == 10.0


def test_the_new_one_becomes_known_while_the_old_one_is_being_refused() -> None:
    """A login with the old password straddles the change: that alone proves no lockout."""
    knocks = [knock("old", 0.0, 2.0), knock("new", 0.5, 1.5, "accepted")]
    assert measure(knocks, current_at=None).seconds == 0.0


def test_one_who_gets_in_with_the_old_one_again_ends_it() -> None:
    knocks = [
        knock("old", 0.0, 1.0),
        knock("new", 1.0, 2.0),
        knock("old", 2.0, 3.0, "accepted"),
        knock("new", 3.0, 4.0),
    ]
    found = measure(knocks, current_at=9.0)
    assert (found.seconds, found.stale_seconds, found.open_ended) == (2.0, None, False)


def test_two_stretches_are_added() -> None:
    knocks = [
        knock("old", 0.0, 1.0),
        knock("new", 0.5, 0.9),
        knock("new", 1.0, 1.5),
        knock("new", 1.5, 2.0, "accepted"),
        knock("new", 3.0, 4.0),
        knock("new", 5.0, 6.0, "accepted"),
    ]
    assert measure(knocks, current_at=None).seconds == pytest.approx(1.0 + 4.0)


def test_a_database_that_is_silent_locks_nobody_out_by_a_password() -> None:
    silent = [knock(which, n, n + 1, "silence") for n in range(5) for which in ("old", "new")]
    assert measure(silent, current_at=1.0).seconds == 0.0
