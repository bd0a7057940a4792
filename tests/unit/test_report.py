"""The report: whole whatever is missing, never a PASS without evidence, and true to its schema."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from jsonschema import Draft202012Validator

from functions.model import CheckClass, Document, Level, Status, Summary, Verdict
from functions.report import VERSION
from functions.report.build import build
from functions.report.conclude import conclude, identify, may_release, record_keys
from functions.report.html import page
from functions.report.message import message
from functions.report.metrics import measures
from functions.report.version import digest
from functions.verdict import decide
from tests.unit import report_samples as samples

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/report.schema.json").read_text()))
VERDICTS = {
    "pass": Verdict.PASS,
    "pass-by-schedule": Verdict.PASS,
    "fail": Verdict.FAIL,
    "fail-too-slow": Verdict.FAIL,
    "fail-left-behind": Verdict.FAIL,
    "inconclusive": Verdict.INCONCLUSIVE,
    "inconclusive-unit": Verdict.INCONCLUSIVE,
    "refused": Verdict.REFUSED,
    "skipped": Verdict.SKIPPED,
}


def valid(report: dict[str, Any]) -> dict[str, Any]:
    """The report, when it is true to the schema and everything can be made of it."""
    SCHEMA.validate(report)
    assert "<h1>" in page(report)
    assert measures(report)
    message(report)
    return report


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)


def test_the_version_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_sample_has_its_verdict_and_is_valid(name: str) -> None:
    report = valid(samples.SAMPLES[name]().report())
    assert report["verdict"] == VERDICTS[name]


def test_a_report_says_what_was_restored_from_when_and_how_long_it_took() -> None:
    report = samples.passed().report()
    assert report["source"] == {
        "name": samples.SOURCE,
        "arn": f"arn:aws:rds:sa-east-1:123456789012:cluster:{samples.SOURCE}",
        "version": "15.10",
    }
    assert report["restore"]["time"] == samples.T
    assert report["restore"]["levels"] == {"exact": 0, "bounded": 25, "counted": 0, "none": 0}
    assert report["objectives"] == {
        "rto": {"objective_seconds": 1800, "measured_seconds": 860.0, "met": True},
        "rpo": {"objective_seconds": 300, "measured_seconds": 171.0, "met": True},
    }
    assert [p["name"] for p in report["phases"] if p["in_rto"]] == [
        "accepted",
        "cluster available",
        "instance available",
        "first login",
    ]
    assert report["run"]["seconds"] == 1703.0
    assert report["tally"] == {"passed": 36, "failed": 0, "not_run": 0, "by_configuration": 0}
    assert report["evidence"]["keys"][-2:] == [
        f"{samples.KEY}/report.json",
        f"{samples.KEY}/witness/manifest.json",
    ]


@pytest.mark.parametrize(
    ("given_input", "expected"),
    [
        ({}, {"how": "hand", "scheduled_time": None, "overrides": {}}),
        (
            {"scheduled_time": "2026-11-02T08:00:00Z"},
            {"how": "schedule", "scheduled_time": "2026-11-02T08:00:00Z", "overrides": {}},
        ),
        (
            {"hold_minutes": 15, "restore_time": "2026-11-01T00:00:00Z"},
            {
                "how": "hand",
                "scheduled_time": None,
                "overrides": {"hold_minutes": "15", "restore_time": "2026-11-01T00:00:00Z"},
            },
        ),
        ("nonsense", {"how": "unknown", "scheduled_time": None, "overrides": {}}),
        (
            {"x" * 900: {"deep": ["y" * 900]}},
            {
                "how": "hand",
                "scheduled_time": None,
                "overrides": {"x" * 99 + "…": ('{"deep": ["' + "y" * 900)[:199] + "…"},
            },
        ),
    ],
)
def test_who_started_it(given_input: object, expected: dict[str, Any]) -> None:
    sample = samples.passed()
    sample.document["input"] = given_input
    assert valid(sample.report())["started_by"] == expected


def test_without_an_input_nobody_is_said_to_have_started_it() -> None:
    sample = samples.passed()
    del sample.document["input"]
    assert sample.report()["started_by"]["how"] == "unknown"


def test_a_table_is_as_closely_compared_as_its_best_check_that_ran() -> None:
    sample = samples.passed()
    sample.units = [
        [
            samples.check("rows", CheckClass.CONTENT, "s.a", level=Level.COUNTED),
            samples.check("digest", CheckClass.CONTENT, "s.a", level=Level.EXACT),
            samples.check(
                "rows", CheckClass.CONTENT, "s.b", level=Level.BOUNDED, status=Status.NOT_RUN
            ),
            samples.check("amcheck", CheckClass.CONTENT, "s.c"),
        ]
    ]
    assert sample.report()["restore"]["tables"] == [
        {"name": "s.a", "level": "exact"},
        {"name": "s.b", "level": "none"},
    ]


@pytest.mark.parametrize(
    ("damage", "step"),
    [
        (["plan", "witness", "exercise", "verify", "teardown"], "Plan"),
        (["witness", "exercise", "verify"], "Witness"),
        (["exercise", "verify"], "Exercise"),
        (["verify"], "Verify"),
        ([], "VerifyUnits"),
    ],
)
def test_the_step_that_raised_is_named(damage: list[str], step: str) -> None:
    sample = samples.passed()
    for key in damage:
        del sample.document[key]
    sample.document["error"] = {"Error": "NotOurs", "Cause": "it has no tags of this run"}
    report = valid(sample.report())
    assert report["verdict"] == Verdict.INCONCLUSIVE
    assert report["error"] == {
        "step": step,
        "name": "NotOurs",
        "message": "it has no tags of this run",
    }


def test_an_error_while_a_dead_run_was_cleared_is_named_so() -> None:
    sample = samples.refused()
    sample.document["plan"] = {"done": False, "outcome": "clear", "dead": {"plan": {}}}
    sample.document["error"] = {"Error": "States.Timeout", "Cause": ""}
    assert valid(sample.report())["error"] == {
        "step": "Clear",
        "name": "States.Timeout",
        "message": "",
    }


def test_the_error_of_a_teardown_is_told_and_is_a_failure() -> None:
    sample = samples.passed()
    sample.document["teardown"] |= {"done": False, "proven": False}
    cause = '{"errorMessage": "late"}'
    sample.document["teardown_error"] = {"Error": "DeadlineExceeded", "Cause": cause}
    report = valid(sample.report())
    assert report["verdict"] == Verdict.FAIL
    assert report["error"] == {"step": "Teardown", "name": "DeadlineExceeded", "message": "late"}
    assert "not proven" in page(report)


def test_no_traceback_is_in_a_report() -> None:
    assert "stackTrace" not in json.dumps(samples.inconclusive().report())


def test_records_that_are_not_stored_are_no_evidence() -> None:
    report = samples.report_of(samples.passed().whole(), {})
    assert valid(report)["verdict"] == Verdict.INCONCLUSIVE


def test_records_of_another_shape_are_a_check_that_was_not_run() -> None:
    sample = samples.passed()
    stored: dict[str, Any] = dict(sample.stored())
    stored[f"{samples.KEY}/checks/verify.json"] = [{"name": "login"}]
    report = valid(samples.report_of(sample.whole(), stored))
    assert report["verdict"] == Verdict.INCONCLUSIVE
    assert "evidence" in {c["name"] for c in report["checks"] if c["status"] == "not_run"}


def test_a_summary_that_raises_is_a_check_that_was_not_run() -> None:
    def summarize(_: Document) -> Summary:
        raise KeyError("source")

    sample = samples.passed()
    document = sample.whole()
    report = conclude(
        document,
        identity=identify(document, today="20261102"),
        stored=sample.stored(),
        bucket="b",
        evidence=[],
        reported_at=samples.at(2000),
        code=samples.CODE,
        summarize=summarize,
    )
    assert valid(json.loads(json.dumps(report)))["verdict"] != Verdict.PASS


@pytest.mark.parametrize(
    ("document", "run_id"),
    [
        ({}, r"20261102-[0-9a-f]{6}"),
        ({"execution": {"id": "arn:x", "start_time": "soon"}}, r"20261102-[0-9a-f]{6}"),
        ({"execution": {"id": 5, "start_time": samples.STARTED}}, r"20261102-[0-9a-f]{6}"),
        ({"plan": {"run_id": "20251231-abcdef"}}, "20251231-abcdef"),
    ],
)
def test_every_run_has_an_identity(document: Document, run_id: str) -> None:
    identity = identify(document, today="20261102")
    assert identity == identify(copy.deepcopy(document), today="20261102")
    assert re.fullmatch(run_id, identity.run_id)
    assert identity.json_key == f"unknown/{identity.run_id[:4]}/{identity.run_id}/report.json"


def test_the_keys_of_the_records_are_those_that_the_steps_told() -> None:
    document = samples.unchecked().whole()
    assert record_keys(document) == [
        f"{samples.KEY}/checks/verify.json",
        f"{samples.KEY}/checks/unit-000.json",
    ]
    assert record_keys({"verify": {"checks": None}, "verify_units": ["x", {"key": 3}]}) == []


@pytest.mark.parametrize(
    ("name", "released"),
    [("pass", True), ("fail", True), ("fail-left-behind", False), ("skipped", True)],
)
def test_the_claim_is_kept_while_something_is_left(name: str, released: bool) -> None:
    sample = samples.SAMPLES[name]()
    assert may_release(sample.report(), sample.document) is released


def test_long_texts_are_cut() -> None:
    sample = samples.passed()
    sample.verify[0] = samples.check(
        "login",
        CheckClass.ACCESS,
        "copy",
        status=Status.FAILED,
        observed="x" * 100_000,
    )
    report = valid(sample.report())
    assert len(report["checks"][0]["observed"]) == 2000
    assert len(report["cause"]) <= 2000


def test_the_digest_of_the_code_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "__pycache__").mkdir()
    before = digest(tmp_path)
    (tmp_path / "__pycache__/a.pyc").write_text("compiled")
    assert digest(tmp_path) == before
    (tmp_path / "a.sql").write_text("1")
    assert digest(tmp_path) != before


KEYS = sorted({*samples.passed().whole(), "error"})
HOLES: list[Any] = [None, {}, [], "?", 0, {"done": True}, {"Error": "TryAgain", "Cause": "{"}]


@given(
    kept=some.sets(some.sampled_from(KEYS)),
    broken=some.dictionaries(some.sampled_from(KEYS), some.sampled_from(HOLES), max_size=3),
    inner=some.sets(some.tuples(some.sampled_from(KEYS), some.integers(0, 12)), max_size=4),
    stored=some.sets(some.sampled_from(sorted(samples.passed().stored()))),
)
@settings(max_examples=150, deadline=None)
def test_any_part_of_a_document_makes_a_valid_report_and_only_the_whole_one_a_pass(
    kept: set[str],
    broken: dict[str, Any],
    inner: set[tuple[str, int]],
    stored: set[str],
) -> None:
    sample = samples.passed()
    whole = {**sample.whole(), "error": {"Error": "NotOurs", "Cause": "hands off"}}
    document = {key: copy.deepcopy(value) for key, value in whole.items() if key in kept} | broken
    for key, index in inner:
        value = document.get(key)
        if isinstance(value, dict) and len(value) > index:
            value.pop(list(value)[index])
    there = {key: records for key, records in sample.stored().items() if key in stored}
    report = valid(samples.report_of(document, there))
    needed = {"plan", "witness", "exercise", "verify", "verify_units", "teardown", "drill"}
    whole_again = needed <= kept - broken.keys() and stored == set(sample.stored())
    if not whole_again or document.get("error") is not None:
        assert report["verdict"] != Verdict.PASS


def test_build_needs_nothing_but_a_decision() -> None:
    report = build(
        {},
        run_id="20261102-000000",
        key="unknown/2026/20261102-000000",
        decision=decide({}, []),
        checks=[],
        summary=Summary(),
        bucket="b",
        evidence=[],
        reported_at=samples.STARTED,
        code=samples.CODE,
    )
    assert valid(report)["verdict"] == Verdict.INCONCLUSIVE
