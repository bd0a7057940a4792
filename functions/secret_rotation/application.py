"""Whether the application still gets into its database, over a new connection, after a rotation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions import clock
from functions.model import Check, CheckClass, Status
from functions.secret_rotation import probe
from functions.secret_rotation.values import Mode

MOST_TRIES = 3


def seconds_to_wait(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    exercise: Mapping[str, Any],
    now: datetime,
) -> float:
    """How long the application may still use what it has in its cache; 0 once that is over.

    In a rehearsal nothing of the application's was rotated, so there is nothing to wait for. Pure.
    """
    moved = exercise.get("current_at")
    if plan["mode"] == Mode.REHEARSAL or not moved:
        return 0.0
    fresh = clock.parse(clock.after(moved, drill["timing"]["cache_seconds"]))
    return max(0.0, (fresh - now).total_seconds())


def check(url: str, *, witness: Mapping[str, Any], last: bool) -> Check | None:
    """Ask the URL; None where it did not answer well and is to be asked again.

    An application that did not answer before the rotation says nothing of the rotation.
    """
    before = witness["probes"].get(url, "")
    heard = probe.ask(url)
    if not heard.well and not last:
        return None
    expected, name = "HTTP 2xx", "application"
    if heard.well:
        status, detail = Status.PASSED, ""
    elif heard.status is None:
        status, detail = Status.NOT_RUN, f"before the rotation: {before}"
    elif before.startswith("HTTP 2"):
        detail = (
            f"before the rotation: {before}; if the new password gets in, restart the application,"
            " and let it read the secret anew when it is refused"
        )
        status = Status.FAILED
    else:
        status, detail = Status.NOT_RUN, f"it did not answer well before either: {before}"
    return Check(
        name=name,
        check_class=CheckClass.CUSTOM,
        target=url,
        status=status,
        expected=expected,
        observed=heard.told,
        detail=detail,
    )
