"""The dashboard of a lab: what real drills and the real watch have left, on one page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab import overview
from lab.alarms import ALARM, OK
from lab.cloudwatch import CloudWatch
from lab.dashboard import Seen, page
from lab.lab import Lab
from lab.series import Metric

FIRST = ("aurora-prod-monthly", "secret-prod-monthly", "files-prod-monthly")


@pytest.fixture(scope="module")
def seen(lab: Lab) -> Iterator[Seen]:
    """After a run of the first drill of each kind, a collection and a sweep."""
    invoke = lab.emulator.invoke
    metrics = CloudWatch(lab.emulator, lab.functions)
    overview.run_drills(lab, FIRST)
    overview.watch(lab)
    yield overview.look(lab, metrics)
    lab.emulator.invoke = invoke


def test_the_answer_is_yes_and_says_when_it_was_proved(seen: Seen) -> None:
    headline = re.search(r'<h1 class="answer">(.*?)</h1>', page(seen))
    assert headline is not None
    assert headline[1].startswith("Yes: nothing stands in the way of a restore (3 sources)")


def test_every_source_and_every_drill_has_its_row(seen: Seen) -> None:
    titles = re.findall(r"<h3>(.*?) <span", page(seen))
    assert titles == [
        *(f"{source.name} ({source.kind})" for source in seen.watched.sources),
        *(f"{drill.name} (of {drill.source})" for drill in seen.watched.drills),
    ]


def test_the_metrics_are_those_that_functions_and_services_count(seen: Seen) -> None:
    drill = {"Drill": FIRST[0]}
    assert seen.points.last(Metric.of("BackupDrills", "DrillsPassed", drill)) == 1
    rto = seen.points.last(Metric.of("BackupDrills", "RtoSeconds", drill))
    assert rto is not None
    assert 0 < rto < 1800
    for metric in ("Collections", "Sweeps"):
        assert seen.points.last(Metric.of("BackupDrills", metric)) == 1
    of = {"FunctionName": "drill-collector"}
    assert seen.points.last(Metric.of("AWS/Lambda", "Invocations", of)) == 1
    assert seen.points.last(Metric.of("AWS/Lambda", "Errors", of)) == 0


def test_the_alarms_read_metrics_that_are_published(seen: Seen) -> None:
    """Of each alarm on what the watch publishes; those that a new deployment waits for wait."""
    published = set(seen.points.metrics())
    own = [
        query.metric
        for alarm in seen.declared.alarms
        for query in alarm.queries
        if query.metric.namespace == "BackupDrills"
    ]
    assert own
    assert published.issuperset(own)


def test_no_alarm_rings_and_most_are_well(seen: Seen) -> None:
    states = {change.alarm: change.after for change in seen.timeline.changes}
    assert ALARM not in states.values()
    waiting = set(seen.declared.names()) - {name for name, state in states.items() if state == OK}
    assert all(name.endswith(("-overdue", "-silent")) for name in waiting)
