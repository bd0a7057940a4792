"""One bit of a value, turned over in the file of a table."""

from lab.damage import Connection, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Turn over a bit of a text."""
    place = _pages.place_of(connection, "nigredo_leads.private_notes", "id = 7")
    row = connection.execute("SELECT body FROM nigredo_leads.private_notes WHERE id = 7").fetchone()
    assert row is not None
    body = row[0].encode()

    def change(page: _pages.Page) -> None:
        page.turn_bit(page.find(place.item, body) + len(body) // 2)

    return _pages.edit(place.file, place.block, change)


DAMAGE = _pages.in_a_page(
    "a bit of a text in the file of nigredo_leads.private_notes is turned over",
    check="rows",
    finds="heap",
    at_rest=damage,
)
