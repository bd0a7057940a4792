"""Two equal rows that gave way to two others: no exclusive or sees it."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Let both name another door."""
    _changed.change(
        connection,
        table="rubedo_ledger.turnstile",
        which="door = 'north'",
        door="'south'",
    )


DAMAGE = Damage(
    description="two equal rows of rubedo_ledger.turnstile gave way to two other equal ones",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
