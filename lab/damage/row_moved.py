"""A row that is in another partition than its key says: of the whole table nothing is missing."""

from lab.damage import Connection, Damage, _changed


def damage(connection: Connection) -> None:
    """Take a row out of one partition, and put it into another past its bounds."""
    connection.execute(
        "UPDATE pg_class SET relispartition = false"
        " WHERE oid = 'albedo_orders.stock_movements_recife'::regclass"
    )
    row = connection.execute(
        "WITH gone AS (DELETE FROM albedo_orders.stock_movements_lisboa WHERE ctid ="
        " (SELECT min(ctid) FROM albedo_orders.stock_movements_lisboa) RETURNING *)"
        " INSERT INTO albedo_orders.stock_movements_recife SELECT * FROM gone"
        " RETURNING ctid::text"
    ).fetchone()
    connection.execute(
        "UPDATE pg_class SET relispartition = true"
        " WHERE oid = 'albedo_orders.stock_movements_recife'::regclass"
    )
    assert row is not None
    _changed.freeze(connection, table="albedo_orders.stock_movements_recife", places=[row[0]])


DAMAGE = Damage(
    description="a row of albedo_orders.stock_movements is in the partition of another warehouse",
    check="rows",
    after_restore=damage,
    in_whole_drills=False,
    in_steps=False,
)
