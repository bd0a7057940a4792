"""`python -m cli run` and `watch`: start a drill by hand, and follow a run to its end."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from importlib import import_module
from typing import Any, Final

from rich.console import Console, Group
from rich.text import Text

from cli import live, troubles
from cli.access import Aws
from cli.deployed import Deployment, DrillMachine, drill
from cli.drill_summary import summary_table
from cli.errors import CannotRun
from cli.live import Progress
from cli.output import Told
from cli.remembered import remember
from functions import clock, naming
from functions.errors import Refused
from functions.report.words import Report

EXIT: Final = {"PASS": 0, "SKIPPED": 0, "FAIL": 1, "INCONCLUSIVE": 2, "REFUSED": 2}
"""The exit status of a run that was watched, by its verdict."""

NO_VERDICT: Final = 2
INTERRUPTED: Final = 130

_RUNNING_AT_MOST: Final = 100
_OPTIONS: Final = {"restore_time": "--at", "hold_minutes": "--hold", "dry_run": "--dry-run"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """How the command line was asked, so that it can be asked again.

    `options` are those that name the deployment, `aws` those of them that the AWS command line
    takes too. `look` is how many seconds lie between two looks at a run.
    """

    options: Sequence[str] = ()
    aws: Sequence[str] = ()
    look: float = 2.0

    def again(self, *words: str) -> str:
        """A command line of the same AWS.

        >>> Asked(options=["--lab"]).again("watch", "d")
        'python -m cli watch d --lab'
        """
        return shlex.join(["python", "-m", "cli", *words, *self.options])


def run(
    aws: Aws,
    deployment: Deployment,
    console: Console,
    *,
    name: str,
    given: Mapping[str, Any],
    watches: bool,
    asked: Asked,
    now: datetime,
) -> Told:
    """Start a drill; with `watches`, follow it to its end. `given` is the input of the execution.

    Raises CannotRun for a drill that is not there, and for what it does not take.
    """
    found = drill(aws, deployment, name)
    remember(drills=deployment.machines)
    check(found, given)
    execution = aws.states.start_execution(
        stateMachineArn=found.arn,
        name=f"by-hand-{now:%Y%m%dt%H%M%S}-{secrets.token_hex(3)}",
        input=json.dumps(dict(given)),
    )["executionArn"]
    if watches:
        console.print(f"started: {execution}", markup=False, emoji=False, soft_wrap=True)
        return follow(
            aws,
            deployment,
            console,
            command="run",
            drill=name,
            execution=execution,
            asked=asked,
        )
    document = _document("run", deployment, name, execution) | {"input": dict(given)}
    lines = (f"started: {execution}", f"to follow it: {asked.again('watch', name)}")
    return Told(document=document, lines=lines)


def check(found: DrillMachine, given: Mapping[str, Any]) -> None:
    """Raises CannotRun for an input that the drill's kind does not take, by the option's name."""
    read = import_module(f"functions.{found.kind}.plan").read_input
    taken = {field.name for field in fields(read({}))}
    options = ", ".join(option for key, option in _OPTIONS.items() if key in taken)
    for key, value in given.items():
        option = _OPTIONS[key]
        begins = f"{option}: {value!r}: {found.name} is a drill of the kind {found.kind}"
        if key not in taken:
            raise CannotRun(f"{begins}, which takes no {option}: expected {options}, or none")
        try:
            read({key: value})
        except Refused as error:
            expected = str(error).rpartition("expected ")[2]
            raise CannotRun(f"{begins}: expected {expected}") from error


def watch(aws: Aws, deployment: Deployment, console: Console, *, name: str, asked: Asked) -> Told:
    """Follow the run of a drill that is going on. Raises CannotRun where none is."""
    found = drill(aws, deployment, name)
    execution = _going_on(aws, deployment, found)
    if not execution:
        raise CannotRun(
            f"NAME: {name!r}: no run is going on: expected one that was started:"
            f" {asked.again('run', name, '--watch')}"
        )
    return follow(
        aws, deployment, console, command="watch", drill=name, execution=execution, asked=asked
    )


def _going_on(aws: Aws, deployment: Deployment, found: DrillMachine) -> str | None:
    """The execution that holds the drill; the others would be skipped. None where none runs."""
    running = aws.states.list_executions(
        stateMachineArn=found.arn, statusFilter="RUNNING", maxResults=_RUNNING_AT_MOST
    )["executions"]
    arns = [one["executionArn"] for one in running]
    if len(arns) > 1:
        holder = deployment.ledger_of(found.name).holder()
        if holder and holder.execution in arns:
            return holder.execution
    return arns[0] if arns else None


def follow(
    aws: Aws,
    deployment: Deployment,
    console: Console,
    *,
    command: str,
    drill: str,
    execution: str,
    asked: Asked,
) -> Told:
    """Show an execution until it ends, then its report; the exit status of its verdict.

    `command` is the one that tells it. Where it cannot be followed any more the drill goes on: that
    is said, with how to stop it.
    """
    try:
        told = live.follow(
            aws.states, execution, name=drill, console=console, poll_seconds=asked.look
        )
    except KeyboardInterrupt:
        document = _document(command, deployment, drill, execution)
        lines = ("", "no longer watched", *_goes_on(drill, execution, asked))
        return Told(document=document, lines=lines, status=INTERRUPTED)
    except troubles.EXPECTED as error:
        for line in _goes_on(drill, execution, asked):
            console.print(line, markup=False, emoji=False, soft_wrap=True)
        raise CannotRun(f"the run cannot be watched: {troubles.told(error)}") from error
    document = _document(command, deployment, drill, execution)
    return _ended(deployment, document, told, ascii_only=console.options.ascii_only)


def _goes_on(drill: str, execution: str, asked: Asked) -> tuple[str, ...]:
    """What becomes of a run that nobody watches."""
    stop = shlex.join(
        [
            *("aws", "stepfunctions", "stop-execution", "--execution-arn", execution),
            *asked.aws,
        ]
    )
    return (
        f"the drill goes on, and reports as ever: {asked.again('watch', drill)}",
        "to stop it (what it made is then removed by the sweeper, once it has expired):",
        f"  {stop}",
    )


def _ended(
    deployment: Deployment, started: Mapping[str, Any], told: Progress, *, ascii_only: bool
) -> Told:
    """What is said of a run after its end; `started` is its document up to then."""
    drill, execution = started["drill"], started["execution"]
    began = clock.render(told.started_at) if told.started_at else ""
    run_id = naming.run_id({"id": execution, "start_time": began}) if began else ""
    key = naming.evidence_key(drill, run_id)
    document = {
        **started,
        "status": told.status,
        "run": run_id,
        "verdict": told.verdict and told.verdict.value,
        "cause": told.cause,
        "report": None,
    }
    status = EXIT[told.verdict] if told.verdict else NO_VERDICT
    report, unread = _report(deployment, key)
    if report is None:
        lines = (f"{told.verdict or told.status}: {told.cause}", unread)
        # What passed and left no report has proven nothing.
        return Told(document=document, lines=lines, status=max(status, NO_VERDICT))
    remember(runs=[run_id])
    return Told(
        document=document | {"report": report},
        shown=Group(Text(), summary_table(report, ascii_only=ascii_only)),
        lines=("", f"report: s3://{deployment.bucket}/{key}/report.html"),
        status=status,
    )


def _report(deployment: Deployment, key: str) -> tuple[Report | None, str]:
    """The report of a run; None, and why, where it cannot be read."""
    try:
        return deployment.evidence.get_json(f"{key}/report.json"), ""
    except (*troubles.EXPECTED, ValueError) as error:
        return None, f"its report cannot be read: {troubles.told(error)}"


def _document(command: str, deployment: Deployment, drill: str, execution: str) -> dict[str, Any]:
    return {
        "command": command,
        "stack": deployment.stack,
        "drill": drill,
        "execution": execution,
        "status": "RUNNING",
    }
