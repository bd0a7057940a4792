"""A list whose first place has another number."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Count its places from nought."""
    _changed.change(
        connection,
        table="albedo_orders.products",
        which="ctid = (SELECT max(ctid) FROM albedo_orders.products)",
        dimensions_mm="('[0:2]=' || dimensions_mm::text)::integer[]",
    )


DAMAGE = Damage(
    description="the places of a list in albedo_orders.products are counted from nought",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
