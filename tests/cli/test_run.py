"""`run` and `watch`: a drill started by hand, on the real line, and followed to its end."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cli import operations
from functions import naming
from functions.ledger import Claim, Ledger
from lab.calls import Call, Refusal
from tests.cli.conftest import Terminal
from tests.cli.deployment import AURORA, FILES, ROTATION, Deployed
from tests.cli.machine_readable import told
from tests.emulator.conftest import Failure
from tests.line.conftest import HEALTHY, WAITING
from tests.unit import report_samples

PATIENCE_SECONDS = 20.0


def reports(deployed: Deployed, verdict: str) -> Callable[[Any], Any]:
    """The step Report, which leaves a report of that verdict where the line leaves it."""
    sample = {"PASS": report_samples.passed, "FAIL": report_samples.failed}[verdict]

    def answer(event: Any) -> Any:
        execution = event["document"]["execution"]
        run = naming.run_id(execution)
        deployed.reported(AURORA, run, sample().report())
        return {"done": True, "verdict": verdict, "cause": "" if verdict == "PASS" else "rows"}

    return answer


def given(deployed: Deployed, drill: str) -> list[dict[str, Any]]:
    """The inputs of the executions of a drill, the latest first."""
    listed = deployed.states.list_executions(stateMachineArn=deployed.arns[drill])["executions"]
    described = (
        deployed.states.describe_execution(executionArn=one["executionArn"]) for one in listed
    )
    return [json.loads(one["input"]) for one in described]


def test_a_drill_is_started_as_it_is_configured(terminal: Terminal, deployed: Deployed) -> None:
    ran = terminal.type("run", ROTATION, "--stack", deployed.stack)
    assert ran.status == 0
    assert given(deployed, ROTATION)[0] == {}
    name = r"by-hand-\d{8}t\d{6}-[0-9a-f]{6}"
    assert re.search(rf"started: arn:\S+:drill-{ROTATION}:{name}\n", ran.out)
    assert f"python -m cli watch {ROTATION} --stack {deployed.stack}" in ran.out


def test_a_drill_is_started_with_what_was_asked_for(terminal: Terminal, deployed: Deployed) -> None:
    words = ("--at", "2026-11-02T02:00:00-03:00", "--hold", "15", "--dry-run")
    document = told(terminal.type("run", AURORA, "--stack", deployed.stack, *words, "--json"))
    assert (
        document["input"]
        == given(deployed, AURORA)[0]
        == {
            "restore_time": "2026-11-02T05:00:00Z",
            "hold_minutes": 15,
            "dry_run": True,
        }
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("aurora",), f"NAME: 'aurora': there is no such drill: did you mean {AURORA}? There are"),
        (("restore-bucket-prod",), "'restore-bucket-prod': there is no such drill: expected one"),
        ((ROTATION, "--hold", "5"), f"--hold: 5: {ROTATION} is a drill of the kind secret_rotat"),
        ((FILES, "--at", "2h ago"), "s3_versions, which takes no --at: expected --hold, --dry-run"),
        ((ROTATION, "--at", "2h ago"), "ation, which takes no --at: expected --dry-run, or none"),
        ((AURORA, "--hold", "481"), "481: aurora-prod-monthly is a drill of the kind aurora: expe"),
        ((AURORA, "--hold", "x"), "--hold: invalid int value: 'x'"),
        ((AURORA, "--at", "noon"), "--at: 'noon': expected a time with a zone"),
        ((AURORA, "--at", "2999-01-01T00:00:00Z"), "expected a time in the past"),
    ],
)
def test_what_a_drill_does_not_take_starts_nothing(
    terminal: Terminal, deployed: Deployed, words: tuple[str, ...], says: str
) -> None:
    before = len(given(deployed, AURORA))
    ran = terminal.type("run", *words, "--stack", deployed.stack)
    assert (ran.status, ran.out) == (3, "")
    assert says in ran.err
    assert ran.err.startswith("could not run: ")
    assert len(ran.err.splitlines()) == 1
    assert len(given(deployed, AURORA)) == before


@pytest.mark.parametrize(("verdict", "status"), [("PASS", 0), ("FAIL", 1)])
def test_a_run_is_watched_to_its_verdict(
    terminal: Terminal, deployed: Deployed, verdict: str, status: int
) -> None:
    deployed.script["Report"] = reports(deployed, verdict)
    ran = terminal.type("run", AURORA, "--watch", "--stack", deployed.stack)
    assert ran.status == status, ran.out
    lines = ran.out.splitlines()
    assert lines[0].startswith("started: arn:")
    assert lines[1] == f"{AURORA}: Plan - Witness - Exercise - Verify - Teardown - Report"
    assert any("Teardown  done in" in line for line in lines)
    assert f"  {verdict}  " in ran.out
    assert re.search(rf"report: s3://{deployed.bucket}/{AURORA}/\d{{4}}/\S+/report.html", ran.out)


def test_a_run_is_watched_by_a_machine(terminal: Terminal, deployed: Deployed) -> None:
    deployed.script["Report"] = reports(deployed, "FAIL")
    ran = terminal.type("run", AURORA, "--watch", "--json", "--stack", deployed.stack)
    document = told(ran, status=1)
    assert (document["verdict"], document["status"]) == ("FAIL", "FAILED")
    assert document["report"]["verdict"] == "FAIL"
    assert "Teardown" in ran.err, "who watches a machine sees how far it is"


def test_a_pass_without_a_report_is_none(terminal: Terminal, deployed: Deployed) -> None:
    document = told(
        terminal.type("run", AURORA, "--watch", "--json", "--stack", deployed.stack), status=2
    )
    assert (document["verdict"], document["report"]) == ("PASS", None)


def test_a_run_without_a_verdict_is_no_pass(terminal: Terminal, deployed: Deployed) -> None:
    deployed.script["Report"] = Failure("EvidenceMissing", "the bucket is gone")
    ran = terminal.type("run", AURORA, "--watch", "--stack", deployed.stack)
    assert ran.status == 2
    assert "INCONCLUSIVE" in ran.out
    assert "its report cannot be read" in ran.out


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_LOOK", 0.05)


@pytest.fixture
def waits(deployed: Deployed) -> threading.Event:
    """A drill whose step Exercise goes on until this is set."""
    free = threading.Event()
    deployed.script["Report"] = reports(deployed, "PASS")
    deployed.script["Exercise"] = lambda _: {"done": free.wait(PATIENCE_SECONDS)}
    return free


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_who_stops_watching_stops_no_drill(
    terminal: Terminal, deployed: Deployed, waits: threading.Event
) -> None:
    """After Ctrl-C it says how to watch again; whoever does sees the end."""
    started = terminal.begin("run", AURORA, "--watch", "--stack", deployed.stack)
    until(lambda: "Exercise  begins" in (started.folder / "out").read_text())
    started.send(signal.SIGINT)
    ran = started.ended()
    assert ran.status == 130
    again = f"python -m cli watch {AURORA} --stack {deployed.stack}"
    assert f"the drill goes on, and reports as ever: {again}" in ran.out
    assert "  aws stepfunctions stop-execution --execution-arn arn:aws:states:" in ran.out
    assert "Traceback" not in ran.out + ran.err
    watched = terminal.begin(*again.split()[3:])
    until(lambda: "Exercise  begins" in (watched.folder / "out").read_text())
    waits.set()
    ended = watched.ended()
    assert ended.status == 0, ended.err
    assert "  PASS  " in ended.out


def test_what_can_no_longer_be_watched_goes_on(
    terminal: Terminal, deployed: Deployed, waits: threading.Event
) -> None:
    def expires(call: Call) -> Refusal | None:
        if call.operation == "GetExecutionHistory":
            return Refusal("ExpiredTokenException", "The security token has expired")
        return None

    deployed.emulator.before_call.append(expires)
    ran = terminal.type("run", AURORA, "--watch", "--stack", deployed.stack)
    assert ran.status == 3
    assert f"the drill goes on, and reports as ever: python -m cli watch {AURORA}" in ran.out
    assert "could not run: the run cannot be watched: the credentials have expired" in ran.err
    waits.set()


def test_the_run_that_holds_the_drill_is_watched(
    terminal: Terminal, deployed: Deployed, waits: threading.Event
) -> None:
    """Another one is started, and waits in its Plan to be skipped: the first one is what counts."""

    def plans(event: Any) -> Any:
        later = event["document"]["execution"]["id"].endswith(":later")
        return WAITING if later else HEALTHY["Plan"]

    deployed.script["Plan"] = plans
    arn = deployed.arns[AURORA]
    ran = deployed.states.start_execution(stateMachineArn=arn, name="holds", input="{}")
    holder = ran["executionArn"]
    claim = Claim(execution=holder, run_id="20261102-1a2b3c", plan={})
    assert Ledger(table=deployed.ledger, drill=AURORA).claim(claim) is None
    deployed.states.start_execution(stateMachineArn=arn, name="later", input="{}")
    watched = terminal.begin("watch", AURORA, "--stack", deployed.stack, "--json")
    until(lambda: "Exercise  begins" in (watched.folder / "err").read_text())
    waits.set()
    document = told(watched.ended())
    assert (document["command"], document["execution"]) == ("watch", holder)


def test_nothing_to_watch(terminal: Terminal, deployed: Deployed) -> None:
    ran = terminal.type("watch", FILES, "--stack", deployed.stack)
    assert ran.status == 3
    assert f"NAME: '{FILES}': no run is going on: expected one that was started" in ran.err
