"""A copy that would take the place of its source with a publisher."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Switch the subscription on."""
    connection.execute("ALTER SUBSCRIPTION prices ENABLE")


DAMAGE = Damage(
    description="the subscription prices is enabled, and the server allows it workers",
    check="subscriptions_inert",
    after_restore=damage,
)
