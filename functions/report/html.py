"""The report as one self-contained HTML page: no script, nothing fetched, light, dark or paper.

Pure but for its template, which is read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from functions.model import CheckClass, Status, Verdict
from functions.report.markup import Markup, fill, join
from functions.report.timeline import timeline
from functions.report.vocabulary import RESTORE, Vocabulary
from functions.report.words import (
    LEVEL_WORDS,
    STATUS_WORDS,
    VERDICT_WORDS,
    Report,
    class_title,
    count,
    duration,
    instant,
    sentence,
    title,
)

_TEMPLATE: Final = Path(__file__).with_name("page.html")

_MOST_PASSED: Final = 500
"""Passed checks shown of a class: the rest is counted here, and listed in report.json."""

_STATUS_ORDER: Final = (Status.FAILED, Status.NOT_RUN, Status.PASSED)


def page(report: Report, words: Vocabulary = RESTORE) -> str:
    """The page for a report that docs/report.schema.json describes."""
    verdict = Verdict(report["verdict"])
    drill = report["drill"]["name"]
    return fill(
        _template(),
        title=f"{verdict.value}: {drill}, {report['run']['id']}",
        verdict=verdict.value,
        icon=_icon(_VERDICT_ICONS[verdict]),
        drill=drill,
        run=report["run"]["id"],
        day=instant(report["run"]["started_at"] or report["run"]["reported_at"], seconds=False),
        headline=report["headline"],
        cause=_cause(report),
        action=report["action"],
        remedy=_remedy(report),
        noun=words.noun.capitalize(),
        tiles=join(_tiles(report, words)),
        sections=join(_sections(report, words)),
        code_version=report["code"]["version"],
    )


@cache
def _template() -> str:
    return _TEMPLATE.read_text(encoding="utf-8")


def _cause(report: Report) -> Markup:
    if report["verdict"] == Verdict.PASS:
        return Markup()
    return fill('<p class="cause">$cause</p>\n', cause=sentence(report["cause"]))


def _remedy(report: Report) -> Markup:
    """What to do, step by step: commands stand on lines of their own, to be copied."""
    steps = join(fill("<li>$step</li>\n", step=_step(step)) for step in report["remedy"])
    return fill('<ol class="remedy">\n$steps</ol>\n', steps=steps) if steps else Markup()


def _step(step: str) -> Markup:
    words, found, command = step.partition(": aws ")
    if not found:
        return fill("$words", words=step)
    return fill("$words:<pre>aws $command</pre>", words=words, command=command)


def _tiles(report: Report, words: Vocabulary) -> Iterator[Markup]:
    objectives = report["objectives"]
    yield _objective_tile(words.recovery_name, objectives["rto"])
    if words.risks_data:
        yield _objective_tile("Data at risk (RPO)", objectives["rpo"])
    yield _checks_tile(report)
    yield _removal_tile(report, words)


def _objective_tile(name: str, objective: dict[str, Any]) -> Markup:
    measured, allowed = objective["measured_seconds"], objective["objective_seconds"]
    meter = Markup()
    if measured is not None and allowed:
        share = min(100.0, 100 * measured / allowed)
        meter = fill(
            '<span class="meter $tone"><i style="width:$share%"></i></span>',
            tone=_tone(objective["met"]),
            share=f"{share:.1f}",
        )
    note = "no objective is set" if allowed is None else f"{duration(allowed)} allowed"
    return _tile(name, duration(measured), note, tone=_tone(objective["met"]), meter=meter)


def _tone(met: bool | None) -> str:
    return {True: "passed", False: "failed", None: "off"}[met]


def _checks_tile(report: Report) -> Markup:
    tally = report["tally"]
    total = sum(tally[status.value] for status in Status)
    open_checks = tally["not_run"] - tally["by_configuration"]
    tone = "failed" if tally["failed"] else "not_run" if open_checks else "passed"
    if not total:
        return _tile("Checks", "none", "nothing was checked", tone="off")
    note = f"{tally['failed']:,} failed, {tally['not_run']:,} not run"
    return _tile("Checks", f"{tally['passed']:,} of {total:,} passed", note, tone=tone)


def _removal_tile(report: Report, words: Vocabulary) -> Markup:
    resources = report["resources"]
    left, gone = len(resources["leftovers"]), len(resources["deleted"])
    if left:
        return _tile(words.removal, words.left.format(count=left), words.left_note, tone="failed")
    if resources["proven"]:
        note = words.removed_note.format(deleted=count(gone, "resource"))
        return _tile(words.removal, words.removed, note, tone="passed")
    if report["classes"][CheckClass.TEARDOWN]["failed"]:
        return _tile(words.removal, "not proven", "look for leftovers", tone="failed")
    return _tile(words.removal, "none needed", "nothing was created", tone="off")


def _tile(name: str, value: str, note: str, *, tone: str, meter: str = Markup()) -> Markup:
    return fill(_TILE, name=name, value=value, note=note, tone=tone, meter=meter)


def _sections(report: Report, words: Vocabulary) -> Iterator[Markup]:
    yield _timeline_section(report, words)
    yield _checks_section(report, words)
    yield _origin_section(report, words)
    if words.risks_data:
        yield _resources_section(report)
    yield _evidence_section(report)
    yield _glossary_section(words)


def _timeline_section(report: Report, words: Vocabulary) -> Markup:
    phases = report["phases"]
    if not phases:
        return Markup()
    rows = join(
        fill(
            _PHASE_ROW,
            name=title(phase["name"]),
            start=_time_of_day(phase["started_at"]),
            end=_time_of_day(phase["ended_at"]),
            length=duration(phase["seconds"]),
            counted="yes" if phase["in_rto"] else "no",
            recovery=words.recovery.lower(),
        )
        for phase in phases
    )
    return _card(
        "How long it took",
        words.recovery_excludes,
        fill(_PICTURE, timeline=timeline(report, words.recovery), recovery=words.recovery.lower()),
        fill(_PHASES, rows=rows, recovery=words.recovery.lower()),
    )


def _time_of_day(text: str) -> str:
    """The time of an instant without its day: the day stands at the head of the page."""
    return instant(text).rpartition(", ")[2].removesuffix(" UTC")


def _checks_section(report: Report, words: Vocabulary) -> Markup:
    groups = [
        (each, [c for c in report["checks"] if c["class"] == each.value]) for each in CheckClass
    ]
    filled = [(each, checks) for each, checks in groups if checks]
    if not filled:
        return _card("What was checked", "Nothing: the run ended before a check could run.")
    filled.sort(key=lambda group: _first_status(group[1]))
    return _card(
        "What was checked",
        "What failed comes first, then what could not be run, then what passed.",
        join(_group(each, checks, words) for each, checks in filled),
    )


def _first_status(checks: Iterable[dict[str, Any]]) -> int:
    return min(_STATUS_ORDER.index(Status(check["status"])) for check in checks)


def _group(each: CheckClass, checks: Sequence[dict[str, Any]], words: Vocabulary) -> Markup:
    ordered = sorted(checks, key=lambda c: _STATUS_ORDER.index(Status(c["status"])))
    passed = [c for c in ordered if c["status"] == Status.PASSED]
    shown = [c for c in ordered if c["status"] != Status.PASSED] + passed[:_MOST_PASSED]
    unshown = len(ordered) - len(shown)
    more = f"And {unshown:,} more that passed: they are listed in report.json." if unshown else ""
    return fill(
        _GROUP,
        title=class_title(each, words),
        question=words.questions.get(each, ""),
        counts=join(_counts(checks)),
        rows=join(_check_row(check) for check in shown),
        more=fill('<p class="muted">$more</p>', more=more) if more else "",
    )


def _counts(checks: Sequence[dict[str, Any]]) -> Iterator[Markup]:
    for status in _STATUS_ORDER:
        number = sum(1 for c in checks if c["status"] == status)
        if number:
            told = f"{number:,} {STATUS_WORDS[status]}"
            yield _status(status, told, off=_all_off(checks, status))


def _all_off(checks: Iterable[dict[str, Any]], status: Status) -> bool:
    return all(c["by_configuration"] for c in checks if c["status"] == status)


def _check_row(check: dict[str, Any]) -> Markup:
    status = Status(check["status"])
    off = status is Status.NOT_RUN and check["by_configuration"]
    notes = [check["detail"]] if check["detail"] else []
    if off:
        notes.append("Not counted against the drill.")
    return fill(
        _CHECK_ROW,
        row="off" if off else status.value,
        status=_status(status, STATUS_WORDS[status], off=off),
        name=title(check["name"]),
        target=check["target"],
        level=f" ({check['level']})" if check["level"] else "",
        expected=check["expected"],
        observed=check["observed"],
        detail=join(fill('<span class="detail">$note</span>', note=note) for note in notes),
        seconds=duration(check["seconds"]) if check["seconds"] else "",
    )


def _status(status: Status, text: str, *, off: bool = False) -> Markup:
    kind = "off" if off else status.value
    return fill(
        '<span class="status $kind">$icon$text</span>',
        kind=kind,
        icon=_icon(_STATUS_ICONS[status]),
        text=text,
    )


def _origin_section(report: Report, words: Vocabulary) -> Markup:
    source, restore, run = report["source"], report["restore"], report["run"]
    facts = [
        ("Source", _with_detail(source["name"] or "not known", source["arn"])),
        ("Engine version" if words.risks_data else "Engine", source["version"] or "not known"),
        *(_of_restore(restore) if words.risks_data else ()),
        *((fact["name"], fact["value"]) for fact in report["facts"]),
        ("Started by", _started_by(report)),
        ("Began", instant(run["started_at"])),
        ("Reported", _with_detail(instant(run["reported_at"]), _whole(run["seconds"]))),
    ]
    if report["error"]:
        error = report["error"]
        told = _with_detail(f"{error['name']} in {error['step']}", error["message"])
        facts.insert(0, ("Stopped by", told))
    happened = words.happened if report["phases"] else words.not_happened
    return _card(happened, "", _facts(facts))


def _of_restore(restore: dict[str, Any]) -> Iterator[tuple[str, Markup | str]]:
    yield "Kind of backup", title(restore["from"]) or "not known"
    yield "Asked for", _asked(restore["asked"])
    yield "Restore point", instant(restore["time"])
    yield "How closely compared", _levels(restore)


def _asked(asked: str) -> str:
    return {
        "latest": "the latest moment",
        "oldest": "the oldest moment that can be restored",
        "random": "a random moment of the restorable window",
        "": "not known",
    }.get(asked) or instant(asked)


def _whole(seconds: float | None) -> str:
    return "" if seconds is None else f"the whole drill took {duration(seconds)}"


def _levels(restore: dict[str, Any]) -> Markup | str:
    told = [
        f"{count(number, 'table')}, {level}: {LEVEL_WORDS[level]}"
        for level, number in restore["levels"].items()
        if number
    ]
    if not told:
        return "no table was compared"
    required = restore["required_level"]
    note = [f"at least {required} is required"] if required else []
    lines = [fill("$line", line=told[0])]
    lines += [fill('<span class="detail">$line</span>', line=line) for line in told[1:] + note]
    return join(lines)


def _started_by(report: Report) -> Markup | str:
    started = report["started_by"]
    overrides = ", ".join(f"{name} = {value}" for name, value in started["overrides"].items())
    told = f"with {overrides}" if overrides else ""
    match started["how"]:
        case "schedule":
            return _with_detail(f"the schedule, for {instant(started['scheduled_time'])}", told)
        case "hand":
            who = "CloudTrail names the caller of StartExecution"
            return _with_detail("hand", f"{told}; {who}" if told else who)
        case _:
            return "not known"


def _resources_section(report: Report) -> Markup:
    resources = report["resources"]
    left = {_identity(r) for r in resources["leftovers"]}
    gone = {_identity(r) for r in resources["deleted"]}
    known = {
        _identity(r): r
        for r in (*resources["created"], *resources["deleted"], *resources["leftovers"])
    }
    if not known:
        unproven = report["classes"][CheckClass.TEARDOWN]["failed"]
        return _card(
            "What was made and removed",
            "It is not known what was made: look for what is tagged with this run."
            if unproven
            else "Nothing was created, so nothing is left.",
        )
    rows = join(
        _resource_row(resource, _fate(identity, left, gone, proven=resources["proven"]))
        for identity, resource in known.items()
    )
    lead = (
        "Looked for afterwards, and proven to be gone."
        if resources["proven"] and not left
        else "It is not proven that everything is gone."
    )
    return _card("What was made and removed", lead, fill(_RESOURCES, rows=rows))


def _identity(resource: dict[str, str]) -> tuple[str, str]:
    return resource["type"], resource["name"]


def _fate(
    identity: tuple[str, str],
    left: set[tuple[str, str]],
    gone: set[tuple[str, str]],
    *,
    proven: bool,
) -> tuple[Status, str]:
    if identity in left:
        return Status.FAILED, "left behind"
    if proven:
        return Status.PASSED, "proven gone"
    if identity in gone:
        return Status.NOT_RUN, "deleted, not proven gone"
    return Status.NOT_RUN, "fate not known"


def _resource_row(resource: dict[str, str], fate: tuple[Status, str]) -> Markup:
    return fill(
        _RESOURCE_ROW,
        fate=_status(*fate),
        type=title(resource["type"]),
        name=resource["name"],
        arn=resource["arn"],
    )


def _evidence_section(report: Report) -> Markup:
    evidence, code = report["evidence"], report["code"]
    folder = f"{report['run']['key']}/"
    files = join(
        fill("<li><code>$name</code></li>", name=key.removeprefix(folder))
        for key in evidence["keys"]
    )
    facts = [
        ("Execution", _code(report["run"]["execution"] or "not known")),
        ("Folder", _code(f"s3://{evidence['bucket']}/{folder}")),
        ("Files", fill('<ul class="files">$files</ul>', files=files)),
        ("Code", _with_detail(f"version {code['version']}", f"SHA-256 {code['sha256']}")),
        ("Report schema", str(report["report_version"])),
    ]
    return _card("Evidence", "What this page says can be read again from these.", _facts(facts))


def _glossary_section(words: Vocabulary) -> Markup:
    facts = [(Verdict.PASS.value, words.proves)]
    facts += [(verdict.value, meaning) for verdict, meaning in VERDICT_WORDS.items()]
    if words.recovery_acronym:
        facts.append((words.recovery_acronym, words.recovery_means))
    if words.risks_data:
        risk = "Data at risk: how far the newest restorable moment was behind when the drill began."
        facts.append(("RPO", risk))
    return _card("What the words mean", "", _facts(facts))


def _card(heading: str, lead: str, *blocks: str) -> Markup:
    return fill(
        _CARD,
        heading=heading,
        lead=fill("<p>$lead</p>\n", lead=lead) if lead else "",
        blocks=join(fill('<div class="block">\n$block</div>\n', block=b) for b in blocks if b),
    )


def _facts(facts: Iterable[tuple[str, str]]) -> Markup:
    rows = join(fill("<dt>$name</dt><dd>$value</dd>\n", name=n, value=v) for n, v in facts)
    return fill('<dl class="facts">\n$rows</dl>\n', rows=rows)


def _with_detail(value: str, detail: str) -> Markup:
    if not detail:
        return fill("$value", value=value)
    return fill('$value<span class="detail">$detail</span>', value=value, detail=detail)


def _code(value: str) -> Markup:
    return fill("<code>$value</code>", value=value)


def _icon(path: str) -> Markup:
    return fill(_ICON, path=path)


_CHECK: Final = "M4 13l5 5L20 6"
_CROSS: Final = "M5 5l14 14M19 5L5 19"
_DASH: Final = "M4 12h16"
_BAN: Final = "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18M5.6 5.6l12.8 12.8"
_QUESTION: Final = "M8 8.5a4 4 0 1 1 5.6 3.7c-1 .5-1.6 1.2-1.6 2.3v.5M12 19.5v.01"
_SKIP: Final = "M5 5l8 7-8 7M14 5l6 7-6 7"

_VERDICT_ICONS: Final = {
    Verdict.PASS: _CHECK,
    Verdict.FAIL: _CROSS,
    Verdict.INCONCLUSIVE: _QUESTION,
    Verdict.REFUSED: _BAN,
    Verdict.SKIPPED: _SKIP,
}
_STATUS_ICONS: Final = {Status.PASSED: _CHECK, Status.FAILED: _CROSS, Status.NOT_RUN: _DASH}

_ICON: Final = """\
<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="3" \
stroke-linecap="round" stroke-linejoin="round"><path d="$path"/></svg>"""

_TILE: Final = """\
<section class="tile"><h2>$name</h2><p class="value $tone">$value</p><p class="note">$note</p>\
$meter</section>
"""

_CARD: Final = """\
<section class="card">
<h2>$heading</h2>
$lead$blocks</section>
"""

_PICTURE: Final = """\
<p class="legend"><span class="inside">part of the $recovery</span>\
<span class="outside">not part of it</span></p>
$timeline
"""

_PHASES: Final = """\
<table class="phases">
<thead><tr><th scope="col">Phase</th><th scope="col">From</th><th scope="col">To</th>\
<th scope="col">Length</th><th scope="col">Part of the $recovery</th></tr></thead>
<tbody>
$rows</tbody>
</table>
"""

_PHASE_ROW: Final = """\
<tr><td>$name</td><td data-label="from">$start</td><td data-label="to">$end</td>\
<td data-label="length">$length</td><td data-label="part of the $recovery:">$counted</td></tr>
"""

_GROUP: Final = """\
<details open>
<summary><h3>$title</h3><span class="muted">$question</span>\
<span class="counts">$counts</span></summary>
<table class="checks">
<thead><tr><th scope="col">Result</th><th scope="col">Check</th><th scope="col">Of</th>\
<th scope="col">Expected</th><th scope="col">Observed</th>\
<th scope="col" class="number">Took</th></tr></thead>
<tbody>
$rows</tbody>
</table>
$more</details>
"""

_CHECK_ROW: Final = """\
<tr class="$row"><td>$status</td><td>$name$level</td><td><code>$target</code></td>\
<td data-label="expected">$expected</td><td data-label="observed">$observed$detail</td>\
<td class="number" data-label="took">$seconds</td></tr>
"""

_RESOURCES: Final = """\
<table>
<thead><tr><th scope="col">What became of it</th><th scope="col">Type</th><th scope="col">Name</th>\
</tr></thead>
<tbody>
$rows</tbody>
</table>
"""

_RESOURCE_ROW: Final = """\
<tr><td>$fate</td><td>$type</td><td><code>$name</code>\
<span class="detail"><code>$arn</code></span></td></tr>
"""
