"""A day that became twenty-four hours."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Count the days in hours."""
    _changed.change(
        connection,
        table="nigredo_leads.segments",
        which="ctid = (SELECT max(ctid) FROM nigredo_leads.segments)",
        patience="make_interval(secs => extract(epoch FROM patience)::double precision)",
    )


DAMAGE = Damage(
    description="an interval in nigredo_leads.segments is kept in hours, and was in days",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
