"""CloudTrail's history, as far as the lab has one: how rotations ended.

Secrets Manager tells it of each attempt that failed and each rotation that succeeded; calls of the
API are not in it. Events are looked up by their name, newest first, in pages.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from lab.calls import Refusal

_MOST_OF_A_PAGE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class _Event:
    name: str
    at: datetime
    secret: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def told(self) -> dict[str, Any]:
        """As LookupEvents tells it."""
        return {
            "EventId": self.id,
            "EventName": self.name,
            "EventTime": self.at.timestamp(),
            "EventSource": "secretsmanager.amazonaws.com",
            "ReadOnly": "false",
            "Resources": [],
            "CloudTrailEvent": json.dumps(
                {
                    "eventName": self.name,
                    "eventType": "AwsServiceEvent",
                    "additionalEventData": {"SecretId": self.secret},
                }
            ),
        }


class CloudTrail:
    """The history of one emulator."""

    def __init__(self) -> None:
        self._events: list[_Event] = []

    def clear(self) -> None:
        """Forget all events."""
        self._events.clear()

    def rotated(self, secret: str, *, succeeded: bool) -> None:
        """An attempt to rotate the secret with this ARN has ended."""
        name = "RotationSucceeded" if succeeded else "RotationFailed"
        self._events.append(_Event(name=name, at=datetime.now(UTC), secret=secret))

    def answer(self, operation: str, request: Mapping[str, Any]) -> bytes | None:
        """What an operation answers; None for one that the lab does not have. Raises Refusal."""
        if operation != "LookupEvents":
            return None
        found = self._found(request)
        begins = int(request.get("NextToken", 0))
        ends = begins + min(int(request.get("MaxResults", _MOST_OF_A_PAGE)), _MOST_OF_A_PAGE)
        more = {"NextToken": str(ends)} if ends < len(found) else {}
        told = [event.told() for event in found[begins:ends]]
        return json.dumps({"Events": told, **more}).encode()

    def _found(self, request: Mapping[str, Any]) -> list[_Event]:
        """The events that are asked for, the newest first. No event names a resource."""
        wanted = request.get("LookupAttributes", [])
        if len(wanted) > 1:
            raise Refusal(
                "InvalidLookupAttributesException",
                "One lookup attribute is allowed.",
                HTTPStatus.BAD_REQUEST,
            )
        names = {each["AttributeValue"] for each in wanted if each["AttributeKey"] == "EventName"}
        begins = _utc(request.get("StartTime", datetime.min.replace(tzinfo=UTC)))
        ends = _utc(request.get("EndTime", datetime.now(UTC)))
        found = [
            event
            for event in self._events
            if begins <= event.at <= ends and (not wanted or event.name in names)
        ]
        return found[::-1]


def _utc(moment: datetime) -> datetime:
    """Requests are parsed without a zone: their times are UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
