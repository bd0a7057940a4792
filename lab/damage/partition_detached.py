"""A partition that is there, and no longer belongs to its table."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Detach it; its rows stay."""
    connection.execute(
        "ALTER TABLE nigredo_leads.lead_events DETACH PARTITION nigredo_leads.lead_events_other"
    )


DAMAGE = Damage(
    description="nigredo_leads.lead_events_other is no partition any more",
    check="tables",
    after_restore=damage,
    in_whole_drills=False,
)
