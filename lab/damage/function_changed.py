"""A function that does something else."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Let the total of every order be nothing."""
    connection.execute(
        "CREATE OR REPLACE FUNCTION albedo_orders.order_total(wanted bigint) RETURNS numeric"
        " LANGUAGE sql STABLE AS 'SELECT 0::numeric'"
    )


DAMAGE = Damage(
    description="the function albedo_orders.order_total has another body",
    check="functions",
    after_restore=damage,
    in_whole_drills=False,
)
