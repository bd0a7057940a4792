"""Every path and every failure of the line, executed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.aurora.plan import EVENTS_A_CALL
from tests.emulator.conftest import Failure
from tests.line.conftest import HEALTHY, WAITING, Line, raises
from tests.line.test_rules import RETRIED, WAKING

WAY = ["Plan", "Witness", "Exercise", "Verify", "VerifyUnit", "VerifyUnit", "Teardown", "Report"]


def verdict(name: str) -> dict[str, Any]:
    return HEALTHY["Report"] | {"verdict": name, "cause": f"because of {name}"}


def test_a_healthy_drill_walks_the_line_and_passes(line: Line) -> None:
    ended = line.run()
    assert ended.status == "SUCCEEDED"
    assert line.called == WAY


def test_the_document_begins_with_the_drill_the_input_and_the_execution(line: Line) -> None:
    ended = line.run({"hold_minutes": 3})
    first = line.events["Plan"][0]["document"]
    assert first["drill"] == {"name": "x"}
    assert first["input"] == {"hold_minutes": 3}
    assert first["execution"]["id"] == ended.arn
    assert first["execution"]["start_time"].endswith("Z")


@pytest.mark.parametrize("given", [[], "text", 5, None])
def test_whatever_the_input_is_plan_gets_to_see_it(line: Line, given: Any) -> None:
    line.run(given)
    assert line.events["Plan"][0]["document"]["input"] == ({} if given is None else given)


def test_report_sees_what_every_step_answered(line: Line) -> None:
    line.run()
    document = line.events["Report"][0]["document"]
    for step in ("Plan", "Witness", "Exercise", "Verify", "Teardown"):
        assert document[step.lower()] == HEALTHY[step]
    assert document["verify_units"] == [
        {"unit": n, "key": "k", "passed": 1, "failed": 0, "not_run": 0} for n in (0, 1)
    ]
    assert "error" not in document


@pytest.mark.parametrize("step", ["Plan", "Witness", "Exercise", "Verify", "Teardown"])
def test_each_step_is_called_until_it_is_done_and_sees_its_last_answer(
    line: Line, step: str
) -> None:
    waiting = WAITING | {"seen": 7}
    ended = line.run(**{step: [waiting, waiting, HEALTHY[step]]})
    assert ended.status == "SUCCEEDED"
    assert line.called.count(step) == 3
    assert line.events[step][1]["document"][step.lower()] == waiting


@pytest.mark.parametrize("step", ["Witness", "Exercise", "Verify"])
def test_a_step_that_raises_is_torn_down_and_reported(line: Line, step: str) -> None:
    ended = line.run(**{step: raises("RestoreFailed"), "Report": verdict("INCONCLUSIVE")})
    assert ended.status == "FAILED"
    assert line.called[-2:] == ["Teardown", "Report"]
    assert line.called[-3] == step
    error = line.events["Report"][0]["document"]["error"]
    assert error["Error"] == "RestoreFailed"
    assert json.loads(error["Cause"])["errorMessage"] == "as the test asked"


def test_plan_that_raises_is_reported_and_there_is_nothing_to_tear_down(line: Line) -> None:
    ended = line.run(Plan=raises("Refused"), Report=verdict("REFUSED"))
    assert line.called == ["Plan", "Report"]
    assert (ended.answer["error"], ended.answer["cause"]) == ("DrillRefused", "because of REFUSED")


def test_teardown_that_raises_is_reported_and_the_first_error_stays(line: Line) -> None:
    line.run(Exercise=raises("RestoreFailed"), Teardown=raises("DeadlineExceeded"))
    document = line.events["Report"][0]["document"]
    assert document["error"]["Error"] == "RestoreFailed"
    assert document["teardown_error"]["Error"] == "DeadlineExceeded"
    assert "teardown" not in document


def test_teardown_that_raises_late_keeps_what_it_had_seen(line: Line) -> None:
    seen = WAITING | {"leftovers": [{"type": "cluster", "name": "drill-x"}]}
    line.run(Teardown=[seen, raises("DeadlineExceeded")])
    document = line.events["Report"][0]["document"]
    assert document["teardown"]["leftovers"] == seen["leftovers"]
    assert document["teardown_error"]["Error"] == "DeadlineExceeded"


def test_report_that_raises_ends_inconclusive(line: Line) -> None:
    ended = line.run(Report=raises("KeyError"))
    assert ended.status == "FAILED"
    assert ended.answer["error"] == "DrillInconclusive"
    assert ended.answer["cause"] == "The report could not be made: KeyError"


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("PASS", "SUCCEEDED", None),
        ("SKIPPED", "SUCCEEDED", None),
        ("FAIL", "FAILED", "DrillFailed"),
        ("INCONCLUSIVE", "FAILED", "DrillInconclusive"),
        ("REFUSED", "FAILED", "DrillRefused"),
        ("a verdict nobody knows", "FAILED", "DrillInconclusive"),
    ],
)
def test_each_verdict_has_its_end(line: Line, name: str, status: str, error: str | None) -> None:
    ended = line.run(Report=verdict(name))
    assert ended.status == status
    assert ended.answer.get("error") == error
    assert error is None or ended.answer["cause"] == f"because of {name}"


@pytest.mark.parametrize("name", sorted(RETRIED - {"States.Timeout"}))  # no function raises it
def test_what_may_pass_is_retried_by_name(line: Line, name: str) -> None:
    ended = line.run(Exercise=[raises(name), raises(name), HEALTHY["Exercise"]])
    assert ended.status == "SUCCEEDED"
    assert line.called.count("Exercise") == 3


@pytest.mark.parametrize("name", sorted(WAKING))
def test_a_function_that_slept_for_weeks_is_waited_for(line: Line, name: str) -> None:
    ended = line.run(Verify=[*[raises(name)] * 8, HEALTHY["Verify"]])
    assert ended.status == "SUCCEEDED"
    assert line.called.count("Verify") == 9


def test_a_hundred_units_that_raise_at_length_still_fit_into_the_document(line: Line) -> None:
    def unit(_: Any) -> Any:
        raise Failure("ClientError", "x" * 30_000)

    line.run(
        Verify={"done": True, "units": [{"unit": n} for n in range(100)]},
        VerifyUnit=lambda event: unit(event),
    )
    units = line.events["Report"][0]["document"]["verify_units"]
    assert {u["error"]["Error"] for u in units} == {"ClientError"}


@pytest.mark.parametrize("name", ["NotOurs", "DeadlineExceeded", "ClientError", "KeyError"])
def test_what_will_not_pass_is_not_retried(line: Line, name: str) -> None:
    line.run(Exercise=raises(name))
    assert line.called.count("Exercise") == 1


@pytest.mark.parametrize("step", ["Plan", "Witness", "Exercise", "Verify", "Teardown", "Report"])
def test_retries_end(line: Line, step: str) -> None:
    line.run(**{step: raises("TryAgain")})
    assert line.called.count(step) == 7
    assert step == "Report" or line.called[-1] == "Report"


def test_skipped_goes_straight_to_report(line: Line) -> None:
    skipped = {"done": True, "outcome": "skipped", "reason": "dry run"}
    ended = line.run(Plan=skipped, Report=verdict("SKIPPED"))
    assert ended.status == "SUCCEEDED"
    assert line.called == ["Plan", "Report"]


def test_what_a_dead_run_planned_is_torn_down_before_the_run_begins(line: Line) -> None:
    dead = {"plan": {"run_id": "dead"}, "execution": "arn", "teardown": {}}
    clear = {"done": False, "wait_seconds": 1, "outcome": "clear", "dead": dead}
    ended = line.run(
        Plan=[clear, HEALTHY["Plan"]],
        Teardown=[WAITING, HEALTHY["Teardown"], HEALTHY["Teardown"]],
    )
    assert ended.status == "SUCCEEDED"
    assert line.called[:5] == ["Plan", "Teardown", "Teardown", "Plan", "Witness"]
    first, second = line.events["Teardown"][:2]
    assert first["document"]["plan"] == {"run_id": "dead"}
    assert first["document"]["teardown"] == {}
    assert second["document"]["teardown"] == WAITING
    again = line.events["Plan"][1]["document"]["plan"]["dead"]
    assert again["teardown"]["done"] is True


def test_a_dead_run_that_cannot_be_torn_down_ends_in_report(line: Line) -> None:
    dead = {"plan": {"run_id": "dead"}, "execution": "arn", "teardown": {}}
    clear = {"done": False, "wait_seconds": 1, "outcome": "clear", "dead": dead}
    line.run(Plan=clear, Teardown=raises("NotOurs"))
    assert line.called == ["Plan", "Teardown", "Report"]


@pytest.mark.parametrize("raised", [None, "Verify"])
def test_hold_waits_between_verify_and_teardown_also_after_a_failure(
    line: Line, raised: str | None
) -> None:
    script: dict[str, Any] = {"Plan": HEALTHY["Plan"] | {"hold_seconds": 60}}
    if raised:
        script[raised] = raises("QueryCanceled")
    ended = line.run(**script)
    entered = [
        e["stateEnteredEventDetails"]["name"] for e in ended.events if "Entered" in e["type"]
    ]
    assert entered.index("Hold") < entered.index("Teardown")


def test_units_that_raise_do_not_end_the_others(line: Line) -> None:
    def unit(event: Any) -> Any:
        if event["unit"] == 1:
            raise raises("UndefinedTable")
        return HEALTHY["VerifyUnit"]

    line.run(
        Verify={"done": True, "units": [{"unit": n} for n in range(4)]},
        VerifyUnit=lambda event: unit(event),
    )
    units = line.events["Report"][0]["document"]["verify_units"]
    assert [("error" in u) for u in units] == [False, True, False, False]
    assert units[1]["error"]["Error"] == "UndefinedTable"


def test_a_unit_is_called_until_done_and_sees_its_own_last_answer(line: Line) -> None:
    def unit(event: Any) -> Any:
        seen = event["answer"].get("block", 0)
        if seen < 3:
            return {"done": False, "wait_seconds": 1, "block": seen + 1}
        return HEALTHY["VerifyUnit"] | {"passed": seen + event["unit"]}

    line.run(VerifyUnit=lambda event: unit(event))
    units = line.events["Report"][0]["document"]["verify_units"]
    assert [u["passed"] for u in units] == [3, 4]
    assert line.called.count("VerifyUnit") == 8


def test_a_hundred_units_with_continuations_and_the_largest_answers_fit(line: Line) -> None:
    """The document at its largest stays within Step Functions' limits, and so does the history."""
    large = {"text": "x" * 30_000}

    def unit(event: Any) -> Any:
        call = event["answer"].get("call", 0) + 1
        if call < 2:
            return {"done": False, "wait_seconds": 1, "call": call, **large}
        return HEALTHY["VerifyUnit"]

    ended = line.run(
        Plan=HEALTHY["Plan"] | large,
        Witness=HEALTHY["Witness"] | large,
        Exercise=HEALTHY["Exercise"] | large,
        Verify={"done": True, "units": [{"unit": n} for n in range(100)], **large},
        VerifyUnit=lambda event: unit(event),
        Teardown=HEALTHY["Teardown"] | large,
    )
    assert ended.status == "SUCCEEDED"
    assert len(line.events["Report"][0]["document"]["verify_units"]) == 100
    assert line.called.count("VerifyUnit") == 200
    assert len(ended.events) / len(line.called) <= EVENTS_A_CALL


def test_no_units_is_a_verify_that_compared_nothing_and_report_decides(line: Line) -> None:
    line.run(Verify={"done": True, "units": []})
    assert line.events["Report"][0]["document"]["verify_units"] == []
