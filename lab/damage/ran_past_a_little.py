"""A restore that goes a little too far."""

from datetime import datetime, timedelta

from lab.damage import Damage

LATE = timedelta(seconds=2)


def later(asked: datetime) -> datetime:
    """A moment from after the second marker, which is written in the first second after T."""
    return asked + LATE


DAMAGE = Damage(
    description="the restore stopped two seconds after the asked moment",
    check="marker_after",
    restore_time=later,
    in_whole_drills=False,
    in_steps=False,
)
