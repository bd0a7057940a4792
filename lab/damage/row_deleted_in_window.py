"""A row that was written between the first reading and the restore point, and did not come back."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Delete one of the newest."""
    # Not the very last: what was written in the last instants before T may be undecided.
    connection.execute(
        "DELETE FROM rubedo_ledger.journal"
        " WHERE id = (SELECT id FROM rubedo_ledger.journal ORDER BY id DESC OFFSET 24 LIMIT 1)"
    )


DAMAGE = Damage(
    description="a row that rubedo_ledger.journal got just before the restore point is missing",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
