"""Which days of a year no drill restores, by calendars that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from functions.watch import calendar
from functions.watch.calendar import Year
from functions.watch.watched import Drill

NOW = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)
FIRST_MONDAYS = Drill(
    name="prod-monthly",
    kind="aurora",
    source="prod",
    severity="medium",
    cron="0 5 ? * 2#1 *",
    timezone="America/Sao_Paulo",
    enabled=True,
    grace_seconds=3600,
    machine="drill-prod-monthly",
    schedule="drill-prod-monthly",
    at="latest",
    retention_days=7,
)
DAILY = replace(FIRST_MONDAYS, cron="0 5 * * ? *")


def of(*drills: Drill, now: datetime = NOW) -> Year:
    found = calendar.year(drills, now)
    assert found is not None
    return found


def test_a_monthly_drill_of_the_latest_moment_tests_twelve_days() -> None:
    assert of(FIRST_MONDAYS) == Year(
        untested_days=353, perhaps_days=0, longest=34, kept_days=7
    )  # 34: between first Mondays that lie five weeks apart


def test_a_daily_drill_of_the_latest_moment_tests_each_day() -> None:
    assert of(DAILY) == Year(untested_days=0, perhaps_days=0, longest=0, kept_days=7)


@pytest.mark.parametrize("kept", [1, 7, 35])
def test_so_does_a_daily_drill_of_the_oldest(kept: int) -> None:
    """The day that a run of the year after this one restores is still of this one."""
    assert of(replace(DAILY, at="oldest", retention_days=kept)).untested_days == 0


def test_the_oldest_moment_is_on_the_day_at_the_far_end_of_the_window() -> None:
    """Two drills on the same days test twice as many."""
    oldest = replace(FIRST_MONDAYS, at="oldest")
    assert of(oldest).untested_days in (352, 353)
    assert of(FIRST_MONDAYS, oldest).untested_days == 353 - (365 - of(oldest).untested_days)
    weekly = replace(FIRST_MONDAYS, cron="0 5 ? * MON *")
    same_days = replace(weekly, at="oldest")  # seven days before a Monday is a Monday
    assert of(weekly, same_days).untested_days == of(weekly).untested_days == 313


def test_a_random_moment_may_be_on_any_day_of_the_window_and_counts_as_none() -> None:
    mondays = replace(FIRST_MONDAYS, at="random")
    found = of(mondays)
    assert (found.untested_days, found.longest) == (365, 365)
    assert found.perhaps_days == 8 * 12  # the day of the run, and the seven before it
    assert of(FIRST_MONDAYS, mondays).perhaps_days == 7 * 12
    assert "96 of them perhaps" in found.sentence()


def test_days_are_of_utc() -> None:
    """Ten in the evening in São Paulo is the next day."""
    late = replace(FIRST_MONDAYS, cron="0 22 29 11 ? *")
    assert of(late, now=datetime(2026, 11, 30, tzinfo=UTC)).longest == 364
    assert of(late, now=datetime(2026, 11, 29, tzinfo=UTC)).longest == 363


@pytest.mark.parametrize("hour", [0, 5, 23])
def test_the_answer_is_the_same_all_day(hour: int) -> None:
    """A run of today counts, over or not."""
    today = replace(FIRST_MONDAYS, cron="0 12 26 11 ? *", timezone="UTC")
    assert of(today, now=NOW.replace(hour=hour)).untested_days == 364


def test_what_is_switched_off_tests_nothing() -> None:
    found = of(replace(DAILY, enabled=False))
    assert (found.untested_days, found.longest) == (365, 365)
    assert of(replace(DAILY, enabled=False), FIRST_MONDAYS).untested_days == 353


def test_a_fixed_moment_tests_no_day_to_come() -> None:
    assert of(replace(DAILY, at="2026-11-02T05:00:00Z")).untested_days == 365


def test_of_what_is_not_restored_to_a_moment_nobody_asks() -> None:
    assert calendar.year([], NOW) is None
    assert calendar.year([replace(DAILY, at="", retention_days=0)], NOW) is None
    rotation = replace(DAILY, at="", retention_days=0)
    assert of(rotation, FIRST_MONDAYS).untested_days == 353


def test_the_sentence_speaks_of_a_weekly_drill_only_where_it_would_help() -> None:
    assert (
        "A weekly drill of the latest moment would leave 313 days" in of(FIRST_MONDAYS).sentence()
    )
    weekly = of(replace(FIRST_MONDAYS, cron="0 5 ? * MON *"))
    assert (weekly.untested_days, weekly.longest) == (313, 6)
    assert weekly.sentence() == (
        "Of the next 365 days, 313 are never restored for certain, 6 of them on end, and a backup"
        " is kept for 7 days: one that is bad may never be found."
    )
