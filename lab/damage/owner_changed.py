"""A table that belongs to somebody else."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Give it away."""
    connection.execute("ALTER TABLE albedo_orders.products OWNER TO rdsadmin")


DAMAGE = Damage(
    description="albedo_orders.products belongs to rdsadmin",
    check="tables",
    after_restore=damage,
    in_whole_drills=False,
)
