"""Which moment is restored, how work is cut, what a user's expectation means."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aurora import database
from functions.aurora.comparison import compare_beats, restore_point
from functions.aurora.expectation import Expectation, Incomparable, bind_restore_time, shown
from functions.aurora.units import Load, Piece, balance

POINT = datetime(2026, 11, 2, 5, tzinfo=UTC)


@given(
    st.datetimes(
        timezones=st.just(UTC),
        max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - hypothesis wants it so
    )
)
def test_the_restore_point_is_the_next_whole_second_in_reach(clock: datetime) -> None:
    chosen = restore_point(clock)
    assert chosen.microsecond == 0
    assert timedelta(milliseconds=100) <= chosen - clock < timedelta(milliseconds=1100)


@pytest.mark.parametrize(
    ("hours", "present", "wrong", "gap"),
    [
        ({"a": -3, "b": 2}, "a", False, ""),
        ({"a": -3, "b": 2}, "", True, ""),
        ({"a": -3, "b": 2}, "ab", True, ""),
        ({"a": -3}, "a", False, "after"),
        ({"a": -3}, "", True, "after"),
        ({"b": 2}, "", False, "before"),
        ({"b": 2}, "b", True, "before"),
        ({"a": -1 / 3600, "b": 1 / 3600}, "", False, "before"),
        ({"a": -18 * 24, "b": 17 * 24}, "a", False, ""),
        ({"a": -18 * 24, "b": 19 * 24}, "a", False, "37.0 days apart"),
        ({}, "", False, "before"),
    ],
)
def test_heartbeats_tell_only_what_lies_between_two_of_them(
    hours: dict[str, float], present: str, wrong: bool, gap: str
) -> None:
    beats = {name: POINT + timedelta(hours=span) for name, span in hours.items()}
    found = compare_beats(beats, frozenset(present), POINT)
    assert found.wrong is wrong
    assert gap in found.gap
    assert bool(gap) == bool(found.gap)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 200)), max_size=60),
    st.integers(1, 30),
    st.integers(1, 3000),
)
def test_units_cover_all_work_once(
    loads: list[tuple[int, int]], most_units: int, unit_weight: int
) -> None:
    given_loads = [Load(weight=weight, blocks=blocks) for weight, blocks in loads]
    units = balance(given_loads, most_units=most_units, unit_weight=unit_weight)
    assert len(units) <= most_units
    assert all(units)
    by_load: dict[int, list[Piece]] = {}
    for piece in (piece for unit in units for piece in unit):
        by_load.setdefault(piece.load, []).append(piece)
    assert sorted(by_load) == list(range(len(loads)))
    for pieces in by_load.values():
        assert [piece.number for piece in pieces] == list(range(pieces[0].pieces))
        assert pieces[0].start == 0
        assert pieces[-1].end is None
        for one, other in pairwise(pieces):
            assert one.end == other.start
            assert one.start < one.end


def test_units_are_of_about_equal_weight() -> None:
    loads = [Load(weight=weight, blocks=weight) for weight in (900, 10, 10, 30, 300, 55, 70, 5)]
    units = balance(loads, most_units=100, unit_weight=100)

    def weight(piece: Piece) -> float:
        load = loads[piece.load]
        return load.weight / piece.pieces

    heaviest = max(sum(weight(piece) for piece in unit) for unit in units)
    assert heaviest <= 4 / 3 * 100
    assert len(units) == 14
    # A table that is cut comes first, and each of its parts is a unit of its own.
    cut = [unit for unit in units if unit[0].pieces > 1]
    assert units[: len(cut)] == cut
    assert {len(unit) for unit in cut} == {1}


def test_a_thousand_tables_make_no_more_units_than_the_map_takes() -> None:
    loads = [Load(weight=2**30 * (n % 7 + 1), blocks=131072) for n in range(1000)]
    units = balance(loads, most_units=100, unit_weight=2**30)
    assert 80 <= len(units) <= 100


@pytest.mark.parametrize(
    ("text", "value", "met"),
    [
        ("> 0", 1, True),
        ("> 0", 0, False),
        (">=-1.5e1", Decimal(-15), True),
        ("= 5", 5.0, True),
        ("== 5", 6, False),
        ("<> 5", 6, True),
        ("!= 5", 5, False),
        ("< .5", 0.25, True),
        ("<= 5", 5, True),
        ("between 1 and 9", 9, True),
        ("BETWEEN 1 AND 9", 10, False),
        ("between '2026-01-01' and '2026-01-31'", date(2026, 1, 31), True),
        (">= '2026-11-02'", POINT, True),
        ("> '2026-11-02T06:00:00+01:00'", POINT, False),
        ("= '2026-11-02T06:00:00+01:00'", POINT, True),
        ("< '2026-11-02'", POINT.replace(tzinfo=None) - timedelta(hours=6), True),
        ("= 'it''s'", "it's", True),
        ("= '12'", 12, True),
        ("= true", True, True),
        ("<> false", True, True),
        ("is true", True, True),
        ("is not false", None, True),
        ("is null", None, True),
        ("is not null", 0, True),
        ("IS NOT NULL", None, False),
        ("= 0", None, False),
        ("<> 0", None, False),
        ("> 0", math.inf, True),
    ],
)
def test_an_expectation(text: str, value: object, met: bool) -> None:
    assert Expectation.parse(f" {text} ").met_by(value) is met


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("> 0", "1"),
        ("> 0", True),
        ("> 0", POINT),
        ("> 0", [1]),
        ("> 0", math.nan),
        ("= true", 1),
        ("> true", True),
        ("is true", 1),
        ("= 'soon'", POINT),
        ("= 'many'", 5),
        ("= 'x'", b"x"),
    ],
)
def test_what_cannot_be_compared_says_nothing_of_the_value(text: str, value: object) -> None:
    with pytest.raises(Incomparable) as reason:
        Expectation.parse(text).met_by(value)
    assert "2026" not in str(reason.value)


@pytest.mark.parametrize(
    "text",
    ["", "5", "> ", "> five", ">> 5", "between 1", "is", "is 5", "= 'a", "> 0; drop", 5, "= null"],
)
def test_what_is_no_expectation(text: str) -> None:
    with pytest.raises(ValueError, match="is not an expectation: expected a comparison"):
        Expectation.parse(text)


@pytest.mark.parametrize(
    ("query", "bound"),
    [
        ("SELECT :restore_time", "SELECT %(restore_time)s"),
        ("SELECT :restore_time::date;", "SELECT %(restore_time)s::date"),
        ("SELECT a::restore_time", "SELECT a::restore_time"),
        ("SELECT :restore_times", "SELECT :restore_times"),
        ("SELECT ':restore_time', \":restore_time\"", "SELECT ':restore_time', \":restore_time\""),
        ("SELECT 'it''s :restore_time'", "SELECT 'it''s :restore_time'"),
        (r"SELECT E'\' :restore_time'", r"SELECT E'\' :restore_time'"),
        (r"SELECT '\', :restore_time", r"SELECT '\', %(restore_time)s"),
        (r"SELECT date'2026-01-01\', :restore_time", r"SELECT date'2026-01-01\', %(restore_time)s"),
        ("SELECT $$:restore_time$$, $a$ $$ :restore_time $a$", None),
        ("SELECT 1 /* :restore_time 5% */ -- :restore_time", None),
        ("SELECT 'a%' LIKE 'b%'", "SELECT 'a%%' LIKE 'b%%'"),
    ],
)
def test_the_restore_time_in_a_query(query: str, bound: str | None) -> None:
    assert bind_restore_time(query) == (bound or query.replace("%", "%%"))


def test_records_show_no_text_and_no_bytes() -> None:
    assert shown("Ana") == "a text of 3 characters"
    assert shown(b"Ana") == "a value of type bytes"
    assert shown({"name": "Ana"}) == "a value of type dict"
    assert shown(12.5) == "12.5"


def test_a_token_is_signed_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    ca = Path("ca.pem")
    login = database.iam_login(host="copy.example", port=5432, database="d", user="u", ca_file=ca)
    token = login.password()
    assert token.startswith("copy.example:5432/?Action=connect&DBUser=u&")
    assert "X-Amz-Expires=900" in token


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('FATAL:  role "x" does not exist', "LoginRefused"),
        ('FATAL:  PAM authentication failed for user "x"', "LoginRefused"),
        ('FATAL:  no pg_hba.conf entry for host "::1", user "x", database "y"', "LoginRefused"),
        ('FATAL:  role "x" is not permitted to log in', "LoginRefused"),
        ('ФАТАЛЬНАЯ:  роль "x" не существует', "LoginRefused"),
        ('FATAL:  database "y" does not exist', "LoginRefused"),
        ("FATAL:  the database system is not yet accepting connections", "NotReachable"),
        ("FATAL:  the database system is shutting down", "NotReachable"),
        ("FATAL:  sorry, too many clients already", "NotReachable"),
        ("FATAL:  remaining connection slots are reserved for ...", "NotReachable"),
        ("Connection refused\n\tIs the server running on that host?", "NotReachable"),
        ("server does not support SSL, but SSL was required", "TlsFailed"),
        ('server certificate for "a" does not match host name "b"', "TlsFailed"),
        ("server closed the connection unexpectedly", "NotReachable"),
    ],
)
def test_what_a_failed_login_means(text: str, kind: str) -> None:
    login = database.Login(
        host="h", port=1, database="d", user="x", password=str, ca_file=Path("ca.pem")
    )
    wrapped = f'connection failed: connection to server at "10.0.0.1", port 5432 failed: {text}'
    assert type(database.login_error(wrapped, login)).__name__ == kind
