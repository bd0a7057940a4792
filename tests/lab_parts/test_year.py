"""A simulated year of the shipped drills: all that is injected is found, and nothing else rings."""

from __future__ import annotations

import re
from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from lab import commands, synthesis, year, year_page
from lab.__main__ import DRILLS, main
from lab.injections import COLLECTOR_SILENT
from lab.injections import year as planned_year
from lab.series import minute_of
from lab.year import Lived, first_messages, live

START = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def lived() -> Lived:
    return live(synthesis.resources(DRILLS), start=START)


def test_every_failure_is_found_and_no_alarm_is_false(lived: Lived) -> None:
    assert {outcome.injected.what: outcome.missing for outcome in lived.outcomes} == {
        outcome.injected.what: () for outcome in lived.outcomes
    }
    assert lived.false_alarms == []
    assert lived.good


def test_all_that_can_go_wrong_between_drills_was_injected(lived: Lived) -> None:
    told = " ".join(outcome.injected.what for outcome in lived.outcomes)
    for part in (
        "stands still for a weekend",
        "key of the cluster is disabled",
        "rotation fails",
        "suspends versioning",
        "switched off",
        "FAIL",
        "INCONCLUSIVE",
        "collector is dead for two days",
        "cannot be deleted",
        "fires twice",
        "two hours late",
        "dead letter",
        "one collection is missing",
    ):
        assert part in told


def test_every_schedule_fired_at_each_of_its_times(lived: Lived) -> None:
    months = 12
    assert len(lived.watched.drills) == 4
    assert lived.runs >= 4 * months
    assert lived.collections == 365 * 24 - 2 * 24 - 1


def test_what_is_critical_or_high_is_told_within_hours(lived: Lived) -> None:
    waits = {
        ring.alarm: ring.at - outcome.injected.begins
        for outcome in lived.outcomes
        for ring in outcome.rings
        if ring.severity == "critical"
    }
    assert waits
    assert max(waits.values()).total_seconds() < 3600


def test_who_is_told_depends_on_the_severity(lived: Lived) -> None:
    heard = {ring.severity: ring.told for ring in lived.rings if ring.told}
    assert heard["critical"] == ("devops@example.com", "cto@example.com")
    assert heard["high"] == ("devops@example.com",)


def test_a_new_deployment_says_nothing(lived: Lived) -> None:
    assert first_messages(lived) == []


def test_a_dead_collector_is_told_once_and_overdue_drills_are_held_back(lived: Lived) -> None:
    (outcome,) = (o for o in lived.outcomes if COLLECTOR_SILENT in o.injected.rings)
    told = [ring.alarm for ring in outcome.rings if ring.told]
    assert told == [COLLECTOR_SILENT]
    assert any(ring.held for ring in outcome.rings)


def test_a_ring_that_nothing_explains_is_a_false_alarm(lived: Lived) -> None:
    story = replace(lived.planned, injected=lived.planned.injected[2:])
    doubted = replace(lived, planned=story)
    assert doubted.false_alarms
    assert not doubted.good
    assert "False alarms" in year_page.page(doubted)


def test_an_alarm_that_does_not_ring_is_missed(lived: Lived) -> None:
    quiet = tuple(each for each in lived.timeline.changes if each.alarm != COLLECTOR_SILENT)
    deaf = replace(lived, timeline=replace(lived.timeline, changes=quiet))
    assert [outcome.missing for outcome in deaf.outcomes if not outcome.found] == [
        (COLLECTOR_SILENT,)
    ]
    assert not deaf.good
    assert f"did not ring: {COLLECTOR_SILENT}" in year_page.page(deaf)


def test_an_alarm_that_rings_too_late_is_missed(lived: Lived) -> None:
    late = tuple(
        replace(each, minute=each.minute + 600) if each.alarm == COLLECTOR_SILENT else each
        for each in lived.timeline.changes
    )
    slow = replace(lived, timeline=replace(lived.timeline, changes=late))
    assert not slow.good


def test_the_page_has_a_lane_for_each_alarm_that_rang(lived: Lived) -> None:
    shown = year_page.page(lived)
    assert len(re.findall('<rect class="lane"', shown)) == len({r.alarm for r in lived.rings})
    assert len(re.findall('<rect class="pin"', shown)) == len(lived.outcomes)
    assert "<script" not in shown
    assert 'data-label=":"' not in shown, "a column without a heading has nothing to say"
    names = re.findall(r'<text class="name"[^>]*>([^<]*)<', shown)
    assert max(map(len, names)) <= 51
    assert not [name for name in names if name.startswith("drill-")]


@pytest.mark.parametrize("good", [True, False])
def test_the_command_prints_it_and_its_exit_status_is_the_verdict(
    lived: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: bool
) -> None:
    shown = lived if good else replace(lived, planned=replace(lived.planned, injected=[]))
    monkeypatch.setattr(synthesis, "resources", lambda _: {})
    monkeypatch.setattr(year, "live", lambda _, *, start: replace(shown, runs=start.year))
    page, console = tmp_path / "year.html", Console(record=True, width=100)
    chosen = Namespace(drills=DRILLS, start=START, html=page)
    assert commands.year(chosen, console) == (0 if good else 1)
    last = console.export_text().strip().splitlines()[-1]
    number = len(lived.outcomes) if good else 0
    false = 0 if good else len(lived.rings)
    assert last == f"injected {number}, found {number}, false alarms {false}"
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("page", ["no-such/year.html", "."])
def test_a_page_that_cannot_be_written_is_refused_before_the_year(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    assert main(["year", "--html", str(tmp_path / page)]) == commands.COULD_NOT_RUN
    [line] = " ".join(capsys.readouterr().out.split("\n")).split("could not run: ")[1:]
    assert line.startswith("--html: ")
    assert "expected a file in a folder that can be written" in line


def test_a_day_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["year", "--start", "soon"])
    assert "expected a day, such as 2027-01-01" in capsys.readouterr().err


@pytest.mark.parametrize("start", ["2026-06-15", "2028-02-29", "2031-12-31"])
def test_a_year_may_begin_on_any_day(lived: Lived, start: str) -> None:
    begins = datetime.fromisoformat(f"{start}T00:00:00+00:00")
    story = planned_year(lived.watched, begins)
    assert len(story.injected) == len(lived.planned.injected)
    for each in story.injected:
        assert story.start < each.begins < each.ends < story.end
    alone = {minute_of(each.begins) for each in story.injected}
    assert len(alone) == len(story.injected)
