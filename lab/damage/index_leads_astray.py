"""An entry of an index that leads to another row."""

from pathlib import Path

from lab.damage import Connection, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Let an entry lead to the row beside."""
    file = _pages.file_of(connection, "nigredo_leads.consents_pkey")

    def harm(data: Path) -> None:
        block, item = _pages.leaf_of(data / file)

        def change(page: _pages.Page) -> None:
            page.put("H", page.begin(item) + 4, page.get("H", page.begin(item) + 4) ^ 1)

        _pages.edit(file, block, change)(data)

    return harm


DAMAGE = _pages.in_a_page(
    "an entry of the index consents_pkey leads to another row",
    check="index_rows",
    finds="index",
    at_rest=damage,
)
