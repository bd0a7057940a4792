"""The health of a secret: each damage is just its own finding, and a healthy secret has none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.health import Finding, Health
from functions.secret_rotation.health import Look, judge
from functions.secret_rotation.values import (
    History,
    Invoker,
    Rotation,
    RotationFunction,
    Version,
)
from functions.watch.conditions import OF_SOURCES
from tests.unit.test_rotation_plan import ARN, FUNCTION, FUNCTION_ARN, NOW, ROTATES, SOURCE

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
WANTED: dict[str, Any] = {"functions": [FUNCTION], "rotation_days_maximum": 30}
HEALTHY = replace(SOURCE, created_at=NOW - 400 * DAY, changed_at=NOW - 12 * DAY)
PENDING = {"v3": ("AWSPENDING",), **SOURCE.stages}
NONE = History(since=NOW - 90 * DAY, rotations=())
UNREAD = Finding(condition="unreadable", text="ListSecretVersionIds of prod/app could not be asked")


def health(
    wanted: dict[str, Any] | None = None,
    *,
    versions: tuple[Version, ...] = (),
    asked: bool = True,
    function: RotationFunction | None = ROTATES,
    unread: tuple[Finding, ...] = (),
    history: History | str = NONE,
    **change: Any,
) -> Health:
    """Of the healthy secret with these changes."""
    look = Look(
        name="prod/app",
        secret=replace(HEALTHY, **change),
        versions=versions,
        asked=asked,
        function=function,
        unread=unread,
    )
    return judge(look, wanted=WANTED | (wanted or {}), history=history, now=NOW)


def conditions(found: Health) -> list[str]:
    return [finding.condition for finding in found.findings]


def gauges(found: Health) -> dict[str, float]:
    return {gauge.name: gauge.value for gauge in found.gauges}


def ended(*succeeded: bool, secret: str = SOURCE.arn, ago: timedelta = DAY) -> tuple[Rotation, ...]:
    return tuple(Rotation(secret=secret, at=NOW - ago, succeeded=each) for each in succeeded)


def test_a_healthy_secret_has_no_finding() -> None:
    found = health()
    assert found.findings == ()
    assert gauges(found) == {"DaysSinceRotated": 12.0}


def test_the_facts_are_json_and_hold_no_value() -> None:
    facts = health(replicas={"us-east-1": "InSync"}).facts
    assert json.loads(json.dumps(facts)) == facts
    assert facts == {
        "exists": True,
        "deleted": False,
        "rotation_enabled": True,
        "function": FUNCTION_ARN,
        "function_state": "Active",
        "schedule_days": 30.0,
        "created_at": "2025-09-27T05:30:00Z",
        "changed_at": "2026-10-20T05:30:00Z",
        "last_rotated_at": "2026-10-20T05:30:00Z",
        "next_rotation_at": "2026-11-19T05:30:00Z",
        "pending": "",
        "pending_since": None,
        "replicas": {"us-east-1": "InSync"},
        "rotations": {"known": False, "why": "CloudTrail has none since 2026-08-03T05:30:00Z"},
    }


@pytest.mark.parametrize(
    ("change", "condition", "says"),
    [
        ({"deleted": True}, "secret-gone", "is scheduled for deletion"),
        (
            {"stages": PENDING, "changed_at": NOW - 2 * HOUR},
            "rotation-failed",
            "AWSPENDING on version v3",
        ),
        ({"function": None}, "rotation-failed", f"function {FUNCTION} is not there"),
        (
            {"function": replace(ROTATES, state="Failed")},
            "rotation-failed",
            "is Failed: expected Active",
        ),
        (
            {"function": replace(ROTATES, last_update="Failed")},
            "rotation-failed",
            "its last update failed",
        ),
        (
            {"function": replace(ROTATES, invokers=())},
            "rotation-failed",
            "does not let secretsmanager.amazonaws.com invoke it",
        ),
        (
            {"rotation_function": "", "asked": False, "function": None},
            "rotation-failed",
            f"names no rotation function: expected {FUNCTION}",
        ),
        (
            {
                "rotation_enabled": False,
                "last_rotated_at": None,
                "next_rotation_at": None,
                "asked": False,
                "function": None,
            },
            "rotation-overdue",
            "its rotation is switched off",
        ),
        (
            {"next_rotation_at": NOW - DAY - SECOND},
            "rotation-overdue",
            "due 2026-10-31T05:29:59Z",
        ),
        (
            {"last_rotated_at": NOW - 31 * DAY - SECOND},
            "rotation-overdue",
            "last rotated 2026-10-01T05:29:59Z, 31.0 days: expected 30 days at most",
        ),
        (
            {"last_rotated_at": None, "created_at": NOW - 32 * DAY},
            "rotation-overdue",
            "never rotated, 32.0 days: expected 30 days at most",
        ),
        ({"schedule_days": 31.0}, "advice", "every 31 days: expected rotated every 30 days"),
        (
            {"replicas": {"us-east-1": "InSync", "us-west-2": "Failed"}},
            "advice",
            "its replica in us-west-2 has failed",
        ),
        (
            {
                "rotation_function": FUNCTION_ARN.replace(FUNCTION, "other"),
                "asked": False,
                "function": None,
            },
            "advice",
            "which drills.yaml does not name",
        ),
        (
            {"rotation_function": f"{FUNCTION_ARN}:live", "asked": False, "function": None},
            "advice",
            "which drills.yaml does not name",
        ),
    ],
)
def test_each_damage_is_its_own_finding(change: dict[str, Any], condition: str, says: str) -> None:
    [only] = health(**change).findings
    assert only.condition == condition
    assert only.text.startswith("prod/app: ")
    assert says in only.text


def test_a_secret_that_is_gone_is_found() -> None:
    found = judge(Look(name="prod/app", secret=None), wanted=WANTED, history=NONE, now=NOW)
    assert found.findings == (
        Finding(
            condition="secret-gone",
            text="prod/app: there is no such secret: expected one that is rotated",
        ),
    )
    assert (found.gauges, found.facts) == ((), {"exists": False})


def test_a_secret_that_could_not_be_read_is_unreadable_and_nothing_else() -> None:
    look = Look(name="prod/app", secret=None, unread=(UNREAD,))
    found = judge(look, wanted=WANTED, history=NONE, now=NOW)
    assert (found.findings, found.gauges, found.facts) == ((UNREAD,), (), {})


@pytest.mark.parametrize(
    ("ago", "expected"), [(HOUR, []), (HOUR + SECOND, ["rotation-failed"]), (5 * SECOND, [])]
)
def test_a_rotation_is_stuck_once_its_version_is_older_than_an_hour(
    ago: timedelta, expected: list[str]
) -> None:
    made = Version(id="v3", created_at=NOW - ago, stages=("AWSPENDING",))
    found = health(stages=PENDING, versions=(made,), changed_at=NOW)
    assert conditions(found) == expected
    assert found.facts["pending"] == "v3"


@pytest.mark.parametrize(
    ("changed", "due", "expected"),
    [
        (HOUR, -18 * DAY, []),
        (HOUR + SECOND, -18 * DAY, ["rotation-failed"]),
        (SECOND, HOUR, []),
        (SECOND, HOUR + SECOND, ["rotation-failed"]),
    ],
)
def test_an_empty_version_is_stuck_by_the_last_change_or_the_date_that_passed(
    changed: timedelta, due: timedelta, expected: list[str]
) -> None:
    found = health(stages=PENDING, changed_at=NOW - changed, next_rotation_at=NOW - due)
    assert conditions(found) == expected


def test_a_pending_version_of_which_nothing_tells_since_when_is_stuck() -> None:
    found = health(stages=PENDING, changed_at=None, next_rotation_at=None)
    assert conditions(found) == ["rotation-failed"]


def test_a_version_that_is_current_as_well_is_not_pending() -> None:
    both = {"v2": ("AWSCURRENT", "AWSPENDING"), "v1": ("AWSPREVIOUS",)}
    assert health(stages=both, changed_at=NOW - 5 * DAY).findings == ()


@pytest.mark.parametrize(("late", "expected"), [(DAY, []), (DAY + SECOND, ["rotation-overdue"])])
def test_a_rotation_may_come_within_a_day_of_its_date(late: timedelta, expected: list[str]) -> None:
    assert conditions(health(next_rotation_at=NOW - late)) == expected


@pytest.mark.parametrize(
    ("age", "expected"), [(31 * DAY, []), (31 * DAY + SECOND, ["rotation-overdue"])]
)
def test_a_password_may_be_as_old_as_the_last_hour_of_the_day_it_is_due(
    age: timedelta, expected: list[str]
) -> None:
    assert conditions(health(last_rotated_at=NOW - age)) == expected
    assert conditions(health(last_rotated_at=None, created_at=NOW - age)) == expected


def test_a_new_secret_that_was_not_rotated_yet_is_in_order() -> None:
    found = health(last_rotated_at=None, created_at=NOW - 2 * DAY)
    assert found.findings == ()
    assert gauges(found) == {"DaysSinceRotated": 2.0}


def test_nothing_is_told_of_the_age_where_aws_gives_no_date() -> None:
    found = health(last_rotated_at=None, created_at=None)
    assert (found.findings, gauges(found)) == ((), {})


@pytest.mark.parametrize(("days", "expected"), [(30.0, []), (30.5, ["advice"]), (None, [])])
def test_a_schedule_may_be_as_slow_as_is_wanted(days: float | None, expected: list[str]) -> None:
    assert conditions(health(schedule_days=days)) == expected


def test_an_idle_function_is_in_order() -> None:
    assert health(function=replace(ROTATES, state="Inactive")).findings == ()


def test_a_function_that_may_be_invoked_for_another_secret_alone_is_a_failure() -> None:
    elsewhere = Invoker(service="secretsmanager.amazonaws.com", source=f"{ARN}:other-AbCdEf")
    assert conditions(health(function=replace(ROTATES, invokers=(elsewhere,)))) == [
        "rotation-failed"
    ]


def test_what_could_not_be_asked_of_the_function_is_no_failure_of_it() -> None:
    found = health(asked=False, function=None, unread=(UNREAD,))
    assert found.findings == (UNREAD,)


def test_a_secret_of_another_service_needs_no_function() -> None:
    found = health(owner="rds", rotation_function="", asked=False, function=None)
    assert found.findings == ()


@pytest.mark.parametrize(
    ("rotations", "percent"),
    [
        (ended(True), 100.0),
        (ended(False), 0.0),
        (ended(True, True, False), 66.7),
        (ended(True) + ended(False, secret=f"{ARN}:other-AbCdEf"), 100.0),
        (ended(True) + ended(False, ago=91 * DAY), 100.0),
    ],
)
def test_the_rate_of_success_is_of_this_secret_and_this_time(
    rotations: tuple[Rotation, ...], percent: float
) -> None:
    found = health(history=History(since=NOW - 90 * DAY, rotations=rotations))
    assert gauges(found)["RotationSuccessPercent"] == percent
    assert found.findings == ()
    assert found.facts["rotations"]["known"] is True


def test_what_cloudtrail_could_not_tell_is_advice() -> None:
    found = health(history="LookupEvents could not be asked: denied")
    assert found.findings == (
        Finding(
            condition="advice",
            text="prod/app: the rate of success is not known:"
            " LookupEvents could not be asked: denied",
        ),
    )
    assert "RotationSuccessPercent" not in gauges(found)
    assert found.facts["rotations"] == {
        "known": False,
        "why": "LookupEvents could not be asked: denied",
    }


def test_every_condition_is_one_of_the_kinds() -> None:
    known = {condition.name for condition in OF_SOURCES["secret_rotation"]}
    worst = health(
        stages=PENDING,
        changed_at=NOW - DAY,
        next_rotation_at=NOW - 3 * DAY,
        replicas={"us-east-1": "Failed"},
        unread=(UNREAD,),
    )
    gone = health(deleted=True)
    assert {*conditions(worst), *conditions(gone)} == known
