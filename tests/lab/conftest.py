"""One lab for all drills of this folder; damages, faults and variants are set by each test."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.model import Status
from lab.emulator import Call
from lab.lab import Lab
from lab.rds_faults import Faults

DRILL = "aurora-prod-monthly"
PATIENCE_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A drill after its end."""

    execution: str
    status: str
    cause: str
    report: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def verdict(self) -> str:
        return str(self.report["verdict"])

    def checks(self, status: Status) -> set[str]:
        """The names of the checks that ended so."""
        return {c["name"] for c in self.report["checks"] if c["status"] == status.value}

    def answers(self, state: str) -> list[dict[str, Any]]:
        """The document as it was after each call of a state."""
        return [
            json.loads(event["stateExitedEventDetails"]["output"])
            for event in self.events
            if event["type"] == "TaskStateExited"
            and event["stateExitedEventDetails"]["name"] == state
        ]


class Drills:
    """Starts drills in the lab as tests need them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.states = lab.emulator.client("stepfunctions")

    def run(self, given: Any = None, *, drill: str = DRILL, **changes: Any) -> Ran:
        """Run a drill to its end; `changes` are to its configuration."""
        return self.ended(self.start(given, drill=drill, **changes))

    def start(self, given: Any = None, *, drill: str = DRILL, **changes: Any) -> str:
        if not changes:
            return self.lab.start_drill(drill, given)
        text = json.dumps({} if given is None else given)
        machine = self.variant(drill, changes)
        return str(self.states.start_execution(stateMachineArn=machine, input=text)["executionArn"])

    def variant(self, drill: str, changes: dict[str, Any]) -> str:
        """A machine like the drill's, deployed from the same line, with another configuration."""
        made = self.states.describe_state_machine(
            stateMachineArn=self.lab.deployment.machines[drill]
        )
        definition = json.loads(made["definition"])
        configured = definition["States"]["Drill"]["Parameters"]["drill"]
        for key, value in changes.items():
            if isinstance(value, dict) and isinstance(configured.get(key), dict):
                configured[key] |= value
            else:
                configured[key] = value
        created = self.states.create_state_machine(
            name=f"drill-variant-{uuid.uuid4().hex[:8]}",
            definition=json.dumps(definition),
            roleArn=made["roleArn"],
        )
        return str(created["stateMachineArn"])

    def ended(self, execution: str) -> Ran:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (answer := self.states.describe_execution(executionArn=execution))["status"] == (
            "RUNNING"
        ):
            assert time.monotonic() < deadline, "the drill does not end"
            time.sleep(0.05)
        return Ran(
            execution=execution,
            status=answer["status"],
            cause=answer.get("cause", ""),
            report=self.report(execution),
            events=self.history(execution),
        )

    def report(self, execution: str) -> dict[str, Any]:
        for key in self.keys():
            if key.endswith("/report.json"):
                report: dict[str, Any] = json.loads(self.lab.evidence(key))
                if report["run"]["execution"] == execution:
                    return report
        return {}

    def keys(self) -> list[str]:
        bucket = self.lab.deployment.evidence_bucket
        pages = self.lab.emulator.client("s3").get_paginator("list_objects_v2")
        return [e["Key"] for p in pages.paginate(Bucket=bucket) for e in p.get("Contents", [])]

    def history(self, execution: str) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def clusters(self) -> set[str]:
        return set(self.lab.rds.backend.clusters)

    def claim(self, drill: str = DRILL) -> dict[str, Any] | None:
        answer = self.lab.emulator.client("dynamodb").get_item(
            TableName=self.lab.deployment.ledger_table,
            Key={"drill": {"S": drill}, "item": {"S": "claim"}},
        )
        found: dict[str, Any] | None = answer.get("Item")
        return found

    def crash_once(self, function: str, operation: str) -> list[Call]:
        """Kill a function once, after the effect of an operation and before its answer."""
        crashed: list[Call] = []

        def hook(call: Call) -> None:
            if call.operation == operation and call.session == function and not crashed:
                crashed.append(call)
                self.lab.functions.kill(function)

        self.lab.emulator.after_call.append(hook)
        return crashed

    def left(self) -> dict[str, Any]:
        """Everything of drills that is still there, by what it is; empty when all is gone."""
        source = self.lab.source.identifier
        rds = self.lab.rds
        found = {
            "clusters": self.clusters() - {source},
            "instances": set(rds.backend.databases) - {f"{source}-1"},
            "retained backups": set(rds.retained_backups),
            "servers": {p.name for p in (rds.servers.home).glob("drill-*")},
            "claim": self.claim() or {},
            "failures": rds.failures,
        }
        return {what: names for what, names in found.items() if names}


def failed(ran: Ran) -> set[str]:
    """The names of the checks that failed."""
    return ran.checks(Status.FAILED)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = Path(tmp_path_factory.mktemp("lab"))
    with Lab(folder, scale=0.2, time_factor=0.005, restorable_lag_seconds=0.5) as running:
        yield running


@pytest.fixture
def drills(lab: Lab) -> Iterator[Drills]:
    kept = list(lab.emulator.before_call), list(lab.emulator.after_call)
    yield Drills(lab)
    lab.rds.damage = None
    lab.rds.faults = Faults()
    lab.emulator.before_call[:], lab.emulator.after_call[:] = kept
