"""State at T: is it right, how fast is it, how much does it hold: `python -m bench.state_at`.

Histories at random, each told by its write log, at several times each; then listings of two sizes,
made as they are read, in processes of their own.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.table import Table

from functions.s3_versions.state_at import histories, plan
from functions.s3_versions.values import Entry
from tests.unit.s3_history import (
    KEYS,
    SECOND,
    Rule,
    at_random,
    fault,
    run,
    text,
    times_of_interest,
    truth,
)

TIMES: Final = 4
"""Of each history."""

SMALL, LARGE = 400_000, 1_600_000
"""Entries of the listings."""

VERSIONS: Final = 4
"""Of each key in them."""

_AT: Final = "2026-11-02T05:00:05.000000000"
_AGES: Final = (SECOND // 2, 2 * SECOND, 9 * SECOND)


@dataclass(kw_only=True, slots=True)
class Judged:
    """Answers held against the log: how many, how many wrong, and what caveats they bore.

    `misled` are those where the dates of the listing are not the truth: the caveat has to say so.
    """

    answers: int = 0
    misled: int = 0
    faults: list[str] = field(default_factory=list)
    caveats: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """A listing that was planned: CPU seconds of it, and the peak of the process in MiB."""

    entries: int
    seconds: float
    peak: float


def main() -> int:
    """Measure, and print the tables; 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.state_at", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000, help="%(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of the first one, %(default)s")
    parser.add_argument("--entries", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.entries:
        print(*_pass(given.entries))
        return 0
    console = Console(highlight=False, width=80)
    began = time.process_time()
    judged = judge(range(given.seed, given.seed + given.histories))
    seconds = time.process_time() - began
    console.print(_correctness(judged, given.histories, seconds))
    for one in judged.faults[:10]:
        console.print(one, markup=False)
    console.print(_speed([_passed(SMALL), _passed(LARGE)]))
    return 1 if judged.faults else 0


def judge(seeds: range) -> Judged:
    """The histories of some seeds, each at several times, with and without a lifecycle rule."""
    judged = Judged()
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311  # the same history each time
        rule = rng.choice([None, Rule(rng.choice(_AGES), rng.choice([0, 2, 3, 4]))])
        keys = KEYS[: rng.choice([1, 2, len(KEYS)])]
        bucket = run(at_random(rng, length=rng.randint(1, 40)), keys=keys, rule=rule)
        horizon = text(bucket.now - rule.age) if rule else ""
        times = times_of_interest(bucket)
        for at in rng.sample(times, min(TIMES, len(times))):
            for seen in histories(bucket.listing(), text(at), horizon=horizon):
                judged.answers += 1
                judged.misled += truth(bucket, seen.key, at).may_mislead(at)
                judged.caveats.update(seen.caveats)
                if found := fault(bucket, seen, at, rule):
                    judged.faults.append(f"seed {seed}, T {text(at)}: {found}")
    return judged


def listing(entries: int) -> Iterator[Entry]:
    """A listing of so many entries, each key deleted, made again, or left since T."""
    for number in range(entries):
        key, place = divmod(number, VERSIONS)
        second = 9 - 2 * place - key % 4
        yield Entry(
            f"photos/{key:012}/original.jpg",
            f"3sL4kqtJlcpXroDTDmJ.rmSpXd3dIb{number:08x}",
            place == 0 and key % 3 == 0,
            f"2026-11-02T05:00:{max(second, 0):02}",
            f"d41d8cd98f00b204e98009{number % 7:010x}",
            number % 5000,
            "STANDARD",
            place == 0,
        )


def _pass(entries: int) -> tuple[float, float]:
    """CPU seconds that planning takes, the making of the listing taken off, and the peak in MiB."""
    began = time.process_time()
    for _ in listing(entries):
        pass
    made = time.process_time()
    for _ in plan(listing(entries), _AT):
        pass
    planned = time.process_time() - made - (made - began)
    return planned, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _passed(entries: int) -> Passed:
    command = [sys.executable, "-m", "bench.state_at", "--entries", str(entries)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = map(float, told.split())
    return Passed(entries=entries, seconds=seconds, peak=peak)


def _correctness(judged: Judged, number: int, seconds: float) -> Table:
    table = Table("answers against the write log", "", title_justify="left")
    table.add_row("histories", f"{number:,}")
    table.add_row("histories per CPU second", f"{number / seconds:,.0f}")
    table.add_row("answers", f"{judged.answers:,}")
    table.add_row("of these, the dates alone mislead", f"{judged.misled:,}, each with its caveat")
    for caveat, times in sorted(judged.caveats.items()):
        table.add_row(f"caveat {caveat}", f"{times:,}")
    table.add_row("wrong", f"{len(judged.faults):,}")
    return table


def _speed(passed: list[Passed]) -> Table:
    table = Table("entries planned", "per CPU second", "peak memory")
    for one in passed:
        table.add_row(
            f"{one.entries:,}", f"{one.entries / one.seconds:,.0f}", f"{one.peak:.1f} MiB"
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
