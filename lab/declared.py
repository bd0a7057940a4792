"""The alarms of a synthesized template, and who is subscribed to what they tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab import alarm_rules, aws, filters, metric_math, publishing
from lab.alarms import Alarm, Query
from lab.series import Metric
from lab.template import Made, Making, Properties, Template
from lab.timeline import Composite, Sent

_SECONDS = 60


class NotHeard(Exception):
    """When an alarm tells a topic that does not let it publish: the message names both."""


class NotSupported(Exception):
    """When an alarm of the template asks for what is not evaluated here: the message names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscriber:
    """Who hears of a topic. `endpoint` is an address, or the name of a chat's configuration.

    `policy` filters by the body of the message; one that filters by attributes, which an alarm has
    none of, hears nothing.
    """

    topic: str
    endpoint: str
    policy: filters.Policy
    by_body: bool = True

    def hears(self, sent: Sent) -> bool:
        """Whether a message that an alarm sends comes through."""
        if sent.held or self.topic not in sent.topics:
            return False
        message = {
            "AlarmName": sent.alarm,
            "AlarmDescription": sent.description,
            "NewStateValue": sent.after,
            "OldStateValue": sent.before,
        }
        return filters.admits(self.policy, message if self.by_body else {})


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """What of a template has to do with alarms."""

    alarms: tuple[Alarm, ...]
    composites: tuple[Composite, ...]
    subscribers: tuple[Subscriber, ...]

    def names(self) -> list[str]:
        """The names of all alarms."""
        composites = [each.name for each in self.composites]
        return sorted([*(each.name for each in self.alarms), *composites])

    def who(self, sent: Sent) -> list[str]:
        """Who hears of a message."""
        return [each.endpoint for each in self.subscribers if each.hears(sent)]


def declared(resources: Mapping[str, Mapping[str, Any]]) -> Declared:
    """The alarms of the `Resources` of a template that is not resolved yet.

    Raises NotSupported, NotHeard, DeployError, NotUnderstood and NotARule, each of which names the
    place.
    """
    template = Template(stack="drills", resources=resources, parameters={}, assets={})
    nobody: Any = None
    making = Making(template, _MAKERS, emulator=nobody, functions=nobody, time_factor=1.0)
    of_type: dict[str, list[tuple[str, Properties]]] = {}
    for name, resource in resources.items():
        if resource["Type"] in _READ:
            properties = making.resolved(resource.get("Properties", {}))
            of_type.setdefault(resource["Type"], []).append((name, properties))
    found = Declared(
        alarms=tuple(_alarm(*each) for each in of_type.get(_ALARM, [])),
        composites=tuple(_composite(*each) for each in of_type.get(_COMPOSITE, [])),
        subscribers=(
            *(_subscriber(each) for _, each in of_type.get(_SUBSCRIPTION, [])),
            *(
                Subscriber(topic=topic, endpoint=each["ConfigurationName"], policy={})
                for kind in _CHATS
                for _, each in of_type.get(kind, [])
                for topic in each["SnsTopicArns"]
            ),
        ),
    )
    _expect_heard(found, _topics(making, of_type))
    return found


def _topics(
    making: Making, of_type: Mapping[str, Sequence[tuple[str, Properties]]]
) -> dict[str, publishing.Topic]:
    return publishing.topics(
        {making.resource(name).ref: each for name, each in of_type.get(_TOPIC, [])},
        [each for _, each in of_type.get(_TOPIC_POLICY, [])],
        {
            making.resource(name).attributes["Arn"]: each["KeyPolicy"]
            for name, each in of_type.get(_KEY, [])
        },
    )


def _expect_heard(found: Declared, topics: Mapping[str, publishing.Topic]) -> None:
    actions = [
        *((each.name, each.actions) for each in found.alarms),
        *((each.name, each.actions) for each in found.composites),
    ]
    for name, of_states in actions:
        arn = f"arn:aws:cloudwatch:{aws.REGION}:{aws.ACCOUNT}:alarm:{name}"
        for told in sorted({topic for heard in of_states.values() for topic in heard}):
            if told in topics and not topics[told].admits_alarm(arn, aws.ACCOUNT):
                raise NotHeard(
                    f"alarm {name} tells topic {told}, whose policy, or that of its key, lets no"
                    f" alarm publish: expected Allow for {publishing.CLOUDWATCH}"
                )


def _alarm(name: str, properties: Properties) -> Alarm:
    known = properties.keys() <= _KNOWN
    if not known or properties.get("Unit"):
        raise NotSupported(f"{name}: {', '.join(sorted(properties.keys() - _KNOWN)) or 'Unit'}")
    queries, expression, period = _read(name, properties)
    warm_up = properties.get("WarmUpConfiguration", {})
    periods = int(properties["EvaluationPeriods"])
    return Alarm(
        name=str(properties.get("AlarmName", name)),
        description=str(properties.get("AlarmDescription", "")),
        queries=queries,
        expression=expression,
        operator=str(properties["ComparisonOperator"]),
        threshold=float(properties["Threshold"]),
        period=period,
        periods=periods,
        datapoints=int(properties.get("DatapointsToAlarm", periods)),
        missing=properties.get("TreatMissingData", "missing"),
        warm_up=int(warm_up.get("WarmUpPeriodDurationInMinutes", 0)),
        whole_warm_up=bool(warm_up.get("OnlyStartEvaluatingAfterWarmUpPeriodEnds", False)),
        actions=_actions(properties),
    )


def _read(
    name: str, properties: Properties
) -> tuple[tuple[Query, ...], metric_math.Expression, int]:
    """What an alarm reads, what it makes of it, and its period in minutes."""
    if "MetricName" in properties:
        query = _query("m", properties, properties.get("Statistic"))
        return (query,), metric_math.parse("m"), _minutes(name, properties["Period"])
    queries, expression, period = [], "", 0
    for each in properties["Metrics"]:
        if "MetricStat" in each:
            stat = each["MetricStat"]
            queries.append(_query(each["Id"], stat["Metric"], stat["Stat"]))
            period = _minutes(name, stat["Period"])
            expression = expression or (each["Id"] if each.get("ReturnData", True) else "")
        else:
            expression = each["Expression"]
    return tuple(queries), metric_math.parse(expression), period


def _query(name: str, metric: Properties, statistic: str | None) -> Query:
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
    return Query(
        id=name,
        metric=Metric.of(metric["Namespace"], metric["MetricName"], dimensions),
        statistic=statistic or "Average",
    )


def _minutes(name: str, seconds: Any) -> int:
    minutes, rest = divmod(int(seconds), _SECONDS)
    if rest or not minutes:
        raise NotSupported(f"{name}: a period of {seconds} seconds: expected whole minutes")
    return minutes


def _composite(name: str, properties: Properties) -> Composite:
    return Composite(
        name=str(properties.get("AlarmName", name)),
        description=str(properties.get("AlarmDescription", "")),
        rule=alarm_rules.parse(properties["AlarmRule"]),
        suppressor=str(properties.get("ActionsSuppressor", "")).rpartition(":alarm:")[2],
        wait=math.ceil(int(properties.get("ActionsSuppressorWaitPeriod", 0)) / _SECONDS),
        extension=math.ceil(int(properties.get("ActionsSuppressorExtensionPeriod", 0)) / _SECONDS),
        actions=_actions(properties),
    )


def _actions(properties: Properties) -> dict[Any, tuple[str, ...]]:
    if not properties.get("ActionsEnabled", True):
        return {}
    keys = {
        "ALARM": "AlarmActions",
        "OK": "OKActions",
        "INSUFFICIENT_DATA": "InsufficientDataActions",
    }
    return {state: tuple(properties.get(key, ())) for state, key in keys.items()}


def _subscriber(properties: Properties) -> Subscriber:
    return Subscriber(
        topic=str(properties["TopicArn"]),
        endpoint=str(properties["Endpoint"]),
        policy=properties.get("FilterPolicy", {}),
        by_body=properties.get("FilterPolicyScope") == "MessageBody",
    )


_ALARM = "AWS::CloudWatch::Alarm"
_COMPOSITE = "AWS::CloudWatch::CompositeAlarm"
_SUBSCRIPTION = "AWS::SNS::Subscription"
_CHATS: Sequence[str] = (
    "AWS::Chatbot::MicrosoftTeamsChannelConfiguration",
    "AWS::Chatbot::SlackChannelConfiguration",
)
_TOPIC = "AWS::SNS::Topic"
_TOPIC_POLICY = "AWS::SNS::TopicPolicy"
_KEY = "AWS::KMS::Key"
_READ = {_ALARM, _COMPOSITE, _SUBSCRIPTION, _TOPIC, _TOPIC_POLICY, _KEY, *_CHATS}

_KNOWN = {
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluationPeriods",
    "InsufficientDataActions",
    "MetricName",
    "Metrics",
    "Namespace",
    "OKActions",
    "Period",
    "Statistic",
    "Tags",
    "Threshold",
    "TreatMissingData",
    "WarmUpConfiguration",
}


def _named_alarm(_: Making, name: str, properties: Properties) -> Made:
    called = str(properties.get("AlarmName", name))
    arn = f"arn:aws:cloudwatch:{aws.REGION}:{aws.ACCOUNT}:alarm:{called}"
    return Made(called, {"Arn": arn})


def _named_function(_: Making, name: str, properties: Properties) -> Made:
    called = str(properties.get("FunctionName", name))
    return Made(called, {"Arn": f"arn:aws:lambda:{aws.REGION}:{aws.ACCOUNT}:function:{called}"})


def _named_machine(_: Making, name: str, properties: Properties) -> Made:
    arn = machine_arn(str(properties.get("StateMachineName", name)))
    return Made(arn, {"Arn": arn, "Name": arn.rpartition(":")[2]})


def _named_queue(_: Making, name: str, properties: Properties) -> Made:
    called = str(properties.get("QueueName", name))
    arn = f"arn:aws:sqs:{aws.REGION}:{aws.ACCOUNT}:{called}"
    return Made(arn, {"Arn": arn, "QueueName": called})


def _named_rule(_: Making, name: str, properties: Properties) -> Made:
    called = str(properties.get("Name", name))
    arn = f"arn:aws:events:{aws.REGION}:{aws.ACCOUNT}:rule/{called}"
    return Made(called, {"Arn": arn})


def machine_arn(name: str) -> str:
    """The ARN of a state machine, as the dimension of its metrics has it."""
    return f"arn:aws:states:{aws.REGION}:{aws.ACCOUNT}:stateMachine:{name}"


_MAKERS = {
    _ALARM: _named_alarm,
    _COMPOSITE: _named_alarm,
    "AWS::Events::Rule": _named_rule,
    "AWS::Lambda::Function": _named_function,
    "AWS::SQS::Queue": _named_queue,
    "AWS::StepFunctions::StateMachine": _named_machine,
}
