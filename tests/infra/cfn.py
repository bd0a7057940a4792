"""A template with its intrinsic functions resolved, as CloudFormation would in one account."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "sa-east-1",
    "AWS::URLSuffix": "amazonaws.com",
}

_ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:sa-east-1:123456789012:alarm:{}",
    "AWS::CloudWatch::CompositeAlarm": "cloudwatch:sa-east-1:123456789012:alarm:{}",
    "AWS::DynamoDB::Table": "dynamodb:sa-east-1:123456789012:table/{}",
    "AWS::Events::Rule": "events:sa-east-1:123456789012:rule/{}",
    "AWS::IAM::ManagedPolicy": "iam::123456789012:policy/{}",
    "AWS::IAM::Role": "iam::123456789012:role/{}",
    "AWS::KMS::Key": "kms:sa-east-1:123456789012:key/{}",
    "AWS::Lambda::Function": "lambda:sa-east-1:123456789012:function:{}",
    "AWS::Logs::LogGroup": "logs:sa-east-1:123456789012:log-group:{}:*",
    "AWS::S3::Bucket": "s3:::{}",
    "AWS::SecretsManager::Secret": "secretsmanager:sa-east-1:123456789012:secret:{}-AbCdEf",
    "AWS::SNS::Topic": "sns:sa-east-1:123456789012:{}",
    "AWS::SQS::Queue": "sqs:sa-east-1:123456789012:{}",
    "AWS::StepFunctions::StateMachine": "states:sa-east-1:123456789012:stateMachine:{}",
}
_NAMES = ("AlarmName", "FunctionName", "LogGroupName", "QueueName", "StateMachineName", "Name")
_REFERENCES_ARE_ARNS = (
    "AWS::IAM::ManagedPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """The resources of a template by logical id, resolved."""

    resources: Mapping[str, Mapping[str, Any]]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type such as AWS::Lambda::Function."""
        return {
            name: dict(resource.get("Properties", {}))
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def only(self, kind: str) -> dict[str, Any]:
        """The properties of the one resource of a type."""
        (found,) = self.of_type(kind).values()
        return found

    def called(self, kind: str, start: str) -> str:
        """The logical id of the one resource of a type whose id starts so."""
        (found,) = (name for name in self.of_type(kind) if name.startswith(start))
        return found

    def arn(self, name: str) -> str:
        """The ARN of a resource."""
        return _arn(name, self.resources[name])

    def strings(self) -> Iterator[str]:
        """Every text of the template."""
        yield from _strings(self.resources)


class UnknownFunction(Exception):
    """The template uses an intrinsic function that is not resolved here."""


def resolve(template: Mapping[str, Any]) -> Template:
    """The template, resolved. Raises UnknownFunction for one that is not known."""
    raw = template["Resources"]
    return Template(resources={name: _resolved(resource, raw) for name, resource in raw.items()})


def _resolved(value: Any, raw: Mapping[str, Any]) -> Any:
    match value:
        case {"Ref": str() as name} if len(value) == 1:
            return PSEUDO.get(name) or _reference(name, raw[name])
        case {"Fn::GetAtt": [str() as name, str() as attribute]}:
            return _attribute(name, attribute, raw[name])
        case {"Fn::Join": [str() as glue, list() as parts]}:
            return glue.join(_resolved(part, raw) for part in parts)
        case {"Fn::Select": [index, list() as values]}:
            return _resolved(values[int(index)], raw)
        case {"Fn::Sub": str() as text}:
            return re.sub(r"\$\{([^}]+)\}", lambda match: PSEUDO[match[1]], text)
        case dict():
            for key in value:
                if key.startswith("Fn::"):
                    raise UnknownFunction(key)
            return {key: _resolved(inner, raw) for key, inner in value.items()}
        case list():
            return [_resolved(inner, raw) for inner in value]
        case _:
            return value


def _reference(name: str, resource: Mapping[str, Any]) -> str:
    return (
        _arn(name, resource) if resource["Type"] in _REFERENCES_ARE_ARNS else _name(name, resource)
    )


def _attribute(name: str, attribute: str, resource: Mapping[str, Any]) -> str:
    if attribute in ("Arn", "TopicArn"):
        return _arn(name, resource)
    return f"{_name(name, resource)}.{attribute}"


def _name(name: str, resource: Mapping[str, Any]) -> str:
    properties = resource.get("Properties", {})
    given = next((properties[key] for key in _NAMES if key in properties), name)
    return given if isinstance(given, str) else name


def _arn(name: str, resource: Mapping[str, Any]) -> str:
    return f"arn:aws:{_ARNS[resource['Type']].format(_name(name, resource))}"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
