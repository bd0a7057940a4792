"""A row that was deleted long before, and is there again."""

from lab.damage import Connection, Damage, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Forget that a row was deleted."""
    file = _pages.file_of(connection, "albedo_orders.countries")

    def change(page: _pages.Page) -> None:
        for number in page.items():
            row = _pages.Row(page, number)
            if row.xmax and not row.mask & _pages.XMAX_INVALID:
                row.xmax, row.mask = 0, row.mask & ~_pages.XMAX_COMMITTED | _pages.XMAX_INVALID

    return _pages.edit(file, 0, change)


DAMAGE = Damage(
    description="a row of albedo_orders.countries is there that was deleted long before",
    check="rows",
    fitting_checksums=True,
    at_rest=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
