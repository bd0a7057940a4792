"""A simulated year as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from functions.report.words import count, duration
from lab.year import Lived, Outcome, Ring, first_messages
from lab.year_page import short_name

_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}


def table(lived: Lived) -> Group:
    """What was injected when, which alarm rang after how long, when it cleared, who was told."""
    return Group(*_parts(lived))


def verdict(lived: Lived) -> str:
    """The last line: how many were injected and found, and how many alarms were false."""
    found = sum(outcome.found for outcome in lived.outcomes)
    return f"injected {len(lived.outcomes)}, found {found}, false alarms {len(lived.false_alarms)}"


def _parts(lived: Lived) -> Iterator[RenderableType]:
    planned = lived.planned
    yield Text(
        f"{lived.watched.stack}, {planned.start:%d %b %Y} to {planned.end:%d %b %Y}:"
        f" {lived.runs} runs, {lived.collections:,} collections,"
        f" {len(lived.declared.names())} alarms,"
        f" {count(len(first_messages(lived)), 'message')} at the first deployment",
        style="dim",
    )
    for outcome in lived.outcomes:
        injected = outcome.injected
        yield Text.assemble(
            (f"\n{injected.mark}  ", "bold"),
            (f"{injected.begins:%d %b %H:%M}  ", "dim"),
            injected.what,
        )
        yield _rings(lived, outcome)
    for ring in lived.false_alarms:
        yield Text(f"\nfalse alarm: {ring.alarm}, {ring.at:%d %b %Y %H:%M}", style="bold red")


def _rings(lived: Lived, outcome: Outcome) -> RenderableType:
    made = Table.grid(padding=(0, 2, 0, 0), expand=True)
    made.add_column(width=1)
    made.add_column(width=8)
    made.add_column(width=10, justify="right")
    made.add_column(ratio=1, overflow="fold")
    heard = [ring for ring in outcome.rings if ring.told or ring.held]
    for ring in heard:
        made.add_row("", *_ring(lived, outcome, ring))
    for name in outcome.missing:
        made.add_row("", Text("missing", style="bold red"), "", Text(f"{name} did not ring"))
    if not heard and not outcome.missing:
        return Text("   nothing rang, rightly", style="green dim")
    return made


def _ring(lived: Lived, outcome: Outcome, ring: Ring) -> tuple[Text, Text, Text]:
    name = short_name(ring.alarm, lived.watched.stack)
    cleared = f"cleared {ring.cleared:%d %b %H:%M}" if ring.cleared else "not cleared that year"
    return (
        Text(ring.severity, style=_STYLES.get(ring.severity, "")),
        Text(duration((ring.at - outcome.injected.begins).total_seconds())),
        Text.assemble(name, (f"\n{cleared}; told {ring.who}", "dim")),
    )
