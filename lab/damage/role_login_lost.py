"""An application that cannot log in."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Take its right to."""
    connection.execute("ALTER ROLE fibonacci_app NOLOGIN")


DAMAGE = Damage(
    description="the role fibonacci_app may not log in",
    check="roles",
    after_restore=damage,
    in_whole_drills=False,
)
