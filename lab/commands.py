"""What the commands of the lab do; `lab/__main__.py` reads the command line."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.table import Table

from infra.bundle import BundleError
from infra.config import ConfigurationError
from lab import live, standing
from lab.damage import UnknownDamage, find_damage, list_damages
from lab.deploy import DeployError
from lab.emulator import EmulatorError
from lab.lab import Lab, LabError, known_drills
from lab.postgres import PostgresError
from lab.seed.writer import WriterFailed

EXIT = {"PASS": 0, "SKIPPED": 0, "FAIL": 1, "INCONCLUSIVE": 2, "REFUSED": 2}
COULD_NOT_RUN = 3

EXPECTED = (
    BotoCoreError,
    BundleError,
    ConfigurationError,
    DeployError,
    EmulatorError,
    LabError,
    OSError,
    PostgresError,
    UnknownDamage,
    WriterFailed,
)
"""The errors that say what to do; any other is a fault of the lab, and shows its traceback."""

STAND_INS = (
    "AWS is a moto server in this process: no throttling, no real latencies.",
    "Aurora is PostgreSQL {version} of this machine: a restore is a base backup and WAL replay.",
    "Waits are shortened to {factor:.0%}; the restorable time lags {lag:.0f} s, not minutes.",
    "Networks are not isolated: functions are processes that share this machine.",
)
"""What the lab cannot do is said at the start of every drill: docs/lab.md has the whole list."""


def drill(chosen: argparse.Namespace, console: Console) -> int:
    """Run one drill in a lab of its own; the exit status."""
    damage = find_damage(chosen.damage) if chosen.damage else None
    if chosen.name not in (known := known_drills()):
        raise LabError(f"drill {chosen.name!r} is not in drills.yaml: expected {', '.join(known)}")
    labs = chosen.folder.resolve()
    labs.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="drill-", dir=labs))
    standing.own(folder, stays=False)
    began = time.monotonic()

    def tell(stage: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/]  {stage}")

    lab = Lab(folder, damage=damage, scale=chosen.scale, port=chosen.port, tell=tell)
    try:
        with lab:
            _say_what_is_not_real(lab, console)
            if damage:
                console.print(f"[yellow]damage: {damage.description}[/]")
            execution = lab.start_drill(chosen.name, chosen.input)
            states = lab.emulator.client("stepfunctions")
            told = live.follow(states, execution, name=chosen.name, console=console)
            report = _report_of(lab, execution)
            if report is None:
                console.print(f"the drill left no report: {told.cause}", style="red", markup=False)
                return COULD_NOT_RUN
            page = _save(lab, report, labs / "reports", also=chosen.json)
            ascii_only = console.options.ascii_only
            console.print()
            console.print(live.summary_table(report, page=str(page), ascii_only=ascii_only))
            for failure in lab.rds.failures:
                console.print(f"behind a status `failed`: {failure}", style="red", markup=False)
            return EXIT[report["verdict"]]
    finally:
        if chosen.keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _say_what_is_not_real(lab: Lab, console: Console) -> None:
    facts = {
        "version": lab.rds.servers.version,
        "factor": lab.time_factor,
        "lag": lab.rds.restorable_lag.total_seconds(),
    }
    for line in STAND_INS:
        console.print(f"[dim]not as in AWS: {line.format(**facts)}[/]")


def _report_of(lab: Lab, execution: str) -> dict[str, Any] | None:
    """The report that the evidence bucket holds of an execution."""
    bucket = lab.deployment.evidence_bucket
    pages = lab.emulator.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    for page in pages:
        for entry in page.get("Contents", []):
            if entry["Key"].endswith("/report.json"):
                report: dict[str, Any] = json.loads(lab.evidence(entry["Key"]))
                if report["run"]["execution"] == execution:
                    return report
    return None


def _save(lab: Lab, report: dict[str, Any], reports: Path, *, also: Path | None) -> Path:
    """Keep the report where the lab's end does not reach; the path of the page."""
    folder = reports / str(report["run"]["id"])
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    if also:
        also.write_text(text, encoding="utf-8")
    page = folder / "report.html"
    page.write_bytes(lab.evidence(f"{report['run']['key']}/report.html"))
    return page


def up(chosen: argparse.Namespace, console: Console) -> int:
    """Start a lab that stays."""
    standing.up(chosen.folder.resolve(), scale=chosen.scale, port=chosen.port, console=console)
    return 0


def down(chosen: argparse.Namespace, console: Console) -> int:
    """End the labs that stay, and what crashed ones left."""
    ended = standing.down(chosen.folder.resolve())
    for line in ended or ["no lab is running"]:
        console.print(line, markup=False)
    return 0


def damages(_: argparse.Namespace, console: Console) -> int:
    """List the known damages."""
    table = Table("damage", "what is wrong with the copy", "the check that must find it", box=None)
    for damage in list_damages():
        table.add_row(damage.name, damage.description, damage.check)
    console.print(table)
    return 0
