"""A page as it was before the last rows were written to it: the disk has lost that write."""

from pathlib import Path

from lab.damage import Connection, Damage, Edit, _pages

LOST = 24
"""Rows, of which the first was written a second or so before the restore point."""


def damage(connection: Connection) -> Edit:
    """Take a page back to what it was."""
    file = _pages.file_of(connection, "rubedo_ledger.journal")

    def lose(data: Path) -> None:
        block = max(n for n, page in _pages.pages(data / file) if len(list(page.items())) > LOST)

        def change(page: _pages.Page) -> None:
            for number in list(page.items())[-LOST:]:
                page.point(number, 0)

        _pages.edit(file, block, change)(data)

    return lose


DAMAGE = Damage(
    description="the last rows that were written to a page of rubedo_ledger.journal are not on it",
    check="rows",
    fitting_checksums=True,
    at_rest=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
