"""`python -m cli schedule`: what runs when, when it last ran, and what has never run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.text import Text

from cli import cron_words, runs
from cli.access import Aws
from cli.deployed import Deployment, DrillMachine, at_once, drills
from cli.drill_summary import verdict_text
from cli.output import Told, plain_table
from cli.remembered import remember
from cli.runs import Run
from functions import clock, cron, naming
from functions.report.words import count, instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A schedule as EventBridge Scheduler has it. `target` is an ARN."""

    name: str
    expression: str
    timezone: str
    enabled: bool
    target: str


def schedule(aws: Aws, deployment: Deployment, *, now: datetime) -> Told:
    """Every schedule of the deployment, drills first, with the last run of each drill."""
    machines = drills(aws, deployment)
    found = schedules(aws, deployment.group)
    recorded = at_once(lambda drill: _runs(deployment, drill.name), machines)
    ran = {drill.name: history for drill, history in zip(machines, recorded, strict=True)}
    remember(drills=ran)
    rows = [
        *(_of_drill(drill, found, ran[drill.name], now) for drill in machines),
        *(_of_watch(one, now) for one in _others(found, machines)),
    ]
    document = {
        "command": "schedule",
        "stack": deployment.stack,
        "at": clock.render(now),
        "schedules": rows,
    }
    return Told(document=document, shown=_shown(rows))


def schedules(aws: Aws, group: str) -> list[Found]:
    """All schedules of a group."""
    pages = aws.schedules.get_paginator("list_schedules").paginate(GroupName=group)
    names = [one["Name"] for page in pages for one in page["Schedules"]]
    return at_once(lambda name: _schedule(aws, group, name), sorted(names))


def _schedule(aws: Aws, group: str, name: str) -> Found:
    answer = aws.schedules.get_schedule(GroupName=group, Name=name)
    return Found(
        name=name,
        expression=answer["ScheduleExpression"],
        timezone=answer.get("ScheduleExpressionTimezone") or "UTC",
        enabled=answer["State"] == "ENABLED",
        target=answer["Target"]["Arn"],
    )


def _runs(deployment: Deployment, drill: str) -> list[Run]:
    return [runs.read(drill, facts) for facts in deployment.ledger_of(drill).runs()]


def _others(found: Iterable[Found], machines: Iterable[DrillMachine]) -> Iterator[Found]:
    arns = {drill.arn for drill in machines}
    yield from (one for one in found if one.target not in arns)


def _of_drill(
    drill: DrillMachine, found: Sequence[Found], ran: Sequence[Run], now: datetime
) -> dict[str, Any]:
    own = next((one for one in found if one.target == drill.arn), None)
    last, skipped = runs.last(ran)
    return {
        "name": drill.name,
        "kind": drill.kind,
        **_times(own, now),
        "runs": len(ran),
        "last_run": last and last.to_document(),
        "skipped_since": skipped,
    }


def _of_watch(one: Found, now: datetime) -> dict[str, Any]:
    name = one.name.removeprefix(naming.PREFIX)
    none: dict[str, Any] = dict.fromkeys(("runs", "last_run", "skipped_since"))
    return {"name": name, "kind": None, **_times(one, now), **none}


def _times(one: Found | None, now: datetime) -> dict[str, Any]:
    """When a schedule runs; `next` is None for one that is off, is not there, or is a rate."""
    if one is None:
        absent: dict[str, Any] = dict.fromkeys(("expression", "words", "timezone"))
        return absent | {"enabled": False, "next": None, "next_local": None, "last_due": None}
    coming = _next(one, now) if one.enabled else None
    return {
        "expression": one.expression,
        "words": cron_words.words(one.expression),
        "timezone": one.timezone,
        "enabled": one.enabled,
        "next": coming and clock.render(coming),
        "next_local": coming and coming.astimezone(ZoneInfo(one.timezone)).isoformat(),
        "last_due": _rendered(_last(one, now)),
    }


def _next(one: Found, now: datetime) -> datetime | None:
    fields = cron_words.cron_fields(one.expression)
    return cron.next_after(fields, one.timezone, now) if fields else None


def _last(one: Found, now: datetime) -> datetime | None:
    fields = cron_words.cron_fields(one.expression)
    return cron.last_before(fields, one.timezone, now) if fields else None


def _rendered(moment: datetime | None) -> str | None:
    return clock.render(moment) if moment else None


def _shown(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = plain_table("", "when", "next, there (UTC)", "last run (UTC)")
    table.padding = (0, 2, 0, 0)
    for column in (0, 2, 3):
        table.columns[column].no_wrap = True
    for row in rows:
        table.add_row(_name(row), _when(row), _coming(row), _last_run(row))
    parts: list[RenderableType] = [table, *(Text(line) for line in _remarks(rows))]
    return Group(*parts)


def _name(row: Mapping[str, Any]) -> Text:
    return Text(row["name"], style="bold" if row["kind"] else "")


def _when(row: Mapping[str, Any]) -> Text:
    if row["expression"] is None:
        return Text("there is no schedule", style="red")
    told = Text(row["words"])
    if cron_words.cron_fields(row["expression"]):
        told.append(f"\n{row['timezone']}", style="dim")
    return told


def _coming(row: Mapping[str, Any]) -> Text:
    if not row["enabled"]:
        return Text("switched off" if row["expression"] else "never", style="yellow")
    if row["next"] is None:
        within = cron_words.within(row["expression"])
        return Text(within) if within else Text("never again", style="yellow")
    local, utc = datetime.fromisoformat(row["next_local"]), clock.parse(row["next"])
    return Text.assemble(
        f"{local:%a} {local.day} {local:%b %Y}\n{local:%H:%M}", (f" ({_in_utc(local, utc)})", "dim")
    )


def _in_utc(local: datetime, utc: datetime) -> str:
    """The time of day in UTC, with the day where that is another one there.

    >>> zone = ZoneInfo("America/Sao_Paulo")
    >>> for hour in (5, 23):
    ...     local = datetime(2026, 12, 7, hour, tzinfo=zone)
    ...     _in_utc(local, local.astimezone(ZoneInfo("UTC")))
    '08:00'
    '8 Dec, 02:00'
    """
    return f"{utc:%H:%M}" if utc.date() == local.date() else f"{utc.day} {utc:%b, %H:%M}"


def _last_run(row: Mapping[str, Any]) -> Text:
    if row["kind"] is None:
        return Text("", style="dim")
    last = row["last_run"]
    if last is None:
        return Text("never", style="yellow")
    began = instant(last["started_at"], seconds=False).removesuffix(" UTC")
    told = Text.assemble(verdict_text(last["verdict"]), (f"\n{began}", "dim"))
    if row["skipped_since"]:
        told.append(f"\n{row['skipped_since']} skipped since", style="yellow")
    return told


def _remarks(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    never = [row["name"] for row in rows if row["kind"] and not row["runs"]]
    if never:
        yield f"\n{count(len(never), 'drill')} never ran: {', '.join(never)}"
