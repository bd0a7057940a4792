"""CloudTrail of the lab: how rotations ended, looked up by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.emulator import Emulator

OF_SUCCESS = {"AttributeKey": "EventName", "AttributeValue": "RotationSucceeded"}
OF_FAILURE = {"AttributeKey": "EventName", "AttributeValue": "RotationFailed"}


@pytest.fixture
def trail(emulator: Emulator) -> Any:
    emulator.trail.clear()
    yield emulator.client("cloudtrail")
    emulator.trail.clear()


def secrets_of(answer: Any) -> list[str]:
    return [
        json.loads(event["CloudTrailEvent"])["additionalEventData"]["SecretId"]
        for event in answer["Events"]
    ]


def test_events_are_found_by_name_newest_first(emulator: Emulator, trail: Any) -> None:
    for number in range(3):
        emulator.trail.rotated(f"arn:{number}", succeeded=number != 1)
    found = trail.lookup_events(LookupAttributes=[OF_SUCCESS])
    assert secrets_of(found) == ["arn:2", "arn:0"]
    assert secrets_of(trail.lookup_events(LookupAttributes=[OF_FAILURE])) == ["arn:1"]
    assert len(trail.lookup_events()["Events"]) == 3


def test_pages_and_times(emulator: Emulator, trail: Any) -> None:
    for number in range(7):
        emulator.trail.rotated(f"arn:{number}", succeeded=True)
    pages = list(
        trail.get_paginator("lookup_events").paginate(
            LookupAttributes=[OF_SUCCESS], PaginationConfig={"PageSize": 3}
        )
    )
    assert [len(page["Events"]) for page in pages] == [3, 3, 1]
    later = datetime.now(UTC) + timedelta(hours=1)
    none = trail.lookup_events(StartTime=later, EndTime=later + timedelta(hours=1))
    assert none["Events"] == []


def test_two_attributes_are_refused(trail: Any) -> None:
    with pytest.raises(ClientError, match="One lookup attribute is allowed"):
        trail.lookup_events(LookupAttributes=[OF_SUCCESS, OF_FAILURE])
