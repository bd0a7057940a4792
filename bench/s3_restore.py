"""Restores of a whole bucket, side by side on one server: `python -m bench.s3_restore`.

Each tool gets a bucket of its own with the same history, made by the same log of writes, and is to
make it what it was in the middle of that log. What came of it is compared with the log itself.
Requests are counted by the server. Its dates have whole seconds, as those of S3.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import boto3
from rich.console import Console
from rich.table import Table

from bench import s3_history, s3_tools
from bench.s3_history import History, Write
from bench.s3_run import THREADS
from bench.s3_tools import Measured, Server
from functions.s3_versions.values import moment
from functions.s3_versions.wire import Bucket

OURS: Final = "this"
ROUNDS: Final = 3
"""Turns of the copies and of the bare loop, each after the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """A restore, and what came of it: keys that are not what they were, and requests to write.

    `start` is the CPU seconds until our own began, 0 for other tools.
    """

    tool: str
    measured: Measured
    wrong: int
    writes: int
    start: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One history restored by each tool.

    By ours a second time too, when nothing is left to do; `planning` is listing and planning alone.
    """

    peers: list[Restored]
    ours: Restored
    again: Restored
    planning: Measured

    @property
    def least_wall(self) -> float:
        """Seconds of the fastest other tool."""
        return min(peer.measured.wall for peer in self.peers)

    @property
    def least_cpu(self) -> float:
        """CPU seconds of the most frugal other tool."""
        return min(peer.measured.cpu for peer in self.peers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """What is to be reached, and what limits it where it is not.

    `must` is for what no machine may miss.
    """

    name: str
    reached: float
    wanted: float
    at_most: bool = False
    must: bool = False
    limit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted


class Bench:
    """The server, and what is measured on it."""

    def __init__(self, server: Server, tell: Callable[[str], None]) -> None:
        """Use this server."""
        self._server = server
        self._tell = tell
        self._environment = server.environment()
        self._s3 = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            region_name=self._environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=self._environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._environment["AWS_SECRET_ACCESS_KEY"],
        )
        self._number = 0

    def restores(self, history: History, *, undelete: bool = False) -> Side:
        """A bucket for each tool, restored."""
        peers = []
        for tool in s3_tools.PEERS:
            bucket, at = self._made(tool, history)
            peers.append(self._restored(tool, bucket, at, history, undelete=False))
        bucket, at = self._made(OURS, history)
        ours, again = (
            self._restored(name, bucket, at, history, undelete=undelete)
            for name in (OURS, f"{OURS}, a second run")
        )
        planning, _ = s3_tools.ours(["plan", bucket, moment(at)], self._environment)
        return Side(peers=peers, ours=ours, again=again, planning=planning)

    def copies(self, keys: int) -> tuple[float, float, float]:
        """Copies a second by ours and by the bare loop, and ours' CPU seconds a copy; medians."""
        history = s3_history.overwritten(keys)
        buckets = {part: self._made(f"{part} alone", history)[0] for part in ("copies", "loop")}
        told: dict[str, list[dict[str, Any]]] = {part: [] for part in buckets}
        for _ in range(ROUNDS):
            for part, bucket in buckets.items():
                self._tell(f"{part} alone: copies")
                told[part].append(s3_tools.ours([part, bucket], self._environment)[1])
        rates = {part: median(t["copies"] / t["seconds"] for t in told[part]) for part in told}
        cpu = median(t["cpu"] / t["copies"] for t in told["copies"])
        return rates["copies"], rates["loop"], cpu

    def listing(self, entries: int) -> dict[str, tuple[float, float]]:
        """CPU seconds and peak MiB of parsing so many entries, by ours and by botocore."""
        found = {}
        for part in ("ours", "botocore"):
            self._tell(f"listing of {entries:,} entries: {part}")
            measured, told = s3_tools.ours([part, str(entries)], self._environment)
            found[part] = (told["cpu"], measured.peak)
        return found

    def _restored(
        self, tool: str, bucket: str, at: datetime, history: History, *, undelete: bool
    ) -> Restored:
        self._tell(f"{tool}: restores")
        before, start = sum(self._server.writes().values()), 0.0
        if tool in s3_tools.PEERS:
            python = s3_tools.environment(tool, s3_tools.PEERS[tool])
            command: list[str | Path] = [python, python.with_name(tool), "-b", bucket]
            command += ["-B", bucket, "-t", at.isoformat(), "--max-workers", str(THREADS)]
            measured = s3_tools.run(command, self._environment)
        else:
            arguments = ["restore", bucket, moment(at), *(["--undelete"] if undelete else [])]
            measured, told = s3_tools.ours(arguments, self._environment)
            start = told["start"]
        writes = sum(self._server.writes().values()) - before
        wrong = self._wrong(bucket, history)
        return Restored(tool=tool, measured=measured, wrong=wrong, writes=writes, start=start)

    def _made(self, tool: str, history: History) -> tuple[str, datetime]:
        """A new bucket with this history, and the time in its middle, of whole seconds."""
        self._tell(f"{tool}: writes the history")
        self._number += 1
        name = f"bench-{self._number}"
        self._s3.create_bucket(Bucket=name)
        self._s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        with (
            Bucket(name, client=self._s3, connections=THREADS) as bucket,
            ThreadPoolExecutor(THREADS) as pool,
        ):

            def write(writes: list[Write]) -> None:
                for key, body in writes:
                    if body is None:
                        bucket.request("DeleteObject", "DELETE", key)
                    else:
                        bucket.request("PutObject", "PUT", key, body=body)

            for writes in history.before:
                list(pool.map(write, writes))
                at = _next_second()
            _next_second()
            for writes in history.after:
                list(pool.map(write, writes))
                _next_second()
        return name, at

    def _wrong(self, name: str, history: History) -> int:
        """The keys whose presence or content is not as the log of writes says."""
        wanted, pages = history.state(), self._s3.get_paginator("list_objects_v2")
        found = {
            entry["Key"]: entry["ETag"].strip('"')
            for page in pages.paginate(Bucket=name)
            for entry in page.get("Contents", ())
        }
        return sum(wanted.get(key) != found.get(key) for key in wanted.keys() | found.keys())


def _next_second() -> datetime:
    """The whole second that begins next, when it has begun."""
    second = int(time.time()) + 1
    while (left := second - time.time()) > 0:
        time.sleep(left)
    return datetime.fromtimestamp(second, UTC)


def _goals(
    mixed: Side,
    deleted: Side,
    rates: tuple[float, float, float],
    listings: dict[int, dict[str, tuple[float, float]]],
    keys: int,
) -> Iterator[Goal]:
    ours, planning = mixed.ours.measured, mixed.planning
    yield Goal(name="wrong keys", reached=mixed.ours.wrong, wanted=0, at_most=True, must=True)
    yield Goal(
        name="speed, of the fastest other tool",
        reached=mixed.least_wall / ours.wall,
        wanted=3,
        limit=f"the server's listing: without writing it takes {planning.wall:.1f} s of"
        f" {ours.wall:.1f} s",
    )
    yield Goal(
        name="other tools' least CPU, of ours",
        reached=mixed.least_cpu / ours.cpu,
        wanted=15,
        limit=f"the start of Python and the SDK is {mixed.ours.start:.2f} s of {ours.cpu:.2f} s;"
        f" were it nothing for ours, {mixed.least_cpu / (ours.cpu - mixed.ours.start):.1f}",
    )
    yield Goal(
        name="requests to write, second run",
        reached=mixed.again.writes,
        wanted=0,
        at_most=True,
        must=True,
    )
    copies, bare, cpu = rates
    yield Goal(
        name="copies a second, of the bare loop's",
        reached=copies / bare,
        wanted=0.9,
        limit=f"a copy has {1000 / bare:.2f} ms in the bare loop; ours takes {cpu * 1000:.2f} ms of"
        " CPU for it",
    )
    yield Goal(
        name="CPU a copy, ms",
        reached=cpu * 1000,
        wanted=0.2,
        at_most=True,
        limit="each answer wakes a thread, which costs more where processors are busy",
    )
    yield Goal(
        name="undelete, of the fastest other tool",
        reached=deleted.least_wall / deleted.ours.measured.wall,
        wanted=15,
        limit=f"the server's listing: without writing it takes {deleted.planning.wall:.1f} s of"
        f" {deleted.ours.measured.wall:.1f} s",
    )
    yield Goal(
        name="undelete, wrong keys", reached=deleted.ours.wrong, wanted=0, at_most=True, must=True
    )
    yield Goal(
        name="undelete, requests to write",
        reached=deleted.ours.writes,
        wanted=-(-keys // 1000),
        at_most=True,
        must=True,
    )
    smallest, largest = min(listings), max(listings)
    for entries, found in listings.items():
        yield Goal(
            name=f"listing {entries:,} entries, botocore's CPU of ours",
            reached=found["botocore"][0] / found["ours"][0],
            wanted=10,
        )
    yield Goal(
        name="memory of the larger listing, of the smaller's",
        reached=listings[largest]["ours"][1] / listings[smallest]["ours"][1],
        wanted=1.1,
        at_most=True,
    )


def _restores(title: str, side: Side) -> Table:
    table = _new_table(title, "wall s", "CPU s", "peak MiB", "writes", "wrong keys", "wall", "CPU")
    ours = side.ours.measured
    for one in (*side.peers, side.ours, side.again):
        measured = one.measured
        table.add_row(
            one.tool if not measured.status else f"{one.tool} (status {measured.status})",
            f"{measured.wall:.2f}",
            f"{measured.cpu:.2f}",
            f"{measured.peak:.0f}",
            f"{one.writes:,}",
            f"{one.wrong:,}",
            f"{measured.wall / ours.wall:.1f}",
            f"{measured.cpu / ours.cpu:.1f}",
        )
    return table


def _copies(rates: tuple[float, float, float]) -> Table:
    copies, bare, cpu = rates
    table = _new_table("copies alone, medians", "copies/s", "CPU ms a copy")
    table.add_row("the same requests, signed beforehand, in a bare loop", f"{bare:,.0f}", "")
    table.add_row(OURS, f"{copies:,.0f}", f"{cpu * 1000:.2f}")
    return table


def _listings(listings: dict[int, dict[str, tuple[float, float]]]) -> Table:
    table = _new_table("listing alone", "CPU s", "entries/CPU s", "peak MiB", "CPU")
    for entries, found in listings.items():
        for part, (cpu, peak) in found.items():
            rate = f"{entries / cpu:,.0f}"
            ratio = f"{cpu / found['ours'][0]:.1f}"
            table.add_row(f"{entries:,}: {part}", f"{cpu:.1f}", rate, f"{peak:.0f}", ratio)
    return table


def _verdicts(goals: list[Goal]) -> Table:
    table = _new_table("goals", "reached", "wanted", "")
    for goal in goals:
        wanted = f"{'at most' if goal.at_most else 'at least'} {goal.wanted:g}"
        table.add_row(goal.name, f"{goal.reached:.3g}", wanted, "met" if goal.met else "MISSED")
        if not goal.met and goal.limit:
            table.add_row(f"[dim]  {goal.limit}[/]")
    return table


def _new_table(title: str, *headings: str) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column(title)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def main() -> None:
    """Measure, print tables and goals; the exit status is 1 where a must is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.s3_restore", description=__doc__)
    parser.add_argument("--keys", type=int, default=5000, help="%(default)s")
    parser.add_argument("--quick", action="store_true", help="small, to see that all works")
    given = parser.parse_args()
    keys = 300 if given.quick else given.keys
    sizes = (20_000, 40_000) if given.quick else (400_000, 1_600_000)
    console = Console(highlight=False, width=100)
    s3_tools.FOLDER.mkdir(parents=True, exist_ok=True)
    for tool, packages in s3_tools.PEERS.items():
        s3_tools.environment(tool, packages)
    with s3_tools.server() as server:
        bench = Bench(server, lambda stage: console.print(f"[dim]... {stage}[/]"))
        mixed = bench.restores(s3_history.mixed(keys))
        deleted = bench.restores(s3_history.deleted(keys), undelete=True)
        rates = bench.copies(keys)
        listings = {entries: bench.listing(entries) for entries in sizes}
    goals = list(_goals(mixed, deleted, rates, listings, keys))
    for table in (
        _restores(f"{keys:,} keys, a mixed history", mixed),
        _restores(f"{keys:,} keys, all deleted", deleted),
        _copies(rates),
        _listings(listings),
        _verdicts(goals),
    ):
        console.print(table, "")
    sys.exit(any(goal.must and not goal.met for goal in goals))


if __name__ == "__main__":
    main()
