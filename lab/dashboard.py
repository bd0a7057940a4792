"""The dashboard as a page: could we restore right now, and when did we last prove it? Pure.

Its layout is that of CloudWatch's (`functions/watch/board.py`): a row for each source and for each
drill, with the same metrics. The sentence above is the one of `python -m cli status`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cli.answer import Certainty, answer, proof
from functions import clock
from functions.report.markup import Markup, fill, join
from functions.report.words import count, duration, instant
from functions.watch import board
from functions.watch.board import COST, DAYS_SINCE_PROOF, Objectives, Row, Widget
from functions.watch.conditions import FINDINGS, SEVERITIES
from functions.watch.metrics import DAYS_SINCE_ROTATED
from functions.watch.state import State, open_items
from functions.watch.watched import Watched
from lab.alarms import ALARM, INSUFFICIENT
from lab.charts import amount, spark
from lab.declared import Declared
from lab.page import badge, card, document, table, tile
from lab.series import Metric, Points, minute_of, moment
from lab.timeline import Timeline

_ORDER: Final = [str(severity) for severity in SEVERITIES]
_TONES: Final = {Certainty.YES: "passed", Certainty.NO: "failed", Certainty.UNKNOWN: "not_run"}
_VERDICTS: Final = {"PASS": "passed", "FAIL": "failed", "INCONCLUSIVE": "not_run"}
_UNITS: Final = {COST: "Dollars", DAYS_SINCE_PROOF: "Days", DAYS_SINCE_ROTATED: "Days"}
"""Of metrics to which CloudWatch has no unit."""

_MINUTES_OF_A_DAY: Final = 24 * 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """All that the page shows; `state` is None where the collector has left none."""

    watched: Watched
    state: State | None
    points: Points
    declared: Declared
    timeline: Timeline
    now: datetime
    namespace: str = "BackupDrills"


def page(seen: Seen) -> str:
    """The page of a moment."""
    told = answer(seen.state, now=seen.now)
    return document(
        title=f"{seen.watched.stack}: could we restore right now?",
        tone=_TONES[told.certainty],
        eyebrow=(
            f"{seen.watched.stack}: could we restore right now, and when did we last prove it?",
            instant(clock.render(seen.now), seconds=False),
        ),
        headline=told.sentence,
        lead="",
        body=_body(seen),
    )


def _body(seen: Seen) -> Iterator[Markup]:
    yield fill('<div class="tiles">\n$tiles</div>\n', tiles=join(_tiles(seen)))
    _, *rows = board.rows(seen.watched, _objectives(seen.state))
    sources = rows[: len(seen.watched.sources)]
    drills = rows[len(sources) : len(sources) + len(seen.watched.drills)]
    yield card(
        "Could we restore right now?",
        "Each source, as the last collection found it.",
        _grid(
            _row(seen, row, _told(seen.state, "sources", place), _of_source, _proved)
            for place, row in enumerate(sources)
        ),
    )
    yield card(
        "When did we last prove it?",
        "Each drill, by its last run.",
        _grid(
            _row(seen, row, _told(seen.state, "drills", place), _of_drill, _coming)
            for place, row in enumerate(drills)
        ),
    )
    yield _alarms(seen)
    yield _cost(seen)


def _tiles(seen: Seen) -> Iterator[Markup]:
    found = open_items(seen.state) if seen.state else []
    worst = found[0].severity if found else "passed"
    by_severity = [
        f"{number} {severity}"
        for severity in SEVERITIES
        if (number := sum(item.severity == severity for item in found))
    ]
    yield tile("Open findings", f"{len(found)}", ", ".join(by_severity) or "none", tone=worst)
    ringing = _ringing(seen)
    all_alarms = len(seen.declared.names())
    tone = "failed" if ringing else "passed"
    yield tile("Alarms that ring", f"{len(ringing)}", f"of {all_alarms}", tone=tone)
    yield tile("Next drill", *_next(seen))
    spent = [seen.points.last(_metric(seen, COST, drill.name)) for drill in seen.watched.drills]
    dollars = sum(value for value in spent if value is not None)
    yield tile("Drills this month", amount(dollars, "Dollars"), "an estimate")


def _next(seen: Seen) -> tuple[str, str]:
    coming = [
        (drill["facts"]["next_time"], drill["name"])
        for drill in (seen.state or {}).get("drills", [])
        if drill["facts"].get("next_time")
    ]
    if not coming:
        return "not known", "no drill is scheduled"
    time, name = min(coming)
    return f"in {duration((clock.parse(time) - seen.now).total_seconds())}", name


def _objectives(state: State | None) -> dict[str, Objectives]:
    """What each drill must keep to, as its last run measured against it."""
    found = {}
    for drill in (state or {}).get("drills", []):
        last = drill["facts"].get("last_run") or {}
        limits = {
            name: (objective or {}).get("objective_seconds")
            for name, objective in (last.get("objectives") or {}).items()
        }
        found[drill["name"]] = Objectives(rto=limits.get("rto"), rpo=limits.get("rpo"))
    return found


def _told(state: State | None, group: str, place: int) -> Mapping[str, Any] | None:
    """What the state says of a source or a drill; the state is in the order of the watch list."""
    return state[group][place] if state else None


def _grid(rows: Iterator[Markup]) -> Markup:
    return fill('<div class="sources">\n$rows</div>\n', rows=join(rows))


Heading = Callable[[Mapping[str, Any], datetime], tuple[Markup, str]]
"""A badge, and the tone of the row, of what the state says at a moment."""

First = Callable[[Seen, Mapping[str, Any]], Markup]
"""What stands first in a row, of what the state says."""


def _row(
    seen: Seen, row: Row, told: Mapping[str, Any] | None, head: Heading, first: First
) -> Markup:
    findings = told["findings"] if told else []
    mark, tone = head(told, seen.now) if told else (badge("not known", tone="not_run"), "not_run")
    return fill(
        _ROW,
        tone=tone,
        title=row.title,
        mark=mark,
        first=first(seen, told) if told else Markup(),
        gauges=join(_gauges(seen, row, told)),
        trend=_trend(told),
        found=_findings(findings),
    )


def _of_source(told: Mapping[str, Any], _: datetime) -> tuple[Markup, str]:
    if not told["findings"]:
        return badge("nothing open", tone="passed"), "passed"
    worst = _worst(told)
    return badge(count(len(told["findings"]), "finding"), tone=worst), worst


def _of_drill(told: Mapping[str, Any], now: datetime) -> tuple[Markup, str]:
    """How the last run ended, and when the drill last proved something."""
    last, proved = told["facts"].get("last_run"), proof(told)
    if last is None:
        return badge("has not run yet", tone="off"), "off"
    ago = "never proved"
    if proved:
        ago = f"proved {duration((now - clock.parse(proved)).total_seconds())} ago"
    tone = _VERDICTS.get(last["verdict"], "off")
    mark = fill("$verdict, $ago", verdict=last["verdict"], ago=ago)
    return badge(mark, tone=tone), tone if not told["findings"] else _worst(told)


def _proved(seen: Seen, told: Mapping[str, Any]) -> Markup:
    """When a source was last proved, by whichever of its drills: two kinds may share a name."""
    source = (told["kind"], told["name"])
    proofs = [
        (proved, drill["name"])
        for drill in (seen.state or {})["drills"]
        if (drill["kind"], drill["source"]) == source and (proved := proof(drill))
    ]
    if not proofs:
        return _words("never", "last proof", tone="not_run")
    proved, name = max(proofs)
    ago = duration((seen.now - clock.parse(proved)).total_seconds())
    return _words(f"{ago} ago", f"last proof, by {name}")


def _coming(seen: Seen, told: Mapping[str, Any]) -> Markup:
    """When a drill starts next."""
    time = told["facts"].get("next_time")
    if not time:
        return _words("never", "next run: not scheduled", tone="not_run")
    length = duration((clock.parse(time) - seen.now).total_seconds())
    return _words(f"in {length}", f"next run, {instant(time, seconds=False)}")


def _words(value: str, title: str, *, tone: str = "passed") -> Markup:
    return fill(
        '<div class="gauge $tone"><b>$value</b><span>$title</span></div>\n',
        tone=tone,
        value=value,
        title=title,
    )


def _worst(told: Mapping[str, Any]) -> str:
    return min((str(f["severity"]) for f in told["findings"]), key=_ORDER.index)


def _findings(findings: Sequence[Mapping[str, Any]]) -> Markup:
    if not findings:
        return Markup()
    lines = join(
        fill(
            "<li>$severity<span>$condition: $text<span class='detail muted'> since $since"
            "</span></span></li>\n",
            severity=badge(finding["severity"], tone=finding["severity"]),
            condition=finding["condition"],
            text=finding["text"],
            since=instant(finding["since"], seconds=False),
        )
        for finding in findings
    )
    return fill('<ul class="found">\n$lines</ul>\n', lines=lines)


def _gauges(seen: Seen, row: Row, told: Mapping[str, Any] | None) -> Iterator[Markup]:
    """Each metric of a row once: its newest value, and its course; findings stand in words.

    Without a proof the days are counted since the drill is watched: that is no proof today.
    """
    courses = {
        series.metric: widget
        for widget in row.widgets
        if widget.kind == "line"
        for series in widget.series
    }
    shown = set()
    for widget in sorted(row.widgets, key=lambda widget: widget.kind == "line"):
        for series in widget.series:
            own = not series.namespace and series.statistic != "Sum"
            if series.metric != FINDINGS and own and series.metric not in shown:
                shown.add(series.metric)
                metric = Metric.of(seen.namespace, series.metric, series.dimensions)
                several = len(widget.series) > 1
                title = f"{widget.title}: {series.label}" if several else widget.title
                if series.metric == DAYS_SINCE_PROOF and told and not proof(told):
                    yield _words("never", title, tone="not_run")
                    continue
                yield _gauge(seen, title, metric, widget.unit, courses.get(series.metric))


def _gauge(seen: Seen, title: str, metric: Metric, unit: str, course: Widget | None) -> Markup:
    value = seen.points.last(metric)
    objective = course.objective if course else None
    missed = value is not None and bool(objective) and value > (objective or 0.0)
    note = f", {amount(objective, unit)} allowed" if objective else ""
    return fill(
        '<div class="gauge $tone"><b>$value</b><span>$title$note</span>$spark</div>\n',
        tone="off" if value is None else "failed" if missed else "passed",
        value=amount(value, _UNITS.get(metric.name, unit)),
        title=title,
        note=note,
        spark=_course(seen, metric, course) if course else Markup(),
    )


def _course(seen: Seen, metric: Metric, course: Widget) -> Markup:
    """The course of a metric over the days of its widget; one point has none."""
    first = minute_of(seen.now) - course.days * _MINUTES_OF_A_DAY
    values = [(minute, value) for minute, value in seen.points.values(metric) if minute >= first]
    return spark(values, objective=course.objective) if len(values) > 1 else Markup()


def _trend(told: Mapping[str, Any] | None) -> Markup:
    """The last runs of a drill, oldest first, each as a square in the colour of its verdict."""
    runs = told["facts"].get("trend", []) if told else []
    if not runs:
        return Markup()
    squares = join(
        fill(
            '<i class="$tone" title="$verdict, $day"></i>',
            tone=_VERDICTS.get(run["verdict"], "off"),
            verdict=run["verdict"],
            day=instant(run["started_at"], seconds=False),
        )
        for run in runs
    )
    passed = sum(run["verdict"] == "PASS" for run in runs)
    return fill(
        '<div class="gauge"><b class="runs">$squares</b><span>$passed of $runs passed</span></div>',
        squares=squares,
        passed=passed,
        runs=count(len(runs), "run"),
    )


def _alarms(seen: Seen) -> Markup:
    """Those that ring, worst first; of the others only how many."""
    ringing = _ringing(seen)
    states = _states(seen)
    waiting = sum(state == INSUFFICIENT for state in states.values())
    lead = (
        f"{len(ringing)} of {len(states)} ring,"
        f" {len(states) - len(ringing) - waiting} are well, {waiting} wait for more data."
    )
    rows = [
        (badge(severity, tone=severity), name, text, f"{since:%d %b %H:%M}")
        for severity, name, text, since in ringing
    ]
    shown = table(("", "Alarm", "What it means", "Since"), rows) if rows else Markup()
    return card("Alarms", lead, shown)


def _ringing(seen: Seen) -> list[tuple[str, str, str, datetime]]:
    """Severity, name, text and beginning of each alarm that rings."""
    described = {
        **{each.name: each.description for each in seen.declared.alarms},
        **{each.name: each.description for each in seen.declared.composites},
    }
    found = []
    for name, state in _states(seen).items():
        if state == ALARM:
            severity, _, text = described[name].partition(": ")
            found.append((severity, name, text, moment(seen.timeline.of(name)[-1].minute)))
    return sorted(found, key=lambda each: (_ORDER.index(each[0]), each[1]))


def _states(seen: Seen) -> dict[str, str]:
    """The state of every alarm now."""
    states: dict[str, str] = dict.fromkeys(seen.declared.names(), INSUFFICIENT)
    return states | {change.alarm: change.after for change in seen.timeline.changes}


def _cost(seen: Seen) -> Markup:
    rows = [
        (drill.name, amount(seen.points.last(_metric(seen, COST, drill.name)), "Dollars"))
        for drill in seen.watched.drills
    ]
    return card(
        "Cost of drills this month",
        "US dollars, an estimate of what the runs cost in AWS.",
        table(("Drill", "Dollars"), rows),
    )


def _metric(seen: Seen, name: str, drill: str) -> Metric:
    return Metric.of(seen.namespace, name, {"Drill": drill})


_ROW: Final = """\
<section class="row $tone">
<h3>$title $mark</h3>
<div class="gauges">
$first$gauges$trend</div>
$found</section>
"""
