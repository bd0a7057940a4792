"""The end of what may go: each thing is looked at once more right before it is asked to go.

Between the listing and the deletion somebody may have put an expiry off, made the copy their own,
or let its run go on again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import TryAgain
from functions.sweep import scratch
from functions.sweep.claims import ODD
from functions.sweep.seen import Failures, Runs
from functions.watch.expired import Left, Scratch, Sweep, decide, judge

logger = Logger(service="backup-drills")

MARGIN_SECONDS = 30
"""So long before the sweeper's own time is over nothing is asked to go any more."""

_CHANGED = "it is not what it was when this sweep began"
_NO_MORE = f"{_CHANGED}: its time is not over any more, or it is no drill's"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """What was asked to go; and the decision, less what has gone, or had to stay after all."""

    asked: tuple[Scratch, ...]
    decision: Sweep


def end_all(
    decision: Sweep,
    *,
    sources: Collection[str],
    table: str,
    function: str,
    failures: Failures,
    remaining_seconds: Callable[[], float],
) -> Ended:
    """Ask for the end of all that was decided upon, in its order; one does not keep the rest.

    What there is no time for is held until the next sweep: this one has yet to tell.
    """
    asked, failed, held = list[Scratch](), list[Scratch](), list[Left]()
    for found in decision.delete:
        if remaining_seconds() < MARGIN_SECONDS:
            held.append(Left(found=found, why="no time was left for it: the next sweep goes on"))
            continue
        runs = Runs(table=table, function=function, failures=failures)
        try:
            stays = _end(found, sources=sources, runs=runs)
        except (ClientError, BotoCoreError, TryAgain, *ODD) as error:
            failures.add(f"could not delete the {found.kind} {found.handle or found.name}", error)
            failed.append(found)
            continue
        if stays is None:
            logger.info(
                "asked to delete", kind=found.kind.value, resource=found.handle or found.name
            )
            asked.append(found)
        elif stays:
            held.append(Left(found=found, why=stays))
    tried = {each.key for each in (*asked, *failed)}
    return Ended(
        asked=tuple(asked),
        decision=replace(
            decision,
            delete=tuple(each for each in decision.delete if each.key in tried),
            held=(*decision.held, *held),
        ),
    )


def _end(found: Scratch, *, sources: Collection[str], runs: Runs) -> str | None:
    """Ask for the end of something: None once it was asked for, else why not.

    That is empty where it has gone, or is going, already.
    """
    now = datetime.now(UTC)
    there = scratch.again(found, runs.function.split(":")[4])
    judged = [judge(each, sources=sources, now=now) for each in there]
    decision = decide(judged, life=runs.lives(judged))
    if any(each.key == found.key for each in decision.delete):
        scratch.delete(found)
        return None
    if any(each.key == found.key for each in decision.going):
        return ""
    for left in decision.left:
        if left.found.key == found.key:
            return f"{_CHANGED}: {left.why}"
    return _NO_MORE if any(each.key == found.key for each in there) else ""
