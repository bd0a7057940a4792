"""Statistics for the planner that did not come back."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop them."""
    connection.execute("DROP STATISTICS rubedo_ledger.journal_of_accounts")


DAMAGE = Damage(
    description="the statistics rubedo_ledger.journal_of_accounts are missing",
    check="statistics",
    after_restore=damage,
    in_whole_drills=False,
)
