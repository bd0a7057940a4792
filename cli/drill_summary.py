"""The report of a drill on the terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.live import bar
from functions import clock, kinds
from functions.model import CheckClass, Status, Verdict
from functions.report.words import (
    STATUS_WORDS,
    Report,
    class_title,
    count,
    duration,
    instant,
    title,
)

VERDICT_STYLES: Final = {
    Verdict.PASS: "bold white on green",
    Verdict.FAIL: "bold white on red",
    Verdict.INCONCLUSIVE: "bold black on yellow",
    Verdict.REFUSED: "bold white on magenta",
    Verdict.SKIPPED: "bold white on bright_black",
}
_STATUS_STYLES: Final = {
    Status.PASSED: "green",
    Status.FAILED: "bold red",
    Status.NOT_RUN: "yellow",
}


def summary_table(report: Report, *, page: str = "", ascii_only: bool = False) -> RenderableType:
    """A report on a screen: verdict, measurements, checks by class, what went wrong, phases.

    `page` is the path of the HTML report; `ascii_only` is for a terminal that shows nothing else.
    """
    parts: list[RenderableType] = [_verdict(report), Text(), _facts(report, page)]
    if report["checks"]:
        parts += [Text(), _classes(report)]
    wrong = _wrong(report)
    if wrong is not None:
        parts += [Text(), wrong]
    if report["phases"]:
        parts += [Text(), _phases(report, ascii_only=ascii_only)]
    return Group(*parts)


def verdict_text(verdict: str) -> Text:
    """A verdict by its colour; one that is none of ours without any."""
    known = verdict in list(Verdict)
    return Text(f" {verdict} ", style=VERDICT_STYLES[Verdict(verdict)] if known else "")


def _verdict(report: Report) -> RenderableType:
    verdict = Verdict(report["verdict"])
    badge = Text(f"  {verdict.value}  ", style=VERDICT_STYLES[verdict])
    lines = [Text.assemble(badge, "  ", (report["headline"], "bold"))]
    if verdict is not Verdict.PASS:
        lines.append(Text(report["cause"]))
        lines.append(Text(f"What to do: {report['action']}"))
    for number, step in enumerate(report["remedy"], start=1):
        lines.append(Text(f"{number}. {step}", no_wrap=True, overflow="ignore"))
    return Group(*lines)


def _facts(report: Report, page: str) -> Table:
    objectives, resources = report["objectives"], report["resources"]
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    words = kinds.vocabulary(report["drill"]["kind"])
    name = words.recovery_name
    table.add_row("source", Text(report["source"]["name"] or "not known"))
    if words.risks_data:
        table.add_row("restore point", instant(report["restore"]["time"]))
    table.add_row(f"{name[:1].lower()}{name[1:]}", _objective(objectives["rto"]))
    if words.risks_data:
        table.add_row("data at risk (RPO)", _objective(objectives["rpo"]))
    for fact in report["facts"]:
        table.add_row(f"{fact['name'][:1].lower()}{fact['name'][1:]}", Text(fact["value"]))
    if resources["leftovers"]:
        names = ", ".join(r["name"] for r in resources["leftovers"])
        told = words.left_behind.format(names=names)
        table.add_row(words.removal.lower(), Text(told, style="bold red"))
    elif resources["proven"]:
        told = words.removed_note.format(deleted=count(len(resources["deleted"]), "resource"))
        table.add_row(words.removal.lower(), f"{words.removed}: {told}")
    if page:
        table.add_row("report", Text(page, style="cyan", no_wrap=True, overflow="ignore"))
    return table


def _objective(objective: Mapping[str, Any]) -> Text:
    measured, allowed = objective["measured_seconds"], objective["objective_seconds"]
    told = Text().append(duration(measured), style=_met_style(objective["met"]))
    if allowed is not None:
        told.append(f"  of {duration(allowed)} allowed", style="dim")
    return told


def _met_style(met: bool | None) -> str:
    return {True: "green", False: "bold red", None: "dim"}[met]


def _classes(report: Report) -> Table:
    words = kinds.vocabulary(report["drill"]["kind"])
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("checks")
    for status in Status:
        table.add_column(STATUS_WORDS[status], justify="right")
    for each in CheckClass:
        tally = report["classes"][each.value]
        if any(tally.values()):
            table.add_row(
                class_title(each, words),
                *(_number(tally[status.value], status) for status in Status),
            )
    return table


def _number(number: int, status: Status) -> Text:
    return Text(f"{number:,}", style=_STATUS_STYLES[status]) if number else Text("0", style="dim")


def _wrong(report: Report) -> Table | None:
    """What failed and what could not run; None where there is nothing of the kind."""
    wrong = [c for c in report["checks"] if c["status"] != Status.PASSED]
    if not wrong:
        return None
    wrong.sort(key=lambda c: (c["status"] != Status.FAILED, c["by_configuration"]))
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    named = {c["target"] for c in wrong}
    headings = ["check", "of", "expected", "observed"]
    if len(named) == 1:
        # Said once, the others have room to be read.
        headings.remove("of")
        table.title, table.title_justify, table.title_style = f"of {named.pop()}", "left", "dim"
    table.add_column("result", no_wrap=True)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for check, targets in _alike(wrong):
        status = Status(check["status"])
        style = "dim" if check["by_configuration"] else _STATUS_STYLES[status]
        told = "not measured" if check["by_configuration"] else STATUS_WORDS[status]
        detail = f" ({check['detail']})" if check["detail"] else ""
        others = f" and {len(targets) - 1} more" if len(targets) > 1 else ""
        cells = {
            "check": title(check["name"]),
            "of": f"{targets[0]}{others}",
            "expected": check["expected"],
            "observed": f"{check['observed']}{detail}",
        }
        table.add_row(Text(told, style=style), *(Text(cells[heading]) for heading in headings))
    return table


def _alike(checks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """Checks that say the same of several targets, as one each; what failed is told one by one."""
    groups: dict[tuple[Any, ...], tuple[Mapping[str, Any], list[str]]] = {}
    for check in checks:
        said = tuple(check[key] for key in ("name", "status", "expected", "observed", "detail"))
        if check["status"] == Status.FAILED:
            said = (*said, check["target"])
        groups.setdefault(said, (check, []))[1].append(check["target"])
    yield from groups.values()


def _phases(report: Report, *, ascii_only: bool) -> Table:
    phases: Sequence[Mapping[str, Any]] = report["phases"]
    origin = min(clock.parse(p["started_at"]) for p in phases)
    whole = (max(clock.parse(p["ended_at"]) for p in phases) - origin).total_seconds()
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("phases", no_wrap=True)
    recovery = kinds.vocabulary(report["drill"]["kind"]).recovery.lower()
    table.add_column(f"(blue: part of the {recovery})", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    for phase in phases:
        start = (clock.parse(phase["started_at"]) - origin).total_seconds()
        style = "bold blue" if phase["in_rto"] else "bright_black"
        table.add_row(
            Text(title(phase["name"])),
            bar(start, phase["seconds"], whole, style=style, width=40, ascii_only=ascii_only),
            Text(duration(phase["seconds"])),
        )
    return table
