"""A server that has stopped insisting on encryption: rds.force_ssl is 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.damage import Damage
from lab.damage._rotations import when_rotated

if TYPE_CHECKING:
    from lab.lab import Lab


def arrange(lab: Lab) -> Callable[[], None]:
    """Let clients in that do not encrypt, once the rotation is over."""
    front = lab.source.front

    def open_up(_: str) -> None:
        front.requires_tls = False

    end = when_rotated(lab, open_up)

    def undo() -> None:
        end()
        front.requires_tls = True

    return undo


DAMAGE = Damage(
    description="the database no longer refuses connections in the clear",
    check="tls_required",
    kind="secret_rotation",
    arrange=arrange,
)
