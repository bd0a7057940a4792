"""Whether the copy has the tables that the witness saw. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from functions.aurora.manifest import Table, Witnessed
from functions.model import Check, CheckClass, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The tables known to have been there by a moment, and not yet, each with how it is known."""

    older: dict[str, str] = field(default_factory=dict)
    younger: dict[str, str] = field(default_factory=dict)


def compare_tables(
    witnessed: Sequence[Witnessed], there: Mapping[str, Table], *, waived: bool
) -> list[Check]:
    """Whether every table of the witness is there. `there` is by target.

    `waived`: a table that was made or dropped meanwhile may be missing. Of what a table is made the
    fingerprint tells.
    """
    return [_present(table, there, waived=waived) for table in witnessed]


def compare_names(
    witnessed: Sequence[Witnessed],
    there: Mapping[str, Table],
    database: str,
    *,
    known: Known,
    waived: bool,
) -> list[Check]:
    """Whether there are tables at all, and which of today's, for a restore point in the past.

    `known` are tables of which other runs know whether they were there. Of the others nobody
    knows, and one that is missing is not run; `waived`: the configuration demands nothing of them.
    """
    some = Check(
        name="tables",
        check_class=CheckClass.SCHEMA,
        target=database,
        status=Status.PASSED if there else Status.FAILED,
        expected="at least 1 table",
        observed=f"{len(there)} tables",
    )
    return [some, *(_past(table, there, known, waived=waived) for table in witnessed)]


def compare_schemas(schemas: Sequence[str], there: Mapping[str, Table]) -> list[Check]:
    """Whether each configured schema holds a table, where no witness says which there were.

    >>> [check.observed for check in compare_schemas(["sales"], {})]
    ['absent, or without a table']
    """
    held = {name: sum(table.schema == name for table in there.values()) for name in schemas}
    return [
        Check(
            name="schema_present",
            check_class=CheckClass.SCHEMA,
            target=name,
            status=Status.PASSED if tables else Status.FAILED,
            expected="at least 1 table",
            observed=f"{tables} tables" if tables else "absent, or without a table",
        )
        for name, tables in held.items()
    ]


def unreadable(database: str, problem: str) -> Check:
    """The check of a catalog that cannot be read."""
    return Check(
        name="catalog",
        check_class=CheckClass.SCHEMA,
        target=database,
        status=Status.FAILED,
        expected="the catalog can be read",
        observed="unreadable",
        detail=problem,
    )


def _present(witnessed: Witnessed, there: Mapping[str, Table], *, waived: bool) -> Check:
    if witnessed.target in there or witnessed.lasting:
        return _presence(witnessed, there)
    unsure = _presence(witnessed, there, Status.NOT_RUN, witnessed.reason)
    return replace(unsure, by_configuration=waived and not witnessed.swapped)


def _past(witnessed: Witnessed, there: Mapping[str, Table], known: Known, *, waived: bool) -> Check:
    target = witnessed.target
    if target in there:
        return _presence(witnessed, there)
    if target in known.older:
        return _presence(witnessed, there, Status.FAILED, known.older[target])
    if target in known.younger:
        younger = _presence(witnessed, there, Status.PASSED, known.younger[target])
        return replace(younger, expected="absent: it is younger")
    unknown = "it is on the source now; whether it was at the restore point nobody knows"
    return replace(_presence(witnessed, there, Status.NOT_RUN, unknown), by_configuration=waived)


def _presence(
    witnessed: Witnessed,
    there: Mapping[str, Table],
    absent: Status = Status.FAILED,
    detail: str = "",
) -> Check:
    present = witnessed.target in there
    return Check(
        name="table_present",
        check_class=CheckClass.SCHEMA,
        target=witnessed.target,
        status=Status.PASSED if present else absent,
        expected="there",
        observed="there" if present else "absent",
        detail=detail,
    )
