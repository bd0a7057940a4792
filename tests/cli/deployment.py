"""A deployment in the bare emulator: a stack, machines on the real line, schedules, a ledger."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from functions import clock, naming
from functions.evidence import Evidence
from functions.health import Finding, Gauge, Health
from functions.ledger import Ledger
from functions.watch import state
from functions.watch.watched import Drill, Source, Watched
from infra.line import definition
from lab.emulator import Emulator
from tests.emulator.conftest import Failure, Machines
from tests.line.conftest import HEALTHY, STEPS
from tests.unit import report_samples

AURORA, ROTATION, FILES = "aurora-prod-monthly", "secret-prod-monthly", "files-prod-monthly"
KINDS = {AURORA: "aurora", ROTATION: "secret_rotation", FILES: "s3_versions"}
SOURCES = {AURORA: "cluster-prod", ROTATION: "secret-prod", FILES: "bucket-prod"}
CRONS = {AURORA: "0 5 ? * 2#1 *", ROTATION: "0 5 ? * 2#2 *", FILES: "0 5 ? * 3#2 *"}
ZONE = "America/Sao_Paulo"
ROLE = "arn:aws:iam::123456789012:role/drills"
FUNCTION = "arn:aws:lambda:sa-east-1:123456789012:function:"


@dataclass(kw_only=True)
class Deployed:
    """A stack of its own, with a drill of each kind and a machine that is no drill."""

    emulator: Emulator
    stack: str = field(default_factory=lambda: f"drills-{uuid.uuid4().hex[:8]}")
    script: dict[str, Any] = field(default_factory=dict)
    _unscheduled: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger, self.bucket = f"{self.stack}-ledger", f"{self.stack}-evidence"
        self.states = self.emulator.client("stepfunctions")
        self.scheduler = self.emulator.client("scheduler")
        self.items = self.emulator.client("dynamodb")
        self.alarms = self.emulator.client("cloudwatch")
        self.group = f"drill-{self.stack}"
        self.machines = Machines(self.emulator)
        self.machines.functions |= {step: partial(self._answer, step) for step in STEPS}
        self.emulator.client("s3").create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"}
        )
        self.arns = {drill: self._machine(drill, _line(drill)) for drill in KINDS}
        restores = {"StartAt": "Plan", "States": {"Plan": {"Type": "Succeed"}}}
        self._machine("restore-bucket-prod", json.dumps(restores))
        self._make_stack()
        self.scheduler.create_schedule_group(Name=self.group)
        self._make_schedules()

    def _machine(self, name: str, text: str) -> str:
        made = self.states.create_state_machine(name=f"drill-{name}", definition=text, roleArn=ROLE)
        return str(made["stateMachineArn"])

    def _make_stack(self) -> None:
        keys = [("drill", "HASH"), ("item", "RANGE")]
        resources: dict[str, Any] = {
            f"Machine{number}": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "StateMachineName": f"drill-{name}",
                    "DefinitionString": "{}",
                    "RoleArn": ROLE,
                },
            }
            for number, name in enumerate([*KINDS, "restore-bucket-prod"])
        }
        resources["Ledger"] = {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": self.ledger,
                "KeySchema": [{"AttributeName": n, "KeyType": kind} for n, kind in keys],
                "AttributeDefinitions": [
                    {"AttributeName": n, "AttributeType": "S"} for n, _ in keys
                ],
                "BillingMode": "PAY_PER_REQUEST",
            },
        }
        resources["Key"] = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {}}}
        outputs = {"Ledger": {"Value": self.ledger}, "EvidenceBucket": {"Value": self.bucket}}
        self.emulator.client("cloudformation").create_stack(
            StackName=self.stack,
            TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs}),
        )

    def _make_schedules(self) -> None:
        for drill, arn in self.arns.items():
            self.schedule(f"drill-{drill}", f"cron({CRONS[drill]})", arn)
        for name in ("collector", "sweeper"):
            self.schedule(name, "rate(1 hour)", f"{FUNCTION}{name}")
        self.schedule("reminder", "cron(0 9 * * ? *)", f"{FUNCTION}reminder")

    def schedule(self, name: str, expression: str, target: str) -> None:
        self.scheduler.create_schedule(
            GroupName=self.group,
            Name=name,
            ScheduleExpression=expression,
            ScheduleExpressionTimezone=ZONE,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": target, "RoleArn": ROLE, "Input": "{}"},
        )

    def unschedule(self, name: str) -> None:
        self.scheduler.delete_schedule(GroupName=self.group, Name=name)
        self._unscheduled.append(name)

    def switch_off(self, drill: str) -> None:
        self._unscheduled.append(f"drill-{drill}")
        found = self.scheduler.get_schedule(GroupName=self.group, Name=f"drill-{drill}")
        kept = ("GroupName", "Name", "ScheduleExpression", "ScheduleExpressionTimezone", "Target")
        self.scheduler.update_schedule(
            **{key: found[key] for key in kept},
            FlexibleTimeWindow={"Mode": "OFF"},
            State="DISABLED",
        )

    def _answer(self, step: str, event: Any) -> Any:
        answer = self.script.get(step, HEALTHY[step])
        if isinstance(answer, Failure):
            raise answer
        return answer(event) if callable(answer) else answer

    def ran(
        self,
        drill: str,
        run: str,
        began: datetime,
        *,
        verdict: str = "PASS",
        into: str = "",
        **facts: Any,
    ) -> None:
        """Enter a run in the ledger, by the ledger's own code; `into` another drill's."""
        whole: dict[str, Any] = {
            "verdict": verdict,
            "cause": "" if verdict == "PASS" else "1 of 31 checks failed",
            "kind": KINDS[drill],
            "source": SOURCES[drill],
            "execution": f"arn:aws:states:sa-east-1:123456789012:execution:drill-{drill}:{run}",
            "started_at": clock.render(began),
            "reported_at": clock.render(began + timedelta(minutes=20)),
            "scheduled_time": None,
            "restore_time": None,
            "rto_seconds": 600.0,
            "rpo_seconds": 120.0,
            "phases": {},
            "checks": {"passed": 31, "failed": 0, "not_run": 0},
            "levels": {"exact": 24, "bounded": 1, "counted": 0, "none": 0},
            "proven_gone": True,
            "key": naming.evidence_key(drill, run),
        }
        Ledger(table=self.ledger, drill=into or drill).record(run, whole | facts)

    def reported(self, drill: str, run: str, report: Mapping[str, Any] | None = None) -> None:
        """Put a report and its page where the line puts them."""
        key = naming.evidence_key(drill, run)
        told = report or report_samples.passed().report()
        self.evidence.put_json(f"{key}/report.json", told)
        page = b"<!doctype html><title>report</title>"
        self.evidence.put_bytes(f"{key}/report.html", page, content_type="text/html")

    @property
    def evidence(self) -> Evidence:
        return Evidence(bucket=self.bucket, lock_mode="NONE", lock_days=0)

    def collected(
        self,
        *,
        ago: timedelta = timedelta(minutes=12),
        findings: Mapping[str, Sequence[Finding]] | None = None,
        proven: bool = True,
    ) -> None:
        """Leave the state of a collection; `findings` are by the names of sources and drills."""
        now = datetime.now(UTC) - ago
        watched, found = _watched(self.stack, self.group), findings or {}
        passed = clock.render(now - timedelta(days=4))
        run = {"verdict": "PASS", "started_at": passed, "reported_at": passed}
        facts = {
            "last_run": run if proven else None,
            "last_pass": run if proven else None,
            "next_time": clock.render(now + timedelta(days=9)),
        }
        gauge = Gauge(name="DaysSinceProof", value=4.0, unit="None")
        told = state.document(
            watched,
            sources={
                (one.kind, one.name): Health(findings=tuple(found.get(one.name, ())))
                for one in watched.sources
            },
            drills={
                one.name: Health(
                    gauges=(gauge,), findings=tuple(found.get(one.name, ())), facts=facts
                )
                for one in watched.drills
            },
            now=now,
        )
        self.evidence.put_json(state.STATE_KEY, told)

    def rings(self, name: str, severity: str) -> None:
        """An alarm that is in ALARM."""
        self.alarms.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=f"{severity}: it rings",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="m",
            Namespace="n",
            Period=60,
            Statistic="Sum",
            Threshold=0,
        )
        self.alarms.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")

    def forget(self) -> None:
        """Be as at the beginning."""
        self.script.clear()
        for execution in self._running():
            self.states.stop_execution(executionArn=execution)
        rung = self.alarms.describe_alarms()["MetricAlarms"]
        self.alarms.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in rung])
        for item in self.items.scan(TableName=self.ledger)["Items"]:
            named = {name: item[name] for name in ("drill", "item")}
            self.items.delete_item(TableName=self.ledger, Key=named)
        for key in self.evidence.list_keys(""):
            self.emulator.client("s3").delete_object(Bucket=self.bucket, Key=key)
        if self._unscheduled:
            for name in self._schedules():
                self.scheduler.delete_schedule(GroupName=self.group, Name=name)
            self._make_schedules()
            self._unscheduled.clear()

    def _schedules(self) -> list[str]:
        listed = self.scheduler.list_schedules(GroupName=self.group)["Schedules"]
        return [one["Name"] for one in listed]

    def _running(self) -> list[str]:
        return [
            str(one["executionArn"])
            for arn in self.arns.values()
            for one in self.states.list_executions(stateMachineArn=arn)["executions"]
            if one["status"] == "RUNNING"
        ]


def _line(drill: str) -> str:
    configuration = {"name": drill, "kind": KINDS[drill]}
    text = definition(drill=configuration, timeouts=dict.fromkeys(STEPS, 5))
    for step in STEPS:
        text = text.replace(f"${{{step}Function}}", f"{FUNCTION}{step}")
    return text


def _watched(stack: str, group: str) -> Watched:
    return Watched(
        stack=stack,
        schedule_group=group,
        sources=tuple(Source(kind=KINDS[drill], name=SOURCES[drill]) for drill in KINDS),
        drills=tuple(
            Drill(
                name=drill,
                kind=KINDS[drill],
                source=SOURCES[drill],
                severity="medium",
                cron=CRONS[drill],
                timezone=ZONE,
                enabled=True,
                grace_seconds=14_400,
                machine=f"drill-{drill}",
                schedule=f"drill-{drill}",
            )
            for drill in KINDS
        ),
    )
