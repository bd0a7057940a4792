"""Letters that a column takes for equal."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Write a name in capitals."""
    _changed.change(
        connection,
        table="nigredo_leads.sources",
        which="name = 'Fax'",
        name="upper(name::text)",
    )


DAMAGE = Damage(
    description="a name in nigredo_leads.sources is in capitals, which its type takes for the same",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
