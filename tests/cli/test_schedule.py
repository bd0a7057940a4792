"""`schedule`: what runs when, as the deployment itself has it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from cli import cron_words
from cli.access import Aws
from cli.deployed import find
from cli.schedule import schedule
from functions import clock, cron
from tests.cli.conftest import Terminal
from tests.cli.deployment import AURORA, CRONS, FILES, ROTATION, ZONE, Deployed
from tests.cli.machine_readable import told

NOW = datetime.now(UTC)


def rows(terminal: Terminal, deployed: Deployed) -> dict[str, dict[str, Any]]:
    document = told(terminal.type("schedule", "--stack", deployed.stack, "--json"))
    return {row["name"]: row for row in document["schedules"]}


def test_every_schedule_is_told_with_the_last_run_of_its_drill(
    terminal: Terminal, deployed: Deployed
) -> None:
    deployed.ran(AURORA, "20260903-1a2b3e", NOW - timedelta(days=80))
    deployed.ran(AURORA, "20261102-1a2b3c", NOW - timedelta(days=20), verdict="FAIL")
    deployed.ran(FILES, "20261110-1a2b3c", NOW - timedelta(days=12), verdict="SKIPPED")
    deployed.switch_off(FILES)
    found = rows(terminal, deployed)
    assert list(found) == [AURORA, FILES, ROTATION, "collector", "reminder", "sweeper"]
    aurora = found[AURORA]
    assert (aurora["kind"], aurora["runs"], aurora["enabled"]) == ("aurora", 2, True)
    assert aurora["last_run"]["id"] == "20261102-1a2b3c"
    assert aurora["last_run"]["verdict"] == "FAIL"
    due = cron.last_before(CRONS[AURORA], ZONE, datetime.now(UTC))
    assert due
    assert aurora["last_due"] == clock.render(due)
    coming = datetime.fromisoformat(aurora["next_local"])
    assert coming == clock.parse(aurora["next"])
    assert (coming.hour, coming.weekday(), (coming.day - 1) // 7) == (5, 0, 0)
    assert found[FILES]["enabled"] is False
    assert found[FILES]["next"] is None
    assert found[ROTATION]["last_run"] is None
    assert found["collector"]["words"] == "every hour"
    assert found["collector"]["kind"] is None


def test_people_see_what_is_off_and_what_never_ran(terminal: Terminal, deployed: Deployed) -> None:
    deployed.ran(AURORA, "20261102-1a2b3c", NOW - timedelta(days=20))
    deployed.switch_off(FILES)
    ran = terminal.type("schedule", "--stack", deployed.stack)
    assert ran.status == 0
    line = next(line for line in ran.out.splitlines() if line.startswith(FILES))
    assert "switched off" in line
    assert "never" in line
    assert f"2 drills never ran: {FILES}, {ROTATION}" in ran.out
    assert "the first Monday of the month, 05:00" in ran.out
    assert "restore-bucket-prod" not in ran.out, "a machine that is no drill is none"


def test_eighty_columns_are_enough(
    terminal: Terminal, deployed: Deployed, monkeypatch: Any
) -> None:
    deployed.ran(AURORA, "20261102-1a2b3c", NOW - timedelta(days=20))
    deployed.ran(FILES, "20261102-1a2b3d", NOW - timedelta(days=20))
    monkeypatch.setenv("COLUMNS", "80")
    for command in ("schedule", "history"):
        ran = terminal.type(command, "--stack", deployed.stack)
        lines = [line.rstrip() for line in ran.out.splitlines()]
        assert max(map(len, lines)) <= 80
        assert any(line.startswith(AURORA) for line in lines), "names are whole"
    assert "America/Sao_Paulo" in terminal.type("schedule", "--stack", deployed.stack).out


def test_forty_columns_are_enough(deployed: Deployed) -> None:
    """A row becomes a few lines, and no word of it is broken."""
    deployed.ran(AURORA, "20261102-1a2b3c", NOW - timedelta(days=20))
    aws = Aws()
    console = Console(width=40, record=True, file=io.StringIO())
    console.print(schedule(aws, find(aws, deployed.stack), now=datetime.now(UTC)).shown)
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert AURORA in lines
    assert max(map(len, lines)) <= 40
    told_of = " ".join(" ".join(lines).split())
    assert "when: the first Monday of the month, 05:00, America/Sao_Paulo" in told_of
    assert f"{FILES} when: the second Tuesday of the month" in told_of
    assert "last run (UTC): never" in told_of
    assert "collector when: every hour next, there (UTC): within the hour reminder" in told_of


def test_a_run_that_was_skipped_hides_no_failure(terminal: Terminal, deployed: Deployed) -> None:
    deployed.ran(AURORA, "20261102-1a2b3c", NOW - timedelta(days=20), verdict="FAIL")
    for day in (3, 2):
        ago = NOW - timedelta(days=day)
        deployed.ran(AURORA, f"2026112{day}-1a2b3c", ago, verdict="SKIPPED")
    deployed.ran(FILES, "20261124-1a2b3d", NOW - timedelta(days=2), verdict="SKIPPED")
    found = rows(terminal, deployed)
    assert (found[AURORA]["last_run"]["verdict"], found[AURORA]["skipped_since"]) == ("FAIL", 2)
    assert (found[FILES]["last_run"]["verdict"], found[FILES]["skipped_since"]) == ("SKIPPED", 0)
    assert "2 skipped since" in terminal.type("schedule", "--stack", deployed.stack).out


def test_a_drill_without_a_schedule_is_told(terminal: Terminal, deployed: Deployed) -> None:
    deployed.unschedule(f"drill-{AURORA}")
    found = rows(terminal, deployed)[AURORA]
    assert (found["expression"], found["enabled"], found["next"]) == (None, False, None)
    assert "there is no schedule" in terminal.type("schedule", "--stack", deployed.stack).out


def test_the_words_of_the_shipped_calendar() -> None:
    assert {cron_words.words(f"cron({one})") for one in CRONS.values()} == {
        "the first Monday of the month, 05:00",
        "the second Monday of the month, 05:00",
        "the second Tuesday of the month, 05:00",
    }
