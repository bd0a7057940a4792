"""A real secret that no longer opens the database: somebody has set the password by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab import seed
from lab.damage import Damage
from lab.damage._rotations import set_password

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Set another password, and then the one that the secret holds."""
    held = lab.credentials.value(lab.credentials.secrets[0])
    set_password(lab, seed.APPLICATION, "of-nobody-that-a-secret-holds")
    return lambda: set_password(lab, seed.APPLICATION, held["password"])


DAMAGE = Damage(
    description="the database refuses the password that the real secret holds",
    check="source_login",
    kind="secret_rotation",
    arrange=arrange,
)
