"""A row that was written after the first reading and before the restore point."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Delete the newest one."""
    connection.execute(
        "DELETE FROM rubedo_ledger.journal WHERE id = (SELECT max(id) FROM rubedo_ledger.journal)"
    )


DAMAGE = Damage(
    description="the last row written to rubedo_ledger.journal before the restore point is missing",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
