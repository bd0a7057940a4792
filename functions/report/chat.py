"""What a chat is told: Amazon Q (AWS Chatbot) reads messages of its own schema alone. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from functions.errors import SettingsError
from functions.report.message import Message

_TITLE_LIMIT: Final = 250
_TEXT_LIMIT: Final = 2_800
"""Slack takes 3,000 characters in one block."""

_MOST_STEPS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """The topic of a channel, and of what severities it hears."""

    topic_arn: str
    severities: Sequence[str]


def as_setting(chats: Iterable[Chat]) -> str:
    """The chats as one environment variable holds them.

    >>> as_setting([Chat(topic_arn="arn:a", severities=("critical", "high"))])
    'arn:a=critical+high'
    """
    return ",".join(f"{chat.topic_arn}={'+'.join(chat.severities)}" for chat in chats)


def from_setting(text: str) -> tuple[Chat, ...]:
    """The same, read back.

    >>> from_setting("arn:a=critical+high,arn:b=low")[1].severities
    ('low',)
    >>> from_setting("")
    ()

    Raises SettingsError.
    """
    found = []
    for entry in filter(None, text.split(",")):
        topic, equals, severities = entry.partition("=")
        if not topic or not equals or not severities:
            raise SettingsError(f"DRILLS_CHAT_TOPICS holds {entry!r}: expected topic=severity+...")
        found.append(Chat(topic_arn=topic, severities=tuple(severities.split("+"))))
    return tuple(found)


def heard_by(chats: Iterable[Chat], message: Message) -> list[str]:
    """The topics of the chats that hear of the message's severity."""
    severity = message.attributes["severity"]
    return [chat.topic_arn for chat in chats if severity in chat.severities]


def content(message: Message) -> str:
    """The message in the schema of custom notifications; what is too long for a chat is cut.

    >>> told = Message(subject="PASS: drill a", body="All well.\\n",
    ...                attributes={"severity": "info", "drill": "a"})
    >>> json.loads(content(told))["content"]["title"]
    'PASS: drill a'
    """
    body = message.body
    text = body if len(body) <= _TEXT_LIMIT else f"{body[: _TEXT_LIMIT - 1]}…"
    told: dict[str, object] = {
        "textType": "client-markdown",
        "title": message.subject[:_TITLE_LIMIT],
        "description": text,
    }
    if message.steps:
        told["nextSteps"] = list(message.steps[:_MOST_STEPS])
    about = {name: value for name, value in message.attributes.items() if value}
    metadata: dict[str, object] = {"summary": message.subject, "additionalContext": about}
    if drill := message.attributes.get("drill"):
        metadata["threadId"] = drill
    return json.dumps(
        {"version": "1.0", "source": "custom", "content": told, "metadata": metadata},
        ensure_ascii=False,
    )
