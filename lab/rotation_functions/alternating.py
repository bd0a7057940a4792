"""A rotation between two users, as AWS's template for PostgreSQL does it, for the lab.

The secret names a superuser's secret (`masterarn`). The function lets the user rest whose password
is current, and sets the password of the other one: `<user>` and `<user>_clone` take turns.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pg8000.native import identifier, literal

from functions.certificates import ca_file
from functions.secret_rotation import credential, login, rotate, secrets
from functions.secret_rotation.values import CURRENT, PENDING, Credential

CLONE = "_clone"


def handler(event: Mapping[str, Any], _: object) -> None:
    """Do one of the four steps."""
    step, arn, token = event["Step"], event["SecretId"], event["ClientRequestToken"]
    secret = secrets.describe(arn)
    if secret is None or PENDING not in secret.stages.get(token, ()):
        return
    text = secrets.value(arn)
    current = credential.read(text, name=arn)
    match step:
        case "createSecret":
            try:
                secrets.value(arn, version=token)
            except secrets.NoValue:
                fresh = replace(
                    current, username=_other(current.username), password=rotate.new_password()
                )
                text = credential.render(text, credential=fresh)
                secrets.put(arn, text=text, token=token, stages=(PENDING,))
        case "setSecret":
            _set(current, credential.read(secrets.value(arn, version=token), name=arn))
        case "testSecret":
            pending = credential.read(secrets.value(arn, version=token), name=arn)
            with login.session(pending, ca_file=ca_file()) as session:
                session.all("who")
        case "finishSecret":
            secrets.move_current(arn, to=token, off=secret.version(CURRENT))
        case _:
            raise ValueError(step)


def _other(user: str) -> str:
    return user.removesuffix(CLONE) if user.endswith(CLONE) else f"{user}{CLONE}"


def _set(current: Credential, pending: Credential) -> None:
    """As the superuser: make the other user if it is not there, and set its password."""
    held = json.loads(secrets.value(current.superuser))
    superuser = replace(current, username=held["username"], password=held["password"])
    user, verifier = identifier(pending.username), literal(login.scram_verifier(pending.password))
    with login.session(superuser, ca_file=ca_file()) as session:
        session.run(
            "DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname ="
            f" {literal(pending.username)}) THEN CREATE ROLE {user} LOGIN;"
            " END IF; END $do$"
        )
        if not os.environ.get("FORGETS_GRANTS") and pending.username.endswith(CLONE):
            session.run(f"GRANT {identifier(current.username)} TO {user}")
        session.run(f"ALTER ROLE {user} PASSWORD {verifier}")
