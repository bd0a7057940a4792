"""What a collection takes: `python -m bench.watch`.

The collector's own handler looks at 1, 10 and 100 sources of each kind, with a drill for each, in
an emulated AWS whose every answer takes as long as a real one's. Exit status 1 where calls grew
faster than sources.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.watched import SETTINGS, Deployments, deployments
from functions.watch import collector
from lab import aws
from lab.calls import Call

COUNTS: Final = (1, 10, 100)
TIMEOUT_SECONDS: Final = 300

QUOTAS: Final = {
    "cloudtrail:LookupEvents": ("2", "documented"),
    "secretsmanager:DescribeSecret": ("10,000", "documented"),
    "secretsmanager:ListSecretVersionIds": ("50", "unverified"),
    "lambda": ("15, of all its control plane", "unverified"),
    "kms:DescribeKey": ("2,000", "unverified"),
    "s3": ("5,500 reads of a prefix", "documented"),
    "rds": ("not published", "unverified"),
    "dynamodb": ("40,000 reads of a table", "unverified"),
    "scheduler:GetSchedule": ("1,000", "unverified"),
    "cloudwatch:GetMetricData": ("50", "unverified"),
    "cloudwatch:GetMetricStatistics": ("400", "unverified"),
    "ec2:DescribeSubnets": ("100, refilled with 20 a second", "unverified"),
}
"""Requests a second in one account and region, as AWS documents them, or as far as is known."""


class Context:
    """Lambda's, of a function that has just begun."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds: all of them."""
        return TIMEOUT_SECONDS * 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """One collection: sources of all kinds, what was found wrong, seconds, and calls by name."""

    sources: int
    findings: int
    seconds: float
    calls: Counter[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables; 1 where calls grew faster than sources."""
    parser = argparse.ArgumentParser(prog="python -m bench.watch", description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="%(default)s")
    parser.add_argument(
        "--latency", type=float, default=25, metavar="MS", help="of every answer: %(default)s"
    )
    given = parser.parse_args(arguments)
    console = Console(highlight=False, width=100)
    collector.logger.setLevel("CRITICAL")
    with tempfile.TemporaryDirectory() as folder, deployments(Path(folder)) as made:
        _enter(made)
        _wait_before_answers(made, given.latency / 1000)
        collections = [_collect(made, count) for count in sorted(given.counts)]
    _show(collections, given.latency, console)
    _show_calls(collections, console)
    return int(_grew_faster(collections))


def _enter(made: Deployments) -> None:
    """The environment of a function, in this process."""
    access, secret, token = aws.NOBODY
    os.environ.update(
        SETTINGS.to_environment(),
        AWS_ENDPOINT_URL=made.emulator.endpoint,
        AWS_REGION=aws.REGION,
        AWS_DEFAULT_REGION=aws.REGION,
        AWS_ACCESS_KEY_ID=access,
        AWS_SECRET_ACCESS_KEY=secret,
        AWS_SESSION_TOKEN=token,
    )


def _wait_before_answers(made: Deployments, seconds: float) -> None:
    def wait(_: Call) -> None:
        time.sleep(seconds)

    made.emulator.before_call.append(wait)


def _collect(made: Deployments, count: int) -> Collection:
    """The second of two collections: in the first one each drill is new, which costs a write."""
    waits, made.emulator.before_call = made.emulator.before_call, []
    event = {"watched": made.watched(count).to_document()}
    with _silence():
        collector.collect(event, Context())
    made.emulator.before_call = waits
    calls: Counter[str] = Counter()
    with _counted(made, calls), _silence():
        began = time.monotonic()
        answer = collector.collect(event, Context())
        seconds = time.monotonic() - began
    return Collection(
        sources=answer["sources"],
        findings=sum(answer["findings"].values()),
        seconds=seconds,
        calls=calls,
    )


@contextlib.contextmanager
def _counted(made: Deployments, calls: Counter[str]) -> Iterator[None]:
    def count(call: Call) -> None:
        calls[f"{call.service}:{call.operation}"] += 1

    made.emulator.before_call.append(count)
    try:
        yield
    finally:
        made.emulator.before_call.remove(count)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The metrics and the log of a function go to its standard output."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _show(collections: Sequence[Collection], latency: float, console: Console) -> None:
    first = collections[0]
    table = Table(title=f"One collection, {latency:g} ms to each answer")
    for column in (
        "sources",
        "wrong",
        "seconds",
        "calls",
        "calls a source",
        "sources x",
        "calls x",
    ):
        table.add_column(column, justify="right")
    for each in collections:
        calls = each.calls.total()
        table.add_row(
            f"{each.sources}",
            f"{each.findings}",
            f"{each.seconds:.1f}",
            f"{calls}",
            f"{calls / each.sources:.1f}",
            f"{each.sources / first.sources:.0f}",
            f"{calls / first.calls.total():.1f}",
        )
    console.print(table)
    last = collections[-1]
    console.print(
        f"Of the {TIMEOUT_SECONDS} s that the function has, {last.sources} sources took"
        f" {last.seconds / TIMEOUT_SECONDS:.0%}. The emulator works on the same cores."
    )


def _show_calls(collections: Sequence[Collection], console: Console) -> None:
    """By the quota that they count against: an operation's own, or that of the whole service."""
    last = collections[-1]
    counted: Counter[str] = Counter()
    for name, calls in last.calls.items():
        counted[name if name in QUOTAS else name.partition(":")[0]] += calls
    table = Table(title=f"The calls of {last.sources} sources, and what AWS takes of them")
    table.add_column("call, or service")
    for column in ("calls", "a second here"):
        table.add_column(column, justify="right")
    table.add_column("AWS takes a second")
    table.add_column("which is")
    for name, calls in counted.most_common():
        quota, known = QUOTAS.get(name, ("not known", "unverified"))
        table.add_row(name, f"{calls}", f"{calls / last.seconds:.1f}", quota, known)
    console.print(table)


def _grew_faster(collections: Sequence[Collection]) -> bool:
    first, last = collections[0], collections[-1]
    return last.calls.total() / first.calls.total() > last.sources / first.sources


if __name__ == "__main__":
    sys.exit(main())
