"""A rotation function for those who have none: PostgreSQL, a single user, four steps.

Secrets Manager calls it with `Step`, `SecretId` and `ClientRequestToken`, in the order
createSecret, setSecret, testSecret, finishSecret, and all over again after a failure. So each step
looks first whether its work is done, and a rotation that was left half done is healed by the next.
TLS is always verified; a secret's value is never logged, and in no error.
"""

from __future__ import annotations

import secrets as randomness
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger

from functions.certificates import ca_file
from functions.errors import DrillError, LoginRefused
from functions.secret_rotation import credential, login, secrets
from functions.secret_rotation.secrets import NoValue
from functions.secret_rotation.values import (
    CURRENT,
    PENDING,
    PREVIOUS,
    Credential,
    Secret,
    Strategy,
)

PASSWORD_LENGTH: Final = 40
ALPHABET: Final = string.ascii_letters + string.digits + "-._~"
"""What no URL, connection string, shell or JSON text needs to escape: 66 characters, 241 bits."""

logger = Logger(service="backup-drills")


class RotationFailed(DrillError):
    """When a step cannot be done: Secrets Manager tries the whole rotation again."""


def handler(event: Mapping[str, Any], _: object) -> None:
    """Do one step of a rotation. Raises RotationFailed, and what the database and AWS raise."""
    step, arn, token = event["Step"], event["SecretId"], event["ClientRequestToken"]
    logger.clear_state()
    logger.append_keys(step=step, secret=arn, version=token)
    if step not in _STEPS:
        raise RotationFailed(f"Step: {step}: expected one of {', '.join(_STEPS)}")
    secret = secrets.describe(arn)
    if secret is None:
        raise RotationFailed(f"SecretId: {arn}: not found: expected a secret")
    stages = secret.stages.get(token, ())
    if CURRENT in stages:
        logger.info("current already")
        return
    if PENDING not in stages:
        raise RotationFailed(f"ClientRequestToken: {token}: expected a version with AWSPENDING")
    _STEPS[step](secret, token)
    logger.info("done")


def create_secret(secret: Secret, token: str) -> None:
    """Store a version with a new password, unless an earlier attempt has stored it."""
    try:
        secrets.value(secret.arn, version=token)
    except NoValue:
        text = secrets.value(secret.arn)
        _single(text, secret.name)
        fresh = credential.with_password(text, new_password())
        secrets.put(secret.arn, text=fresh, token=token, stages=(PENDING,))


def set_secret(secret: Secret, token: str) -> None:
    """Let the user set its own password to the new one, logged in with one that works."""
    pending = _held(secret, token)
    current = _held(secret, secret.version(CURRENT))
    for key, value in current.facts().items():
        if pending.facts()[key] != value:
            raise RotationFailed(f"{key}: differs between AWSPENDING and AWSCURRENT")
    if pending.username != current.username:
        raise RotationFailed("username: differs between AWSPENDING and AWSCURRENT")
    if login.answered(pending, ca_file=ca_file()).accepted:
        return
    previous = secret.version(PREVIOUS)
    for version in (secret.version(CURRENT), previous):
        if not version:
            continue
        held = _held(secret, version)
        if (held.host, held.username) != (current.host, current.username):
            continue
        try:
            with login.session(held, ca_file=ca_file()) as session:
                session.change_own_password(held.username, pending.password)
                return
        except LoginRefused as refusal:
            logger.info("refused", tried=version, sqlstate=refusal.sqlstate)
    raise RotationFailed("neither AWSPENDING nor AWSCURRENT nor AWSPREVIOUS opens the database")


def test_secret(secret: Secret, token: str) -> None:
    """Log in with the new password."""
    with login.session(_held(secret, token), ca_file=ca_file()) as session:
        session.all("who")


def finish_secret(secret: Secret, token: str) -> None:
    """Make the new version the current one."""
    secrets.move_current(secret.arn, to=token, off=secret.version(CURRENT))


_STEPS: Final[Mapping[str, Callable[[Secret, str], None]]] = {
    "createSecret": create_secret,
    "setSecret": set_secret,
    "testSecret": test_secret,
    "finishSecret": finish_secret,
}


def new_password() -> str:
    """A random password without a character that breaks a connection string.

    >>> len(new_password()), set(new_password()) <= set(ALPHABET)
    (40, True)
    """
    return "".join(randomness.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))


def _held(secret: Secret, version: str) -> Credential:
    return _single(secrets.value(secret.arn, version=version), secret.name)


def _single(text: str, name: str) -> Credential:
    found = credential.read(text, name=name)
    if found.strategy is not Strategy.SINGLE:
        raise RotationFailed(
            "masterarn: present: expected a secret of a single user; this function has no other way"
        )
    return found
