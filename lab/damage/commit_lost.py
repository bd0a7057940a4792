"""A transaction that was committed, and is not any more."""

from pathlib import Path

from lab.damage import Connection, Damage, Edit, _pages

ABORTED = 0b10
_OF_A_BYTE = 4  # two bits each


def damage(connection: Connection) -> Edit:
    """Let the log of commits say that the oldest one that is in a table was rolled back."""
    file = _pages.file_of(connection, "rubedo_ledger.journal")

    def lose(data: Path) -> None:
        rows = [
            (block, _pages.Row(page, number))
            for block, page in _pages.pages(data / file)
            for number in page.items()
        ]
        young = [(row.xmin, block, row.number) for block, row in rows if not _is_old(row)]
        lost, block, number = min(young)

        def forget(page: _pages.Page) -> None:
            row = _pages.Row(page, number)
            row.mask &= ~_pages.XMIN_FROZEN

        _pages.edit(file, block, forget)(data)
        _roll_back(data, lost)

    return lose


def _is_old(row: _pages.Row) -> bool:
    frozen = row.mask & _pages.XMIN_FROZEN == _pages.XMIN_FROZEN
    return frozen or not row.mask & _pages.XMAX_INVALID


def _roll_back(data: Path, transaction: int) -> None:
    byte, place = divmod(transaction, _OF_A_BYTE)
    with (data / "pg_xact" / "0000").open("r+b") as log:
        log.seek(byte)
        (known,) = log.read(1)
        log.seek(byte)
        log.write(bytes([known & ~(0b11 << 2 * place) | ABORTED << 2 * place]))


DAMAGE = Damage(
    description="the commit of a row of rubedo_ledger.journal is lost from the log of commits",
    check="rows",
    fitting_checksums=True,
    at_rest=damage,
    in_whole_drills=False,
    in_steps=False,
    only_in_score=True,
)
