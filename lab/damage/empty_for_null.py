"""A text of no letters where there was none."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Write a text without letters."""
    _changed.change(
        connection,
        table="albedo_orders.customers",
        which="ctid = (SELECT max(ctid) FROM albedo_orders.customers WHERE tax_id IS NULL)",
        tax_id="''",
    )


DAMAGE = Damage(
    description="a tax id in albedo_orders.customers is an empty text, and was NULL",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
