"""A rotation function that has a fault, which its environment variable FAULT names as JSON.

`fails_at` a step, `dies_before` a step (`once`, or at every attempt), `skips` steps, or puts
another `host` into the new version, or changes the password some `locks_out_seconds` before it
stores it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from functions.certificates import ca_file
from functions.secret_rotation import credential, login, rotate, secrets
from functions.secret_rotation.values import PENDING

FAULT: Mapping[str, Any] = json.loads(os.environ.get("FAULT", "{}"))


class BrokenOnPurpose(Exception):
    """When the fault is to fail."""


def handler(event: Mapping[str, Any], context: object) -> None:
    """Do a step of the rotation, faultily."""
    step = event["Step"]
    if step == FAULT.get("dies_before") and not _has_died():
        os._exit(1)
    if step == FAULT.get("fails_at"):
        raise BrokenOnPurpose(step)
    if step in FAULT.get("skips", ()):
        return
    if "host" in FAULT and step != "finishSecret":
        _with_another_host(step, event["SecretId"], event["ClientRequestToken"])
        return
    if step == "createSecret" and "locks_out_seconds" in FAULT:
        _change_before_storing(event["SecretId"], event["ClientRequestToken"])
    rotate.handler(event, context)


def _change_before_storing(arn: str, token: str) -> None:
    """Set a new password, and let time pass before anybody can know it."""
    text = secrets.value(arn)
    current = credential.read(text, name=arn)
    fresh = replace(current, password=rotate.new_password())
    with login.session(current, ca_file=ca_file()) as session:
        session.change_own_password(current.username, fresh.password)
    time.sleep(FAULT["locks_out_seconds"])
    text = credential.render(text, credential=fresh)
    secrets.put(arn, text=text, token=token, stages=(PENDING,))


def _has_died() -> bool:
    """Whether it has died already, and is to die once only."""
    note = Path(os.environ["TMPDIR"]) / f"died-{FAULT.get('once')}"
    died = note.exists()
    note.touch()
    return died and "once" in FAULT


def _with_another_host(step: str, arn: str, token: str) -> None:
    """The first three steps of a function that writes a wrong host, and uses the right one."""
    text = secrets.value(arn)
    current = credential.read(text, name=arn)
    if step == "createSecret":
        try:
            secrets.value(arn, version=token)
        except secrets.NoValue:
            wrong = replace(current, host=FAULT["host"], password=rotate.new_password())
            text = credential.render(text, credential=wrong)
            secrets.put(arn, text=text, token=token, stages=(PENDING,))
    elif step == "setSecret":
        pending = credential.read(secrets.value(arn, version=token), name=arn)
        right = replace(pending, host=current.host)
        if not login.attempt(right, ca_file=ca_file()).accepted:
            with login.session(current, ca_file=ca_file()) as session:
                session.change_own_password(current.username, pending.password)
