"""A setting of the database that did not come back."""

from psycopg import sql

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Reset it."""
    connection.execute(
        sql.SQL("ALTER DATABASE {} RESET default_statistics_target").format(
            sql.Identifier(connection.info.dbname)
        )
    )


DAMAGE = Damage(
    description="a setting of the database is lost",
    check="settings",
    after_restore=damage,
    in_whole_drills=False,
)
