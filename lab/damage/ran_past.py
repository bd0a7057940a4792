"""A restore that did not stop at the moment it was asked for."""

from datetime import datetime

from lab.damage import Damage


def onward(asked: datetime) -> None:
    """To the end of the archive."""


DAMAGE = Damage(
    description="the restore ran on to the end of the archive",
    check="marker_after",
    restore_time=onward,
)
