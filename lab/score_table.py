"""A score as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.score_outcome import Found, Healthy, RowCount, Score, Verdict

_ROOMY = 130
"""Columns of a terminal that has room for what each damage breaks."""

_NARROW = 78
"""Columns of one that has no room for every name in one piece."""

_COUNTS = {RowCount.ALONE: "yellow", RowCount.FINDS: "", RowCount.MISSES: "dim"}


def table(score: Score, *, width: int) -> Group:
    """Every damage with what found it, then every healthy copy, for so many columns."""
    return Group(*_parts(score, roomy=width >= _ROOMY, narrow=width < _NARROW))


def _parts(score: Score, *, roomy: bool, narrow: bool) -> Iterator[RenderableType]:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column("damage", overflow="fold", no_wrap=not narrow)
    made.add_column("", overflow="fold")
    if roomy:
        made.add_column("what is wrong", ratio=3, overflow="fold")
    made.add_column("found by", ratio=2, overflow="fold")
    made.add_column("a count", overflow="fold", no_wrap=not narrow)
    made.add_column("", overflow="fold")
    for each in score.found:
        breaks = [Text(each.damage.description, style="dim")] if roomy else []
        count = each.row_count
        made.add_row(
            each.damage.name,
            Text(each.pages, style="dim"),
            *breaks,
            _checks(each),
            Text(count.value, style=_COUNTS[count]),
            _verdict(each.verdict),
        )
    yield made
    yield Text()
    yield _healthy(score)
    yield Text(f"\n{score.beside()}")


def _checks(each: Found) -> Text:
    """The check that must find it, then the others; what was not run in brackets."""
    told = Text()
    if each.expected in each.failed:
        told.append(each.expected, style="green")
    else:
        told.append(f"not {each.expected}", style="bold red")
    allowed = (each.damage.check, *each.damage.also)
    for name in each.failed:
        if name != each.expected:
            told.append(f" {name}", style="" if name in allowed else "bold red")
    if each.not_run:
        told.append(f" (not run: {', '.join(each.not_run)})", style="dim")
    return told


def _verdict(verdict: Verdict) -> Text:
    return Text(verdict.value, style="green" if verdict is Verdict.FOUND else "bold red")


def _healthy(score: Score) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column("healthy copy", no_wrap=True)
    made.add_column("", overflow="fold")
    for each in score.healthy:
        made.add_row(each.what, _alarms(each))
    return made


def _alarms(each: Healthy) -> Text:
    if each.alarms:
        return Text(f"false alarm: {', '.join(each.alarms)}", style="bold red")
    return Text("green", style="green")
