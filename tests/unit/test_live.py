"""The live view: from recorded and from made-up histories to what is seen."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rich.console import Console

from cli import live
from cli.drill_summary import summary_table
from cli.live import Progress, Stage, StageState, follow, news, progress, view
from functions.model import Verdict
from tests.unit import report_samples as samples

HISTORIES = Path(__file__).with_name("histories")
BEGAN = datetime(2026, 11, 2, 8, tzinfo=UTC)


def recorded(name: str) -> list[dict[str, Any]]:
    """A history of the line, recorded on the emulator."""
    events: list[dict[str, Any]] = json.loads((HISTORIES / f"{name}.json").read_text())
    return [{**e, "timestamp": datetime.fromisoformat(e["timestamp"])} for e in events]


class Made:
    """A history made by hand, one event a second, each caused by the one before."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.add("ExecutionStarted")

    def add(self, kind: str, **details: Any) -> Made:
        number = len(self.events) + 1
        if kind.endswith("StateEntered"):
            named = {"stateEnteredEventDetails": details}
        elif kind.endswith("StateExited"):
            named = {"stateExitedEventDetails": details}
        else:
            named = {f"{kind[0].lower()}{kind[1:]}EventDetails": details} if details else {}
        moment = BEGAN + timedelta(seconds=number - 1)
        self.events.append(
            {"id": number, "previousEventId": number - 1, "type": kind, "timestamp": moment} | named
        )
        return self

    def call(self, state: str, *, output: str = "", **answer: Any) -> Made:
        """A state entered, called once, and left with that answer."""
        self.add("TaskStateEntered", name=state)
        self.add("LambdaFunctionScheduled").add("LambdaFunctionStarted")
        self.add("LambdaFunctionSucceeded", output=output or json.dumps(answer))
        return self.add("TaskStateExited", name=state, output="{}")


def stages(told: Progress) -> dict[str, Stage]:
    """The stages by name."""
    return {stage.name: stage for stage in told.stages}


def states(told: Progress) -> dict[str, str]:
    """Where each stage stands."""
    return {stage.name: stage.state.value for stage in told.stages}


def test_nothing_has_happened_yet() -> None:
    told = progress([])
    assert told.running
    assert [stage.name for stage in told.stages] == list(live.LINE)
    assert set(states(told).values()) == {"ahead"}
    assert told.seconds(BEGAN) == 0.0


def test_a_drill_that_passed() -> None:
    told = progress(recorded("passed"))
    assert (told.status, told.verdict, told.cause) == ("SUCCEEDED", Verdict.PASS, "because")
    assert set(states(told).values()) == {"done"}
    found = stages(told)
    assert {name: stage.calls for name, stage in found.items()} == {
        "Plan": 1,
        "Witness": 3,
        "Exercise": 6,
        "Verify": 8,
        "Teardown": 3,
        "Report": 1,
    }
    assert found["Exercise"].retries == 1
    assert (found["Verify"].units_done, found["Verify"].units_total) == (6, 6)
    assert all(not stage.waiting_for and not stage.problem for stage in told.stages)


def test_a_step_that_raised_is_skipped_over_to_teardown() -> None:
    told = progress(recorded("raised"))
    assert (told.status, told.verdict) == ("FAILED", Verdict.INCONCLUSIVE)
    assert states(told) == {
        "Plan": "done",
        "Witness": "done",
        "Exercise": "raised",
        "Verify": "skipped",
        "Teardown": "done",
        "Report": "done",
    }
    assert stages(told)["Exercise"].problem == "RestoreFailed: cluster is in state restore-error"


@pytest.mark.parametrize("name", ["passed", "raised"])
def test_every_moment_of_a_history_can_be_seen(name: str) -> None:
    events = recorded(name)
    for n in range(len(events)):
        told = progress(events[: n + 1])
        now = events[n]["timestamp"]
        assert sum(stage.state is StageState.ACTIVE for stage in told.stages) <= 1
        text = rendered(view(told, name="drill", now=now))
        assert all(stage.name in text for stage in told.stages)
        assert told.running is (n < len(events) - 1)


def test_a_step_that_waits_says_for_what() -> None:
    made = Made().call("Plan", done=True).add("ChoiceStateEntered", name="Plan done?")
    made.call("Witness", done=False, wait_seconds=5, waiting_for="the reader")
    made.add("WaitStateEntered", name="Witness waits")
    told = progress(made.events)
    witness = stages(told)["Witness"]
    assert (witness.state, witness.waiting_for, witness.calls) == ("active", "the reader", 1)
    assert witness.seconds(BEGAN + timedelta(minutes=1)) == 60 - 7
    assert "waiting for the reader" in rendered(view(told, name="x", now=BEGAN))


def test_a_failed_attempt_shows_until_the_next_one_succeeds() -> None:
    made = Made().add("TaskStateEntered", name="Plan").add("LambdaFunctionScheduled")
    made.add("LambdaFunctionFailed", error="TryAgain", cause='{"errorMessage": "throttled"}')
    plan = stages(progress(made.events))["Plan"]
    assert (plan.problem, plan.calls, plan.state) == ("TryAgain: throttled", 1, "active")
    made.add("LambdaFunctionScheduled").add("LambdaFunctionSucceeded", output='{"done": true}')
    made.add("TaskStateExited", name="Plan", output="{}")
    plan = stages(progress(made.events))["Plan"]
    assert (plan.problem, plan.calls, plan.retries, plan.state) == ("", 2, 1, "done")


def test_without_events_of_the_function_the_answer_is_read_from_the_document() -> None:
    made = Made().add("TaskStateEntered", name="Plan")
    output = json.dumps({"plan": {"done": False, "waiting_for": "the source"}})
    made.add("TaskStateExited", name="Plan", output=output)
    assert stages(progress(made.events))["Plan"].waiting_for == "the source"


def test_clear_and_hold_are_shown_only_when_they_happen() -> None:
    made = Made().call("Plan", done=False).call("Clear", done=True).call("Plan", done=True)
    made.add("WaitStateEntered", name="Hold")
    told = progress(made.events)
    assert list(states(told)) == [
        "Plan",
        "Clear",
        "Witness",
        "Exercise",
        "Verify",
        "Hold",
        "Teardown",
        "Report",
    ]
    assert states(told)["Hold"] == "active"
    made.add("WaitStateExited", name="Hold")
    assert states(progress(made.events))["Hold"] == "done"


def test_an_execution_that_was_stopped_leaves_its_step_unfinished() -> None:
    made = Made().call("Plan", done=True).call("Witness", done=False, waiting_for="the reader")
    made.add("ExecutionAborted", error="Operator", cause="enough")
    told = progress(made.events)
    assert (told.status, told.verdict, told.cause) == ("ABORTED", None, "enough")
    assert states(told)["Witness"] == "raised"
    assert states(told)["Teardown"] == "skipped"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        ("DrillFailed", Verdict.FAIL),
        ("DrillInconclusive", Verdict.INCONCLUSIVE),
        ("DrillRefused", Verdict.REFUSED),
        ("States.Runtime", None),
    ],
)
def test_the_verdict_is_known_by_the_error_where_report_did_not_say(
    error: str, verdict: Verdict | None
) -> None:
    made = Made().add("ExecutionFailed", error=error, cause="why")
    assert progress(made.events).verdict is verdict


def test_an_answer_that_was_cut_is_not_read() -> None:
    made = Made().call("Plan", output='{"done": tr')
    assert states(progress(made.events))["Plan"] == "active"


def told_in_lines(events: list[dict[str, Any]], step: int) -> list[str]:
    """What a plain terminal gets to see of a history looked at every so many events."""
    looks = [progress(events[:n]) for n in [*range(0, len(events), step), len(events)]]
    now = events[-1]["timestamp"]
    return [line[7:] for before, after in pairwise(looks) for line in news(before, after, now)]


def test_the_lines_of_a_plain_terminal() -> None:
    lines = told_in_lines(recorded("raised"), 1)
    assert lines[:4] == [
        "Plan      begins",
        "Plan      done in 0.2 s, 1 call",
        "Witness   begins",
        "Witness   waits for the first reading of 25 tables",
    ]
    assert "Exercise  raised TryAgain: throttled by RDS" in lines
    assert lines[-1] == "INCONCLUSIVE: because"
    assert len(lines) == len(set(lines))
    (raised,) = [line for line in lines if line.startswith("Exercise  ended")]
    assert raised.endswith("5 calls: RestoreFailed: cluster is in state restore-error")


@pytest.mark.parametrize("step", [1, 7, 40, 1000])
def test_every_step_is_told_however_seldom_we_look(step: int) -> None:
    lines = told_in_lines(recorded("passed"), step)
    for name in live.LINE:
        assert any(line.startswith(f"{name:<9} done in") for line in lines)
    assert len([line for line in lines if line.startswith("Verify    done in")]) == 1
    assert lines[-1] == "PASS: because"


class Client:
    """GetExecutionHistory of a history that grows by some events a look, in pages of five."""

    def __init__(self, events: list[dict[str, Any]], growth: int) -> None:
        self.events, self.growth, self.seen = events, growth, 0
        self.pages = 0

    def get_paginator(self, name: str) -> Client:
        assert name == "get_execution_history"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        assert asked["reverseOrder"] is True
        self.seen = min(len(self.events), self.seen + self.growth)
        newest = self.events[: self.seen][::-1]
        for start in range(0, max(1, len(newest)), 5):
            self.pages += 1
            yield {"events": newest[start : start + 5]}


@pytest.mark.parametrize("terminal", [False, True])
def test_following_ends_with_the_execution(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    events = recorded("passed")
    client = Client(events, growth=17)
    naps: list[float] = []
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    told = follow(client, "arn", name="drill", console=console, sleep=naps.append)  # type: ignore[arg-type]
    assert told == progress(events)
    assert len(naps) == (len(events) - 1) // 17
    assert client.pages < len(events) / 5 + 2 * len(naps) + 2
    text = screen.getvalue()
    assert ("\x1b[" in text) is terminal
    assert "Teardown" in text


def rendered(what: Any, width: int = 120) -> str:
    """What is on the screen, without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_view_can_do_without_unicode() -> None:
    events = recorded("raised")
    text = rendered(view(progress(events), name="x", now=events[-1]["timestamp"], ascii_only=True))
    assert text.isascii()
    report = samples.failed().report()
    assert rendered(summary_table(report, ascii_only=True)).isascii()


@pytest.mark.parametrize("name", samples.SAMPLES)
@pytest.mark.parametrize("width", [60, 120])
def test_every_report_can_be_summed_up(name: str, width: int) -> None:
    report = samples.SAMPLES[name]().report()
    text = rendered(summary_table(report, page=".lab/report.html"), width)
    assert report["verdict"] in text
    assert ".lab/report.html" in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())


def test_a_summary_shows_what_went_wrong_and_how_long_it_took() -> None:
    text = rendered(summary_table(samples.failed().report(), page="report.html"))
    assert "14 min 20 s  of 30 min allowed" in text
    assert "2 min 51 s  of 5 min allowed" in text
    assert "all gone: 2 resources deleted" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["Content", "23", "2", "0"] in lines
    failed = [line for line in text.splitlines() if line.startswith("failed")]
    assert len(failed) == 3
    assert "47,980 rows" in text
    assert "Cluster available" in text


def test_names_from_the_world_are_not_read_as_markup() -> None:
    sample = samples.failed()
    sample.document["plan"]["source"]["identifier"] = "[bold red]x[/nonsense]"
    assert "[bold red]x[/nonsense]" in rendered(summary_table(sample.report()))
    made = Made().call("Plan", done=False, waiting_for="[/nonsense]")
    assert "[/nonsense]" in rendered(view(progress(made.events), name="[x]", now=BEGAN))


@given(
    start=some.floats(0, 1e6),
    length=some.floats(0, 1e6),
    whole=some.floats(0, 1e6),
    width=some.integers(1, 80),
)
def test_a_bar_is_as_wide_as_it_should_be(
    start: float, length: float, whole: float, width: int
) -> None:
    drawn = live.bar(start, length, whole, style="", width=width).plain
    assert len(drawn) == width
    assert drawn.strip()
