"""The first drill of drills.yaml in the lab, and the bare restore to the same moment beside it.

Both use the same server code (`lab.postgres`). Before each drill the functions' processes are
ended, so that each begins cold, as a drill that runs once a month does. The pauses with which the
lab imitates RDS are taken out: what is left is the restore, and the drill around it.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.spans import Event, StateTime, by_state, covered, spans
from functions import clock
from lab import aws, seed, standing
from lab.__main__ import LABS
from lab.lab import Lab
from lab.rds import Pace

BARE_RESTORES: Final = 3
"""For each drill: one takes so little time that a single disturbance would double it."""

PATIENCE_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.2

_INIT: Final = re.compile(r"\tInit Duration: ([\d.]+) ms")


class DrillNotPassed(Exception):
    """When a drill ended otherwise than in PASS, or not at all: there is nothing to measure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A drill and the bare restore to the same moment (the median of a few), in seconds.

    `phases` are those that the recovery time consists of. `works` and `waits` do not count twice
    what happened at the same time.
    """

    bare: float
    rto: float
    phases: dict[str, float]
    whole: float
    works: float
    starts: float
    waits: float
    states: dict[str, StateTime]


def measure(runs: int, *, scale: float, tell: Callable[[str], None]) -> list[Pair]:
    """So many pairs, in a lab of their own.

    Raises DrillNotPassed, and what the parts of the lab raise.
    """
    LABS.mkdir(exist_ok=True)
    # Where and how `python -m lab down` looks for it, should this process crash.
    folder = Path(tempfile.mkdtemp(prefix="drill-bench-", dir=LABS))
    standing.own(folder, stays=False)
    try:
        with Lab(folder, scale=scale, tell=tell) as lab:
            lab.rds.pace = Pace(creating=0, configuring=0, deleting=0, stopping=0)
            pairs = []
            for number in range(1, runs + 1):
                tell(f"drill and bare restores, {number} of {runs}")
                pairs.append(_pair(lab))
            return pairs
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pair(lab: Lab) -> Pair:
    functions = [aws.function_name(arn) for arn in lab.deployment.functions.values()]
    for function in functions:
        lab.functions.kill(function)
    before = {function: _starts(lab, function) for function in functions}
    execution = lab.start_drill(lab.configuration.aurora[0].name)
    report = report_of(lab, execution)
    starts = {function: _starts(lab, function) - before[function] for function in functions}
    events = _history(lab, execution)
    found = list(spans(events))
    works = covered(span for span in found if span.function)
    until = clock.parse(report["restore"]["time"])
    return Pair(
        bare=median(_bare_restore(lab, f"bare-{n}", until) for n in range(BARE_RESTORES)),
        rto=report["objectives"]["rto"]["measured_seconds"],
        phases={p["name"]: p["seconds"] for p in report["phases"] if p["in_rto"]},
        whole=(events[-1]["timestamp"] - events[0]["timestamp"]).total_seconds(),
        works=works,
        starts=sum(starts.values()),
        waits=covered(found) - works,
        states=by_state(found, starts),
    )


def _bare_restore(lab: Lab, name: str, until: datetime) -> float:
    """Seconds from the wish to the first connection."""
    source = lab.source.server
    assert source is not None
    began = time.perf_counter()
    server = lab.rds.servers.restore(name, source=source, until=until)
    with server.connect(seed.DATABASE) as connection:
        connection.execute("SELECT 1")
    seconds = time.perf_counter() - began
    lab.rds.servers.remove(name)
    return seconds


def report_of(lab: Lab, execution: str) -> dict[str, Any]:
    """The report of a drill, once it has ended."""
    states = lab.emulator.client("stepfunctions")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (ended := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        if time.monotonic() > deadline:
            raise DrillNotPassed(f"the drill did not end within {PATIENCE_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)
    if ended["status"] != "SUCCEEDED":
        raise DrillNotPassed(f"the drill ended as {ended['status']}: {ended.get('cause')}")
    key = json.loads(ended["output"])["report"]["report"]
    report: dict[str, Any] = json.loads(lab.evidence(key))
    return report


def _history(lab: Lab, execution: str) -> list[Event]:
    pages = lab.emulator.client("stepfunctions").get_paginator("get_execution_history")
    return [event for page in pages.paginate(executionArn=execution) for event in page["events"]]


def _starts(lab: Lab, function: str) -> float:
    """Seconds that all processes of a function took so far to import their handler."""
    lines = lab.functions.logs(function)
    return sum(float(found[1]) for line in lines if (found := _INIT.search(line))) / 1000
