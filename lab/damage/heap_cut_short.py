"""A file that lacks its last page."""

import os
from pathlib import Path

from lab.damage import Connection, Damage, Edit, _pages


def damage(connection: Connection) -> Edit:
    """Cut the file of a table short by a page."""
    file = _pages.file_of(connection, "nigredo_leads.private_notes")

    def cut(data: Path) -> None:
        path = data / file
        os.truncate(path, path.stat().st_size - _pages.PAGE)

    return cut


DAMAGE = Damage(
    description="the file of nigredo_leads.private_notes lacks its last page",
    check="rows",
    at_rest=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
