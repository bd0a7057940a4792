"""What a call of the witness is given, where nothing of it is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from functions.aurora.database import Login
from functions.aurora.witness_work import Load, Source, Work
from lab.driven import Shelf, drill, plan, plenty

LOGIN: Final = Login(host="source", port=5432, database="d", user="u", password=str, ca_file=Path())


def a_work(*, schemas: list[str], **changes: Any) -> Work:
    """A call with all the time it wants, and an empty shelf of evidence."""
    return Work(
        source=Source(reader=LOGIN, writer=LOGIN),
        drill=drill(database="shop", schemas=schemas) | changes,
        plan=plan(),
        evidence=Shelf(),
        remaining_seconds=plenty,
        slice_bytes=1 << 20,
        pause=lambda _: None,
        load=Load(),
    )
