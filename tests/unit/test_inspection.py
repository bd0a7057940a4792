"""The search for blocks that cannot be read, and what becomes of an index that takes too long."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any, cast

import pytest

from functions.aurora import inspection
from functions.aurora.comparison import BLOCK_BYTES
from functions.aurora.database import QueryFailed, Session
from functions.aurora.integrity import HEAP, INDEX, MOST_FOUND, Group, Job, Pass, Plan, State
from functions.model import Check, Status


class Server:
    """Answers as PostgreSQL does: some blocks cannot be read, and more than so many take long."""

    def __init__(
        self, bad: Collection[int] = (), *, most: int = 10**9, errors: Collection[str] = ()
    ) -> None:
        self.bad = bad
        self.most = most
        self.errors = list(errors)
        self.read: list[int] = []

    def all(self, statement: str, *, start: int, last: int, **_: Any) -> list[dict[str, Any]]:
        assert statement == "integrity/check_heap"
        if last - start + 1 > self.most:
            raise QueryFailed("canceled", sqlstate="57014")
        found = [block for block in self.bad if start <= block <= last]
        if found:
            raise QueryFailed(f"invalid page in block {min(found)}", sqlstate="XX001")
        self.read += range(start, last + 1)
        return []

    def one(self, statement: str, **_: Any) -> dict[str, Any]:
        if statement == "integrity/check_index" and self.errors:
            raise QueryFailed("an error", sqlstate=self.errors.pop(0))
        if statement == "integrity/checksums":
            return {"enabled": False, "failures": 0}
        return {}


def plan(check: str, *, blocks: int = 1, seconds: float = 600.0) -> Plan:
    job = Job(name="s.t", bytes=blocks * BLOCK_BYTES, oid=7)
    groups = (Group(target="s.t", jobs=(job,)),)
    return Plan(
        target="d",
        seconds=seconds,
        required=True,
        amcheck="a",
        passes=(Pass(check=check, groups=groups),),
    )


def run(server: Server, planned: Plan, *, slice_blocks: int = 64) -> tuple[list[Check], int]:
    """The records, and how often a call of its own was asked for."""
    state, checks, later = State(), [], 0
    for _ in range(5000):
        step = inspection.advance(
            cast(Session, server),
            planned,
            state,
            remaining_seconds=lambda: 900.0,
            slice_bytes=slice_blocks * BLOCK_BYTES,
        )
        state = step.state
        later += step.later
        checks += [step.check] if step.check else []
        if step.finished:
            return checks, later
    raise AssertionError("it does not end")


@pytest.mark.parametrize("seed", range(60))
def test_each_bad_block_is_found_and_every_other_is_read_once(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - which blocks are bad is no secret
    blocks = dice.randint(1, 900)
    bad = dice.sample(range(blocks), min(blocks, dice.randint(0, MOST_FOUND - 1)))
    server = Server(bad, most=dice.choice([1, 7, 10**9]))
    (heap, _), _ = run(server, plan(HEAP, blocks=blocks))
    assert server.read == [block for block in range(blocks) if block not in bad]
    assert heap.status is (Status.FAILED if bad else Status.PASSED)
    places = [f"s.t, block {block}: " for block in sorted(bad)]
    assert all(place in heap.detail for place in places)
    assert heap.detail.count("block") == 2 * len(bad)


def test_with_enough_findings_the_search_ends() -> None:
    server = Server(range(100, 100_000))
    (heap, _), _ = run(server, plan(HEAP, blocks=100_000))
    assert heap.observed == f"{MOST_FOUND} findings"
    assert f"after {MOST_FOUND} findings the search ended" in heap.detail
    assert max(server.read) < 100


@pytest.mark.parametrize(
    ("errors", "status", "later"),
    [
        ([], Status.PASSED, 0),
        (["57014"], Status.PASSED, 1),
        (["57014", "57014"], Status.NOT_RUN, 1),
        (["55P03"], Status.NOT_RUN, 0),
        (["42883"], Status.NOT_RUN, 0),
        (["XX002"], Status.FAILED, 0),
        (["57014", "XX002"], Status.FAILED, 1),
    ],
)
def test_an_index_that_takes_too_long_gets_a_call_of_its_own(
    errors: list[str], status: Status, later: int
) -> None:
    (index, _), waited = run(Server(errors=errors), plan(INDEX))
    assert (index.status, waited) == (status, later)
    assert index.by_configuration is False
    assert index.status is Status.PASSED or "s.t: an error" in index.detail


def test_blocks_that_take_too_long_one_by_one_are_given_up() -> None:
    (heap, _), later = run(Server(most=0), plan(HEAP, blocks=40))
    assert (heap.status, heap.observed, later) == (Status.NOT_RUN, "not all checked", 0)
    assert "s.t, block 0: canceled" in heap.detail


def test_what_there_is_no_time_for_is_named_and_the_next_pass_has_its_share() -> None:
    job = Job(name="s.t", bytes=BLOCK_BYTES, oid=7)
    two = tuple(
        Pass(check=check, groups=(Group(target="s.t", jobs=(job,)),)) for check in (HEAP, INDEX)
    )
    planned = Plan(target="d", seconds=0.0, required=False, amcheck="a", passes=two)
    (heap, index, checksums), _ = run(Server(), planned)
    assert [heap.name, index.name, checksums.name] == [HEAP, INDEX, "checksums"]
    assert {heap.status, index.status} == {Status.NOT_RUN}
    assert heap.by_configuration
    assert heap.detail == "for lack of time (integrity.budget 0 s): s.t"
