"""The report of a run, as docs/report.schema.json describes it. Pure, whatever is missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from functions import clock
from functions.model import Check, CheckClass, Document, Level, Status, Summary, tally
from functions.report.vocabulary import RESTORE, Vocabulary
from functions.report.words import Report, action, headline
from functions.verdict import Decision

SCHEMA_VERSION: Final = 1

_LONGEST = 2000
_STEPS: Final = (
    ("plan", "Plan"),
    ("witness", "Witness"),
    ("exercise", "Exercise"),
    ("verify", "Verify"),
)


def build(
    document: Document,
    *,
    run_id: str,
    key: str,
    decision: Decision,
    checks: Sequence[Check],
    summary: Summary,
    bucket: str,
    evidence: Iterable[str],
    reported_at: str,
    code: Mapping[str, str],
    words: Vocabulary = RESTORE,
) -> Report:
    """The report of a run: verdict, what was restored from when, how long it took, every check.

    Whatever the document lacks is null, empty or "unknown" in the report, never an error.
    `evidence` are the keys in `bucket`; `code` says which code ran (`version`, `sha256`).
    """
    drill = part(document, "drill")
    execution = part(document, "execution")
    report: Report = {
        "report_version": SCHEMA_VERSION,
        "code": dict(code),
        "verdict": decision.verdict.value,
        "headline": "",
        "cause": shorten(decision.cause),
        "action": "",
        "drill": {
            "name": text(drill.get("name")) or "unknown",
            "kind": text(drill.get("kind")) or "unknown",
            "severity": "critical"
            if summary.emergency
            else text(drill.get("severity")) or "medium",
        },
        "run": {
            "id": run_id,
            "key": key,
            "execution": text(execution.get("id")),
            "started_at": _time(execution.get("start_time")),
            "reported_at": reported_at,
            "seconds": _seconds(_time(execution.get("start_time")), reported_at),
        },
        "started_by": _started_by(document.get("input")),
        "source": {
            "name": summary.source_name
            or text(drill.get("secret") or drill.get("bucket") or drill.get("cluster")),
            "arn": summary.source_arn,
            "version": summary.source_version,
        },
        "restore": {
            "from": summary.restore_from or text(part(drill, "restore").get("from")),
            "asked": summary.restore_asked or text(part(drill, "restore").get("at")),
            "time": summary.restore_time,
            "required_level": _level(
                part(part(document, "plan"), "restore").get("required_level")
                or drill.get("required_level")
            ),
            **_levels(checks),
        },
        "facts": [asdict(fact) for fact in summary.facts],
        "objectives": _objectives(drill, summary),
        "phases": [
            {**asdict(phase), "seconds": round(phase.seconds, 3)} for phase in summary.phases
        ],
        "tally": {
            **tally(checks),
            "by_configuration": sum(
                1 for c in checks if c.status is Status.NOT_RUN and c.by_configuration
            ),
        },
        "classes": {
            each.value: tally(c for c in checks if c.check_class is each) for each in CheckClass
        },
        "checks": [_record(check) for check in checks],
        "resources": {
            "created": [asdict(resource) for resource in summary.created],
            "deleted": [asdict(resource) for resource in summary.deleted],
            "leftovers": [asdict(resource) for resource in summary.leftovers],
            "proven": summary.proven,
        },
        "remedy": [shorten(step) for step in summary.remedy],
        "error": _error(document),
        "evidence": {"bucket": bucket, "keys": sorted(set(evidence))},
    }
    report["headline"] = summary.emergency or headline(report, words)
    report["action"] = action(report, words)
    return report


def part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What a step or the line wrote under a key; empty where there is nothing that can be read.

    >>> part({"plan": None}, "plan"), part({"plan": {"done": True}}, "plan")
    ({}, {'done': True})
    """
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def text(value: object) -> str:
    """A value as a short text; empty for what is not one."""
    return shorten(value) if isinstance(value, str) else ""


def shorten(value: str, longest: int = _LONGEST) -> str:
    """A text of at most so many characters.

    >>> shorten("abcdef", 4)
    'abc…'
    """
    return value if len(value) <= longest else f"{value[: longest - 1]}…"


def _time(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return clock.render(clock.parse(value))
    except ValueError:
        return None


def _seconds(start: str | None, end: str | None) -> float | None:
    passed = clock.seconds_between(start, end)
    return None if passed is None else round(passed, 3)


def _started_by(given: object) -> dict[str, Any]:
    """The schedule where the input carries a scheduled time, else a hand; unknown without input.

    >>> _started_by({"scheduled_time": "2026-11-02T05:00:00Z"})
    {'how': 'schedule', 'scheduled_time': '2026-11-02T05:00:00Z', 'overrides': {}}
    >>> _started_by({"hold_minutes": 10})
    {'how': 'hand', 'scheduled_time': None, 'overrides': {'hold_minutes': '10'}}
    """
    if not isinstance(given, Mapping):
        return {"how": "unknown", "scheduled_time": None, "overrides": {}}
    scheduled = text(given.get("scheduled_time")) or None
    return {
        "how": "schedule" if scheduled else "hand",
        "scheduled_time": scheduled,
        "overrides": {
            shorten(str(name), 100): shorten(
                value if isinstance(value, str) else json.dumps(value, default=str), 200
            )
            for name, value in list(given.items())[:20]
            if name != "scheduled_time"
        },
    }


def _level(value: object) -> str | None:
    return value if isinstance(value, str) and value in list(Level) else None


def _levels(checks: Iterable[Check]) -> dict[str, Any]:
    """The best level at which each table was really compared; `none` where no comparison ran."""
    order = list(Level)
    best: dict[str, Level] = {}
    for check in checks:
        if check.check_class is not CheckClass.CONTENT or check.level is None:
            continue
        reached = Level.NONE if check.status is Status.NOT_RUN else check.level
        known = best.get(check.target, Level.NONE)
        best[check.target] = min(known, reached, key=order.index)
    return {
        "levels": {level.value: sum(1 for v in best.values() if v is level) for level in Level},
        "tables": [
            {"name": shorten(name, 300), "level": level.value}
            for name, level in sorted(best.items())
        ],
    }


def _objectives(drill: Mapping[str, Any], summary: Summary) -> dict[str, dict[str, Any]]:
    objectives = part(drill, "objectives")
    return {
        "rto": _objective(objectives.get("rto_seconds"), summary.rto_seconds),
        "rpo": _objective(objectives.get("rpo_seconds"), summary.rpo_seconds),
    }


def _objective(allowed: object, measured: float | None) -> dict[str, Any]:
    """What was allowed, what was measured, and whether it was met; null where either is missing.

    >>> _objective(1800, 859.75)
    {'objective_seconds': 1800, 'measured_seconds': 859.75, 'met': True}
    """
    limit = allowed if isinstance(allowed, (int, float)) and not isinstance(allowed, bool) else None
    return {
        "objective_seconds": limit,
        "measured_seconds": None if measured is None else round(measured, 3),
        "met": None if limit is None or measured is None else measured <= limit,
    }


def _record(check: Check) -> dict[str, Any]:
    record = check.to_document()
    for name in ("name", "target", "expected", "observed", "detail"):
        record[name] = shorten(str(record[name]))
    return record


def _error(document: Document) -> dict[str, str] | None:
    """The error that ended the line early, with the step that raised it; teardown's own comes last.

    >>> _error({"plan": {"done": True}, "error": {"Error": "NotOurs", "Cause": "hands off"}})
    {'step': 'Witness', 'name': 'NotOurs', 'message': 'hands off'}
    """
    raised = part(document, "error")
    if raised:
        return _told(_raising_step(document), raised)
    teardown = part(document, "teardown_error")
    return _told("Teardown", teardown) if teardown else None


def _told(step: str, raised: Mapping[str, Any]) -> dict[str, str]:
    name = text(raised.get("Error")) or "an unnamed error"
    return {"step": step, "name": shorten(name, 200), "message": _message(raised.get("Cause"))}


def _message(cause: object) -> str:
    """What an error says, without the traceback that the cause of a Lambda function carries."""
    if not isinstance(cause, str):
        return ""
    try:
        parsed = json.loads(cause)
    except ValueError:
        return shorten(cause)
    if isinstance(parsed, Mapping) and isinstance(parsed.get("errorMessage"), str):
        return shorten(parsed["errorMessage"])
    return shorten(cause)


def _raising_step(document: Document) -> str:
    """The first step that is not done: the line goes on to the next one only after that."""
    plan = part(document, "plan")
    if plan.get("outcome") == "clear":
        dead = part(part(plan, "dead"), "teardown")
        return "Plan" if dead.get("done") else "Clear"
    for key, name in _STEPS:
        if not part(document, key).get("done"):
            return name
    return "VerifyUnits"
