"""Whether the copy is whole inside: what is checked, in which order, within which time. Pure.

What is to be done is a list of passes, each over groups of jobs: a group is a table, a foreign key,
or the system's catalogs together, and gives one record. A pass may take an equal share of the time
that is left; within it the smallest groups come first, so that a huge one costs no other its turn.
What did not get its turn is named.

    foreign_keys -> heap -> index -> index_rows -> checksums
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from functions.model import Check, CheckClass, Status

HEAP = "heap"
INDEX = "index"
INDEX_ROWS = "index_rows"
FOREIGN_KEYS = "foreign_keys"

LEVELS = {"none": (), "quick": (HEAP, INDEX), "full": (HEAP, INDEX, INDEX_ROWS)}
"""What amcheck does at each level of the configuration."""

AMCHECK = (HEAP, INDEX, INDEX_ROWS)

MOST_FOUND = 10
"""How many findings of a group are kept; with the last of them its search ends."""

MOST_NAMES = 20
"""How many names of what was left out a record holds."""

_EXPECTED = {
    HEAP: "every page can be read, and its rows are well formed",
    INDEX: "every index is in order",
    INDEX_ROWS: "every row is in every index",
    FOREIGN_KEYS: "every row that is referred to is there",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A file to check, `oid`; or, with a `key`, the rows of a table that refer to others."""

    name: str
    bytes: int
    oid: int = 0
    key: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The jobs that give one record. `left_out` names what of it amcheck cannot check, and why.

    Of a foreign key: whether it is `validated`, and else how many orphans the source had; None
    where nobody counted them.
    """

    target: str
    jobs: tuple[Job, ...]
    left_out: tuple[str, ...] = ()
    validated: bool = True
    allowed: int | None = 0

    @property
    def bytes(self) -> int:
        """What there is to read."""
        return sum(job.bytes for job in self.jobs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """One check of all its groups, the smallest first."""

    check: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be done, in order, in `seconds` at most; `amcheck` is the schema where that is.

    `required`: what is not done keeps the drill from passing.
    """

    target: str
    seconds: float
    required: bool
    amcheck: str = ""
    passes: tuple[Pass, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_document(cls, record: Mapping[str, Any]) -> Plan:
        """The plan of a record.

        >>> job = Job(name="s.t", bytes=8192, oid=7)
        >>> group = Group(target="s.t", jobs=(job,), left_out=("s.i: gin",))
        >>> plan = Plan(target="d", seconds=60.0, required=False, amcheck="b",
        ...             passes=(Pass(check=HEAP, groups=(group,)),))
        >>> Plan.from_document(plan.to_document()) == plan
        True
        """
        return cls(
            **{
                **record,
                "passes": tuple(
                    Pass(check=one["check"], groups=tuple(_group(g) for g in one["groups"]))
                    for one in record["passes"]
                ),
            }
        )


def _group(record: Mapping[str, Any]) -> Group:
    jobs = tuple(Job(**job) for job in record["jobs"])
    return Group(**{**record, "jobs": jobs, "left_out": tuple(record["left_out"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """How far a plan has come: the present pass, group and job, and of the job the next block.

    `width` is how many blocks are taken next, 0 as many as a slice has; `tries` how often the job
    was begun in vain. `spent` seconds were spent in all, and `until` so many the pass may go on;
    None before it begins. Of the group: `done` jobs, `seconds`, what was `found`, how many
    `orphans`, and why some of it was `unable` to be checked.
    """

    at: int = 0
    group: int = 0
    job: int = 0
    start: int = 0
    width: int = 0
    tries: int = 0
    spent: float = 0.0
    until: float | None = None
    seconds: float = 0.0
    orphans: int = 0
    found: tuple[str, ...] = ()
    unable: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, record: Mapping[str, Any] | None) -> State:
        """The state of a record.

        >>> State.from_document(None) == State.from_document(asdict(State()))
        True
        """
        known = record or {}
        lists = {name: tuple(known.get(name, ())) for name in ("found", "unable")}
        return cls(**{**known, **lists})

    @property
    def begun(self) -> bool:
        """Whether anything of the present group was done."""
        return bool(self.job or self.start or self.found or self.unable)

    def after(self, seconds: float) -> State:
        """When so many seconds more were spent."""
        return replace(
            self,
            spent=round(self.spent + seconds, 3),
            seconds=round(self.seconds + seconds, 3),
        )

    def next_job(self) -> State:
        """At the beginning of the group's next job."""
        return replace(self, job=self.job + 1, start=0, width=0, tries=0)

    def next_group(self) -> State:
        """At the beginning of the pass's next group.

        >>> State(at=2, group=3, job=4, spent=9.0, until=20.0, found=("x",)).next_group()
        State(at=2, group=4, job=0, start=0, width=0, tries=0, spent=9.0, until=20.0, seconds=0.0, \
orphans=0, found=(), unable=())
        """
        return State(at=self.at, group=self.group + 1, spent=self.spent, until=self.until)

    def next_pass(self) -> State:
        """At the beginning of the next pass."""
        return State(at=self.at + 1, spent=self.spent)

    def finding(self, text: str) -> State:
        """With a finding more; the group is at its end when there are enough.

        >>> state = State(found=("x",) * (MOST_FOUND - 1)).finding("y")
        >>> len(state.found), state.is_full
        (10, True)
        """
        return replace(self, found=(*self.found, text)[:MOST_FOUND])

    def hindered(self, text: str) -> State:
        """With a reason more why something of the group could not be checked."""
        return replace(self, unable=(*self.unable, text)[:MOST_FOUND])

    @property
    def is_full(self) -> bool:
        """Whether enough was found."""
        return len(self.found) >= MOST_FOUND


def until(plan: Plan, state: State) -> float:
    """How many seconds may be spent by the end of the pass that begins: a share of what is left.

    >>> plan = Plan(target="d", seconds=90.0, required=False,
    ...             passes=(Pass(check=HEAP, groups=()), Pass(check=INDEX, groups=())))
    >>> until(plan, State()), until(plan, State(at=1, spent=10.0))
    (45.0, 90.0)
    """
    left = max(0.0, plan.seconds - state.spent)
    return state.spent + left / max(1, len(plan.passes) - state.at)


def order(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The smallest first."""
    return tuple(sorted(groups, key=lambda group: (group.bytes, group.target)))


def of_heaps(rows: Sequence[Mapping[str, Any]]) -> tuple[Group, ...]:
    """The files with rows (sql/integrity/heaps.sql) by the table that they belong to.

    >>> rows = [{"target": "s.t", "oid": 1, "name": "s.t", "bytes": 9},
    ...         {"target": "s.t", "oid": 2, "name": "the toast table of s.t", "bytes": 5}]
    >>> [(group.target, group.bytes) for group in of_heaps(rows)]
    [('s.t', 14)]
    """
    jobs: dict[str, list[Job]] = {}
    for row in rows:
        job = Job(name=row["name"], bytes=row["bytes"], oid=row["oid"])
        jobs.setdefault(row["target"], []).append(job)
    return order([Group(target=target, jobs=tuple(found)) for target, found in jobs.items()])


def of_indexes(
    rows: Sequence[Mapping[str, Any]], heaps: Sequence[Mapping[str, Any]]
) -> tuple[Group, ...]:
    """The indexes (sql/integrity/indexes.sql) by the table that they belong to.

    >>> index = {"heap": 1, "oid": 5, "name": "s.i", "method": "btree", "valid": True, "bytes": 9}
    >>> found = of_indexes([index, {**index, "name": "s.g", "method": "gin"}],
    ...                    [{"target": "s.t", "oid": 1}])
    >>> [(group.target, [job.name for job in group.jobs], group.left_out) for group in found]
    [('s.t', ['s.i'], ('s.g: of the method gin',))]
    """
    target_of = {heap["oid"]: str(heap["target"]) for heap in heaps}
    jobs: dict[str, list[Job]] = {}
    left_out: dict[str, list[str]] = {}
    for row in rows:
        target = target_of[row["heap"]]
        if row["method"] != "btree":
            left_out.setdefault(target, []).append(f"{row['name']}: of the method {row['method']}")
        elif not row["valid"]:
            left_out.setdefault(target, []).append(f"{row['name']}: it is not valid")
        else:
            job = Job(name=row["name"], bytes=row["bytes"], oid=row["oid"])
            jobs.setdefault(target, []).append(job)
    return order(
        [
            Group(
                target=target,
                jobs=tuple(jobs.get(target, ())),
                left_out=tuple(left_out.get(target, ())),
            )
            for target in dict.fromkeys([*jobs, *left_out])
        ]
    )


def of_keys(
    rows: Sequence[Mapping[str, Any]], on_source: Mapping[str, int | None]
) -> tuple[Group, ...]:
    """The foreign keys (sql/integrity/foreign_keys.sql). `on_source` are the orphans there.

    A key that is not validated holds for new rows alone: what older ones refer to may be missing on
    the source too. Of one that is, all must be there.

    >>> key = {"target": "s.t.k", "validated": False, "bytes": 1, "child_schema": "s",
    ...        "child_name": "t"}
    >>> [group.allowed for group in of_keys([key], {"s.t.k": 3}) + of_keys([key], {})]
    [3, None]
    """
    groups: dict[str, Group] = {}
    for row in rows:
        target = row["target"]
        name = f"{row['child_schema']}.{row['child_name']}"
        job = Job(name=name, bytes=row["bytes"], key=dict(row))
        known = groups.get(target) or Group(
            target=target,
            jobs=(),
            validated=row["validated"],
            allowed=0 if row["validated"] else on_source.get(target),
        )
        groups[target] = replace(known, jobs=(*known.jobs, job))
    return order(list(groups.values()))


def record(check: str, group: Group, state: State, *, required: bool, late: bool = False) -> Check:
    """The record of a group. `late`: the time was over before all of it was done.

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

    >>> group = Group(target="s.t", jobs=(Job(name="s.a", bytes=1), Job(name="s.b", bytes=1)))
    >>> _place(group, State(job=1)), _place(group, State(start=70))
    ('s.b', 'block 70 of s.a')
    """
    name = group.jobs[state.job].name
    return f"block {state.start} of {name}" if state.start else name


def skipped(check: str, groups: Sequence[Group], plan: Plan) -> Check:
    """The record of the groups that did not get their turn.

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
