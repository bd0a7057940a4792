"""Two rows that changed a value with each other: no sum over columns sees it."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Let two currencies have each other's rate."""
    _changed.change(
        connection,
        table="rubedo_ledger.exchange_rates",
        which="ctid IN (SELECT ctid FROM rubedo_ledger.exchange_rates ORDER BY ctid DESC LIMIT 2)",
        rate="(SELECT sum(other.rate) FROM kept AS other) - rate",
    )


DAMAGE = Damage(
    description="two rows of rubedo_ledger.exchange_rates have each other's rate",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
