"""A copy whose library sorts text otherwise than the indexes of the source were made."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Record another version than the library has."""
    connection.execute(
        "UPDATE pg_database SET datcollversion = '1.0' WHERE datname = current_database()"
    )


DAMAGE = Damage(
    description="the library sorts by another version than the database's collation was made with",
    check="collation_versions",
    after_restore=damage,
    in_whole_drills=False,
)
