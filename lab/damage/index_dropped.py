"""An index that did not come back."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop an index that no constraint needs."""
    connection.execute("DROP INDEX nigredo_leads.leads_created_at")


DAMAGE = Damage(
    description="the index nigredo_leads.leads_created_at is missing",
    check="indexes",
    after_restore=damage,
    in_whole_drills=False,
)
