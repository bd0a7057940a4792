"""Every condition has an alarm that counts a metric that is published, and a page to read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.watch.conditions import (
    FINDINGS,
    OF_DRILLS,
    OF_SOURCES,
    OF_WATCH,
    SEVERITIES,
    alarm_of_drill,
    alarm_of_source,
)
from functions.watch.watched import Watched
from infra.config import load
from tests.infra.cfn import Template
from tests.infra.published import published

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
LONGEST_DESCRIPTION = 1024
MOST_ACTIONS = 5
WEEK_SECONDS = 604_800
MOMENT = re.compile(r"drill-(.+-failed|production-touched|reminder-errors)(?<!rotation-failed)")
"""That one of these clears does not mean that something was mended: it is not told."""


@pytest.fixture(scope="module")
def watched() -> Watched:
    from infra.watched import watched

    return watched(load(ROOT / "drills.yaml"))


def metric_alarms(template: Template) -> dict[str, dict[str, Any]]:
    return {each["AlarmName"]: each for each in template.of_type("AWS::CloudWatch::Alarm").values()}


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Both kinds, by their names."""
    composites = template.of_type("AWS::CloudWatch::CompositeAlarm").values()
    return {**metric_alarms(template), **{each["AlarmName"]: each for each in composites}}


def metrics_of(alarm: dict[str, Any]) -> Iterator[tuple[str, str, frozenset[tuple[str, str]]]]:
    """Namespace, name and dimensions of each metric that an alarm reads."""
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"], dimensions(alarm)
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            yield metric["Namespace"], metric["MetricName"], dimensions(metric)


def dimensions(metric: dict[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((each["Name"], each["Value"]) for each in metric.get("Dimensions", []))


class TestOfSources:
    def test_every_condition_that_alarms_has_one_and_no_other(
        self, template: Template, watched: Watched
    ) -> None:
        expected = {
            alarm_of_source(watched.stack, source.kind, source.name, condition): condition
            for source in watched.sources
            for condition in OF_SOURCES[source.kind]
            if condition.alarms
        }
        assert len(watched.sources) == 3
        counted = {
            name: alarm
            for name, alarm in metric_alarms(template).items()
            if any(key == "Kind" for key, _ in dimensions(alarm))
        }
        assert counted.keys() == expected.keys()
        for name, condition in expected.items():
            alarm = counted[name]
            assert alarm["MetricName"] == FINDINGS
            assert (alarm["Statistic"], alarm["Period"]) == ("Maximum", 3600)
            assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (
                1,
                "GreaterThanOrEqualToThreshold",
            )
            assert alarm["EvaluationPeriods"] == condition.periods
            assert alarm["DatapointsToAlarm"] == condition.datapoints
            assert alarm["TreatMissingData"] == "ignore"
            assert alarm["AlarmDescription"].startswith(f"{condition.severity}: ")


class TestOfDrills:
    def test_every_condition_that_alarms_has_one(
        self, template: Template, watched: Watched
    ) -> None:
        found = metric_alarms(template)
        for drill in watched.drills:
            for condition in OF_DRILLS:
                name = alarm_of_drill(drill.name, condition)
                assert (name in found) is condition.alarms, name
                if condition.alarms:
                    severity = condition.severity or drill.severity
                    assert found[name]["AlarmDescription"].startswith(f"{severity}: ")
                    assert ("Drill", drill.name) in dimensions(found[name])

    def test_one_that_is_overdue_rings_without_data_but_not_at_first(
        self, template: Template, watched: Watched
    ) -> None:
        for drill in watched.drills:
            alarm = metric_alarms(template)[f"drill-{drill.name}-overdue"]
            assert alarm["TreatMissingData"] == "breaching"
            assert alarm["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"] == 360
            assert "AlarmActions" not in alarm

    def test_all_that_are_overdue_are_one_message_unless_the_collector_is_silent(
        self, template: Template, watched: Watched
    ) -> None:
        (composite,) = template.of_type("AWS::CloudWatch::CompositeAlarm").values()
        assert composite["AlarmName"] == "drill-overdue-medium"
        children = set(re.findall(r'ALARM\("([^"]+)"\)', composite["AlarmRule"]))
        assert children == {f"drill-{drill.name}-overdue" for drill in watched.drills}
        assert composite["ActionsSuppressor"].endswith(":alarm:drill-collector-silent")
        assert composite["AlarmActions"] == composite["OKActions"]

    def test_its_children_are_made_before_it(self, template: Template) -> None:
        (composite,) = (
            resource
            for resource in template.resources.values()
            if resource["Type"] == "AWS::CloudWatch::CompositeAlarm"
        )
        made = {
            name
            for name, alarm in template.of_type("AWS::CloudWatch::Alarm").items()
            if alarm["AlarmName"].endswith("-overdue")
            if not alarm["AlarmName"].endswith("rotation-overdue")
        }
        assert made <= set(composite["DependsOn"])


class TestOfTheWatch:
    @pytest.mark.parametrize(
        ("name", "metric"),
        [("drill-collector-silent", "Collections"), ("drill-sweeper-silent", "Sweeps")],
    )
    def test_silence_rings_after_three_hours_of_four_and_not_at_first(
        self, template: Template, name: str, metric: str
    ) -> None:
        alarm = metric_alarms(template)[name]
        assert (alarm["MetricName"], alarm["Statistic"]) == (metric, "Sum")
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "LessThanThreshold")
        assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 4)
        assert alarm["TreatMissingData"] == "breaching"
        assert alarm["WarmUpConfiguration"]["WarmUpPeriodDurationInMinutes"] == 360

    def test_leftovers_and_what_bears_no_tag(self, template: Template) -> None:
        found = metric_alarms(template)
        assert found["drill-leftovers"]["MetricName"] == "ExpiredScratch"
        assert found["drill-leftovers"]["DatapointsToAlarm"] == 3
        assert found["drill-untagged"]["MetricName"] == "UntaggedScratch"
        assert found["drill-untagged"]["AlarmDescription"].startswith("low: ")

    def test_each_condition_of_the_watch_itself_has_one(self, template: Template) -> None:
        for condition in OF_WATCH:
            alarm = metric_alarms(template)[f"drill-{condition.name}"]
            assert (alarm["Namespace"], alarm["MetricName"]) == ("BackupDrills", FINDINGS)
            assert dimensions(alarm) == {("Condition", condition.name)}
            assert alarm["TreatMissingData"] == "ignore"
            assert alarm["AlarmDescription"].startswith(f"{condition.severity}: backup-drills: ")

    def test_a_sweep_that_raised_is_not_tried_again_at_once(self, template: Template) -> None:
        """Lambda's own tries would count as errors of two hours."""
        alarm = metric_alarms(template)["drill-sweeper-errors"]
        assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (2, 3)
        sweeper = template.called("AWS::Lambda::Function", "Functionssweeper")
        invoked = template.only("AWS::Lambda::EventInvokeConfig")
        assert invoked["FunctionName"] in (sweeper, "drill-sweeper")
        assert invoked["MaximumRetryAttempts"] == 0

    def test_what_a_function_of_the_watch_raises(self, template: Template) -> None:
        for name in ("sweeper", "reminder"):
            alarm = metric_alarms(template)[f"drill-{name}-errors"]
            assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
            assert dimensions(alarm) == {("FunctionName", f"drill-{name}")}


class TestAll:
    def test_all_are_heard_and_say_how_urgent_they_are_and_where_to_read(
        self, template: Template
    ) -> None:
        topic = next(name for name in template.of_type("AWS::SNS::Topic") if "Alarms" in name)
        for name, alarm in alarms(template).items():
            severity, _, text = alarm["AlarmDescription"].partition(": ")
            assert severity in SEVERITIES, name
            assert len(alarm["AlarmDescription"]) <= LONGEST_DESCRIPTION, name
            assert re.search(r": .+\. First: .+\. Runbook: docs/runbook\.md#[a-z-]+$", text), name
            assert "NAME" not in text or name.startswith("drill-overdue-"), name
            if not re.fullmatch(r"drill-(?!.*rotation-overdue).*-overdue", name):
                assert alarm["AlarmActions"] == [template.arn(topic)], name
                over = [] if MOMENT.fullmatch(name) else [template.arn(topic)]
                assert alarm.get("OKActions", []) == over, name
            assert "InsufficientDataActions" not in alarm

    def test_each_leads_to_a_section_of_the_runbook_and_each_section_is_of_one(
        self, template: Template
    ) -> None:
        named = {
            alarm["AlarmDescription"].rpartition("#")[2] for alarm in alarms(template).values()
        }
        assert named == set(re.findall(r"^## (\S+)$", RUNBOOK, re.MULTILINE))

    def test_each_counts_what_the_code_or_aws_publishes(
        self, template: Template, watched: Watched
    ) -> None:
        known = published(watched, namespace="BackupDrills")
        for name, alarm in metric_alarms(template).items():
            for namespace, metric, of in metrics_of(alarm):
                if namespace == "BackupDrills":
                    assert (metric, of) in known, name
                else:
                    assert (namespace, metric) in OF_AWS, name

    def test_cloudwatch_takes_their_periods(self, template: Template) -> None:
        for name, alarm in metric_alarms(template).items():
            period = alarm.get("Period") or max(
                each["MetricStat"]["Period"] for each in alarm["Metrics"] if "MetricStat" in each
            )
            assert period * alarm["EvaluationPeriods"] <= WEEK_SECONDS, name
            assert len(alarm.get("AlarmActions", [])) <= MOST_ACTIONS, name


OF_AWS = {
    ("AWS/Events", "TriggeredRules"),
    ("AWS/Lambda", "Errors"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/States", "ExecutionsAborted"),
    ("AWS/States", "ExecutionsFailed"),
    ("AWS/States", "ExecutionsTimedOut"),
}
