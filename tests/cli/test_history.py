"""`history` and `report`: the runs that the ledger knows, and what their reports say."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli import runs
from tests.cli.conftest import Terminal
from tests.cli.deployment import AURORA, FILES, ROTATION, Deployed
from tests.cli.machine_readable import told
from tests.unit import report_samples

NOW = datetime.now(UTC)
RUN = "20261102-1a2b3c"


def year(deployed: Deployed) -> None:
    """A drill that is slower and slower, and one that failed."""
    for month, seconds in enumerate((600.0, 610.0, 620.0, 900.0)):
        began = NOW - timedelta(days=30 * (4 - month))
        deployed.ran(AURORA, f"2026070{month}-00000{month}", began, rto_seconds=seconds)
    deployed.ran(
        *(FILES, RUN, NOW - timedelta(days=1)), verdict="FAIL", cause="[b]2 keys[/b] differ"
    )


def test_the_latest_run_is_first(terminal: Terminal, deployed: Deployed) -> None:
    year(deployed)
    document = told(terminal.type("history", "--stack", deployed.stack, "--json"))
    assert [run["drill"] for run in document["runs"]] == [FILES, *[AURORA] * 4]
    first, second = document["runs"][:2]
    assert (first["id"], first["verdict"], first["cause"]) == (RUN, "FAIL", "[b]2 keys[/b] differ")
    assert (second["seconds"], second["rto_seconds"], second["level"]) == (1200, 900, "bounded")
    trends = {trend["drill"]: trend for trend in document["trends"]}
    assert trends[AURORA]["rto_seconds"] == [600, 610, 620, 900]
    assert trends[AURORA]["direction"] == "48% slower than before"
    assert trends[FILES]["rto_seconds"] == [], "what failed has no recovery time"


def test_one_drill_and_so_many_runs(terminal: Terminal, deployed: Deployed) -> None:
    year(deployed)
    words = ("history", AURORA, "--stack", deployed.stack, "--limit", "2")
    document = told(terminal.type(*words, "--json"))
    assert (document["drill"], document["total"], len(document["runs"])) == (AURORA, 4, 2)
    shown = terminal.type(*words).out
    assert "2 earlier runs not shown" in shown
    assert f"RTO of {AURORA}  ▁▁▁█  10 min to 15 min, last 15 min, 48% slower" in shown


def test_people_are_told_why_as_it_was_written(terminal: Terminal, deployed: Deployed) -> None:
    year(deployed)
    shown = terminal.type("history", "--stack", deployed.stack).out
    assert f"{RUN}  FAIL: [b]2 keys[/b] differ" in shown


def test_a_terminal_of_ascii_gets_no_bars(terminal: Terminal, deployed: Deployed) -> None:
    year(deployed)
    ran = terminal.begin("history", AURORA, "--stack", deployed.stack, PYTHONIOENCODING="ascii")
    ended = ran.ended()
    assert ended.status == 0, ended.err
    assert ended.out.isascii()
    assert f"RTO of {AURORA}  10 min to 15 min" in ended.out


def test_no_run_yet(terminal: Terminal, deployed: Deployed) -> None:
    assert "no run yet" in terminal.type("history", ROTATION, "--stack", deployed.stack).out
    ran = terminal.type("report", ROTATION, "--stack", deployed.stack)
    assert ran.status == 3
    again = f"python -m cli run {ROTATION} --watch --stack {deployed.stack}"
    assert f"RUN: '{ROTATION}': this drill never ran: {again}\n" in ran.err
    assert again in terminal.type("history", ROTATION, "--stack", deployed.stack).out


def test_a_drill_that_was_removed_keeps_its_history(terminal: Terminal, deployed: Deployed) -> None:
    removed = "aurora-of-old"
    deployed.ran(AURORA, RUN, NOW, into=removed)
    document = told(terminal.type("history", removed, "--stack", deployed.stack, "--json"))
    assert [run["id"] for run in document["runs"]] == [RUN]


def test_the_report_of_a_run_and_of_the_last_one_of_a_drill(
    terminal: Terminal, deployed: Deployed
) -> None:
    deployed.ran(AURORA, "20261003-1a2b3d", NOW - timedelta(days=50))
    deployed.ran(AURORA, RUN, NOW - timedelta(days=20))
    deployed.reported(AURORA, RUN, report_samples.failed().report())
    of_drill = terminal.type("report", AURORA, "--stack", deployed.stack)
    of_run = terminal.type("report", RUN, "--stack", deployed.stack)
    assert of_drill == of_run
    assert of_run.status == 0
    assert "FAIL" in of_run.out
    assert "48,112 to 48,119 rows" in of_run.out
    address = f"s3://{deployed.bucket}/{AURORA}/2026/{RUN}/report.html"
    assert f"report: {address}" in of_run.out
    document = told(terminal.type("report", RUN, "--stack", deployed.stack, "--json"))
    assert (document["run"], document["address"], document["files"]) == (RUN, address, None)
    assert document["report"]["verdict"] == "FAIL"


def test_a_run_that_was_skipped_is_not_the_last_one(terminal: Terminal, deployed: Deployed) -> None:
    deployed.ran(AURORA, RUN, NOW - timedelta(days=20), verdict="FAIL")
    deployed.reported(AURORA, RUN, report_samples.failed().report())
    for day, run in ((2, "20261124-1a2b3c"), (1, "20261125-1a2b3c")):
        deployed.ran(AURORA, run, NOW - timedelta(days=day), verdict="SKIPPED")
        deployed.reported(AURORA, run)
    words = ("report", AURORA, "--stack", deployed.stack)
    document = told(terminal.type(*words, "--json"))
    assert (document["run"], document["skipped_since"]) == (RUN, 2)
    assert document["report"]["verdict"] == "FAIL"
    history = f"python -m cli history {AURORA} --stack {deployed.stack}"
    shown = terminal.type(*words).out
    assert f"2 newer runs of {AURORA} were skipped: {history}\n" in shown
    of_run = terminal.type("report", "20261125-1a2b3c", "--stack", deployed.stack, "--json")
    assert (told(of_run)["run"], told(of_run)["skipped_since"]) == ("20261125-1a2b3c", 0)


def test_a_report_is_saved_and_opened(terminal: Terminal, deployed: Deployed) -> None:
    deployed.ran(AURORA, RUN, NOW)
    deployed.reported(AURORA, RUN)
    opened = terminal.folder / "opened"
    browser = f"{sys.executable} -c \"open('{opened}', 'w').write('%s')\""
    ran = terminal.begin(
        "report", RUN, "--stack", deployed.stack, "--open", "--json", BROWSER=browser
    ).ended()
    files = told(ran)["files"]
    page = terminal.folder / files["html"]
    assert page == terminal.folder / ".backup-drills" / "reports" / RUN / "report.html"
    assert page.read_text().startswith("<!doctype html>")
    assert opened.read_text() == page.as_uri()
    saved = json.loads((terminal.folder / files["json"]).read_text())
    assert saved["verdict"] == "PASS"


def test_a_report_is_saved_where_it_was_asked_for(terminal: Terminal, deployed: Deployed) -> None:
    deployed.ran(AURORA, RUN, NOW)
    deployed.reported(AURORA, RUN)
    ran = terminal.type("report", RUN, "--stack", deployed.stack, "--save", "kept")
    assert f"report: {Path('kept') / RUN / 'report.html'}" in ran.out
    kept = {path.name for path in (terminal.folder / "kept" / RUN).iterdir()}
    assert kept == {"report.html", "report.json"}


@pytest.mark.parametrize(
    ("of", "told_in_err"),
    [
        ("aurora", f"NAME: 'aurora': there is no such drill: did you mean {AURORA}? There are"),
        ("20261102-1a2b3d", f"'20261102-1a2b3d': there is no such run: did you mean {RUN}?"),
        (RUN, f"{AURORA}/2026/{RUN}/report.json does not exist"),
    ],
)
def test_what_is_not_there_is_named(
    terminal: Terminal, deployed: Deployed, of: str, told_in_err: str
) -> None:
    deployed.ran(AURORA, RUN, NOW)
    ran = terminal.type("report", of, "--stack", deployed.stack)
    assert (ran.status, ran.out) == (3, "")
    assert told_in_err in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_run_of_an_older_version_lacks_what_was_not_written_then() -> None:
    facts = {"verdict": "PASS", "started_at": "2026-11-02T08:00:00Z", "execution": "arn"}
    run = runs.read(AURORA, facts)
    assert (run.seconds, run.level, run.checks["passed"], run.id) == (None, "", 0, "")
