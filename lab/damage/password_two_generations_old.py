"""A password that was changed twice since."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Set the one before the last."""
    connection.execute("ALTER ROLE backup_drills_verifier PASSWORD 'the one before the last'")


DAMAGE = Damage(
    description="the password of backup_drills_verifier is the one before the last",
    check="login",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
