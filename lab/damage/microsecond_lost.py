"""A moment that is another by a millionth of a second."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Let it be a little later."""
    _changed.change(
        connection,
        table="nigredo_leads.consents",
        which="ctid = (SELECT max(ctid) FROM nigredo_leads.consents)",
        given_at="given_at + interval '1 microsecond'",
    )


DAMAGE = Damage(
    description="a moment in nigredo_leads.consents is later by a microsecond",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
