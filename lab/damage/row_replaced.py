"""A row that gave way to another one: as many as before."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Let another day have its place."""
    _changed.change(
        connection,
        table="rubedo_ledger.exchange_rates",
        which="ctid = (SELECT max(ctid) FROM rubedo_ledger.exchange_rates)",
        day="day - 10000",
    )


DAMAGE = Damage(
    description="a row of rubedo_ledger.exchange_rates gave way to one that never was",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
