"""A policy of row security that did not come back."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Drop it."""
    connection.execute("DROP POLICY everybody ON nigredo_leads.private_notes")


DAMAGE = Damage(
    description="the policy of nigredo_leads.private_notes is missing",
    check="policies",
    after_restore=damage,
    in_whole_drills=False,
)
