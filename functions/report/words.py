"""How a report speaks: durations, instants, what happened, what to do. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from functions import clock
from functions.model import CheckClass, Status, Verdict
from functions.report.vocabulary import RESTORE, Vocabulary

Report = dict[str, Any]
"""A report as docs/report.schema.json describes it."""

CLASS_TITLES: Final = {
    CheckClass.ACCESS: "Access",
    CheckClass.RESTORE_POINT: "Restore point",
    CheckClass.SCHEMA: "Structure",
    CheckClass.ISOLATION: "Isolation",
    CheckClass.CONTENT: "Content",
    CheckClass.INTEGRITY: "Integrity",
    CheckClass.PROTECTION: "Protection",
    CheckClass.ROTATION: "Rotation",
    CheckClass.PRIVILEGES: "Privileges",
    CheckClass.CUSTOM: "Your own checks",
    CheckClass.OBJECTIVE: "Objectives",
    CheckClass.TEARDOWN: "Removal",
}

STATUS_WORDS: Final = {
    Status.PASSED: "passed",
    Status.FAILED: "failed",
    Status.NOT_RUN: "not run",
}

LEVEL_WORDS: Final = {
    "exact": "every row compared, by digest",
    "bounded": "row count between what was there just before and just after the restore point",
    "counted": "row count only, without a bound from the source",
    "none": "not compared",
}

VERDICT_WORDS: Final = {
    Verdict.FAIL: "A check failed, an objective was missed, or something was left behind.",
    Verdict.INCONCLUSIVE: "A step or a check could not be carried out: nothing is proven.",
    Verdict.REFUSED: "Bad input or configuration, found before anything was created.",
    Verdict.SKIPPED: "The drill did not run, for a good reason. This is no proof.",
}
"""What a verdict means; of a PASS the kind's own vocabulary says it."""

_ACRONYMS: Final = frozenset({"iam", "rpo", "rto", "sql", "tls"})

_LONGEST_SENTENCE: Final = 300


def duration(seconds: float | None) -> str:
    """A length of time for people; the two largest units that matter.

    >>> [duration(s) for s in (None, 0.04, 3.26, 59.97, 75, 600, 3725, 93_600)]
    ['not measured', '0.04 s', '3.3 s', '1 min', '1 min 15 s', '10 min', '1 h 2 min', '1 d 2 h']
    """
    if seconds is None:
        return "not measured"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.1:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for unit, length, smaller, part in (
        ("min", 60, "s", 1),
        ("h", 3600, "min", 60),
        ("d", 86_400, "h", 3600),
    ):
        if whole < length * {"min": 60, "h": 24, "d": 10**9}[unit]:
            large, rest = divmod(whole, length)
            small = rest // part
            return f"{large} {unit} {small} {smaller}" if small else f"{large} {unit}"
    raise AssertionError("the last unit has no end")


def instant(text: str | None, *, seconds: bool = True) -> str:
    """An instant of the document for people; text that is none of ours comes back as it is.

    >>> instant("2026-11-02T05:00:07.250Z"), instant(None)
    ('2 Nov 2026, 05:00:07 UTC', 'not known')
    >>> instant("2026-11-02T05:00:07Z", seconds=False)
    '2 Nov 2026, 05:00 UTC'
    """
    if not text:
        return "not known"
    try:
        moment = clock.parse(text)
    except ValueError:
        return text
    return f"{moment.day} {moment:{'%b %Y, %H:%M:%S' if seconds else '%b %Y, %H:%M'}} UTC"


def title(name: str) -> str:
    """A name of ours as a person reads it.

    >>> title("cluster_available"), title("rto"), title("tls_version")
    ('Cluster available', 'RTO', 'TLS version')
    """
    told = [w.upper() if w in _ACRONYMS else w for w in name.replace("_", " ").split()]
    spaced = " ".join(told)
    return spaced[:1].upper() + spaced[1:]


def class_title(check_class: CheckClass, words: Vocabulary = RESTORE) -> str:
    """What a kind of drill calls a class of checks."""
    return words.titles.get(check_class, CLASS_TITLES[check_class])


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "check"), count(1200, "check")
    ('1 check', '1,200 checks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def headline(report: Report, words: Vocabulary = RESTORE) -> str:
    """What happened, to what, in one sentence that a manager understands."""
    source = report["source"]["name"] or f"the source of {report['drill']['name']}"
    moment = instant(report["restore"]["time"])
    tally = report["tally"]
    match Verdict(report["verdict"]):
        case Verdict.PASS:
            return words.passed.format(
                source=source,
                moment=moment,
                in_time=_in_time(report),
                checks=count(tally["passed"], "check"),
                how=report["restore"]["from"],
            )
        case Verdict.FAIL:
            return _failed(report, source, words)
        case Verdict.INCONCLUSIVE:
            return f"{words.unproven.format(source=source)}: {_doubt(report)}."
        case Verdict.REFUSED:
            return f"The drill of {source} did not begin: its input or configuration was refused."
        case Verdict.SKIPPED:
            return f"The drill of {source} did not run this time, so nothing was tested."


def action(report: Report, words: Vocabulary = RESTORE) -> str:
    """What to do about it, in a sentence or two."""
    match Verdict(report["verdict"]):
        case Verdict.PASS | Verdict.SKIPPED:
            return "Nothing to do."
        case Verdict.REFUSED:
            return "Correct what was refused, then start the drill again. Nothing was created."
        case Verdict.INCONCLUSIVE:
            return " ".join([words.do_about_doubt, *_removal(report, words)])
        case Verdict.FAIL:
            return " ".join([*_after_failure(report, words), *_removal(report, words)])


def failed_classes(report: Report) -> set[CheckClass]:
    """The classes in which a check failed."""
    return {CheckClass(c["class"]) for c in report["checks"] if c["status"] == Status.FAILED}


def _in_time(report: Report) -> str:
    rto = report["objectives"]["rto"]
    if rto["measured_seconds"] is None:
        return ""
    return f" within {duration(rto['measured_seconds'])}"


def _failed(report: Report, source: str, words: Vocabulary) -> str:
    classes = failed_classes(report)
    if classes & set(words.substance):
        failed = count(_number(report, words.substance, Status.FAILED), "check")
        what = ", ".join(class_title(c, words).lower() for c in words.substance if c in classes)
        return words.wrong.format(source=source, failed=failed, what=what)
    came_back = (
        words.right.format(source=source)
        if _substance_is_proven(report, words)
        else f"The drill of {source} failed"
    )
    wrongs = []
    if CheckClass.OBJECTIVE in classes:
        wrongs.append(_missed(report, words))
    if CheckClass.TEARDOWN in classes:
        wrongs.append(words.not_removed)
    return f"{came_back}, but {' and '.join(wrongs) or 'the verdict is FAIL'}."


def _missed(report: Report, words: Vocabulary) -> str:
    objectives = report["objectives"]
    told = [
        f"{what} {duration(part['measured_seconds'])} where {duration(part['objective_seconds'])}"
        f" {'is' if part['objective_seconds'] == 1 else 'are'} allowed"
        for what, part in (
            (words.recovery_took, objectives["rto"]),
            ("the newest restorable moment was behind by", objectives["rpo"]),
        )
        if part["met"] is False
    ]
    if told:
        return " and ".join(told)
    missed = next(
        c
        for c in report["checks"]
        if c["class"] == CheckClass.OBJECTIVE and c["status"] == Status.FAILED
    )
    return f"{missed['name']} was {missed['observed']} where {missed['expected']} is allowed"


def _substance_is_proven(report: Report, words: Vocabulary) -> bool:
    """Whether the thing itself was checked, all checks of it passed, and none is open."""
    return (
        _number(report, [words.proof], Status.PASSED) > 0
        and not report["error"]
        and not any(_open(c) for c in report["checks"])
    )


def _doubt(report: Report) -> str:
    error = report["error"]
    if error:
        return f"the step {error['step']} could not be finished"
    unrun = sum(1 for c in report["checks"] if _open(c))
    return f"{count(unrun, 'check')} could not run" if unrun else "the evidence is not complete"


def sentence(text: str) -> str:
    """The text on one line, not too long, with a full stop.

    >>> sentence("not   found")
    'not found.'
    """
    line = " ".join(text.split())
    if len(line) > _LONGEST_SENTENCE:
        return f"{line[: _LONGEST_SENTENCE - 1]}…"
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."


def _open(check: dict[str, Any]) -> bool:
    return check["status"] == Status.NOT_RUN and not check["by_configuration"]


def _number(report: Report, classes: Sequence[CheckClass], status: Status) -> int:
    return sum(1 for c in report["checks"] if c["class"] in classes and c["status"] == status)


def _after_failure(report: Report, words: Vocabulary) -> list[str]:
    classes = failed_classes(report)
    if classes & set(words.substance):
        return [words.do_about_wrong]
    if CheckClass.OBJECTIVE in classes:
        return [words.do_about_slow]
    return []


def _removal(report: Report, words: Vocabulary) -> list[str]:
    resources = report["resources"]
    if resources["leftovers"]:
        names = ", ".join(r["name"] for r in resources["leftovers"])
        return [words.do_about_left.format(names=names)]
    if CheckClass.TEARDOWN in failed_classes(report):
        return [words.do_about_unproven]
    return []
