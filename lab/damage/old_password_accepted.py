"""A server that lets the user in with whatever password: pg_hba.conf says trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._rotations import ROLE

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Write the line, and take it out again."""
    server = lab.source.server
    assert server is not None
    server.accept_any_password(ROLE, True)
    return lambda: server.accept_any_password(ROLE, False)


DAMAGE = Damage(
    description="the database still accepts the old password, and any other",
    check="old_credential",
    kind="secret_rotation",
    arrange=arrange,
)
