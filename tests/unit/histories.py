"""A table of PostgreSQL told by its log: what is true, to hold the judgement of a copy against.

The log keeps every row version that ever was, who wrote it and who ended it, and when each
transaction committed. Whatever is asked is answered from it afterwards. A tick is a step of the
history; a snapshot of a tick is taken after its step. A row holds a number. A prepared transaction
is one that is open; a frozen version is any other one, for its writer's id stays where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

from functions.aurora.comparison import ROUND
from functions.aurora.digest import Digest

CHUNKS: Final = 3
CHUNK_BLOCKS: Final = 2
CONTENTS: Final = 30
NEVER: Final = 1 << 62


@cache
def digest_of(content: int) -> Digest:
    """The digest of a row that holds the number: no two sums of them are equal by accident."""
    told = hashlib.sha256(b"%d" % content).digest()
    first, second = (int.from_bytes(told[n : n + 8], "big", signed=True) for n in (0, 8))
    return Digest(rows=1, first=first, second=second)


def total(contents: Iterable[int]) -> Digest:
    """The digest of rows that hold these numbers."""
    return sum(map(digest_of, contents), Digest())


class Place(NamedTuple):
    """Where a row version stands."""

    block: int
    line: int

    @property
    def ctid(self) -> str:
        """As PostgreSQL writes it."""
        return f"({self.block},{self.line})"

    @property
    def chunk(self) -> int:
        """The number of its chunk."""
        return self.block // CHUNK_BLOCKS


@dataclass(eq=False, slots=True)
class Transaction:
    """A transaction. It is `stamped` when its commit is logged, and `seen` as ended a bit later."""

    ids: list[Id] = field(default_factory=list)
    stamped: int = NEVER
    seen: int = NEVER
    aborted: bool = False

    @property
    def running(self) -> bool:
        """Whether others take it to be under way."""
        return self.seen == NEVER and not self.aborted


@dataclass(eq=False, slots=True)
class Id:
    """What a transaction or subtransaction writes under; it gets its number when it needs one.

    `wrote` is when the log first bears the number.
    """

    of: Transaction
    xid: int = -1
    wrote: int = NEVER
    rolled_back: bool = False

    @property
    def undone(self) -> bool:
        """Whether all that it did never happened."""
        return self.rolled_back or self.of.aborted

    def committed(self, at: int) -> bool:
        """Whether its commit was logged by then."""
        return self.of.stamped <= at and not self.rolled_back


class Ending(NamedTuple):
    """What ends a version, unless it is undone; `mark` is what the version bears for it."""

    by: Id
    mark: int


@dataclass(eq=False, slots=True)
class Row:
    """A row version. `freed` says that its place was given away."""

    place: Place
    writer: Id
    content: int
    endings: list[Ending] = field(default_factory=list)
    lockers: list[Id] = field(default_factory=list)
    freed: bool = False

    @property
    def ending(self) -> Ending | None:
        """The one that is not undone."""
        return next((each for each in self.endings if not each.by.undone), None)

    def there(self, at: int) -> bool:
        """Whether it is in the table as of that moment."""
        ended = any(each.by.committed(at) for each in self.endings)
        return self.writer.committed(at) and not ended


class Snapshot(NamedTuple):
    """A snapshot as PostgreSQL takes it."""

    xmin: int
    xmax: int
    running: frozenset[int]

    def ended(self, one: Id) -> bool:
        """Whether it sees what was done under that id."""
        return one.xid < self.xmax and one.xid not in self.running and not one.undone

    def sees(self, row: Row) -> bool:
        """Whether it sees the version."""
        return self.ended(row.writer) and not any(self.ended(each.by) for each in row.endings)


class Step(NamedTuple):
    """One thing that happens, as numbers: whatever they are, they mean something."""

    what: str
    number: int


WHAT: Final = (
    *("insert", "insert", "update", "update", "update", "move", "delete", "delete", "delete"),
    *("lock", "lock", "begin", "begin", "assign", "savepoint", "rollback", "commit", "commit"),
    *("commit", "settle", "settle", "abort", "vacuum", "burn"),
)
MOST_OPEN: Final = 5
NUMBERS: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """When what is read, in ticks; of the chunks one by one.

    The restore point is right after `point`. `before` and `after` are when the ids are taken that
    bound it, `between` when other snapshots look. Where a chunk is `listed` its first snapshot is
    open until its second.
    """

    point: int
    firsts: tuple[int, ...]
    seconds: tuple[int, ...]
    listed: tuple[bool, ...]
    before: int
    after: int
    between: tuple[int, ...]

    def held(self, now: int) -> set[int]:
        """When the snapshots were taken that are open now."""
        chunks = zip(self.firsts, self.seconds, self.listed, strict=True)
        return {first for first, second, listed in chunks if listed and first < now <= second}


@dataclass(slots=True)
class Source:
    """A server with one table, as its log tells it."""

    began: int
    next_xid: int
    next_multi: int
    rows: list[Row] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    open: list[list[Id]] = field(default_factory=list)
    updaters: dict[int, Id | None] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)
    now: int = 0
    own_from: int = 0
    closed_after: int = 0

    def put(self, block: int, writer: Id, content: int) -> None:
        """A new version, in a place that was given away or behind all others."""
        lines = {row.place.line for row in self.rows if row.place.block == block and not row.freed}
        line = next(line for line in range(1, len(self.rows) + 2) if line not in lines)
        self.rows.append(Row(Place(block, line), writer, content))

    def need(self, one: Id, *, writes: bool) -> None:
        """See that it has a number, and whether the log bears it from now on."""
        if one.xid < 0:
            one.xid, self.next_xid = self.next_xid, self.next_xid + 1
            if not one.of.ids:
                self.transactions.append(one.of)
            one.of.ids.append(one)
        if writes:
            one.wrote = min(one.wrote, self.now)

    def burn(self, count: int, *, commits: bool = True) -> None:
        """A transaction elsewhere, with so many ids, from beginning to end."""
        elsewhere = Transaction()
        for _ in range(count):
            self.need(Id(elsewhere), writes=True)
        elsewhere.aborted = not commits
        if commits:
            elsewhere.stamped = elsewhere.seen = self.now

    def settle(self, by: int) -> None:
        """All that was committed by then is seen to be."""
        for each in self.transactions:
            if each.stamped <= by and each.running:
                each.seen = self.now

    def end(self, row: Row, by: Id) -> None:
        """Mark the version as ended: with an id, or the number of several where others hold it."""
        mark = by.xid % ROUND
        if held_by_others(row, by):
            mark, self.next_multi = self.next_multi, (self.next_multi + 1) % ROUND
            self.updaters[mark] = by
        row.endings.append(Ending(by, mark))

    def lock(self, row: Row, by: Id) -> None:
        """Hold the version, so that the mark ends nothing; a number of several may be used up."""
        if held_by_others(row, by):
            self.updaters[self.next_multi] = None
            self.next_multi = (self.next_multi + 1) % ROUND
        row.lockers.append(by)

    def snapshot(self) -> Snapshot:
        """One that is taken now."""
        ids = [one for each in self.transactions for one in each.ids]
        running = {one.xid for one in ids if one.of.running and not one.rolled_back}
        ended = [one.xid for one in ids if one.xid not in running]
        xmax = max(ended, default=self.began - 1) + 1
        return Snapshot(min(running | {xmax}), xmax, frozenset(running))

    def vacuum(self, held: Iterable[int]) -> None:
        """Give away the places of versions that nobody can see any more."""
        now = [self.snapshot(), *(self.snapshots[tick] for tick in held)]
        for row in self.rows:
            ended = row.ending is not None and all(each.ended(row.ending.by) for each in now)
            row.freed |= row.writer.undone or ended


def held_by_others(row: Row, by: Id) -> bool:
    """Whether somebody else has locked the version."""
    return any(one.of.running and not one.undone and one is not by for one in row.lockers)


def run(
    steps: Sequence[Step],
    moments: Moments,
    *,
    start: int,
    existing: Sequence[tuple[int, int]],
    multi_ahead: int,
) -> Source:
    """A history from the first transaction id on, with rows that exist already.

    Those are of transactions so many ids before the start, and in those blocks.
    """
    source = Source(start, start, (start + multi_ahead) % ROUND)
    for number, (ago, block) in enumerate(existing):
        done = Transaction(stamped=0, seen=0)
        source.put(block, Id(done, xid=start - ago, wrote=0), number % CONTENTS)
    source.snapshots.append(source.snapshot())
    for now, step in enumerate(steps, 1):
        source.now = now
        _take(source, step, moments)
        if now == moments.before:
            source.burn(1)
            source.own_from = source.next_xid
        if now == moments.after:
            source.closed_after = source.next_xid
            source.burn(1)
        if now == min(moments.seconds):
            source.settle(moments.point)
        source.snapshots.append(source.snapshot())
    return source


def _take(source: Source, step: Step, moments: Moments) -> None:
    number = step.number
    if not source.open or (step.what == "begin" and len(source.open) < MOST_OPEN):
        source.open.append([Id(Transaction())])
    stack = source.open[number % len(source.open)]
    top, one, number = stack[0], stack[-1], number // MOST_OPEN
    match step.what:
        case "insert" | "update" | "move" | "delete" | "lock":
            _write(source, step.what, stack, number)
        case "assign":
            source.need(top, writes=False)
        case "savepoint":
            stack.append(Id(top.of))
        case "rollback" if one is not top:
            stack.pop().rolled_back = True
        case "commit":
            source.open.remove(stack)
            top.of.stamped = source.now
        case "settle":
            source.settle(source.now)
        case "abort":
            source.open.remove(stack)
            top.of.aborted = True
        case "vacuum":
            source.vacuum(moments.held(source.now))
        case "burn":
            source.burn(1 + number % 9, commits=number % 2 == 0)
        case _:
            pass


def _write(source: Source, what: str, stack: list[Id], number: int) -> None:
    top, one = stack[0], stack[-1]
    live = [
        row
        for row in source.rows
        if not (row.ending or row.writer.undone or row.freed)
        and (row.writer.of is top.of or not row.writer.of.running)
        and (what != "delete" or not held_by_others(row, one))
    ]
    if what != "insert" and not live:
        return
    for each in stack:
        source.need(each, writes=each is one)
    content = number % CONTENTS
    block = number % (CHUNKS * CHUNK_BLOCKS)
    if what == "insert":
        source.put(block, one, content)
        return
    row = live[number % len(live)]
    if what == "lock":
        source.lock(row, one)
        return
    source.end(row, one)
    if what == "update":
        source.put(row.place.block, one, content)
    elif what == "move":
        source.put((row.place.block + CHUNK_BLOCKS) % (CHUNKS * CHUNK_BLOCKS), one, content)
