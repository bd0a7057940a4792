"""What is kept of CloudTrail's events: who did what to what; never what was handed over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import clock
from functions.watch.footprint import is_due, is_last_chance, of_run, record

REPORTED = datetime(2026, 11, 2, 5, 20, tzinfo=UTC)
KNOWN = REPORTED + timedelta(hours=1, minutes=15)
RUN: dict[str, Any] = {
    "verdict": "PASS",
    "started_at": "2026-11-02T05:00:00Z",
    "reported_at": clock.render(REPORTED),
    "key": "shop-monthly/2026/20261102-1a2b3c",
}


def report(*names: Any) -> dict[str, Any]:
    return {"resources": {"created": [{"type": "cluster", "name": name} for name in names]}}


def event(**others: Any) -> dict[str, Any]:
    """As LookupEvents answers it."""
    told = {
        "userIdentity": {"arn": "arn:aws:sts::1:assumed-role/exercise/drill"},
        "requestParameters": {"masterUserPassword": "secret"},
        "responseElements": {"endpoint": "secret"},
    }
    return {
        "EventId": "e-1",
        "EventName": "DeleteDBCluster",
        "EventTime": REPORTED,
        "EventSource": "rds.amazonaws.com",
        "Username": "drill",
        "ReadOnly": "false",
        "Resources": [{"ResourceType": "AWS::RDS::DBCluster", "ResourceName": "drill-a"}],
        "CloudTrailEvent": json.dumps(told),
        **others,
    }


@pytest.mark.parametrize(
    ("verdict", "now", "due"),
    [
        ("PASS", KNOWN - timedelta(seconds=1), False),
        ("PASS", KNOWN, True),
        ("FAIL", KNOWN, True),
        ("INCONCLUSIVE", KNOWN + timedelta(hours=23), True),
        ("PASS", KNOWN + timedelta(hours=24), False),
        ("SKIPPED", KNOWN, False),
        ("REFUSED", KNOWN, False),
    ],
)
def test_a_run_is_due_once_cloudtrail_knows_all_of_it(
    verdict: str, now: datetime, due: bool
) -> None:
    assert is_due({**RUN, "verdict": verdict}, now) is due


def test_the_last_chances_come_before_nobody_looks_any_more() -> None:
    assert not is_last_chance(RUN, KNOWN + timedelta(hours=21))
    assert is_last_chance(RUN, KNOWN + timedelta(hours=22))
    assert is_due(RUN, KNOWN + timedelta(hours=23))


def test_it_looks_for_what_the_run_made_from_its_start_to_an_hour_after_its_report() -> None:
    found = of_run(RUN, report("drill-a", "drill-a-1", "drill-a"))
    assert found.key == "shop-monthly/2026/20261102-1a2b3c/cloudtrail.json"
    assert found.resources == ("drill-a", "drill-a-1")
    assert (found.start, found.end) == (
        datetime(2026, 11, 2, 5, tzinfo=UTC),
        datetime(2026, 11, 2, 6, 20, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "broken", [{}, {"resources": None}, {"resources": {"created": "x"}}, report(None, 7, "")]
)
def test_a_report_that_names_nothing_has_nothing_to_look_for(broken: dict[str, Any]) -> None:
    assert of_run(RUN, broken).resources == ()


def test_more_than_twenty_resources_are_not_looked_for_and_the_file_says_so() -> None:
    found = of_run(RUN, report(*(f"drill-{number}" for number in range(23))))
    assert len(found.resources) == 20
    told = record(found, [], failures=[], now=KNOWN)
    assert told["complete"] is False
    assert told["failures"] == ["3 more resources were not looked for"]


def test_an_event_says_who_did_what_to_what() -> None:
    told = record(of_run(RUN, report("drill-a")), [event()], failures=[], now=KNOWN)
    assert told == {
        "looked_up_at": "2026-11-02T06:35:00Z",
        "from": "2026-11-02T05:00:00Z",
        "until": "2026-11-02T06:20:00Z",
        "complete": True,
        "failures": [],
        "resources": ["drill-a"],
        "events": [
            {
                "time": "2026-11-02T05:20:00Z",
                "name": "DeleteDBCluster",
                "source": "rds.amazonaws.com",
                "user": "arn:aws:sts::1:assumed-role/exercise/drill",
                "resources": ["drill-a"],
                "read_only": False,
                "error": None,
            }
        ],
    }


def test_nothing_that_was_handed_over_or_answered_is_kept() -> None:
    refused = json.dumps({"errorCode": "AccessDenied", "errorMessage": "secret"})
    told = record(
        of_run(RUN, report("drill-a")),
        [event(), event(EventId="e-2", CloudTrailEvent=refused)],
        failures=[],
        now=KNOWN,
    )
    assert "secret" not in json.dumps(told)
    assert [(each["user"], each["error"]) for each in told["events"]] == [
        ("arn:aws:sts::1:assumed-role/exercise/drill", None),
        ("drill", "AccessDenied"),
    ]


def test_an_event_of_two_resources_is_told_once_and_all_are_in_order() -> None:
    earlier = event(EventId="e-0", EventTime=REPORTED - timedelta(minutes=9), EventName="Restore")
    told = record(
        of_run(RUN, report("drill-a", "drill-a-1")),
        [event(), event(), earlier],
        failures=[],
        now=KNOWN,
    )
    assert [each["name"] for each in told["events"]] == ["Restore", "DeleteDBCluster"]


@pytest.mark.parametrize("told", [None, "", "not json", "[]", '{"userIdentity": 3}'])
def test_an_event_whose_body_cannot_be_read_is_still_told(told: str | None) -> None:
    bare = event(CloudTrailEvent=told, Resources=None, Username=None)
    (each,) = record(of_run(RUN, report()), [bare], failures=[], now=KNOWN)["events"]
    assert (each["user"], each["resources"], each["name"]) == ("", [], "DeleteDBCluster")


def test_a_failure_is_noted_and_the_file_not_called_complete() -> None:
    told = record(of_run(RUN, report("drill-a")), [], failures=["drill-a: Throttled"], now=KNOWN)
    assert (told["complete"], told["failures"]) == (False, ["drill-a: Throttled"])
