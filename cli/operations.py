"""The commands that ask a deployment: from the words of the command line to what is told."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from cli import access, deployed, output
from cli.access import Aws
from cli.arguments import instant
from cli.cost import cost
from cli.deployed import Deployment
from cli.drill_report import report
from cli.errors import CannotRun
from cli.history import history
from cli.output import Told
from cli.parser import REPORTS, STACK
from cli.run import Asked, run, watch
from cli.schedule import schedule
from cli.status import status
from functions import clock

_LOOK = 1.0
_LOOK_IN_LAB = 0.3


def operate(chosen: argparse.Namespace) -> int:
    """Do what was chosen; the exit status. Raises one of troubles.EXPECTED."""
    now = datetime.now(UTC)
    given = _given(chosen, now) if chosen.command == "run" else {}
    console = output.console(errors=chosen.json)
    aws = _enter(chosen)
    told = _told(chosen, aws, _deployment(chosen, aws), console, given, now)
    return output.tell(told, output.console(), as_json=chosen.json)


def _enter(chosen: argparse.Namespace) -> Aws:
    if chosen.lab:
        _check_lab(chosen)
        access.enter_lab(access.READY)
    access.enter_aws(profile=chosen.profile, region=chosen.region)
    return Aws()


def _check_lab(chosen: argparse.Namespace) -> None:
    """Raises CannotRun for what names a deployment beside the lab: it has one, in one region."""
    for option, usual in (("stack", STACK), ("profile", ""), ("region", "")):
        value = getattr(chosen, option)
        if value != usual:
            raise CannotRun(
                f"--{option}: {value!r}: with --lab, which has one deployment of its own: expected"
                " one of the two"
            )


def _deployment(chosen: argparse.Namespace, aws: Aws) -> Deployment:
    if chosen.lab:
        return deployed.find_in_lab(aws, access.READY)
    return deployed.find(aws, chosen.stack)


def _told(
    chosen: argparse.Namespace,
    aws: Aws,
    deployment: Deployment,
    console: Console,
    given: dict[str, Any],
    now: datetime,
) -> Told:
    ascii_only, asked = console.options.ascii_only, _asked(chosen)
    match chosen.command:
        case "schedule":
            return schedule(aws, deployment, now=now)
        case "run":
            return run(
                aws,
                deployment,
                console,
                name=chosen.name,
                given=given,
                watches=chosen.watch,
                asked=asked,
                now=now,
            )
        case "watch":
            return watch(aws, deployment, console, name=chosen.name, asked=asked)
        case "history":
            return history(
                aws,
                deployment,
                name=chosen.name,
                limit=chosen.limit,
                asked=asked,
                ascii_only=ascii_only,
            )
        case "report":
            save = chosen.save or (REPORTS if chosen.open else None)
            return report(
                aws,
                deployment,
                of=chosen.run,
                opens=chosen.open,
                save=save,
                asked=asked,
                ascii_only=ascii_only,
            )
        case "status":
            return status(aws, deployment, now=now)
        case "cost":
            return cost(aws, deployment, now=now)
        case _:
            raise AssertionError(chosen.command)


def _given(chosen: argparse.Namespace, now: datetime) -> dict[str, Any]:
    """The input of the execution. Raises CannotRun for a time that is none, or is to come."""
    given: dict[str, Any] = {}
    if chosen.at is not None:
        given["restore_time"] = clock.render(instant(chosen.at, now=now))
    if chosen.hold is not None:
        given["hold_minutes"] = chosen.hold
    if chosen.dry_run:
        given["dry_run"] = True
    return given


def _asked(chosen: argparse.Namespace) -> Asked:
    aws = [*_option(chosen, "profile"), *_option(chosen, "region")]
    if chosen.lab:
        return Asked(options=["--lab"], look=_LOOK_IN_LAB)
    stack = ["--stack", chosen.stack] if chosen.stack != STACK else []
    return Asked(options=[*stack, *aws], aws=aws, look=_LOOK)


def _option(chosen: argparse.Namespace, name: str) -> Iterator[str]:
    if value := getattr(chosen, name):
        yield from (f"--{name}", value)
