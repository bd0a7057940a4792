"""What the report tells of a drill of object versions: measured, proven, left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions import clock, kinds
from functions.model import Check, CheckClass, Status, Verdict, tally
from functions.report.conclude import conclude, identify
from functions.report.html import page
from functions.report.message import message
from functions.s3_versions.plan import Surroundings
from functions.s3_versions.summary import summarize
from functions.s3_versions.vocabulary import VOCABULARY
from tests.unit.documents import check
from tests.unit.test_s3_plan import AROUND, DRILL, EXECUTION, REHEARSAL, SIBLING, SOURCE, make

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs/report.schema.json").read_text())
)
BEGAN = "2026-11-10T05:00:30Z"
REHEARSED = Surroundings(source=SOURCE, place=SIBLING, objects=600)


def at(seconds: float) -> str:
    return clock.after(BEGAN, seconds)


def checks() -> list[Check]:
    return [
        check("brought_back", CheckClass.ACCESS),
        check("versions", CheckClass.RESTORE_POINT),
        check("content", CheckClass.CONTENT),
        check("versioning", CheckClass.PROTECTION),
    ]


def document(drill: dict[str, Any] = DRILL, **changes: Any) -> dict[str, Any]:
    """A healthy run, but for the changes to its parts."""
    rehearsed = drill is REHEARSAL
    made = make(drill, REHEARSED if rehearsed else AROUND)
    found = checks()
    parts: dict[str, Any] = {
        "drill": drill,
        "input": {},
        "execution": EXECUTION,
        "plan": {"done": True, "outcome": "go", "calls": 1, "started_at": BEGAN, **made},
        "witness": {
            "done": True,
            "at": "2026-11-10T05:00:40.999999999",
            "restore_time": "2026-11-10T05:00:40Z",
            "objects": 19,
            "moved": 2 if rehearsed else 0,
            "started_at": at(1),
            "ended_at": at(12),
        },
        "exercise": {
            "done": True,
            "requested_at": at(13),
            "restored_at": at(15.5),
            "guarded": True,
            "object_seconds": 0.25,
            "singles": {"overwritten": 0.25, "undeleted": 0.1},
            "objects": 16,
            "bytes": 19 * 1024**2,
            "objects_per_second": 6.4,
            "bytes_per_second": 8 * 1024**2,
            "caveats": {"multipart": 3},
            "not_back": 0,
            "not_back_first": [],
        },
        "verify": {
            "done": True,
            "started_at": at(16),
            "checks": {"key": "k", **tally(found)},
            "units": [{"unit": 0}] if rehearsed else [],
            "intact": True,
        },
        "teardown": {
            "done": True,
            "proven": True,
            "started_at": at(20),
            "ended_at": at(22),
            "deleted": [{"type": "object versions", "name": "s3://sibling/x (3)", "arn": ""}],
            "leftovers": [],
        },
    }
    if rehearsed:
        parts["verify_units"] = [{"unit": 0, "key": "u", "passed": 1, "failed": 0, "not_run": 0}]
    for name, change in changes.items():
        parts[name] = change if change is None else {**parts.get(name, {}), **change}
    return {name: part for name, part in parts.items() if part is not None}


def concluded(document: dict[str, Any]) -> dict[str, Any]:
    stored = {
        "k": [each.to_document() for each in checks()],
        "u": [check("keys", CheckClass.RESTORE_POINT).to_document()],
    }
    report = conclude(
        document,
        identity=identify(document, today="20261110"),
        stored=stored,
        bucket="evidence",
        evidence=stored,
        reported_at=at(30),
        code={"version": "0.1.0", "sha256": "9f" * 32},
        summarize=summarize,
        words=VOCABULARY,
    )
    SCHEMA.validate(report)
    return report


def test_the_vocabulary_is_found_by_the_name_of_the_kind() -> None:
    assert kinds.vocabulary("s3_versions") is VOCABULARY
    assert kinds.summarizer("s3_versions") is summarize


@pytest.mark.parametrize("drill", [DRILL, REHEARSAL])
def test_a_healthy_run_is_a_proof(drill: dict[str, Any]) -> None:
    report = concluded(document(drill))
    assert report["verdict"] == Verdict.PASS, report["cause"]
    told = message(report, VOCABULARY)
    assert told is not None
    assert "Objects of files came back as of" in told.body
    assert "brought back" in page(report, VOCABULARY)


def test_what_was_measured_is_told() -> None:
    summary = summarize(document())
    assert (summary.rto_seconds, summary.rpo_seconds) == (2.5, 0.0)
    told = {fact.name: fact.value for fact in summary.facts}
    assert told["Speed of the restore"] == "16 objects, 19.0 MiB: 6 objects/s, 8.0 MiB/s"
    assert told["One object, overwritten"] == "back and read in 0.250 s"
    assert told["Caveat of 3 objects"].startswith("uploaded in parts")
    assert [phase.name for phase in summary.phases if phase.in_rto] == ["brought back"]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"exercise": {"object_seconds": 61.0}}, {"rto_of_one_object"}),
        ({"exercise": {"restored_at": "2026-11-10T06:00:44Z"}}, {"rto"}),
    ],
)
def test_each_objective_that_is_missed_fails_by_its_name(
    changes: dict[str, Any], names: set[str]
) -> None:
    objectives = summarize(document(**changes)).objectives
    assert {each.name for each in objectives if each.status is Status.FAILED} == names
    assert concluded(document(**changes))["verdict"] == Verdict.FAIL


@pytest.mark.parametrize(
    ("drill", "changes", "name"),
    [
        (DRILL, {"verify": {"intact": False}}, "rpo"),
        (REHEARSAL, {"verify": {"intact": False}}, "rpo"),
        (DRILL, {"exercise": {"object_seconds": None}}, "rto_of_one_object"),
        (DRILL, {"exercise": {"restored_at": None}}, "rto"),
    ],
)
def test_what_was_not_measured_is_no_proof(
    drill: dict[str, Any], changes: dict[str, Any], name: str
) -> None:
    summary = summarize(document(drill, **changes))
    [found] = [each for each in summary.objectives if each.name == name]
    assert found.status is Status.NOT_RUN
    assert concluded(document(drill, **changes))["verdict"] == Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "units",
    [
        [],
        [{"unit": 0, "key": "u", "passed": 1, "failed": 1, "not_run": 0}],
        [{"unit": 0, "key": "u", "passed": 0, "failed": 0, "not_run": 1}],
        [{"unit": 0, "error": {"Error": "NoAnswer"}}],
    ],
)
def test_a_unit_that_is_not_content_or_not_heard_proves_no_rpo(units: list[Any]) -> None:
    changed = {**document(REHEARSAL), "verify_units": units}
    assert summarize(changed).rpo_seconds is None


@pytest.mark.parametrize(
    "teardown",
    [
        {"proven": False, "leftovers": [{"type": "object versions", "name": "s3://sibling/a"}]},
        None,
    ],
)
def test_what_is_left_behind_fails_the_drill(teardown: dict[str, Any] | None) -> None:
    report = concluded(document(teardown=teardown))
    assert report["verdict"] == Verdict.FAIL
    assert "s3://sibling/" in report["cause"]


def test_a_blocked_run_says_why() -> None:
    made = make(found=Surroundings(source=SOURCE, place=SIBLING))
    blocked = {"blocked": "versioning of sibling is Suspended"}
    changes: dict[str, Any] = {
        "plan": {**made, **blocked},
        "exercise": {"requested_at": None, "restored_at": None, "object_seconds": None},
        "verify": {"intact": False},
    }
    summary = summarize(document(**changes))
    assert summary.created == ()
    assert all(each.status is Status.NOT_RUN for each in summary.objectives)
    assert {each.detail for each in summary.objectives} == {blocked["blocked"]}


@pytest.mark.parametrize("gone", ["witness", "exercise", "verify", "teardown", "plan"])
def test_it_speaks_of_a_document_that_lacks_a_part(gone: str) -> None:
    parts = document(REHEARSAL)
    del parts[gone]
    assert summarize(parts).source_name == "files"
