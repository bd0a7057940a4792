"""`cost`: what stands, and what ran this month, estimated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.access import Aws
from cli.cost import cost
from cli.deployed import find
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
