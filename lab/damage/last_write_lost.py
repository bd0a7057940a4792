"""A page as it was before the last row was written to it: the disk has lost that write."""

from pathlib import Path

from lab.damage import Connection, Damage, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Take a page back to what it was."""
    file = _pages.file_of(connection, "rubedo_ledger.journal")

    def lose(data: Path) -> None:
        (block, page) = list(_pages.pages(data / file))[-1]
        last = max(page.items())

        def change(page: _pages.Page) -> None:
            page.point(last, 0)

        _pages.edit(file, block, change)(data)

    return lose


DAMAGE = Damage(
    description="the last row that was written to a page of rubedo_ledger.journal is not on it",
    check="rows",
    fitting_checksums=True,
    at_rest=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
