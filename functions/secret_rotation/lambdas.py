"""The only door to Lambda's API: can the function that rotates be called, and where does it run."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from functions.aws import code_of
from functions.secret_rotation.values import Invoker, RotationFunction

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def describe(function: str) -> RotationFunction | None:
    """The function by name or ARN, or None where there is none."""
    try:
        found = _client().get_function_configuration(FunctionName=function)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise
    network: Any = found.get("VpcConfig") or {}
    return RotationFunction(
        arn=found["FunctionArn"],
        name=found["FunctionName"],
        state=found.get("State", "Active"),
        last_update=found.get("LastUpdateStatus", "Successful"),
        timeout_seconds=found.get("Timeout", 0),
        log_group=found.get("LoggingConfig", {}).get("LogGroup", ""),
        subnets=tuple(sorted(network.get("SubnetIds", []))),
        security_groups=tuple(sorted(network.get("SecurityGroupIds", []))),
        invokers=_invokers(function),
    )


def _invokers(function: str) -> tuple[Invoker, ...]:
    """The services that the function's own policy allows to invoke it."""
    try:
        policy = json.loads(_client().get_policy(FunctionName=function)["Policy"])
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return ()
        raise
    return tuple(
        Invoker(service=service, source=source)
        for statement in policy.get("Statement", [])
        if statement.get("Effect") == "Allow" and _INVOKES & set(_listed(statement.get("Action")))
        for service in _services(statement.get("Principal"))
        for source in _sources(statement.get("Condition", {}))
    )


_INVOKES = {"lambda:InvokeFunction", "lambda:*", "*"}


def _services(principal: Any) -> list[str]:
    return _listed(principal.get("Service")) if isinstance(principal, dict) else []


def _sources(condition: dict[str, dict[str, Any]]) -> list[str]:
    """The ARNs that a condition is about; all where it names none.

    >>> _sources({"ArnLike": {"AWS:SourceArn": "arn:a"}}), _sources({})
    (['arn:a'], ['*'])
    """
    for keys in condition.values():
        for key, wanted in keys.items():
            if key.lower() == "aws:sourcearn":
                return _listed(wanted)
    return ["*"]


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


@cache
def _client() -> LambdaClient:
    return boto3.client("lambda")
