"""The page on large buckets holds what its command prints, and the code's own numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import scale
from bench.scale import (
    CHANGED,
    applied,
    comparing_seconds,
    copying_seconds,
    listing_seconds,
    planned,
    verified,
)
from functions.s3_versions import shards
from functions.s3_versions.errand import AT_A_TIME, SHARDS

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


@pytest.mark.parametrize("number", range(3))
def test_the_page_holds_the_tables(number: int) -> None:
    assert scale.tables()[number] in PAGE.read_text(encoding="utf-8")


def test_looks_are_as_many_as_the_planner_takes_at_most() -> None:
    assert scale.LOOKS_A_SHARD == shards._LOOKS


def test_more_partitions_are_never_slower_and_what_limits_ends_at_the_machines() -> None:
    for phase in (applied, verified):
        for changed in CHANGED:
            times = [phase(changed, partitions).seconds for partitions in (1, 2, 10, 100, 1000)]
            assert times == sorted(times, reverse=True)
            assert times[-1] == times[-2]


def test_one_partition_takes_its_rate_and_no_more() -> None:
    assert copying_seconds(35_000_000, AT_A_TIME, 1) == pytest.approx(10_000)
    assert comparing_seconds(27_500_000, AT_A_TIME, 1) == pytest.approx(10_000)
    assert listing_seconds(10_000, 1) == pytest.approx(scale.pages() / scale.READS)


def test_a_plan_costs_its_pages_and_looks() -> None:
    looks = scale.LOOKS_A_SHARD * SHARDS
    assert planned(1).requests == pytest.approx((300_000 + looks) * 0.005 / 1000)
