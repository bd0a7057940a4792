"""The command compare: two databases at rest, row by row, by digest."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from rich.console import Console

from cli import compare_page, compare_pairs, output
from cli.compare_journal import Journal
from cli.compare_pairs import Listing, Pair
from cli.compare_sides import Side
from cli.compare_work import Options, Progress, Work
from cli.comparing import Compared, Comparison, Standing
from cli.errors import CannotRun
from cli.progress import Follow
from functions.aurora import content
from functions.aurora.chunks import Server
from functions.aurora.digest import ALGORITHM

SETTLE_SECONDS = 11.0
"""A session that has become idle tells within ten seconds which rows it has written."""


def operate(chosen: argparse.Namespace) -> int:
    """Do what was chosen; the exit status. Raises CannotRun and DrillError."""
    connections, seconds = chosen.connections, float(chosen.statement_seconds)
    options = Options(
        schemas=tuple(chosen.schemas),
        tables=tuple(chosen.tables),
        connections=connections,
        places=chosen.places,
        chunk_bytes=chosen.chunk_megabytes * 1024 * 1024,
        resume=chosen.resume,
    )
    source = Side("source", chosen.source, connections=connections, seconds=seconds)
    copy = Side("copy", chosen.copy, connections=connections, seconds=seconds)
    with closing(source), closing(copy):
        console = output.console(errors=chosen.json)
        found = compare(source, copy, options, console)
        told = compare_page.told(found, source=source.shown, copy=copy.shown)
    return output.tell(told, output.console(), as_json=chosen.json)


def compare(source: Side, copy: Side, options: Options, console: Console) -> Comparison:
    """Compare; what was found. Raises CannotRun, and what a login may raise."""
    servers = [each.result() for each in (s.later(_server) for s in (source, copy))]
    _check(servers[0], servers[1])
    listing = compare_pairs.list_pairs(source, copy, schemas=options.schemas, chosen=options.tables)
    _check_listing(listing)
    journal = Journal(options.resume, _header(source, copy, servers))
    work = Work(source, copy, options, journal)
    progress = Progress(
        tables=len(listing.pairs), bytes=sum(pair.source.storage.bytes for pair in listing.pairs)
    )
    results = list(listing.settled)
    with Follow(console, "comparing", progress) as follow:
        for scan in work.scans(listing.pairs, progress, follow.tick):
            results.append(work.judged(scan))
            progress.done += 1
        progress.now = ""
        seconds = follow.seconds
        results, moving = _moved(results, listing.pairs, work)
    return Comparison(
        source=servers[0],
        copy=servers[1],
        results=sorted(results, key=lambda result: result.target),
        only_source=listing.only_source,
        only_copy=listing.only_copy,
        moving=moving,
        seconds=seconds,
        bytes=progress.read,
    )


def _moved(
    results: Sequence[Compared], pairs: Sequence[Pair], work: Work
) -> tuple[list[Compared], list[str]]:
    """The results, held against what both sides say of their tables now; and who was written to.

    Where a side's snapshot is what it was, nothing was written. Else the counters of the tables say
    into which; a table that is now in another file was rewritten in any case.
    """
    found = {result.target: result for result in results}
    moving = [side.name for number, side in enumerate(work.sides) if work.went_on(number)]
    if moving:
        time.sleep(SETTLE_SECONDS)
    for number, side in enumerate(work.sides):
        went_on = side.name in moving
        halves = {pair.target: (pair.source, pair.copy)[number] for pair in pairs}
        now = compare_pairs.storage(side, list(halves.values()))
        for target, half in halves.items():
            stored = now.get(half.table.oid)
            if stored is None or stored.filenode != half.storage.filenode:
                told = f"the {side.name}'s was rewritten or dropped meanwhile"
            elif went_on and stored.written != half.storage.written:
                told = f"the {side.name}'s was written to meanwhile"
            else:
                continue
            if found[target].level != "none":
                found[target] = replace(found[target], standing=Standing.MOVED, detail=told)
    return list(found.values()), moving


def _server(side: Side) -> Server:
    return side.ask(content.read_server)


def _check(source: Server, copy: Server) -> None:
    """Raises CannotRun for servers whose digests say nothing of each other."""
    if (source.started_at, source.database) == (copy.started_at, copy.database):
        raise CannotRun(
            f"--copy: it is the database of --source, {source.database}: expected another one"
        )
    if source.encoding != copy.encoding:
        raise CannotRun(
            f"--copy: its encoding is {copy.encoding}: expected {source.encoding}, that of --source"
        )
    if source.probe != copy.probe:
        raise CannotRun(
            f"--copy: PostgreSQL {copy.version} digests constants otherwise than {source.version},"
            " that of --source: expected versions that digest alike"
        )


def _check_listing(listing: Listing) -> None:
    """Raises CannotRun where nothing could be compared: equal would say nothing."""
    if not (listing.pairs or listing.settled or listing.only_source or listing.only_copy):
        raise CannotRun("there is no table on either side: expected one at least, see --schemas")
    if not (listing.pairs or listing.only_source or listing.only_copy) and all(
        result.standing is Standing.LEFT_OUT for result in listing.settled
    ):
        raise CannotRun("there is no table that can be compared: all of them are left out")


def _header(source: Side, copy: Side, servers: Sequence[Server]) -> dict[str, Any]:
    """What a journal must be of."""
    return {
        "algorithm": ALGORITHM,
        **{
            side.name: [side.shown, server.database, server.started_at]
            for side, server in zip((source, copy), servers, strict=True)
        },
        "since": [[server.next_xid, server.snapshot] for server in servers],
    }
