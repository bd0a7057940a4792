"""The lab's dashboard when things are not well, and what no page may do."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.watch.watched import Drill, Source, Watched
from lab.dashboard import Seen, page
from lab.declared import Declared, declared
from lab.page import badge, table
from lab.series import minute_of
from lab.simulation import Simulation
from lab.timeline import run

START = datetime(2027, 1, 1, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"

WATCHED = Watched(
    stack="backup-drills",
    schedule_group="drill-backup-drills",
    sources=(
        Source(
            kind="s3_versions",
            name="files",
            wanted={
                "kept": [{"prefix": "", "days": 30}],
                "encryption": [],
                "public_access_block": True,
                "replication": "if_replicated",
            },
        ),
    ),
    drills=(
        Drill(
            name="files-monthly",
            kind="s3_versions",
            source="files",
            severity="medium",
            cron="0 5 ? * 3#2 *",
            timezone="UTC",
            enabled=True,
            grace_seconds=43_200,
            machine="drill-files-monthly",
            schedule="drill-files-monthly",
        ),
    ),
)


def alarms() -> Declared:
    """An alarm on the versioning of the bucket."""
    properties: dict[str, Any] = {
        "AlarmName": "versioning-off",
        "AlarmDescription": f"critical: files: versioning is off {HOSTILE}",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Dimensions": [
            {"Name": "Condition", "Value": "versioning-off"},
            {"Name": "Kind", "Value": "s3_versions"},
            {"Name": "Source", "Value": "files"},
        ],
        "EvaluationPeriods": 1,
        "MetricName": "Findings",
        "Namespace": "BackupDrills",
        "Period": 3600,
        "Statistic": "Maximum",
        "Threshold": 1,
        "TreatMissingData": "ignore",
    }
    return declared({"A": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}})


def seen(*faults: str, verdicts: tuple[str, ...] = ("PASS",), hours: int = 5) -> Seen:
    """A deployment some hours old, whose source has these faults."""
    simulation = Simulation(watched=WATCHED, began=START)
    simulation.faults["files"] = set(faults)
    for place, verdict in enumerate(verdicts):
        started = START + timedelta(minutes=10 + 20 * place)
        simulation.run(
            WATCHED.drills[0], started=started, scheduled=None, verdict=verdict, cause=HOSTILE
        )
    for hour in range(1, hours):
        simulation.collect(START + timedelta(hours=hour))
    now = START + timedelta(hours=hours)
    found = alarms()
    return Seen(
        watched=WATCHED,
        state=simulation.state,
        points=simulation.points,
        declared=found,
        timeline=run(
            found.alarms, (), simulation.points, start=minute_of(START), end=minute_of(now)
        ),
        now=now,
    )


def headline(shown: str) -> str:
    found = re.search(
        r'<header class="verdict (\w+)">.*<h1 class="answer">(.*?)</h1>', shown, re.DOTALL
    )
    assert found is not None
    return f"{found[1]}: {found[2]}"


@pytest.mark.parametrize(
    ("found", "begins"),
    [
        (seen(), "passed: Yes"),
        (seen("versioning-off"), "failed: No: a restore of files would not work today"),
        (seen("unreadable"), "not_run: Nobody knows: files could not be looked at"),
        (seen(verdicts=()), "not_run: Nobody knows: nothing stands in the way, but no drill"),
        (seen(verdicts=("PASS", "FAIL")), "not_run: Nobody knows: the last run of files-monthly"),
        (seen(hours=1), "not_run: Nobody knows: the collector has left no state"),
    ],
)
def test_the_first_sentence_is_the_answer(found: Seen, begins: str) -> None:
    assert headline(page(found)).startswith(begins)


def test_a_finding_stands_with_its_source_and_its_alarm_below() -> None:
    shown = page(seen("versioning-off"))
    assert "versioning-off: files: versioning: Suspended: expected Enabled" in shown
    assert re.search(r'row critical">\s*<h3>files \(s3_versions\)', shown)
    assert "1 of 1 ring" in shown
    assert "0 of 1 ring" in page(seen())


def test_runs_are_shown_by_their_verdicts() -> None:
    squares = re.findall(r'<i class="(\w+)" title="(\w+),', page(seen(verdicts=("PASS", "FAIL"))))
    assert squares == [("passed", "PASS"), ("failed", "FAIL")]


def test_a_drill_that_never_passed_was_not_proved_today() -> None:
    never = "<b>never</b><span>Days since proof</span>"
    assert never in page(seen(verdicts=()))
    assert never in page(seen(verdicts=("FAIL",)))
    assert never not in page(seen())


def test_a_source_is_not_proved_by_the_drill_of_another_one_of_its_name() -> None:
    found = seen()
    assert "last proof, by files-monthly" in page(found)
    state = deepcopy(found.state)
    assert state is not None
    state["drills"][0]["kind"] = "aurora"
    shown = page(replace(found, state=state))
    assert "last proof, by files-monthly" not in shown
    assert headline(shown).startswith("not_run: Nobody knows: nothing stands in the way, but no")


def test_what_was_read_cannot_write_the_page() -> None:
    shown = page(seen("versioning-off", verdicts=("FAIL",)))
    assert "&lt;script&gt;" in shown
    assert "<script" not in shown
    assert "default-src 'none'" in shown


def test_cells_are_escaped_unless_they_are_markup() -> None:
    shown = table(("a",), [(HOSTILE,), (badge("b", tone="low"),)])
    assert "&lt;script&gt;" in shown
    assert '<span class="badge low">b</span>' in shown
