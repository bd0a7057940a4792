"""An application that may no longer read what it read."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Take a right away."""
    connection.execute("REVOKE SELECT ON albedo_orders.invoices FROM fibonacci_reporting")


DAMAGE = Damage(
    description="fibonacci_reporting may not read albedo_orders.invoices",
    check="grants",
    after_restore=damage,
    in_whole_drills=False,
)
