"""Tables to come that nobody will be allowed to read."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Take back what was granted by default."""
    connection.execute(
        "ALTER DEFAULT PRIVILEGES FOR ROLE fibonacci_admin IN SCHEMA nigredo_leads"
        " REVOKE SELECT ON TABLES FROM fibonacci_reporting"
    )


DAMAGE = Damage(
    description="what fibonacci_admin grants by default is lost",
    check="default_privileges",
    after_restore=damage,
    in_whole_drills=False,
)
