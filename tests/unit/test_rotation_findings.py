"""What Plan found of the secret, as checks: passed, failed, not run, and with which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from functions import clock
from functions.model import Check, CheckClass, Status
from functions.secret_rotation import findings, recoverability
from functions.secret_rotation.recoverability import LISTED, NOBODY
from functions.secret_rotation.values import CURRENT, PREVIOUS, Version
from tests.unit.test_rotation_plan import AROUND, CLUSTER, DRILL, NOW, SEEN, SOURCE, make

NAMES = [
    "rotation_schedule",
    "rotation_on_time",
    "no_rotation_pending",
    "clock",
    "credential_recoverability",
]


def found(*, drill: dict[str, Any] | None = None, **secret: Any) -> dict[str, Check]:
    """The checks of a secret with these changes, by name."""
    source = replace(SEEN, secret=replace(SOURCE, **secret))
    plan = make(replace(AROUND, source=source))
    return {c.name: c for c in findings.checks(drill=DRILL | (drill or {}), plan=plan)}


def test_a_secret_in_order_passes_each() -> None:
    checks = found()
    assert list(checks) == NAMES
    assert {c.status for c in checks.values()} == {Status.PASSED}
    assert {c.target for c in checks.values()} == {"prod/app"}
    classes = {c.name: c.check_class for c in checks.values()}
    assert classes.pop("credential_recoverability") is CheckClass.ACCESS
    assert set(classes.values()) == {CheckClass.ROTATION}


@pytest.mark.parametrize(
    ("days", "status", "observed"),
    [
        (30.0, Status.PASSED, "every 30 days"),
        (30.5, Status.FAILED, "every 30.5 days"),
        (0.1667, Status.PASSED, "every 0.1667 days"),
        (365.0, Status.FAILED, "every 365 days"),
    ],
)
def test_how_often_by_a_rate(days: float, status: Status, observed: str) -> None:
    check = found(schedule_days=days)["rotation_schedule"]
    assert (check.status, check.observed) == (status, observed)
    assert check.expected == "rotated every 30 days at least"


def test_how_often_by_a_cron_is_from_the_last_to_the_next() -> None:
    quarterly = {
        "schedule_days": None,
        "last_rotated_at": NOW - timedelta(days=1),
        "next_rotation_at": NOW + timedelta(days=90),
    }
    check = found(**quarterly)["rotation_schedule"]
    assert (check.status, check.observed) == (Status.FAILED, "every 91 days")
    assert found(drill={"rotation_days_maximum": 91}, **quarterly)["rotation_schedule"].status is (
        Status.PASSED
    )


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, NOW + timedelta(days=1)),
        (NOW - timedelta(days=1), None),
        (None, None),
        (NOW, NOW - timedelta(days=1)),
        (NOW, NOW),
    ],
)
def test_how_often_cannot_be_told_by_a_cron_without_both(
    last: datetime | None, due: datetime | None
) -> None:
    check = found(schedule_days=None, last_rotated_at=last, next_rotation_at=due)[
        "rotation_schedule"
    ]
    assert (check.status, check.observed) == (Status.NOT_RUN, "no schedule that could be read")
    assert "set AutomaticallyAfterDays" in check.detail
    assert not check.by_configuration


@pytest.mark.parametrize(
    ("late", "status"),
    [
        (timedelta(0), Status.PASSED),
        (findings.OVERDUE_GRACE, Status.PASSED),
        (findings.OVERDUE_GRACE + timedelta(seconds=1), Status.FAILED),
        (timedelta(days=-20), Status.PASSED),
    ],
)
def test_overdue_is_a_day_after_it_was_due(late: timedelta, status: Status) -> None:
    due = SOURCE.asked_at - late
    check = found(next_rotation_at=due)["rotation_on_time"]
    assert check.status is status
    assert check.observed == f"due {clock.render(due)}, last rotated 2026-10-20T05:30:00Z"
    assert ("a rotation was missed" in check.detail) is (status is Status.FAILED)


def test_where_aws_says_no_date_the_rate_tells() -> None:
    last = SOURCE.asked_at - timedelta(days=31, seconds=1)
    check = found(next_rotation_at=None, last_rotated_at=last)["rotation_on_time"]
    assert check.status is Status.FAILED
    assert check.observed.startswith("due 2026-10-31T05:29:57Z")


@pytest.mark.parametrize(
    "dates",
    [
        {"last_rotated_at": None, "next_rotation_at": None},
        {"schedule_days": None, "next_rotation_at": None},
    ],
)
def test_where_nobody_says_a_date_it_is_not_known(dates: dict[str, Any]) -> None:
    check = found(**dates)["rotation_on_time"]
    assert check.status is Status.NOT_RUN
    assert check.detail == "AWS does not say when the next one is due"
    assert ("last rotated never" in check.observed) is ("last_rotated_at" in dates)


def test_a_rotation_that_is_stuck_is_told_with_what_ends_it() -> None:
    stuck = {**SOURCE.stages, "v3": ("AWSPENDING",)}
    begun = Version(id="v3", created_at=NOW - timedelta(days=3), stages=("AWSPENDING",))
    seen = replace(SEEN, secret=replace(SOURCE, stages=stuck), versions=[begun, *SEEN.versions])
    plan = make(replace(AROUND, source=seen))
    check = next(
        c
        for c in findings.checks(drill=DRILL, plan=plan, mend="the commands that end it")
        if c.name == "no_rotation_pending"
    )
    assert (check.status, check.observed) == (Status.FAILED, "AWSPENDING on version v3")
    told = ["since 2026-10-29T05:30:00Z", "it should be over in 20 minutes"]
    assert check.detail.split("; ") == [*told, "the commands that end it"]


def test_a_rotation_whose_version_is_still_empty_has_no_date() -> None:
    stuck = {**SOURCE.stages, "v3": ("AWSPENDING",)}
    check = found(stages=stuck)["no_rotation_pending"]
    assert check.status is Status.FAILED
    assert check.detail.startswith("since when AWS does not say, for it is still empty; ")


@pytest.mark.parametrize(
    ("skew", "status"),
    [(60.0, Status.PASSED), (-60.0, Status.PASSED), (60.1, Status.FAILED), (-61.0, Status.FAILED)],
)
def test_the_clock_may_be_a_minute_off(skew: float, status: Status) -> None:
    check = found(asked_at=NOW - timedelta(seconds=skew))["clock"]
    assert (check.status, check.observed) == (status, f"{skew:+.1f} s")


def in_window(*versions: tuple[float, str], iam: bool = True, days: float = 7.0) -> Check:
    """The check over a window of so many days up to now; versions by age in days and label."""
    cluster = {
        "earliest": clock.render(NOW - timedelta(days=days)),
        "latest": clock.render(NOW),
        "iam_authentication": iam,
    }
    listed = [
        {
            "created_at": clock.render(NOW - timedelta(days=age)),
            "stages": [label] if label else [],
        }
        for age, label in versions
    ]
    return recoverability.check(cluster=cluster, versions=listed, target="prod/app")


@pytest.mark.parametrize("iam", [True, False])
def test_a_password_older_than_the_window_opens_every_day(iam: bool) -> None:
    check = in_window((12, CURRENT), (42, PREVIOUS), iam=iam)
    assert (check.status, check.observed) == (Status.PASSED, "8 days by AWSCURRENT")
    assert check.detail == ""


@pytest.mark.parametrize("iam", [True, False])
def test_one_rotation_inside_the_window_is_held_by_awsprevious(iam: bool) -> None:
    check = in_window((2.5, CURRENT), (42, PREVIOUS), iam=iam)
    assert check.status is Status.PASSED
    assert check.observed == "5 days by AWSPREVIOUS, 3 days by AWSCURRENT"


def test_days_of_an_unlabelled_version_need_iam() -> None:
    versions = ((1.5, CURRENT), (2.5, PREVIOUS), (42, ""))
    told = "5 days by an unlabelled version, 1 day by AWSPREVIOUS, 2 days by AWSCURRENT"
    held = in_window(*versions)
    assert (held.status, held.observed) == (Status.PASSED, told)
    assert held.detail == "there a login by IAM is the only sure way in: keep it"
    lost = in_window(*versions, iam=False)
    assert (lost.status, lost.observed) == (Status.FAILED, told)
    assert lost.detail == (
        "IAM database authentication is off: nobody could log in to a copy of those days"
    )


def test_days_that_nobody_holds_a_password_of_need_iam() -> None:
    versions = ((1.5, CURRENT), (2.5, PREVIOUS))
    assert in_window(*versions).status is Status.PASSED
    check = in_window(*versions, iam=False)
    assert check.status is Status.FAILED
    assert check.observed.startswith("5 days by no password that is still held")


def test_a_version_that_is_pending_holds_no_day() -> None:
    """Stuck for three days, and never the password of anything: AWSCURRENT still opens all days."""
    check = in_window((3, "AWSPENDING"), (12, CURRENT), (42, PREVIOUS), iam=False)
    assert (check.status, check.observed) == (Status.PASSED, "8 days by AWSCURRENT")


def test_no_versions_at_all() -> None:
    assert in_window(iam=False).observed == "8 days by no password that is still held"


def test_a_window_shorter_than_a_day() -> None:
    check = in_window((0.3, CURRENT), (9, PREVIOUS), days=0.5)
    assert check.observed == "1 day by AWSPREVIOUS"


def test_without_a_cluster_it_is_off_by_configuration() -> None:
    check = recoverability.check(cluster=None, versions=[], target="s")
    assert (check.status, check.by_configuration) == (Status.NOT_RUN, True)


@pytest.mark.parametrize("missing", ["earliest", "latest"])
def test_a_cluster_that_tells_no_window(missing: str) -> None:
    cluster = {"earliest": "2026-11-01T00:00:00Z", "latest": "2026-11-01T00:00:00Z"}
    check = recoverability.check(cluster={**cluster, missing: None}, versions=[], target="s")
    assert (check.status, check.by_configuration) == (Status.NOT_RUN, False)


def test_a_cluster_s_window_reaches_the_check() -> None:
    cluster = replace(CLUSTER, iam_authentication=False)
    recent = [
        Version(id="v2", created_at=NOW - timedelta(days=1), stages=(CURRENT,)),
        Version(id="v1", created_at=NOW - timedelta(days=2), stages=(PREVIOUS,)),
    ]
    around = replace(AROUND, cluster=cluster, source=replace(SEEN, versions=recent))
    checks = {c.name: c for c in findings.checks(drill=DRILL, plan=make(around))}
    assert checks["credential_recoverability"].status is Status.FAILED


@given(
    ages=some.lists(some.integers(0, 2000), unique=True, min_size=2, max_size=6),
    hours=some.integers(0, 2000),
)
def test_each_day_is_held_by_the_version_that_was_current_then(ages: list[int], hours: int) -> None:
    """Of two labelled versions and further ones, the youngest that was there already."""
    latest = datetime(2026, 11, 1, tzinfo=UTC)
    ages = sorted(ages)
    labels = [CURRENT, PREVIOUS, *[""] * len(ages)]
    versions = [
        {
            "created_at": clock.render(latest - timedelta(hours=age)),
            "stages": [label] if label else [],
        }
        for age, label in zip(ages, labels, strict=False)
    ]
    days = recoverability.per_day(versions, earliest=latest - timedelta(hours=hours), latest=latest)
    assert len(days) == hours // 24 + 1
    for number, holder in enumerate(days):
        before = hours - 24 * number
        older = [index for index, age in enumerate(ages) if age >= before]
        names = {0: CURRENT, 1: PREVIOUS}
        assert holder == (names.get(older[0], LISTED) if older else NOBODY)
