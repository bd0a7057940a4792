"""A number within a document that is equal, and written otherwise."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Write zeros behind the point."""
    _changed.change(
        connection,
        table="albedo_orders.products",
        which="ctid = (SELECT max(ctid) FROM albedo_orders.products)",
        attributes="attributes"
        " || jsonb_build_object('stock', (attributes->>'stock')::numeric + 0.00)",
    )


DAMAGE = Damage(
    description="a number in a document of albedo_orders.products has zeros behind its point",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
