"""Which queries to propose, and what to expect of them by what they say today. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cli import suggesting_names as names
from cli.suggesting import (
    LEAST_ROWS,
    Column,
    Constraint,
    Omitted,
    Outcome,
    Proposal,
    Sample,
    Section,
    Table,
)
from functions.report.words import count

_FAMILIES: Final = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "text": "text",
    "character varying": "text",
    "uuid": "uuid",
    "numeric": "numeric",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A column that looks as if it held the key of a table."""

    table: Table
    column: Column
    parent: Table
    key: Column


def floor(rows: int) -> int:
    """Nine tenths of so many rows, in a number that is easily read.

    >>> [floor(rows) for rows in (20, 999, 4000, 20_134, 1_234_567)]
    [18, 899, 3600, 18000, 1100000]
    """
    least = rows * 9 // 10
    step: int = 10 ** max(0, len(str(least)) - 2) if least >= 1000 else 1
    return least // step * step


def worth_counting(tables: Iterable[Table]) -> list[Table]:
    """The tables whose rows count most: those that others refer to, then the largest."""
    staying = [table for table in tables if table.usable and table.stays]
    return sorted(staying, key=lambda table: (-table.referring, -table.bytes, table.target))


def count_lines(table: Table, sample: Sample | None) -> tuple[str, ...]:
    """The query for how many rows there are."""
    if sample is None:
        return (f"SELECT count(*) FROM {table.quoted}",)  # noqa: S608 - quoted by the server
    number = f"count(*) * {sample.factor}"
    return (f"SELECT {number} FROM {table.quoted}", sample.clause)  # noqa: S608 - as above


def floor_proposal(table: Table, sample: Sample | None, rows: int) -> Outcome:
    """What to expect of a table that holds so many rows, or about as many by a sample."""
    if rows < LEAST_ROWS:
        return None
    about = (
        f"about {rows:,} rows, by the sample that is taken here" if sample else count(rows, "row")
    )
    who = f"; {count(table.referring, 'table')} refer to it" if table.referring > 1 else ""
    who = "; another table refers to it" if table.referring == 1 else who
    return Proposal(
        section=Section.CHECKS,
        target=table.target,
        entry={"name": f"rows of {table.target}", "expect": f">= {floor(rows)}"},
        lines=count_lines(table, sample),
        why=f"Today it holds {about}{who}.",
    )


def references(tables: Sequence[Table]) -> Iterator[Reference | Omitted]:
    """The columns that look like references, without a foreign key; in order."""
    candidates = [table for table in tables if table.usable and not names.is_log_like(table.name)]
    parents: dict[tuple[str, str], list[tuple[Table, Column]]] = {}
    for table in candidates:
        for key in table.columns:
            if key.is_key and key.type in _FAMILIES:
                for name in sorted(names.reference_names(table.name, key.name)):
                    parents.setdefault((_FAMILIES[key.type], name), []).append((table, key))
    for table in candidates:
        for column in table.columns:
            if column.refers or column.is_key or column.null_share >= 1:
                continue
            found = _parents(table, column, parents)
            if len(found) == 1:
                yield Reference(table=table, column=column, parent=found[0][0], key=found[0][1])
            elif found:
                told = ", ".join(parent.target for parent, _ in found)
                reason = f"it may refer to any of {told}"
                yield Omitted(f"{table.target}.{column.name}", reason)


def _parents(
    table: Table,
    column: Column,
    parents: Mapping[tuple[str, str], Sequence[tuple[Table, Column]]],
) -> list[tuple[Table, Column]]:
    """The tables whose key a column most likely holds, by the longest part of its name."""
    family = _FAMILIES.get(column.type, "")
    said = names.endings(column.name)
    if said[:1] == ["parent_id"]:
        return [(table, key) for key in table.columns if _is_key_of(family, key)]
    for ending in said:
        found = [pair for pair in parents.get((family, ending), ()) if pair[0].oid != table.oid]
        found = [pair for pair in found if pair[0].schema == table.schema] or found
        if found:
            return [pair for pair in found if names.is_of(pair[0].name, ending)] or found
    return []


def _is_key_of(family: str, column: Column) -> bool:
    return column.is_key and _FAMILIES.get(column.type) == family


def orphan_lines(found: Reference, sample: Sample | None) -> tuple[str, ...]:
    """The query for how many rows refer to a row that is not there."""
    where = f"{found.table.quoted} AS x"
    column = f"x.{found.column.quoted}"
    return (
        f"SELECT count(*) FROM {where}{f' {sample.clause}' if sample else ''}",  # noqa: S608 - quoted
        f"WHERE {column} IS NOT NULL AND NOT EXISTS",
        f"(SELECT FROM {found.parent.quoted} AS p WHERE p.{found.key.quoted} = {column})",
    )


def orphan_proposal(
    found: Reference, sample: Sample | None, *, filled: int, orphans: int
) -> Outcome:
    """What to expect of a reference: so many rows were seen, and so many refer to nothing."""
    if not filled:
        return None
    target = f"{found.table.target}.{found.column.name}"
    to = f"{found.parent.target}.{found.key.name}"
    seen = f"{count(filled, 'row')}{' of a sample' if sample else ''}"
    if orphans * 5 > filled:
        return Omitted(target, f"by its name it refers to {to}, by its rows it does not")
    begin = f"By name and type it refers to {to}, and no foreign key sees to that."
    number = f"{orphans:,}" if orphans else "none"
    refer = "refers" if orphans < 2 else "refer"
    told = f"Today {number} of {seen} {refer} to a row that is not there."
    review = "Uncomment it once those are gone." if orphans else ""
    if not orphans and sample:
        review = "The sample is the same one each time; other rows are not looked at."
    return Proposal(
        section=Section.CHECKS,
        target=target,
        entry={"name": f"orphans in {target}", "expect": "= 0"},
        lines=orphan_lines(found, sample),
        why=f"{begin} {told}",
        review=review,
        active=not orphans,
    )


def breach_lines(table: Table, condition: str, sample: Sample | None) -> tuple[str, ...]:
    """The query for how many rows do not meet a condition."""
    where = f"{table.quoted}{f' {sample.clause}' if sample else ''}"
    return (
        f"SELECT count(*) FROM {where}",  # noqa: S608 - quoted by the server
        f"WHERE NOT ({condition})",
    )


def breach_proposal(
    found: Constraint, lines: tuple[str, ...], sample: Sample | None, *, breaches: int
) -> Outcome:
    """What to expect of a constraint whose condition so many rows do not meet."""
    rows = "rows of the sample" if sample else "rows"
    met = f"{breaches:,} {rows} do not" if breaches else f"all {rows} do"
    return Proposal(
        section=Section.CHECKS,
        target=f"{found.table.target}.{found.name}",
        entry={"name": f"rows of {found.table.target} that break {found.name}", "expect": "= 0"},
        lines=lines,
        why=f"The constraint is marked NOT VALID: older rows need not meet it. Today {met}.",
        review="Uncomment it once those rows are gone, or are put right." if breaches else "",
        active=not breaches,
    )
