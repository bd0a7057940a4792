"""`python -m cli history`: the runs, the latest first, and where the recovery time goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from cli import runs
from cli.access import Aws
from cli.deployed import Deployment, at_once, drills, expected
from cli.drill_summary import verdict_text
from cli.errors import CannotRun
from cli.output import Told, plain_table
from cli.remembered import remember
from cli.run import Asked
from cli.runs import Run
from functions.model import Verdict
from functions.report.words import count, duration, instant


def history(
    aws: Aws,
    deployment: Deployment,
    *,
    name: str,
    limit: int,
    asked: Asked,
    ascii_only: bool = False,
) -> Told:
    """The last runs of a drill, or of all of them where no name is given.

    Raises CannotRun for a name that is no drill's and of which there is no run.
    """
    found = recorded(aws, deployment, name)
    newest = runs.newest_first(found)
    remember(runs=[run.id for run in newest])
    trends = {
        drill: runs.trend([run for run in found if run.drill == drill])
        for drill in sorted({run.drill for run in found})
    }
    document = {
        "command": "history",
        "stack": deployment.stack,
        "drill": name or None,
        "total": len(newest),
        "runs": [run.to_document() for run in newest[:limit]],
        "trends": [
            {"drill": drill, "rto_seconds": values, "direction": runs.direction(values)}
            for drill, values in trends.items()
        ],
    }
    if not newest:
        start = asked.again("run", name or "NAME", "--watch")
        return Told(document=document, lines=(f"no run yet: {start} starts one",))
    shown = _shown(newest, limit, trends, ascii_only=ascii_only)
    return Told(document=document, shown=shown)


def recorded(aws: Aws, deployment: Deployment, name: str) -> list[Run]:
    """All runs of a drill, or of every drill where no name is given. Raises CannotRun."""
    names = [name] if name else list(deployment.machines)
    of_each = at_once(lambda drill: deployment.ledger_of(drill).runs(), names)
    found = [
        runs.read(drill, facts) for drill, ran in zip(names, of_each, strict=True) for facts in ran
    ]
    if name and not found and name not in deployment.machines:
        known = [drill.name for drill in drills(aws, deployment)]
        raise CannotRun(f"NAME: {name!r}: there is no such drill: {expected(name, known)}")
    return found


def _shown(
    newest: Sequence[Run], limit: int, trends: dict[str, list[float]], *, ascii_only: bool
) -> RenderableType:
    table = plain_table("run", "verdict", "began (UTC)", "RTO", "RPO", "checks")
    table.padding = (0, 2, 0, 0)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for run in newest[:limit]:
        table.add_row(
            Text.assemble(run.id, (f"\n{run.drill}", "dim")),
            verdict_text(run.verdict),
            Text.assemble(
                instant(run.started_at, seconds=False).removesuffix(" UTC"),
                (f"\ntook {duration(run.seconds)}", "dim"),
            ),
            _measured(run.rto_seconds),
            _measured(run.rpo_seconds),
            _checks(run),
        )
    parts: list[RenderableType] = [table]
    parts += [Text(line) for line in _causes(newest[:limit])]
    parts += [Text(line, style="dim") for line in _trends(trends, ascii_only=ascii_only)]
    if len(newest) > limit:
        parts.append(Text(f"{count(len(newest) - limit, 'earlier run')} not shown", style="dim"))
    return Group(*parts)


def _measured(seconds: float | None) -> Text:
    return Text("-", style="dim") if seconds is None else Text(duration(seconds))


def _checks(run: Run) -> Text:
    whole = sum(run.checks.values())
    if not whole:
        return Text("-", style="dim")
    told = Text(f"{run.checks['passed']:,} of {whole:,}")
    return told.append(f"\n{run.level}", style="dim") if run.level else told


def _causes(shown: Sequence[Run]) -> Iterator[str]:
    """Why what did not pass did not."""
    for run in shown:
        if run.verdict != Verdict.PASS and run.cause:
            yield f"{run.id}  {run.verdict}: {run.cause}"


def _trends(trends: dict[str, list[float]], *, ascii_only: bool) -> Iterator[str]:
    """The recovery times of each drill that passed more than once."""
    for drill, values in trends.items():
        if len(values) < 2:
            continue
        bars = "" if ascii_only else f"{runs.steps(values[-24:])}  "
        low, high = duration(min(values)), duration(max(values))
        goes = runs.direction(values)
        told = f"{low} to {high}, last {duration(values[-1])}"
        yield f"RTO of {drill}  {bars}{told}{f', {goes}' if goes else ''}"
