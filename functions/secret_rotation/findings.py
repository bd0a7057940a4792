"""What Plan found of the secret, as checks: its schedule, its labels, its host, the clock. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from functions import clock
from functions.model import Check, CheckClass, Status
from functions.secret_rotation.plan import UNDER_WAY
from functions.secret_rotation.recoverability import check as recoverability

OVERDUE_GRACE = timedelta(days=1)
"""AWS rotates "on or before this date", within a window of up to a day."""

MOST_SKEW_SECONDS = 60.0


def checks(*, drill: Mapping[str, Any], plan: Mapping[str, Any], mend: str = "") -> list[Check]:
    """All of them; each is of the source's secret, whichever one was rotated.

    `mend` says what to do about a rotation of it that is stuck.
    """
    source = plan["source"]
    return [
        schedule(drill, source),
        on_time(source),
        not_stuck(source, mend),
        _clock(plan),
        recoverability(cluster=plan["cluster"], versions=source["versions"], target=source["name"]),
    ]


def schedule(drill: Mapping[str, Any], source: Mapping[str, Any]) -> Check:
    """Whether the secret is rotated as often as the company wants."""
    most, days = drill["rotation_days_maximum"], _interval(source)
    expected = f"rotated every {most} days at least"
    if days is None:
        return _check(
            "rotation_schedule",
            source,
            Status.NOT_RUN,
            expected,
            "no schedule that could be read",
            "neither a rate nor two dates tell how often: set AutomaticallyAfterDays",
        )
    status = Status.PASSED if days <= most else Status.FAILED
    return _check("rotation_schedule", source, status, expected, f"every {days:g} days")


def _interval(source: Mapping[str, Any]) -> float | None:
    """Days between two rotations: by the rate, or from the last to the next one by a cron."""
    if source["schedule_days"] is not None:
        return float(source["schedule_days"])
    seconds = clock.seconds_between(source["last_rotated_at"], source["next_rotation_at"])
    return None if seconds is None or seconds <= 0 else round(seconds / 86_400, 1)


def on_time(source: Mapping[str, Any]) -> Check:
    """Whether no rotation was missed."""
    expected = "the next rotation is ahead"
    due = source["next_rotation_at"]
    last = source["last_rotated_at"]
    if due is None and last is not None and source["schedule_days"] is not None:
        due = clock.after(last, source["schedule_days"] * 86_400)
    told = f"last rotated {last or 'never'}"
    if due is None:
        return _check(
            "rotation_on_time",
            source,
            Status.NOT_RUN,
            expected,
            told,
            "AWS does not say when the next one is due",
        )
    overdue = clock.parse(source["asked_at"]) > clock.parse(due) + OVERDUE_GRACE
    return _check(
        "rotation_on_time",
        source,
        Status.FAILED if overdue else Status.PASSED,
        expected,
        f"due {due}, {told}",
        "a rotation was missed: look at the rotation function's log" if overdue else "",
    )


def not_stuck(source: Mapping[str, Any], mend: str = "") -> Check:
    """Whether no rotation is unfinished; when it counts as stuck, who asks must know."""
    pending, since = source["pending"], source["pending_since"]
    expected = "no rotation that is not finished"
    if not pending:
        return _check("no_rotation_pending", source, Status.PASSED, expected, "none")
    told = f"since {since}" if since else "since when AWS does not say, for it is still empty"
    return _check(
        "no_rotation_pending",
        source,
        Status.FAILED,
        expected,
        f"AWSPENDING on version {pending}",
        "; ".join(
            part
            for part in (
                told,
                f"it should be over in {UNDER_WAY.total_seconds() / 60:.0f} minutes",
                mend,
            )
            if part
        ),
    )


def _clock(plan: Mapping[str, Any]) -> Check:
    skew = plan["clock_skew_seconds"]
    if skew is None:
        return _check(
            "clock",
            plan["source"],
            Status.NOT_RUN,
            f"within {MOST_SKEW_SECONDS:.0f} s of the clock of Secrets Manager",
            "not known",
            "Secrets Manager's answer had no date",
        )
    return _check(
        "clock",
        plan["source"],
        Status.PASSED if abs(skew) <= MOST_SKEW_SECONDS else Status.FAILED,
        f"within {MOST_SKEW_SECONDS:.0f} s of the clock of Secrets Manager",
        f"{skew:+.1f} s",
    )


def _check(
    name: str,
    source: Mapping[str, Any],
    status: Status,
    expected: str,
    observed: str,
    detail: str = "",
) -> Check:
    return Check(
        name=name,
        check_class=CheckClass.ROTATION,
        target=source["name"],
        status=status,
        expected=expected,
        observed=observed,
        detail=detail,
    )
