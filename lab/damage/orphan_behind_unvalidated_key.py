"""A row whose partner did not come back, behind a key that older rows are not held to."""

from lab.damage import Connection, Damage, _frozen


def damage(connection: Connection) -> None:
    """Let an invoice refer to a customer who is not there."""
    _frozen.replace(
        connection,
        table="albedo_orders.invoices",
        which="number = (SELECT min(number) FROM albedo_orders.invoices)",
        by="SELECT number, -1 AS customer_id, issued_on, document FROM albedo_orders.invoices"
        " ORDER BY number LIMIT 1",
    )


DAMAGE = Damage(
    description="a row of albedo_orders.invoices refers to a customer who is missing",
    check="foreign_keys",
    also=("rows",),
    after_restore=damage,
    in_whole_drills=False,
)
