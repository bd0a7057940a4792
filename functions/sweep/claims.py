"""Claims of runs that are dead and whose time is over: what they planned, torn down by their kind.

A copy of a cluster says by its tags that it may go. A prefix in a bucket and a database's role
cannot: only the plan in the ledger knows of them, and only the kind's own Teardown undoes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions import clock, executions
from functions.aws import asks_again
from functions.claim import DEAD
from functions.errors import DrillError, TryAgain
from functions.ledger import Claim, Ledger
from functions.sweep import machines
from functions.watch.expired import Life, Owner

MARGIN_SECONDS = 60
"""So long before the sweeper's own time is over no Teardown is called any more."""

MOST_TRIES = 6
"""As often as the line tries a step again that asks for it."""

ODD = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""What reading raises of what is not as we wrote it: one odd thing does not keep the rest."""

_RETRY = timedelta(seconds=10)
_NO_BUDGET = {"teardown_seconds": 10**9, "call_budget": dict[str, int]()}
"""A budget keeps an execution within its history; the sweeper has none, and goes on hourly."""


class Outcome(StrEnum):
    """What became of a claim in a sweep."""

    LATE = "late"
    HELD = "held"
    TAKEN = "taken"
    WAITING = "waiting"
    CLEARED = "cleared"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A claim whose time is over. `answer` is Teardown's last one, which the next call is given."""

    drill: str
    claim: Claim
    outcome: Outcome
    why: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    again_at: datetime
    tries: int = 0

    def to_document(self) -> dict[str, Any]:
        """As the report of a sweep has it, and as the next sweep takes it up."""
        return {
            "drill": self.drill,
            "execution": self.claim.execution,
            "run": self.claim.run_id,
            "expires": self.claim.plan.get("expires", ""),
            "outcome": self.outcome.value,
            "why": self.why,
            "teardown": dict(self.answer),
            "again_at": clock.render(self.again_at),
        }


class Unreadable(DrillError):
    """When the claim of a drill could not be read, or makes no sense."""


def claim_of(drill: str, *, table: str) -> Claim | None:
    """The claim of a drill. Raises Unreadable."""
    try:
        return Ledger(table=table, drill=drill).holder()
    except (ClientError, BotoCoreError, *ODD) as error:
        why = f"the claim of {drill} could not be read: {type(error).__name__}: {error}"
        raise Unreadable(why) from error


def look(
    drill: str,
    claim: Claim,
    *,
    now: datetime,
    before: Iterable[Mapping[str, Any]],
    put_off: datetime | None,
    stays: str,
) -> Claimed | None:
    """What is to be done about a claim, None where its time is not over.

    Its time is the later of its plan's expiry and of `put_off`, the latest that the tags tell of
    what is there: somebody who puts that off keeps the copy from Teardown too. `stays` says why
    something of the run must stay, and so what it planned is not torn down. `before` is what the
    last sweep told of claims: it goes on where that ended. Raises Unreadable.
    """
    try:
        expires = clock.parse(claim.plan.get("expires", ""))
        if max(expires, put_off or expires) >= now:
            return None
        alive = executions.is_running(claim.execution)
    except (ClientError, BotoCoreError, *ODD) as error:
        why = f"the claim of {drill}, by {claim.execution}: {type(error).__name__}: {error}"
        raise Unreadable(why) from error
    if alive:
        why = "its time is over, and it is still going on"
        return Claimed(drill=drill, claim=claim, outcome=Outcome.LATE, why=why, again_at=now)
    if stays:
        return Claimed(drill=drill, claim=claim, outcome=Outcome.HELD, why=stays, again_at=now)
    told = next(
        (
            each
            for each in before
            if each.get("execution") == claim.execution
            and each.get("outcome") == Outcome.WAITING.value
        ),
        {},
    )
    return Claimed(
        drill=drill,
        claim=claim,
        outcome=Outcome.WAITING,
        answer=told.get("teardown") or {},
        again_at=clock.parse(told["again_at"]) if told else now,
    )


def life_of(owner: Owner, claim: Claim | None, *, table: str, going: Collection[str]) -> Life:
    """Whether a run goes on: that which has the drill's claim, or one whose end was recorded.

    So does one of `going`, the runs of the drill's machine: its claim may have been cleared before
    it was redriven. A run of which nobody knows is dead. Raises ClientError, BotoCoreError and ODD.
    """
    if owner.run in going:
        return Life.ALIVE
    if claim and claim.run_id == owner.run:
        found = claim.execution
    else:
        runs = Ledger(table=table, drill=owner.drill).runs()
        told = (run["execution"] for run in runs if run["key"].endswith(f"/{owner.run}"))
        found = next(told, "")
    return Life.ALIVE if found and executions.is_running(found) else Life.DEAD


def clear(
    waiting: Sequence[Claimed],
    *,
    table: str,
    remaining_seconds: Callable[[], float],
    pause: Callable[[float], None] = time.sleep,
) -> list[Claimed]:
    """Call Teardown for each until it is done, or until the sweeper's own time runs short.

    The line waits in a state of its own between two calls; here nobody else could. What is not done
    by then is taken up by the next sweep.
    """
    ended, going = list[Claimed](), list(waiting)
    while going:
        first = min(going, key=lambda each: each.again_at)
        wait = max(0.0, (first.again_at - datetime.now(UTC)).total_seconds())
        if remaining_seconds() - wait < MARGIN_SECONDS:
            break
        if wait:
            pause(wait)
        going.remove(first)
        after = _once(first, table=table, within=remaining_seconds() - MARGIN_SECONDS / 2)
        (going if after.outcome is Outcome.WAITING else ended).append(after)
    return [*ended, *going]


def _once(each: Claimed, *, table: str, within: float) -> Claimed:
    """One call of Teardown, after one more look whether it is wanted, and what came of it."""
    ledger = Ledger(table=table, drill=each.drill)
    execution = each.claim.execution
    try:
        if no_more := _unwanted(each, ledger):
            return no_more
        answer = machines.call_teardown(execution, _document(each), within=within)
        if not answer["done"]:
            again_at = datetime.now(UTC) + timedelta(seconds=answer["wait_seconds"])
            why = f"waiting for {answer['waiting_for']}"
            return replace(each, answer=answer, again_at=again_at, why=why, tries=0)
        if not answer.get("proven"):
            left = ", ".join(str(left["name"]) for left in answer.get("leftovers", []))
            kept = "; ".join(map(str, answer.get("kept", [])))
            why = f"Teardown left behind: {left or 'something'}{f' ({kept})' if kept else ''}"
            return replace(each, outcome=Outcome.FAILED, answer=answer, why=why)
        if no_more := _unwanted(each, ledger):
            return no_more
        ledger.release(execution)
        return replace(each, outcome=Outcome.CLEARED, answer=answer, why="all is gone")
    except (ClientError, BotoCoreError, DrillError, *ODD) as error:
        why = f"{type(error).__name__}: {error}"
        passes = isinstance(error, TryAgain) or asks_again(error)
        if passes and each.tries + 1 < MOST_TRIES:
            again_at = datetime.now(UTC) + _RETRY
            return replace(each, again_at=again_at, why=why, tries=each.tries + 1)
        return replace(each, outcome=Outcome.FAILED, why=why)


def _unwanted(each: Claimed, ledger: Ledger) -> Claimed | None:
    """What to say where Teardown must not be called: somebody else sees to it now."""
    holder = ledger.holder()
    if holder is None or holder.execution != each.claim.execution:
        why = "another run has taken the claim, and cleared it"
        return replace(each, outcome=Outcome.TAKEN, why=why)
    if executions.is_running(each.claim.execution):
        return replace(each, outcome=Outcome.LATE, why="it goes on again: it was redriven")
    if machines.is_busy(each.claim.execution):
        why = "a run of this drill has begun: it clears this itself"
        return replace(each, outcome=Outcome.TAKEN, why=why)
    return None


def _document(each: Claimed) -> dict[str, Any]:
    """What the state Clear of the line hands to Teardown, but for the drill's configuration."""
    execution = each.claim.execution
    return {
        "execution": {"id": execution, "name": execution.rpartition(":")[2]},
        "plan": {**each.claim.plan, **_NO_BUDGET},
        "teardown": dict(each.answer),
        "error": {"Error": DEAD},
    }
