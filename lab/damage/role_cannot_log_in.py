"""A copy that the verifier cannot enter."""

from lab.damage import Connection, Damage


def lock_out(connection: Connection) -> None:
    """Take the verifier's right to log in."""
    connection.execute("ALTER ROLE backup_drills_verifier NOLOGIN")


DAMAGE = Damage(
    description="the role backup_drills_verifier may not log in",
    check="login",
    after_restore=lock_out,
)
