"""`status`: could we restore right now, and when did we last prove it?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.health import Finding
from functions.watch import state
from lab.calls import Call, Denied
from tests.cli.conftest import Terminal
from tests.cli.deployment import AURORA, FILES, ROTATION, Deployed
from tests.cli.machine_readable import told

CLUSTER = "cluster-prod"
NONE = {"critical": 0, "high": 0, "medium": 0, "low": 0}


def status(terminal: Terminal, deployed: Deployed, *, ends: int) -> dict[str, Any]:
    return told(terminal.type("status", "--stack", deployed.stack, "--json"), status=ends)


def one(condition: str) -> list[Finding]:
    return [Finding(condition=condition, text=f"[red]{condition}[/] was found")]


def test_nothing_is_open(terminal: Terminal, deployed: Deployed) -> None:
    deployed.collected()
    document = status(terminal, deployed, ends=0)
    assert (document["answer"], document["open"]) == ("yes", NONE)
    assert document["sentence"] == (
        "Yes: nothing stands in the way of a restore (3 sources); the last proof is 4 d old, the"
        " oldest of 3 drills 4 d."
    )
    assert document["state"]["fresh"] is True
    assert 720 <= document["state"]["age_seconds"] < 900
    shown = terminal.type("status", "--stack", deployed.stack).out
    assert "nothing open: cluster-prod, secret-prod, bucket-prod" in shown
    assert "4 d ago" in shown


@pytest.mark.parametrize(
    ("name", "condition", "answer", "ends", "begins"),
    [
        (CLUSTER, "not-restorable", "no", 1, "No: a restore of cluster-prod would not work today."),
        (CLUSTER, "unreadable", "unknown", 1, "Nobody knows: cluster-prod could not be looked at."),
        (CLUSTER, "unprotected", "no", 1, "No: what protects the backups of cluster-prod is"),
        (CLUSTER, "backup-stale", "yes", 1, "Yes, but look at cluster-prod: nothing stands"),
        (CLUSTER, "advice", "yes", 2, "Yes: nothing stands in the way"),
        ("bucket-prod", "versioning-off", "no", 1, "No: a restore of bucket-prod would not"),
        ("bucket-prod", "unprotected", "no", 1, "No: what protects the backups of bucket-prod"),
        ("secret-prod", "secret-gone", "no", 1, "No: a restore of secret-prod would not work"),
        (AURORA, "overdue", "unknown", 2, f"Nobody knows: {AURORA} is overdue: not proven since"),
        (AURORA, "schedule-off", "yes", 1, f"Yes, but look at {AURORA}: nothing stands"),
        (AURORA, "not-passed", "unknown", 2, f"Nobody knows: the last run of {AURORA} did not"),
        (AURORA, "unreadable-run", "unknown", 1, f"Nobody knows: the runs of {AURORA} could not"),
    ],
)
def test_what_is_found_decides_the_answer_and_the_exit_status(
    terminal: Terminal,
    deployed: Deployed,
    name: str,
    condition: str,
    answer: str,
    ends: int,
    begins: str,
) -> None:
    deployed.collected(findings={name: one(condition)})
    document = status(terminal, deployed, ends=ends)
    assert document["answer"] == answer
    assert document["sentence"].startswith(begins)
    [finding] = document["findings"]
    assert (finding["name"], finding["condition"]) == (name, condition)
    shown = terminal.type("status", "--stack", deployed.stack)
    assert shown.status == ends
    assert f"{name}  {condition}  since " in shown.out
    assert f"[red]{condition}[/] was found" in shown.out, "no markup of ours"


def test_a_long_text_is_whole_in_a_pipe(
    terminal: Terminal, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{'what was found ' * 9}is told to its end"
    deployed.collected(findings={CLUSTER: [Finding(condition="advice", text=text)]})
    monkeypatch.setenv("COLUMNS", "80")
    assert f"          {text}\n" in terminal.type("status", "--stack", deployed.stack).out


def test_the_worst_is_first(terminal: Terminal, deployed: Deployed) -> None:
    found = {FILES: one("overdue"), CLUSTER: one("advice"), "secret-prod": one("rotation-failed")}
    deployed.collected(findings=found)
    document = status(terminal, deployed, ends=1)
    assert [one["severity"] for one in document["findings"]] == ["high", "medium", "low"]
    assert document["open"] == NONE | {"high": 1, "medium": 1, "low": 1}


def test_a_finding_that_nobody_could_see_since_is_no_yes(
    terminal: Terminal, deployed: Deployed
) -> None:
    both = [*one("unreadable"), *one("versioning-off")]
    deployed.collected(findings={"bucket-prod": both})
    kept = deployed.evidence.get_json(state.STATE_KEY)
    for finding in (found for source in kept["sources"] for found in source["findings"]):
        if finding["condition"] == "versioning-off":
            finding["seen"] = "2026-11-02T05:00:00Z"
    deployed.evidence.put_json(state.STATE_KEY, kept)
    document = status(terminal, deployed, ends=1)
    assert document["sentence"].startswith("No: a restore of bucket-prod would not work today")
    [carried] = [each for each in document["findings"] if "seen" in each]
    assert (carried["condition"], carried["seen"]) == ("versioning-off", "2026-11-02T05:00:00Z")
    shown = terminal.type("status", "--stack", deployed.stack)
    assert ", not seen since 2 Nov 2026, 05:00 UTC" in shown.out


def test_the_schedules_of_the_watch_itself_are_shown(
    terminal: Terminal, deployed: Deployed
) -> None:
    deployed.collected()
    kept = state.read(deployed.evidence.get_json(state.STATE_KEY))
    since = {"severity": "high", "since": kept["collected_at"]}
    finding = {"condition": "watch-schedule-off", "text": "the schedule sweeper is off", **since}
    kept["watch"]["findings"] = [finding]
    deployed.evidence.put_json(state.STATE_KEY, kept)
    document = status(terminal, deployed, ends=1)
    assert document["sentence"].startswith(f"Yes, but look at {kept['stack']}: nothing stands")
    [found] = document["findings"]
    assert (found["of"], found["name"]) == ("watch", kept["stack"])


def test_a_source_that_no_drill_has_proven_is_no_yes(
    terminal: Terminal, deployed: Deployed
) -> None:
    deployed.collected(proven=False)
    document = status(terminal, deployed, ends=2)
    assert (document["answer"], document["open"]) == ("unknown", NONE), "nothing open is no yes"
    assert "no drill of cluster-prod, secret-prod, bucket-prod has passed" in document["sentence"]


def test_a_source_is_not_proven_by_the_drill_of_another_one_of_its_name(
    terminal: Terminal, deployed: Deployed
) -> None:
    deployed.collected(findings={"bucket-prod": one("advice")})
    kept = deployed.evidence.get_json(state.STATE_KEY)
    for each in (*kept["sources"], *kept["drills"]):
        each["name" if "source" not in each else "source"] = "prod"
    deployed.evidence.put_json(state.STATE_KEY, kept)
    assert status(terminal, deployed, ends=2)["answer"] == "yes"
    shown = terminal.type("status", "--stack", deployed.stack).out
    assert "low       prod (s3_versions)  advice" in shown
    assert "nothing open: prod (aurora), prod (secret_rotation)" in shown
    [bucket] = [drill for drill in kept["drills"] if drill["name"] == FILES]
    bucket["facts"]["last_pass"] = None
    deployed.evidence.put_json(state.STATE_KEY, kept)
    document = status(terminal, deployed, ends=2)
    assert document["answer"] == "unknown"
    assert "no drill of prod (s3_versions) has passed" in document["sentence"]


def test_a_state_that_is_missing_is_a_finding_itself(
    terminal: Terminal, deployed: Deployed
) -> None:
    document = status(terminal, deployed, ends=1)
    assert (document["answer"], document["state"]) == ("unknown", None)
    [problem] = document["problems"]
    assert problem["severity"] == "high"
    assert "_watch/state.json does not exist" in problem["text"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"state_version": 2}', b'{"state_version": 1}'])
def test_a_state_that_cannot_be_read_is_one_too(
    terminal: Terminal, deployed: Deployed, body: bytes
) -> None:
    deployed.evidence.put_bytes(state.STATE_KEY, body, content_type="application/json")
    document = status(terminal, deployed, ends=1)
    assert document["sentence"] == "Nobody knows: the collector has left no state that can be read."
    assert document["open"] == NONE | {"high": 1}


def test_a_state_that_is_old_answers_nothing(terminal: Terminal, deployed: Deployed) -> None:
    deployed.collected(ago=timedelta(hours=5))
    document = status(terminal, deployed, ends=1)
    assert document["sentence"] == "Nobody knows: the last collection is 5 h old."
    assert document["state"]["fresh"] is False
    assert "look at the log of the collector" in document["problems"][0]["text"]


def test_alarms_that_ring_are_open(terminal: Terminal, deployed: Deployed) -> None:
    deployed.collected()
    deployed.rings(f"drill-{ROTATION}-failed", "medium")
    document = status(terminal, deployed, ends=2)
    deployed.rings("drill-leftovers", "high")
    deployed.rings("not-ours", "critical")
    document = status(terminal, deployed, ends=1)
    assert [(one["severity"], one["name"]) for one in document["alarms"]] == [
        ("high", "drill-leftovers"),
        ("medium", f"drill-{ROTATION}-failed"),
    ]
    assert document["answer"] == "yes", "what an alarm says of a drill is no finding of a source"


def test_alarms_that_cannot_be_asked_for_are_a_problem(
    terminal: Terminal, deployed: Deployed
) -> None:
    def denies(call: Call) -> Denied | None:
        if call.operation == "DescribeAlarms":
            return Denied("cloudwatch:DescribeAlarms", "*")
        return None

    deployed.collected()
    deployed.emulator.before_call.append(denies)
    document = status(terminal, deployed, ends=1)
    assert document["problems"][0]["text"].startswith("the alarms could not be asked for: Desc")
