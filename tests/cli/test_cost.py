"""`cost`: what stands, and what ran this month, estimated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli import metric_hours
from cli.access import Aws
from cli.cost import cost
from cli.deployed import find
from cli.metric_hours import whole_metrics
from lab.calls import Call
from tests.cli.conftest import Terminal
from tests.cli.deployment import AURORA, FILES, Deployed
from tests.cli.machine_readable import told


def test_what_stands_and_what_ran_is_counted(terminal: Terminal, deployed: Deployed) -> None:
    now = datetime.now(UTC)
    phases = {"accepted": 4.0, "cluster available": 460.0, "instance available": 360.0}
    deployed.ran(AURORA, "20261102-1a2b3c", now - timedelta(seconds=9), phases=phases)
    deployed.ran(AURORA, "20260102-1a2b3d", now - timedelta(days=40), phases=phases)
    values = [{"MetricName": name, "Value": 1.0} for name in ("Findings", "Sweeps")]
    deployed.alarms.put_metric_data(Namespace="BackupDrills", MetricData=values)
    deployed.alarms.put_metric_data(Namespace="NotOurs", MetricData=values)
    words = ("cost", "--stack", deployed.stack)
    document = told(terminal.type(*words, "--json"))
    standing = {line["what"]: line for line in document["standing"]}
    assert {what: line["count"] for what, line in standing.items() if line["count"]} == {
        "keys": 1,
        "metrics": 2,
    }
    assert document["standing_dollars"] == pytest.approx(1 + 2 * 0.3)
    months = {month["name"]: month for month in document["drills"]}
    assert (months[AURORA]["runs"], months[FILES]["runs"]) == (1, 0)
    assert months[AURORA]["dollars"] == pytest.approx(0.08, abs=0.01), "ten minutes at 4 ACU"
    assert document["month_dollars"] == months[AURORA]["dollars"]
    shown = terminal.type(*words)
    assert shown.status == 0
    assert "about $1.60 a month whether anything runs or not" in shown.out
    assert "Estimates" in shown.out


def test_a_metric_is_paid_for_by_the_hours_that_it_was_heard_of(deployed: Deployed) -> None:
    """Two in each of the last ten hours, one in two of them, and what lies before a month not."""
    now, namespace = datetime.now(UTC), deployed.stack
    heard = {"Sweeps": range(10), "Findings": range(10), "Leftovers": (0, 5), "Old": (24 * 31,)}
    for name, hours in heard.items():
        for ago in hours:
            at = now - timedelta(hours=ago)
            for _ in range(2):
                value: Any = {"MetricName": name, "Value": 1.0, "Timestamp": at}
                deployed.alarms.put_metric_data(Namespace=namespace, MetricData=[value])
    assert whole_metrics(Aws(), namespace, now=now) == 3, "22 hours of 10, rounded up"
    assert whole_metrics(Aws(), "NoSuch", now=now) == 0


def test_of_many_metrics_the_rest_count_as_whole(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def counts(call: Call) -> None:
        if call.operation == "GetMetricData":
            asked.append(len(call.parameters["MetricDataQueries"]))

    now = datetime.now(UTC)
    values: list[Any] = [{"MetricName": f"m{number}", "Value": 1.0} for number in range(9)]
    deployed.alarms.put_metric_data(Namespace=f"{deployed.stack}-many", MetricData=values)
    deployed.emulator.before_call.append(counts)
    monkeypatch.setattr(metric_hours, "MOST", 7)
    monkeypatch.setattr(metric_hours, "_QUERIES", 3)
    assert whole_metrics(Aws(), f"{deployed.stack}-many", now=now) == 9
    assert sorted(asked) == [1, 3, 3]


def test_an_alarm_of_several_metrics_is_paid_for_as_often(deployed: Deployed) -> None:
    common: dict[str, Any] = {
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
    }
    simple: dict[str, Any] = {
        "MetricName": "Errors",
        "Namespace": "AWS/Lambda",
        "Period": 60,
        "Statistic": "Sum",
    }
    for name in ("drill-untagged", "drill-of-somebody-else"):
        deployed.alarms.put_metric_alarm(AlarmName=name, **common, **simple)
    counted = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/States", "MetricName": name},
                "Period": 300,
                "Stat": "Sum",
            },
            "ReturnData": False,
        }
        for name in ("aborted", "failed", "timed")
    ]
    sum_of_all = {"Id": "all", "Expression": "aborted + failed + timed", "ReturnData": True}
    deployed.alarms.put_metric_alarm(
        AlarmName="drill-aurora-failed", **common, Metrics=[*counted, sum_of_all]
    )
    aws = Aws()
    deployment = find(aws, deployed.stack)
    names = ["drill-aurora-failed", "drill-untagged", "drill-not-seen"]
    told_of = replace(
        deployment, resources={**deployment.resources, "AWS::CloudWatch::Alarm": names}
    )
    document = cost(aws, told_of, now=datetime.now(UTC)).document
    (alarms,) = (line for line in document["standing"] if line["what"] == "alarms")
    assert (alarms["count"], alarms["dollars"]) == (5, pytest.approx(0.5))
