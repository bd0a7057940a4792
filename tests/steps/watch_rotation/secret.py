"""A secret in order, every way to damage it, and what the look at it finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.errors import DrillError
from functions.health import Health
from functions.secret_rotation.examine import examine
from functions.watch.watched import Source
from lab.calls import Call, Denied, Refusal
from lab.lambdas import arn
from lab.secrets_records import StoredSecret
from tests.steps.rotation import FUNCTION, PATIENCE, Premises

WANTED: dict[str, Any] = {"functions": [FUNCTION], "rotation_days_maximum": 30}
NOTHING = timedelta(0)


class Broken(DrillError):
    """When the rotation function of a test is not to work."""


def look(*sources: Source, later: timedelta = NOTHING) -> list[Health]:
    """What is found of them, now or later."""
    return [found for _, found in examine(sources, now=datetime.now(UTC) + later)]


class Watched:
    """A secret of one test, whose first rotation is done."""

    def __init__(self, premises: Premises) -> None:
        self.premises = premises
        self.emulator = premises.emulator
        self.manager = premises.emulator.secrets
        self.api = self.emulator.client("secretsmanager")
        held = premises.secret()
        self.arn, self.name = held.arn, held.name
        self.rotate(RotationRules={"AutomaticallyAfterDays": 30})

    @property
    def stored(self) -> StoredSecret:
        found = self.manager.find(self.arn)
        assert found is not None
        return found

    def rotate(self, **further: Any) -> str:
        """A whole rotation by the real function, or what is left of it; its version."""
        asked = self.api.rotate_secret(
            SecretId=self.arn, RotationLambdaARN=arn(FUNCTION), **further
        )
        self.manager.wait(self.arn, PATIENCE)
        return str(asked["VersionId"])

    def source(self, **wanted: Any) -> Source:
        return Source(kind="secret_rotation", name=self.name, wanted=WANTED | wanted)

    def health(self, *, later: timedelta = NOTHING, **wanted: Any) -> Health:
        [found] = look(self.source(**wanted), later=later)
        return found

    def conditions(self, *, later: timedelta = NOTHING, **wanted: Any) -> list[str]:
        return [finding.condition for finding in self.health(later=later, **wanted).findings]

    def fail_to_rotate(self) -> str:
        """A rotation whose first step fails: its version is pending, and empty."""

        def broken(_event: object, _context: object) -> None:
            raise Broken("as asked")

        with self.premises.handled_by(broken):
            return self.rotate()

    def fail_to_log_in(self) -> str:
        """A rotation whose second step finds no database: its version is pending, with a value."""
        with self.premises.database.down():
            return self.rotate()

    def describe_function(self, **changes: Any) -> None:
        """What Lambda says of the function from now on; without changes, that it is not there."""
        told = {"FunctionName": FUNCTION, "FunctionArn": arn(FUNCTION), **changes}
        self.emulator.describe_function = lambda _: told if changes else None

    def deny(self, *operations: str) -> None:
        """Nobody gets an answer to these operations any more."""

        def refuse(call: Call) -> Refusal | None:
            if call.operation not in operations:
                return None
            return Refusal("AccessDeniedException", Denied(call.operation, self.arn).message)

        self.emulator.before_call.append(refuse)


@dataclass
class Trail:
    """The events of CloudTrail, by its API, in the place of an emulator that has none."""

    others: Callable[[Call], bytes | None]
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Call] = field(default_factory=list)

    def ended(self, secret: str, name: str, *, ago: timedelta = timedelta(days=1)) -> None:
        """A rotation of a secret ended, as the service tells it: the parameters are null."""
        when = datetime.now(UTC) - ago
        told = {
            "eventType": "AwsServiceEvent",
            "eventName": name,
            "requestParameters": None,
            "additionalEventData": {"SecretId": secret},
        }
        self.events.append(
            {
                "EventId": f"event-{len(self.events)}",
                "EventName": name,
                "EventTime": when.timestamp(),
                "CloudTrailEvent": json.dumps(told),
            }
        )

    def answer(self, call: Call) -> bytes | None:
        """In place of `Emulator.own_answer`."""
        if (call.service, call.operation) != ("cloudtrail", "LookupEvents"):
            return self.others(call)
        self.asked.append(call)
        [wanted] = call.parameters["LookupAttributes"]
        assert wanted["AttributeKey"] == "EventName"
        found = [each for each in self.events if each["EventName"] == wanted["AttributeValue"]]
        found.sort(key=lambda each: each["EventTime"], reverse=True)
        begin = int(call.parameters.get("NextToken", 0))
        end = begin + call.parameters["MaxResults"]
        more = {"NextToken": str(end)} if end < len(found) else {}
        return json.dumps({"Events": found[begin:end], **more}).encode()
