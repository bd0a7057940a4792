"""An extension that did not come back."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop one that no object needs."""
    connection.execute("DROP EXTENSION amcheck")


DAMAGE = Damage(
    description="the extension amcheck is missing",
    check="extensions",
    after_restore=damage,
    in_whole_drills=False,
)
