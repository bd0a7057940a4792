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
    copier: Copier,
    standing: Standing,
    *,
    stop: Event,
    each: Callable[[], None],
) -> None:
    """Do what of a plan is not settled yet, until `stop` is set; what is in flight is finished.

    What came of an action is in the journal before the next one is looked at; then `each` is
    called. Raises CannotRun for a damaged plan, and what the copier raises.
    """
    numbers: dict[str, int] = {}

    def due() -> Iterator[Action]:
        for number, action in enumerate(plan.read()):
            if stop.is_set():
                return
            if action.how is not How.NOTHING and not standing.settled(number):
                numbers[action.key] = number
                yield action

    with Journal(plan.journal) as journal:
        for outcome in copier.apply(due()):
            noted = Noted.of(numbers.pop(outcome.action.key), outcome)
            journal.note(noted)
            standing.take(noted)
            each()
