"""A number that is equal, and written otherwise."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Write another zero behind the point."""
    _changed.change(
        connection,
        table="rubedo_ledger.measurements",
        which="name = 'unit'",
        exact="1.00",
    )


DAMAGE = Damage(
    description="a number in rubedo_ledger.measurements is kept as 1.00, and was 1.0",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
