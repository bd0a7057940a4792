"""The door to CloudTrail for rotations: how they ended, as well as it can tell.

Secrets Manager writes RotationSucceeded and RotationFailed as events of the service, with the ARN
of the secret in their data (its user guide, "CloudTrail entries"); every attempt that failed is
one. They name no resource, so they are looked up by name, for all secrets at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from functions.secret_rotation.values import History, Rotation

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

KEPT: Final = timedelta(days=90)
"""For how long CloudTrail's history holds an event."""

MOST_EVENTS: Final = 200
"""Of each name; at 50 a page that is 8 requests in all, of which CloudTrail answers 2 a second."""

_PAGE: Final = 50
_ENDS: Final = {"RotationSucceeded": True, "RotationFailed": False}


def history(now: datetime) -> History:
    """The rotations of the last 90 days, of all secrets of this account and region.

    Where there are more than are read, it begins with the oldest that was read of their name, so
    that successes and failures are of the same time.
    """
    since, found = now - KEPT, list[Rotation]()
    for name, succeeded in _ENDS.items():
        events, all_of_them = _events(name, since=now - KEPT, until=now)
        if events and not all_of_them:
            since = max(since, min(event["EventTime"] for event in events))
        found += [
            Rotation(secret=secret, at=event["EventTime"], succeeded=succeeded)
            for event in events
            if (secret := secret_of(event.get("CloudTrailEvent", "")))
        ]
    return History(since=since, rotations=tuple(found))


def _events(name: str, *, since: datetime, until: datetime) -> tuple[list[Mapping[str, Any]], bool]:
    """The events of a name, the newest first, and whether these are all."""
    pages = (
        _client()
        .get_paginator("lookup_events")
        .paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
            StartTime=since,
            EndTime=until,
            PaginationConfig={"MaxItems": MOST_EVENTS, "PageSize": _PAGE},
        )
    )
    events: list[Mapping[str, Any]] = [event for page in pages for event in page["Events"]]
    return events, pages.resume_token is None


def secret_of(event: str) -> str:
    """The ARN of the secret that an event is of; empty where it names none.

    >>> secret_of('{"additionalEventData": {"SecretId": "arn:a"}}'), secret_of("no event")
    ('arn:a', '')
    """
    try:
        data = json.loads(event)["additionalEventData"]["SecretId"]
    except (ValueError, KeyError, TypeError):
        return ""
    return str(data)


@cache
def _client() -> CloudTrailClient:
    patience = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return boto3.client("cloudtrail", config=patience)
