"""A zero without its sign."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Take the sign away."""
    _changed.change(
        connection,
        table="rubedo_ledger.measurements",
        which="name = 'zero'",
        rough="0",
    )


DAMAGE = Damage(
    description="a negative zero in rubedo_ledger.measurements has lost its sign",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
