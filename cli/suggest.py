"""The command suggest: what a database gives to check, as sections of drills.yaml."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cli import output, suggesting, suggesting_checks, suggesting_times, suggesting_yaml
from cli.errors import CannotRun
from cli.output import Told
from cli.suggesting import MOST, Omitted, Outcome, Proposal, Sample, Section, Table
from cli.suggesting_look import Catalogs, Looker, NotSeen, Server, omitted
from functions import clock, naming
from functions.aurora import database
from functions.aurora.database import BadConnectionString, QueryFailed
from functions.errors import LoginRefused, NotReachable, TlsFailed
from functions.report.words import count, instant

APPLICATION: Final = "backup-drills suggest"
_MOST_CLOCKS: Final = 3
"""Columns of a table that are looked at."""

_MOST_LOOKS: Final = 60
_MOST_NAMED: Final = 10
_DRILL_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_DRILL: Final = 63 - len(naming.instance_name(naming.cluster_name("", "20261102-1a2b3c")))


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """What came of the looks; `schemas` are those that were named."""

    server: Server
    catalogs: Catalogs
    schemas: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    omitted: tuple[tuple[Section, Omitted], ...]


def operate(chosen: argparse.Namespace) -> int:
    """Do what was chosen; the exit status. Raises CannotRun and DrillError."""
    _check_drill(chosen.drill)
    try:
        given = database.told(chosen.source)
    except BadConnectionString as error:
        raise BadConnectionString(f"--source: {error}") from None
    try:
        with database.open_told(given, application=APPLICATION) as session:
            found = suggest(Looker(session), chosen.schemas)
    except (LoginRefused, NotReachable, TlsFailed) as error:
        raise type(error)(f"--source: {error}") from None
    except QueryFailed as failure:
        raise CannotRun(f"--source: its catalogs cannot be read: {failure}") from None
    told = _told(found, at=given.shown, drill=chosen.drill)
    return output.tell(told, output.console(), as_json=chosen.json)


def suggest(looker: Looker, named: Sequence[str]) -> Suggestion:
    """Look, and propose. Raises CannotRun, QueryFailed, and TryAgain when the session is lost."""
    server = looker.server()
    schemas = _schemas(looker.schemas(), named)
    catalogs = looker.catalogs(schemas)
    _check_tables(catalogs, server, schemas)
    outcomes = [
        *((Section.EXCLUDE, each) for each in suggesting.exclusions(catalogs.tables)),
        *((Section.CHECKS, each) for each in _floors(looker, catalogs.tables, server)),
        *((Section.CHECKS, each) for each in _orphans(looker, catalogs.tables, server)),
        *((Section.CHECKS, each) for each in _breaches(looker, catalogs, server)),
        *((Section.FRESHNESS, each) for each in _clocks(looker, catalogs.tables, server)),
    ]
    fitted = [
        (section, suggesting.fitted(each) if isinstance(each, Proposal) else each)
        for section, each in outcomes
    ]
    return Suggestion(
        server=server,
        catalogs=catalogs,
        schemas=tuple(schemas) if named else (),
        proposals=tuple(each for _, each in fitted if isinstance(each, Proposal)),
        omitted=tuple((where, each) for where, each in fitted if isinstance(each, Omitted)),
    )


def _check_drill(name: str | None) -> None:
    if name is None or (_DRILL_NAME.fullmatch(name) and len(name) <= _LONGEST_DRILL):
        return
    raise CannotRun(
        f"--drill: {name!r}: expected lower-case letters, digits and single hyphens,"
        f" {_LONGEST_DRILL} at most, as in aurora-prod-monthly"
    )


def _schemas(known: Sequence[str], named: Sequence[str]) -> list[str]:
    """The schemas that were named, each word a schema or several with commas between them.

    >>> _schemas(["a", "b", "c,d"], ["b,a", "c,d"]), _schemas(["a", "b"], [])
    (['a', 'b', 'c,d'], ['a', 'b'])

    Raises CannotRun for one that is not there.
    """
    if not named:
        return list(known)
    words = [part for word in named for part in ([word] if word in known else word.split(","))]
    if unknown := [word for word in words if word not in known]:
        there = ", ".join(known[:_MOST_NAMED]) or "no schema but the system's"
        raise CannotRun(f"--schemas: {', '.join(unknown)}: not there: expected {there}")
    return sorted(set(words))


def _check_tables(catalogs: Catalogs, server: Server, schemas: Sequence[str]) -> None:
    """Raises CannotRun where there is nothing to look at."""
    if not catalogs.tables:
        raise CannotRun(
            f"there is no table in {', '.join(schemas) or 'the database'}: expected one at least,"
            " see --schemas"
        )
    if not any(table.readable for table in catalogs.tables):
        number = count(len(catalogs.tables), "table")
        raise CannotRun(
            f"--source: {server.user} may read none of {number}, nor the planner's statistics of"
            f" them: expected GRANT pg_read_all_data TO {server.user}"
        )


def _sample(looker: Looker, table: Table) -> Sample | None:
    return suggesting.sample_of(table.bytes, looker.most_bytes)


def _floors(looker: Looker, tables: Sequence[Table], server: Server) -> list[Outcome]:
    found: list[Outcome] = []
    for table in suggesting_checks.worth_counting(tables)[:_MOST_LOOKS]:
        if sum(isinstance(each, Proposal) for each in found) == MOST:
            break
        sample = _sample(looker, table)
        try:
            rows = looker.number(suggesting_checks.count_lines(table, sample), now=server.now)
        except NotSeen as why:
            found.append(omitted(table.target, why))
        else:
            found.append(suggesting_checks.floor_proposal(table, sample, rows))
    return _ordered(found)


def _orphans(looker: Looker, tables: Sequence[Table], server: Server) -> list[Outcome]:
    found: list[Outcome] = []
    for reference in _first(suggesting_checks.references(tables)):
        if isinstance(reference, Omitted):
            found.append(reference)
            continue
        table, column = reference.table, reference.column
        by_index = reference.parent.bytes > looker.most_bytes
        most = looker.few_bytes if by_index else looker.most_bytes
        sample = suggesting.sample_of(table.bytes, most)
        lines = suggesting_checks.orphan_lines(reference, sample)
        try:
            filled = looker.filled(table, column, sample)
            orphans = looker.number(lines, now=server.now, by_index=by_index) if filled else 0
        except NotSeen as why:
            found.append(omitted(f"{table.target}.{column.name}", why))
        else:
            found.append(
                suggesting_checks.orphan_proposal(reference, sample, filled=filled, orphans=orphans)
            )
    return _ordered(found)


def _breaches(looker: Looker, catalogs: Catalogs, server: Server) -> list[Outcome]:
    found: list[Outcome] = []
    for constraint in _first(catalogs.constraints):
        table = constraint.table
        if constraint.is_foreign_key or not table.usable:
            continue
        sample = _sample(looker, table)
        try:
            condition = looker.condition(constraint)
            lines = suggesting_checks.breach_lines(table, condition, sample)
            breaches = looker.number(lines, now=server.now)
        except NotSeen as why:
            found.append(omitted(f"{table.target}.{constraint.name}", why))
        else:
            found.append(
                suggesting_checks.breach_proposal(constraint, lines, sample, breaches=breaches)
            )
    return _ordered(found)


def _clocks(looker: Looker, tables: Sequence[Table], server: Server) -> list[Outcome]:
    """Of each table the first column that tells when rows came; else why none does."""
    found: list[Outcome] = []
    since = server.now - suggesting_times.WINDOW
    for table in _first(table for table in tables if suggesting_times.clocks(table)):
        seen: list[Outcome] = []
        for column in suggesting_times.clocks(table)[:_MOST_CLOCKS]:
            try:
                times = looker.times(table, column, now=server.now, since=since)
            except NotSeen as why:
                seen.append(omitted(f"{table.target}.{column.name}", why))
                continue
            seen.append(
                suggesting_times.freshness_proposal(
                    table, column, times=times.times, later=times.later, now=server.now, by=times.by
                )
            )
            if isinstance(seen[-1], Proposal) and seen[-1].active:
                break
        proposed = [each for each in seen if isinstance(each, Proposal)]
        found += sorted(proposed, key=lambda each: not each.active)[:1] or seen
    return _ordered(found)


def _first(candidates: Iterable[Any]) -> Iterator[Any]:
    """So many that looking at them takes minutes at most."""
    return (each for _, each in zip(range(_MOST_LOOKS), candidates, strict=False))


def _ordered(found: Iterable[Outcome]) -> list[Outcome]:
    """By name, so many proposals at most; what is omitted comes last."""
    there = sorted((each for each in found if each), key=lambda each: each.target)
    proposals = [each for each in there if isinstance(each, Proposal)]
    kept = sorted(proposals, key=lambda each: not each.active)[:MOST]
    enough = f"there are {MOST} of its kind"
    return [
        *(each for each in proposals if each in kept),
        *(each for each in there if isinstance(each, Omitted)),
        *(Omitted(each.target, enough) for each in proposals if each not in kept),
    ]


def _told(found: Suggestion, *, at: str, drill: str | None) -> Told:
    lines = tuple(_lines(found, at=at, drill=drill))
    sections = {
        section.value: [
            suggesting.entry(each)
            for each in found.proposals
            if each.section is section and each.active
        ]
        for section in Section
    }
    document = {
        "command": "suggest",
        "source": {
            "at": at,
            "database": found.server.database,
            "version": found.server.version,
        },
        "at": clock.render(found.server.now),
        "schemas": list(found.schemas),
        "sections": sections,
        "proposals": [suggesting.to_record(each) for each in found.proposals],
        "omitted": [
            {"section": section.value, "target": each.target, "reason": each.reason}
            for section, each in found.omitted
        ],
        "yaml": "".join(f"{line}\n" for line in lines),
    }
    return Told(document=document, lines=lines)


def _lines(found: Suggestion, *, at: str, drill: str | None) -> Iterator[str]:
    server = found.server
    yield from suggesting_yaml.comment(
        f"Proposed by python -m cli suggest: {at}, PostgreSQL {server.version},"
        f" {instant(clock.render(server.now), seconds=False)}. Read it before you use it."
    )
    for note in _notes(found):
        yield from suggesting_yaml.comment(note)
    if drill is not None:
        family = f"aurora-postgresql{server.major}"
        yield from suggesting_yaml.drill_lines(name=drill, family=family, database=server.database)
    if found.schemas:
        yield from suggesting_yaml.schema_lines(found.schemas)
    for section in Section:
        proposals = [each for each in found.proposals if each.section is section]
        why_not = [each for where, each in found.omitted if where is section]
        yield from suggesting_yaml.section_lines(section, proposals, why_not)


def _notes(found: Suggestion) -> Iterator[str]:
    """What is true of the whole."""
    keys = [each for each in found.catalogs.constraints if each.is_foreign_key]
    checked = [
        "the rows of all tables",
        f"{count(found.catalogs.sequences, 'sequence')}" if found.catalogs.sequences else "",
        f"{count(len(keys), 'foreign key')} marked NOT VALID (integrity.foreign_keys)"
        if keys
        else "",
    ]
    told = ", ".join(each for each in checked if each)
    yield f"Not proposed, for every drill checks it by itself: {told}."
    tables = found.catalogs.tables
    if unread := _named(table for table in tables if not table.readable):
        yield f"Not looked at, for {found.server.user} may not read it: {unread}."
    if unknown := _named(table for table in tables if table.never_analysed and table.usable):
        yield f"Never analysed, so the planner knows nothing of it: {unknown}."


def _named(tables: Iterable[Table]) -> str:
    named = [table.target for table in tables]
    more = len(named) - _MOST_NAMED
    return ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
