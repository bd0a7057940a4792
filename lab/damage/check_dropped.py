"""A rule that no longer keeps rows out."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop a check constraint."""
    connection.execute("ALTER TABLE albedo_orders.payments DROP CONSTRAINT payments_are_positive")


DAMAGE = Damage(
    description="a check constraint of albedo_orders.payments is missing",
    check="constraints",
    after_restore=damage,
    in_whole_drills=False,
)
