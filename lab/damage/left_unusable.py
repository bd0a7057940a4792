"""A rehearsal after which no version of its secret opens the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._rotations import ROLE, set_password, when_called

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Set a password that no secret holds, just before Teardown; then run the setup again."""
    drill = next(each for each in lab.configuration.rotations if each.role == ROLE)
    end = when_called(
        lab,
        "drill-rotation-teardown-",
        lambda: set_password(lab, ROLE, "of-nobody-that-a-secret-holds"),
    )

    def undo() -> None:
        end()
        lab.credentials.install(drill.rehearsal_secret, ROLE, lab.source)

    return undo


DAMAGE = Damage(
    description="the rehearsal's secret no longer opens the database when the drill ends",
    check="torn_down",
    kind="secret_rotation",
    arrange=arrange,
)
