"""A table that shows every row to everybody."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Switch off row security."""
    connection.execute("ALTER TABLE nigredo_leads.private_notes DISABLE ROW LEVEL SECURITY")


DAMAGE = Damage(
    description="row security of nigredo_leads.private_notes is off",
    check="tables",
    after_restore=damage,
    in_whole_drills=False,
)
