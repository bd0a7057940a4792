"""A publication that lacks a table."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Take it out."""
    connection.execute("ALTER PUBLICATION warehouse DROP TABLE albedo_orders.order_lines")


DAMAGE = Damage(
    description="the publication warehouse lacks albedo_orders.order_lines",
    check="publications",
    after_restore=damage,
    in_whole_drills=False,
)
