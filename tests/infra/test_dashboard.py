"""The dashboard: its layout is the board's, and every metric on it is published by somebody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.report import metrics as report
from functions.watch import board
from functions.watch.watched import Drill, Source, Watched
from infra.config import load
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import synthesized
from tests.infra.published import published
from tests.infra.samples import content

ROOT = Path(__file__).parents[2]
OF_AWS = {("AWS/RDS", "TotalBackupStorageBilled")}


@pytest.fixture(scope="module")
def widgets(template: Template) -> list[dict[str, Any]]:
    body = template.only("AWS::CloudWatch::Dashboard")["DashboardBody"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


@pytest.fixture(scope="module")
def watched() -> Watched:
    from infra.watched import watched

    return watched(load(ROOT / "drills.yaml"))


def titles(widgets: list[dict[str, Any]]) -> list[str]:
    texts = (each["properties"]["markdown"] for each in widgets if each["type"] == "text")
    return [text.removeprefix("## ") for text in texts if text.startswith("## ")]


def metrics(widget: dict[str, Any]) -> Iterator[tuple[str, str, frozenset[tuple[str, str]]]]:
    for entry in widget["properties"].get("metrics", []):
        namespace, name, *pairs = (each for each in entry if isinstance(each, str))
        yield namespace, name, frozenset(zip(pairs[::2], pairs[1::2], strict=True))


def test_it_begins_with_the_question_and_the_alarms(
    template: Template, widgets: list[dict[str, Any]]
) -> None:
    title, question, status, proof, *_ = widgets
    assert title["properties"]["markdown"] == "## Now"
    assert (
        "could we restore right now, and when did we last prove it?"
        in (question["properties"]["markdown"])
    )
    assert status["type"] == "alarm"
    every = len(template.of_type("AWS::CloudWatch::Alarm")) + len(
        template.of_type("AWS::CloudWatch::CompositeAlarm")
    )
    assert len(status["properties"]["alarms"]) == every <= 100
    assert [name for _, name, _ in metrics(proof)] == ["DaysSinceProof"] * 4


def test_there_is_a_row_for_each_source_and_each_drill(
    widgets: list[dict[str, Any]], watched: Watched
) -> None:
    assert titles(widgets) == [
        "Now",
        *(f"{source.name} ({source.kind})" for source in watched.sources),
        *(f"{drill.name} (of {drill.source})" for drill in watched.drills),
        "Cost of drills this month",
    ]


def test_every_metric_on_it_is_published(widgets: list[dict[str, Any]], watched: Watched) -> None:
    known = published(watched, namespace="BackupDrills")
    shown = [each for widget in widgets for each in metrics(widget)]
    assert len(shown) > 50
    for namespace, name, of in shown:
        if namespace == "BackupDrills":
            assert (name, of) in known
        else:
            assert (namespace, name) in OF_AWS


def test_objectives_are_level_lines(widgets: list[dict[str, Any]]) -> None:
    lines = {
        (next(iter(of))[1], name): widget["properties"]["annotations"]["horizontal"][0]["value"]
        for widget in widgets
        for _, name, of in metrics(widget)
        if name in (report.RTO, report.RPO) and "annotations" in widget["properties"]
    }
    assert lines[("aurora-prod-monthly", report.RTO)] == 1800
    assert lines[("aurora-prod-any-day", report.RTO)] == 2700
    assert lines[("aurora-prod-monthly", report.RPO)] == 300
    assert lines[("files-prod-monthly", report.RTO)] == 3600
    assert lines[("secret-prod-monthly", report.RTO)] == 60
    assert ("secret-prod-monthly", report.RPO) not in lines


def test_nothing_overlaps_and_nothing_is_wider_than_the_page(
    widgets: list[dict[str, Any]],
) -> None:
    taken: set[tuple[int, int]] = set()
    for each in widgets:
        cells = {
            (x, y)
            for x in range(each["x"], each["x"] + each["width"])
            for y in range(each["y"], each["y"] + each["height"])
        }
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells


def test_a_kind_that_the_board_does_not_know_shows_what_is_found_of_it() -> None:
    watched = Watched(
        stack="s", schedule_group="g", sources=(Source(kind="dynamodb", name="orders"),)
    )
    (_, row) = board.rows(watched)
    assert [widget.title for widget in row.widgets] == ["Findings"]


def test_a_drill_without_objectives_has_no_level_line() -> None:
    drill = Drill(
        name="d",
        kind="aurora",
        source="c",
        severity="medium",
        cron="0 5 1 * ? *",
        timezone="UTC",
        enabled=True,
        grace_seconds=1,
        machine="drill-d",
        schedule="drill-d",
    )
    found = board.rows(Watched(stack="s", schedule_group="g", drills=(drill,)))
    assert [row.title for row in found] == ["Now", "d (of c)", "Cost of drills this month"]
    assert {widget.objective for row in found for widget in row.widgets} == {None}


def test_there_need_be_none(tmp_path: Path) -> None:
    written = content({"kind": "s3_versions"}, watch={"dashboard": False})
    (tmp_path / "drills.yaml").write_text(json.dumps(written))
    template = resolve(synthesized(tmp_path / "drills.yaml", tmp_path))
    assert template.of_type("AWS::CloudWatch::Dashboard") == {}
    assert template.of_type("AWS::CloudWatch::Alarm")
