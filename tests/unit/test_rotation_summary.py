"""The report of a rotation drill: verdict, headline, and no word that is only true of a restore."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from jsonschema import Draft202012Validator

from functions import clock, kinds
from functions.model import Check, CheckClass, Status, Verdict, tally
from functions.report.conclude import conclude, identify
from functions.report.html import page
from functions.report.message import message
from functions.report.words import Report
from functions.secret_rotation import findings
from functions.secret_rotation.summary import summarize
from functions.secret_rotation.vocabulary import VOCABULARY
from tests.unit.documents import check
from tests.unit.test_rotation_plan import AROUND, DRILL, EXECUTION, HELD, LIVE, OWN, SEEN, make

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/report.schema.json").read_text()))
BEGAN = "2026-11-01T05:29:00Z"

ONLY_OF_A_RESTORE = re.compile(
    r"restore|recovery point|\bRPO\b|\bRTO\b|data at risk|came back|snapshot|\bcopy\b|\bcopies\b"
    r"|sweeper|(?<!not )delete it|it made",
    re.IGNORECASE,
)


OF_BACKUPS = "somebody could log in to a copy of each day of the restore window"
"""What the check credential_recoverability expects: it is about restores."""


def at(seconds: float) -> str:
    return clock.after(BEGAN, seconds)


def verify_checks(plan: dict[str, Any]) -> list[Check]:
    """What Verify records of a rotation that is sound."""
    access, rotation = CheckClass.ACCESS, CheckClass.ROTATION
    return [
        *findings.checks(drill=DRILL, plan=plan),
        *(check(name, rotation) for name in ("connection_facts", "rotation_finished")),
        check("version_stages", rotation),
        *(check(name, access) for name in ("source_login", "new_login", "old_credential")),
        check("grants", CheckClass.PRIVILEGES),
        check("tls_required", access),
    ]


class Run:
    """A rehearsal that passed; `document`, `verify` and `unit` (checks) may be changed."""

    def __init__(self, plan: dict[str, Any] | None = None, **drill: Any) -> None:
        made = plan or make()
        self.verify = verify_checks(made)
        self.unit = [check("rollback", CheckClass.ROTATION)]
        self.document: dict[str, Any] = {
            "drill": DRILL | drill,
            "input": {},
            "execution": EXECUTION,
            "plan": {"done": True, "outcome": "go", **made},
            "witness": {
                "done": True,
                "started_at": at(4),
                "ended_at": at(6),
                "version": "r1",
                "username": "backup_drills_rotation",
                "mended": [],
            },
            "exercise": {
                "done": True,
                "started_at": at(7),
                "asked": True,
                "rotated": True,
                "reason": "",
                "interrupted": False,
                "from_version": "r1",
                "requested_at": at(8),
                "created_at": at(9.5),
                "accepted_at": at(11),
                "current_at": at(14.5),
                "rotation_seconds": 6.5,
                "lockout_seconds": 0.25,
                "lockout_open": False,
                "stale_seconds": 3.5,
                "old_session": "lived on",
                "logins": {"old": 60, "new": 40},
            },
            "verify": {"done": True, "started_at": at(16), "sound": True},
            "teardown": {
                "done": True,
                "started_at": at(20),
                "ended_at": at(21),
                "proven": True,
                "standing": made["token"],
                "mended": [],
                "leftovers": [],
            },
        }

    def report(self) -> Report:
        document = deepcopy(self.document)
        key = document["plan"]["key"]
        stored: dict[str, list[dict[str, Any]]] = {}
        if document.get("verify", {}).get("done"):
            sets = {"verify.json": self.verify} | (
                {"unit-000.json": self.unit} if self.unit else {}
            )
            stored = {f"{key}/checks/{n}": [c.to_document() for c in s] for n, s in sets.items()}
            document["verify"] |= {
                "units": [{"unit": 0}] if self.unit else [],
                "checks": {"key": f"{key}/checks/verify.json", **tally(self.verify)},
            }
            unit = {"unit": 0, "key": f"{key}/checks/unit-000.json", **tally(self.unit)}
            document["verify_units"] = [unit] if self.unit else []
        made = conclude(
            document,
            identity=identify(document, today="20261101"),
            stored=stored,
            bucket="evidence",
            evidence=stored,
            reported_at=at(30),
            code={"version": "0.1.0", "sha256": "9f" * 32},
            summarize=kinds.summarizer("secret_rotation"),
            words=kinds.vocabulary("secret_rotation"),
        )
        loaded: Report = json.loads(json.dumps(made))
        return loaded


def unrun(run: Run, reason: str, *names: str) -> None:
    """These checks were not run, for this reason."""
    run.verify = [
        check(c.name, c.check_class, Status.NOT_RUN, detail=reason) if c.name in names else c
        for c in run.verify
    ]
    run.unit = []


def passed() -> Run:
    return Run()


def passed_live() -> Run:
    run = Run(make(**LIVE), **LIVE)
    run.unit = []
    run.document["teardown"]["standing"] = ""
    return run


def too_slow() -> Run:
    run = Run()
    run.document["exercise"] |= {"current_at": at(138), "rotation_seconds": 130.0}
    return run


def locked_out() -> Run:
    run = Run()
    run.document["exercise"]["lockout_seconds"] = 1.001
    return run


def failed() -> Run:
    """The rotation did not finish."""
    run = Run()
    reason = "AWSCURRENT did not move within 600 s"
    run.document["exercise"] |= {
        "rotated": False,
        "reason": reason,
        "accepted_at": None,
        "current_at": None,
        "rotation_seconds": None,
        "stale_seconds": None,
    }
    run.document["verify"]["sound"] = False
    names = ("version_stages", "new_login", "old_credential", "grants")
    unrun(run, "the rotation did not finish", *names)
    run.verify = [
        check(c.name, c.check_class, Status.FAILED, observed=reason)
        if c.name == "rotation_finished"
        else c
        for c in run.verify
    ]
    return run


def interrupted() -> Run:
    """The call that watched died: nothing was measured, all is sound."""
    run = Run()
    keep = ("done", "started_at", "asked", "rotated", "reason", "from_version", "current_at")
    exercise = run.document["exercise"]
    run.document["exercise"] = {key: exercise[key] for key in keep} | {"interrupted": True}
    return run


def blocked() -> Run:
    """The secret names a host that is not the cluster's: no password was sent, nothing rotated."""
    elsewhere = replace(SEEN, credential=replace(HELD, host="elsewhere.example"))
    run = Run(make(replace(AROUND, source=elsewhere)))
    reason = run.document["plan"]["blocked"]
    run.document["witness"] = {"done": True, "version": "", "username": "", "manifest": ""}
    run.document["exercise"] = {
        "done": True,
        "asked": False,
        "rotated": False,
        "reason": reason,
        "interrupted": False,
        "from_version": "",
    }
    unrun(run, f"nothing was rotated: {reason}", *(c.name for c in run.verify[5:]))
    run.verify = [
        check(c.name, c.check_class, Status.FAILED, observed=reason)
        if c.name == "connection_facts"
        else c
        for c in run.verify
    ]
    return run


def raised() -> Run:
    """Exercise could not log in."""
    run = Run()
    run.document["exercise"] = {"done": False}
    del run.document["verify"]
    cause = {"errorType": "TryAgain", "errorMessage": "the database does not answer"}
    run.document["error"] = {"Error": "TryAgain", "Cause": json.dumps(cause)}
    return run


def unverified() -> Run:
    """Verify itself raised."""
    run = Run()
    del run.document["verify"]
    cause = {"errorType": "SecretGone", "errorMessage": "the secret is not there any more"}
    run.document["error"] = {"Error": "SecretGone", "Cause": json.dumps(cause)}
    return run


def not_standing() -> Run:
    """The rotation was sound, and afterwards no version opened the database."""
    run = Run()
    left = {"type": "secret", "name": OWN.name, "arn": OWN.arn}
    run.document["teardown"] |= {"proven": False, "standing": "", "leftovers": [left]}
    return run


SOURCE = "prod/app"
CASES = {
    "passed": (
        passed,
        Verdict.PASS,
        "The rotation of prod/app passed its rehearsal within 6.5 s: all 17 checks passed.",
        "Nothing to do.",
    ),
    "passed live": (
        passed_live,
        Verdict.PASS,
        "The rotation of prod/app passed its live rotation within 6.5 s: all 16 checks passed.",
        "Nothing to do.",
    ),
    "too slow": (
        too_slow,
        Verdict.FAIL,
        "The rotation of prod/app itself is right, but the rotation took 2 min 10 s where 2 min"
        " are allowed.",
        VOCABULARY.do_about_slow,
    ),
    "locked out": (
        locked_out,
        Verdict.FAIL,
        "The rotation of prod/app itself is right, but lockout was 1.001 s where at most 1 s is"
        " allowed.",
        VOCABULARY.do_about_slow,
    ),
    "failed": (
        failed,
        Verdict.FAIL,
        "The rotation of prod/app is not right: 1 check failed (rotation).",
        VOCABULARY.do_about_wrong,
    ),
    "interrupted": (
        interrupted,
        Verdict.INCONCLUSIVE,
        "Nothing is proven about the rotation of prod/app: 2 checks could not run.",
        VOCABULARY.do_about_doubt,
    ),
    "blocked": (
        blocked,
        Verdict.FAIL,
        "The rotation of prod/app is not right: 1 check failed (rotation).",
        VOCABULARY.do_about_wrong,
    ),
    "raised": (
        raised,
        Verdict.INCONCLUSIVE,
        "Nothing is proven about the rotation of prod/app: the step Exercise could not be"
        " finished.",
        VOCABULARY.do_about_doubt,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_verdict_headline_and_what_to_do(name: str) -> None:
    run, verdict, headline, action = CASES[name]
    report = run().report()
    SCHEMA.validate(report)
    assert (report["verdict"], report["headline"], report["action"]) == (verdict, headline, action)


def words_of(report: Report) -> str:
    """All that people are told: the page without its styles, and the message."""
    told = message(report, VOCABULARY)
    assert told is not None
    shown = page(report, VOCABULARY)
    bare = re.sub(r"<style>.*?</style>|<[^>]+>", " ", shown, flags=re.DOTALL)
    return f"{told.subject}\n{told.body}\n{bare}".replace(OF_BACKUPS, "")


@pytest.mark.parametrize("name", CASES)
def test_no_word_is_only_true_of_a_restore(name: str) -> None:
    told = words_of(CASES[name][0]().report())
    assert SOURCE in told
    assert [found.group() for found in ONLY_OF_A_RESTORE.finditer(told)] == []


def test_a_run_whose_verify_raised_is_inconclusive_and_valid() -> None:
    report = unverified().report()
    SCHEMA.validate(report)
    assert report["verdict"] == Verdict.INCONCLUSIVE
    assert report["headline"].endswith("the step Verify could not be finished.")


def test_a_run_whose_verify_raised_speaks_of_no_restore() -> None:
    assert [
        found.group() for found in ONLY_OF_A_RESTORE.finditer(words_of(unverified().report()))
    ] == []


def test_a_secret_that_does_not_stand_fails_the_drill() -> None:
    report = not_standing().report()
    SCHEMA.validate(report)
    assert report["verdict"] == Verdict.FAIL
    assert [left["name"] for left in report["resources"]["leftovers"]] == [OWN.name]


def test_nobody_is_told_to_delete_a_secret_that_does_not_stand() -> None:
    told = words_of(not_standing().report())
    assert "Do not delete it" in told
    assert {found.group() for found in ONLY_OF_A_RESTORE.finditer(told)} <= {"it made"}


def test_the_headline_of_a_secret_that_does_not_stand_says_that() -> None:
    assert "it made" not in words_of(not_standing().report())


def test_rotation_time_is_from_the_request_to_awscurrent() -> None:
    summary = summarize(passed().document)
    inside = [phase for phase in summary.phases if phase.in_rto]
    assert [phase.name for phase in inside] == [
        "new password made",
        "password changed",
        "made current",
    ]
    assert sum(phase.seconds for phase in inside) == summary.rto_seconds == 6.5
    assert (summary.rpo_seconds, summary.restore_time, summary.restores) == (None, None, False)
    assert [phase.name for phase in summary.phases if not phase.in_rto] == [
        "witnessed",
        "verified",
        "left standing",
    ]


def test_what_was_measured_beside_is_told() -> None:
    facts = {fact.name: fact.value for fact in summarize(passed().document).facts}
    assert facts == {
        "Rotated": "drill-rotation-secret-monthly (rehearsal)",
        "Rotation function": "drill-rotate-main",
        "Strategy": "single user",
        "Database user": "backup_drills_rotation",
        "New version": passed().document["plan"]["token"],
        "Neither password worked for": "250 ms, by 60 logins with the old and 40 with the new",
        "The old password died": "3500 ms before AWSCURRENT moved",
        "A session from before": "lived on",
        "Opens the database": f"version {passed().document['plan']['token']}",
    }


def test_what_was_mended_is_told() -> None:
    run = passed()
    run.document["witness"]["mended"] = ["one thing"]
    run.document["teardown"]["mended"] = ["another"]
    facts = {fact.name: fact.value for fact in summarize(run.document).facts}
    assert facts["Mended"] == "one thing; another"


@pytest.mark.parametrize(
    ("measured", "status"), [(1.0, Status.PASSED), (0.0, Status.PASSED), (1.001, Status.FAILED)]
)
def test_a_lockout_is_judged(measured: float, status: Status) -> None:
    run = passed()
    run.document["exercise"]["lockout_seconds"] = measured
    lockout = summarize(run.document).objectives[1]
    assert (lockout.name, lockout.status) == ("lockout", status)
    assert lockout.target == "drill-rotation-secret-monthly"


def test_a_rotation_that_did_not_finish_has_no_lockout_of_its_own() -> None:
    for objective in summarize(failed().document).objectives:
        assert objective.status is Status.NOT_RUN
        assert objective.detail == "AWSCURRENT did not move within 600 s"


def test_what_nobody_watched_is_not_measured() -> None:
    for objective in summarize(interrupted().document).objectives:
        assert objective.status is Status.NOT_RUN
        assert objective.detail == "the call that watched the rotation died"


@pytest.mark.parametrize("plan", [{}, {"outcome": "skipped"}, {"outcome": "wait"}])
def test_without_a_plan_there_is_only_a_name(plan: dict[str, Any]) -> None:
    summary = summarize({"drill": DRILL, "plan": plan})
    assert (summary.source_name, summary.objectives, summary.facts) == (SOURCE, (), ())


@given(some.sets(some.sampled_from(list(passed().document))))
def test_it_never_raises_whatever_is_missing(missing: set[str]) -> None:
    left = {k: v for k, v in passed().document.items() if k not in missing}
    summary = summarize(left)
    if "exercise" in missing:
        assert summary.rto_seconds is None
    if "teardown" in missing:
        assert not summary.proven


@given(some.data())
def test_it_never_raises_on_half_an_answer(data: some.DataObject) -> None:
    half = passed().document
    for name in ("witness", "exercise", "verify", "teardown"):
        keys = data.draw(some.sets(some.sampled_from(list(half[name]))))
        half[name] = {k: v for k, v in half[name].items() if k not in keys}
    half["exercise"].setdefault("logins", {"old": 0, "new": 0})
    assert len(summarize(half).objectives) == 2


def test_every_class_that_a_rotation_uses_has_its_question() -> None:
    assert set(VOCABULARY.questions) >= {CheckClass(name) for name in make()["required_classes"]}
    assert VOCABULARY.proof in VOCABULARY.substance
