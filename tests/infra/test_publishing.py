"""Every publisher that there is may publish where it does: the topic says so, and its key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.declared import NotHeard, declared
from lab.policies import Request
from lab.publishing import OF_ENCRYPTED, Topic, topics
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import roles_in, roles_of_functions, synthesized
from tests.infra.samples import content
from tests.infra.test_notify import SLACK, TEAMS

ACCOUNT, STRANGER = "123456789012", "210987654321"
EVENTS = "events.amazonaws.com"
CHATS = content(
    {},
    {"kind": "secret_rotation"},
    {"kind": "s3_versions"},
    notify=[
        {"email": "ops@example.com", "severities": ["critical", "high", "medium"]},
        {"slack": SLACK, "severities": ["critical", "high"]},
        {"teams": TEAMS, "severities": ["critical", "medium", "low", "info"]},
    ],
)


@pytest.fixture(scope="module", params=["drills.yaml", "chats"])
def raw(
    request: pytest.FixtureRequest,
    raw_template: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """The deployment of drills.yaml, and one with chats."""
    if request.param == "drills.yaml":
        return raw_template
    folder = tmp_path_factory.mktemp("chats")
    (folder / "drills.yaml").write_text(json.dumps(CHATS))
    return synthesized(folder / "drills.yaml", folder)


@pytest.fixture(scope="module")
def deployed(raw: dict[str, Any]) -> Template:
    return resolve(raw)


@pytest.fixture(scope="module")
def heard(deployed: Template) -> dict[str, Topic]:
    """The topics by ARN."""
    return topics(
        {deployed.arn(name): each for name, each in deployed.of_type("AWS::SNS::Topic").items()},
        list(deployed.of_type("AWS::SNS::TopicPolicy").values()),
        {
            deployed.arn(name): each["KeyPolicy"]
            for name, each in deployed.of_type("AWS::KMS::Key").items()
        },
    )


def alarms(template: Template) -> Iterator[tuple[str, str]]:
    """Each alarm, by its ARN, with each topic that it tells."""
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        for name, alarm in template.of_type(kind).items():
            for actions in ("AlarmActions", "OKActions", "InsufficientDataActions"):
                for topic in alarm.get(actions, []):
                    yield template.arn(name), topic


def rules(template: Template) -> Iterator[tuple[str, str]]:
    """Each rule, by its ARN, with each topic that is a target of it."""
    for name, rule in template.of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            if ":sns:" in target["Arn"]:
                yield template.arn(name), target["Arn"]


def test_every_alarm_may_publish_wherever_it_tells(
    deployed: Template, heard: dict[str, Topic]
) -> None:
    told = list(alarms(deployed))
    assert len(told) > 30
    reports = next(arn for arn in heard if "Reports" in arn)
    assert {topic for _, topic in told} == heard.keys() - {reports}
    assert {pair for pair in told if not heard[pair[1]].admits_alarm(pair[0], ACCOUNT)} == set()


def test_every_rule_may_publish_wherever_it_tells(
    deployed: Template, heard: dict[str, Topic]
) -> None:
    told = list(rules(deployed))
    assert told
    assert {pair for pair in told if not _admits_rule(heard[pair[1]], pair[0])} == set()


def test_every_role_that_publishes_may_and_no_policy_keeps_it_from_it(
    deployed: Template, heard: dict[str, Topic]
) -> None:
    """A role of the account needs the topic's leave or its own: here it has its own."""
    may = roles_of_functions(deployed, roles_in(deployed))
    told = {topic.arn for topic in heard.values() if "Alarms" not in topic.arn}
    secure = {"aws:SecureTransport": "true"}
    for name in ("drill-report", "drill-reminder"):
        for arn in told:
            topic = heard[arn]
            assert topic.policy is not None
            assert may[name].allows(Request("sns:Publish", arn, secure)), (name, arn)
            assert all(may[name].allows(Request(each, topic.key)) for each in OF_ENCRYPTED)
            (deny,) = (each for each in topic.policy["Statement"] if each["Effect"] == "Deny")
            assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_stranger_s_alarm_or_rule_may_not(heard: dict[str, Topic]) -> None:
    for topic in heard.values():
        alarm = f"arn:aws:cloudwatch:sa-east-1:{STRANGER}:alarm:drill-leftovers"
        assert not topic.admits_alarm(alarm, STRANGER), topic.arn
        assert not _admits_rule(topic, f"arn:aws:events:sa-east-1:{STRANGER}:rule/Touched")
        assert not _admits_rule(topic, f"arn:aws:events:sa-east-1:{ACCOUNT}:rule/another")


def test_reports_are_published_by_roles_alone(heard: dict[str, Topic]) -> None:
    (reports,) = (topic for arn, topic in heard.items() if "Reports" in arn)
    alarm = f"arn:aws:cloudwatch:sa-east-1:{ACCOUNT}:alarm:drill-leftovers"
    assert not reports.admits_alarm(alarm, ACCOUNT)


@pytest.mark.parametrize("lost", ["AWS::SNS::TopicPolicy", "AWS::KMS::Key"])
def test_a_simulated_year_refuses_alarms_that_nobody_would_hear(
    raw: dict[str, Any], lost: str
) -> None:
    assert declared(raw["Resources"])
    mute = json.loads(json.dumps(raw["Resources"]).replace("cloudwatch.amazonaws.com", "x"))
    resources = {
        name: mute[name] if resource["Type"] == lost else resource
        for name, resource in raw["Resources"].items()
    }
    with pytest.raises(NotHeard, match=r"alarm drill-\S+ tells topic Notify\w+, whose policy"):
        declared(resources)


def _admits_rule(topic: Topic, rule: str) -> bool:
    """To an encrypted topic EventBridge sends nothing along that a key could ask for."""
    return topic.admits(EVENTS, context={"aws:SourceArn": rule}, context_of_key={})
