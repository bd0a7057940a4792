"""An account with what drills leave behind, and the real sweeper in it.

The emulator answers; of RDS the records alone are there, for nothing here logs in. Teardown is the
kinds' own, run where the emulator would run a function.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from functions import clock, naming
from functions.aurora import steps as aurora
from functions.errors import DrillError
from functions.ledger import Claim, Ledger
from functions.s3_versions import steps as s3_versions
from functions.watch import sweeper
from functions.watch.watched import Drill, Source, Watched
from infra.line import definition
from lab import aws
from lab.calls import Call, Refusal
from lab.emulator import Emulator, Invocation
from lab.rds import Rds

ARN = f"arn:aws:lambda:{aws.REGION}:{aws.ACCOUNT}:function"
ROLE = f"arn:aws:iam::{aws.ACCOUNT}:role/machine"
TABLE, EVIDENCE = "ledger", "evidence-of-drills"
HOUR = timedelta(hours=1)
STEPS = ("Plan", "Witness", "Exercise", "Verify", "VerifyUnit", "Teardown", "Report")
TEARDOWNS: dict[str, Any] = {
    "drill-aurora-teardown": aurora.teardown,
    "drill-s3-teardown": s3_versions.teardown,
}


@dataclass
class Context:
    """Lambda's: so many seconds are left, less those that the sweeper has waited."""

    seconds: float = 600.0
    invoked_function_arn: str = f"{ARN}:drill-sweeper"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)

    def sleep(self, seconds: float) -> None:
        """Let no time pass but that which is left."""
        self.seconds -= seconds


@dataclass(frozen=True)
class Started:
    """A run: its execution, and its id."""

    drill: str
    execution: str
    run: str

    @property
    def cluster(self) -> str:
        return naming.cluster_name(self.drill, self.run)


@dataclass
class Premises:
    """One account. `teardowns` are the functions that the machines of drills call."""

    emulator: Emulator
    rds: Rds
    teardowns: dict[str, Any] = field(default_factory=lambda: dict(TEARDOWNS))
    sources: list[Source] = field(default_factory=list)
    drills: list[str] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    context: Context = field(default_factory=Context)

    @cached_property
    def api(self) -> Mapping[str, Any]:
        names = ("rds", "stepfunctions", "s3", "secretsmanager", "logs", "dynamodb")
        return {name: self.emulator.client(name) for name in names}

    def invoke(self, name: str, payload: bytes) -> Invocation:
        """Run a kind's Teardown, as a function of that name."""
        teardown = self.teardowns.get(name)
        if teardown is None:
            error = {"errorType": "Lambda.ResourceNotFoundException", "errorMessage": name}
            return Invocation(json.dumps(error).encode(), error=True)
        event = json.loads(payload)
        self.documents.append(event["document"])
        try:
            return Invocation(json.dumps(teardown(event, Context())).encode())
        except DrillError as raised:
            error = {"errorType": type(raised).__name__, "errorMessage": str(raised)}
            return Invocation(json.dumps(error).encode(), error=True)

    def machine(self, drill: Mapping[str, Any], teardown: str = "drill-aurora-teardown") -> str:
        """The real line of a drill, but that its Plan takes its time."""
        line = json.loads(definition(drill=drill, timeouts=dict.fromkeys(STEPS, 5)))
        line["States"]["Plan"] = {"Type": "Wait", "Seconds": 3600, "Next": "Plan done?"}
        text = json.dumps(line).replace("${TeardownFunction}", f"{ARN}:{teardown}")
        for step in STEPS:
            text = text.replace(f"${{{step}Function}}", f"{ARN}:{step}")
        self.drills.append(drill["name"])
        made = self.api["stepfunctions"].create_state_machine(
            name=f"drill-{drill['name']}", definition=text, roleArn=ROLE
        )
        return str(made["stateMachineArn"])

    def start(self, drill: str) -> Started:
        """Begin a run of a drill."""
        states = self.api["stepfunctions"]
        machine = f"arn:aws:states:{aws.REGION}:{aws.ACCOUNT}:stateMachine:drill-{drill}"
        execution = str(states.start_execution(stateMachineArn=machine)["executionArn"])
        at = clock.render(datetime.now(UTC))
        run = naming.run_id({"id": execution, "start_time": at})
        return Started(drill=drill, execution=execution, run=run)

    def stop(self, started: Started) -> None:
        """What runs no Catch, and so no Teardown."""
        self.api["stepfunctions"].stop_execution(executionArn=started.execution)

    def redrive(self, started: Started) -> None:
        """Let a run go on again; the emulator has no such call."""
        for _, _, backend in stepfunctions_parser_backends.iter_backends():
            backend.describe_execution(started.execution).exec_status = ExecutionStatus.RUNNING

    def died(self, drill: str = "a", *, teardown: str = "drill-aurora-teardown") -> Started:
        """A run that was stopped, of a drill of its own."""
        self.machine({"name": drill}, teardown)
        started = self.start(drill)
        self.stop(started)
        return started

    def claim(self, started: Started, *, expires: str = "", **plan: Any) -> dict[str, Any]:
        """Have a run claim its drill, with a plan as Aurora's is; its time is over."""
        over = expires or clock.render(datetime.now(UTC) - HOUR)
        made: dict[str, Any] = {
            "run_id": started.run,
            "names": {
                "cluster": started.cluster,
                "instance": naming.instance_name(started.cluster),
            },
            "expires": over,
            "teardown_seconds": 1,
            "poll_seconds": 1,
            "call_budget": {"teardown": 1},
            **plan,
        }
        claim = Claim(execution=started.execution, run_id=started.run, plan=made)
        assert Ledger(table=TABLE, drill=started.drill).claim(claim) is None
        return made

    def holder(self, drill: str = "a") -> Claim | None:
        return Ledger(table=TABLE, drill=drill).holder()

    def cluster(self, name: str, tags: Mapping[str, str], *, instance: bool = True) -> None:
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.api["rds"].create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-postgresql",
            MasterUsername="owner",
            MasterUserPassword="not-a-secret",
            Tags=given,
        )
        if instance:
            self.instance(f"{name}-1", name, tags)

    def instance(self, name: str, cluster: str, tags: Mapping[str, str]) -> None:
        self.api["rds"].create_db_instance(
            DBInstanceIdentifier=name,
            DBClusterIdentifier=cluster,
            DBInstanceClass="db.serverless",
            Engine="aurora-postgresql",
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    def snapshot(self, name: str, cluster: str, tags: Mapping[str, str]) -> None:
        self.api["rds"].create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=name,
            DBClusterIdentifier=cluster,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )

    def retained(self, cluster: str, tags: Mapping[str, str]) -> str:
        """Delete a cluster in such a way that its backups stay; their id."""
        found = self.rds.backend.clusters[cluster]
        resource_id = str(found.db_cluster_resource_id)
        self.rds.retained_backups[resource_id] = {
            "DBClusterIdentifier": cluster,
            "DbClusterResourceId": resource_id,
            "Status": "retained",
            "TagList": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        del self.rds.backend.clusters[cluster]
        return resource_id

    def status(self, name: str, status: str) -> None:
        """Set the state that RDS shows of a cluster or an instance."""
        kept = {**self.rds.backend.clusters, **self.rds.backend.databases}
        kept[name].status = status

    def left(self) -> set[str]:
        """The names of what is there of RDS, and the ids of retained backups."""
        backend = self.rds.backend
        manual = {
            name
            for name, each in backend.cluster_snapshots.items()
            if each.snapshot_type == "manual"
        }
        return {*backend.clusters, *backend.databases, *manual, *self.rds.retained_backups}

    def sweep(self, seconds: float = 600.0) -> dict[str, int]:
        """One sweep by the real handler. Raises what it raises."""
        drills = [
            Drill(
                name=name,
                kind="aurora",
                source="production",
                severity="medium",
                cron="0 5 ? * 2#1 *",
                timezone="UTC",
                enabled=True,
                grace_seconds=3600,
                machine=f"drill-{name}",
                schedule=f"drill-{name}",
            )
            for name in self.drills
        ]
        watched = Watched(
            stack="backup-drills",
            schedule_group="drill-backup-drills",
            sources=tuple(self.sources),
            drills=tuple(drills),
        )
        self.context.seconds = seconds
        return sweeper.sweep({"watched": watched.to_document()}, self.context)

    def told(self) -> dict[str, Any]:
        """The report of the last sweep."""
        body = self.api["s3"].get_object(Bucket=EVIDENCE, Key="_watch/sweep.json")["Body"]
        return dict(json.loads(body.read()))

    def names(self, word: str) -> set[str]:
        return {each["name"] for each in self.told()[word]}

    def refuse(self, operation: str, *, code: str = "Throttling", when: Any = None) -> None:
        """Let every call of an operation be refused, or those that `when` says."""

        def refuse(call: Call) -> Refusal | None:
            if call.operation != operation or (when is not None and not when(call)):
                return None
            return Refusal(code, "made to fail", 400)

        self.emulator.before_call.append(refuse)

    def before(self, operation: str, act: Callable[[], object]) -> None:
        """Do something once, just before the next call of an operation."""

        def hook(call: Call) -> None:
            if call.operation == operation:
                self.emulator.before_call.remove(hook)
                act()

        self.emulator.before_call.append(hook)


def tags(started: Started | str, expires: str = "") -> dict[str, str]:
    """The tags of a run, whose time is over unless told otherwise."""
    run = started if isinstance(started, str) else started.run
    return naming.tags(run, expires or clock.render(datetime.now(UTC) - HOUR))


def without(found: Mapping[str, str], tag: str) -> dict[str, str]:
    return {key: value for key, value in found.items() if key != tag}
