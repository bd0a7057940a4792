"""State at T, against the write log of histories of all kinds."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as some

from bench.state_at import judge
from functions.s3_versions.state_at import Seen, histories, plan, plan_elsewhere
from functions.s3_versions.values import Action, Caveat, Diff, How
from tests.unit.s3_history import (
    KEYS,
    PAUSES,
    SECOND,
    WHAT,
    Bucket,
    Content,
    Rule,
    Step,
    Versioning,
    fault,
    run,
    text,
    times_of_interest,
)

THOROUGH = settings(max_examples=1000, derandomize=True, deadline=None, database=None)
FAIRLY = settings(THOROUGH, max_examples=300)

a_step = some.builds(
    Step,
    some.sampled_from(WHAT),
    some.sampled_from(PAUSES),
    some.integers(0, len(KEYS) - 1),
    some.integers(0, 59),
)
a_rule = some.none() | some.builds(
    Rule, some.sampled_from([SECOND // 2, 2 * SECOND, 9 * SECOND]), some.sampled_from([0, 2, 3, 4])
)
a_bucket = some.builds(
    lambda steps, keys, rule: (run(steps, keys=KEYS[:keys], rule=rule), rule),
    some.integers(1, 40).flatmap(lambda n: some.lists(a_step, min_size=n, max_size=n)),
    some.sampled_from([1, 2, len(KEYS)]),
    a_rule,
)


def faults(bucket: Bucket, at: int, rule: Rule | None) -> list[str]:
    horizon = text(bucket.now - rule.age) if rule else ""
    answers = list(histories(bucket.listing(), text(at), horizon=horizon))
    assert [seen.key for seen in answers] == sorted(bucket.stacks, key=str.encode)
    return [found for seen in answers if (found := fault(bucket, seen, at, rule))]


@THOROUGH
@given(a_bucket, some.randoms(use_true_random=False))
def test_what_each_key_was_at_t_is_what_the_log_says(
    made: tuple[Bucket, Rule | None], rng: random.Random
) -> None:
    bucket, rule = made
    for at in rng.sample(times := times_of_interest(bucket), min(8, len(times))):
        assert faults(bucket, at, rule) == []


def test_the_benchmarks_histories_have_no_fault() -> None:
    judged = judge(range(100))
    assert judged.faults == []
    assert judged.misled > 0
    assert set(judged.caveats) == set(Caveat)


@FAIRLY
@given(a_bucket, some.integers(1, 9), some.integers(0, 10**6))
def test_the_size_of_a_page_does_not_matter(
    made: tuple[Bucket, Rule | None], size: int, number: int
) -> None:
    bucket, _ = made
    times = times_of_interest(bucket)
    at = text(times[number % len(times)])
    pages = chain.from_iterable(bucket.pages(size))
    assert list(histories(pages, at)) == list(histories(bucket.listing(), at))


def carry_out(actions: Iterable[Action], source: Bucket, target: Bucket) -> list[Action]:
    """Do what a plan says, each guard held against what is there; the actions that changed nothing.

    A marker is removed without a trace in the log: undelete takes history back.
    """
    idle = []
    for action in list(actions):
        target.now += 1
        there = target.current(action.key)
        assert (action.expects, action.current) == (
            (there.etag, there.version_id) if there else ("", "")
        )
        version = source.find(action.key, action.version) if action.version else None
        match action.how:
            case How.COMPARE if version and there and version.content == there.content:
                idle.append(action)
            case How.COPY | How.COMPARE:
                assert version
                assert (
                    action.how is How.COMPARE
                    or version.storage_class != "GLACIER"
                    or (version.serial in source.thawed)
                )
                target.copy(version, action.key)
            case How.MARKER:
                target.delete(action.key)
            case How.UNDELETE:
                for marker in action.markers:
                    found = target.find(action.key, marker)
                    assert found.content is None
                    target.remove(found)
            case How.THAW:
                assert version
                source.thawed.add(version.serial)
            case How.NOTHING:
                idle.append(action)
    return idle


def versions(bucket: Bucket) -> set[int]:
    return {one.serial for stack in bucket.stacks.values() for one in stack if one.content}


def contents(bucket: Bucket) -> dict[str, Content]:
    return {
        key: there.content
        for key in bucket.stacks
        if (there := bucket.current(key)) and there.content
    }


DOUBTS = {Caveat.NULL_OVERWRITTEN, Caveat.MAYBE_EXPIRED}
"""The caveats of keys that nothing is done with, unless that is accepted."""


def wanted(answers: Iterable[Seen], bucket: Bucket, *, doubts: bool) -> dict[str, Content | None]:
    """What each key must hold; those are missing that must be left as they are."""
    return {
        seen.key: bucket.find(seen.key, seen.target.version_id).content if seen.target else None
        for seen in answers
        if not DOUBTS & set(seen.caveats) or (doubts and seen.dated)
    }


def acts_on_doubts(actions: Iterable[Action]) -> list[Action]:
    """The actions that do something with a key in doubt, or do not say that they do not."""
    return [
        action
        for action in actions
        if DOUBTS & set(action.caveats)
        and (action.how is not How.NOTHING or action.diff is not Diff.UNRESTORABLE)
    ]


@THOROUGH
@given(a_bucket, some.integers(0, 10**6), some.booleans(), some.booleans())
def test_a_plan_carried_out_makes_the_bucket_what_it_was(
    made: tuple[Bucket, Rule | None], number: int, undelete: bool, doubts: bool
) -> None:
    bucket, rule = made
    bucket.versioning = Versioning.ENABLED
    times = times_of_interest(bucket)
    at = text(times[number % len(times)])
    horizon = text(bucket.now - rule.age) if rule else ""
    before, had, logged = contents(bucket), versions(bucket), len(bucket.ends)
    must = wanted(histories(bucket.listing(), at, horizon=horizon), bucket, doubts=doubts)

    def again() -> list[Action]:
        bucket.now += SECOND
        return list(plan(bucket.listing(), at, undelete=undelete, horizon=horizon, doubts=doubts))

    first = again()
    assert doubts or not acts_on_doubts(first)
    carry_out(first, bucket, bucket)
    if any(action.how is How.THAW for action in first):
        carry_out(again(), bucket, bucket)

    now = contents(bucket)
    assert {key: now.get(key) for key in must} == must
    assert {key: now[key] for key in now.keys() - must} == {
        key: before[key] for key in before.keys() - must
    }
    assert had <= versions(bucket)
    assert undelete or len(bucket.ends) == logged
    last = again()
    assert carry_out(last, bucket, bucket) == last


@FAIRLY
@given(a_bucket, a_bucket, some.integers(0, 10**6), some.booleans())
def test_a_plan_carried_out_elsewhere_brings_what_was_and_leaves_what_is(
    made: tuple[Bucket, Rule | None],
    other: tuple[Bucket, Rule | None],
    number: int,
    doubts: bool,
) -> None:
    bucket, rule = made
    elsewhere, _ = other
    elsewhere.versioning = Versioning.ENABLED
    times = times_of_interest(bucket)
    at = text(times[number % len(times)])
    horizon = text(bucket.now - rule.age) if rule else ""
    before, had = contents(elsewhere), versions(elsewhere)
    must = wanted(histories(bucket.listing(), at, horizon=horizon), bucket, doubts=doubts)
    source = list(bucket.writes)

    def again() -> list[Action]:
        there = elsewhere.listing()
        return list(plan_elsewhere(bucket.listing(), there, at, horizon=horizon, doubts=doubts))

    first = again()
    assert doubts or not acts_on_doubts(first)
    assert [action.key for action in first] == sorted(
        {action.key for action in first}, key=str.encode
    )
    carry_out(first, bucket, elsewhere)
    if any(action.how is How.THAW for action in first):
        carry_out(again(), bucket, elsewhere)

    assert contents(elsewhere) == before | {key: held for key, held in must.items() if held}
    assert had <= versions(elsewhere)
    assert bucket.writes == source
    last = again()
    assert carry_out(last, bucket, elsewhere) == last
