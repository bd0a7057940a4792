"""What other services must do for the line: schedules, evidence under a lock, notifications."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.emulator import Emulator, Invocation
from tests.emulator.conftest import Machines

ROLE = "arn:aws:iam::123456789012:role/schedule"


def schedule(emulator: Emulator, name: str, target: str, given: dict[str, Any]) -> None:
    emulator.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="cron(0 5 ? * 2#1 *)",
        ScheduleExpressionTimezone="America/Sao_Paulo",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": target, "RoleArn": ROLE, "Input": json.dumps(given)},
    )


def test_a_schedule_is_kept_and_fires_when_told(machines: Machines, emulator: Emulator) -> None:
    machine = machines.create({"Done": {"Type": "Succeed"}})
    schedule(emulator, "monthly", machine, {"scheduled_time": "<aws.scheduler.scheduled-time>"})
    kept = emulator.client("scheduler").get_schedule(Name="monthly")
    assert kept["ScheduleExpressionTimezone"] == "America/Sao_Paulo"
    first = emulator.fire_schedule("monthly", "2026-12-07T08:00:00Z")
    twice = emulator.fire_schedule("monthly", "2026-12-07T08:00:00Z")
    assert first != twice
    assert machines.ended(first).output == {"scheduled_time": "2026-12-07T08:00:00Z"}
    assert machines.ended(twice).output == {"scheduled_time": "2026-12-07T08:00:00Z"}
    started = [call for call in emulator.calls if call.operation == "StartExecution"][-1]
    assert started.role == ROLE


def test_a_schedule_of_a_function(machines: Machines, emulator: Emulator) -> None:
    machines.functions["drill-sweeper"] = lambda payload: {"swept": payload}
    arn = "arn:aws:lambda:sa-east-1:123456789012:function:drill-sweeper"
    schedule(emulator, "hourly", arn, {"a": 1})
    assert json.loads(emulator.fire_schedule("hourly", "2026-12-07T08:00:00Z")) == {
        "swept": {"a": 1}
    }


def test_a_schedule_that_is_not_there(emulator: Emulator) -> None:
    with pytest.raises(LookupError, match="no schedule 'yearly'"):
        emulator.fire_schedule("yearly", "2026-12-07T08:00:00Z")


def test_evidence_is_put_under_a_lock(emulator: Emulator) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(
        Bucket="evidence",
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "sa-east-1"},
    )
    until = (datetime.now(UTC) + timedelta(days=400)).replace(microsecond=0)
    s3.put_object(
        Bucket="evidence",
        Key="d/2026/r/report.json",
        Body=b"{}",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
        ChecksumAlgorithm="SHA256",
        IfNoneMatch="*",
    )
    kept = s3.head_object(Bucket="evidence", Key="d/2026/r/report.json")
    assert (kept["ObjectLockMode"], kept["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", until)
    assert s3.get_bucket_versioning(Bucket="evidence")["Status"] == "Enabled"


def test_a_notification_reaches_the_queues_whose_filter_it_passes(emulator: Emulator) -> None:
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    topic = sns.create_topic(Name="drills")["TopicArn"]
    filters = {"all": None, "high": {"severity": ["critical", "high"]}}
    queues = {}
    for name, wanted in filters.items():
        queues[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        attributes = {"RawMessageDelivery": "true"}
        if wanted:
            attributes["FilterPolicy"] = json.dumps(wanted)
        arn = f"arn:aws:sqs:sa-east-1:123456789012:{name}"
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    for severity in ("medium", "high"):
        sns.publish(
            TopicArn=topic,
            Message=f"a {severity} one",
            Subject="drill",
            MessageAttributes={"severity": {"DataType": "String", "StringValue": severity}},
        )
    got = {
        name: [
            message["Body"]
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
                "Messages", []
            )
        ]
        for name, url in queues.items()
    }
    assert got == {"all": ["a medium one", "a high one"], "high": ["a high one"]}


def test_the_ledgers_conditional_write(emulator: Emulator) -> None:
    dynamodb = emulator.client("dynamodb")
    dynamodb.create_table(
        TableName="ledger",
        KeySchema=[
            {"AttributeName": "drill", "KeyType": "HASH"},
            {"AttributeName": "item", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "drill", "AttributeType": "S"},
            {"AttributeName": "item", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"drill": {"S": "d"}, "item": {"S": "claim"}}
    put = {
        "TableName": "ledger",
        "Item": item,
        "ConditionExpression": "attribute_not_exists(#i)",
        "ExpressionAttributeNames": {"#i": "item"},
    }
    dynamodb.put_item(**put)
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(**put)


def test_nothing_is_left_of_an_invocation_that_answers_nothing(
    machines: Machines, emulator: Emulator
) -> None:
    emulator.invoke = lambda _name, _payload: Invocation(b"null")
    arn = "arn:aws:lambda:sa-east-1:123456789012:function:f"
    ended = machines.run({"F": {"Type": "Task", "Resource": arn, "End": True}})
    assert ended.answer["output"] == "null"
