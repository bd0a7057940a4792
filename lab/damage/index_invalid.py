"""An index that is there and that no query may use."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Mark it as a build that never ended."""
    connection.execute(
        "UPDATE pg_index SET indisvalid = false"
        " WHERE indexrelid = 'albedo_orders.orders_customer'::regclass"
    )


DAMAGE = Damage(
    description="the index albedo_orders.orders_customer is invalid",
    check="indexes",
    after_restore=damage,
    in_whole_drills=False,
)
