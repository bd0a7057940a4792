"""Random histories, what two readings have found of each, and its copy: true, or with a fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hypothesis import strategies as some

from functions.aurora.comparison import ROUND
from functions.aurora.judging import Ends, Found, Judged, judge
from functions.aurora.sandwich import Version
from tests.unit.histories import (
    CHUNK_BLOCKS,
    CHUNKS,
    CONTENTS,
    NUMBERS,
    WHAT,
    Moments,
    Place,
    Row,
    Source,
    Step,
    digest_of,
    run,
    total,
)
from tests.unit.history_readings import Copy, Held, Read, read, restore


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A history, what was read of it, and the true copy."""

    source: Source
    moments: Moments
    reads: tuple[Read, ...]
    copy: Copy
    bounded: bool

    def compared(self, copy: Copy) -> list[Read]:
        """The chunks that can be compared."""
        return [each for each in self.reads if each.comparable(copy.next_xid)]

    def ends(self, copy: Copy) -> Ends:
        """Of the transactions that were asked for. Those that came too late are not committed."""
        asked = {xid for each in self.reads for xid in each.sandwich.transactions()}
        return Ends(
            committed=copy.committed & asked,
            own_from=self.source.own_from,
            closed_after=self.source.closed_after if self.bounded else None,
        )

    def late(self, xid: int) -> bool:
        """Whether a transaction is known to have begun too late."""
        return self.bounded and xid >= self.source.closed_after

    def committed(self, copy: Copy, xid: int) -> set[bool]:
        """What may be true of a transaction: that it was committed by the restore point, or not."""
        if xid not in copy.committed or self.late(xid):
            return {False}
        return {True, False} if xid >= self.source.own_from else {True}

    def judge(self, each: Read, copy: Copy) -> Judged:
        return judge(each.sandwich, found(each, copy), self.ends(copy))


def found(each: Read, copy: Copy) -> Found:
    """What is read of a chunk of the copy."""
    rows = copy.within(each)
    at = {version.ctid for version in each.sandwich.gone if version.writer is None}
    versions = [Version(place.ctid, xid, digest_of(held)) for place, xid, held in rows]
    return Found(
        old=total(held for _, xid, held in rows if xid is None),
        new=tuple(version for version in versions if version.writer is not None),
        at_gone=tuple(v for v in versions if v.writer is None and v.ctid in at),
    )


a_number = some.integers(0, NUMBERS)
a_step = some.builds(Step, some.sampled_from(WHAT), a_number)
a_block = some.integers(0, CHUNKS * CHUNK_BLOCKS - 1)
an_existing_row = some.tuples(
    some.integers(1, 300) | some.integers(-60, 400).map(lambda ahead: ROUND - ahead), a_block
)


@some.composite
def drills(draw: some.DrawFn) -> Drill:
    steps = draw(some.integers(3, 45).flatmap(lambda n: some.lists(a_step, min_size=n, max_size=n)))
    last = len(steps)
    point = draw(some.integers(1, last - 1))
    before, after = draw(some.integers(1, point)), draw(some.integers(point + 1, last))

    def ticks(least: int, most: int, count: int = CHUNKS) -> tuple[int, ...]:
        return tuple(draw(some.lists(some.integers(least, most), min_size=count, max_size=count)))

    moments = Moments(
        point=point,
        firsts=ticks(0, before),
        seconds=ticks(after, last),
        listed=tuple(draw(some.lists(some.booleans(), min_size=CHUNKS, max_size=CHUNKS))),
        before=before,
        after=after,
        between=ticks(0, last, draw(some.integers(0, 3))),
    )
    start = draw(some.sampled_from([5000, ROUND - 20, ROUND + 5000, 7 * ROUND - 9]))
    existing = draw(some.lists(an_existing_row, max_size=12))
    source = run(
        steps,
        moments,
        start=start,
        existing=[(ago, block) for ago, block in existing if start - ago >= 3],
        multi_ahead=draw(some.integers(-5, 25)),
    )
    looked, untold = draw(some.booleans()), draw(some.sampled_from([0, 0, 2]))
    bounded = draw(some.sampled_from([True, True, False]))
    return Drill(
        source=source,
        moments=moments,
        reads=tuple(
            read(source, moments, number, bounded=bounded, looked=looked, untold=untold)
            for number in range(CHUNKS)
        ),
        copy=restore(source, point, own=draw(some.sampled_from([0, 3, 40]))),
        bounded=bounded,
    )


FAULTS: Final = (
    *("lose", "lose", "change", "change", "resurrect", "resurrect", "rewrite", "undo", "forge"),
    *("swap", "double", "late", "elsewhen", "forget", "forget"),
)


def touched(drill: Drill) -> list[Row]:
    """The versions that went or came, as readings tell it: a fault is likeliest missed there."""
    return [
        row
        for each in drill.reads
        for row in {*each.first, *each.second, *each.glimpsed}
        if row not in each.second or row.writer.xid >= each.horizon
    ]


def damaged(drill: Drill, fault: str, number: int) -> Copy:
    """The true copy with a fault; itself where it cannot have that one."""
    copy, source = drill.copy, drill.source
    rows = dict(copy.rows)
    near = sorted(row.place for row in touched(drill) if row.place in rows)
    places = near if near and number % 4 else sorted(rows)
    number //= 4
    place = places[number % len(places)] if places else None
    other = sorted(rows)[number // 64 % len(rows)] if rows else None
    content = number // 64 % CONTENTS
    room = Place(number % (CHUNKS * CHUNK_BLOCKS), 900)
    lost = [row for row in source.rows if row.place not in rows]
    match fault:
        case "lose" if place:
            del rows[place]
        case "change" if place:
            rows[place] = rows[place]._replace(content=content)
        case "rewrite" if place:
            rows[place] = rows[place]._replace(writer=source.closed_after - 1 - number % 4)
        case "resurrect" if lost:
            row = lost[number % len(lost)]
            rows[row.place] = Held(row.writer.xid, row.content)
        case "undo":
            enders = {row.ending.by: row for row in lost if row.ending}
            newer = [row for row in source.rows if row.writer in enders and row.place in rows]
            if newer:
                row = newer[number % len(newer)]
                before = enders[row.writer]
                del rows[row.place]
                rows[before.place] = Held(before.writer.xid, before.content)
        case "forge":
            rows[room] = Held(source.began - 1 - number % 500, content)
        case "swap" if place and other:
            one, two = rows[place], rows[other]
            rows[place] = one._replace(content=two.content)
            rows[other] = two._replace(content=one.content)
        case "double" if place:
            rows[room] = rows[place]
        case "late":
            rows[room] = Held(source.closed_after + number % 3, content)
        case "elsewhen":
            return restore(source, number % (source.now + 1), own=copy.next_xid - copy.own_from)
        case "forget":
            return forgotten(drill, number)
        case _:
            return copy
    return replace(copy, rows=rows)


def forgotten(drill: Drill, number: int) -> Copy:
    """The true copy, which has lost the commit of a transaction; perhaps its rows are there yet."""
    copy = drill.copy
    writers = sorted({row.writer.xid for row in touched(drill)} & copy.committed)
    if not writers:
        return copy
    xid = writers[number % len(writers)]
    rows = {
        place: held
        for place, held in copy.rows.items()
        if held.writer != xid or number // 64 % 3 == 0
    }
    return replace(copy, rows=rows, committed=copy.committed - {xid})
