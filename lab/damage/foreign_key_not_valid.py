"""A foreign key of which nobody knows whether the rows obey it."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Mark it as never validated."""
    connection.execute(
        "UPDATE pg_constraint SET convalidated = false"
        " WHERE contype = 'f' AND conrelid = 'rubedo_ledger.journal'::regclass"
    )


DAMAGE = Damage(
    description="the foreign key of rubedo_ledger.journal is not validated",
    check="constraints",
    after_restore=damage,
    in_whole_drills=False,
)
