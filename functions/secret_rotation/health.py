"""How a secret stands between drills, judged: is it rotated, and did the last rotation end? Pure.

Its dates, labels and function are judged as a drill judges them (`findings`, `plan`). Its value is
never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from functions import clock
from functions.health import Finding, Gauge, Health, of_check
from functions.secret_rotation import findings, plan
from functions.secret_rotation.values import (
    History,
    RotationFunction,
    Secret,
    Version,
    function_name,
)
from functions.watch.conditions import (
    ADVICE,
    ROTATION_FAILED,
    ROTATION_OVERDUE,
    SECRET_GONE,
    Condition,
)

STUCK_AFTER: Final = timedelta(hours=1)
"""A rotation takes minutes, and Secrets Manager tries again what failed: after that it is stuck."""

LATE_AFTER: Final = findings.OVERDUE_GRACE
"""Beyond the days that may pass: a rotation may come at any time of the day on which it is due."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A secret as it was seen; `secret` is None where it is not there, or where nobody answered.

    `versions` are those that have a value, looked at only while a rotation is pending. `asked` says
    whether its function was looked at: then None is one that is not there. `unread` are the
    questions that were not answered.
    """

    name: str
    secret: Secret | None
    versions: tuple[Version, ...] = ()
    asked: bool = False
    function: RotationFunction | None = None
    unread: tuple[Finding, ...] = ()


def judge(
    look: Look, *, wanted: Mapping[str, Any], history: History | str, now: datetime
) -> Health:
    """What is true of a secret. `wanted` is what infra/kinds/secret_rotation_health.py writes.

    `history` are the rotations that CloudTrail knows of, or why that could not be asked.
    """
    if look.secret is None and look.unread:
        return Health(findings=look.unread)
    if look.secret is None:
        text = f"{look.name}: there is no such secret: expected one that is rotated"
        return Health(findings=(_finding(SECRET_GONE, text),), facts={"exists": False})
    secret = replace(look.secret, asked_at=now)
    return Health(
        gauges=tuple(_gauges(secret, history, now)),
        findings=(*_findings(look, secret, wanted), *_of_history(look, history), *look.unread),
        facts=_told(look, secret, history),
    )


def _findings(look: Look, secret: Secret, wanted: Mapping[str, Any]) -> Iterator[Finding]:
    if secret.deleted:
        text = f"{look.name}: is scheduled for deletion: expected it in use: restore it"
        yield _finding(SECRET_GONE, text)
        return
    source = plan.described(secret, look.versions)
    if is_stuck(secret, look.versions):
        yield from of_check(ROTATION_FAILED.name, findings.not_stuck(source))
    if secret.rotation_enabled:
        yield from _of_function(look, secret, wanted)
        yield from of_check(ROTATION_OVERDUE.name, findings.on_time(source))
        yield from _of_age(secret, wanted["rotation_days_maximum"])
        yield from of_check(ADVICE.name, findings.schedule(wanted, source))
    else:
        text = f"{look.name}: its rotation is switched off: expected it on"
        yield _finding(ROTATION_OVERDUE, text)
    for region, status in sorted(secret.replicas.items()):
        if status == "Failed":
            text = f"{look.name}: its replica in {region} has failed: expected InSync"
            yield _finding(ADVICE, text)


def _of_history(look: Look, history: History | str) -> Iterator[Finding]:
    """The rate is no more than told: what is wrong today, the secret itself says."""
    if isinstance(history, str):
        yield _finding(ADVICE, f"{look.name}: the rate of success is not known: {history}")


def is_stuck(secret: Secret, versions: tuple[Version, ...]) -> bool:
    """Whether a rotation has been pending for longer than `STUCK_AFTER`, at `secret.asked_at`."""
    since = pending_since(secret, versions)
    return bool(secret.pending) and (since is None or secret.asked_at - since > STUCK_AFTER)


def pending_since(secret: Secret, versions: tuple[Version, ...]) -> datetime | None:
    """Since when, at the latest, a rotation is pending; None where none is, or nothing tells.

    A version says when it got its value. Of one that is still empty AWS says only that nothing has
    changed since; but it was due when the next rotation was.
    """
    if not secret.pending:
        return None
    for version in versions:
        if version.id == secret.pending:
            return version.created_at
    dates = (secret.changed_at, secret.next_rotation_at)
    return min((date for date in dates if date), default=None)


def named_function(secret: Secret, wanted: Mapping[str, Any]) -> str:
    """The function that rotates the secret, where drills.yaml names it too; else empty.

    The collector may look at no other.
    """
    name, qualifier = function_name(secret.rotation_function)
    return name if name in wanted["functions"] and not qualifier else ""


def _of_function(look: Look, secret: Secret, wanted: Mapping[str, Any]) -> Iterator[Finding]:
    if secret.owner:
        return  # the service that owns it rotates it, by no function
    if not secret.rotation_function:
        text = f"{look.name}: names no rotation function: expected {_either(wanted['functions'])}"
        yield _finding(ROTATION_FAILED, text)
        return
    name = named_function(secret, wanted)
    if not name:
        text = (
            f"{look.name}: is rotated by {secret.rotation_function}, which drills.yaml does not"
            f" name: expected {_either(wanted['functions'])}: its drills are refused"
        )
        yield _finding(ADVICE, text)
    elif look.asked and look.function is None:
        text = f"{look.name}: its rotation function {name} is not there: expected it Active"
        yield _finding(ROTATION_FAILED, text)
    elif look.function is not None:
        for fault in plan.faults_of(look.function, name=name, secret=secret):
            yield _finding(ROTATION_FAILED, f"{look.name}: {fault}")


def _of_age(secret: Secret, most: int) -> Iterator[Finding]:
    """One that was never rotated is as old as the secret."""
    days = _days_since(secret.last_rotated_at or secret.created_at, secret.asked_at)
    if days is not None and days > most + LATE_AFTER / _DAY:
        last = secret.last_rotated_at
        since = f"last rotated {clock.render(last)}" if last else "never rotated"
        text = f"{secret.name}: {since}, {days:.1f} days: expected {most} days at most"
        yield _finding(ROTATION_OVERDUE, text)


def _days_since(instant: datetime | None, now: datetime) -> float | None:
    return (now - instant) / _DAY if instant else None


def _finding(condition: Condition, text: str) -> Finding:
    return Finding(condition=condition.name, text=text)


def _either(names: list[str]) -> str:
    return " or ".join(names)


def _gauges(secret: Secret, history: History | str, now: datetime) -> Iterator[Gauge]:
    days = _days_since(secret.last_rotated_at or secret.created_at, now)
    if days is not None:
        yield Gauge(name="DaysSinceRotated", value=round(days, 3), unit="None")
    if isinstance(history, History):
        succeeded, failed = history.of(secret.arn)
        if succeeded + failed:
            percent = round(100 * succeeded / (succeeded + failed), 1)
            yield Gauge(name="RotationSuccessPercent", value=percent, unit="Percent")


def _told(look: Look, secret: Secret, history: History | str) -> dict[str, Any]:
    """The facts as JSON has them."""
    return {
        "exists": True,
        "deleted": secret.deleted,
        "rotation_enabled": secret.rotation_enabled,
        "function": secret.rotation_function,
        "function_state": look.function.state if look.function else None,
        "schedule_days": secret.schedule_days,
        "created_at": _instant(secret.created_at),
        "changed_at": _instant(secret.changed_at),
        "last_rotated_at": _instant(secret.last_rotated_at),
        "next_rotation_at": _instant(secret.next_rotation_at),
        "pending": secret.pending,
        "pending_since": _instant(pending_since(secret, look.versions)),
        "replicas": dict(secret.replicas),
        "rotations": _counted(secret, history),
    }


def _counted(secret: Secret, history: History | str) -> dict[str, Any]:
    """How rotations ended, or why that is not known. CloudTrail tells as well as it can."""
    if isinstance(history, str):
        return {"known": False, "why": history}
    succeeded, failed = history.of(secret.arn)
    if not succeeded + failed:
        return {"known": False, "why": f"CloudTrail has none since {clock.render(history.since)}"}
    return {
        "known": True,
        "since": clock.render(history.since),
        "succeeded": succeeded,
        "failed": failed,
    }


def _instant(instant: datetime | None) -> str | None:
    return clock.render(instant) if instant else None
