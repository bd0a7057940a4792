"""An identity column whose next rows will collide with what is there."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Set its sequence back to the beginning."""
    connection.execute("SELECT setval(pg_get_serial_sequence('nigredo_leads.lead_notes', 'id'), 1)")


DAMAGE = Damage(
    description="the sequence of nigredo_leads.lead_notes.id has begun anew",
    check="sequence_values",
    after_restore=damage,
    in_whole_drills=False,
)
