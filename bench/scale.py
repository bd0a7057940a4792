"""What restoring a whole bucket takes: `python -m bench.scale` prints the tables of docs/scale.md.

Arithmetic, not a measurement. Each number it begins with says where it is from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from functions.s3_versions.errand import AT_A_TIME, SHARDS
from functions.s3_versions.piece import THREADS
from functions.s3_versions.shard import RESERVE_SECONDS

OBJECTS: Final = 100_000_000
VERSIONS: Final = 3
CHANGED: Final = (10_000_000, 100_000_000)
PARTITIONS: Final = (1, 10, 100)

PAGE: Final = 1000
LOOKS_A_SHARD: Final = 16
LAMBDA_SECONDS: Final = 900
LAMBDA_GB: Final = 1.0
VCPUS: Final = 1024 / 1769

PAGE_SECONDS: Final = 0.2
COPY_SECONDS: Final = 0.1
HEAD_SECONDS: Final = 0.03
WRITES: Final = 3500
READS: Final = 5500
PARSED: Final = 280_000
PLANNED: Final = 600_000
REQUEST_CPU_SECONDS: Final = 0.0002

LIST_PRICE: Final = 0.005 / 1000
COPY_PRICE: Final = 0.005 / 1000
HEAD_PRICE: Final = 0.0004 / 1000
LAMBDA_PRICE: Final = 0.0000166667
TRANSITION_PRICE: Final = 0.025 / 1000

RATES: Final = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"
S3_PRICES: Final = "https://aws.amazon.com/s3/pricing/"
LAMBDA_PRICES: Final = "https://aws.amazon.com/lambda/pricing/"
STEPS_PRICES: Final = "https://aws.amazon.com/step-functions/pricing/"
MEMORY: Final = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"

Row = Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A phase on some machines: seconds, and what they cost in dollars."""

    seconds: float
    requests: float
    functions: float
    transitions: float


def pages() -> float:
    """Of the listing of all versions."""
    return OBJECTS * VERSIONS / PAGE


def listing_seconds(streams: int, partitions: int) -> float:
    """How long the listing takes with so many streams, whatever limits it."""
    one = max(PAGE_SECONDS, (PAGE / PARSED + PAGE / PLANNED) / VCPUS)
    return max(pages() * one / streams, pages() / (READS * partitions))


def copying_seconds(changed: int, machines: int, partitions: int) -> float:
    """How long the copies take on so many machines, a HEAD before each, whatever limits them."""
    rate = min(THREADS / (COPY_SECONDS + HEAD_SECONDS), VCPUS / (2 * REQUEST_CPU_SECONDS))
    return changed / min(machines * rate, WRITES * partitions)


def comparing_seconds(changed: int, machines: int, partitions: int) -> float:
    """How long two HEADs of each key take on so many machines, whatever limits them."""
    rate = min(THREADS / (2 * HEAD_SECONDS), VCPUS / (2 * REQUEST_CPU_SECONDS))
    return changed / min(machines * rate, READS * partitions / 2)


def planned(partitions: int) -> Phase:
    """The plan of all shards."""
    looks = LOOKS_A_SHARD * SHARDS
    return _phase(listing_seconds(AT_A_TIME, partitions), (pages() + looks) * LIST_PRICE)


def applied(changed: int, partitions: int) -> Phase:
    """All that was planned, done: it is listed again, while copies are made."""
    seconds = max(
        listing_seconds(AT_A_TIME, partitions), copying_seconds(changed, AT_A_TIME, partitions)
    )
    return _phase(seconds, pages() * LIST_PRICE + changed * (COPY_PRICE + HEAD_PRICE))


def verified(changed: int, partitions: int) -> Phase:
    """A plan once more, and what was copied compared with what it was copied from."""
    seconds = max(
        listing_seconds(AT_A_TIME, partitions), comparing_seconds(changed, AT_A_TIME, partitions)
    )
    return _phase(seconds, pages() * LIST_PRICE + changed * 2 * HEAD_PRICE)


def _phase(seconds: float, requests: float) -> Phase:
    """With the cost of functions that run all the time, and of a Task, a Choice and a Wait each."""
    a_shard = seconds * AT_A_TIME / SHARDS
    calls = math.ceil(a_shard / (LAMBDA_SECONDS - RESERVE_SECONDS))
    return Phase(
        seconds=seconds,
        requests=requests,
        functions=seconds * AT_A_TIME * LAMBDA_GB * LAMBDA_PRICE,
        transitions=SHARDS * 3 * calls * TRANSITION_PRICE,
    )


def assumed() -> list[Row]:
    """What the arithmetic begins with, and where it is from."""
    measured = "measured, `python -m bench.s3_restore`"
    return [
        ("objects, versions of each", f"{OBJECTS:,}, {VERSIONS}", "the example"),
        ("entries a page", f"{PAGE:,}", "S3 API, ListObjectVersions"),
        (
            "time of a page, of a copy, of a HEAD",
            f"{PAGE_SECONDS} s, {COPY_SECONDS} s, {HEAD_SECONDS} s",
            "assumption",
        ),
        ("writes, reads a second and partition", f"{WRITES:,}, {READS:,}", f"[S3]({RATES})"),
        ("a page of a listing, to S3's rates", "1 read", "assumption"),
        ("copies at once in a machine", str(THREADS), "`functions/s3_versions/piece.py`"),
        (
            "shards, of these at a time",
            f"{SHARDS}, {AT_A_TIME}",
            "`functions/s3_versions/errand.py`",
        ),
        ("a function of 1 GiB", f"{VCPUS:.2f} vCPU", f"[Lambda]({MEMORY}): 1 for 1,769 MB"),
        ("entries parsed a CPU second", f"{PARSED:,}", measured),
        ("entries planned a CPU second", f"{PLANNED:,}", "measured, `python -m bench.state_at`"),
        ("CPU of a copy", f"{REQUEST_CPU_SECONDS * 1000:g} ms", measured),
        ("CPU of a HEAD", "as a copy", "assumption"),
        (
            "1,000 LIST or COPY, 1,000 HEAD",
            "$0.005, $0.0004",
            f"[S3]({S3_PRICES}), us-east-1, unverified",
        ),
        ("a GB-second", f"${LAMBDA_PRICE:.10f}", f"[Lambda]({LAMBDA_PRICES}), unverified"),
        ("1,000 transitions", "$0.025", f"[Step Functions]({STEPS_PRICES}), us-east-1"),
    ]


def one_machine() -> list[Row]:
    """Hours of one process: one stream of pages, THREADS copies at once."""
    listing = listing_seconds(1, 1)
    rows: list[Row] = [("list and plan", f"{pages():,.0f} pages", _time(listing))]
    for changed in CHANGED:
        seconds = copying_seconds(changed, 1, 1)
        rows.append((f"copy {changed:,}", f"{changed / seconds:,.0f} a second", _time(seconds)))
    return rows


def many_machines() -> list[Row]:
    """Time and cost of the machine, by what changed and by how many partitions S3 has made."""
    rows: list[Row] = []
    for changed in CHANGED:
        for partitions in PARTITIONS:
            phases = (
                planned(partitions),
                applied(changed, partitions),
                verified(changed, partitions),
            )
            rows.append(
                (
                    f"{changed:,}",
                    str(partitions),
                    *(_time(phase.seconds) for phase in phases),
                    _dollars(sum(phase.requests for phase in phases)),
                    _dollars(sum(phase.functions for phase in phases)),
                    _dollars(sum(phase.transitions for phase in phases)),
                )
            )
    return rows


def _time(seconds: float) -> str:
    """In the unit that reads best.

    >>> [_time(seconds) for seconds in (40, 400, 40_000, 400_000)]
    ['40 s', '7 min', '11.1 h', '4.6 days']
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}"


def table(headings: Row, rows: Iterable[Row]) -> str:
    """In Markdown.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables() -> list[str]:
    """Those of docs/scale.md, in its order."""
    times, costs = ("plan", "apply", "verify"), ("requests", "Lambda", "transitions")
    headings = ("keys changed", "partitions", *times, *costs)
    return [
        table(("one process", "", "takes"), one_machine()),
        table(headings, many_machines()),
        table(("what", "how much", "from"), assumed()),
    ]


if __name__ == "__main__":
    print("\n\n".join(tables()))
