"""A column that no longer has its default."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop the default."""
    connection.execute("ALTER TABLE nigredo_leads.leads ALTER COLUMN status DROP DEFAULT")


DAMAGE = Damage(
    description="the column nigredo_leads.leads.status has no default",
    check="columns",
    after_restore=damage,
    in_whole_drills=False,
)
