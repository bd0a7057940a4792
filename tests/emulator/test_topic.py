"""A report reaches those who subscribed, and the chats that hear of its severity."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.report.chat import Chat
from functions.report.message import Message
from functions.report.topic import publish
from lab.emulator import Emulator


def listening(emulator: Emulator, name: str) -> tuple[str, str]:
    """A topic, and the queue that hears all of it."""
    sns, sqs = emulator.client("sns"), emulator.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:sa-east-1:123456789012:{name}",
        Attributes={"RawMessageDelivery": "true"},
    )
    return topic, queue


def heard(emulator: Emulator, queue: str) -> list[str]:
    answer: dict[str, Any] = emulator.client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10
    )
    return [message["Body"] for message in answer.get("Messages", [])]


def test_each_is_told_in_its_own_way(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    reports, mail = listening(emulator, "reports")
    urgent, slack = listening(emulator, "urgent")
    everything, teams = listening(emulator, "everything")
    publish(
        reports,
        Message(
            subject="FAIL: restore drill a",
            body="FAIL: the copy is not what was promised.",
            attributes={"severity": "medium", "verdict": "FAIL", "drill": "a"},
        ),
        chats=[
            Chat(topic_arn=urgent, severities=("critical", "high")),
            Chat(topic_arn=everything, severities=("medium", "low", "info")),
        ],
    )
    assert heard(emulator, mail) == ["FAIL: the copy is not what was promised."]
    assert heard(emulator, slack) == []
    (told,) = heard(emulator, teams)
    assert json.loads(told)["content"]["title"] == "FAIL: restore drill a"
