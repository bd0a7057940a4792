"""The input of an execution, as far as it is the same for every kind. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from functions import clock
from functions.errors import Refused

LONGEST_HOLD_MINUTES = 480

_SENT_BY_THE_SCHEDULE = "scheduled_time"


def known(given: Any, *, offered: Sequence[str]) -> dict[str, Any]:
    """The input, once it is an object that holds nothing but what a kind offers.

    >>> known({"dry_run": True}, offered=["dry_run"])
    {'dry_run': True}
    >>> known({"dry_rum": True}, offered=["dry_run"])
    Traceback (most recent call last):
    ...
    functions.errors.Refused: input: dry_rum: unknown key: expected dry_run

    Raises Refused that names the key, the value and what was expected.
    """
    if not isinstance(given, dict):
        raise Refused(f"input: {given!r}: expected an object, {{}} for the drill as configured")
    for key in given:
        if key not in (*offered, _SENT_BY_THE_SCHEDULE):
            raise Refused(f"input: {key}: unknown key: expected {', '.join(offered)}")
    return given


def dry_run(given: dict[str, Any]) -> bool:
    """Whether only a plan is wanted. Raises Refused."""
    value = given.get("dry_run", False)
    if not isinstance(value, bool):
        raise Refused(f"input: dry_run: {value!r}: expected true or false")
    return value


def hold_minutes(given: dict[str, Any]) -> int:
    """For how many minutes what was restored is kept before teardown. Raises Refused."""
    value = given.get("hold_minutes", 0)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(f"input: hold_minutes: {value!r}: expected a whole number of minutes")
    if not 0 <= value <= LONGEST_HOLD_MINUTES:
        raise Refused(f"input: hold_minutes: {value}: expected 0 to {LONGEST_HOLD_MINUTES}")
    return value


def scheduled_time(given: dict[str, Any]) -> str | None:
    """For when the schedule meant this run (RFC 3339); None for a run by hand. Raises Refused."""
    value = given.get(_SENT_BY_THE_SCHEDULE)
    if value is None:
        return None
    try:
        return clock.render(clock.parse(value))
    except ValueError as error:
        raise Refused(f"input: scheduled_time: {error}") from error
