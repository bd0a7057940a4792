"""drills.yaml: what is watched between the drills, who is told, and when a drill may start."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.config import ConfigurationError, parse
from infra.contradictions import MOST_CHATS, MOST_DRILLS
from tests.infra.samples import WINDOW, configuration, content

SLACK = {"workspace": "T07EA123LEP", "channel": "C04F1EXAMPLE"}
UUID = "0a1b2c3d-0000-1111-2222-333344445555"
TEAMS = {"team": UUID, "channel": "19%3aa1b2c3%40thread.tacv2", "tenant": UUID}
ALL = ["critical", "high", "medium"]


def errors(*drills: dict[str, Any], **others: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse(json.dumps(content(*drills, **others)))
    return caught.value.lines


class TestWatch:
    def test_everything_has_a_default(self) -> None:
        watch = configuration().watch
        assert (watch.restorable_lag, watch.snapshot_age, watch.grace) == (900, 93_600, 43_200)
        assert watch.reminder.cron == "cron(0 9 * * ? *)"
        assert (watch.reminder.timezone, watch.dashboard) == ("UTC", True)

    def test_and_everything_can_be_said(self) -> None:
        watch = configuration(
            watch={
                "restorable_lag": "30m",
                "snapshot_age": "2d",
                "grace": "1d",
                "reminder": {"at": "07:30", "timezone": "America/Sao_Paulo"},
                "dashboard": False,
            }
        ).watch
        assert (watch.restorable_lag, watch.snapshot_age, watch.grace) == (1800, 172_800, 86_400)
        assert watch.reminder.cron == "cron(30 7 * * ? *)"
        assert watch.dashboard is False

    @pytest.mark.parametrize(
        ("key", "value", "found", "expected"),
        [
            ("restorable_lag", "5m", "5m", "a duration from 6m to 24h"),
            ("snapshot_age", "23h", "23h", "a duration from 24h to 35d"),
            ("grace", 12, "12", "a duration from 1h to 7d"),
            ("reminder", {"at": "9:00"}, "9:00", 'a time of the day, in quotes, such as "09:00"'),
            ("reminder", {"timezone": "Sao_Paulo"}, "Sao_Paulo", "America/Sao_Paulo"),
            ("dashboard", "yes", "yes", "true or false"),
        ],
    )
    def test_a_wrong_value_is_one_line(
        self, key: str, value: object, found: str, expected: str
    ) -> None:
        (line,) = errors(watch={key: value})
        assert f"watch.{key}" in line
        assert f": {found}: expected " in line
        assert expected in line

    def test_an_unknown_key_shows_the_nearest_known_one(self) -> None:
        (line,) = errors(watch={"restorable_lags": "15m"})
        assert "watch.restorable_lags: unknown key: expected restorable_lag?" in line


class TestChats:
    def test_an_entry_is_an_address_or_a_channel(self) -> None:
        entries = configuration(
            notify=[
                {"email": "a@b.c", "severities": ALL},
                {"slack": SLACK, "severities": ALL},
                {"teams": TEAMS, "severities": ["critical"]},
            ]
        ).notify
        assert [entry.chat is not None for entry in entries] == [False, True, True]

    @pytest.mark.parametrize(
        ("kind", "chat", "key", "value", "expected"),
        [
            ("slack", SLACK, "workspace", "acme", "the id of the Slack workspace"),
            ("slack", SLACK, "channel", "#general", "the id of the Slack channel"),
            ("teams", TEAMS, "team", "ops", "the id of the Teams team, a UUID"),
            ("teams", TEAMS, "channel", "general", "the id of the Teams channel"),
            ("teams", TEAMS, "tenant", "acme", "the id of the Microsoft tenant"),
        ],
    )
    def test_a_wrong_id_is_one_line(
        self, kind: str, chat: dict[str, str], key: str, value: str, expected: str
    ) -> None:
        entries = [{kind: {**chat, key: value}, "severities": ALL}]
        (line,) = errors(notify=entries)
        assert f"notify[0].{kind}.{key}: {value}: expected {expected}" in line

    @pytest.mark.parametrize(
        ("given", "found"),
        [
            ({}, "none of them"),
            ({"email": "a@b.c", "slack": SLACK}, "email and slack"),
        ],
    )
    def test_it_is_one_of_them(self, given: dict[str, Any], found: str) -> None:
        (line,) = errors(notify=[{**given, "severities": ALL}])
        assert f"notify[0]: {found}: expected one of email, slack and teams" in line

    def test_an_alarm_tells_only_so_many_topics(self) -> None:
        chats = [{"slack": SLACK, "severities": ALL}] * (MOST_CHATS + 1)
        assert configuration(notify=chats[1:])
        (line,) = errors(notify=chats)
        assert "notify: 4 chats: expected at most 3" in line

    @pytest.mark.parametrize("unheard", ALL)
    def test_somebody_hears_of_everything_but_advice(self, unheard: str) -> None:
        heard = [severity for severity in ALL if severity != unheard]
        (line,) = errors(notify=[{"email": "a@b.c", "severities": heard}])
        assert f"notify: {unheard} is heard by nobody: expected some entry that receives" in line
        assert configuration(notify=[{"email": "a@b.c", "severities": ALL}])

    @pytest.mark.parametrize("written", [{"notify": []}, {}])
    def test_where_nobody_hears_anything_it_says_what_to_write(
        self, written: dict[str, Any]
    ) -> None:
        told = {key: value for key, value in content().items() if key != "notify"}
        with pytest.raises(ConfigurationError) as caught:
            parse(json.dumps({**told, **written}))
        (line,) = caught.value.lines
        assert (
            "notify: nobody: expected somebody who hears of what fails:"
            " - {email: you@example.com, severities: [critical, high, medium]}"
        ) in line


class TestSchedules:
    def test_a_drill_may_have_a_window_to_start_in(self) -> None:
        schedule = {"cron": "0 5 1 * ? *", "timezone": "UTC", "window": "90m"}
        assert configuration({"schedule": schedule}).drills[0].schedule.window == 5400
        assert configuration().drills[0].schedule.window is None

    @pytest.mark.parametrize(
        ("window", "expected"),
        [
            ("30s", "a duration from 1m to 24h"),
            ("90s", "whole minutes, such as 15m or 2h"),
            ("25h", "a duration from 1m to 24h"),
            (15, "a duration from 1m to 24h"),
        ],
    )
    def test_a_wrong_window_is_one_line(self, window: object, expected: str) -> None:
        schedule = {"cron": "0 5 1 * ? *", "timezone": "UTC", "window": window}
        (line,) = errors({"schedule": schedule})
        assert f"drills[0].schedule.window: {window}: expected {expected}" in line

    @pytest.mark.parametrize(("window", "fits"), [("59m", True), ("60m", False)])
    def test_a_live_rotation_starts_while_its_own_window_is_open(
        self, window: str, fits: bool
    ) -> None:
        live = {
            "kind": "secret_rotation",
            "mode": "live",
            "window": WINDOW,
            "schedule": {
                "cron": "0 5 ? * 1 *",
                "timezone": WINDOW["timezone"],
                "window": window,
            },
        }
        if fits:
            assert configuration(live)
        else:
            (line,) = errors(live)
            assert "schedule.window: 60m: expected one that ends within 04:00 to 06:00" in line

    def test_only_so_many_drills_fit_into_one_alarm(self) -> None:
        drills = [{"name": f"d{number}"} for number in range(MOST_DRILLS + 1)]
        assert configuration(*drills[1:])
        (line,) = errors(*drills)
        assert "drills: 101 drills: expected at most 100 in one deployment" in line
