"""Healthy drills under a hard writer, in a row: no false alarm: `python -m bench.healthy`.

One source, to which `lab.writers` does everything at once that makes a comparison difficult. Again
and again it is witnessed, restored to the restore point and verified, by the functions' own code;
nothing is wrong with the copies, so whatever fails is a false alarm. Exits with 1 if there was one.
The server is the wheel's, or that of DRILLS_POSTGRES_BIN.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from functions import clock
from functions.aurora.witness_work import Source
from functions.model import Check, Status
from lab.authority import Authority
from lab.driven import INSTALL, Outcome, Premises, Reachable, Shelf, drill, judge, plan, see
from lab.postgres import Servers, find_binaries
from lab.standby import standby_of
from lab.writers.hard import SCHEMA, HardWriter, settle_in, writing
from lab.writers.upkeep import RESHAPED

DATABASE: Final = "mill"
LEVELS: Final = ("exact", "bounded", "counted", "none")
EXCUSED: Final = RESHAPED | {DATABASE}
"""Of what nobody need be able to say how it was at a moment: tables that are reshaped, and what is
said of all objects of a kind, some of which are changed again and again."""

ARCHIVE_BYTES: Final = 96 * 1024 * 1024
"""Once more WAL than this is archived, a new base backup is taken, so that replays stay short."""

MOST_SECONDS: Final = 600.0
"""Of writing, for each drill: it is far more than one takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drill:
    """What one drill found: checks by name and target."""

    seconds: float
    rows: int
    levels: Counter[str]
    passed: int
    alarms: list[Check]
    unsure: list[Check]
    excused: list[Check]
    open_at_t: dict[str, int]
    promised: int


@dataclass
class Score:
    """All drills so far."""

    drills: list[Drill] = field(default_factory=list)

    def alarms(self) -> Counter[str]:
        """What failed, by check and target, and in how many drills."""
        return _names(check for drill in self.drills for check in drill.alarms)

    def unsure(self) -> Counter[str]:
        """What nobody could tell, though nothing was reshaped there."""
        return _names(check for drill in self.drills for check in drill.unsure)

    def excused(self) -> Counter[str]:
        """What nobody could tell of what is reshaped all the time."""
        return _names(check for drill in self.drills for check in drill.excused)


def settings() -> dict[str, Any]:
    """A drill that checks all there is."""
    return drill(
        database=DATABASE,
        schemas=[SCHEMA],
        integrity={
            "level": "full",
            "budget_seconds": 600,
            "foreign_keys": "all",
            "required": False,
        },
    )


@contextmanager
def read_from(site: Premises, *, standby: bool) -> Iterator[Reachable]:
    """The server that the witness reads: the source, or a standby of it."""
    if not standby:
        yield site.source
        return
    reader = standby_of(site.servers, site.source, DATABASE)
    try:
        yield reader
    finally:
        reader.stop()


@contextmanager
def premises(folder: Path) -> Iterator[Premises]:
    """A source with the writer's tables in it, backed up."""
    servers = Servers(folder=folder, binaries=find_binaries(os.environ))
    try:
        source = servers.create("source")
        with source.connect() as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        settle_in(source, DATABASE)
        made = Premises(
            servers=servers, authority=Authority(folder), source=source, database=DATABASE
        )
        made.run(INSTALL.read_text())
        source.back_up()
        try:
            yield made
        finally:
            made.close()
    finally:
        servers.stop()


def run_drill(site: Premises, reader: Reachable, writer: HardWriter) -> Drill:
    """One drill, from the witness to the end of Verify; the copy is removed."""
    began = time.monotonic()
    shelf, asked = Shelf(), settings()
    source = Source(reader=site.login(reader), writer=site.login(site.source))
    witnessed = see(source, shelf, settings=asked)
    open_at_t = writer.open_at(clock.parse(witnessed["restore_time"]))
    copy = site.restore(witnessed["restore_time"])
    try:
        [(promised,)] = site.run("SELECT count(*) FROM pg_prepared_xacts", copy)
        outcome = judge(site.login(copy), witnessed, shelf, settings=asked)
    finally:
        site.forget_copies()
    return of_outcome(
        outcome,
        rows=witnessed["rows"],
        seconds=time.monotonic() - began,
        open_at_t=open_at_t,
        promised=promised,
    )


def of_outcome(
    outcome: Outcome, *, rows: int, seconds: float, open_at_t: dict[str, int], promised: int
) -> Drill:
    """What Verify's records come to."""
    missing = [c for c in outcome.checks if c.status is Status.NOT_RUN and not c.by_configuration]
    return Drill(
        seconds=seconds,
        rows=rows,
        levels=Counter(str(c.level) for c in outcome.of("rows") if c.level),
        passed=sum(c.status is Status.PASSED for c in outcome.checks),
        alarms=[c for c in outcome.checks if c.status is Status.FAILED],
        unsure=[c for c in missing if c.target not in EXCUSED],
        excused=[c for c in missing if c.target in EXCUSED],
        open_at_t=open_at_t,
        promised=promised,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run so many drills, print what came of them; 1 if there was a false alarm."""
    parser = argparse.ArgumentParser(prog="python -m bench.healthy", description=__doc__)
    parser.add_argument("--drills", type=int, default=100, help="how many, 100 unless given")
    parser.add_argument("--seed", type=int, default=1, help="of what the writer does")
    parser.add_argument("--reader", action="store_true", help="the witness reads from a standby")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each drill")
    given = parser.parse_args(arguments)
    console, score = Console(highlight=False), Score()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        premises(Path(folder)) as site,
        read_from(site, standby=given.reader) as reader,
    ):
        console.print(f"PostgreSQL {site.servers.version}; required is {_required()}")
        patience = given.drills * MOST_SECONDS
        with writing(site.source, DATABASE, seed=given.seed, most_seconds=patience) as writer:
            for number in range(1, given.drills + 1):
                score.drills.append(found := run_drill(site, reader, writer))
                if given.verbose or found.alarms:
                    console.print(_line(number, found), soft_wrap=True)
                site.source.trim(ARCHIVE_BYTES)
                writer.demand()
        console.print(_work(writer))
    _print(console, score, time.monotonic() - began)
    return 1 if score.alarms() else 0


def _required() -> str:
    return str(plan()["restore"]["required_level"])


def _line(number: int, found: Drill) -> str:
    told = [
        f"drill {number}: {found.seconds:.1f} s, {found.rows} rows, {found.passed} checks passed",
        f"open at the restore point {sum(found.open_at_t.values())} ({found.promised} prepared)",
    ]
    for name, checks in (
        ("FALSE ALARM", found.alarms),
        ("unsure", found.unsure),
        ("unsure, as may be", found.excused),
    ):
        told += [f"\n    {name}: {c.name} of {c.target}: {c.detail or c.observed}" for c in checks]
    return ", ".join(told[:2]) + "".join(told[2:])


def _work(writer: HardWriter) -> Table:
    table = Table(title=f"What was written, in {sum(writer.counts.values()):,} pieces of work")
    for column in ("work", "times"):
        table.add_column(column, justify="left" if column == "work" else "right")
    for kind, times in writer.counts.items():
        table.add_row(kind, f"{times:,}")
    table.add_section()
    for error, times in sorted(writer.refused.items()):
        table.add_row(f"refused: {error}", f"{times:,}")
    return table


def _print(console: Console, score: Score, seconds: float) -> None:
    drills = score.drills
    levels = sum((drill.levels for drill in drills), Counter[str]())
    table = Table(title="Healthy drills", show_header=False)
    table.add_column(no_wrap=True)
    table.add_row("drills", str(len(drills)))
    table.add_row("rows compared", f"{sum(drill.rows for drill in drills):,}")
    table.add_row("tables, by level", ", ".join(f"{levels[name]:,} {name}" for name in LEVELS))
    table.add_row("checks passed", f"{sum(drill.passed for drill in drills):,}")
    for kind in drills[0].open_at_t if drills else ():
        open_at_t = sum(drill.open_at_t[kind] for drill in drills)
        table.add_row(f"open at T: {kind}", f"{open_at_t:,}")
    promised = sum(drill.promised for drill in drills)
    table.add_row("prepared, and so on the copy", f"{promised:,}")
    table.add_row("seconds", f"{seconds:.0f}")
    console.print(table)
    for what, names in (
        ("unsure, of what is truncated, rewritten, redefined or set back", score.excused()),
        ("unsure otherwise", score.unsure()),
        ("false alarms", score.alarms()),
    ):
        console.print(f"{what}: {names.total()}")
        for name, times in names.most_common():
            console.print(f"    {name}: {times}")


def _names(checks: Iterator[Check]) -> Counter[str]:
    return Counter(f"{check.name} of {check.target}" for check in checks)


if __name__ == "__main__":
    sys.exit(main())
