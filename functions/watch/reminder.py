"""The reminder: once a day, what is still open. An alarm speaks once, and is easily forgotten."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions import naming
from functions.errors import EvidenceMissing
from functions.evidence import Evidence
from functions.report import chat, topic
from functions.settings import Settings
from functions.watch import alarms, state
from functions.watch.reminding import Ringing, items, messages

logger = Logger(service="backup-drills")


def remind(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Publish a message for each severity of which something is open; how much is, by severity.

    What cannot be read is itself an open thing. Raises where a message cannot be published.
    """
    settings = Settings.from_environment(os.environ)
    evidence = Evidence.of(settings)
    now = datetime.now(UTC)
    chats = chat.from_setting(settings.chat_topics)
    told, unreadable = _state(evidence)
    ringing, unasked = _ringing()
    found = items(told, ringing, now=now, trouble=[*unreadable, *unasked])
    for message in messages(found, state=told, bucket=evidence.bucket, now=now):
        topic.publish(settings.topic_arn, message, chats=chats)
    counts = dict(Counter(str(item.severity) for item in found))
    logger.info("reminded" if found else "nothing is open", open=counts)
    return counts


def _state(evidence: Evidence) -> tuple[state.State | None, list[str]]:
    """The latest state, and why it cannot be read where there is one."""
    try:
        return state.read(evidence.get_json(state.STATE_KEY)), []
    except EvidenceMissing:
        return None, []
    except (BotoCoreError, ClientError, ValueError, state.NotAState) as error:
        logger.error("the state cannot be read", error=str(error))
        return None, [f"the state cannot be read: {type(error).__name__}: {error}"]


def _ringing() -> tuple[list[Ringing], list[str]]:
    """The alarms that ring, and why that is not known where it is not."""
    try:
        return alarms.ringing(naming.PREFIX), []
    except (BotoCoreError, ClientError) as error:
        logger.error("the alarms cannot be read", error=str(error))
        return [], [f"the alarms cannot be read: {type(error).__name__}: {error}"]
