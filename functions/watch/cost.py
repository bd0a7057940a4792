"""What drills cost, estimated: a run from what it measured, a month from its runs. Pure.

Estimates in US dollars, on the high side: a serverless instance counts with the most capacity that
it may take. Left out is what stays below a cent: the ledger, the evidence, requests to keys and
secrets, messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from functions import clock
from functions.model import Document
from functions.report.build import part
from functions.watch.prices import PRICES, Price
from functions.watch.watched import Drill

GIGABYTE: Final = 10**9
_PAGE_BYTES: Final = 8192
_HOUR: Final = 3600
_HOURS_OF_A_MONTH: Final = 730
_SERVERLESS: Final = "db.serverless"
_ASSUMED_CAPACITY: Final = 4.0
"""Aurora capacity units of a run that does not say: the default of drills.yaml."""

_STEPS: Final = ("plan", "witness", "exercise", "verify", "teardown")
_OF_THE_CLUSTER: Final = ("accepted", "cluster available")
_OF_THE_INSTANCE: Final = ("instance available", "first login", "verified", "torn down")
_READING: Final = ("witnessed", "verified")
_TRANSITIONS_A_CALL: Final = 3
_TRANSITIONS_BESIDE: Final = 10
_SECONDS_A_CALL: Final = 2.0
_WRITES_AN_OBJECT: Final = 3
_READS_AN_OBJECT: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of an estimate; `documented` says that AWS's own price was read."""

    name: str
    count: float
    unit: str
    dollars: float
    documented: bool

    @classmethod
    def of(cls, name: str, price: Price, count: float) -> Line:
        """So many at a price."""
        return cls(
            name=name,
            count=count,
            unit=price.unit,
            dollars=price.of(count),
            documented=price.documented,
        )


def total(lines: Sequence[Line]) -> float:
    """US dollars of all lines.

    >>> total([Line.of("alarms", PRICES.alarm, 12), Line.of("dashboards", PRICES.dashboard, 1)])
    4.2
    """
    return round(sum(line.dollars for line in lines), 4)


def usage(document: Document) -> dict[str, Any]:
    """What a run's cost is estimated from, beside its phases: for its entry in the ledger.

    Of whatever the document lacks there is nothing here.

    >>> usage({"drill": {"instance_class": "db.serverless", "capacity": {"min": 0.5, "max": 4.0}},
    ...        "plan": {"calls": 1}, "witness": {"calls": 2, "bytes": 10**9}})
    {'calls': 3, 'instance_class': 'db.serverless', 'capacity': 4.0, 'bytes': 1000000000}
    """
    drill = part(document, "drill")
    units = document.get("verify_units")
    calls = [part(document, step).get("calls") for step in _STEPS]
    counted = sum(n for n in calls if isinstance(n, int))
    found = {
        "calls": counted + (len(units) if isinstance(units, list) else 0),
        "instance_class": drill.get("instance_class"),
        "capacity": part(drill, "capacity").get("max"),
        "bytes": part(document, "witness").get("bytes"),
        "objects": part(document, "exercise").get("objects"),
    }
    return {name: value for name, value in found.items() if value is not None}


def of_run(facts: Mapping[str, Any]) -> list[Line]:
    """What a run cost, from its entry in the ledger; that of an older version says less."""
    used, phases = part(facts, "usage"), _phases(facts)
    calls = _number(used, "calls") or float(len(_STEPS))
    busy = _seconds(phases, _READING) + calls * _SECONDS_A_CALL
    lines = [
        Line.of(
            "state machine",
            PRICES.transitions,
            calls * _TRANSITIONS_A_CALL + _TRANSITIONS_BESIDE,
        ),
        Line.of("functions", PRICES.lambda_time, busy),
        Line.of("calls of functions", PRICES.lambda_calls, calls),
    ]
    if facts.get("kind") == "aurora":
        lines += _of_aurora(used, phases)
    elif facts.get("kind") == "s3_versions":
        lines += _of_objects(used)
    return lines


def month_to_date(drill: Drill, runs: Sequence[Mapping[str, Any]], now: datetime) -> float:
    """What the runs of a drill cost that began in the month of `now` (UTC), in US dollars.

    A run whose entry cannot be read counts nothing here: `standing` tells of it.
    """
    month = now.astimezone(UTC)
    begin = month.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return round(
        sum(
            total(of_run({"kind": drill.kind, **facts}))
            for facts in runs
            if (started := _start(facts)) and begin <= started <= month
        ),
        4,
    )


_STANDING: Final = {
    "keys": PRICES.key,
    "metrics": PRICES.metric,
    "alarms": PRICES.alarm,
    "composites": PRICES.composite,
    "dashboards": PRICES.dashboard,
    "secrets": PRICES.secret,
    "log_bytes": PRICES.logs_kept,
}


def standing(counts: Mapping[str, int]) -> list[Line]:
    """What stands between drills, each with what it costs in a month, in US dollars.

    >>> for line in standing({"keys": 2, "dashboards": 1, "log_bytes": 500_000_000}):
    ...     print(line.name, line.count, line.dollars)
    keys 2 2.0
    dashboards 1 3.0
    logs 0.5 0.015

    Raises ValueError for a thing that has no price here.
    """
    if unknown := sorted(set(counts) - set(_STANDING)):
        raise ValueError(f"no price for {', '.join(unknown)}: expected {', '.join(_STANDING)}")
    return [
        Line.of("logs", price, counts[name] / GIGABYTE)
        if name == "log_bytes"
        else Line.of(name, price, counts[name])
        for name, price in _STANDING.items()
        if name in counts
    ]


def _of_aurora(used: Mapping[str, Any], phases: Mapping[str, float]) -> Iterator[Line]:
    """The copy and the readings of both; a run that made no cluster read the source at most."""
    size = _number(used, "bytes")
    if size and phases.get("witnessed"):
        yield Line.of("reading the source", PRICES.aurora_io, size / _PAGE_BYTES)
    cluster = _seconds(phases, _OF_THE_CLUSTER)
    instance = _seconds(phases, _OF_THE_INSTANCE)
    if not cluster:
        return
    if phases.get("cluster available"):
        paid = max(instance, PRICES.aurora_least_seconds) / _HOUR
        yield _of_instance(used, paid)
    if size:
        months = (cluster + instance) / _HOUR / _HOURS_OF_A_MONTH
        yield Line.of("storage of the copy", PRICES.aurora_storage, size / GIGABYTE * months)
        if phases.get("verified"):
            yield Line.of("reading the copy", PRICES.aurora_io, size / _PAGE_BYTES)


def _of_instance(used: Mapping[str, Any], hours: float) -> Line:
    instance_class = str(used.get("instance_class") or _SERVERLESS)
    if instance_class == _SERVERLESS:
        capacity = _number(used, "capacity") or _ASSUMED_CAPACITY
        return Line.of("instance", PRICES.aurora_capacity, hours * capacity)
    return Line.of("instance", PRICES.aurora_large, hours * _larges(instance_class))


def _larges(instance_class: str) -> float:
    """How many instances of size large one is worth; a size that is not known counts as one.

    >>> [_larges(f"db.r7g.{size}") for size in ("large", "xlarge", "16xlarge", "metal")]
    [1.0, 2.0, 32.0, 1.0]
    >>> _larges("db.t4g.medium")
    0.5
    """
    size = instance_class.rpartition(".")[2]
    if size == "medium":
        return 0.5
    many = re.fullmatch(r"(\d*)xlarge", size)
    return 2.0 * int(many[1] or 1) if many else 1.0


def _of_objects(used: Mapping[str, Any]) -> Iterator[Line]:
    """Written, brought back and deleted; listed, read and compared."""
    objects = _number(used, "objects")
    if objects:
        yield Line.of("writing objects", PRICES.s3_writes, objects * _WRITES_AN_OBJECT)
        yield Line.of("reading objects", PRICES.s3_reads, objects * _READS_AN_OBJECT)


def _phases(facts: Mapping[str, Any]) -> dict[str, float]:
    found = part(facts, "phases")
    return {name: seconds for name in found if (seconds := _number(found, name))}


def _seconds(phases: Mapping[str, float], names: Sequence[str]) -> float:
    return sum(phases.get(name, 0.0) for name in names)


def _number(found: Mapping[str, Any], name: str) -> float:
    """A number above zero; 0 for what is not one."""
    value = found.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    return 0.0


def _start(facts: Mapping[str, Any]) -> datetime | None:
    try:
        return clock.parse(facts.get("started_at") or "")
    except ValueError:
        return None
