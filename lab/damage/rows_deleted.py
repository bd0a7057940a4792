"""A few rows that did not come back, of a table that nobody writes."""

from lab.damage import Connection, Damage


def delete(connection: Connection) -> None:
    """Delete three rows."""
    connection.execute(
        "DELETE FROM nigredo_leads.consents WHERE ctid IN "
        "(SELECT ctid FROM nigredo_leads.consents ORDER BY email_hash LIMIT 3)"
    )


DAMAGE = Damage(
    description="three of the thousands of rows of nigredo_leads.consents are missing",
    check="rows",
    after_restore=delete,
)
