"""Plan, decided: can the drill run, where does it write, what was found of the bucket. Pure.

What is wrong with input or configuration is refused. What is wrong with the bucket (versioning that
is suspended, a lifecycle rule that is too short) is a finding, which Verify makes a check of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from functions import clock, given, naming
from functions.errors import Refused
from functions.model import CheckClass
from functions.s3_versions.facts import ENABLED, Facts, hazards

MOST_UNITS = 60
"""Of a rehearsal's verification; the Map could take a hundred."""

CALLS_OF_A_UNIT = 20
CALLS_OF_EXERCISE = 300
"""Each call of a rehearsal goes on where the one before stopped, minutes later."""


class Mode(StrEnum):
    """What is brought back."""

    CANARY = "canary"
    """objects of the drill's own, where they were"""
    REHEARSAL = "rehearsal"
    """the real objects, into a scratch bucket"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What the execution's input may change. `scheduled_time` is sent by the schedule alone."""

    hold_minutes: int = 0
    dry_run: bool = False
    scheduled_time: str | None = None


def read_input(value: Any) -> Overrides:
    """The overrides of an execution's input.

    >>> read_input({"dry_run": True}).dry_run
    True
    >>> read_input({"bucket": "x"})
    Traceback (most recent call last):
    ...
    functions.errors.Refused: input: bucket: unknown key: expected hold_minutes, dry_run

    Raises Refused that names the key, the value and what was expected.
    """
    found = given.known(value, offered=("hold_minutes", "dry_run"))
    return Overrides(
        hold_minutes=given.hold_minutes(found),
        dry_run=given.dry_run(found),
        scheduled_time=given.scheduled_time(found),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """All that Plan looks at: the source, the bucket that is written to (the source itself, for a
    canary in it), and how many objects a rehearsal would restore; `more` says that there are more.
    """

    source: Facts
    place: Facts
    objects: int = 0
    more: bool = False


def place_of(drill: Mapping[str, Any]) -> str:
    """The bucket that the drill writes to.

    >>> place_of({"canary": None, "scratch": {"bucket": "s"}})
    's'
    """
    return str((drill["canary"] or drill["scratch"])["bucket"])


def refusals(drill: Mapping[str, Any], found: Surroundings) -> list[str]:
    """Every reason why the drill cannot run, each a sentence that names what was expected.

    Empty when it can. Nothing was written when these are found.
    """
    if drill["mode"] == Mode.REHEARSAL:
        return _of_rehearsal(drill, found)
    reasons = []
    if found.place.mfa_delete:
        reasons.append(
            f"canary: {found.place.name}: MFA delete is on: expected it off, or the drill could"
            " not remove the versions that it writes"
        )
    if drill["canary"]["in"] == "bucket":
        accepted = drill["canary"]["accept"]
        prefix = drill["canary"]["prefix"]
        reasons += [
            f"canary.prefix: {prefix}: {sentence}: expected canary: {{in: sibling}}, or {word} in"
            " canary.accept"
            for word, sentence in dict.fromkeys(hazards(found.source, prefix))
            if word not in accepted
        ]
    return reasons


def _of_rehearsal(drill: Mapping[str, Any], found: Surroundings) -> list[str]:
    prefix = drill["prefix"]
    where = f"{drill['bucket']}/{prefix}" if prefix else drill["bucket"]
    if found.more:
        return [
            f"objects_maximum: {drill['objects_maximum']}: {where} holds more objects: expected a"
            " prefix of fewer, or a higher maximum (docs/scale.md)"
        ]
    if not found.objects:
        return [f"prefix: {prefix!r}: {where} holds no object: expected some to bring back"]
    return []


def blocked(drill: Mapping[str, Any], found: Surroundings) -> str:
    """Why nothing can be brought back, whoever tries; empty where it can."""
    needed = found.source if drill["mode"] == Mode.REHEARSAL else found.place
    if needed.versioning == ENABLED:
        return ""
    return f"versioning of {needed.name} is {needed.versioning or 'not on'}"


def make(
    *,
    drill: Mapping[str, Any],
    overrides: Overrides,
    found: Surroundings,
    execution: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    """The plan: where the drill writes, and nowhere else; what was found of the buckets.

    Raises Refused with all reasons, when the drill cannot run.
    """
    reasons = refusals(drill, found)
    if reasons:
        raise Refused("; ".join(reasons))
    run = naming.run_id(execution)
    limits = drill["deadlines"]
    hold = overrides.hold_minutes * 60
    deadline = clock.render(now + timedelta(seconds=limits["verify_seconds"]))
    canary = drill["canary"]
    return {
        "run_id": run,
        "key": naming.evidence_key(drill["name"], run),
        "account": account(execution),
        "mode": drill["mode"],
        "place": {
            "bucket": place_of(drill),
            "prefix": naming.object_prefix(canary["prefix"], run) if canary else "",
        },
        "deadline": deadline,
        "expires": clock.after(deadline, hold + limits["teardown_seconds"]),
        "teardown_seconds": limits["teardown_seconds"],
        "hold_seconds": hold,
        "poll_seconds": drill["timing"]["poll_seconds"],
        "call_budget": call_budget(),
        "required_classes": required_classes(),
        "blocked": blocked(drill, found),
        "objects": found.objects,
        "source": found.source.to_document(),
        "own": found.place.to_document(),
    }


def account(execution: Mapping[str, str]) -> str:
    """The account that an execution runs in, from its ARN.

    >>> account({"id": "arn:aws:states:sa-east-1:123456789012:execution:drill-x:a"})
    '123456789012'
    """
    return execution["id"].split(":")[4]


def call_budget() -> dict[str, int]:
    """How often each step may be called. All together stay far below an execution's 25,000 events.

    >>> sum(call_budget().values()) + MOST_UNITS * CALLS_OF_A_UNIT < 2_200
    True
    """
    return {
        "plan": 20,
        "witness": 200,
        "exercise": CALLS_OF_EXERCISE,
        "verify": 50,
        "verify_unit": CALLS_OF_A_UNIT,
        "teardown": 200,
    }


def required_classes() -> list[str]:
    """The classes of which at least one check must pass."""
    required = (
        CheckClass.RESTORE_POINT,
        CheckClass.CONTENT,
        CheckClass.PROTECTION,
        CheckClass.OBJECTIVE,
        CheckClass.TEARDOWN,
    )
    return [each.value for each in required]
