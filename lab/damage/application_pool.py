"""An application that never reads the secret again: its pool keeps the password for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Let the application keep what it has read."""
    application = lab.credentials.application
    application.pooled = True

    def undo() -> None:
        application.pooled = False

    return undo


DAMAGE = Damage(
    description="the application keeps the password that it has once read",
    check="application",
    kind="secret_rotation",
    arrange=arrange,
    only_mode="live",
)
