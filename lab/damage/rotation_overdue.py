"""A real secret whose next rotation is a month late, and nobody has noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lab.damage import Damage

if TYPE_CHECKING:
    from lab.lab import Lab

LATE = timedelta(days=30)


def arrange(lab: Lab) -> Callable[[], None]:
    """Set the date back, and forth again."""
    secrets, name = lab.emulator.secrets, lab.credentials.secrets[0]
    secrets.set_next_rotation(name, datetime.now(UTC) - LATE)
    return lambda: secrets.set_next_rotation(name, datetime.now(UTC) + LATE)


DAMAGE = Damage(
    description="the real secret should have been rotated a month ago",
    check="rotation_on_time",
    kind="secret_rotation",
    arrange=arrange,
)
