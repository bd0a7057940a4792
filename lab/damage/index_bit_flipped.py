"""One bit of a key, turned over in the file of an index."""

from pathlib import Path

from lab.damage import Connection, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Turn over a bit of a key."""
    file = _pages.file_of(connection, "nigredo_leads.consents_pkey")

    def harm(data: Path) -> None:
        block, item = _pages.leaf_of(data / file)

        def change(page: _pages.Page) -> None:
            page.turn_bit(page.begin(item) + 8 + 20)

        _pages.edit(file, block, change)(data)

    return harm


DAMAGE = _pages.in_a_page(
    "a bit of a key in the file of the index consents_pkey is turned over",
    check="index_rows",
    finds="index",
    at_rest=damage,
)
