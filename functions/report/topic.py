"""The only file that talks to notification topics (SNS)."""

from __future__ import annotations

from collections.abc import Iterable

from functions.report.chat import Chat, content, heard_by
from functions.report.message import Message


def publish(topic_arn: str, message: Message, *, chats: Iterable[Chat] = ()) -> None:
    """Publish a message, and to each of `chats` that hears of its severity in the chat's schema.

    Subscriptions of `topic_arn` are filtered by the message's attributes.
    """
    import boto3

    sns = boto3.client("sns")
    sns.publish(
        TopicArn=topic_arn,
        Subject=message.subject,
        Message=message.body,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.attributes.items()
        },
    )
    for chat in heard_by(chats, message):
        sns.publish(TopicArn=chat, Message=content(message))
