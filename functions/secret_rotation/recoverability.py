"""Would anybody still hold a password for what would be restored? Day by day. Pure.

A restored database has the passwords of its moment. Secrets Manager keeps two versions for sure;
with more rotations than that inside the restore window, the oldest days open with no password that
is still held, and only a login by IAM, which needs none, gets in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from functions import clock
from functions.model import Check, CheckClass, Status
from functions.secret_rotation.values import CURRENT, PENDING, PREVIOUS

NAME = "credential_recoverability"

LISTED = "an unlabelled version"
NOBODY = "no password that is still held"


def check(
    *, cluster: Mapping[str, Any] | None, versions: Sequence[Mapping[str, Any]], target: str
) -> Check:
    """The check, over every day of the cluster's restore window."""
    if cluster is None:
        return _check(
            target, Status.NOT_RUN, "not measured", "no cluster is named", by_configuration=True
        )
    if cluster["earliest"] is None or cluster["latest"] is None:
        return _check(target, Status.NOT_RUN, "no restore window", "the cluster tells none")
    held = per_day(
        versions,
        earliest=clock.parse(cluster["earliest"]),
        latest=clock.parse(cluster["latest"]),
    )
    counts = Counter(held)
    told = ", ".join(
        f"{count} {'day' if count == 1 else 'days'} by {holder}" for holder, count in counts.items()
    )
    lost, doubtful = counts[NOBODY], counts[LISTED]
    if not lost and not doubtful:
        return _check(target, Status.PASSED, told)
    if cluster["iam_authentication"]:
        return _check(
            target, Status.PASSED, told, "there a login by IAM is the only sure way in: keep it"
        )
    return _check(
        target,
        Status.FAILED,
        told,
        "IAM database authentication is off: nobody could log in to a copy of those days",
    )


def per_day(
    versions: Sequence[Mapping[str, Any]], *, earliest: datetime, latest: datetime
) -> list[str]:
    """For each day of the window, oldest first, what holds the password of that moment.

    >>> from datetime import UTC
    >>> day = lambda n: datetime(2026, 11, n, tzinfo=UTC)
    >>> versions = [{"created_at": "2026-11-04T00:00:00Z", "stages": [CURRENT]},
    ...             {"created_at": "2026-11-03T00:00:00Z", "stages": [PREVIOUS]},
    ...             {"created_at": "2026-11-02T00:00:00Z", "stages": []}]
    >>> [h.split()[0] for h in per_day(versions, earliest=day(1), latest=day(4))]
    ['no', 'an', 'AWSPREVIOUS', 'AWSCURRENT']
    """
    known = _once_current(versions)
    found = []
    moment = earliest
    while moment <= latest:
        stages = next((s for created, s in known if created <= moment), None)
        found.append(_holder(stages))
        moment += timedelta(days=1)
    return found or [_holder(next((s for created, s in known if created <= latest), None))]


def _once_current(
    versions: Sequence[Mapping[str, Any]],
) -> list[tuple[datetime, tuple[str, ...]]]:
    """When versions were made that have been a password, newest first.

    One that is pending, or that is newer than the current one and has no label (a rotation that
    was given up), never was.
    """
    known = sorted(
        ((clock.parse(v["created_at"]), tuple(v["stages"])) for v in versions), reverse=True
    )
    current = next((created for created, stages in known if CURRENT in stages), None)
    return [
        (created, stages)
        for created, stages in known
        if CURRENT in stages
        or (PENDING not in stages and (stages or current is None or created < current))
    ]


def _holder(stages: tuple[str, ...] | None) -> str:
    if stages is None:
        return NOBODY
    return next((stage for stage in (CURRENT, PREVIOUS) if stage in stages), LISTED)


def _check(
    target: str, status: Status, observed: str, detail: str = "", *, by_configuration: bool = False
) -> Check:
    return Check(
        name=NAME,
        check_class=CheckClass.ACCESS,
        target=target,
        status=status,
        expected="somebody could log in to a copy of each day of the restore window",
        observed=observed,
        detail=detail,
        by_configuration=by_configuration,
    )
