"""What the commands of the lab do; `lab/__main__.py` reads the command line."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli import drill_summary, live
from cli.answer import Certainty, answer
from infra.bundle import BundleError
from infra.config import ConfigurationError, load
from infra.schema import Drill
from lab import dashboard as dashboard_page
from lab import (
    overview,
    score_page,
    score_table,
    standing,
    summary,
    synthesis,
    year_page,
    year_table,
)
from lab import score as scored
from lab import year as simulated
from lab.cloudwatch import CloudWatch
from lab.damage import Damage, UnknownDamage, find_damage, list_damages
from lab.deploy import DeployError
from lab.emulator import EmulatorError
from lab.lab import Lab, LabError
from lab.postgres import PostgresError
from lab.score_healthy import HARMLESS
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
    """Run drills one after the other in a lab of their own; the exit status of the worst one.

    Without a name it runs the first drill of each kind.
    """
    damage = find_damage(chosen.damage) if chosen.damage else None
    if damage and damage.only_in_score:
        raise LabError(f"damage {damage.name}: python -m lab score --only {damage.name} does it")
    names = _chosen(chosen, damage)
    with _own_lab(chosen, console, damage=damage) as lab:
        _say_what_is_not_real(lab, console)
        if damage:
            console.print(f"[yellow]damage: {damage.description}[/]")
        reports = [_run(lab, name, chosen, console) for name in names]
        if len(reports) > 1:
            console.print()
            console.print(summary.overview(zip(names, reports, strict=True)))
        for failure in lab.rds.failures:
            console.print(f"behind a status `failed`: {failure}", style="red", markup=False)
        if chosen.json:
            _write(chosen.json, reports[0] if len(reports) == 1 else reports)
        return max(EXIT[report["verdict"]] if report else COULD_NOT_RUN for report in reports)


@contextmanager
def _own_lab(
    chosen: argparse.Namespace, console: Console, *, damage: Damage | None = None
) -> Iterator[Lab]:
    """A lab in a folder of its own, which tells at every stage how long it took."""
    with (
        _own_folder(chosen, console) as folder,
        Lab(
            folder,
            damage=damage,
            drills=chosen.drills,
            scale=chosen.scale,
            port=chosen.port,
            tell=_clock(console),
        ) as lab,
    ):
        yield lab


@contextmanager
def _own_folder(chosen: argparse.Namespace, console: Console) -> Iterator[Path]:
    """A folder that is gone afterwards, unless it is to be kept."""
    labs = chosen.folder.resolve()
    labs.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="drill-", dir=labs))
    standing.own(folder, stays=False)
    try:
        yield folder
    finally:
        if chosen.keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _clock(console: Console) -> Callable[[str], None]:
    """What tells of a stage, and how long it took to get there."""
    began = time.monotonic()

    def tell(stage: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/]  {escape(stage)}")

    return tell


def _chosen(chosen: argparse.Namespace, damage: Damage | None) -> list[str]:
    """The drills to run. Raises LabError, and ConfigurationError."""
    drills = load(chosen.drills).drills
    known = {drill.name: drill for drill in drills}
    for name in chosen.names:
        if name not in known:
            raise LabError(
                f"drill {name!r} is not in {chosen.drills.name}: expected {', '.join(known)}"
            )
    if damage is None:
        return list(chosen.names) or _first_of_each_kind(drills)
    first = next((drill.name for drill in drills if drill.kind == damage.kind), "")
    names = list(chosen.names) or [first]
    for name in names:
        drill = known.get(name)
        fits = drill is not None and drill.kind == damage.kind
        if not fits or damage.only_mode not in ("", getattr(drill, "mode", "")):
            in_mode = f" in mode {damage.only_mode}" if damage.only_mode else ""
            raise LabError(
                f"damage {damage.name}: {name or 'no drill'}: expected a drill of the kind"
                f" {damage.kind}{in_mode}"
            )
    return names


def _first_of_each_kind(drills: Sequence[Drill]) -> list[str]:
    """The names of the drills that are the first of their kind."""
    first = {drill.kind: drill.name for drill in reversed(drills)}
    return [drill.name for drill in drills if drill.name in first.values()]


def _run(lab: Lab, name: str, chosen: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run one drill to its end and sum it up; its report, empty where it left none."""
    execution = lab.start_drill(name, chosen.input)
    states = lab.emulator.client("stepfunctions")
    told = live.follow(states, execution, name=name, console=console)
    report = _report_of(lab, execution)
    if report is None:
        console.print(f"the drill left no report: {told.cause}", style="red", markup=False)
        return {}
    page = _save(lab, report, chosen.folder.resolve() / "reports")
    ascii_only = console.options.ascii_only
    console.print()
    console.print(drill_summary.summary_table(report, page=str(page), ascii_only=ascii_only))
    return report


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


def _save(lab: Lab, report: dict[str, Any], reports: Path) -> Path:
    """Keep the report where the lab's end does not reach; the path of the page."""
    folder = reports / str(report["run"]["id"])
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "report.json", report)
    page = folder / "report.html"
    page.write_bytes(lab.evidence(f"{report['run']['key']}/report.html"))
    return page


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


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


def dashboard(chosen: argparse.Namespace, console: Console) -> int:
    """Run the first drill of each kind, let the watch look once, and render the dashboard.

    The exit status is 0 where the answer is yes, else 1.
    """
    labs = chosen.folder.resolve()
    with _own_lab(chosen, console) as lab:
        metrics = CloudWatch(lab.emulator, lab.functions)
        overview.run_drills(lab, _first_of_each_kind(load(chosen.drills).drills))
        overview.watch(lab)
        seen = overview.look(lab, metrics)
    page = labs / "reports" / "dashboard.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(dashboard_page.page(seen), encoding="utf-8")
    console.print()
    told = answer(seen.state, now=seen.now)
    console.print(told.sentence, style="bold", markup=False)
    console.print(f"page: {page}", markup=False)
    return 0 if told.certainty is Certainty.YES else 1


def year(chosen: argparse.Namespace, console: Console) -> int:
    """Let a year go by on a virtual clock; 1 if a failure was not found or a false alarm rang."""
    if chosen.html:
        _check_page(chosen.html)
    began = time.monotonic()
    lived = simulated.live(synthesis.resources(chosen.drills), start=chosen.start)
    console.print(year_table.table(lived))
    console.print()
    if chosen.html:
        chosen.html.write_text(year_page.page(lived), encoding="utf-8")
        console.print(f"page: {chosen.html}", markup=False)
    console.print(f"[dim]{time.monotonic() - began:.1f} s[/]")
    console.print(year_table.verdict(lived), style="green" if lived.good else "bold red")
    return 0 if lived.good else 1


def _check_page(page: Path, option: str = "--html") -> None:
    """Raises LabError for a file that cannot be written: before a year goes by, not after it."""
    if page.is_dir() or not page.parent.is_dir() or not os.access(page.parent, os.W_OK):
        raise LabError(f"{option}: {str(page)!r}: expected a file in a folder that can be written")


def score(chosen: argparse.Namespace, console: Console) -> int:
    """Do every damage to a copy; 1 if one was missed, or a healthy copy was not green."""
    damages = scored.choose(chosen.only)
    for option, file in (("--html", chosen.html), ("--json", chosen.json)):
        if file:
            _check_page(file, option)
    harmless = HARMLESS[:1] if chosen.only else HARMLESS
    with _own_folder(chosen, console) as folder:
        outcome = scored.run(folder, damages, harmless=harmless, tell=_clock(console))
    console.print()
    console.print(score_table.table(outcome, width=console.width))
    if chosen.html:
        chosen.html.write_text(score_page.page(outcome), encoding="utf-8")
        console.print(f"page: {chosen.html}", markup=False)
    if chosen.json:
        _write(chosen.json, outcome.to_document())
    console.print(f"[dim]{outcome.seconds:.1f} s[/]")
    console.print(outcome.sentence(), style="green" if outcome.good else "bold red")
    return 0 if outcome.good else 1


def damages(_: argparse.Namespace, console: Console) -> int:
    """List the known damages, one table for each kind of drill."""
    by_kind = attrgetter("kind")
    for kind, known in groupby(sorted(list_damages(), key=by_kind), key=by_kind):
        table = Table(box=None, title=f"of a drill of the kind {kind}", title_justify="left")
        table.add_column("damage", no_wrap=True)
        table.add_column("what is wrong")
        table.add_column("check that finds it", no_wrap=True)
        for damage in known:
            mode = f" (mode {damage.only_mode})" if damage.only_mode else ""
            table.add_row(damage.name, f"{damage.description}{mode}", damage.check)
        console.print(table)
    return 0
