"""A foreign key that stands in the catalog and is not enforced."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Switch off the triggers that enforce it."""
    connection.execute("ALTER TABLE albedo_orders.orders DISABLE TRIGGER ALL")
    connection.execute("ALTER TABLE albedo_orders.orders ENABLE TRIGGER USER")


DAMAGE = Damage(
    description="the foreign keys of albedo_orders.orders are not enforced",
    check="constraints",
    after_restore=damage,
    in_whole_drills=False,
)
