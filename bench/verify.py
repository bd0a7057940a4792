"""A drill's exact comparison beside other ways to compare: `python -m bench.verify`.

One source and a copy of it, restored to a moment, hold the same four tables: narrow, wide, with
jsonb, toasted. Everybody compares them in turns, all of it read before; our own drill restores a
copy of its own each time, which is not counted. Then small tables that differ in one thing, and who
sees it. The servers are the wheel's, or those of DRILLS_POSTGRES_BIN.

What of the servers is told is seconds of their processors; of statements, snapshots and connections
on the source what a look at it twenty times a second shows.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from rich.console import Console

from bench import verify_figures as shown
from bench import verify_tables as tables
from bench import verify_tools as tools
from bench.verify_contestants import (
    Apart,
    BenchFailed,
    Compare,
    Contestant,
    Dump,
    Ours,
    Pair,
    Peer,
    Said,
    Scan,
    count,
    digest,
    warm,
)
from bench.verify_figures import Figures, Turn
from bench.verify_meter import LOOK_SECONDS, Meter
from bench.verify_tools import Absent
from lab.authority import Authority
from lab.driven import Premises
from lab.postgres import PostgresError, Servers, find_binaries

COULD_NOT_MEASURE: Final = 1
INTERRUPTED: Final = 130

OURS: Final = "ours"
AT_ONCE: Final = "ours, two units at once"
APART: Final = "ours, table by table"
LEAST_ROWS: Final = 10_000
LIMIT: Final = "one scan, our digest"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.verify", description=__doc__)
    parser.add_argument("--rows", type=_rows, default=10_000_000, help="of all: %(default)s")
    parser.add_argument("--repeats", type=int, default=1, help="%(default)s")
    parser.add_argument("--without-peers", action="store_true", help="ours and PostgreSQL's alone")
    chosen = parser.parse_args(arguments)
    console = Console(highlight=False, width=120)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        with tempfile.TemporaryDirectory() as folder:
            servers = Servers(folder=Path(folder), binaries=find_binaries(os.environ))
            try:
                _measure(servers, chosen.rows, chosen.repeats, chosen.without_peers, console)
            finally:
                servers.stop()
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        return INTERRUPTED
    except (BenchFailed, PostgresError) as error:
        console.print(f"could not measure: {error}", style="bold red", markup=False)
        return COULD_NOT_MEASURE
    return 0


def _measure(
    servers: Servers, rows: int, repeats: int, without_peers: bool, console: Console
) -> None:
    premises = Premises(
        servers=servers,
        authority=Authority(servers.folder),
        source=servers.create("source"),
        database=tables.LARGE,
    )
    try:
        pair = _pair(premises, rows, console)
        contestants, absent = _contestants(premises, without_peers)
        for name, why in absent.items():
            console.print(f"{name}: absent: {why}", markup=False)
        figures = _race(pair, contestants, repeats, console)
        tenth = _tenth(premises, pair)
        found = _seen(premises, pair, contestants, console)
        _show(figures, tenth, found, repeats, console)
    finally:
        for door in premises.doors.values():
            door.release()


def _pair(premises: Premises, rows: int, console: Console) -> Pair:
    """The source, loaded, and a copy of it."""
    source, began = premises.source, time.monotonic()
    tables.load(source, rows)
    source.back_up()
    now = datetime.now(UTC)
    while source.archive_now() <= now:
        time.sleep(LOOK_SECONDS)
    copy = premises.servers.restore("copy", source=source, until=now)
    pair = Pair(source=source, copy=copy, database=tables.LARGE)
    for server in pair.sides:
        warm(server, tables.LARGE, list(tables.SHARES))
    console.print(
        f"PostgreSQL {premises.servers.version}, Python {platform.python_version()},"
        f" {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f};"
        f" loaded and restored in {time.monotonic() - began:.0f} s"
    )
    for name, (number, size) in tables.sizes(source, tables.LARGE).items():
        console.print(f"{name}: {number:,} rows, {size / shown.MB:.0f} MB")
    return pair


def _contestants(
    premises: Premises, without_peers: bool
) -> tuple[list[Contestant], dict[str, str]]:
    """Who compares; and who does not, and why."""
    found: list[Contestant] = [
        Ours(name=OURS, premises=premises),
        Ours(name=AT_ONCE, premises=premises, workers=2),
        Apart(name=APART, one=Ours(name=APART, premises=premises, restores=False)),
        Scan(name=LIMIT, ask=digest),
        Scan(name="count(*)", ask=count),
    ]
    absent: dict[str, str] = {}

    def add(name: str, make: Callable[[], Contestant]) -> None:
        try:
            found.append(make())
        except Absent as reason:
            absent[name] = str(reason)

    dump = "pg_dump | md5sum"
    add(dump, lambda: Dump(name=dump, program=tools.pg_dump(premises.servers.binaries)))
    found.append(Compare(name="cli compare"))
    if not without_peers:
        # Sorted, null and a text side by side make reladiff fail.
        options = {"reladiff": ["--skip-sort-results"], "data-diff": ["--no-tracking"]}
        for name in tools.PEERS:
            add(
                name,
                lambda name=name: Peer(  # type: ignore[misc]  # mypy does not know its type
                    name=name, program=tools.install(name), options=options.get(name, [])
                ),
            )
    return found, absent


def _race(pair: Pair, contestants: Sequence[Contestant], repeats: int, console: Console) -> Figures:
    """All turns, one contestant after the other, then all of them again."""
    turns: dict[str, list[Turn]] = {each.name: [] for each in contestants}
    with closing(Meter(pair.source, pair.database)) as meter:
        for _ in range(repeats):
            for each in contestants:
                meter.stages = []
                said = each.compare(pair, list(tables.SHARES), meter)
                turn = Turn(stages=meter.stages, said=said)
                turns[each.name].append(turn)
                console.print(f"{each.name}: {turn.seconds:.1f} s, {turn.processor:.1f} s of CPU")
                for table in said.different:
                    console.print(f"  {table}: said to be different, and is not")
                for what, why in said.failed.items():
                    console.print(f"  {what}: {why}", markup=False)
    sizes = tables.sizes(pair.source, pair.database)
    return Figures(
        turns=turns,
        bytes_of={name: size for name, (_, size) in sizes.items()},
        ours=OURS,
        apart=APART,
        limit=LIMIT,
        peers=[each.name for each in contestants if isinstance(each, Peer)],
    )


def _tenth(premises: Premises, pair: Pair) -> Said:
    """What our drill takes of memory where there is a tenth of the rows."""
    small = replace(pair, database=tables.TENTH)
    with closing(Meter(pair.source, small.database)) as meter:
        return Ours(name=OURS, premises=premises).compare(small, list(tables.SHARES), meter)


def _seen(
    premises: Premises, pair: Pair, contestants: Sequence[Contestant], console: Console
) -> dict[str, Said]:
    """What each says of the small tables, which differ."""
    tables.differ(premises.source)
    small = replace(pair, database=tables.SMALL)
    names = [each.name for each in tables.DIFFERENCES]
    found: dict[str, Said] = {}
    with closing(Meter(pair.source, small.database)) as meter:
        for each in contestants:
            if each.name in (AT_ONCE, APART):
                continue
            chosen = replace(each, restores=False) if isinstance(each, Ours) else each
            said = found[each.name] = chosen.compare(small, names, meter)
            for what, why in said.failed.items():
                console.print(f"{each.name}: {what}: {why}", markup=False)
    return found


def _show(
    figures: Figures, tenth: Said, found: dict[str, Said], repeats: int, console: Console
) -> None:
    console.print(shown.ratios(figures, repeats), shown.by_table(figures))
    for line in shown.goals(figures):
        console.print(line)
    console.print(shown.limits(figures), shown.source_side(figures))
    console.print(
        f"The source is looked at every {LOOK_SECONDS * 1000:.0f} ms: what took less may be shorter"
        " than it was, or not be seen. A page counts each time that it is read."
    )
    console.print(shown.memory(figures, tenth), shown.seen(found))
    last = figures.last.said
    told = [f"{name} {level}" for name, level in last.levels.items()]
    told += [f"{number} {name}" for name, number in last.facts.items()]
    console.print(f"ours: {', '.join(told)}")


def _rows(text: str) -> int:
    rows = int(text)
    if rows < LEAST_ROWS:
        raise argparse.ArgumentTypeError(f"expected {LEAST_ROWS:,} or more")
    return rows


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
