"""A rule that no longer keeps rows in."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop it."""
    connection.execute("DROP RULE accounts_are_for_ever ON rubedo_ledger.accounts")


DAMAGE = Damage(
    description="the rule of rubedo_ledger.accounts is missing",
    check="rules",
    after_restore=damage,
    in_whole_drills=False,
)
