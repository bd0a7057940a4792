"""A user that may not set its own password back when the rotation has to be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._rotations import ROLE, as_superuser, when_called

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Let the user write nothing any more, once the rotation was verified."""

    def forbid() -> None:
        as_superuser(lab, f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")

    end = when_called(lab, "drill-rotation-verify-unit-", forbid)

    def undo() -> None:
        end()
        as_superuser(lab, f"ALTER ROLE {ROLE} RESET default_transaction_read_only")

    return undo


DAMAGE = Damage(
    description="the password cannot be set back to the old one",
    check="rollback",
    kind="secret_rotation",
    arrange=arrange,
)
