"""Somebody else who rotates the same secret at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.emulator import Call

if TYPE_CHECKING:
    from lab.lab import Lab

PATIENCE_SECONDS = 60.0


def arrange(lab: Lab) -> Callable[[], None]:
    """Rotate once more, to the end, just before Verify looks."""
    done: list[str] = []

    def hook(call: Call) -> None:
        verifies = (call.session or "").startswith("drill-rotation-verify-")
        if verifies and call.operation == "DescribeSecret" and not done:
            done.append(call.parameters["SecretId"])
            secrets = lab.emulator.client("secretsmanager")
            secrets.rotate_secret(SecretId=done[0])
            lab.emulator.secrets.wait(done[0], PATIENCE_SECONDS)

    lab.emulator.before_call.append(hook)
    return lambda: lab.emulator.before_call.remove(hook)


DAMAGE = Damage(
    description="another rotation of the same secret comes in between",
    check="version_stages",
    kind="secret_rotation",
    arrange=arrange,
)
