"""A trigger that did not come back."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop the one that keeps a time stamp."""
    connection.execute("DROP TRIGGER leads_touch ON nigredo_leads.leads")


DAMAGE = Damage(
    description="the trigger of nigredo_leads.leads is missing",
    check="triggers",
    after_restore=damage,
    in_whole_drills=False,
)
