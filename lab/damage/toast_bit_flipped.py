"""One bit of a long value, turned over in the file where it is kept apart from its row."""

from lab.damage import Connection, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Turn over a bit of a document."""
    row = connection.execute(
        "SELECT reltoastrelid::regclass::text FROM pg_class"
        " WHERE oid = 'albedo_orders.invoices'::regclass"
    ).fetchone()
    assert row is not None
    place = _pages.place_of(connection, row[0], "chunk_seq = 0")

    def change(page: _pages.Page) -> None:
        page.turn_bit(page.begin(place.item) + page.length(place.item) // 2)

    return _pages.edit(place.file, place.block, change)


DAMAGE = _pages.in_a_page(
    "a bit of a long document of albedo_orders.invoices is turned over",
    check="rows",
    finds="heap",
    at_rest=damage,
)
