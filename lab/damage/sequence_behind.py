"""A sequence that will hand out numbers that were used."""

from lab.damage import Connection, Damage


def damage(connection: Connection) -> None:
    """Set back one that stands alone."""
    connection.execute("SELECT setval('rubedo_ledger.invoice_numbers', 20010)")


DAMAGE = Damage(
    description="the sequence rubedo_ledger.invoice_numbers has gone back",
    check="sequence_values",
    after_restore=damage,
    in_whole_drills=False,
)
