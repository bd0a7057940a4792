"""What a database gives to check, decided: what was seen goes in, proposals come out. Pure.

A proposal is for a person to read: it says why it is made, and what of it only a person can know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, assert_never

from cli import suggesting_names as names
from cli.words import shown

MOST: Final = 12
"""Proposals of one kind."""

LEAST_ROWS: Final = 20
"""Of fewer rows no count is asked for: one more or less would be a tenth."""

_PERCENTS: Final = tuple(
    (f"{first / 10**places:.{places}f}", 100 * 10**places // first)
    for places in range(5)
    for first in (50, 20, 10, 5, 2, 1)
    if places == 0 or first < 10
)

# As infra/schema has it, which the command line does without.
_TABLE: Final = re.compile(r"[^.\s\"]{1,63}\.[^.\s\"]{1,63}")
_COLUMN: Final = re.compile(r"[^\s\"]{1,63}")
_LONGEST_NAME: Final = 100
_LONGEST_QUERY: Final = 8192


class Section(StrEnum):
    """A key of a drill."""

    EXCLUDE = "exclude"
    CHECKS = "checks"
    FRESHNESS = "freshness"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column as the catalog shows it.

    `quoted` is its name in a query; `stamped`: its default is the time of writing; `refers`: a
    foreign key has it; `null_share` is the planner's guess, 0 where it has none.
    """

    name: str
    quoted: str
    type: str
    stamped: bool = False
    indexed: bool = False
    is_key: bool = False
    refers: bool = False
    null_share: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table with what inherits from it, its partitions; `rows` is the planner's estimate.

    `inserted` and `deleted` are what the server has counted; `referring` is how many tables refer
    to it by a foreign key. `bytes` are those of its rows alone.
    """

    oid: int
    schema: str
    name: str
    quoted: str
    divided: bool
    foreign_rows: bool
    unlogged: bool
    readable: bool
    never_analysed: bool
    rows: int
    bytes: int
    inserted: int
    deleted: int
    referring: int
    members: tuple[int, ...]
    columns: tuple[Column, ...] = ()

    @property
    def target(self) -> str:
        """The name that reports show."""
        return f"{self.schema}.{self.name}"

    @property
    def usable(self) -> bool:
        """Whether it can be read, and a backup holds its rows."""
        return self.readable and not self.unlogged and not self.foreign_rows

    @property
    def stays(self) -> bool:
        """Whether its rows are there to stay, by its name and by what was deleted of them."""
        mostly_deleted = self.deleted >= LEAST_ROWS and self.deleted * 2 > self.inserted
        return not names.comes_and_goes(self.name) and not mostly_deleted


@dataclass(frozen=True, kw_only=True, slots=True)
class Constraint:
    """A constraint that is marked NOT VALID."""

    oid: int
    table: Table
    name: str
    is_foreign_key: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of a table's blocks, the same ones each time: `percent`, of which `factor` is all."""

    percent: str
    factor: int

    @property
    def clause(self) -> str:
        """As it stands behind a table's name."""
        return f"TABLESAMPLE SYSTEM ({self.percent}) REPEATABLE (1)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """An entry of a drill; one that is not `active` stands there as a comment."""

    section: Section
    target: str
    entry: Mapping[str, str]
    lines: tuple[str, ...] = ()
    why: str
    review: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Omitted:
    """Why something is not proposed that might have been."""

    target: str
    reason: str


Outcome = Proposal | Omitted | None


def sample_of(size: int, most: int) -> Sample | None:
    """The part of so many bytes that is at most as many as those; None where all of them are.

    >>> sample_of(900, 1000) is None, sample_of(10_000, 1000), sample_of(10**9, 1000)
    (True, Sample(percent='10', factor=10), Sample(percent='0.0001', factor=1000000))
    """
    if size <= most:
        return None
    small = [pair for pair in _PERCENTS if size <= most * pair[1]]
    return Sample(*(small or [_PERCENTS[-1]])[0])


def exclusions(tables: Iterable[Table]) -> Iterator[Proposal]:
    """The tables that could be left out, as comments all of them."""
    for table in tables:
        if table.foreign_rows:
            why = "Foreign: its rows are elsewhere, and every drill leaves it out by itself."
        elif table.unlogged:
            why = "Unlogged: a restore leaves it empty, and every drill leaves it out by itself."
        elif names.is_log_like(table.name):
            why = "By its name nobody would miss its rows. It is compared until you say so."
        else:
            continue
        yield Proposal(
            section=Section.EXCLUDE,
            target=table.target,
            entry={"table": table.target},
            why=why,
            active=False,
        )


def fitted(proposal: Proposal) -> Proposal | Omitted:
    """The proposal as drills.yaml can hold it: a column with an odd name is asked by a query.

    >>> given = {"table": "s.a b"}
    >>> fitted(Proposal(section=Section.EXCLUDE, target="s.a b", entry=given, why=""))
    Omitted(target='s.a b', reason='its name cannot stand in drills.yaml')
    """
    entry, odd = proposal.entry, Omitted(proposal.target, "its name cannot stand in drills.yaml")
    match proposal.section:
        case Section.EXCLUDE:
            return proposal if _plain(entry["table"], _TABLE) else odd
        case Section.FRESHNESS:
            if _plain(entry["table"], _TABLE) and _plain(entry["column"], _COLUMN):
                return proposal
            asked = {"name": f"new rows in {proposal.target}", "expect": "is true"}
            return fitted(replace(proposal, section=Section.CHECKS, entry=asked))
        case Section.CHECKS:
            sql = " ".join(proposal.lines)
            if "${" in sql or len(sql) > _LONGEST_QUERY:
                return odd
            name = shown(entry["name"]).replace("${", "$ {")[:_LONGEST_NAME]
            return replace(proposal, entry={**entry, "name": name})
        case unreachable:
            assert_never(unreachable)


def _plain(name: str, pattern: re.Pattern[str]) -> bool:
    return bool(pattern.fullmatch(name)) and "${" not in name


def to_record(proposal: Proposal) -> dict[str, Any]:
    """As JSON can hold it: `entry` is what goes into the drill, a text or a mapping."""
    return {
        "section": proposal.section.value,
        "target": proposal.target,
        "active": proposal.active,
        "why": proposal.why,
        "review": proposal.review,
        "entry": entry(proposal),
    }


def entry(proposal: Proposal) -> str | dict[str, str]:
    """What goes into the drill."""
    match proposal.section:
        case Section.EXCLUDE:
            return proposal.entry["table"]
        case Section.CHECKS:
            given = proposal.entry
            sql = " ".join(proposal.lines)
            return {"name": given["name"], "sql": sql, "expect": given["expect"]}
        case Section.FRESHNESS:
            return dict(proposal.entry)
        case unreachable:
            assert_never(unreachable)
