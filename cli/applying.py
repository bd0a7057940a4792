"""The plan is applied: what is settled already is left out, what comes of the rest is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event

from cli.journal import Journal, Noted, Standing
from cli.plan_file import PlanFile
from functions.s3_versions.copier import Copier
from functions.s3_versions.values import Action, How


def apply(
    plan: PlanFile,
    writer: Callable[[], Copier],
    standing: Standing,
    *,
    stop: Event,
    each: Callable[[], None],
) -> None:
    """Do what of a plan is not settled yet, until `stop` is set; what is in flight is finished.

    `writer` is asked before each action for the copier that does it: where it is another one than
    before, that one finishes first. What came of an action is in the journal before the next one is
    looked at; then `each` is called. Raises CannotRun for a damaged plan, and what the copier
    raises.
    """
    numbers: dict[str, int] = {}
    due = (
        (number, action)
        for number, action in enumerate(plan.read())
        if action.how is not How.NOTHING and not standing.settled(number)
    )
    following = next(due, None)

    def given(copier: Copier) -> Iterator[Action]:
        nonlocal following
        while following and not stop.is_set() and writer() is copier:
            number, action = following
            following = next(due, None)
            numbers[action.key] = number
            yield action

    with Journal(plan.journal) as journal:
        while following and not stop.is_set():
            copier = writer()
            for outcome in copier.apply(given(copier)):
                noted = Noted.of(numbers.pop(outcome.action.key), outcome)
                journal.note(noted)
                standing.take(noted)
                each()
