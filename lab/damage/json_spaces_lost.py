"""A document whose meaning is the same."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Take the spaces out."""
    _changed.change(
        connection,
        table="nigredo_leads.segments",
        which="ctid = (SELECT max(ctid) FROM nigredo_leads.segments)",
        definition="replace(definition::text, ' ', '')::json",
    )


DAMAGE = Damage(
    description="a document of nigredo_leads.segments has lost its spaces",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
