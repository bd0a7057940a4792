"""A table that the next crash would empty."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Mark it in the catalog: rewriting it would be another damage."""
    connection.execute(
        "UPDATE pg_class SET relpersistence = 'u' WHERE oid = 'albedo_orders.countries'::regclass"
    )


DAMAGE = Damage(
    description="albedo_orders.countries is unlogged",
    check="tables",
    after_restore=damage,
    in_whole_drills=False,
)
