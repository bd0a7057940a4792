"""A page of nothing but zeros, which is a valid page without rows."""

from lab.damage import Connection, Damage, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Zero a page of a table."""
    place = _pages.place_of(connection, "nigredo_leads.private_notes", "id = 7")

    def change(page: _pages.Page) -> None:
        page.content[:] = bytes(_pages.PAGE)

    return _pages.edit(place.file, place.block, change)


DAMAGE = Damage(
    description="a page of nigredo_leads.private_notes is zeroed",
    check="rows",
    at_rest=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
