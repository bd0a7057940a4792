"""A long value that is kept apart from its row."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Let its last letter be another."""
    _changed.change(
        connection,
        table="albedo_orders.invoices",
        which="ctid = (SELECT max(ctid) FROM albedo_orders.invoices)",
        document="left(document, -1) || 'x'",
    )


DAMAGE = Damage(
    description="the last letter of a long document of albedo_orders.invoices is another",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
