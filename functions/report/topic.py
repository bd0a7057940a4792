"""The only file that talks to the notification topic (SNS)."""

from __future__ import annotations

from functions.report.message import Message


def publish(topic_arn: str, message: Message) -> None:
    """Publish a message; subscriptions are filtered by its attributes."""
    import boto3

    boto3.client("sns").publish(
        TopicArn=topic_arn,
        Subject=message.subject,
        Message=message.body,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.attributes.items()
        },
    )
