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

HEAP = "heap"
INDEX = "index"
INDEX_ROWS = "index_rows"
FOREIGN_KEYS = "foreign_keys"

LEVELS = {"none": (), "quick": (HEAP, INDEX), "full": (HEAP, INDEX, INDEX_ROWS)}
"""What amcheck does at each level of the configuration."""

AMCHECK = (HEAP, INDEX, INDEX_ROWS)

MOST_FOUND = 10
"""How many findings of a group are kept; with the last of them its search ends."""


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
