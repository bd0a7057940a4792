"""`python -m cli report`: the report of a run, on the terminal, in a folder, in the browser."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cli import runs
from cli.access import Aws
from cli.deployed import Deployment, expected
from cli.drill_summary import summary_table
from cli.errors import CannotRun
from cli.history import recorded
from cli.output import Told
from cli.run import Asked
from cli.runs import Run
from functions.report.words import Report, count


def report(
    aws: Aws,
    deployment: Deployment,
    *,
    of: str,
    opens: bool,
    save: Path | None,
    asked: Asked,
    ascii_only: bool = False,
) -> Told:
    """The report of a run, or of the last run of a drill that was not skipped.

    It is saved where `save` says.

    Raises CannotRun where there is no such run, and EvidenceMissing where its report is gone.
    """
    run, skipped = _run(aws, deployment, of, asked)
    told = deployment.evidence.get_json(f"{run.key}/report.json")
    address = f"s3://{deployment.bucket}/{run.key}/report.html"
    files = kept(deployment, run.key, told, save / run.id) if save else None
    page = files["html"] if files else address
    lines = ["", f"report: {page}"]
    if skipped:
        newer = count(skipped, "newer run")
        verb = "was" if skipped == 1 else "were"
        lines.append(f"{newer} of {run.drill} {verb} skipped: {asked.again('history', run.drill)}")
    if files and opens and not webbrowser.open(Path(page).resolve().as_uri()):
        lines.append("no browser could be opened: open that page yourself")
    document = {
        "command": "report",
        "stack": deployment.stack,
        "run": run.id,
        "skipped_since": skipped,
        "address": address,
        "files": files,
        "report": told,
    }
    return Told(
        document=document,
        shown=summary_table(told, ascii_only=ascii_only),
        lines=tuple(lines),
    )


def kept(deployment: Deployment, key: str, told: Report, folder: Path) -> dict[str, str]:
    """Where a report and its page now are, in a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / "report.html", folder / "report.json"
    page.write_bytes(deployment.evidence.get_bytes(f"{key}/report.html"))
    data.write_text(_written(told), encoding="utf-8")
    return {"html": str(page), "json": str(data)}


def _written(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _run(aws: Aws, deployment: Deployment, of: str, asked: Asked) -> tuple[Run, int]:
    """The run that is meant, by id or as the last of a drill; and how many were skipped since."""
    if not runs.is_run_id(of):
        last, skipped = runs.last(recorded(aws, deployment, of))
        if not last:
            to_run = asked.again("run", of, "--watch")
            raise CannotRun(f"RUN: {of!r}: this drill never ran: {to_run}")
        return last, skipped
    found = recorded(aws, deployment, "")
    for run in found:
        if run.id == of:
            return run, 0
    raise CannotRun(f"RUN: {of!r}: there is no such run: {_known(of, found)}")


def _known(of: str, found: Iterable[Run]) -> str:
    """The latest runs, or the one that may have been meant."""
    return expected(of, [run.id for run in runs.newest_first(list(found))][:10])
