"""A server on which the real user may not set its own password, and the rehearsal's may."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab import seed
from lab.damage import Damage
from lab.damage._rotations import as_superuser

if TYPE_CHECKING:
    from lab.lab import Lab

SETTING = "rds.restrict_password_commands"


def arrange(lab: Lab) -> Callable[[], None]:
    """Restrict it to the members of rds_password, as RDS can."""
    as_superuser(lab, f"ALTER DATABASE {seed.DATABASE} SET {SETTING} = 'on'")
    return lambda: as_superuser(lab, f"ALTER DATABASE {seed.DATABASE} RESET {SETTING}")


DAMAGE = Damage(
    description="the real user may not set its own password, so its rotation cannot work",
    check="may_set_password",
    kind="secret_rotation",
    arrange=arrange,
)
