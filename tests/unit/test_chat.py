"""What a chat is told, and which chats are."""

from __future__ import annotations

import json

import pytest

from functions.errors import SettingsError
from functions.report.chat import Chat, as_setting, content, from_setting, heard_by
from functions.report.message import Message

URGENT = Chat(topic_arn="arn:aws:sns:sa-east-1:123456789012:urgent", severities=("critical",))
ALL = Chat(topic_arn="arn:aws:sns:sa-east-1:123456789012:all", severities=("critical", "info"))


def message(severity: str = "info", body: str = "All is well.", **others: object) -> Message:
    attributes = {"severity": severity, "verdict": "PASS", "drill": "aurora-monthly"}
    given: dict[str, object] = {"subject": "PASS: drill a", "body": body, "attributes": attributes}
    return Message(**(given | others))  # type: ignore[arg-type]


def test_a_setting_is_read_back_as_it_was_written() -> None:
    assert from_setting(as_setting([URGENT, ALL])) == (URGENT, ALL)
    assert from_setting(as_setting([])) == ()


@pytest.mark.parametrize("text", ["arn:aws:sns:x", "=critical", "arn:aws:sns:x="])
def test_a_setting_that_says_nothing_is_an_error(text: str) -> None:
    with pytest.raises(SettingsError, match="DRILLS_CHAT_TOPICS"):
        from_setting(text)


def test_a_chat_hears_of_its_severities_alone() -> None:
    assert heard_by([URGENT, ALL], message("info")) == [ALL.topic_arn]
    assert heard_by([URGENT, ALL], message("critical")) == [URGENT.topic_arn, ALL.topic_arn]
    assert heard_by([URGENT, ALL], message("low")) == []


def test_the_message_is_in_the_schema_of_custom_notifications() -> None:
    told = json.loads(content(message(steps=("Look.", "Mend."))))
    assert (told["version"], told["source"]) == ("1.0", "custom")
    assert told["content"] == {
        "textType": "client-markdown",
        "title": "PASS: drill a",
        "description": "All is well.",
        "nextSteps": ["Look.", "Mend."],
    }
    assert told["metadata"] == {
        "summary": "PASS: drill a",
        "threadId": "aurora-monthly",
        "additionalContext": {"severity": "info", "verdict": "PASS", "drill": "aurora-monthly"},
    }


def test_a_reminder_has_no_thread_of_a_drill_and_no_steps() -> None:
    told = json.loads(content(message(attributes={"severity": "high"})))
    assert "threadId" not in told["metadata"]
    assert "nextSteps" not in told["content"]


def test_what_is_too_long_for_a_chat_is_cut_where_it_can_be_seen() -> None:
    told = json.loads(content(message(body="é" * 10_000, steps=tuple("abcdefgh"))))
    assert len(told["content"]["description"]) == 2_800
    assert told["content"]["description"].endswith("é…")
    assert len(told["content"]["nextSteps"]) == 5
