"""The reminder's handler: a message for each severity of which something is open."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.cloudwatch.models import cloudwatch_backends

from functions.health import Finding, Health
from functions.watch import alarms, reminder, state
from functions.watch.reminder import remind
from lab import aws
from tests.steps.watch.deployment import Context, Deployment
from tests.unit.watch_samples import WATCHED, healthy_drill


def keep(deployment: Deployment, condition: str = "", *, hours_ago: float = 0) -> None:
    """Leave a state, in which the cluster has a finding if there is a condition."""
    findings = (Finding(condition=condition, text="as it was found"),) if condition else ()
    told = state.document(
        WATCHED,
        sources={
            (s.kind, s.name): Health(findings=findings if s.kind == "aurora" else ())
            for s in WATCHED.sources
        },
        drills={drill.name: healthy_drill() for drill in WATCHED.drills},
        now=datetime.now(UTC) - timedelta(hours=hours_ago),
    )
    deployment.evidence.put_json(state.STATE_KEY, told)


def ring(deployment: Deployment, name: str, description: str, value: str = "ALARM") -> None:
    deployment.cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription=description,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        EvaluationPeriods=1,
        MetricName="Findings",
        Namespace="BackupDrills",
        Period=3600,
        Statistic="Maximum",
        Threshold=1,
    )
    deployment.cloudwatch.set_alarm_state(AlarmName=name, StateValue=value, StateReason="test")


def compose(name: str, rule: str) -> None:
    """Make a composite alarm of one: the emulator knows them, but does not let one be put."""
    cloudwatch_backends[aws.ACCOUNT][aws.REGION].alarms[name].rule = rule


def told(deployment: Deployment) -> list[tuple[str, str, str]]:
    """Severity, subject and text of what was published."""
    return [
        (m["MessageAttributes"]["severity"]["Value"], m["Subject"], m["Message"])
        for m in deployment.messages()
    ]


def test_nothing_open_is_a_line_in_the_log_and_no_message(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(reminder.logger, "info", lambda text, **_: logged.append(text))
    keep(deployment)
    ring(deployment, "drill-fine", "high: fine", "OK")
    ring(deployment, "somebody-elses", "critical: not ours")
    assert remind({}, Context()) == {}
    assert told(deployment) == []
    assert logged == ["nothing is open"]


def test_a_message_for_each_severity(deployment: Deployment) -> None:
    keep(deployment, "backup-stale")
    ring(deployment, "drill-backup-drills-aurora-shop-backup-stale", "high: it stands still")
    ring(deployment, "drill-shop-monthly-failed", "medium: the drill failed")
    ring(deployment, "drill-composite", "medium: some drill failed")
    compose("drill-composite", 'ALARM("drill-shop-monthly-failed")')
    assert remind({}, Context()) == {"high": 1, "medium": 1}
    published = {severity: (subject, text) for severity, subject, text in told(deployment)}
    assert set(published) == {"high", "medium"}
    assert "aurora shop: as it was found" in published["high"][1]
    assert "Alarm: drill-backup-drills-aurora-shop-backup-stale" in published["high"][1]
    assert "the drill failed" in published["medium"][1]
    assert "some drill failed" not in published["medium"][1]


def test_a_chat_hears_of_its_severities(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(deployment, "backup-stale")
    ring(deployment, "drill-x", "low: it rings")
    topic = deployment.settings.topic_arn  # stands for the channel's as well
    monkeypatch.setenv("DRILLS_CHAT_TOPICS", f"{topic}=low+medium")
    remind({}, Context())
    (chatted,) = [m for m in deployment.messages() if "MessageAttributes" not in m]
    told = json.loads(chatted["Message"])
    assert told["content"]["title"].startswith("Reminder (low): 1 thing is open")


def test_many_alarms_are_one_message(deployment: Deployment) -> None:
    keep(deployment)
    for number in range(120):
        ring(deployment, f"drill-{number:03}", "low: one of many")
    assert remind({}, Context()) == {"low": 120}
    ((_, subject, text),) = told(deployment)
    assert subject.startswith("Reminder (low): 120 things are open")
    assert "And 95 more things." in text


def test_a_state_that_is_missing_is_open_itself(deployment: Deployment) -> None:
    assert remind({}, Context()) == {"high": 1}
    ((severity, _, text),) = told(deployment)
    assert severity == "high"
    assert "nothing is known of any backup" in text


def test_a_state_that_is_old_is_open_itself(deployment: Deployment) -> None:
    keep(deployment, hours_ago=3.1)
    assert remind({}, Context()) == {"high": 1}
    ((_, _, text),) = told(deployment)
    assert "the collector is silent" in text


@pytest.mark.parametrize(
    ("service", "operation", "says"),
    [("s3", "GetObject", "the state cannot be read"), ("cloudwatch", "DescribeAlarms", "alarms")],
)
def test_what_cannot_be_asked_is_told_and_the_rest_as_well(
    deployment: Deployment, service: str, operation: str, says: str
) -> None:
    keep(deployment, "advice")
    ring(deployment, "drill-x", "medium: it rings")
    deployment.deny(service, operation)
    remind({}, Context())
    texts = {severity: text for severity, _, text in told(deployment)}
    assert says in texts["high"]
    assert ("it rings" in texts.get("medium", "")) is (service == "s3")
    assert ("as it was found" in texts.get("low", "")) is (service == "cloudwatch")


@pytest.mark.parametrize("stored", [[], {"state_version": 99}])
def test_a_state_of_another_shape_is_told(deployment: Deployment, stored: Any) -> None:
    deployment.evidence.put_json(state.STATE_KEY, stored)
    remind({}, Context())
    ((_, _, text),) = told(deployment)
    assert "the state cannot be read: NotAState" in text


def test_a_message_that_cannot_be_published_is_an_error(deployment: Deployment) -> None:
    deployment.deny("sns", "Publish")
    with pytest.raises(ClientError):
        remind({}, Context())


def test_composite_alarms_are_asked_for_as_well(deployment: Deployment) -> None:
    ring(deployment, "drill-a", "low: a part")
    ring(deployment, "drill-all", "low: the whole")
    compose("drill-all", 'ALARM("drill-a")')
    found = {each.name: each.rule for each in alarms.ringing("drill-")}
    assert found == {"drill-a": "", "drill-all": 'ALARM("drill-a")'}
