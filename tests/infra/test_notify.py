"""Who hears of what: chats, each by a topic of its own, and mail that is filtered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.report.chat import from_setting
from functions.settings import Settings
from infra.notify import alarms_for
from lab.policies import Request, Role
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import roles_in, roles_of_functions, synthesized
from tests.infra.event_patterns import matches
from tests.infra.samples import content
from tests.infra.test_guard import ALL, dangers

UUID = "0a1b2c3d-0000-1111-2222-333344445555"
SLACK = {"workspace": "T07EA123LEP", "channel": "C04F1EXAMPLE"}
TEAMS = {"team": UUID, "channel": "19%3aa1b2c3%40thread.tacv2", "tenant": UUID}


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Somebody by mail, a Slack channel for what is urgent, a Teams channel for the rest."""
    written = content(
        {},
        {"kind": "secret_rotation"},
        notify=[
            {"email": "ops@example.com", "severities": ["critical", "high", "medium"]},
            {"slack": SLACK, "severities": ["critical", "high"]},
            {"teams": TEAMS, "severities": ["medium", "low", "info"]},
        ],
    )
    folder = tmp_path_factory.mktemp("notify")
    (folder / "drills.yaml").write_text(json.dumps(written))
    return resolve(synthesized(folder / "drills.yaml", folder))


@pytest.fixture(scope="module")
def topics(variant: Template) -> dict[str, str]:
    """ARNs of the topics: alarms, reports, slack, teams."""
    starts = {
        "alarms": "NotifyAlarms",
        "reports": "NotifyReports",
        "slack": "NotifyChat1Topic",
        "teams": "NotifyChat2Topic",
    }
    return {
        name: variant.arn(variant.called("AWS::SNS::Topic", start))
        for name, start in starts.items()
    }


class TestChats:
    def test_a_channel_reads_the_topic_of_its_own(
        self, variant: Template, topics: dict[str, str]
    ) -> None:
        slack = variant.only("AWS::Chatbot::SlackChannelConfiguration")
        assert slack["SnsTopicArns"] == [topics["slack"]]
        assert (slack["SlackWorkspaceId"], slack["SlackChannelId"]) == tuple(SLACK.values())
        teams = variant.only("AWS::Chatbot::MicrosoftTeamsChannelConfiguration")
        assert teams["SnsTopicArns"] == [topics["teams"]]
        assert teams["TeamsChannelId"] == TEAMS["channel"]

    def test_an_alarm_rings_where_its_severity_is_heard(
        self, variant: Template, topics: dict[str, str]
    ) -> None:
        alarms = [
            *variant.of_type("AWS::CloudWatch::Alarm").values(),
            *variant.of_type("AWS::CloudWatch::CompositeAlarm").values(),
        ]
        heard = {"critical": "slack", "high": "slack", "medium": "teams", "low": "teams"}
        for alarm in alarms:
            severity = alarm["AlarmDescription"].partition(":")[0]
            if "AlarmActions" in alarm:
                assert alarm["AlarmActions"] == [topics["alarms"], topics[heard[severity]]]
                assert set(alarm.get("OKActions", [])) <= {topics["alarms"]}

    def test_reports_and_reminders_know_the_chats_and_may_publish_there(
        self, variant: Template, topics: dict[str, str]
    ) -> None:
        functions = variant.of_type("AWS::Lambda::Function").values()
        environment = next(each["Environment"]["Variables"] for each in functions)
        chats = from_setting(Settings.from_environment(environment).chat_topics)
        assert [(chat.topic_arn, *chat.severities) for chat in chats] == [
            (topics["slack"], "critical", "high"),
            (topics["teams"], "medium", "low", "info"),
        ]
        may = roles_of_functions(variant, roles_in(variant))
        publishing = {
            name
            for name, role in may.items()
            if all(
                role.allows(Request("sns:Publish", topics[topic]))
                for topic in ("reports", "slack", "teams")
            )
        }
        assert publishing == {"drill-report", "drill-reminder"}

    def test_nobody_does_more_from_a_channel_than_look_at_alarms(self, variant: Template) -> None:
        roles = {
            name: role for name, role in roles_in(variant).items() if name.startswith("NotifyChat")
        }
        assert len(roles) == 2
        for role in roles.values():
            everything = Role(policies=(ALL,), boundary=role.boundary)
            for each in (role, everything):
                assert each.allows(Request("cloudwatch:DescribeAlarms", "*"))
                assert not each.allows(Request("cloudwatch:DisableAlarmActions", "*"))
                assert not each.allows(Request("lambda:InvokeFunction", "*"))
                assert not [danger for danger in dangers() if each.allows(Request(*danger))]
        slack = variant.only("AWS::Chatbot::SlackChannelConfiguration")
        policies = {variant.arn(name) for name in variant.of_type("AWS::IAM::ManagedPolicy")}
        assert len(slack["GuardrailPolicies"]) == 1
        assert set(slack["GuardrailPolicies"]) <= policies

    def test_an_event_is_told_to_the_chats_that_hear_its_severity(
        self, variant: Template, topics: dict[str, str]
    ) -> None:
        for name, rule in variant.of_type("AWS::Events::Rule").items():
            if "Snapshots" in name:
                continue
            mail, chat = rule["Targets"]
            assert (mail["Arn"], chat["Arn"]) == (topics["alarms"], topics["slack"]), name
            told = json.loads(chat["InputTransformer"]["InputTemplate"])
            assert (told["version"], told["source"]) == ("1.0", "custom")
            assert told["content"]["textType"] == "client-markdown"
            assert told["content"]["description"]

    def test_their_topics_are_encrypted(self, variant: Template) -> None:
        assert all(each["KmsMasterKeyId"] for each in variant.of_type("AWS::SNS::Topic").values())


def message(severity: str, old: str, new: str) -> dict[str, Any]:
    return {
        "AlarmName": "drill-x",
        "AlarmDescription": f"{severity}: x",
        "OldStateValue": old,
        "NewStateValue": new,
    }


@pytest.mark.parametrize(
    ("severity", "old", "new", "heard"),
    [
        ("high", "OK", "ALARM", True),
        ("high", "INSUFFICIENT_DATA", "ALARM", True),
        ("high", "ALARM", "OK", True),
        ("high", "INSUFFICIENT_DATA", "OK", False),
        ("low", "OK", "ALARM", False),
        ("low", "ALARM", "OK", False),
    ],
)
def test_mail_tells_what_rings_and_what_is_over_and_not_what_is_new(
    severity: str, old: str, new: str, heard: bool
) -> None:
    """SNS's filters of a message's body are written as EventBridge's patterns are."""
    filtered = alarms_for(["critical", "high"])
    assert matches(filtered, message(severity, old, new)) is heard
