"""From logins, tried without a break, to how long nobody could get in. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Which = Literal["old", "new"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Knock:
    """One login: which password, from when to when (seconds of one clock), how it ended.

    Neither accepted nor refused is a login that got no answer: it let nobody in either.
    """

    which: Which
    began: float
    ended: float
    accepted: bool = False
    refused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Lockout:
    """How long neither password got in, and how long the one that was current did not (seconds).

    `seconds` is None where that was not seen from its beginning to its end. `stale_seconds` ends
    where AWSCURRENT moved; None where the old password was never refused.
    """

    seconds: float | None
    stale_seconds: float | None


def measure(knocks: Iterable[Knock], *, current_at: float | None) -> Lockout:
    """What a rotation did to those who log in.

    A failed login with the new password counts only when it began after one with the old had
    failed: before that, the old one may still have worked. The stretch is from the end of that one,
    for neither got in since then, to the end of the next login that is accepted. While nobody knows
    the new password, a failed login with the old one is enough. It is measured only where the old
    password was seen to get in at first, and the new one in the end, after AWSCURRENT had moved.

    >>> def knock(which, began, ended, accepted):
    ...     return Knock(which=which, began=began, ended=ended, accepted=accepted,
    ...                  refused=not accepted)
    >>> seamless = [knock("old", 0, 1, True), knock("new", 0.5, 1.5, False),
    ...             knock("old", 2, 3, False), knock("new", 6.5, 7, True)]
    >>> measure(seamless, current_at=6)
    Lockout(seconds=0.0, stale_seconds=4.0)
    >>> measure([*seamless[:3], knock("new", 4, 5, False), knock("new", 6, 7, True)],
    ...         current_at=6).seconds
    4.0
    >>> measure([], current_at=6).seconds is None
    True
    """
    ordered = sorted(knocks, key=_order)
    new_known = min((knock.began for knock in ordered if knock.which == "new"), default=math.inf)
    seconds, since = 0.0, None
    old_dead: float | None = None
    first_refusal: float | None = None
    last_in = -math.inf
    for knock in ordered:
        if knock.accepted:
            if since is not None:
                seconds, since = seconds + knock.ended - since, None
            last_in = max(last_in, knock.ended)
            if knock.which == "old":
                old_dead, first_refusal = None, None
        elif knock.which == "old":
            old_dead = knock.ended if old_dead is None else old_dead
            if knock.refused and first_refusal is None:
                first_refusal = knock.began
            if since is None and knock.ended < new_known:
                since = knock.began
        elif old_dead is not None and knock.began >= old_dead:
            since = max(old_dead, last_in) if since is None else since
    stale = None
    if first_refusal is not None and current_at is not None:
        stale = float(max(0.0, current_at - first_refusal))
    seen = _seen_whole(ordered, current_at) and since is None
    return Lockout(seconds=float(seconds) if seen else None, stale_seconds=stale)


def _order(knock: Knock) -> tuple[float, bool, float]:
    """By when they began; of two at the same moment the old password's first.

    What is known of the old one decides what a refusal of the new one means.
    """
    return knock.began, knock.which == "new", knock.ended


def _seen_whole(knocks: Iterable[Knock], current_at: float | None) -> bool:
    """Whether somebody got in before it with the old password, and after it with the new one."""
    accepted = [knock for knock in knocks if knock.accepted]
    before = any(k.which == "old" for k in accepted)
    after = any(
        k.which == "new" and current_at is not None and k.ended >= current_at for k in accepted
    )
    return before and after
