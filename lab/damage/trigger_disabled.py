"""A trigger that is there and does not fire."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Switch off the audit of orders."""
    connection.execute("ALTER TABLE albedo_orders.orders DISABLE TRIGGER orders_audit")


DAMAGE = Damage(
    description="the audit trigger of albedo_orders.orders is off",
    check="triggers",
    after_restore=damage,
)
