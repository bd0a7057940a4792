"""A type with a value that the source does not know."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Add a label."""
    connection.execute("ALTER TYPE albedo_orders.order_state ADD VALUE 'returned'")


DAMAGE = Damage(
    description="the type albedo_orders.order_state has one label more",
    check="types",
    after_restore=damage,
    in_whole_drills=False,
)
