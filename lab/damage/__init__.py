"""Known damages: what can be wrong, and the check that must find it.

Each file here holds one, as `DAMAGE`; its name is the file's. A damage of a restore changes the
moment that it goes to, or the restored copy. The source it cannot touch: `inflict` refuses. A
damage of a rotation or of a bucket is arranged in the lab before the drill: another rotation
function, or an operator who does the wrong thing at the right moment.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from lab.lab import Lab

Connection = psycopg.Connection[tuple[Any, ...]]


class UnknownDamage(Exception):
    """When no file here has that name."""


class NotACopy(Exception):
    """When a damage is about to be done to a server that was never restored."""


def _as_asked(asked: datetime) -> datetime | None:
    return asked


def _as_restored(connection: Connection) -> None:
    """Leave the copy as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """A damage: what it does in a sentence, and the name of the check that must turn red.

    `kind` is that of the drills which must find it. `restore_time` gets the asked moment and
    returns the one to restore to, None for the end of the archive. `after_restore` gets a
    superuser's connection to the restored database. `arrange` gets the lab before a drill, and
    returns what undoes it. A damage with an `only_mode` shows in drills of that mode alone.
    `in_whole_drills` is false for one of many that the same part of Verify finds, in the same way:
    the tests of the steps do it to real copies, and those of whole drills leave it out.
    """

    description: str
    check: str
    kind: str = "aurora"
    arrange: Callable[[Lab], Callable[[], None]] | None = None
    only_mode: str = ""
    in_whole_drills: bool = True
    restore_time: Callable[[datetime], datetime | None] = _as_asked
    after_restore: Callable[[Connection], None] = _as_restored
    name: str = ""


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
    """Do the damage to a restored copy.

    Raises NotACopy for any other server. The guard asks the server itself: promotion after a
    restore begins a new timeline, so a server on its first one is an original.
    """
    row = connection.execute("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)").fetchone()
    if row is None or int(row[0], 16) == 1:
        raise NotACopy(f"{damage.name or 'a damage'} is for restored copies only")
    damage.after_restore(connection)
