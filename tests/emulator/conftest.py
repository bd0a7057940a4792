"""One emulator for all tests of this folder; each test has its own machines and functions."""

from __future__ import annotations

import importlib.util
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.emulator import Emulator, Invocation

FACTOR = 0.02
ROLE = "arn:aws:iam::123456789012:role/machine"


class Failure(Exception):
    """When a function of a test is to fail, with an error of this name."""

    def __init__(self, error_type: str, message: str = "") -> None:
        super().__init__(message)
        self.error_type = error_type


@dataclass
class Ended:
    """An execution after its end."""

    arn: str
    answer: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def status(self) -> str:
        return str(self.answer["status"])

    @property
    def output(self) -> Any:
        return json.loads(self.answer["output"])

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@dataclass
class Machines:
    """Makes machines out of states, and runs them with functions that are Python callables."""

    emulator: Emulator
    functions: dict[str, Callable[[Any], Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states = self.emulator.client("stepfunctions")

    def invoke(self, name: str, payload: bytes) -> Invocation:
        try:
            answer = self.functions[name](json.loads(payload))
        except Failure as failure:
            error = {"errorType": failure.error_type, "errorMessage": str(failure)}
            return Invocation(json.dumps(error).encode(), error=True)
        return Invocation(json.dumps(answer).encode())

    def create(self, states: dict[str, Any], **fields: Any) -> str:
        definition = {"StartAt": next(iter(states)), "States": states, **fields}
        return str(
            self.states.create_state_machine(
                name=f"m-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=ROLE
            )["stateMachineArn"]
        )

    def start(self, machine: str, given: Any = None, **options: Any) -> str:
        text = json.dumps({} if given is None else given)
        started = self.states.start_execution(stateMachineArn=machine, input=text, **options)
        return str(started["executionArn"])

    def ended(self, execution: str, within: float = 10.0) -> Ended:
        deadline = time.monotonic() + within
        while (answer := self.states.describe_execution(executionArn=execution))["status"] == (
            "RUNNING"
        ):
            assert time.monotonic() < deadline, f"still running after {within} s"
            time.sleep(0.03)
        return Ended(execution, answer, self.history(execution))

    def run(self, states: dict[str, Any], given: Any = None, **options: Any) -> Ended:
        return self.ended(self.start(self.create(states), given, **options))

    def history(self, execution: str) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def until(self, execution: str, event_type: str, within: float = 10.0) -> dict[str, Any]:
        """The first event of that type, when it is there."""
        deadline = time.monotonic() + within
        while True:
            for event in self.history(execution):
                if event["type"] == event_type:
                    return event
            assert time.monotonic() < deadline, f"no {event_type} within {within} s"
            time.sleep(0.02)


def fails(error_type: str) -> Callable[[Any], Any]:
    """A function that always fails, with an error of this name."""

    def function(_: Any) -> Any:
        raise Failure(error_type, "as asked")

    return function


def task(function: str, **fields: Any) -> dict[str, Any]:
    """A Task state on a function, which ends the machine unless it has a Next."""
    arn = f"arn:aws:lambda:sa-east-1:123456789012:function:{function}"
    state = {"Type": "Task", "Resource": arn, **fields}
    return state if "Next" in state else {**state, "End": True}


@pytest.fixture(scope="package")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(folder=tmp_path_factory.mktemp("emulator"), time_factor=FACTOR)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def machines(emulator: Emulator) -> Iterator[Machines]:
    made = Machines(emulator)
    before, emulator.invoke = emulator.invoke, made.invoke
    yield made
    emulator.invoke = before
    emulator.before_call.clear()
    emulator.after_call.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer as in /opt, of the SDK as it is installed here."""
    packages = tmp_path_factory.mktemp("layer") / "python"
    packages.mkdir()
    for name in ("boto3", "botocore", "jmespath", "s3transfer", "urllib3", "dateutil", "six"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        (packages / source.name).symlink_to(source)
    return packages.parent
