"""`python -m cli status`: could we restore right now, and when did we last prove it?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Group, RenderableType
from rich.text import Text

from cli import troubles
from cli.access import Aws
from cli.answer import GRAVE, Answer, Certainty, answer, proof, source_names
from cli.deployed import ALARMS, Deployment
from cli.drill_summary import verdict_text
from cli.output import Indented, Told, plain_table
from cli.remembered import remember
from functions import clock, naming
from functions.errors import EvidenceMissing
from functions.report.words import count, duration, instant
from functions.watch import state as states
from functions.watch.conditions import SEVERITIES
from functions.watch.state import NotAState, Open, State

_STYLES: Final = {"critical": "bold white on red", "high": "red", "medium": "yellow", "low": ""}
_ANSWERS: Final = {
    Certainty.YES: "bold green",
    Certainty.NO: "bold red",
    Certainty.UNKNOWN: "bold yellow",
}

Problem = dict[str, str]
"""What keeps the watch itself from knowing: `severity` and `text`."""


def status(aws: Aws, deployment: Deployment, *, now: datetime) -> Told:
    """How it stands.

    Exit status 0: the answer is yes, and nothing is open; 1: something high or critical is; 2: the
    rest, and whatever else is no yes.
    """
    state, problems = _state(deployment, now)
    alarms, unread = _alarms(aws, deployment)
    problems += unread
    told = answer(state, now=now)
    found = states.open_items(state) if state else []
    severities: list[str] = [one.severity for one in found]
    severities += [one["severity"] for one in (*alarms, *problems)]
    remember(drills=[drill["name"] for drill in state["drills"]] if state else [])
    document = {
        "command": "status",
        "stack": deployment.stack,
        "at": clock.render(now),
        "answer": told.certainty.value,
        "sentence": told.sentence,
        "state": state
        and {
            "collected_at": state["collected_at"],
            "age_seconds": round((now - clock.parse(state["collected_at"])).total_seconds()),
            "fresh": states.is_fresh(state, now),
        },
        "problems": problems,
        "findings": [_finding(one) for one in found],
        "sources": list(state["sources"]) if state else [],
        "drills": list(state["drills"]) if state else [],
        "alarms": alarms,
        "open": {severity: severities.count(severity) for severity in SEVERITIES},
    }
    status = _exit_status(told.certainty, severities)
    return Told(document=document, shown=_shown(document, told), status=status)


def _exit_status(answered: Certainty, severities: Iterable[str]) -> int:
    """
    >>> [_exit_status(Certainty.YES, found) for found in ([], ["low", "high"], ["medium"])]
    [0, 1, 2]
    >>> _exit_status(Certainty.UNKNOWN, []), _exit_status(Certainty.UNKNOWN, ["high"])
    (2, 1)
    """
    open_ones = set(severities)
    if open_ones & set(GRAVE):
        return 1
    return 2 if open_ones or answered is not Certainty.YES else 0


def _state(deployment: Deployment, now: datetime) -> tuple[State | None, list[Problem]]:
    """The latest state, and what is wrong with it as such."""
    try:
        found = states.read(deployment.evidence.get_json(states.STATE_KEY))
    except (EvidenceMissing, NotAState, ValueError) as error:
        text = f"the state of the watch cannot be read: {error}: is the collector running?"
        return None, [{"severity": "high", "text": text}]
    if states.is_fresh(found, now):
        return found, []
    age = duration((now - clock.parse(found["collected_at"])).total_seconds())
    text = f"the last collection is {age} old: look at the log of the collector"
    return found, [{"severity": "high", "text": text}]


def _alarms(aws: Aws, deployment: Deployment) -> tuple[list[dict[str, str]], list[Problem]]:
    """Our alarms that ring, worst first; not being able to ask is a problem."""
    own = {name for kind in ALARMS for name in deployment.resources.get(kind, ())}
    try:
        pages = aws.watch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=naming.PREFIX,
            StateValue="ALARM",
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
        )
        ringing = [
            _alarm(one)
            for page in pages
            for one in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))
            if not own or one["AlarmName"] in own
        ]
    except (ClientError, BotoCoreError) as error:
        text = f"the alarms could not be asked for: {troubles.told(error)}"
        return [], [{"severity": "high", "text": text}]
    order = {severity: number for number, severity in enumerate(map(str, SEVERITIES))}
    return sorted(ringing, key=lambda one: (order[one["severity"]], one["name"])), []


def _alarm(one: Mapping[str, Any]) -> dict[str, str]:
    severity, _, text = one.get("AlarmDescription", "").partition(": ")
    known = severity in SEVERITIES
    return {
        "name": one["AlarmName"],
        "severity": severity if known else "high",
        "since": clock.render(one["StateUpdatedTimestamp"]),
        "text": text if known else one.get("AlarmDescription", ""),
    }


def _finding(one: Open) -> dict[str, Any]:
    return {
        "severity": one.severity,
        "condition": one.condition,
        "of": one.of,
        "kind": one.kind,
        "name": one.name,
        "text": one.text,
        "since": one.since,
        **({"seen": one.seen} if one.is_unseen else {}),
    }


def _shown(told: Mapping[str, Any], answered: Answer) -> RenderableType:
    parts: list[RenderableType] = [Text(answered.sentence, style=_ANSWERS[answered.certainty])]
    parts.append(Text(_age(told["state"]), style="dim"))
    parts += [
        Text.assemble((f"{one['severity']:<8}", _STYLES[one["severity"]]), f"  {one['text']}")
        for one in told["problems"]
    ]
    if told["findings"]:
        parts += [Text(), *_findings(told)]
    names = zip(source_names(told["sources"]), told["sources"], strict=True)
    quiet = [name for name, one in names if not one["findings"]]
    if quiet:
        parts += [Text(), Text(f"nothing open: {', '.join(quiet)}", style="green")]
    if told["drills"]:
        parts += [Text(), _drills(told["drills"])]
    if told["alarms"]:
        parts += [Text(), *_ringing(told["alarms"])]
    return Group(*parts)


def _age(state: Mapping[str, Any] | None) -> str:
    if state is None:
        return "no state"
    age = duration(state["age_seconds"])
    return f"as of {instant(state['collected_at'], seconds=False)}, {age} ago"


def _findings(told: Mapping[str, Any]) -> Iterator[RenderableType]:
    named = zip(source_names(told["sources"]), told["sources"], strict=True)
    names = {("source", one["kind"], one["name"]): name for name, one in named}
    for one in told["findings"]:
        name = names.get((one["of"], one["kind"], one["name"]), one["name"])
        yield Text.assemble(
            (f"{one['severity']:<8}", _STYLES[one["severity"]]),
            (f"  {name}", "bold"),
            f"  {one['condition']}",
            (f"  {_since(one)}", "dim"),
        )
        yield Indented(Text(one["text"]), by=10)


def _since(one: Mapping[str, Any]) -> str:
    seen = f", not seen since {instant(one['seen'], seconds=False)}" if "seen" in one else ""
    return f"since {instant(one['since'], seconds=False)}{seen}"


def _drills(drills: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = plain_table("drill", "last run", "last proof", "next")
    table.columns[0].no_wrap = True
    for one in drills:
        facts = one["facts"]
        last = facts.get("last_run")
        proved = proof(one)
        table.add_row(
            Text(one["name"]),
            verdict_text(last["verdict"]) if last else Text("never", style="yellow"),
            _proof(proved, one["gauges"].get("DaysSinceProof")),
            Text(instant(facts["next_time"], seconds=False) if facts.get("next_time") else "-"),
        )
    return table


def _proof(proved: str | None, days: float | None) -> Text:
    if proved is None:
        return Text("never", style="yellow")
    if days is None:
        return Text(instant(proved, seconds=False))
    return Text(f"{days:.0f} d ago" if days >= 1 else "today")


def _ringing(alarms: Sequence[Mapping[str, str]]) -> Iterator[RenderableType]:
    yield Text(f"{count(len(alarms), 'alarm')} ringing", style="dim")
    for one in alarms:
        yield Text.assemble(
            (f"{one['severity']:<8}", _STYLES[one["severity"]]),
            f"  {one['name']}",
            (f"  {_since(one)}", "dim"),
        )
