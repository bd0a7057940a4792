"""A state machine as each of the stack is: a log, traces, a role that calls its functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra import logs
from infra.permissions import Permission, role

_GRACE_SECONDS = 30
"""A state waits longer than its function may run, or two copies of it could run at once."""

_TRACES_AND_LOGS = Permission(
    actions=[
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ],
    resources=["*"],
    because="log delivery and X-Ray know no resources: Step Functions' guide asks for just these",
)


def machine(
    scope: Construct,
    *,
    name: str,
    comment: str,
    purpose: str,
    definition: str,
    functions: Mapping[str, lambda_.Function],
    log_days: int,
    may: Sequence[Permission] = (),
    substitutions: Mapping[str, str] | None = None,
) -> sfn.StateMachine:
    """The machine, with its own role and its own log group.

    `functions` are those that it calls, by the name of their state: `${PlanFunction}` in the
    definition becomes the ARN of `Plan`. `may` is what its role may do besides calling them,
    `purpose` what the role is for.
    """
    arns = {f"{step}Function": function.function_arn for step, function in functions.items()}
    return sfn.StateMachine(
        scope,
        "Machine",
        state_machine_name=name,
        comment=comment,
        definition_body=sfn.DefinitionBody.from_string(definition),
        definition_substitutions={**(substitutions or {}), **arns},
        logs=sfn.LogOptions(
            destination=logs.log_group(
                scope, name=name, days=log_days, folder="aws/vendedlogs/states"
            ),
            include_execution_data=True,
            level=sfn.LogLevel.ALL,
        ),
        role=role(
            scope,
            principal=iam.ServicePrincipal("states.amazonaws.com"),
            purpose=purpose,
            may=[
                Permission(
                    actions=["lambda:InvokeFunction"],
                    resources=[function.function_arn for function in functions.values()],
                ),
                *may,
                _TRACES_AND_LOGS,
            ],
        ),
        tracing_enabled=True,
    )


def limit(states: Mapping[str, dict[str, Any]], timeouts: Mapping[str, int]) -> None:
    """Give every task the time of its function, and a bit.

    Raises KeyError for a task whose function is not among `timeouts`.
    """
    for state in states.values():
        if state["Type"] == "Task":
            step = state["Resource"].removeprefix("${").removesuffix("Function}")
            state["TimeoutSeconds"] = timeouts[step] + _GRACE_SECONDS
        if "ItemProcessor" in state:
            limit(state["ItemProcessor"]["States"], timeouts)


def seconds(function: lambda_.Function) -> int:
    """How long a function may run."""
    timeout = function.timeout
    assert timeout is not None  # infra/functions.py always gives one
    return int(timeout.to_seconds())
