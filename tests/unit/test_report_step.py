"""The handler of Report, in-process on the emulator: what is stored, entered and published."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions import evidence, ledger
from functions.report import steps
from functions.settings import Settings
from tests.unit import report_samples as samples

BUCKET = "evidence"
REGION = "sa-east-1"


class Context:
    """Lambda's context, with five minutes left."""

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


class World:
    """A bucket, a table and a topic whose messages end in a queue."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3", region_name=REGION)
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.s3.create_bucket(
            Bucket=BUCKET,
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
        self.dynamodb.create_table(
            TableName="ledger",
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
        sns = boto3.client("sns", region_name=REGION)
        self.topic = sns.create_topic(Name="drills")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="drills")["QueueUrl"]
        queue = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=queue["Attributes"]["QueueArn"])

    def keep(self, stored: Mapping[str, Any]) -> None:
        """Put what Verify recorded into the bucket."""
        for key, records in stored.items():
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(records))

    def claim(self) -> None:
        """Let the sample's execution hold the drill."""
        self.dynamodb.put_item(
            TableName="ledger",
            Item={
                "drill": {"S": "aurora-prod-monthly"},
                "item": {"S": "claim"},
                "execution": {"S": samples.EXECUTION},
                "run_id": {"S": "20261102-1a2b3c"},
                "plan": {"S": "{}"},
            },
        )

    def items(self) -> dict[str, Any]:
        """What is in the ledger, by item."""
        return {i["item"]["S"]: i for i in self.dynamodb.scan(TableName="ledger")["Items"]}

    def messages(self) -> list[dict[str, Any]]:
        """What was published."""
        found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(m["Body"]) for m in found.get("Messages", [])]

    def stored(self, key: str) -> bytes:
        """An object of the bucket."""
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for cached in (evidence._s3, ledger._dynamodb):
        cached.cache_clear()
    with mock_aws():
        world = World()
        wiring = Settings(
            evidence_bucket=BUCKET,
            ledger_table="ledger",
            topic_arn=world.topic,
            subnet_group="none",
            security_group="none",
        )
        for name, value in wiring.to_environment().items():
            monkeypatch.setenv(name, value)
        yield world
    for cached in (evidence._s3, ledger._dynamodb):
        cached.cache_clear()


def test_a_pass_is_stored_locked_entered_and_told(world: World) -> None:
    sample = samples.passed()
    world.keep(sample.stored())
    world.claim()
    answer = steps.report({"document": sample.whole()}, Context())
    assert {k: answer[k] for k in ("done", "verdict", "report", "html", "calls")} == {
        "done": True,
        "verdict": "PASS",
        "report": f"{samples.KEY}/report.json",
        "html": f"{samples.KEY}/report.html",
        "calls": 1,
    }
    report = json.loads(world.stored(answer["report"]))
    assert report["verdict"] == "PASS"
    assert f"{samples.KEY}/checks/unit-001.json" in report["evidence"]["keys"]
    assert b"<!doctype html>" in world.stored(answer["html"])
    for key in (answer["report"], answer["html"]):
        assert world.s3.head_object(Bucket=BUCKET, Key=key)["ObjectLockMode"] == "GOVERNANCE"
    entry = world.items()["run#20261102-1a2b3c"]
    assert entry["verdict"]["S"] == "PASS"
    assert json.loads(entry["facts"]["S"])["rto_seconds"] == 860.0
    assert "claim" not in world.items()
    (told,) = world.messages()
    assert told["Subject"].startswith("PASS: ")
    assert told["MessageAttributes"]["severity"]["Value"] == "info"


def test_the_entry_holds_what_the_watch_asks_of_a_run(world: World) -> None:
    sample = samples.passed()
    sample.document["drill"]["capacity"] = {"min": 0.5, "max": 4.0}
    sample.document["witness"]["bytes"] = 10**9
    world.keep(sample.stored())
    steps.report({"document": sample.whole()}, Context())
    facts = json.loads(world.items()["run#20261102-1a2b3c"]["facts"]["S"])
    assert facts["objectives"] == {
        "rto": {"objective_seconds": 1800, "measured_seconds": 860.0, "met": True},
        "rpo": {"objective_seconds": 300, "measured_seconds": 171.0, "met": True},
    }
    assert facts["dry_run"] is False
    assert facts["usage"] == {"calls": 2, "capacity": 4.0, "bytes": 10**9}


def test_a_dry_run_is_entered_as_one(world: World) -> None:
    document = {**samples.skipped().whole(), "input": {"dry_run": True}}
    steps.report({"document": document}, Context())
    (entry,) = (item for name, item in world.items().items() if name.startswith("run#"))
    assert json.loads(entry["facts"]["S"])["dry_run"] is True


def test_without_the_records_there_is_no_pass(world: World) -> None:
    answer = steps.report({"document": samples.passed().whole()}, Context())
    assert answer["verdict"] == "INCONCLUSIVE"
    assert world.items()["run#20261102-1a2b3c"]["verdict"]["S"] == "INCONCLUSIVE"


def test_the_claim_stays_while_something_is_left(world: World) -> None:
    sample = samples.left_behind()
    world.keep(sample.stored())
    world.claim()
    assert steps.report({"document": sample.whole()}, Context())["verdict"] == "FAIL"
    assert "claim" in world.items()


def test_a_skipped_run_is_entered_and_nobody_is_told(world: World) -> None:
    world.claim()
    document = samples.skipped().whole()
    document["execution"]["id"] += "-other"
    assert steps.report({"document": document}, Context())["verdict"] == "SKIPPED"
    assert world.messages() == []
    assert "claim" in world.items()
    assert len([item for item in world.items() if item.startswith("run#")]) == 1


@pytest.mark.parametrize("document", [{}, {"drill": {"name": "x", "kind": "none"}}])
def test_a_document_without_anything_is_reported(world: World, document: dict[str, Any]) -> None:
    answer = steps.report({"document": document}, Context())
    assert answer["verdict"] == "INCONCLUSIVE"
    assert json.loads(world.stored(answer["report"]))["verdict"] == "INCONCLUSIVE"


def test_the_ledger_is_written_before_anybody_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILLS_TOPIC_ARN", f"{world.topic}-is-gone")
    with pytest.raises(Exception, match="NotFound"):
        steps.report({"document": samples.failed().whole()}, Context())
    assert "run#20261102-1a2b3c" in world.items()


def test_a_report_made_again_is_the_same_entry(world: World) -> None:
    sample = samples.passed()
    world.keep(sample.stored())
    for _ in range(2):
        assert steps.report({"document": sample.whole()}, Context())["verdict"] == "PASS"
    assert len(world.items()) == 1
