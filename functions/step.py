"""The step wrapper: event in, JSON out. Budgets, log keys and the meaning of AWS errors, once.

A step is called until it is done. It looks at the world, does the next thing that is missing, and
answers `waiting(...)` or `done(...)`; nothing is kept between calls but the document and the world.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions import aws, clock
from functions.errors import DeadlineExceeded, OutputTooLarge, TryAgain
from functions.model import Answer, Document
from functions.settings import Settings

ANSWER_LIMIT = 32 * 1024
"""Bytes of JSON: the document of eight answers then stays below Step Functions' 256 KiB."""

logger = Logger(service="backup-drills")


class LambdaContext(Protocol):
    """What a step asks of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """How long this call may still take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One call of one step: the document so far, and what this step answered last time."""

    step: str
    document: Document
    previous: Answer
    unit: int | None
    settings: Settings
    now: datetime
    remaining_seconds: Callable[[], float]

    @property
    def drill(self) -> dict[str, Any]:
        """The drill's configuration."""
        return dict(self.document["drill"])

    @property
    def plan(self) -> dict[str, Any]:
        """What Plan answered; empty before that."""
        return dict(self.document.get("plan") or {})


def waiting(wait_seconds: float, waiting_for: str, **facts: Any) -> Answer:
    """The answer of a step that is to be called again, after whole seconds, one at least.

    >>> waiting(0.2, "the cluster", status="creating")
    {'done': False, 'wait_seconds': 1, 'waiting_for': 'the cluster', 'status': 'creating'}
    """
    whole = max(1, round(wait_seconds))
    return {"done": False, "wait_seconds": whole, "waiting_for": waiting_for, **facts}


def done(**facts: Any) -> Answer:
    """The answer of a step that has nothing left to do.

    >>> done(rows=3)
    {'done': True, 'rows': 3}
    """
    return {"done": True, **facts}


Handler = Callable[[Mapping[str, Any], LambdaContext], Answer]


def step(name: str) -> Callable[[Callable[[Run], Answer]], Handler]:
    """Make a function of a `Run` the Lambda handler of the step of that name.

    The handler adds to the answer: `calls` (of this step, in this run), `started_at` (its first
    call) and, when done, `ended_at`. It raises DeadlineExceeded past the plan's budget of time or
    calls, TryAgain where AWS asks to be asked again, OutputTooLarge, and what the step raises.
    """

    def decorate(function: Callable[[Run], Answer]) -> Handler:
        @wraps(function)
        def handler(event: Mapping[str, Any], context: LambdaContext) -> Answer:
            run = _run(name, event, context)
            logger.clear_state()
            logger.append_keys(step=name, **_log_keys(run))
            _within_budget(run)
            try:
                answer = function(run)
            except TryAgain as error:  # the line knows it by this name, and by no subclass's
                raise TryAgain(str(error)) from error
            except (ClientError, BotoCoreError) as error:
                if aws.asks_again(error):
                    raise TryAgain(str(error)) from error
                raise
            answer = _stamped(run, answer)
            logger.info("done" if answer["done"] else "waiting", answer=_short(answer))
            return answer

        return handler

    return decorate


def _run(name: str, event: Mapping[str, Any], context: LambdaContext) -> Run:
    document = event["document"]
    unit = event.get("unit")
    previous = event.get("answer") if unit is not None else document.get(name)
    return Run(
        step=name,
        document=document,
        previous=previous or {},
        unit=unit,
        settings=Settings.from_environment(os.environ),
        now=datetime.now(UTC),
        remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000,
    )


def _within_budget(run: Run) -> None:
    """Raise DeadlineExceeded when this call is past the budget that the plan gave the step.

    Exercise and Verify share the run's budget; Teardown's begins at its own first call, so that
    a run that is late is still torn down; Plan and Report have none.
    """
    plan = run.plan
    allowed = plan.get("call_budget", {}).get(run.step)
    calls = run.previous.get("calls", 0)
    if allowed is not None and calls >= allowed:
        raise DeadlineExceeded(f"{run.step} was called {calls} times: its budget is {allowed}")
    if run.step == "teardown" and run.previous.get("started_at"):
        deadline = clock.after(run.previous["started_at"], plan["teardown_seconds"])
    elif run.step in ("witness", "exercise", "verify", "verify_unit"):
        deadline = plan["deadline"]
    else:
        return
    if run.now > clock.parse(deadline):
        waiting_for = run.previous.get("waiting_for", "its first call")
        raise DeadlineExceeded(f"{run.step} is past its deadline {deadline}, at {waiting_for}")


def _stamped(run: Run, answer: Answer) -> Answer:
    now = clock.render(datetime.now(UTC))
    stamped = {
        **answer,
        "calls": run.previous.get("calls", 0) + 1,
        "started_at": run.previous.get("started_at") or clock.render(run.now),
    }
    if answer["done"]:
        stamped["ended_at"] = now
    size = len(json.dumps(stamped))
    if size > ANSWER_LIMIT:
        raise OutputTooLarge(f"{run.step} answered {size} bytes: {ANSWER_LIMIT} is the most")
    return stamped


def _log_keys(run: Run) -> dict[str, Any]:
    execution = run.document.get("execution") or {}
    drill = run.document.get("drill") or {}
    keys = {
        "drill": drill.get("name"),
        "run": run.plan.get("run_id"),
        "execution": execution.get("id"),
    }
    return keys if run.unit is None else {**keys, "unit": run.unit}


def _short(answer: Answer) -> dict[str, Any]:
    """The scalar facts of an answer: what a log line needs to be read."""
    return {k: v for k, v in answer.items() if isinstance(v, str | int | float | bool)}
