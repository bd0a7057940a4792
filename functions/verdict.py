"""From the evidence to the verdict. Pure, small, and the most tested file of the project.

No evidence, no PASS: what is missing, unreadable or unfinished counts against the drill.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.model import Check, CheckClass, Document, Status, Summary, Verdict, tally
from functions.report.vocabulary import RESTORE, Vocabulary


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A verdict and the one sentence that says why."""

    verdict: Verdict
    cause: str


def decide(document: Document, checks: Sequence[Check]) -> Decision:
    """The verdict over a run's document and all of its checks, objectives and teardown included.

    A failed check outweighs what could not be checked, so that a FAIL is never softened into an
    INCONCLUSIVE; and neither can become a PASS.

    >>> decide({}, []).verdict
    <Verdict.INCONCLUSIVE: 'INCONCLUSIVE'>
    """
    plan = document.get("plan") or {}
    error = document.get("error")
    if error and error.get("Error") == "Refused" and not plan.get("done"):
        return Decision(verdict=Verdict.REFUSED, cause=_message(error))
    if plan.get("outcome") == "skipped":
        return Decision(verdict=Verdict.SKIPPED, cause=plan.get("reason") or "no reason was given")
    failed = [check for check in checks if check.status is Status.FAILED]
    if failed:
        return Decision(verdict=Verdict.FAIL, cause=_failures(failed))
    doubt = _doubt(plan, error, checks)
    if doubt:
        return Decision(verdict=Verdict.INCONCLUSIVE, cause=_sentence(doubt))
    passed = tally(checks)["passed"]
    return Decision(
        verdict=Verdict.PASS,
        cause=f"All {passed} checks passed, the objectives are met and nothing was left behind.",
    )


def _doubt(
    plan: Mapping[str, Any], error: Mapping[str, str] | None, checks: Sequence[Check]
) -> str:
    """Why the evidence does not suffice for a PASS; empty where it does."""
    if error:
        return f"A step raised {_told(error)}"
    if plan.get("outcome") != "go":
        return "The run has no plan."
    not_run = [c for c in checks if c.status is Status.NOT_RUN and not c.by_configuration]
    if not_run:
        first = not_run[0]
        return (
            f"{_count(not_run, 'check')} could not run, first {first.name} of {first.target}:"
            f" {first.detail or first.observed}"
        )
    required = plan.get("required_classes") or [c.value for c in CheckClass]
    proven = {check.check_class.value for check in checks if check.status is Status.PASSED}
    missing = [name for name in required if name not in proven]
    if missing:
        return f"No check of class {', '.join(missing)} passed: without evidence there is no PASS."
    return ""


def _failures(failed: Sequence[Check]) -> str:
    first = failed[0]
    sentence = (
        f"{first.name} of {first.target}: expected {first.expected}, observed {first.observed}"
    )
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{_count(failed, 'check')} failed: {sentence}{others}."


def _count(checks: Sequence[Check], noun: str) -> str:
    return f"{len(checks)} {noun}{'' if len(checks) == 1 else 's'}"


def _told(error: Mapping[str, str]) -> str:
    """An error by its name, and what it says where it says more.

    >>> _told({"Error": "States.Timeout", "Cause": ""})
    'States.Timeout'
    """
    name, message = error.get("Error", "an error"), _message(error)
    return name if name == message else f"{name}: {message}"


def _sentence(text: str) -> str:
    """The text with a full stop.

    >>> _sentence("The run has no plan."), _sentence("timeout")
    ('The run has no plan.', 'timeout.')
    """
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _message(error: Mapping[str, str]) -> str:
    """What an error of the line says, without the traceback that a Lambda's cause carries.

    >>> _message({"Error": "Refused", "Cause": '{"errorMessage": "no such key", "stackTrace": []}'})
    'no such key'
    >>> _message({"Error": "States.Timeout", "Cause": ""})
    'States.Timeout'
    """
    cause = error.get("Cause") or ""
    try:
        parsed = json.loads(cause)
    except ValueError:
        return cause or error.get("Error", "no cause was given")
    if isinstance(parsed, dict) and parsed.get("errorMessage"):
        return str(parsed["errorMessage"])
    return cause


def gather(
    document: Document,
    stored: Mapping[str, Sequence[Mapping[str, Any]]],
    words: Vocabulary = RESTORE,
) -> list[Check]:
    """The checks that Verify recorded, each set held against what the document says of it.

    `stored` maps an evidence key to the records found there. A set that is absent, or that holds
    other counts than the step reported, is itself a check that was not run; so is a unit of work
    that raised, and one that never answered.
    """
    checks: list[Check] = []
    verify = document.get("verify") or {}
    if verify.get("done"):
        checks += _records(verify.get("checks") or {}, "verify", stored)
    elif document.get("exercise", {}).get("done"):
        checks.append(_missing("verify", words.unverified))
    units = {entry["unit"]: entry for entry in document.get("verify_units") or []}
    for unit in verify.get("units") or []:
        target = f"unit {unit['unit']}"
        entry = units.get(unit["unit"])
        if entry is None:
            checks.append(_missing(target, "the unit never answered"))
        elif "error" in entry:
            checks.append(_missing(target, _told(entry["error"])))
        else:
            checks += _records(entry, target, stored)
    return checks


def _records(
    claimed: Mapping[str, Any],
    target: str,
    stored: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Iterable[Check]:
    key = claimed.get("key", "")
    if key not in stored:
        return [_missing(target, f"no records at {key}")]
    checks = [Check.from_document(record) for record in stored[key]]
    counts = tally(checks)
    if any(counts[status] != claimed.get(status) for status in counts):
        return [
            *checks,
            _missing(target, f"the step reported other counts than the {len(checks)} records hold"),
        ]
    return checks


def _missing(target: str, detail: str) -> Check:
    return Check(
        name="evidence",
        check_class=CheckClass.CONTENT,
        target=target,
        status=Status.NOT_RUN,
        expected="every check recorded",
        observed="nothing",
        detail=detail,
    )


def teardown_check(document: Document, summary: Summary, words: Vocabulary = RESTORE) -> Check:
    """Whether all that the plan named is proven to be gone.

    Nothing was made before Exercise, so a run that never got there has nothing to prove: its check
    passes only if teardown looked and found nothing.
    """
    teardown = document.get("teardown") or {}
    names = ", ".join(r.name for r in summary.leftovers)
    if teardown.get("done") and summary.proven and not summary.leftovers:
        status = Status.PASSED
        observed = words.removal_observed.format(deleted=len(summary.deleted))
    else:
        status, observed = (
            Status.FAILED,
            (words.left_behind.format(names=names) if names else words.not_proven),
        )
    return Check(
        name="torn_down",
        check_class=CheckClass.TEARDOWN,
        target=(document.get("plan") or {}).get("run_id", "the run"),
        status=status,
        expected=words.removal_expected,
        observed=observed,
        detail="" if status is Status.PASSED else words.left_detail,
    )
