"""What a rotation drill costs beside the rotation itself: `python -m bench.rotation`.

In one lab, run by run: a bare rotation of the rehearsal's secret by the same function, then the
drill; at last a rotation that locks everybody out for a known time, to see how near the drill's
measurement comes to it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.drills import report_of
from lab import standing
from lab.__main__ import LABS
from lab.credentials import Other
from lab.lab import Lab

LOCKED_SECONDS = 3
LOOK_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A bare rotation and a drill, in seconds; `calls` are what the drill's functions called."""

    bare: float
    rotation: float
    whole: float
    logins: int
    calls: Counter[str]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.rotation", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="%(default)s")
    runs = parser.parse_args().runs
    console = Console(highlight=False, width=80)
    LABS.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="drill-bench-", dir=LABS))
    standing.own(folder, stays=False)
    try:
        with Lab(
            folder, scale=0.05, tell=lambda stage: console.print(f"[dim]... {stage}[/]")
        ) as lab:
            _drill(lab)  # the first one starts every function's process
            found = [_run(lab) for _ in range(runs)]
            locked = _locked_out(lab)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    console.print(_table(found, locked))


def _run(lab: Lab) -> Run:
    bare = _bare(lab)
    before = len(lab.emulator.calls)
    report = _drill(lab)
    facts = {fact["name"]: fact["value"] for fact in report["facts"]}
    words = facts["Neither password worked for"].split()
    logins = sum(int(word) for word in words[3:] if word.isdecimal())
    made = lab.emulator.calls[before:]
    return Run(
        bare=bare,
        rotation=report["objectives"]["rto"]["measured_seconds"],
        whole=report["run"]["seconds"],
        logins=logins,
        calls=Counter(f"{call.service}:{call.operation}" for call in made if call.role),
    )


def _bare(lab: Lab) -> float:
    """Seconds from RotateSecret until AWSCURRENT is on the new version, watched by nobody else."""
    secrets, name = lab.emulator.client("secretsmanager"), _drilled(lab).rehearsal_secret
    began = time.perf_counter()
    version = secrets.rotate_secret(SecretId=name)["VersionId"]
    while "AWSCURRENT" not in secrets.describe_secret(SecretId=name)["VersionIdsToStages"].get(
        version, []
    ):
        time.sleep(LOOK_SECONDS)
    seconds = time.perf_counter() - began
    lab.emulator.secrets.wait(name, 30)
    return seconds


def _locked_out(lab: Lab) -> float:
    """What the drill measures of a rotation that lets nobody in for LOCKED_SECONDS."""
    other = Other(
        module="damaged", environment={"FAULT": json.dumps({"locks_out_seconds": LOCKED_SECONDS})}
    )
    name = _drilled(lab).rotation_function
    undo = lab.credentials.replace_function(name, other, lab.folder)
    report = _drill(lab)
    undo()
    (check,) = [c for c in report["checks"] if c["name"] == "lockout"]
    return float(check["observed"].split()[0])


def _drill(lab: Lab) -> dict[str, Any]:
    return report_of(lab, lab.start_drill(_drilled(lab).name))


def _drilled(lab: Lab) -> Any:
    return lab.configuration.rotations[0]


def _table(runs: list[Run], locked: float) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("of one run, medians", "", "ratio"):
        table.add_column(heading, justify="left" if heading.startswith("of") else "right")
    bare, rotation = median(r.bare for r in runs), median(r.rotation for r in runs)
    table.add_row("bare rotation, until AWSCURRENT has moved", f"{bare:.2f} s", "1.00")
    watched = "the same while the drill watches and logs in"
    table.add_row(watched, f"{rotation:.2f} s", f"{rotation / bare:.2f}")
    whole = median(r.whole for r in runs)
    table.add_row("the whole drill", f"{whole:.2f} s", f"{whole / bare:.2f}")
    table.add_row("logins while it watches", f"{median(r.logins for r in runs):.0f}", "")
    table.add_row("calls of AWS by the drill's functions", f"{sum(runs[-1].calls.values())}", "")
    for operation, number in runs[-1].calls.most_common(4):
        table.add_row(f"  {operation}", f"{number}", "")
    table.add_row(
        f"lockout measured, where it is {LOCKED_SECONDS} s",
        f"{locked:.2f} s",
        f"{locked / LOCKED_SECONDS:.2f}",
    )
    return table


if __name__ == "__main__":
    main()
