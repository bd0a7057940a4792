"""A part of a table that is gone with its rows."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop it."""
    connection.execute("DROP TABLE albedo_orders.stock_movements_recife")


DAMAGE = Damage(
    description="the partition albedo_orders.stock_movements_recife is missing, with its rows",
    check="table_present",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
