"""The events of a run beside its report: asked for by name, kept once, never at any price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import clock
from functions.watch import trail
from tests.steps.watch.cloudtrail import Trail, listening
from tests.steps.watch.deployment import Deployment

NOW = datetime.now(UTC)
KEY = "shop-monthly/2026/20261102-1a2b3c"


@pytest.fixture
def cloudtrail(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trail]:
    """CloudTrail, as the environment of the collector names it."""
    with listening(Trail()) as answering:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", answering.endpoint)
        monkeypatch.setattr(trail, "PAUSE", 0.0)
        trail._cloudtrail.cache_clear()
        yield answering
    trail._cloudtrail.cache_clear()


def run(**others: Any) -> dict[str, Any]:
    """A run that was reported two hours ago."""
    reported = NOW - timedelta(hours=2)
    return {
        "verdict": "PASS",
        "started_at": clock.render(reported - timedelta(minutes=20)),
        "reported_at": clock.render(reported),
        "key": KEY,
        **others,
    }


def event(name: str, number: int = 0) -> dict[str, Any]:
    return {
        "EventId": f"{name}-{number}",
        "EventName": name,
        "EventTime": (NOW - timedelta(hours=2, seconds=number)).timestamp(),
        "EventSource": "rds.amazonaws.com",
        "ReadOnly": "false",
        "Username": "drill",
        "Resources": [{"ResourceType": "AWS::RDS::DBCluster", "ResourceName": "drill-a"}],
        "CloudTrailEvent": json.dumps({"requestParameters": {"x": "secret"}}),
    }


def report(deployment: Deployment, *names: str) -> None:
    created = [{"type": "cluster", "name": name, "arn": ""} for name in names]
    deployment.evidence.put_json(f"{KEY}/report.json", {"resources": {"created": created}})


def follow(deployment: Deployment, *runs: dict[str, Any], seconds: float = 200) -> list[str]:
    return trail.follow(runs, evidence=deployment.evidence, now=NOW, seconds=lambda: seconds)


def kept(deployment: Deployment) -> dict[str, Any]:
    found: dict[str, Any] = deployment.evidence.get_json(f"{KEY}/cloudtrail.json")
    return found


def test_the_events_of_a_run_are_kept_locked_and_asked_for_once(
    deployment: Deployment, cloudtrail: Trail
) -> None:
    report(deployment, "drill-a", "drill-a-1")
    cloudtrail.events = {
        "drill-a": [event("DeleteDBCluster"), event("RestoreDBClusterToPointInTime", 900)],
        "drill-a-1": [event("DeleteDBInstance", 60)],
    }
    assert follow(deployment, run()) == [f"{KEY}/cloudtrail.json"]
    told = kept(deployment)
    assert told["complete"]
    assert [each["name"] for each in told["events"]] == [
        "RestoreDBClusterToPointInTime",
        "DeleteDBInstance",
        "DeleteDBCluster",
    ]
    assert "secret" not in json.dumps(told)
    head = deployment.s3.head_object(
        Bucket=deployment.settings.evidence_bucket, Key=f"{KEY}/cloudtrail.json"
    )
    assert head["ObjectLockMode"] == "GOVERNANCE"
    asked = cloudtrail.asked[0]
    assert asked["LookupAttributes"] == [
        {"AttributeKey": "ResourceName", "AttributeValue": "drill-a"}
    ]
    assert asked["EndTime"] - asked["StartTime"] == pytest.approx(80 * 60, abs=1)

    assert follow(deployment, run()) == []
    assert len(cloudtrail.asked) == 2


def test_a_run_that_made_nothing_has_an_empty_file(
    deployment: Deployment, cloudtrail: Trail
) -> None:
    report(deployment)
    follow(deployment, run())
    assert (kept(deployment)["complete"], kept(deployment)["events"]) == (True, [])
    assert cloudtrail.asked == []


def test_a_page_leads_to_the_next_and_four_are_enough(
    deployment: Deployment, cloudtrail: Trail
) -> None:
    report(deployment, "drill-a", "drill-b")
    cloudtrail.events = {
        "drill-a": [event("Describe", number) for number in range(400)],
        "drill-b": [event("Other", number) for number in range(60)],
    }
    follow(deployment, run())
    told = kept(deployment)
    assert len(told["events"]) == 260
    assert not told["complete"]
    assert told["failures"] == ["drill-a: more than its newest 200 events"]


def test_what_fails_is_asked_for_again_and_in_the_end_noted(
    deployment: Deployment, cloudtrail: Trail
) -> None:
    report(deployment, "drill-a", "drill-b")
    cloudtrail.events = {"drill-b": [event("DeleteDBCluster")]}
    cloudtrail.refuses = {"drill-a"}
    assert follow(deployment, run()) == []
    assert deployment.evidence.list_keys(f"{KEY}/cloudtrail.json") == []

    last = clock.render(NOW - timedelta(hours=24))
    follow(deployment, run(reported_at=last))
    told = kept(deployment)
    assert not told["complete"]
    assert "drill-a: ThrottlingException:" in told["failures"][0]
    assert [each["name"] for each in told["events"]] == ["DeleteDBCluster"]


def test_what_there_is_no_time_for_is_left_to_the_next_collection(
    deployment: Deployment, cloudtrail: Trail
) -> None:
    report(deployment, "drill-a")
    assert follow(deployment, run(), seconds=29) == []
    assert cloudtrail.asked == []


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict": "SKIPPED"},
        {"reported_at": clock.render(NOW - timedelta(minutes=74))},
        {"reported_at": clock.render(NOW - timedelta(hours=26))},
    ],
)
def test_a_run_that_is_not_due_is_not_asked_for(
    deployment: Deployment, cloudtrail: Trail, changed: dict[str, Any]
) -> None:
    report(deployment, "drill-a")
    assert follow(deployment, run(**changed)) == []
    assert cloudtrail.asked == []


@pytest.mark.usefixtures("cloudtrail")
def test_a_run_without_a_report_does_not_keep_the_others(deployment: Deployment) -> None:
    report(deployment, "drill-a")
    broken = [run(key="gone/2026/x"), {}, run(reported_at="never")]
    assert follow(deployment, *broken, run()) == [f"{KEY}/cloudtrail.json"]


@pytest.mark.usefixtures("cloudtrail")
def test_a_cloudtrail_that_does_not_answer_is_no_trouble(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(deployment, "drill-a")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", "http://127.0.0.1:1")
    trail._cloudtrail.cache_clear()
    assert follow(deployment, run()) == []
