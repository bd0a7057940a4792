"""One value of one row."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Let one rate be a little higher."""
    _changed.change(
        connection,
        table="rubedo_ledger.exchange_rates",
        which="ctid = (SELECT max(ctid) FROM rubedo_ledger.exchange_rates)",
        rate="rate + 0.01",
    )


DAMAGE = Damage(
    description="one value of one row of rubedo_ledger.exchange_rates is another",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
