"""A materialized view that came back without its rows."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Leave it as after a restore from a dump."""
    connection.execute("REFRESH MATERIALIZED VIEW rubedo_ledger.monthly_totals WITH NO DATA")


DAMAGE = Damage(
    description="the materialized view rubedo_ledger.monthly_totals is not populated",
    check="views",
    after_restore=damage,
    in_whole_drills=False,
)
