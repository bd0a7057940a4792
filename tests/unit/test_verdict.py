"""No evidence, no PASS."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from functions.model import CheckClass, Resource, Status, Summary, Verdict
from functions.verdict import decide, gather, teardown_check
from tests.unit.documents import check, healthy_checks, healthy_document, healthy_records


def test_all_passed_is_a_pass() -> None:
    decision = decide(healthy_document(), healthy_checks())
    assert decision.verdict is Verdict.PASS
    assert decision.cause.startswith(f"All {len(CheckClass)} checks passed")


def test_an_empty_list_of_checks_is_never_a_pass() -> None:
    assert decide(healthy_document(), []).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("missing", [c for c in CheckClass if c is not CheckClass.CUSTOM])
def test_each_required_class_needs_a_check_of_its_own(missing: CheckClass) -> None:
    checks = [c for c in healthy_checks() if c.check_class is not missing]
    decision = decide(healthy_document(), checks)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert missing.value in decision.cause


def test_a_plan_without_required_classes_requires_all_of_them() -> None:
    document = healthy_document()
    del document["plan"]["required_classes"]
    checks = [c for c in healthy_checks() if c.check_class is not CheckClass.CUSTOM]
    assert decide(document, checks).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("index", range(len(CheckClass)))
def test_one_failed_check_fails_the_drill_whatever_its_class(index: int) -> None:
    checks = healthy_checks()
    checks[index] = replace(checks[index], status=Status.FAILED, observed="no")
    decision = decide(healthy_document(), checks)
    assert decision.verdict is Verdict.FAIL
    assert checks[index].name in decision.cause


@pytest.mark.parametrize("index", range(len(CheckClass)))
def test_one_check_that_was_not_run_makes_it_inconclusive(index: int) -> None:
    checks = healthy_checks()
    checks.append(replace(checks[index], status=Status.NOT_RUN, detail="timeout"))
    decision = decide(healthy_document(), checks)
    assert decision.verdict is Verdict.INCONCLUSIVE
    assert "timeout" in decision.cause


def test_a_check_that_the_configuration_switched_off_does_not_count_against_the_drill() -> None:
    off = check("marker_before", CheckClass.CUSTOM, Status.NOT_RUN, by_configuration=True)
    assert decide(healthy_document(), [*healthy_checks(), off]).verdict is Verdict.PASS


def test_nor_does_it_count_for_the_drill() -> None:
    checks = [c for c in healthy_checks() if c.check_class is not CheckClass.RESTORE_POINT]
    off = check("marker", CheckClass.RESTORE_POINT, Status.NOT_RUN, by_configuration=True)
    assert decide(healthy_document(), [*checks, off]).verdict is Verdict.INCONCLUSIVE


def test_a_failed_check_is_not_softened_by_a_step_that_raised() -> None:
    document = healthy_document() | {"error": {"Error": "States.Timeout", "Cause": ""}}
    failed = [*healthy_checks(), check(status=Status.FAILED, observed="no")]
    assert decide(document, failed).verdict is Verdict.FAIL


def test_a_step_that_raised_is_inconclusive_and_says_what_it_raised() -> None:
    cause = json.dumps({"errorMessage": "the cluster is still creating", "stackTrace": []})
    document = healthy_document() | {"error": {"Error": "DeadlineExceeded", "Cause": cause}}
    decision = decide(document, healthy_checks())
    assert decision.verdict is Verdict.INCONCLUSIVE
    expected = "A step raised DeadlineExceeded: the cluster is still creating."
    assert decision.cause == expected


def test_refused_needs_plan_to_have_said_so() -> None:
    refused = {"error": {"Error": "Refused", "Cause": '{"errorMessage": "input: x"}'}}
    assert decide(refused, []).verdict is Verdict.REFUSED
    late = healthy_document() | refused
    assert decide(late, healthy_checks()).verdict is Verdict.INCONCLUSIVE


def test_skipped_is_not_a_pass_whatever_the_checks_say() -> None:
    document = healthy_document()
    document["plan"] |= {"outcome": "skipped", "reason": "dry run"}
    assert decide(document, healthy_checks()).verdict is Verdict.SKIPPED


@given(some.sets(some.sampled_from(["plan", "witness", "exercise", "verify", "teardown"])))
def test_a_document_that_lacks_any_key_is_never_a_pass(lacking: set[str]) -> None:
    document = {k: v for k, v in healthy_document().items() if k not in lacking}
    checks = gather(document, healthy_records())
    checks.append(teardown_check(document, Summary(proven="teardown" not in lacking)))
    if "plan" in lacking or lacking & {"verify", "teardown"}:
        assert decide(document, checks).verdict is not Verdict.PASS


def test_gather_returns_every_record() -> None:
    checks = gather(healthy_document(), healthy_records())
    assert [c.name for c in checks] == ["login", "rows"]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda d, _: d["verify_units"].pop(), "never answered"),
        (lambda d, _: d.pop("verify_units"), "never answered"),
        (lambda _, r: r.pop("k/unit-000.json"), "no records at k/unit-000.json"),
        (lambda _, r: r.pop("k/verify.json"), "no records at k/verify.json"),
        (lambda _, r: r["k/unit-000.json"].clear(), "other counts"),
        (lambda d, _: d["verify_units"][0].update(passed=9), "other counts"),
        (
            lambda d, _: d["verify_units"].__setitem__(
                0, {"unit": 0, "error": {"Error": "QueryCanceled", "Cause": ""}}
            ),
            "QueryCanceled",
        ),
        (lambda d, _: d.pop("verify"), "not verified"),
        (lambda d, _: d["verify"].update(done=False), "not verified"),
    ],
)
def test_gather_misses_nothing(change: Any, detail: str) -> None:
    document, records = healthy_document(), healthy_records()
    change(document, records)
    missing = [c for c in gather(document, records) if c.status is Status.NOT_RUN]
    assert missing
    assert any(detail in c.detail for c in missing)
    assert decide(document, [*healthy_checks(), *missing]).verdict is Verdict.INCONCLUSIVE


def test_teardown_is_proven_only_by_having_looked() -> None:
    document = healthy_document()
    assert teardown_check(document, Summary(proven=True)).status is Status.PASSED
    assert teardown_check(document, Summary(proven=False)).status is Status.FAILED
    left = Summary(proven=True, leftovers=(Resource(type="cluster", name="drill-x"),))
    assert teardown_check(document, left).observed == "left behind: drill-x"
    document["teardown"] = {"done": False, "proven": False}
    assert teardown_check(document, Summary(proven=True)).status is Status.FAILED
    del document["teardown"]
    assert teardown_check(document, Summary(proven=True)).status is Status.FAILED
