"""A function whose clock is wrong, or AWS's: they differ by three minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from lab.damage import Damage

if TYPE_CHECKING:
    from lab.lab import Lab

SKEW = timedelta(minutes=3)


def arrange(lab: Lab) -> Callable[[], None]:
    """Shift the clock of the emulated AWS."""
    lab.emulator.clock_skew = SKEW

    def undo() -> None:
        lab.emulator.clock_skew = timedelta()

    return undo


DAMAGE = Damage(
    description="the clocks of AWS and of the drill's functions differ by three minutes",
    check="clock",
    kind="secret_rotation",
    arrange=arrange,
)
