"""Where a rotation has stopped, and the exact commands that mend it: for a person to read. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from functions.secret_rotation.values import CURRENT, PENDING, PREVIOUS, Secret


def explain(told: Mapping[str, str | None], *, secret: Secret, token: str) -> str:
    """Which of the four steps are done, what the database accepts, and what to do about it.

    `told` maps a label to accepted, refused, unknown, empty (no value) or None (no such version).
    `token` is the version of the rotation that is asked about.
    """
    pending = told[PENDING] if secret.pending else None
    sentences = [_stopped(pending)]
    if secret.pending and secret.pending != token:
        sentences.insert(0, f"the rotation to {secret.pending} is another one's")
    if told[CURRENT] == "refused":
        holder = next((s for s in (PENDING, PREVIOUS) if told[s] == "accepted"), None)
        sentences.append(
            "secret and database disagree: the database refuses AWSCURRENT"
            + (f" and accepts {holder}" if holder else "")
        )
        if holder:
            sentences.append(
                f"to mend it: aws secretsmanager update-secret-version-stage --secret-id"
                f" {secret.name} --version-stage AWSCURRENT --move-to-version-id"
                f" {secret.version(holder)} --remove-from-version-id {secret.version(CURRENT)}"
            )
    elif told[CURRENT] == "accepted":
        sentences.append("the database still accepts AWSCURRENT")
    if pending == "unknown":
        # Taken off now, the label might take the only way to the password with it.
        sentences.append("leave AWSPENDING where it is until the database answers")
    elif secret.pending:
        sentences.append(unstick(secret.name, secret.pending))
    return "; ".join(sentences)


def _stopped(pending: str | None) -> str:
    """Where it stopped, by what the database says of the password that is pending."""
    match pending:
        case None | "empty":
            return "done: none of the four steps; stopped at createSecret"
        case "accepted":
            return "done: createSecret, setSecret; stopped at testSecret or finishSecret"
        case "refused":
            return "done: createSecret; stopped at setSecret"
        case _:
            return "done: createSecret; what came of the others the database does not say"


def unstick(name: str, version: str) -> str:
    """The commands that end a rotation that is stuck, and begin another.

    Only once AWSCURRENT is known to open the database: the label may be all that leads to the
    password that does.

    >>> unstick("s", "v1").count("aws secretsmanager")
    2
    """
    return (
        f"to end it: aws secretsmanager update-secret-version-stage --secret-id {name}"
        f" --version-stage AWSPENDING --remove-from-version-id {version}, then"
        f" aws secretsmanager rotate-secret --secret-id {name} (which rotates it at once)"
    )
