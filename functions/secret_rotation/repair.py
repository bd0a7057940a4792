"""Where a rotation has stopped, and the exact commands that mend it: for a person to read. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from functions.secret_rotation.values import CURRENT, PENDING, PREVIOUS, Secret


def explain(told: Mapping[str, str | None], *, secret: Secret, token: str) -> str:
    """Which of the four steps are done, what the database accepts, and what to do about it.

    `told` maps a label to accepted, refused, unknown, empty (no value) or None (no such version).
    """
    pending = told[PENDING] if secret.version(PENDING) == token else None
    if secret.pending and secret.pending != token:
        return (
            f"a rotation of somebody else's is in the way; {unstick(secret.name, secret.pending)}"
        )
    done: list[str] = []
    if pending in (None, "empty"):
        stopped = "createSecret"
    elif pending == "unknown":
        done, stopped = ["createSecret"], "a step that cannot be told: the database does not answer"
    elif pending == "accepted":
        done, stopped = ["createSecret", "setSecret"], "testSecret or finishSecret"
    else:
        done, stopped = ["createSecret"], "setSecret"
    sentences = [
        f"done: {', '.join(done) or 'none of the four steps'}; stopped at {stopped}",
    ]
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
    if secret.pending:
        sentences.append(unstick(secret.name, secret.pending))
    return "; ".join(sentences)


def unstick(name: str, version: str) -> str:
    """The commands that end a rotation that is stuck, and begin another.

    >>> unstick("s", "v1").count("aws secretsmanager")
    2
    """
    return (
        f"to end it: aws secretsmanager update-secret-version-stage --secret-id {name}"
        f" --version-stage AWSPENDING --remove-from-version-id {version}, then"
        f" aws secretsmanager rotate-secret --secret-id {name} (which rotates it at once)"
    )
