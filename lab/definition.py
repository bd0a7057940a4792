"""What AWS refuses in a state machine's definition, and moto 5.2.5 accepts.

moto's grammar knows the language's words but not its sentences: a transition to a state that does
not exist, a state that nothing leads to or a retrier after the one for everything are found by AWS
when the machine is made, and by moto when, if ever, an execution gets there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

SIZE_LIMIT = 1024 * 1024
"""Characters of a definition."""

EVERY_STATE = {"Type", "Comment", "QueryLanguage"}
PATHS = {"InputPath", "OutputPath"}
FLOW = {"Next", "End"}
RESULT = {"Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"}

FIELDS = {
    "Pass": PATHS | FLOW | {"Result", "ResultPath", "Parameters"},
    "Task": PATHS
    | FLOW
    | RESULT
    | {
        *("Resource", "Credentials"),
        *("TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"),
    },
    "Choice": PATHS | {"Choices", "Default"},
    "Wait": PATHS | FLOW | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": PATHS,
    "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
    "Parallel": PATHS | FLOW | RESULT | {"Branches"},
    "Map": PATHS
    | FLOW
    | RESULT
    | {
        *("ItemProcessor", "Iterator", "ItemsPath", "ItemSelector", "MaxConcurrency"),
        *("MaxConcurrencyPath", "ItemReader", "ItemBatcher", "ResultWriter", "Label"),
        *("ToleratedFailureCount", "ToleratedFailureCountPath"),
        *("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    },
}
"""The fields that a state may have, by its type (JSONPath)."""

RETRIER = {
    *("ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate"),
    *("MaxDelaySeconds", "JitterStrategy", "Comment"),
}


def problems(definition: str) -> list[str]:
    """All that is wrong with a definition, each with its place; nothing when it is sound.

    >>> problems('{"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1, "Next": "B"}}}')
    ["/States/A/Next: there is no state 'B'"]
    >>> problems('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')
    []
    """
    if len(definition) > SIZE_LIMIT:
        return [f"/: the definition is longer than {SIZE_LIMIT} characters"]
    try:
        machine = json.loads(definition)
    except json.JSONDecodeError as error:
        return [f"/: not JSON: {error}"]
    if not isinstance(machine, dict):
        return ["/: a definition is an object"]
    return list(_machine(machine, ""))


def _machine(machine: Mapping[str, Any], place: str) -> Iterator[str]:
    """The problems of a machine, or of the machine inside a Map or a branch."""
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield f"{place}/States: a machine has at least one state"
        return
    start = machine.get("StartAt")
    if start is None:
        yield f"{place}/StartAt: is missing"
    elif start not in states:
        yield f"{place}/StartAt: there is no state {start!r}"
    for name, state in states.items():
        yield from _state(state, states, f"{place}/States/{name}")
    for name in sorted(states.keys() - _reached(states, start)):
        yield f"{place}/States/{name}: is not reachable"


def _state(state: Any, states: Mapping[str, Any], place: str) -> Iterator[str]:
    kind = state.get("Type") if isinstance(state, dict) else None
    if kind not in FIELDS:
        yield f"{place}/Type: {kind!r} is not one of {', '.join(sorted(FIELDS))}"
        return
    for field in sorted(state.keys() - FIELDS[kind] - EVERY_STATE):
        yield f"{place}/{field}: is not a field of a {kind} state"
    if FIELDS[kind] >= FLOW and ("Next" in state) == ("End" in state):
        yield f"{place}: needs either Next or End"
    if kind == "Choice" and not state.get("Choices"):
        yield f"{place}/Choices: a Choice has at least one rule"
    for field, target in _transitions(state):
        if target not in states:
            yield f"{place}/{field}: there is no state {target!r}"
    for field in ("Retry", "Catch"):
        yield from _handlers(state.get(field, []), field, f"{place}/{field}")
    for field, inner in _machines(state):
        yield from _machine(inner, f"{place}/{field}")


def _handlers(handlers: list[Mapping[str, Any]], field: str, place: str) -> Iterator[str]:
    for index, handler in enumerate(handlers):
        errors = handler.get("ErrorEquals") or []
        if not errors:
            yield f"{place}/{index}/ErrorEquals: names at least one error"
        if "States.ALL" in errors and (len(errors) > 1 or index < len(handlers) - 1):
            yield f"{place}/{index}/ErrorEquals: States.ALL stands alone, and last"
        if field == "Retry":
            for unknown in sorted(handler.keys() - RETRIER):
                yield f"{place}/{index}/{unknown}: is not a field of a retrier"


def _transitions(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Field and target of every way out of a state."""
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Choices", "Catch"):
        for index, rule in enumerate(state.get(field, [])):
            yield f"{field}/{index}/Next", rule.get("Next")


def _machines(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Field and content of the machines inside a Map or a Parallel."""
    for field in ("ItemProcessor", "Iterator"):
        if field in state:
            yield field, state[field]
    for index, branch in enumerate(state.get("Branches", [])):
        yield f"Branches/{index}", branch


def _reached(states: Mapping[str, Any], start: str | None) -> set[str]:
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name is None or name in reached or name not in states:
            continue
        reached.add(name)
        state = states[name]
        if isinstance(state, dict):
            ahead.extend(target for _, target in _transitions(state))
    return reached
