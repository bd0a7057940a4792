"""A restore that ended before the moment it was asked for."""

from datetime import datetime, timedelta

from lab.damage import Damage

EARLY = timedelta(seconds=5)


def earlier(asked: datetime) -> datetime:
    """A moment from before the marker, which is written in the last second before T."""
    return asked - EARLY


DAMAGE = Damage(
    description="the restore stopped five seconds before the asked moment",
    check="marker_before",
    restore_time=earlier,
)
