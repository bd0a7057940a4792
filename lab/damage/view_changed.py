"""A view that shows something else."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Let it show leads that were lost."""
    connection.execute(
        "CREATE OR REPLACE VIEW nigredo_leads.open_leads AS"
        " SELECT leads.id, leads.full_name, campaigns.name AS campaign"
        " FROM nigredo_leads.leads"
        " JOIN nigredo_leads.campaigns ON campaigns.id = leads.campaign_id"
        " WHERE leads.status IN ('new', 'lost')"
    )


DAMAGE = Damage(
    description="the view nigredo_leads.open_leads has another query",
    check="views",
    after_restore=damage,
    in_whole_drills=False,
)
