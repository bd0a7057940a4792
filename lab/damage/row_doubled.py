"""A row that is there twice, in a table without a key."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Write a row once more, as if it had always been there."""
    row = connection.execute(
        "INSERT INTO rubedo_ledger.turnstile SELECT * FROM rubedo_ledger.turnstile LIMIT 1"
        " RETURNING ctid::text"
    ).fetchone()
    assert row is not None
    _changed.freeze(connection, table="rubedo_ledger.turnstile", places=[row[0]])


DAMAGE = Damage(
    description="a row of rubedo_ledger.turnstile is there twice",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
