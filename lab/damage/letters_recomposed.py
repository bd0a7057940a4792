"""A text that reads the same, of other characters."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Write an accent as a character of its own."""
    _changed.change(
        connection,
        table="nigredo_leads.campaigns",
        which="ctid = (SELECT max(ctid) FROM nigredo_leads.campaigns)",
        tags="ARRAY[tags[1], normalize(tags[2], NFD)]",
    )


DAMAGE = Damage(
    description="a text in nigredo_leads.campaigns has its accents as characters of their own",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
