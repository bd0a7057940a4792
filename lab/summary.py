"""What several drills came to, on the terminal: a row for each."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from cli.drill_summary import VERDICT_STYLES
from functions.model import Status, Verdict
from functions.report.words import Report, duration


def overview(ran: Iterable[tuple[str, Report]]) -> Table:
    """One row a drill: its name, verdict, checks, and how long it took."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("drill", "kind", "verdict", "checks", "recovery", "took"):
        table.add_column(heading, no_wrap=True)
    for name, report in ran:
        if not report:
            table.add_row(name, "", Text("no report", style="bold red"))
            continue
        verdict, tally = Verdict(report["verdict"]), report["tally"]
        table.add_row(
            name,
            report["drill"]["kind"],
            Text(verdict.value, style=VERDICT_STYLES[verdict]),
            f"{tally['passed']:,} of {sum(tally[s.value] for s in Status):,}",
            duration(report["objectives"]["rto"]["measured_seconds"]),
            duration(report["run"]["seconds"]),
        )
    return table
