"""What a look inside the copy has come to, as records. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from functions.aurora.integrity import (
    FOREIGN_KEYS,
    HEAP,
    INDEX,
    INDEX_ROWS,
    MOST_FOUND,
    Group,
    Plan,
    State,
)
from functions.model import Check, CheckClass, Status

MOST_NAMES = 20
"""How many names of what was left out a record holds."""

_EXPECTED = {
    HEAP: "every page can be read, and its rows are well formed",
    INDEX: "every index is in order",
    INDEX_ROWS: "every row is in every index",
    FOREIGN_KEYS: "every row that is referred to is there",
}


def record(check: str, group: Group, state: State, *, required: bool, late: bool = False) -> Check:
    """The record of a group. `late`: the time was over before all of it was done.

    >>> from functions.aurora.integrity import Job
    >>> group = Group(target="s.t", jobs=(Job(name="s.t", bytes=8192 * 9),))
    >>> whole = record(HEAP, group, State(job=1), required=False)
    >>> whole.status, whole.observed
    (<Status.PASSED: 'passed'>, 'no damage in 72 KiB')
    >>> part = record(HEAP, group, State(start=4), required=False, late=True)
    >>> part.status, part.by_configuration, part.observed, part.detail
    (<Status.NOT_RUN: 'not_run'>, True, 'not all checked', \
'the time was over at block 4 of s.t')
    >>> damaged = record(HEAP, group, State(found=("s.t: block 3: bad",)), required=False)
    >>> damaged.status, damaged.observed, damaged.detail
    (<Status.FAILED: 'failed'>, '1 finding', 's.t: block 3: bad')
    """
    rest = [*state.unable]
    if late and state.job < len(group.jobs):
        rest.append(f"the time was over at {_place(group, state)}")
    if check == FOREIGN_KEYS and not state.found:
        return _of_key(group, state, rest, required=required)
    notes = [f"not checked: {name}" for name in _few(group.left_out)]
    if state.found:
        more = [f"after {MOST_FOUND} findings the search ended"] if state.is_full else []
        number = f"{len(state.found)} finding{'' if len(state.found) == 1 else 's'}"
        return _check(
            check,
            group,
            state,
            Status.FAILED,
            number,
            [*state.found, *more, *rest, *notes],
        )
    if rest or not group.jobs:
        told = _check(check, group, state, Status.NOT_RUN, "not all checked", [*rest, *notes])
        # A table whose only indexes are of other methods is no fault of this run.
        return replace(told, by_configuration=not required or not rest)
    observed = f"no damage in {_size(group.bytes)}"
    return _check(check, group, state, Status.PASSED, observed, notes)


def _of_key(group: Group, state: State, rest: Sequence[str], *, required: bool) -> Check:
    """The record of a foreign key whose rows could be read.

    >>> from functions.aurora.integrity import Job
    >>> group = Group(target="s.t.k", jobs=(Job(name="s.t", bytes=0),), validated=False, allowed=2)
    >>> [_of_key(group, State(job=1, orphans=n), [], required=False).status.value for n in (2, 3)]
    ['passed', 'failed']
    >>> nobody = _of_key(replace(group, allowed=None), State(job=1, orphans=2), [], required=True)
    >>> nobody.status.value, nobody.detail
    ('not_run', 'the key is not validated, and how many the source has is not known')
    """
    orphans = state.orphans
    observed = f"{orphans or 'no'} row{'' if orphans == 1 else 's'} without"
    kind = "the key is validated" if group.validated else "the key is not validated"
    if group.allowed is not None and orphans > group.allowed:
        known = "" if group.validated else f", and the source has {group.allowed}"
        return _check(
            FOREIGN_KEYS, group, state, Status.FAILED, observed, [f"{kind}{known}", *rest]
        )
    if not rest and (group.allowed is not None or not orphans):
        as_there = [f"{kind}; as on the source" if orphans else kind]
        return _check(FOREIGN_KEYS, group, state, Status.PASSED, observed, as_there)
    why = rest or [f"{kind}, and how many the source has is not known"]
    told = _check(FOREIGN_KEYS, group, state, Status.NOT_RUN, observed, why)
    return replace(told, by_configuration=not required)


def _check(
    name: str, group: Group, state: State, status: Status, observed: str, notes: Sequence[str]
) -> Check:
    return Check(
        name=name,
        check_class=CheckClass.INTEGRITY,
        target=group.target,
        status=status,
        expected=_EXPECTED[name],
        observed=observed,
        detail="; ".join(notes),
        seconds=state.seconds,
    )


def _place(group: Group, state: State) -> str:
    """Where a group stands.

    >>> from functions.aurora.integrity import Job
    >>> group = Group(target="s.t", jobs=(Job(name="s.a", bytes=1), Job(name="s.b", bytes=1)))
    >>> _place(group, State(job=1)), _place(group, State(start=70))
    ('s.b', 'block 70 of s.a')
    """
    name = group.jobs[state.job].name
    return f"block {state.start} of {name}" if state.start else name


def skipped(check: str, groups: Sequence[Group], plan: Plan) -> Check:
    """The record of the groups that did not get their turn.

    >>> from functions.aurora.integrity import Job
    >>> groups = [Group(target=f"s.t{n}", jobs=(Job(name="", bytes=1024),)) for n in range(3)]
    >>> plan = Plan(target="d", seconds=60.0, required=False)
    >>> check = skipped(HEAP, groups, plan)
    >>> check.status.value, check.observed
    ('not_run', '3 not checked, 3 KiB')
    >>> check.detail
    'for lack of time (integrity.budget 60 s): s.t0, s.t1, s.t2'
    """
    names = _few([group.target for group in groups])
    return not_run(
        check,
        plan.target,
        f"for lack of time (integrity.budget {plan.seconds:.0f} s): {', '.join(names)}",
        required=plan.required,
        observed=f"{len(groups)} not checked, {_size(sum(group.bytes for group in groups))}",
    )


def not_run(
    check: str, target: str, detail: str, *, required: bool, observed: str = "not checked"
) -> Check:
    """The record of a check that was not done."""
    return Check(
        name=check,
        check_class=CheckClass.INTEGRITY,
        target=target,
        status=Status.NOT_RUN,
        expected=_EXPECTED.get(check, "a look inside the copy"),
        observed=observed,
        detail=detail,
        by_configuration=not required,
    )


def checksums(target: str, *, enabled: bool, failures: int, seconds: float = 0.0) -> Check:
    """Whether pages that were read did not match their checksums.

    >>> [checksums("d", enabled=e, failures=n).status.value for e, n in ((1, 0), (1, 2), (0, 0))]
    ['passed', 'failed', 'not_run']
    """
    if not enabled:
        off = "the pages carry no checksums of PostgreSQL's"
        return replace(not_run("checksums", target, off, required=False), expected="no failure")
    return Check(
        name="checksums",
        check_class=CheckClass.INTEGRITY,
        target=target,
        status=Status.FAILED if failures else Status.PASSED,
        expected="no page that was read has failed its checksum",
        observed=f"{failures or 'no'} failure{'' if failures == 1 else 's'}",
        detail="counted by the server since it was started, of the pages that were read",
        seconds=seconds,
    )


def collation_versions(
    target: str,
    found: Sequence[Mapping[str, Any]],
    on_source: Sequence[Mapping[str, Any]] | None,
) -> Check:
    """Whether the libraries sort by the versions that were recorded when indexes were made.

    Where they do not on the source either, the copy is as good as that: the detail says so.

    >>> row = {"name": "the default", "recorded": "2.31", "actual": "2.36"}
    >>> check = collation_versions("d", [row], [])
    >>> check.status.value, check.observed, check.detail
    ('failed', '1 sorts otherwise', 'the default: recorded 2.31, sorts by 2.36')
    >>> collation_versions("d", [row], [row]).status.value
    'passed'
    """
    known = [dict(row) for row in on_source or ()]
    new = [row for row in found if dict(row) not in known]
    old = [row for row in found if dict(row) in known]
    notes = [
        *_few([_versions(row) for row in new]),
        *_few([f"as on the source: {_versions(row)}" for row in old]),
    ]
    verb = "sorts" if len(new) == 1 else "sort"
    return Check(
        name="collation_versions",
        check_class=CheckClass.INTEGRITY,
        target=target,
        status=Status.FAILED if new else Status.PASSED,
        expected="what is in use sorts by the version that was recorded",
        observed=f"{len(new)} {verb} otherwise" if new else "all that is in use does",
        detail="; ".join(notes),
    )


def _versions(row: Mapping[str, Any]) -> str:
    return f"{row['name']}: recorded {row['recorded']}, sorts by {row['actual'] or 'none'}"


def large_objects(counted: Check, *, required: bool) -> Check:
    """The count of the table of large objects, as a check of its own.

    Without a bound it says nothing: large objects are in no table that a witness reads else.
    """
    named = replace(counted, name="large_objects", check_class=CheckClass.INTEGRITY, level=None)
    if counted.status is Status.NOT_RUN:
        return replace(named, by_configuration=not required)
    return named


def _few(names: Sequence[str]) -> list[str]:
    """The first of the names, and how many more there are.

    >>> _few(["a"] * (MOST_NAMES + 2))[-1]
    'and 2 more'
    """
    more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return [*names[:MOST_NAMES], *more]


def _size(number: int) -> str:
    """Bytes as a reader takes them in.

    >>> _size(73728), _size(5 * 1024**3)
    ('72 KiB', '5 GiB')
    """
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB")):
        if number >= unit:
            return f"{number / unit:.3g} {name}"
    return f"{number / 1024:.0f} KiB"
