"""The line on the emulator's interpreter, with functions that answer as a test tells them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra.line import definition
from lab.emulator import Emulator
from tests.emulator.conftest import Ended, Failure, Machines

STEPS = ("Plan", "Witness", "Exercise", "Verify", "VerifyUnit", "Teardown", "Report")
HEALTHY: dict[str, Any] = {
    "Plan": {"done": True, "outcome": "go", "hold_seconds": 0},
    "Witness": {"done": True},
    "Exercise": {"done": True},
    "Verify": {"done": True, "units": [{"unit": 0}, {"unit": 1}]},
    "VerifyUnit": {"done": True, "key": "k", "passed": 1, "failed": 0, "not_run": 0},
    "Teardown": {"done": True},
    "Report": {"done": True, "verdict": "PASS", "cause": "all is well"},
}
WAITING = {"done": False, "wait_seconds": 1, "outcome": "go"}


@dataclass
class Line:
    """The line with a script: for each step the answers (or errors) of its calls, in order.

    The last answer of a script is given again and again. `called` lists the steps in the order of
    their calls; `events` their events.
    """

    machines: Machines
    script: dict[str, list[Any]] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    events: dict[str, list[Any]] = field(default_factory=dict)

    def run(self, given: Any = None, **script: Any) -> Ended:
        """Run the line to its end: each step answers as the script says, else as a healthy one."""
        self.script = {step: [answer] for step, answer in HEALTHY.items()}
        self.script |= {s: a if isinstance(a, list) else [a] for s, a in script.items()}
        for step in STEPS:
            self.machines.functions[step] = lambda event, step=step: self._answer(step, event)
        text = definition(drill={"name": "x"}, timeouts=dict.fromkeys(STEPS, 5))
        for step in STEPS:
            arn = f"arn:aws:lambda:sa-east-1:123456789012:function:{step}"
            text = text.replace(f"${{{step}Function}}", arn)
        machine = json.loads(text)
        states, start = machine.pop("States"), machine.pop("StartAt")
        assert start == next(iter(states))
        execution = self.machines.start(self.machines.create(states, **machine), given)
        return self.machines.ended(execution, within=60)

    def _answer(self, step: str, event: Any) -> Any:
        self.called.append(step)
        self.events.setdefault(step, []).append(event)
        answers = self.script[step]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(event) if callable(answer) else answer


@pytest.fixture(scope="package")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(folder=tmp_path_factory.mktemp("line"), time_factor=0.005)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def line(emulator: Emulator) -> Line:
    machines = Machines(emulator)
    emulator.invoke = machines.invoke
    return Line(machines)


def raises(name: str) -> Failure:
    """An error of this name, as a step's answer."""
    return Failure(name, "as the test asked")
