"""A large object that did not come back: it is in no table."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Remove one of them."""
    connection.execute("SELECT lo_unlink(min(oid)) FROM pg_largeobject_metadata")


DAMAGE = Damage(
    description="one of the large objects is missing",
    check="large_objects",
    after_restore=damage,
)
