"""A table that did not come back."""

from lab.damage import Connection, Damage


def drop(connection: Connection) -> None:
    """Drop a quiet table that no other refers to."""
    connection.execute("DROP TABLE nigredo_leads.import_batches")


DAMAGE = Damage(
    description="the table nigredo_leads.import_batches is missing",
    check="table_present",
    after_restore=drop,
)
