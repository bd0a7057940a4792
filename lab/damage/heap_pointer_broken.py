"""A pointer of a page that leads nowhere."""

from lab.damage import Connection, Edit, _pages

NOWHERE = 0xFFFF7FFF


def damage(connection: Connection) -> Edit:
    """Overwrite the pointer to a row."""
    place = _pages.place_of(connection, "nigredo_leads.private_notes", "id = 7")
    return _pages.edit(place.file, place.block, lambda page: page.point(place.item, NOWHERE))


DAMAGE = _pages.in_a_page(
    "the pointer to a row of nigredo_leads.private_notes leads nowhere",
    check="heap",
    finds="heap",
    at_rest=damage,
)
