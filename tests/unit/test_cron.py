"""When a cron expression comes, held against a clock that is read minute by minute."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import cron

ZONES = (
    "America/Sao_Paulo",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "UTC",
)
CHANGES = [
    datetime(2018, 2, 18, tzinfo=UTC),  # São Paulo sets its clocks back at midnight, for the last
    datetime(2018, 11, 4, tzinfo=UTC),  # time but one; on, at midnight; New York sets its own back
    datetime(2026, 3, 29, tzinfo=UTC),  # Berlin on
    datetime(2026, 10, 25, tzinfo=UTC),  # Berlin back
    datetime(2026, 3, 8, tzinfo=UTC),  # New York on
    datetime(2026, 11, 1, tzinfo=UTC),  # New York back
    datetime(2026, 4, 4, tzinfo=UTC),  # Lord Howe back, by half an hour
    datetime(2026, 10, 3, tzinfo=UTC),  # Lord Howe on, by half an hour
    datetime(2026, 6, 15, tzinfo=UTC),  # nowhere anything
]
MINUTE = timedelta(minutes=1)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def number(text: str, words: tuple[str, ...]) -> int:
    return words.index(text) + 1 if text in words else int(text)


def holds(value: int, text: str, low: int, high: int, words: tuple[str, ...] = ()) -> bool:
    """Whether a value is one of those that a field without L, W and # lists."""
    for part in text.split(","):
        bounds, _, step = part.partition("/")
        if bounds == "*":
            first, last = low, high
        elif "-" in bounds:
            first, last = (number(bound, words) for bound in bounds.split("-"))
        else:
            first = number(bounds, words)
            last = high if step else first
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def month_of(day: date) -> list[date]:
    return [day.replace(day=n + 1) for n in range(monthrange(day.year, day.month)[1])]


def is_day_of_month(day: date, part: str) -> bool:
    month = month_of(day)
    workdays = [each for each in month if each.weekday() < 5]
    if part == "L":
        return day == month[-1]
    if part == "LW":
        return day == workdays[-1]
    if part.endswith("W"):
        wanted = int(part[:-1])
        nearest = min(workdays, key=lambda each: abs(each.day - wanted))
        return wanted <= len(month) and day == nearest
    return holds(day.day, part, 1, 31)


def is_day_of_week(day: date, part: str) -> bool:
    if part == "L":
        return day.weekday() == 5
    name, _, ordinal = part.partition("#")
    if ordinal or part.endswith("L"):
        wanted = number(name.removesuffix("L"), DAYS)
        same = [each for each in month_of(day) if each.isoweekday() % 7 + 1 == wanted]
        which = int(ordinal) - 1 if ordinal else len(same) - 1
        return which < len(same) and day == same[which]
    return holds(day.isoweekday() % 7 + 1, part, 1, 7, DAYS)


def is_day(day: date, expression: str) -> bool:
    _, _, of_month, month, of_week, year = expression.split()
    if not holds(day.month, month, 1, 12, MONTHS) or not holds(day.year, year, 1970, 2199):
        return False
    if of_week == "?":
        return any(is_day_of_month(day, part) for part in of_month.split(","))
    return any(is_day_of_week(day, part) for part in of_week.split(","))


def slowly(expression: str, timezone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Looks at the clock every minute; what it shows for a second time does not count."""
    minutes, hours = expression.split()[:2]
    moment = start + MINUTE
    while moment <= end:
        wall = moment.astimezone(ZoneInfo(timezone))
        on_time = holds(wall.minute, minutes, 0, 59) and holds(wall.hour, hours, 0, 23)
        if on_time and wall.fold == 0 and is_day(wall.date(), expression):
            yield moment
        moment += MINUTE


def field(low: int, high: int, words: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """Lists of numbers, words, ranges and steps."""
    values = st.integers(low, high)
    named = values.map(lambda n: words[n - 1]) if words else values.map(str)
    ranges = st.tuples(values, values).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.builds(
        lambda start, step: f"{start}/{step}",
        st.one_of(st.just("*"), values.map(str), ranges),
        st.integers(1, max(1, min(high, 60))),
    )
    part = st.one_of(values.map(str), named, ranges, steps)
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


of_month = st.one_of(
    field(1, 31),
    st.sampled_from(["L", "LW", "1,L", "15W,LW", "31W", "1W", "29", "30W"]),
    st.integers(1, 31).map(lambda day: f"{day}W"),
)
of_week = st.one_of(
    field(1, 7, DAYS),
    st.just("L"),
    st.builds(
        lambda day, which: f"{day}{which}",
        st.one_of(st.integers(1, 7).map(str), st.sampled_from(DAYS)),
        st.one_of(st.just("L"), st.integers(1, 5).map(lambda n: f"#{n}")),
    ),
)
days = st.one_of(of_month.map(lambda each: (each, "?")), of_week.map(lambda each: ("?", each)))
years = st.one_of(st.just("*"), st.sampled_from(["2026", "2018,2026-2030", "2020/4"]))


@st.composite
def expressions(draw: st.DrawFn) -> str:
    day_of_month, day_of_week = draw(days)
    month = draw(st.one_of(st.just("*"), field(1, 12, MONTHS)))
    fields = (draw(field(0, 59)), draw(field(0, 23)), day_of_month, month, day_of_week, draw(years))
    return " ".join(fields)


@st.composite
def at_night(draw: st.DrawFn) -> str:
    """On any day, when clocks are set."""
    return f"{draw(field(0, 59))} {draw(field(0, 4))} * * ? *"


@settings(deadline=None, max_examples=40)
@given(st.one_of(expressions(), at_night()), st.sampled_from(ZONES), st.sampled_from(CHANGES))
def test_the_times_around_a_change_are_those_that_the_clock_shows(
    expression: str, timezone: str, around: datetime
) -> None:
    start, end = around - timedelta(hours=14), around + timedelta(hours=22)
    expected = list(slowly(expression, timezone, start, end))
    assert list(cron.times(expression, timezone, start, end)) == expected


@settings(deadline=None, max_examples=80)
@given(expressions(), st.sampled_from([2020, 2026, 2027, 2028, 2100]))
def test_the_days_of_a_year_are_those_that_the_words_mean(expression: str, year: int) -> None:
    daily = " ".join(["0", "12", *expression.split()[2:]])
    start = datetime(year, 1, 1, tzinfo=UTC)
    found = [time.date() for time in cron.times(daily, "UTC", start, start + timedelta(days=364))]
    everyday = [start.date() + timedelta(days=n) for n in range(364)]
    assert found == [day for day in everyday if is_day(day, daily)]


@settings(deadline=None, max_examples=80)
@given(
    st.one_of(expressions(), at_night()),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_next_and_last_enclose_a_moment_and_leave_nothing_between(
    expression: str, timezone: str, moment: datetime
) -> None:
    after = cron.next_after(expression, timezone, moment)
    before = cron.last_before(expression, timezone, moment)
    if before is not None:
        assert before <= moment
        assert cron.last_before(expression, timezone, before) == before
        assert cron.next_after(expression, timezone, before) == after
    if after is not None:
        assert after > moment
        assert cron.last_before(expression, timezone, after) == after
        assert cron.last_before(expression, timezone, after - MINUTE / 60) == before


@settings(deadline=None, max_examples=40)
@given(expressions(), st.sampled_from(ZONES))
def test_the_times_of_parts_are_the_times_of_the_whole(expression: str, timezone: str) -> None:
    start = datetime(2026, 3, 28, 23, 17, tzinfo=UTC)
    marks = [start, *(start + timedelta(hours=hours) for hours in (1, 2, 26, 200))]
    whole = list(cron.times(expression, timezone, start, marks[-1]))
    parts = [each for a, b in pairwise(marks) for each in cron.times(expression, timezone, a, b)]
    assert parts == whole
    assert whole == sorted(set(whole))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_time_that_is_skipped_does_not_come_and_one_that_is_repeated_comes_once() -> None:
    berlin = ("30 2 * * ? *", "Europe/Berlin")
    assert list(cron.times(*berlin, utc("2026-03-28T12:00"), utc("2026-03-30T12:00"))) == [
        utc("2026-03-30T00:30")
    ]
    assert list(cron.times(*berlin, utc("2026-10-24T12:00"), utc("2026-10-26T12:00"))) == [
        utc("2026-10-25T00:30"),
        utc("2026-10-26T01:30"),
    ]


def test_within_the_repeated_hour_the_last_time_is_the_first_of_the_two() -> None:
    second = utc("2026-10-25T01:10")  # 02:10 in Berlin, for the second time
    assert cron.last_before("30 2 * * ? *", "Europe/Berlin", second) == utc("2026-10-25T00:30")
    assert cron.next_after("30 2 * * ? *", "Europe/Berlin", second) == utc("2026-10-26T01:30")


def test_a_clock_that_is_set_back_over_midnight() -> None:
    """St John's set its clocks from 00:01 back to 23:01 of the day before, until 2011."""
    again = utc("2010-11-07T02:45")  # 23:15 on the 6th, for the second time
    zone = "America/St_Johns"
    assert cron.last_before("0 0 * * ? *", zone, again) == utc("2010-11-07T02:30")
    assert cron.next_after("30 23 * * ? *", zone, again) == utc("2010-11-08T03:00")


def test_a_day_that_a_zone_skips_does_not_come() -> None:
    """Samoa went over the date line, and had no 30th of December 2011."""
    found = cron.times("0 5 * * ? *", "Pacific/Apia", utc("2011-12-28T20:00"), utc("2012-01-01"))
    assert [time.astimezone(ZoneInfo("Pacific/Apia")).day for time in found] == [29, 31, 1]


def test_the_end_is_included_and_the_start_is_not() -> None:
    five = ("0 5 * * ? *", "UTC")
    found = list(cron.times(*five, utc("2026-11-01T05:00"), utc("2026-11-02T05:00")))
    assert found == [utc("2026-11-02T05:00")]
    assert cron.next_after(*five, utc("2026-11-01T05:00")) == utc("2026-11-02T05:00")
    assert cron.last_before(*five, utc("2026-11-01T05:00")) == utc("2026-11-01T05:00")


def test_the_last_time_may_be_years_ago_and_the_next_may_never_come() -> None:
    moment = utc("2103-12-31T00:00")
    assert cron.last_before("0 0 29 2 ? *", "UTC", moment) == utc("2096-02-29T00:00")
    assert cron.next_after("0 0 29 2 ? *", "UTC", utc("2096-03-01")) == utc("2104-02-29T00:00")
    assert cron.next_after("0 0 31 4 ? *", "UTC", moment) is None
    assert cron.last_before("0 0 31 4 ? *", "UTC", moment) is None
    assert cron.next_after("0 0 1 1 ? 2030", "UTC", moment) is None
    assert cron.last_before("0 0 1 1 ? 2150", "UTC", moment) is None
    assert cron.next_after("0 0 ? FEB 2#5 *", "UTC", utc("2026-01-01")) == utc("2044-02-29T00:00")


@pytest.mark.parametrize(
    ("expression", "phrase"),
    [
        ("0 5 ? * 2#1,2#3 *", "# stands alone"),
        ("0 5 1,? * ? *", "? stands alone"),
        ("0 5 ? * FRI-MON *", "1 to 7 or SUN to SAT"),
        ("0 5 32W * ? *", "day of month '32W'"),
        ("0 5 ? * 2#6 *", "day of week '2#6'"),
        ("0 5 L-3 * ? *", "day of month 'L-3'"),
        ("0 5 * * * *", "exactly one of the two"),
        ("*/0 5 * * ? *", "minutes '*/0'"),
    ],
)
def test_an_expression_with_a_fault_has_no_times(expression: str, phrase: str) -> None:
    assert phrase in str(cron.fault(expression))
    with pytest.raises(ValueError, match="cron"):
        cron.next_after(expression, "UTC", utc("2026-01-01"))


@given(expressions())
def test_what_the_properties_use_has_no_fault(expression: str) -> None:
    assert cron.fault(expression) is None
