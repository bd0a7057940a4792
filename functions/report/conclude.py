"""From what a run left behind to its report. Pure; never stopped by what is missing or broken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from functions import naming, verdict
from functions.model import Check, CheckClass, Document, Status, Summary
from functions.report.build import build, part, text
from functions.report.vocabulary import RESTORE, Vocabulary
from functions.report.words import Report

Records = Mapping[str, Sequence[Mapping[str, Any]]]
"""Check records by the evidence key under which they are stored."""


_STEPS: Final = ("witness", "exercise", "verify")


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Which run of which drill, and its folder in the evidence bucket."""

    drill: str
    run_id: str
    key: str

    @property
    def json_key(self) -> str:
        """Where the report is stored for machines."""
        return f"{self.key}/report.json"

    @property
    def html_key(self) -> str:
        """Where the report is stored for people."""
        return f"{self.key}/report.html"


def identify(document: Document, *, today: str) -> Identity:
    """The run's identity: the plan's, or the same from the execution where there is no plan.

    `today` (yyyymmdd) is used only where the document does not even name its execution.
    """
    drill = text(part(document, "drill").get("name")) or "unknown"
    plan, execution = part(document, "plan"), part(document, "execution")
    run_id = text(plan.get("run_id")) or _run_id(execution, today)
    key = text(plan.get("key")) or naming.evidence_key(drill, run_id)
    return Identity(drill=drill, run_id=run_id, key=key)


def _run_id(execution: Mapping[str, Any], today: str) -> str:
    try:
        return naming.run_id(execution)
    except (AttributeError, KeyError, ValueError):
        digest = hashlib.sha256(repr(sorted(execution.items())).encode()).hexdigest()
        return f"{today}-{digest[:6]}"


def record_keys(document: Document) -> list[str]:
    """The evidence keys under which Verify and its units say that they recorded checks."""
    claims = [part(part(document, "verify"), "checks"), *_units(document)]
    return [key for claim in claims if (key := text(claim.get("key")))]


def conclude(
    document: Document,
    *,
    identity: Identity,
    stored: Records,
    bucket: str,
    evidence: Iterable[str],
    reported_at: str,
    code: Mapping[str, str],
    summarize: Callable[[Document], Summary],
    words: Vocabulary = RESTORE,
) -> Report:
    """The report of a run. What cannot be read is a check that was not run, so never a PASS."""
    readable = _readable(document)
    summary, unsummarized = _summary(readable, summarize)
    checks = [*_recorded(readable, stored, words), *summary.objectives, *unsummarized]
    if part(readable, "plan").get("outcome") == "go":
        checks += _unfinished(readable, summary)
        checks.append(verdict.teardown_check(readable, summary, words))
    return build(
        readable,
        run_id=identity.run_id,
        key=identity.key,
        decision=verdict.decide(readable, checks),
        checks=checks,
        summary=summary,
        bucket=bucket,
        evidence=[*evidence, identity.json_key, identity.html_key],
        reported_at=reported_at,
        code=code,
        words=words,
    )


def may_release(report: Report, document: Document) -> bool:
    """Whether the claim may go: while something is left, the next run finds it by the claim."""
    return part(document, "plan").get("outcome") != "go" or bool(report["resources"]["proven"])


def _readable(document: Document) -> Document:
    """The document without what is not of the shape that the line gives it; an error stays one."""
    shaped = {
        key: value
        for key, value in document.items()
        if isinstance(value, dict) or (key == "verify_units" and isinstance(value, list))
    }
    if document.get("error") is not None and not shaped.get("error"):
        shaped["error"] = {"Error": "Unreadable", "Cause": "a step raised, what it said is lost"}
    return {**shaped, "input": document.get("input")} if "input" in document else shaped


def _units(document: Document) -> list[Mapping[str, Any]]:
    units = document.get("verify_units")
    return [u for u in units if isinstance(u, Mapping)] if isinstance(units, list) else []


def _summary(
    document: Document, summarize: Callable[[Document], Summary]
) -> tuple[Summary, list[Check]]:
    try:
        return summarize(document), []
    except Exception as error:  # a kind may not foresee every hole; a report must be made anyway
        return Summary(), [_unreadable("summary", CheckClass.OBJECTIVE, error)]


def _recorded(document: Document, stored: Records, words: Vocabulary) -> list[Check]:
    try:
        return verdict.gather(document, stored, words)
    except Exception as error:  # a stored record of another shape; a report must be made anyway
        return [_unreadable("evidence", CheckClass.CONTENT, error)]


def _unfinished(document: Document, summary: Summary) -> list[Check]:
    """What a run lacks that went on as if nothing had been wrong: a step, or its restore point."""
    if "error" in document:
        return []
    lacking = [
        _lacking(
            f"the step {name.capitalize()}", CheckClass.CONTENT, "it never said that it is done"
        )
        for name in _STEPS
        if not part(document, name).get("done")
    ]
    if summary.restores and not summary.restore_time:
        lacking.append(
            _lacking("the restore point", CheckClass.RESTORE_POINT, "no step said which it was")
        )
    return lacking


def _lacking(target: str, check_class: CheckClass, detail: str) -> Check:
    return Check(
        name="evidence",
        check_class=check_class,
        target=target,
        status=Status.NOT_RUN,
        expected="known",
        observed="nothing",
        detail=detail,
    )


def _unreadable(name: str, check_class: CheckClass, error: Exception) -> Check:
    return Check(
        name=name,
        check_class=check_class,
        target="the run",
        status=Status.NOT_RUN,
        expected="what the steps wrote can be read",
        observed=f"{type(error).__name__}: {error}",
        detail="what this run left behind is not complete",
    )
