"""Known damages: what can be wrong, and the check that must find it.

Each file here holds one, as `DAMAGE`; its name is the file's. A damage of a restore changes the
moment that it goes to, or the restored copy: by statements, or its files while it is stopped. The
source it cannot touch: `inflict` and `aim` refuse. A damage of a rotation or of a bucket is
arranged in the lab before the drill: another rotation function, or an operator who does the wrong
thing at the right moment.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from lab.lab import Lab

Connection = psycopg.Connection[tuple[Any, ...]]

Edit = Callable[[Path], None]
"""What is done to the data directory of a server that is stopped."""


class UnknownDamage(Exception):
    """When no file here has that name."""


class NotACopy(Exception):
    """When a damage is about to be done to a server that was never restored."""


class NotStopped(Exception):
    """When the files of a server that runs are about to be damaged."""


def _as_asked(asked: datetime) -> datetime | None:
    return asked


def _as_restored(connection: Connection) -> None:
    """Leave the copy as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """A damage: what it does in a sentence, and the name of the check that must turn red.

    `kind` is that of the drills which must find it. `restore_time` gets the asked moment and
    returns the one to restore to, None for the end of the archive. `after_restore` gets a
    superuser's connection to the restored database. `at_rest` gets such a connection too, finds
    what to damage, and returns what does it once the server is stopped; where pages carry checksums
    the check may be another, `with_checksums`, unless the damage has `fitting_checksums`, as what
    was written wrongly has. `also` are the checks that turn red beside it. `arrange` gets the lab
    before a drill, and returns what undoes it. A damage with an `only_mode` shows in drills of that
    mode alone.

    `in_whole_drills` is false for one of many that the same part of Verify finds, in the same way:
    the tests of the steps do it to real copies, and those of whole drills leave it out. Where
    `in_steps` is false the score does it (`python -m lab score`), and `only_in_score` is one that
    nothing else can do.
    """

    description: str
    check: str
    also: tuple[str, ...] = ()
    kind: str = "aurora"
    arrange: Callable[[Lab], Callable[[], None]] | None = None
    only_mode: str = ""
    in_whole_drills: bool = True
    in_steps: bool = True
    only_in_score: bool = False
    restore_time: Callable[[datetime], datetime | None] = _as_asked
    after_restore: Callable[[Connection], None] = _as_restored
    at_rest: Callable[[Connection], Edit] | None = None
    with_checksums: str = ""
    fitting_checksums: bool = False
    name: str = ""

    def found_by(self, *, checksums: bool) -> str:
        """The check that must find it, where pages carry checksums or not.

        >>> flipped = Damage(description="", check="rows", with_checksums="checksums")
        >>> flipped.found_by(checksums=False), flipped.found_by(checksums=True)
        ('rows', 'checksums')
        """
        return self.with_checksums if checksums and self.with_checksums else self.check


def list_damages() -> list[Damage]:
    """All of them, by name."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return [
        replace(importlib.import_module(f"{__name__}.{name}").DAMAGE, name=name) for name in names
    ]


def find_damage(name: str) -> Damage:
    """The damage of that name. Raises UnknownDamage that lists the names there are."""
    damages = {damage.name: damage for damage in list_damages()}
    if name not in damages:
        raise UnknownDamage(f"there is no damage {name!r}: expected one of {', '.join(damages)}")
    return damages[name]


def inflict(damage: Damage, connection: Connection) -> None:
    """Do the damage to a restored copy, as far as statements do it. Raises NotACopy."""
    _ask_whether_restored(damage, connection)
    damage.after_restore(connection)


def aim(damage: Damage, connection: Connection) -> Edit:
    """What does the damage to the copy's data directory once it is stopped.

    Raises NotACopy. What is returned raises NotStopped.
    """
    _ask_whether_restored(damage, connection)
    edit = damage.at_rest(connection) if damage.at_rest else None

    def guarded(data: Path) -> None:
        if (data / "postmaster.pid").exists():
            raise NotStopped(f"{damage.name or 'a damage'} is for servers that are stopped")
        if edit:
            edit(data)

    return guarded


def _ask_whether_restored(damage: Damage, connection: Connection) -> None:
    """Raises NotACopy for a server that was never restored.

    The server itself is asked: promotion after a restore begins a new timeline, so a server on its
    first one is an original.
    """
    row = connection.execute("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)").fetchone()
    if row is None or int(row[0], 16) == 1:
        raise NotACopy(f"{damage.name or 'a damage'} is for restored copies only")
