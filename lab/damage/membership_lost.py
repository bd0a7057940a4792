"""A role that is no longer in the one it has its rights by."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Take the administrator out."""
    connection.execute("REVOKE rds_superuser FROM fibonacci_admin")


DAMAGE = Damage(
    description="fibonacci_admin is not in rds_superuser",
    check="memberships",
    after_restore=damage,
    in_whole_drills=False,
)
