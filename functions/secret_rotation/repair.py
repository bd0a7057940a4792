"""Where a rotation has stopped, and what mends it, step by step: for a person to read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from functions.secret_rotation.values import CURRENT, PENDING, PREVIOUS, Secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """How things stand, in a sentence, and what to do, one thing after the other."""

    state: str
    steps: tuple[str, ...] = ()


def explain(
    told: Mapping[str, str | None], *, secret: Secret, token: str, function: str, log_group: str
) -> Repair:
    """Which of the four steps are done, what the database accepts, and what to do about it.

    `told` maps a label to accepted, refused, unknown, empty (no value) or None (no such version).
    `token` is the version of the rotation that is asked about.
    """
    pending = told[PENDING] if secret.pending else None
    holder = _holder(told)
    unfinished = bool(secret.pending) or secret.version(CURRENT) != token
    state = [_stopped(pending, told[CURRENT])] if unfinished else []
    if secret.pending and secret.pending != token:
        state.insert(0, f"the rotation to {secret.pending} is another one's")
    if told[CURRENT] == "refused":
        state.append(
            "secret and database disagree: the database refuses AWSCURRENT"
            + (f" and accepts {holder}" if holder else "")
        )
    elif told[CURRENT] == "accepted":
        state.append("the database accepts AWSCURRENT")
    steps = []
    if holder:
        steps.append(
            "Let people in again: aws secretsmanager update-secret-version-stage --secret-id"
            f" {secret.name} --version-stage AWSCURRENT --move-to-version-id"
            f" {secret.version(holder)} --remove-from-version-id {secret.version(CURRENT)}"
        )
    elif told[CURRENT] == "refused":
        steps.append(f"Set the password of the database's user to the one that {secret.name} holds")
    if pending == "unknown":
        # Taken off now, the label might take the only way to the password with it.
        steps.append("Leave AWSPENDING where it is until the database answers")
    elif secret.pending:
        steps.append(
            "End the rotation that is stuck: aws secretsmanager update-secret-version-stage"
            f" --secret-id {secret.name} --version-stage AWSPENDING --remove-from-version-id"
            f" {secret.pending}"
        )
    if secret.pending or told[CURRENT] == "refused":
        steps += mend_function(function, log_group)
        steps.append(
            "Only then, for it happens at once: aws secretsmanager rotate-secret --secret-id"
            f" {secret.name}"
        )
    return Repair(state="; ".join(state), steps=tuple(steps))


def mend_function(function: str, log_group: str) -> list[str]:
    """Where to look for what is wrong with a rotation function.

    >>> mend_function("f", "/aws/lambda/f")
    ['Mend the rotation function f; it says what is wrong: aws logs tail /aws/lambda/f --since 1h']
    """
    return [
        f"Mend the rotation function {function}; it says what is wrong: aws logs tail {log_group}"
        " --since 1h"
    ]


def _holder(told: Mapping[str, str | None]) -> str:
    """The label whose password the database accepts in the place of AWSCURRENT's."""
    if told[CURRENT] != "refused":
        return ""
    return next((stage for stage in (PENDING, PREVIOUS) if told[stage] == "accepted"), "")


def _stopped(pending: str | None, current: str | None) -> str:
    """Where it stopped, by what the database says of the password that is pending."""
    match pending:
        case None | "empty":
            return "done: none of the four steps; stopped at createSecret"
        case "accepted" if current == "accepted":
            return "done: createSecret; the database accepts the passwords of both versions"
        case "accepted":
            return "done: createSecret, setSecret; stopped at testSecret or finishSecret"
        case "refused":
            return "done: createSecret; stopped at setSecret"
        case _:
            return "done: createSecret; what came of the others the database does not say"
