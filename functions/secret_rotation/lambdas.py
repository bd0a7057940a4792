"""The only door to Lambda's API: can the function that rotates be called, and where does it run."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from functions.aws import code_of
from functions.secret_rotation.values import RotationFunction

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
        subnets=tuple(sorted(network.get("SubnetIds", []))),
        security_groups=tuple(sorted(network.get("SecurityGroupIds", []))),
        invokers=_invokers(function),
    )


def _invokers(function: str) -> tuple[str, ...]:
    """The services that the function's own policy allows to invoke it."""
    try:
        policy = json.loads(_client().get_policy(FunctionName=function)["Policy"])
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return ()
        raise
    allowed: set[str] = set()
    for statement in policy.get("Statement", []):
        principal = statement.get("Principal", {})
        if statement.get("Effect") == "Allow" and isinstance(principal, dict):
            services = principal.get("Service", [])
            allowed |= {services} if isinstance(services, str) else set(services)
    return tuple(sorted(allowed))


@cache
def _client() -> LambdaClient:
    return boto3.client("lambda")
