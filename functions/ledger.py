"""The only file that talks to the run ledger (DynamoDB).

One item per run; conditional writes give one run per drill at a time, and one run per scheduled
time. Keys: `drill`, and `item`: "claim", "run#<run id>", "schedule#<scheduled time>",
"watched" or "watched#<schedule>".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from functions import clock
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

    def first_watched(self, now: datetime, *, schedule: str = "") -> datetime:
        """Since when the drill is watched, or is watched with a schedule.

        That is from now on where nobody watched it before.
        """
        item = f"watched#{schedule}" if schedule else "watched"
        found = self._get(item)
        if found is None:
            mine = {**self._key(item), "since": {"S": clock.render(now)}}
            if self._put(mine, mine="no execution's"):
                return now
            found = self._get(item) or mine
        return clock.parse(found["since"]["S"])

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
        try:
            _dynamodb().put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True


@cache
def _dynamodb() -> DynamoDBClient:
    return boto3.client("dynamodb")
