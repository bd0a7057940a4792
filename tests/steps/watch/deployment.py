"""What stands in AWS once a deployment is made, as far as the watch needs it."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

from functions import clock
from functions.evidence import Evidence
from functions.ledger import Ledger
from functions.settings import Settings
from functions.watch.watched import Drill, Watched
from lab import aws
from lab.emulator import Call, Denied, Emulator, Refusal
from tests.unit.watch_samples import WATCHED


class Context:
    """Lambda's context, with so many seconds left."""

    def __init__(self, seconds: float = 300) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Deployment:
    """A bucket, a table, a topic whose messages end in a queue, and a group of schedules."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        name = f"watched-{uuid.uuid4().hex[:8]}"
        self.group = f"drill-{name}"
        self.s3, self.sqs = emulator.client("s3"), emulator.client("sqs")
        self.cloudwatch, self.scheduler = (
            emulator.client("cloudwatch"),
            emulator.client("scheduler"),
        )
        self.settings = Settings(
            evidence_bucket=name,
            ledger_table=name,
            topic_arn=self._topic(name),
            subnet_group="none",
            security_group="none",
            schedule_group=self.group,
        )
        self.s3.create_bucket(
            Bucket=name,
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": aws.REGION},
        )
        emulator.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "drill", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "drill", "AttributeType": "S"},
                {"AttributeName": "item", "AttributeType": "S"},
            ],
        )
        self.scheduler.create_schedule_group(Name=self.group)

    def _topic(self, name: str) -> str:
        sns = self.emulator.client("sns")
        topic = str(sns.create_topic(Name=name)["TopicArn"])
        self._queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = self.sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue["Attributes"]["QueueArn"])
        return topic

    def forget(self) -> None:
        """Alarms are of the whole account: none may ring in the next test."""
        found = self.cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        names = [
            alarm["AlarmName"]
            for alarm in (*found["MetricAlarms"], *found.get("CompositeAlarms", []))
        ]
        self.cloudwatch.delete_alarms(AlarmNames=names)

    @property
    def evidence(self) -> Evidence:
        return Evidence.of(self.settings)

    def schedule(self, drill: Drill, **others: Any) -> None:
        """The schedule of a drill as it is deployed, or as it was changed since."""
        self.make_schedule(
            drill.schedule,
            **{
                "ScheduleExpression": f"cron({drill.cron})",
                "ScheduleExpressionTimezone": drill.timezone,
                **others,
            },
        )

    def make_schedule(self, name: str, given: Any = None, **others: Any) -> None:
        """A schedule of the group; `given` is what it hands over."""
        target = {
            "Arn": f"arn:aws:lambda:{aws.REGION}:{aws.ACCOUNT}:function:drill-x",
            "RoleArn": f"arn:aws:iam::{aws.ACCOUNT}:role/x",
            "Input": json.dumps(given or {}),
        }
        self.scheduler.create_schedule(
            **{
                "Name": name,
                "GroupName": self.group,
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ScheduleExpression": "rate(1 hour)",
                "Target": target,
                **others,
            }
        )

    def watched(self, watched: Watched) -> dict[str, Any]:
        """The event of the collector, with every schedule as it should be."""
        for drill in watched.drills:
            self.schedule(drill)
        for own in watched.schedules:
            self.make_schedule(
                own.name,
                ScheduleExpression=own.expression,
                ScheduleExpressionTimezone=own.timezone,
            )
        return {"watched": replace(watched, schedule_group=self.group).to_document()}

    def record(self, drill: str, run: str, started: str, verdict: str, **others: Any) -> None:
        """Enter a run into the ledger, as Report does."""
        known = next((each for each in WATCHED.drills if each.name == drill), None)
        facts = {
            "verdict": verdict,
            "kind": known.kind if known else "unknown",
            "source": known.source if known else "",
            "cause": f"the cause of {run}",
            "execution": f"arn:aws:states:execution:{drill}:{run}",
            "started_at": started,
            "reported_at": clock.after(started, 1200),
            "scheduled_time": None,
            "rto_seconds": 600.0,
            "rpo_seconds": 300.0,
            "phases": {},
            "key": f"{drill}/{run[:4]}/{run}",
            **others,
        }
        Ledger.of(self.settings, drill).record(run, facts)

    def deny(self, service: str, operation: str = "", *, where: str = "", but: str = "") -> None:
        """Have AWS refuse calls from now on: of an operation, or all, with these words in them."""

        def refuse(call: Call) -> Refusal | None:
            told = json.dumps(dict(call.parameters), default=str)
            asked = call.service == service and operation in ("", call.operation)
            spared = bool(but) and but in told
            return Denied(call.operation, "it") if asked and where in told and not spared else None

        self.emulator.before_call.append(refuse)

    def messages(self) -> list[dict[str, Any]]:
        """What was published since the last time."""
        found = self.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        for message in found.get("Messages", []):
            self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]
