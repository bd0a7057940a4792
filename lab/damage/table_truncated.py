"""A table without its rows."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Empty it."""
    connection.execute("TRUNCATE rubedo_ledger.exchange_rates")


DAMAGE = Damage(
    description="rubedo_ledger.exchange_rates is empty",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
