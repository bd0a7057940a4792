"""Whether the copy has the tables, columns and extensions that the witness saw. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.aurora.comparison import difference
from functions.aurora.manifest import Table, Witnessed
from functions.model import Check, CheckClass, Status


def compare_tables(witnessed: Sequence[Witnessed], there: Mapping[str, Table]) -> list[Check]:
    """Whether every table of the witness is there, with its columns. `there` is by target."""
    checks = []
    for table in witnessed:
        checks.append(_present(table, there, in_the_past=False))
        if table.target in there:
            checks.append(_columns(table, there[table.target]))
    return checks


def compare_names(
    witnessed: Sequence[Witnessed], there: Mapping[str, Table], database: str
) -> list[Check]:
    """Whether there are tables at all, and which of today's, for a restore point in the past."""
    some = Check(
        name="tables",
        check_class=CheckClass.SCHEMA,
        target=database,
        status=Status.PASSED if there else Status.FAILED,
        expected="at least 1 table",
        observed=f"{len(there)} tables",
    )
    return [some, *(_present(table, there, in_the_past=True) for table in witnessed)]


def compare_extensions(witnessed: Sequence[str], there: Sequence[str], database: str) -> Check:
    """Whether every extension of the witness is there, in its version.

    >>> check = compare_extensions(["citext 1.6", "plpgsql 1.0"], ["plpgsql 1.0"], "d")
    >>> check.status, check.observed, check.detail
    (<Status.FAILED: 'failed'>, '1 missing', 'citext 1.6')
    """
    missing = [name for name in witnessed if name not in there]
    return Check(
        name="extensions",
        check_class=CheckClass.SCHEMA,
        target=database,
        status=Status.FAILED if missing else Status.PASSED,
        expected=f"{len(witnessed)} extensions as witnessed",
        observed=f"{len(missing)} missing" if missing else "all there",
        detail=", ".join(missing),
    )


def _present(witnessed: Witnessed, there: Mapping[str, Table], *, in_the_past: bool) -> Check:
    present = witnessed.target in there
    absent = Status.NOT_RUN if in_the_past else Status.FAILED
    return Check(
        name="table_present",
        check_class=CheckClass.SCHEMA,
        target=witnessed.target,
        status=Status.PASSED if present else absent,
        expected="there",
        observed="there" if present else "absent",
        detail="" if present or not in_the_past else "it may be younger than the restore point",
        by_configuration=in_the_past and not present,
    )


def _columns(witnessed: Witnessed, found: Table) -> Check:
    """Whether a table has its columns, in the state before T or after it."""
    before, after = witnessed.columns_before, witnessed.columns_after
    wrong = difference(after, found.columns)
    if not wrong or found.columns == before:
        status, detail = Status.PASSED, ""
    elif before == after:
        status, detail = Status.FAILED, wrong
    else:
        status, detail = Status.NOT_RUN, "it was altered while the source was witnessed"
    return Check(
        name="schema",
        check_class=CheckClass.SCHEMA,
        target=witnessed.target,
        status=status,
        expected=f"{len(before)} columns as witnessed",
        observed=f"{len(found.columns)} columns{', which differ' if wrong else ''}",
        detail=detail,
    )
