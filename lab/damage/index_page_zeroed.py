"""A page of an index without entries."""

from pathlib import Path

from lab.damage import Connection, Damage, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Zero a page."""
    file = _pages.file_of(connection, "nigredo_leads.consents_pkey")

    def harm(data: Path) -> None:
        block, _ = _pages.leaf_of(data / file)

        def change(page: _pages.Page) -> None:
            page.content[:] = bytes(_pages.PAGE)

        _pages.edit(file, block, change)(data)

    return harm


DAMAGE = Damage(
    description="a page of the index consents_pkey is zeroed",
    check="index",
    also=("index_rows",),
    at_rest=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
