"""The lab's command line: `python -m lab drill aurora-prod-monthly`.

Exit status of a drill: 0 PASS or SKIPPED, 1 FAIL, 2 INCONCLUSIVE or REFUSED, 3 it could not run;
130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.table import Table

from infra.bundle import BundleError
from infra.config import ConfigurationError
from lab import live, standing
from lab.damage import UnknownDamage, find_damage, list_damages
from lab.deploy import DeployError
from lab.emulator import EmulatorError
from lab.lab import LABS, Lab, LabError
from lab.postgres import PostgresError
from lab.seed.writer import WriterFailed

EXIT = {"PASS": 0, "SKIPPED": 0, "FAIL": 1, "INCONCLUSIVE": 2, "REFUSED": 2}
COULD_NOT_RUN = 3
INTERRUPTED = 130

REPORTS = LABS / "reports"

STAND_INS = (
    "AWS is a moto server in this process: no quotas, no throttling, no real latencies.",
    "Aurora is PostgreSQL {version} of this machine: a restore is a base backup and WAL replay.",
    "Waits are shortened to {factor:.0%}; the restorable time lags {lag:.0f} s, not minutes.",
    "Networks are not isolated: functions are processes that share this machine.",
)
"""What the lab cannot do is said at the start of every drill: docs/lab.md has the whole list."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    signal.signal(signal.SIGTERM, _interrupted)
    command: Callable[[argparse.Namespace, Console], int] = chosen.command
    try:
        return command(chosen, console)
    except KeyboardInterrupt:
        console.print("\nstopped; nothing of the lab is left running")
        return INTERRUPTED
    except (
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
    ) as error:
        console.print(f"could not run: {error}", style="bold red", markup=False)
        return COULD_NOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    drill = commands.add_parser("drill", help="run one drill in a lab of its own")
    drill.add_argument("name", help="a drill of drills.yaml")
    drill.add_argument("--damage", help="damage the restored copy: python -m lab damages")
    drill.add_argument("--input", type=_json, default={}, help="input of the execution, as JSON")
    drill.add_argument("--json", type=Path, metavar="FILE", help="write the report there as well")
    drill.add_argument("--keep", action="store_true", help="keep the lab's folder: logs, evidence")
    drill.set_defaults(command=_drill)

    up = commands.add_parser("up", help="start a lab that stays, and say how to reach it")
    up.set_defaults(command=_up)

    damages = commands.add_parser("damages", help="list the known damages")
    damages.set_defaults(command=_damages)

    down = commands.add_parser("down", help="end every lab of this folder, crashed ones included")
    down.set_defaults(command=_down)

    for starts in (drill, up):
        starts.add_argument(
            "--scale", type=_scale, default=1.0, help="of the sample company's data"
        )
        starts.add_argument("--port", type=int, default=0, help="of the emulated AWS")
    return parser


def _drill(chosen: argparse.Namespace, console: Console) -> int:
    damage = find_damage(chosen.damage) if chosen.damage else None
    LABS.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="drill-", dir=LABS))
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
            page = _save(lab, report, also=chosen.json)
            ascii_only = console.options.ascii_only
            console.print()
            console.print(live.summary_table(report, page=str(page), ascii_only=ascii_only))
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


def _save(lab: Lab, report: dict[str, Any], *, also: Path | None) -> Path:
    """Keep the report where the lab's end does not reach; the path of the page."""
    folder = REPORTS / str(report["run"]["id"])
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    if also:
        also.write_text(text, encoding="utf-8")
    page = folder / "report.html"
    page.write_bytes(lab.evidence(f"{report['run']['key']}/report.html"))
    return page


def _up(chosen: argparse.Namespace, console: Console) -> int:
    standing.up(LABS, scale=chosen.scale, port=chosen.port, console=console)
    return 0


def _down(_: argparse.Namespace, console: Console) -> int:
    ended = standing.down(LABS)
    for line in ended or ["no lab is running"]:
        console.print(line, markup=False)
    return 0


def _damages(_: argparse.Namespace, console: Console) -> int:
    table = Table("damage", "what is wrong with the copy", "the check that must find it", box=None)
    for damage in list_damages():
        table.add_row(damage.name, damage.description, damage.check)
    console.print(table)
    return 0


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0.01 <= scale <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0.01 to 1000")
    return scale


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
