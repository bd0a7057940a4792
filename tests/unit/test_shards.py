"""Ranges of keys: each key in exactly one, whatever the keys are; and about as many in each."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from functions.s3_versions.shards import (
    AT_ONCE,
    MOST_BYTES,
    Glimpse,
    Look,
    Range,
    by_looking,
    by_weight,
    ranges,
    spread,
)
from tests.unit.s3_history import KEYS

THOROUGH = settings(max_examples=300, derandomize=True, deadline=None, database=None)

a_key = (
    some.text(some.characters(codec="utf-8"), min_size=1, max_size=12)
    | some.text("ab/\x01\x7f\U0001f600\uff5e\ud7ff\ue000\U0010ffff", min_size=1, max_size=9)
    | some.sampled_from([*KEYS, "\U0010ffff" * 256, "a" * MOST_BYTES, "a" * (MOST_BYTES - 1)])
)
some_keys = some.sets(a_key, max_size=60).map(sorted)


class Listing:
    """A bucket's keys, looked at by pages; `looks` are those taken."""

    def __init__(self, keys: Sequence[str], page: int) -> None:
        self.keys, self.page = keys, page
        self.looks: list[str] = []

    def look(self, afters: Sequence[str]) -> list[Glimpse]:
        assert len(afters) <= AT_ONCE
        return [self._glimpse(after) for after in afters]

    def _glimpse(self, after: str) -> Glimpse:
        assert len(after.encode()) <= MOST_BYTES
        self.looks.append(after)
        start = bisect_right(self.keys, after) if after else 0
        page = self.keys[start : start + self.page]
        whole = start + self.page >= len(self.keys)
        return Glimpse(page[0], page[-1], whole) if page else Glimpse("", "", True)


def covers_once(found: Sequence[Range], keys: Sequence[str]) -> bool:
    return all(sum(one.holds(key) for one in found) == 1 for key in keys)


def sizes(found: Sequence[Range], keys: Sequence[str]) -> list[int]:
    ends = [bisect_right(keys, one.until) if one.until else len(keys) for one in found]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


@THOROUGH
@given(some.lists(a_key, max_size=9), some_keys)
def test_ranges_hold_every_key_once(boundaries: list[str], keys: list[str]) -> None:
    found = ranges(boundaries)
    assert covers_once(found, keys)
    assert (found[0].after, found[-1].until) == ("", "")
    assert all(one.until == other.after for one, other in pairwise(found))
    assert all(one.after.encode() < one.until.encode() for one in found[:-1])


@THOROUGH
@given(some_keys, some.integers(1, 12))
def test_a_sample_is_divided_evenly(keys: list[str], most: int) -> None:
    found = by_weight(dict.fromkeys(keys, 1), most)
    assert covers_once(found, keys)
    assert len(found) <= most
    assert max(sizes(found, keys)) <= len(keys) / most + 1


def test_prefixes_are_divided_by_what_is_below_them() -> None:
    found = by_weight({"a/~": 10, "b/~": 900, "c/~": 10, "d/~": 80}, 2)
    assert found == [Range("", "b/~"), Range("b/~", "")]


@THOROUGH
@given(some_keys, some.integers(1, 12), some.integers(1, 5))
def test_looking_finds_ranges_that_hold_every_key_once(
    keys: list[str], most: int, page: int
) -> None:
    listing = Listing(keys, page)
    found = by_looking(listing.look, most)
    assert covers_once(found, keys)
    assert 1 <= len(found) <= most
    assert by_looking(Listing(keys, page).look, most) == found


@THOROUGH
@given(some_keys, some.integers(2, 12))
def test_looking_ends(keys: list[str], most: int) -> None:
    listing = Listing(keys, 1)
    by_looking(listing.look, most)
    assert len(listing.looks) <= 16 * most + 2 * AT_ONCE


def hexadecimal(rng: random.Random, number: int) -> str:
    return f"{rng.getrandbits(number):x}"


def scattered(rng: random.Random) -> list[str]:
    return [f"{rng.getrandbits(128):032x}" for _ in range(30_000)]


def counted(rng: random.Random) -> list[str]:
    del rng
    return [f"{number:09}" for number in range(30_000)]


def dated(rng: random.Random) -> list[str]:
    return [
        f"logs/2026/{month:02}/{day:02}/{rng.getrandbits(40):010x}.gz"
        for month in range(1, 13)
        for day in range(1, 29)
        for _ in range(14 * month)
    ]


def crowded(rng: random.Random) -> list[str]:
    return [
        f"tenant-{place:08x}/docs/{rng.getrandbits(50):x}.pdf"
        for rank in range(1, 101)
        for place in [rng.getrandbits(30)]
        for _ in range(6_000 // rank)
    ]


def one_folder(rng: random.Random) -> list[str]:
    few = [f"{first}/{rng.getrandbits(60)}" for first in "bcdefgh" for _ in range(50)]
    return few + [f"media/{rng.getrandbits(99):x}/original.jpg" for _ in range(30_000)]


def of_many_scripts(rng: random.Random) -> list[str]:
    letters = "abc\u00e9\u65e5\u672c\U0001f600/"
    return ["".join(rng.choices(letters, k=rng.randint(6, 20))) for _ in range(30_000)]


@pytest.mark.parametrize("make", [scattered, counted, dated, crowded, one_folder, of_many_scripts])
def test_the_largest_range_is_not_many_times_the_mean(
    make: Callable[[random.Random], list[str]],
) -> None:
    keys = sorted(set(make(random.Random(7))))  # noqa: S311  # the same keys each time
    found = by_looking(Listing(keys, 20).look, 100)
    counts = sizes(found, keys)
    assert sum(counts) == len(keys)
    assert len(found) >= 90
    assert max(counts) <= 5 * len(keys) / len(found)


def test_below_a_prefix_only_its_keys_are_looked_at() -> None:
    keys = sorted(f"data/{number:04}" for number in range(5_000))
    listing = Listing(keys, 10)
    found = by_looking(listing.look, 20, prefix="data/")
    assert len(found) == 20
    assert all(after.startswith("data/") for after in listing.looks)


def test_a_bucket_of_one_page_or_of_nothing_is_one_range() -> None:
    for keys in ([], ["a", "b"]):
        assert by_looking(Listing(keys, 1000).look, 20) == [Range("", "")]


def test_one_key_with_a_long_history_is_in_one_range() -> None:
    """Pages are of versions: there may be many of one key."""

    def look(afters: Sequence[str]) -> list[Glimpse]:
        return [
            Glimpse("a", "a", False) if after < "a" else Glimpse("", "", True) for after in afters
        ]

    found: Look = look
    assert covers_once(by_looking(found, 20), ["a", "A", "b"])


@THOROUGH
@given(some.integers(0, 1000), some.integers(1, 300))
def test_every_range_has_its_turn_and_those_at_a_time_are_far_apart(
    count: int, at_a_time: int
) -> None:
    order = spread(count, at_a_time)
    assert sorted(order) == list(range(count))
    first = sorted(order[: -(-count // -(-count // at_a_time))] if count else [])
    assert len({right - left for left, right in pairwise(first)}) <= 1
