"""The notification: subject, text, and the attributes that subscriptions are filtered by. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from functions.model import CheckClass, Status, Verdict
from functions.report.vocabulary import RESTORE, Vocabulary
from functions.report.words import (
    STATUS_WORDS,
    Report,
    class_title,
    count,
    duration,
    instant,
    sentence,
)

_SUBJECT_LIMIT: Final = 99
"""SNS takes fewer than 100 characters, ASCII only, without line breaks."""

_MOST_CHECKS: Final = 20
_CHECK_LIMIT: Final = 400

_CONSOLES: Final = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What is published: `attributes` holds severity, verdict and drill.

    `steps` is what to do, which the body says too: a chat shows it apart.
    """

    subject: str
    body: str
    attributes: dict[str, str]
    steps: tuple[str, ...] = ()


def message(report: Report, words: Vocabulary = RESTORE) -> Message | None:
    """The message about a run; None for one that was skipped, which is nobody's concern.

    The first line of the body says what happened, to what, and what to do.
    """
    if report["verdict"] == Verdict.SKIPPED:
        return None
    return Message(
        subject=_subject(report, words),
        body="\n".join(_lines(report, words)),
        attributes={
            "severity": severity(report),
            "verdict": report["verdict"],
            "drill": report["drill"]["name"],
        },
        steps=tuple(_one_line(step) for step in report["remedy"]),
    )


def severity(report: Report) -> str:
    """How urgent it is: the drill's own severity for FAIL and INCONCLUSIVE, low for REFUSED."""
    match Verdict(report["verdict"]):
        case Verdict.PASS | Verdict.SKIPPED:
            return "info"
        case Verdict.REFUSED:
            return "low"
        case Verdict.FAIL | Verdict.INCONCLUSIVE:
            return str(report["drill"]["severity"])


def _subject(report: Report, words: Vocabulary) -> str:
    told = f"{report['verdict']}: {words.noun} {report['drill']['name']}"
    if report["source"]["name"]:
        told += f" of {report['source']['name']}"
    printable = "".join(c if " " <= c <= "~" else "?" for c in told)
    return (
        printable if len(printable) <= _SUBJECT_LIMIT else printable[: _SUBJECT_LIMIT - 3] + "..."
    )


def _lines(report: Report, words: Vocabulary) -> Iterator[str]:
    yield _first_line(report)
    yield ""
    for number, step in enumerate(report["remedy"], start=1):
        yield f"{number}. {_one_line(step)}"
    if report["remedy"]:
        yield ""
    drill = report["drill"]
    yield f"Drill:     {drill['name']} ({drill['kind']}), run {report['run']['id']}"
    yield f"Source:    {_one_line(report['source']['name']) or 'not known'}"
    if report["restore"]["time"]:
        yield f"As of:     {instant(report['restore']['time'])}"
    yield f"Began:     {instant(report['run']['started_at'])}, {_started_by(report)}"
    yield f"Cause:     {_one_line(report['cause'])}"
    recovery = f"{words.recovery_acronym or words.recovery}:"
    yield f"{recovery:<10} {_objective(report['objectives']['rto'])}"
    if words.risks_data:
        yield f"RPO:       {_objective(report['objectives']['rpo'])}"
    tally = report["tally"]
    yield (
        f"Checks:    {tally['passed']:,} passed, {tally['failed']:,} failed,"
        f" {tally['not_run']:,} not run"
    )
    yield from _wrong_checks(report, words)
    yield ""
    yield from _links(report)


def _first_line(report: Report) -> str:
    """What happened, to what, why where that is not said yet, and what to do."""
    why = [report["cause"]] if report["error"] or report["verdict"] == Verdict.REFUSED else []
    told = [report["headline"], *(sentence(cause) for cause in why), report["action"]]
    return _one_line(f"{report['verdict']}: {' '.join(told)}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _started_by(report: Report) -> str:
    started = report["started_by"]
    if started["how"] == "schedule":
        return f"by the schedule for {instant(started['scheduled_time'])}"
    return {"hand": "by hand"}.get(started["how"], "by whom is not known")


def _objective(objective: dict[str, Any]) -> str:
    met = {True: "met", False: "MISSED", None: "not judged"}[objective["met"]]
    measured = duration(objective["measured_seconds"])
    allowed = objective["objective_seconds"]
    return f"{measured}, {duration(allowed)} allowed: {met}" if allowed is not None else measured


def _wrong_checks(report: Report, words: Vocabulary) -> Iterator[str]:
    for status in (Status.FAILED, Status.NOT_RUN):
        wrong = [c for c in report["checks"] if c["status"] == status and not c["by_configuration"]]
        if wrong:
            yield ""
            yield f"{STATUS_WORDS[status].capitalize()}:"
            yield from (_check(check, words) for check in wrong[:_MOST_CHECKS])
        if len(wrong) > _MOST_CHECKS:
            yield f"- and {count(len(wrong) - _MOST_CHECKS, 'more check')}: see the report"


def _check(check: dict[str, Any], words: Vocabulary) -> str:
    title = class_title(CheckClass(check["class"]), words)
    told = (
        f"- {title}: {check['name']} of {check['target']}:"
        f" expected {check['expected']}, observed {check['observed']}"
    )
    if check["detail"]:
        told += f" ({check['detail']})"
    line = _one_line(told)
    return line if len(line) <= _CHECK_LIMIT else f"{line[: _CHECK_LIMIT - 1]}…"


def _links(report: Report) -> Iterator[str]:
    bucket, key = report["evidence"]["bucket"], report["run"]["key"]
    yield f"Report:    s3://{bucket}/{key}/report.html"
    yield f"Data:      s3://{bucket}/{key}/report.json"
    execution = report["run"]["execution"]
    if execution:
        yield f"Execution: {execution}"
        console = console_link(execution)
        if console:
            yield f"Console:   {console}"


def console_link(execution: str) -> str:
    """The page of an execution in the AWS console; empty for what is not an execution's ARN.

    >>> console_link("arn:aws:states:sa-east-1:1:execution:drill-x:a")
    'https://sa-east-1.console.aws.amazon.com/states/home?region=sa-east-1#/v2/executions/details/\
arn:aws:states:sa-east-1:1:execution:drill-x:a'
    >>> console_link("nonsense")
    ''
    """
    pieces = execution.split(":")
    if len(pieces) < 8 or pieces[0] != "arn" or pieces[1] not in _CONSOLES:
        return ""
    region = pieces[3]
    return (
        f"https://{region}.{_CONSOLES[pieces[1]]}/states/home?region={region}"
        f"#/v2/executions/details/{execution}"
    )
