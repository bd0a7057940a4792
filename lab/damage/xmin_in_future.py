"""A row that a transaction has written which has not begun."""

from lab.damage import Connection, Edit, _pages

AHEAD = 1000


def damage(connection: Connection) -> Edit:
    """Write that transaction into the row."""
    place = _pages.place_of(connection, "nigredo_leads.private_notes", "id = 7")
    found = connection.execute("SELECT txid_snapshot_xmax(txid_current_snapshot())").fetchone()
    assert found is not None
    later = found[0] + AHEAD

    def change(page: _pages.Page) -> None:
        row = _pages.Row(page, place.item)
        row.xmin, row.mask = later, row.mask & ~_pages.XMIN_FROZEN

    return _pages.edit(place.file, place.block, change)


DAMAGE = _pages.in_a_page(
    "a row of nigredo_leads.private_notes is of a transaction that has not begun",
    check="heap",
    finds="heap",
    at_rest=damage,
)
