"""What AWS itself publishes: production touched, a rotation that failed, a snapshot made.

Events are published as well as AWS can, and no better: they only make known sooner what the
collector finds by looking, but for what a role of ours did, which CloudTrail alone knows. Both
kinds of event that come from CloudTrail need a trail that is switched on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from functions import naming
from functions.watch.conditions import ROTATION_FAILED, Condition, Severity
from functions.watch.watched import Watched
from infra.alarms import PRODUCTION_TOUCHED, Alarm, description
from infra.config import ConfigurationError
from infra.functions import Functions
from infra.notify import Notify
from infra.patterns import (
    Pattern,
    configured_buckets,
    deleted_in_batches,
    rotations_that_failed,
    snapshots_that_were_made,
    touched_clusters,
    touched_secrets,
    written_objects,
)
from infra.schema import Configuration

ALL_OF_CLOUDTRAIL: Final = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""A rule that is merely ENABLED is not given every management event of CloudTrail."""

LONGEST_PATTERN: Final = 2_048
"""Characters that EventBridge takes."""

MOST_RULES: Final = 10
"""Metrics that one alarm can add up."""

_LENGTH_OF_AN_ID: Final = len('"AROA234567890ABCDEFGH",')

_ROTATES: Final = "rotate-"
_DELETE_IN_BATCHES: Final = frozenset({"restore-shard", "s3-exercise", "s3-teardown"})
"""Teardown and restore remove the versions and the markers of a key with one request, or of many
keys."""

_OF_A_CALL: Final = {
    "at": "$.detail.eventTime",
    "error": "$.detail.errorCode",
    "event": "$.detail.eventName",
    "id": "$.detail.eventID",
    "source": "$.detail.eventSource",
    "who": "$.detail.userIdentity.arn",
}
"""What is told of a call; what an event does not hold is left out. Never a message: a quotation
mark in it would end the text that it is put into, and filters read JSON alone."""


class Rules(Construct):
    """The rules of a deployment, and an alarm that counts what touched production."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        configuration: Configuration,
        watched: Watched,
        notify: Notify,
        collector: lambda_.Function,
        functions: Functions,
    ) -> None:
        super().__init__(scope, name)
        self._notify = notify
        self._stack = watched.stack
        self._telling: dict[sns.Topic, list[events.CfnRule]] = {}
        self._touched(configuration, functions)
        self._rotations(configuration)
        self._snapshots(configuration, collector)
        self._let_rules_publish()

    def _touched(self, configuration: Configuration, functions: Functions) -> None:
        everybody = list(functions.made.values())
        rotators = [made for name, made in functions.made.items() if name.startswith(_ROTATES)]
        others = [made for made in everybody if made not in rotators]
        is_live = any(drill.mode == "live" for drill in configuration.rotations)
        orderly = [made for name, made in functions.made.items() if name not in _DELETE_IN_BATCHES]
        written, below, restored = _buckets(configuration)
        in_part = list(dict.fromkeys((*below, *restored)))
        patterns = {
            **_chunked("Clusters", everybody, touched_clusters),
            **_chunked("Buckets", everybody, configured_buckets),
            **(
                _chunked(
                    "Objects",
                    everybody,
                    lambda roles: written_objects(roles, never=written, below=below),
                )
                if written or below
                else {}
            ),
            **(
                _chunked(
                    "Batches",
                    orderly,
                    lambda roles: deleted_in_batches(roles, buckets=in_part),
                )
                if in_part
                else {}
            ),
            **_chunked(
                "Secrets",
                others,
                lambda roles: touched_secrets(roles, may=["RotateSecret"] if is_live else []),
            ),
            **_chunked(
                "SecretsOfRotators",
                rotators,
                lambda roles: touched_secrets(
                    roles, may=["PutSecretValue", "UpdateSecretVersionStage"]
                ),
            ),
        }
        if len(patterns) > MOST_RULES:
            raise ConfigurationError(
                [
                    f"drills: {len(functions.made)} functions: expected fewer networks: the alarm"
                    " for what touches production counts what so many can do no more"
                ]
            )
        told = description(PRODUCTION_TOUCHED, severity="critical", subject="<who> called <event>")
        rules = [
            self._tell(
                f"Touched{name}",
                pattern=pattern,
                condition=PRODUCTION_TOUCHED,
                severity="critical",
                description=told,
                reason="CloudTrail event <id> of <at>, from <source>; answered with: <error>.",
                paths=_OF_A_CALL,
            )
            for name, pattern in patterns.items()
        ]
        self._notify.alarm(
            Construct(self, PRODUCTION_TOUCHED.name),
            Alarm(
                name=f"{naming.PREFIX}{PRODUCTION_TOUCHED.name}",
                subject=self._stack,
                condition=PRODUCTION_TOUCHED,
                metric=_matched(rules),
                severity="critical",
            ),
        )

    def _rotations(self, configuration: Configuration) -> None:
        secrets = list(dict.fromkeys(drill.secret for drill in configuration.rotations))
        if secrets:
            self._tell(
                "Rotations",
                pattern=rotations_that_failed(secrets),
                condition=ROTATION_FAILED,
                severity="high",
                description=description(ROTATION_FAILED, severity="high", subject="<secret>"),
                reason="<event> at <at>; CloudTrail event <id> says why.",
                paths={
                    "at": "$.detail.eventTime",
                    "event": "$.detail.eventName",
                    "id": "$.detail.eventID",
                    "secret": "$.detail.additionalEventData.SecretId",
                },
            )

    def _snapshots(self, configuration: Configuration, collector: lambda_.Function) -> None:
        """A collection at once: how old the last snapshot is, is known an hour sooner."""
        clusters = list(dict.fromkeys(drill.cluster for drill in configuration.aurora))
        if not clusters:
            return
        rule = events.CfnRule(
            self,
            "Snapshots",
            description="A snapshot was made: the collector looks at once",
            event_pattern=snapshots_that_were_made(clusters),
            targets=[events.CfnRule.TargetProperty(arn=collector.function_arn, id="Collector")],
        )
        lambda_.CfnPermission(
            self,
            "MayCollect",
            action="lambda:InvokeFunction",
            function_name=collector.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )

    def _tell(
        self,
        name: str,
        *,
        pattern: Mapping[str, Any],
        condition: Condition,
        severity: Severity,
        description: str,
        reason: str,
        paths: Mapping[str, str],
    ) -> events.CfnRule:
        """A rule whose event is told as an alarm is: the same filters let it through.

        Chats are told in their own schema. What stands in angle brackets is taken from the event.
        """
        topics = self._notify.hearing(severity)
        title = f"{condition.name}: {self._stack}"
        texts = [
            _as_alarm(f"{naming.PREFIX}{condition.name}", description, reason),
            *(_as_chat(title, f"{description} {reason}") for _ in topics[1:]),
        ]
        rule = events.CfnRule(
            self,
            name,
            description=f"{severity}: {condition.means}"[:512],
            event_pattern=pattern,
            state=ALL_OF_CLOUDTRAIL,
            targets=[
                events.CfnRule.TargetProperty(
                    arn=topic.topic_arn,
                    id=f"Topic{number}",
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map=dict(paths), input_template=text
                    ),
                )
                for number, (topic, text) in enumerate(zip(topics, texts, strict=True), start=1)
            ],
        )
        for topic in topics:
            self._telling.setdefault(topic, []).append(rule)
        return rule

    def _let_rules_publish(self) -> None:
        for topic, rules in self._telling.items():
            topic.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="Rules",
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    actions=["sns:Publish"],
                    resources=[topic.topic_arn],
                    conditions={"ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]}},
                )
            )


def _buckets(configuration: Configuration) -> tuple[list[str], dict[str, str], list[str]]:
    """What drills may write to: no object in some buckets, below a prefix in others, and in those
    that a restore writes to whatever it must.
    """
    restored = list(dict.fromkeys(restore.target for restore in configuration.restore_buckets))
    read = dict.fromkeys(
        (
            *(drill.bucket for drill in configuration.s3_versions),
            *(restore.bucket for restore in configuration.restore_buckets),
        )
    )
    below = {
        drill.bucket: f"{drill.canary.prefix}{naming.PREFIX}"
        for drill in configuration.s3_versions
        if drill.writes_to_source and drill.bucket not in restored
    }
    never = [bucket for bucket in read if bucket not in below and bucket not in restored]
    return never, below, restored


def _chunked(
    name: str, functions: Sequence[lambda_.Function], pattern: Callable[[list[str]], Pattern]
) -> dict[str, Pattern]:
    """A pattern for as many functions as fit into one, whose roles it names by their ids.

    CloudFormation cuts the names that it gives to roles; and a role that is made again has a new
    id, which the template follows. Raises ConfigurationError where not even one fits.
    """
    roles = [_role_id(function) for function in functions]
    room = LONGEST_PATTERN - len(json.dumps(pattern([]), separators=(",", ":")))
    most = room // _LENGTH_OF_AN_ID
    if most < 1:
        raise ConfigurationError(
            ["drills: the names of buckets: expected shorter ones, or fewer: no rule can hold them"]
        )
    starts = range(0, len(roles), most)
    return {
        f"{name}{number}": pattern(roles[start : start + most])
        for number, start in enumerate(starts, start=1)
    }


def _role_id(function: lambda_.Function) -> str:
    assert function.role is not None  # infra/functions.py always gives one
    role = function.role.node.default_child
    assert isinstance(role, iam.CfnRole)
    return role.attr_role_id


def _matched(rules: Sequence[events.CfnRule]) -> cloudwatch.MathExpression:
    """How many events one of the rules was triggered by; CloudWatch tells only what is not 0."""
    period = Duration.minutes(5)
    counts = {
        f"rule{number}": cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="TriggeredRules",
            dimensions_map={"RuleName": rule.ref},
            period=period,
            statistic="Sum",
        )
        for number, rule in enumerate(rules, start=1)
    }
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in counts),
        label="calls that no drill may make",
        period=period,
        using_metrics=dict(counts),
    )


def _as_alarm(name: str, description: str, reason: str) -> str:
    """An event in the shape of an alarm's message."""
    return json.dumps(
        {
            "AlarmName": name,
            "AlarmDescription": description,
            "NewStateValue": "ALARM",
            "OldStateValue": "OK",
            "NewStateReason": reason,
        },
        ensure_ascii=False,
    )


def _as_chat(title: str, text: str) -> str:
    """An event in the schema of a chat."""
    told = {"textType": "client-markdown", "title": title, "description": text}
    return json.dumps({"version": "1.0", "source": "custom", "content": told}, ensure_ascii=False)
