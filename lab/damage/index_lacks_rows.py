"""An index that does not lead to every row: whoever asks by it gets no answer, and no error."""

from lab.damage import Connection, Damage, _frozen


def damage(connection: Connection) -> None:
    """Replace a row while its index is not kept."""
    _keep(connection, kept=False)
    _frozen.replace(
        connection,
        table="nigredo_leads.lead_notes",
        which="id = (SELECT min(id) FROM nigredo_leads.lead_notes)",
        by="SELECT * FROM nigredo_leads.lead_notes ORDER BY id LIMIT 1",
    )
    _keep(connection, kept=True)


def _keep(connection: Connection, *, kept: bool) -> None:
    connection.execute(
        "UPDATE pg_index SET indisready = %s"
        " WHERE indexrelid = 'nigredo_leads.lead_notes_lead'::regclass",
        [kept],
    )


DAMAGE = Damage(
    description="the index lead_notes_lead lacks a row of nigredo_leads.lead_notes",
    check="index_rows",
    after_restore=damage,
    in_whole_drills=False,
)
