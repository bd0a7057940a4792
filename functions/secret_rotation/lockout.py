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

    Neither accepted nor refused is a login that got no answer: it tells nothing.
    """

    which: Which
    began: float
    ended: float
    accepted: bool = False
    refused: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Lockout:
    """How long neither password worked, and how long the one that was current did not (seconds).

    `stale_seconds` ends where AWSCURRENT moved; None where the old password was never refused.
    `open_ended` says that nobody could get in when the watching ended.
    """

    seconds: float
    stale_seconds: float | None
    open_ended: bool


def measure(knocks: Iterable[Knock], *, current_at: float | None) -> Lockout:
    """What a rotation did to those who log in.

    A refusal of the new password counts only when it began after one of the old had ended: before
    that, the old one may still have worked. The stretch is from that end, for the old one was dead
    by then and the new one not yet good, to the end of the next login that is accepted. While the
    new password is not known to anybody, a refusal of the old one is enough.

    >>> def knock(which, began, ended, accepted):
    ...     return Knock(which=which, began=began, ended=ended, accepted=accepted,
    ...                  refused=not accepted)
    >>> seamless = [knock("old", 0, 1, True), knock("new", 0.5, 1.5, False),
    ...             knock("old", 2, 3, False), knock("new", 2.5, 3.5, True)]
    >>> measure(seamless, current_at=6)
    Lockout(seconds=0.0, stale_seconds=4.0, open_ended=False)
    >>> measure([*seamless[:3], knock("new", 4, 5, False), knock("new", 6, 7, True)],
    ...         current_at=6).seconds
    4.0
    """
    ordered = sorted(knocks, key=lambda knock: knock.began)
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
        elif knock.refused and knock.which == "old":
            if old_dead is None:
                old_dead, first_refusal = knock.ended, knock.began
            if since is None and knock.ended < new_known:
                since = knock.began
        elif knock.refused and old_dead is not None and knock.began >= old_dead:
            since = max(old_dead, last_in) if since is None else since
    open_ended = since is not None
    if since is not None:
        seconds += max(knock.ended for knock in ordered) - since
    stale = None
    if first_refusal is not None and current_at is not None:
        stale = float(max(0.0, current_at - first_refusal))
    return Lockout(seconds=float(seconds), stale_seconds=stale, open_ended=open_ended)
