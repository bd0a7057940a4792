"""A user that comes out of the rotation with less than it went in with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._rotations import ROLE, as_superuser, when_rotated

if TYPE_CHECKING:
    from lab.lab import Lab

GROUP = "fibonacci_reporting"


def arrange(lab: Lab) -> Callable[[], None]:
    """Make the user a member of a group, and take that away when the rotation is over."""
    as_superuser(lab, f"GRANT {GROUP} TO {ROLE}")
    end = when_rotated(lab, lambda _: as_superuser(lab, f"REVOKE {GROUP} FROM {ROLE}"))

    def undo() -> None:
        end()
        as_superuser(lab, f"REVOKE {GROUP} FROM {ROLE}")

    return undo


DAMAGE = Damage(
    description="the user has lost its membership in fibonacci_reporting",
    check="grants",
    kind="secret_rotation",
    arrange=arrange,
)
