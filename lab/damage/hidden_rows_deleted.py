"""Rows that did not come back, and that a policy hides from ordinary roles."""

from lab.damage import Connection, Damage


def delete(connection: Connection) -> None:
    """Delete rows of which only a role that bypasses row-level security sees that they are gone."""
    connection.execute(
        "DELETE FROM nigredo_leads.private_notes WHERE id IN "
        "(SELECT id FROM nigredo_leads.private_notes WHERE confidential ORDER BY id LIMIT 5)"
    )


DAMAGE = Damage(
    description="five rows of nigredo_leads.private_notes are missing, all hidden by its policy",
    check="rows",
    after_restore=delete,
)
