"""The judgement of a copy, chunk by chunk, against random histories of a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from hypothesis import assume, given, settings
from hypothesis import strategies as some

from functions.aurora.comparison import ROUND
from functions.aurora.digest import Digest
from functions.aurora.judging import MOST_DIFFERENCES, Ends, Found, Judged, judge
from functions.aurora.sandwich import Chunk, Sandwich, Version
from tests.unit.histories import (
    CHUNKS,
    Moments,
    Place,
    Row,
    Step,
    digest_of,
    run,
    total,
)
from tests.unit.history_drills import FAULTS, Drill, a_block, a_number, damaged, drills
from tests.unit.history_readings import Copy, Read, read, restore

THOROUGH = settings(max_examples=600, derandomize=True, deadline=None, database=None)
FAIRLY = settings(THOROUGH, max_examples=80)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What must be said of a chunk: the places that are wrong, "" for the rest of it as a whole."""

    wrong: frozenset[str]
    late: int
    undecided: int


def due(drill: Drill, each: Read, copy: Copy) -> Due:
    """What must be said of a chunk of a copy, by the versions themselves."""
    wrong: set[str] = set()
    undecided = 0
    there = {place: (xid, content) for place, xid, content in copy.within(each)}

    def take(row: Row) -> int | None:
        old = row.writer.xid < each.horizon
        if there.get(row.place, (0, 0))[0] != (None if old else row.writer.xid):
            return None
        return there.pop(row.place)[1]

    gone = [row for row in each.first if row not in each.second]
    if each.sandwich.listed:
        for row, version in zip(gone, each.sandwich.gone, strict=True):
            content = take(row)
            ended = {answer for xid in version.enders for answer in drill.committed(copy, xid)}
            undecided += len(ended) != 1
            right = content == row.content and ended != {True}
            if not (right if content is not None else ended != {False}):
                wrong.add(row.place.ctid)
    for row in each.second:
        if row.writer.xid >= each.horizon and not drill.late(row.writer.xid):
            # What an open first snapshot saw was committed, whatever the copy says of it.
            certain = each.sandwich.listed and row in each.first
            written = {True} if certain else drill.committed(copy, row.writer.xid)
            content = take(row)
            undecided += content is None and len(written) == 2
            right = content == row.content and written != {False}
            if not (right if content is not None else written != {True}):
                wrong.add(row.place.ctid)
    for row in each.glimpsed:
        if drill.late(row.writer.xid):
            continue
        content = take(row)
        if content is None:
            undecided += True in drill.committed(copy, row.writer.xid)
        elif content != row.content:
            wrong.add(row.place.ctid)
    unknown = [xid for xid, _ in there.values() if xid is not None]
    late = [xid for xid in unknown if drill.late(xid)]
    undecided += len(unknown) - len(late)

    held = Counter(content for xid, content in there.values() if xid is None)
    least, most = (
        Counter(row.content for row in rows if row.writer.xid < each.horizon)
        for rows in (each.second, each.first)
    )
    if each.sandwich.listed:
        fits = held == least
    else:
        undecided += most.total() - least.total()
        fits = held in (least, most) or least.total() < held.total() < most.total()
    return Due(
        wrong=frozenset(wrong if fits else {*wrong, ""}), late=len(late), undecided=undecided
    )


@settings(THOROUGH, max_examples=300)
@given(drills())
def test_a_true_copy_raises_no_alarm(drill: Drill) -> None:
    together = Judged()
    reads = drill.compared(drill.copy)
    for each in reads:
        assert shown_as_they_are(each)
        judged = drill.judge(each, drill.copy)
        assert judged.differences == ()
        assert due(drill, each, drill.copy).wrong == frozenset()
        assert judged.least <= judged.old <= judged.most
        assert judged.rows == sum(place.chunk == each.number for place in drill.copy.rows)
        if each.sandwich.listed:
            assert judged.unproven == 0
        together += judged
    assert together.due == together.there
    assert (together.late, together.wrong, together.chunks) == (0, 0, len(reads))


def shown_as_they_are(each: Read) -> bool:
    """Whether 32 bits of its writer tell of each version whether it is old, and who wrote it."""
    xids = [row.writer.xid for row in (*each.first, *each.second, *each.glimpsed)]
    return all(each.writer(xid) == (None if xid < each.horizon else xid) for xid in xids)


@THOROUGH
@given(drills(), some.sampled_from(FAULTS), a_number)
def test_what_is_wrong_is_told_and_nothing_else(drill: Drill, fault: str, number: int) -> None:
    copy = damaged(drill, fault, number)
    for each in drill.compared(copy):
        judged, must = drill.judge(each, copy), due(drill, each, copy)
        assert {difference.ctid for difference in judged.differences} == must.wrong
        assert judged.wrong == bool(must.wrong)
        assert judged.late == must.late
        assert judged.undecided == must.undecided
        assert not (each.sandwich.listed and judged.unproven)
        silent = not (must.wrong or must.late or must.undecided or judged.unproven)
        if silent and fault not in ("elsewhen", "forget"):
            assert unreadable(drill, each, copy)


def unreadable(drill: Drill, each: Read, copy: Copy) -> bool:
    """Whether a chunk holds what it must, but for versions that no reading can tell of.

    Those came after the first reading and went before the second; or they are where they may be, by
    a transaction that may be the copy's own.
    """
    known = {
        row.place: row.writer.xid
        for row in (*each.first, *each.second)
        if row in each.first or len(drill.committed(copy, row.writer.xid)) == 1
    }
    true, there = (
        Counter(
            (None, content) if xid is None else (place, content)
            for place, xid, content in one.within(each)
            if xid is None or known.get(place) == xid
        )
        for one in (drill.copy, copy)
    )
    return true == there


def numbers(sandwich: Sandwich) -> Sandwich:
    """What is known of a table whose rows have no digest."""
    chunk = replace(sandwich.chunk, old=Digest(rows=sandwich.chunk.old.rows))
    left = Digest(rows=sandwich.left.rows)
    return Sandwich(chunk=chunk, left=left, listed=False, digested=False)


def test_what_the_source_saw_to_be_committed_is_no_question_to_the_copy() -> None:
    one, two = digest_of(1), digest_of(2)
    chunk = Chunk(start=0, end=2, horizon=700, next_xid=725, old=Digest(), rows=1)
    came = Version("(0,1)", 721, one)
    at_own = Ends(committed=frozenset({721}), own_from=720, closed_after=730)
    denied, closed = replace(at_own, committed=frozenset()), replace(at_own, closed_after=721)
    there, differs = (
        Found(old=Digest(), new=(came,)),
        Found(old=Digest(), new=(Version("(0,1)", 721, two),)),
    )
    asked, known = (
        Sandwich(chunk=chunk, left=Digest(), came=(replace(came, certain=certain),))
        for certain in (False, True)
    )
    for ends in (at_own, denied, closed):
        assert judge(known, there, ends).differences == ()
        for found, what in ((Found(old=Digest()), "lost"), (differs, "differs")):
            judged = judge(known, found, ends)
            assert [(each.what, each.ctid) for each in judged.differences] == [(what, "(0,1)")]
            assert judged.undecided == 0
    # Of another the copy is asked, and its own transactions may answer.
    assert judge(asked, Found(old=Digest()), at_own).undecided == 1
    for ends in (denied, closed):
        assert judge(asked, Found(old=Digest()), ends).differences == ()
        assert judge(asked, there, ends).differences


@FAIRLY
@given(drills(), some.sampled_from(["lose", "forge", "double", "swap"]), a_number)
def test_rows_without_a_digest_are_held_against_their_bounds(
    drill: Drill, fault: str, number: int
) -> None:
    copy = damaged(drill, fault, number)
    for each in drill.compared(copy):
        old = sum(xid is None for _, xid, _ in copy.within(each))
        judged = judge(numbers(each.sandwich), Found(old=Digest(rows=old)), drill.ends(copy))
        within = judged.least <= judged.old <= judged.most
        assert (judged.due == judged.there) == within
        assert not (within and judged.differences)


@FAIRLY
@given(some.lists(some.tuples(a_block, a_block), max_size=15))
def test_rows_that_have_moved_are_all_there(blocks: list[tuple[int, int]]) -> None:
    moments = Moments(
        point=1,
        firsts=(0,) * CHUNKS,
        seconds=(2,) * CHUNKS,
        listed=(True, False, False),
        before=1,
        after=2,
        between=(),
    )
    steps, existing = [Step("burn", 0)] * 3, [(100, block) for block, _ in blocks]
    source = run(steps, moments, start=2 * ROUND, existing=existing, multi_ahead=0)
    held = restore(source, 1)
    places = [Place(block, 100 + line) for line, (_, block) in enumerate(blocks)]
    copy = replace(held, rows=dict(zip(places, held.rows.values(), strict=True)))
    reads = tuple(read(source, moments, number) for number in range(CHUNKS))
    drill = Drill(source=source, moments=moments, reads=reads, copy=held, bounded=True)
    together = Judged()
    for each in drill.compared(copy):
        judged = drill.judge(each, copy)
        stayed, there = (Counter(c for *_, c in one.within(each)) for one in (held, copy))
        assert bool(judged.differences) == (stayed != there)
        together += judged
    assert together.due == together.there == total(held.content for held in held.rows.values())


def added(judged: Sequence[Judged]) -> Judged:
    """All of them, with their differences in order."""
    together = sum(judged, Judged())
    ordered = sorted(together.differences, key=lambda one: (one.ctid, one.what))
    return replace(together, differences=tuple(ordered))


@FAIRLY
@given(drills(), some.sampled_from(FAULTS), a_number)
def test_order_and_grouping_of_chunks_make_no_difference(
    drill: Drill, fault: str, number: int
) -> None:
    copy = damaged(drill, fault, number)
    judged = [drill.judge(each, copy) for each in drill.compared(copy)]
    assume(sum(len(each.differences) for each in judged) <= MOST_DIFFERENCES)
    once = added(judged)
    for order in permutations(judged):
        for cut in range(len(order) + 1):
            assert added([added(order[:cut]), added(order[cut:])]) == once


def test_the_first_differences_are_told_and_all_are_counted() -> None:
    one = digest_of(1)
    came = tuple(Version(f"(0,{line})", 705, one) for line in range(1, 31))
    chunk = Chunk(start=0, end=2, horizon=700, next_xid=705, old=Digest(), rows=0)
    ends = Ends(committed=frozenset({705}), own_from=720, closed_after=730)
    late = Found(old=Digest(), new=(Version("(1,1)", 731, one),))
    judged = judge(Sandwich(chunk=chunk, left=Digest(), came=came), late, ends)
    assert [each.ctid for each in judged.differences] == [f"(0,{n})" for n in range(1, 21)]
    assert (judged + judged).differences == judged.differences
    both = judged + judged
    assert (both.wrong, both.late, both.rows, both.due.rows) == (2, 2, 2, 60)


def test_whether_a_row_may_be_a_round_old_is_known() -> None:
    first = Chunk(start=0, end=2, horizon=700, next_xid=705, old=Digest(), rows=1, unsure=1)
    assert not first.ambiguous
    assert replace(first, gap=500).ambiguous
    assert replace(first, horizon=ROUND, next_xid=ROUND + 1).ambiguous
    assert not replace(first, horizon=ROUND, next_xid=ROUND + 1, unsure=0).ambiguous


def test_what_may_be_there_or_not_is_there_as_it_was() -> None:
    one, two = digest_of(1), digest_of(2)
    chunk = Chunk(start=0, end=2, horizon=700, next_xid=705, old=one, rows=1)
    ends = Ends(committed=frozenset({721}), own_from=720, closed_after=730)
    went = Version("(0,1)", None, one)
    for enders in ((), (710, 721), (721,)):
        gone = Sandwich(chunk=chunk, left=Digest(), gone=(replace(went, enders=enders),))
        assert gone.transactions() == set(enders)
        for digest in (one, two):
            found = Found(old=digest, at_gone=(replace(went, digest=digest),))
            assert bool(judge(gone, found, ends).differences) == (digest == two)
    seen = Version("(0,2)", 708, one)
    busy = Sandwich(chunk=chunk, left=one, glimpsed=(seen,))
    for digest in (one, two):
        found = Found(old=one, new=(replace(seen, digest=digest),))
        assert bool(judge(busy, found, ends).differences) == (digest == two)


@FAIRLY
@given(drills())
def test_what_was_read_survives_its_bucket(drill: Drill) -> None:
    for each in drill.reads:
        sandwich = each.sandwich
        again = Sandwich.from_row(json.loads(json.dumps(sandwich.to_row())))
        assert again == sandwich
        assert Chunk.from_row(json.loads(json.dumps(sandwich.chunk.to_row()))) == sandwich.chunk
        for version in (*sandwich.gone, *sandwich.came, *sandwich.glimpsed):
            assert Version.from_row(json.loads(json.dumps(version.to_row()))) == version
