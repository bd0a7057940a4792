"""A guard of the definitions that does not fire."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Switch it off."""
    connection.execute("ALTER EVENT TRIGGER note_change DISABLE")


DAMAGE = Damage(
    description="the event trigger note_change is off",
    check="event_triggers",
    after_restore=damage,
    in_whole_drills=False,
)
