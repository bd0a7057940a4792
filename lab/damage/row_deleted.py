"""One row of many."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Delete it."""
    connection.execute(
        "DELETE FROM rubedo_ledger.exchange_rates"
        " WHERE ctid = (SELECT min(ctid) FROM rubedo_ledger.exchange_rates)"
    )


DAMAGE = Damage(
    description="one row of rubedo_ledger.exchange_rates is missing",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
