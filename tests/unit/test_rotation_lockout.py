"""How long nobody could get in, held against a database whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
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


ONE = Login(pause=0.0, length=0.5, judged=0.5, answered=True)

ONE = Login(pause=0.0, length=0.5, judged=0.5, answered=True)

EARLY = Login(pause=0.0, length=0.5, judged=0.0, answered=True)
"""The first of all, before anything changes."""

LATE = 1000.0
"""When AWSCURRENT moved, or later: long after everything else."""

truths = some.builds(Truth, old_until=moments.filter(bool), new_from=moments, known_at=moments)


def watched(truth: Truth, old: Sequence[Login], new: Sequence[Login]) -> list[Knock]:
    """Seen from its beginning to its end: the old one gets in at first, the new one at last."""
    end = Knock(which="new", began=LATE, ended=LATE + 0.5, accepted=True)
    return [*knock_at(truth, [EARLY, *old], new), end]


def lockout(knocks: Sequence[Knock]) -> float:
    """What was measured, for it could be."""
    seconds = measure(knocks, current_at=LATE).seconds
    assert seconds is not None
    return seconds


@given(truth=truths, old=logins, new=logins)
def test_it_is_never_less_than_what_refusals_prove(
    truth: Truth, old: list[Login], new: list[Login]
) -> None:
    knocks = watched(truth, old, new)
    assert lockout(knocks) >= proven(knocks)


@given(truth=truths, old=logins)
def test_while_the_new_one_is_unknown_a_dead_old_one_is_enough(
    truth: Truth, old: list[Login]
) -> None:
    knocks = watched(truth, old, [])
    unknown = max((LATE - k.ended for k in refused(knocks, "old")), default=0.0)
    assert lockout(knocks) >= unknown


answers = logins.map(lambda plans: [replace(plan, answered=True) for plan in plans])


@given(known_at=moments, later=moments.filter(bool), old=answers, new=answers)
def test_a_change_at_one_moment_locks_nobody_out(
    known_at: float, later: float, old: list[Login], new: list[Login]
) -> None:
    moment = known_at + later
    truth = Truth(old_until=moment, new_from=moment, known_at=known_at)
    assert lockout(watched(truth, old, [ONE, *new])) == 0.0


@given(known_at=moments, new_from=moments, later=moments.filter(bool), old=answers, new=answers)
def test_while_both_are_taken_nobody_is_locked_out(
    known_at: float, new_from: float, later: float, old: list[Login], new: list[Login]
) -> None:
    truth = Truth(old_until=max(known_at, new_from) + later, new_from=new_from, known_at=known_at)
    assert lockout(watched(truth, old, [ONE, *new])) == 0.0


@given(truth=truths, old=answers, new=answers)
def test_it_is_never_more_than_from_the_first_refusal_to_the_next_way_in(
    truth: Truth, old: list[Login], new: list[Login]
) -> None:
    knocks = watched(truth, old, new)
    dead = refused(knocks, "old")
    end = min(k.ended for k in knocks if k.which == "new" and k.accepted)
    assert lockout(knocks) <= (max(0.0, end - dead[0].began) if dead else 0.0)


@given(truth=truths, old=logins, new=logins, current_at=some.none() | moments)
def test_what_was_not_seen_whole_is_not_measured(
    truth: Truth, old: list[Login], new: list[Login], current_at: float | None
) -> None:
    """Somebody gets in with the old one at first, and with the new one after the label moved."""
    knocks = knock_at(truth, old, new)
    before = any(k.accepted for k in knocks if k.which == "old")
    after = current_at is not None and any(
        k.accepted and k.ended >= current_at for k in knocks if k.which == "new"
    )
    if not (before and after):
        assert measure(knocks, current_at=current_at).seconds is None


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
    # Each thread logs in one after the other: only how the two are mixed can differ.
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


BEFORE, AFTER = knock("old", -2.0, -1.0, "accepted"), knock("new", LATE, LATE + 1, "accepted")


def test_nobody_knocked() -> None:
    found = measure([], current_at=1.0)
    assert (found.seconds, found.stale_seconds) == (None, None)


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_at_the_same_moment_it_is_no_matter_which_was_written_first(swapped: bool) -> None:
    """The old password gets in after a login without an answer: nobody was locked out."""
    silence, known = knock("old", 0.0, 1.0, "nothing"), knock("new", 0.5, 1.5)
    pair = [knock("old", 2.0, 3.0, "accepted"), knock("new", 2.0, 2.5)]
    pair = pair[::-1] if swapped else pair
    assert measure([BEFORE, silence, known, *pair, AFTER], current_at=LATE).seconds == 0.0


def test_a_login_without_an_answer_hides_no_lockout() -> None:
    """The new password is tried in vain for ten seconds; both were refused before and after."""
    knocks = [
        BEFORE,
        knock("old", 2.0, 3.0),
        knock("new", 1.0, 2.5),
        knock("new", 2.6, 12.6, "silence"),
        knock("new", 12.7, 12.8),
        knock("new", 12.9, 13.0, "accepted"),
        AFTER,
    ]
    assert lockout(knocks) == 10.0


def test_the_new_one_becomes_known_while_the_old_one_is_being_refused() -> None:
    """A login with the old password straddles the change: that alone proves no lockout."""
    knocks = [BEFORE, knock("old", 0.0, 2.0), knock("new", 0.5, 1.5, "accepted"), AFTER]
    assert lockout(knocks) == 0.0


def test_one_who_gets_in_with_the_old_one_again_ends_it() -> None:
    knocks = [
        BEFORE,
        knock("old", 0.0, 1.0),
        knock("new", 1.0, 2.0),
        knock("old", 2.0, 3.0, "accepted"),
        knock("new", 3.0, 4.0),
        AFTER,
    ]
    found = measure(knocks, current_at=LATE)
    assert (found.seconds, found.stale_seconds) == (2.0, None)


def test_two_stretches_are_added() -> None:
    knocks = [
        BEFORE,
        knock("old", 0.0, 1.0),
        knock("new", 0.5, 0.9),
        knock("new", 1.0, 1.5),
        knock("new", 1.5, 2.0, "accepted"),
        knock("new", 3.0, 4.0),
        knock("new", 5.0, 6.0, "accepted"),
        AFTER,
    ]
    found = lockout(knocks)
    assert 1.0 + 3.0 <= found <= 1.0 + 4.0  # from when the second began nobody can know


def test_a_database_that_is_silent_lets_nobody_in_either() -> None:
    silent = [knock(which, n, n + 1, "silence") for n in range(5) for which in ("old", "new")]
    assert lockout([BEFORE, *silent, AFTER]) >= 4.0
    assert measure([BEFORE, *silent, AFTER], current_at=LATE).stale_seconds is None


def test_a_lockout_that_nobody_saw_the_end_of_is_not_measured() -> None:
    knocks = [BEFORE, knock("old", 0.0, 1.0), knock("new", 2.0, 3.0)]
    assert measure(knocks, current_at=1.5).seconds is None
