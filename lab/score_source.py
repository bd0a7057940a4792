"""The source of a score: the sample company under its writer, witnessed once, restored once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from functions import clock
from functions.aurora.witness_work import Source
from lab import driven, seed
from lab.authority import Authority
from lab.damage import Damage
from lab.driven import Drilled, Premises, Shelf, see
from lab.postgres import Server, find_binaries
from lab.score_copies import Copies, opened
from lab.seed.writer import WriterProcess

SCALE = 0.05
BEFORE_SECONDS = 6.0
"""How long the writer has written before the witness begins: a restore may stop so much earlier."""

AFTER = timedelta(seconds=4)
"""How long it goes on after the restore point: a restore may run so far past it."""

_USUAL = driven.drill(
    database=seed.DATABASE,
    schemas=seed.SCHEMAS,
    integrity={
        "level": "full",
        "budget_seconds": 600,
        "foreign_keys": "all",
        "required": True,
    },
)
SETTINGS = _USUAL | {"timing": _USUAL["timing"] | {"login_seconds": 1}}

_SETUP = Path(__file__).with_name("score.sql")
_PASSWORD = f"ALTER ROLE {driven.VERIFIER} PASSWORD '{driven.SECRET}'"  # a lab's, and nobody else's


@dataclass(frozen=True, kw_only=True)
class Estate:
    """Servers, the source (stopped by now), and what was witnessed of it."""

    copies: Copies
    premises: Premises
    drilled: Drilled

    @property
    def restore_time(self) -> datetime:
        """The restore point."""
        return clock.parse(self.drilled.witnessed["restore_time"])

    def restore(self, name: str, damage: Damage | None = None) -> Server:
        """A running copy as of the restore point, or of where a damage leads the restore."""
        until: datetime | None = self.restore_time
        if damage is not None:
            until = damage.restore_time(self.restore_time)
        return self.copies.restore(name, source=self.premises.source, until=until)

    def judge(self, copy: Server) -> driven.Outcome:
        """What Verify says of a copy that runs."""
        with opened(self.premises, copy):
            return driven.judge(
                self.premises.login(copy),
                self.drilled.witnessed,
                self.drilled.fresh(),
                settings=SETTINGS,
            )

    def close(self) -> None:
        """End everything."""
        self.premises.close()


def make(
    folder: Path, binaries: Path | None = None, *, tell: Callable[[str], None], environment: Any
) -> Estate:
    """Make the source, let it be written, witness it, and stop it once all is archived.

    Raises PostgresError, WriterFailed, and what the witness raises.
    """
    copies = Copies(folder=folder, binaries=binaries or find_binaries(environment))
    try:
        tell(f"starting PostgreSQL {copies.version} with the sample company in it")
        source = copies.create("source")
        premises = Premises(copies, Authority(folder), source, seed.DATABASE)
        seed.load(source, scale=SCALE)
        premises.run(_SETUP.read_text(encoding="utf-8"))
        premises.run(_PASSWORD)
        premises.run("DELETE FROM albedo_orders.countries WHERE code = 'XA'")
        source.back_up()
        drilled = _witness(premises, folder, tell)
    except BaseException:
        copies.stop()
        raise
    return Estate(copies=copies, premises=premises, drilled=drilled)


def _witness(premises: Premises, folder: Path, tell: Callable[[str], None]) -> Drilled:
    source = premises.source
    writer = WriterProcess(source, folder=folder)
    try:
        time.sleep(BEFORE_SECONDS)
        tell("witnessing it while it is written")
        shelf = Shelf()
        with opened(premises, source):
            login = premises.login(source)
            witnessed = see(Source(reader=login, writer=login), shelf, settings=SETTINGS)
        while source.archive_now() <= clock.parse(witnessed["restore_time"]) + AFTER:
            time.sleep(0.1)
    finally:
        writer.stop()
    source.archive_now()
    source.stop()
    return Drilled(shelf, witnessed)
