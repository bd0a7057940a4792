"""A large object with another byte in it."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Write one byte of one of them."""
    connection.execute("SELECT lo_put(min(oid), 100, 'x') FROM pg_largeobject_metadata")


DAMAGE = Damage(
    description="a byte of one of the large objects is another",
    check="large_objects",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
