"""The only file that talks to the run ledger (DynamoDB).

One item per run; conditional writes give one run per drill at a time, and one run per scheduled
time. Keys: `drill`, and `item`: "claim", "run#<run id>", "schedule#<scheduled time>" or "watched".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from functions.aws import code_of
from functions.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_SCHEDULE_KEPT = timedelta(days=90)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Who holds a drill: an execution's ARN, its run id, and the plan it made."""

    execution: str
    run_id: str
    plan: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """The ledger of one drill."""

    table: str
    drill: str

    @classmethod
    def of(cls, settings: Settings, drill: str) -> Ledger:
        """The ledger of this deployment, for one drill."""
        return cls(table=settings.ledger_table, drill=drill)

    def take_schedule(self, scheduled_time: str, execution: str) -> str | None:
        """Take a scheduled time; None when it is ours now, else the ARN of who has it."""
        item = {
            **self._key(f"schedule#{scheduled_time}"),
            "execution": {"S": execution},
            "expires_epoch": {"N": str(int((datetime.now(UTC) + _SCHEDULE_KEPT).timestamp()))},
        }
        if self._put(item, mine=execution):
            return None
        found = self._get(f"schedule#{scheduled_time}")
        return found["execution"]["S"] if found else "an execution that is gone"

    def claim(self, mine: Claim, *, instead_of: str | None = None) -> Claim | None:
        """Claim the drill; None when it is ours, else the claim that stands.

        `instead_of` is the ARN of a dead execution whose claim may be replaced: what it planned
        has been torn down.
        """
        item = {
            **self._key("claim"),
            "execution": {"S": mine.execution},
            "run_id": {"S": mine.run_id},
            "plan": {"S": json.dumps(mine.plan, separators=(",", ":"))},
        }
        if self._put(item, mine=mine.execution, instead_of=instead_of):
            return None
        return self.holder() or self.claim(mine)

    def holder(self) -> Claim | None:
        """The claim that stands, if any."""
        found = self._get("claim")
        if not found:
            return None
        return Claim(
            execution=found["execution"]["S"],
            run_id=found["run_id"]["S"],
            plan=json.loads(found["plan"]["S"]),
        )

    def release(self, execution: str) -> None:
        """Give the claim back, if it is this execution's."""
        try:
            _dynamodb().delete_item(
                TableName=self.table,
                Key=self._key("claim"),
                ConditionExpression="execution = :mine",
                ExpressionAttributeValues={":mine": {"S": execution}},
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    def record(self, run_id: str, facts: dict[str, Any]) -> None:
        """Write what became of a run: verdict, cause, times and measurements, as one JSON text.

        `facts` must hold `verdict`, `started_at` and `execution`, which are also attributes of
        their own.
        """
        _dynamodb().put_item(
            TableName=self.table,
            Item={
                **self._key(f"run#{run_id}"),
                "verdict": {"S": facts["verdict"]},
                "started_at": {"S": facts["started_at"]},
                "execution": {"S": facts["execution"]},
                "facts": {"S": json.dumps(facts, separators=(",", ":"), ensure_ascii=False)},
            },
        )

    def runs(self) -> list[dict[str, Any]]:
        """What is recorded of all runs of the drill, oldest first."""
        pages = (
            _dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self.table,
                KeyConditionExpression="drill = :drill AND begins_with(#item, :run)",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues={":drill": {"S": self.drill}, ":run": {"S": "run#"}},
            )
        )
        return [json.loads(item["facts"]["S"]) for page in pages for item in page["Items"]]

    def runs_since(self, day: datetime, *, most: int) -> list[dict[str, Any]]:
        """What is recorded of the runs that began on that day or later, oldest first.

        The newest are kept where there are more than `most`. A run's id begins with its day.
        """
        pages = (
            _dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self.table,
                KeyConditionExpression="drill = :drill AND #item BETWEEN :first AND :last",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues={
                    ":drill": {"S": self.drill},
                    ":first": {"S": f"run#{day:%Y%m%d}"},
                    ":last": {"S": "run#:"},  # the colon follows the nine
                },
                ScanIndexForward=False,
                PaginationConfig={"MaxItems": most},
            )
        )
        found = [json.loads(item["facts"]["S"]) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda facts: str(facts["started_at"]))

    def watched(self) -> dict[str, Any] | None:
        """What the collector remembers of the drill's schedule; None where it never looked."""
        found = self._get("watched")
        return json.loads(found["watched"]["S"]) if found and "watched" in found else None

    def watch(self, mine: dict[str, Any], *, instead_of: dict[str, Any] | None) -> dict[str, Any]:
        """Remember that instead of what was remembered; what is then remembered.

        That is another's, where another collector was faster: both then go by the same.
        """
        condition, values = "attribute_not_exists(watched)", {}
        if instead_of is not None:
            condition = "watched = :known"
            values = {":known": {"S": _compact(instead_of)}}
        item = {**self._key("watched"), "watched": {"S": _compact(mine)}}
        if self._put_if(item, condition, values):
            return mine
        return self.watched() or mine

    def _key(self, item: str) -> dict[str, Any]:
        return {"drill": {"S": self.drill}, "item": {"S": item}}

    def _get(self, item: str) -> dict[str, Any] | None:
        answer = _dynamodb().get_item(
            TableName=self.table, Key=self._key(item), ConsistentRead=True
        )
        return answer.get("Item")

    def _put(
        self,
        item: dict[str, Any],
        *,
        mine: str,
        instead_of: str | None = None,
    ) -> bool:
        """Put an item that is absent, ours, or the named other's; False where it is another's."""
        condition = "attribute_not_exists(drill) OR execution = :mine"
        values: dict[str, Any] = {":mine": {"S": mine}}
        if instead_of:
            condition += " OR execution = :dead"
            values[":dead"] = {"S": instead_of}
        return self._put_if(item, condition, values)

    def _put_if(self, item: dict[str, Any], condition: str, values: dict[str, Any]) -> bool:
        """Put an item where the condition holds; False where it does not."""
        given: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        try:
            _dynamodb().put_item(
                TableName=self.table, Item=item, ConditionExpression=condition, **given
            )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


@cache
def _dynamodb() -> DynamoDBClient:
    return boto3.client("dynamodb")
