"""What the damages of rotations have in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from psycopg import sql

from functions.secret_rotation.values import CURRENT
from lab import seed
from lab.credentials import Other
from lab.emulator import Call
from lab.lambdas import arn

if TYPE_CHECKING:
    from lab.lab import Lab

ROLE = "backup_drills_rotation"


def with_fault(**fault: Any) -> Callable[[Lab], Callable[[], None]]:
    """Arrange a rotation function with a fault, for every secret that is drilled."""

    def arrange(lab: Lab) -> Callable[[], None]:
        other = Other(module="damaged", environment={"FAULT": json.dumps(fault)})
        names = {drill.rotation_function for drill in lab.configuration.rotations}
        undo = [
            lab.credentials.replace_function(name, other, lab.folder)
            for name in names
            if lab.functions.configuration(name)
        ]

        def put_back() -> None:
            for each in undo:
                each()

        return put_back

    return arrange


def when_rotated(lab: Lab, act: Callable[[str], None]) -> Callable[[], None]:
    """Do something once, when a rotation function has made a version current; what ends that.

    `act` gets the ARN of the secret.
    """
    functions = {arn(drill.rotation_function) for drill in lab.configuration.rotations}
    done: list[str] = []

    def hook(call: Call) -> None:
        moved = call.operation == "UpdateSecretVersionStage" and (
            call.parameters.get("VersionStage") == CURRENT
        )
        by_a_function = call.session is not None and arn(call.session) in functions
        if moved and by_a_function and not done:
            done.append(call.parameters["SecretId"])
            act(call.parameters["SecretId"])

    lab.emulator.after_call.append(hook)
    return lambda: lab.emulator.after_call.remove(hook)


def when_called(lab: Lab, session: str, act: Callable[[], None]) -> Callable[[], None]:
    """Do something once, before the first call of a function whose name begins so; what ends it."""
    done: list[Call] = []

    def hook(call: Call) -> None:
        if (call.session or "").startswith(session) and not done:
            done.append(call)
            act()

    lab.emulator.before_call.append(hook)
    return lambda: lab.emulator.before_call.remove(hook)


def set_password(lab: Lab, user: str, password: str) -> None:
    """Set a user's password on the source, by hand."""
    assert lab.source.server is not None
    with lab.source.server.connect(seed.DATABASE) as connection:
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(password))
        )


def as_superuser(lab: Lab, *statements: str) -> None:
    """Run statements on the source, as nobody in the company may."""
    assert lab.source.server is not None
    with lab.source.server.connect(seed.DATABASE) as connection:
        for statement in statements:
            connection.execute(statement.encode())
