"""What is deployed: the stack's own outputs and resources say it, in the lab its ready.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from cli.access import Aws
from cli.errors import CannotRun
from functions import naming
from functions.aws import code_of
from functions.evidence import Evidence
from functions.ledger import Ledger

MACHINE: Final = "AWS::StepFunctions::StateMachine"
ALARMS: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")

_AT_ONCE: Final = 8
_OUTPUTS: Final = {"ledger": "Ledger", "bucket": "EvidenceBucket"}

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """A stack that is there: where its runs and their evidence are, and what else it made.

    `resources` are physical ids by CloudFormation's types; a machine's is its ARN.
    """

    stack: str
    region: str
    ledger: str
    bucket: str
    resources: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The group of its schedules."""
        return f"{naming.PREFIX}{self.stack}"

    @property
    def machines(self) -> dict[str, str]:
        """The ARNs of its machines, by their names without the prefix; not all are drills."""
        arns = self.resources.get(MACHINE, ())
        return {arn.rpartition(":")[2].removeprefix(naming.PREFIX): arn for arn in sorted(arns)}

    @property
    def counts(self) -> Counter[str]:
        """How many resources of each type it made."""
        return Counter({kind: len(ids) for kind, ids in self.resources.items()})

    @property
    def evidence(self) -> Evidence:
        """Its evidence, to be read."""
        return Evidence(bucket=self.bucket, lock_mode="NONE", lock_days=0)

    def ledger_of(self, drill: str) -> Ledger:
        """The ledger of one of its drills."""
        return Ledger(table=self.ledger, drill=drill)


@dataclass(frozen=True, kw_only=True, slots=True)
class DrillMachine:
    """A drill as it is deployed: `configuration` is what drills.yaml said when it was."""

    name: str
    kind: str
    arn: str
    configuration: Mapping[str, Any]


def find(aws: Aws, stack: str) -> Deployment:
    """The deployment that a stack is.

    Raises CannotRun where there is no such stack, or it is none of ours.
    """
    try:
        [found] = aws.stacks.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        raise CannotRun(
            f"--stack: {stack!r}: there is no such stack in {aws.region}: expected the stack of"
            " drills.yaml, in its own --region and with its own --profile"
        ) from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    for output in _OUTPUTS.values():
        if output not in outputs:
            raise CannotRun(
                f"--stack: {stack!r}: it has no output {output}: expected a stack that was deployed"
                " whole from this app"
            )
    resources: dict[str, list[str]] = {}
    pages = aws.stacks.get_paginator("list_stack_resources").paginate(StackName=stack)
    for page in pages:
        for one in page["StackResourceSummaries"]:
            if "PhysicalResourceId" in one:
                resources.setdefault(one["ResourceType"], []).append(one["PhysicalResourceId"])
    return Deployment(
        stack=found["StackName"],
        region=aws.region,
        resources=resources,
        **{field: outputs[output] for field, output in _OUTPUTS.items()},
    )


def find_in_lab(aws: Aws, ready: Path) -> Deployment:
    """The deployment of the standing lab. Raises CannotRun where its file does not say it."""
    try:
        told = json.loads(ready.read_text())
        return Deployment(
            stack=told["stack"],
            region=aws.region,
            ledger=told["ledger"],
            bucket=told["bucket"],
            resources=told["resources"],
        )
    except (OSError, ValueError, KeyError) as error:
        raise CannotRun(
            f"--lab: {ready}: {type(error).__name__}: {error}: expected a lab that this version"
            " started: python -m lab down, then python -m lab up"
        ) from error


def drills(aws: Aws, deployment: Deployment) -> list[DrillMachine]:
    """The drills of a deployment, by name; a machine that restores a bucket is none."""
    looked = at_once(lambda arn: _drill(aws, arn), deployment.machines.values())
    return [drill for drill in looked if drill]


def drill(aws: Aws, deployment: Deployment, name: str) -> DrillMachine:
    """The drill of that name. Raises CannotRun that names those there are."""
    arn = deployment.machines.get(name)
    found = _drill(aws, arn) if arn else None
    if not found:
        known = [drill.name for drill in drills(aws, deployment)]
        raise CannotRun(f"NAME: {name!r}: there is no such drill: {expected(name, known)}")
    return found


def _drill(aws: Aws, arn: str) -> DrillMachine | None:
    """What a machine's definition says of its drill; None for a machine that is none."""
    text = aws.states.describe_state_machine(stateMachineArn=arn)["definition"]
    begins = json.loads(text)["States"].get("Drill", {})
    configuration = begins.get("Parameters", {}).get("drill")
    if not isinstance(configuration, dict):
        return None
    return DrillMachine(
        name=configuration["name"],
        kind=configuration["kind"],
        arn=arn,
        configuration=configuration,
    )


def expected(given: str, known: Sequence[str]) -> str:
    """What could have been meant.

    >>> expected("aurora-prod", ["aurora-prod-monthly", "files"])
    'did you mean aurora-prod-monthly? There are aurora-prod-monthly, files'
    >>> expected("files", ["aurora-prod", "prod-files"])
    'did you mean prod-files? There are aurora-prod, prod-files'
    >>> expected("x-ray", []), expected("x-ray", ["files"])
    ('there are none', 'expected one of files')
    """
    if not known:
        return "there are none"
    close = get_close_matches(given, known, n=1) or [name for name in known if given in name]
    names = ", ".join(known)
    return f"did you mean {close[0]}? There are {names}" if close else f"expected one of {names}"


def at_once(ask: Callable[[Asked], Answered], of: Iterable[Asked]) -> list[Answered]:
    """The answers, in the order of the questions; several are asked at once."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return list(pool.map(ask, of))
