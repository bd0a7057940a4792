"""A pointer of a page that leads nowhere."""

from lab.damage import Connection, Damage, Edit, _pages

NOWHERE = 0xFFFF7FFF


def damage(connection: Connection) -> Edit:
    """Overwrite the pointer to a row."""
    place = _pages.place_of(connection, "nigredo_leads.private_notes", "id = 7")
    return _pages.edit(place.file, place.block, lambda page: page.point(place.item, NOWHERE))


DAMAGE = Damage(
    description="the pointer to a row of nigredo_leads.private_notes leads nowhere",
    check="heap",
    also=("heap", "index_rows", "rows"),
    with_checksums="checksums",
    at_rest=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
