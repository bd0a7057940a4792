"""A server that lets the user in with whatever password: pg_hba.conf says trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._rotations import ROLE, when_rotated

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Write the line once the rotation is over, and take it out again."""
    server = lab.source.server
    assert server is not None
    end = when_rotated(lab, lambda _: server.accept_any_password(ROLE, True))

    def undo() -> None:
        end()
        server.accept_any_password(ROLE, False)

    return undo


DAMAGE = Damage(
    description="the database still accepts the old password, and any other",
    check="old_credential",
    kind="secret_rotation",
    arrange=arrange,
)
