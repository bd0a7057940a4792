"""A digit far behind the point."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Let the thirteenth decimal be one."""
    _changed.change(
        connection,
        table="rubedo_ledger.measurements",
        which="name = 'unit'",
        exact="exact + 0.0000000000001",
    )


DAMAGE = Damage(
    description="a number in rubedo_ledger.measurements differs at its thirteenth decimal",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
