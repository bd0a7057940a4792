"""Where the restore has landed: the login to the copy, its recovery, and its place in time.

The markers tell that place, or for a restore point in the past the heartbeats around it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from functions.aurora import comparison
from functions.aurora.database import QueryFailed, Session
from functions.aurora.manifest import Manifest
from functions.aurora.verify_work import Work, unplaced
from functions.errors import LoginRefused, NotReachable, TlsFailed
from functions.model import Check, CheckClass, Status


def login(work: Work, session: Session, seconds: float) -> Check:
    """The record of the first login, and of what the role may do. `seconds`: how long it took."""
    role = session.one("role")
    may = [
        name
        for name, granted in (
            ("superuser", role["superuser"]),
            ("pg_read_all_data", role["reads_all_data"]),
            ("bypassrls", role["bypasses_row_security"]),
            ("read only", role["read_only"]),
        )
        if granted
    ]
    return Check(
        name="login",
        check_class=CheckClass.ACCESS,
        target=work.cluster,
        status=Status.PASSED,
        expected=f"{work.copy.user} is let in, TLS verify-full",
        observed=f"let in, {'encrypted and verified' if session.tls_protects else 'in the clear'}",
        detail=f"the role has: {', '.join(may) or 'nothing'}",
        seconds=seconds,
    )


def no_login(work: Work, failure: LoginRefused | NotReachable | TlsFailed) -> Check:
    """The record of a login that did not come about in the time for it."""
    refused = isinstance(failure, LoginRefused)
    return Check(
        name="login",
        check_class=CheckClass.ACCESS,
        target=work.cluster,
        status=Status.FAILED if refused else Status.NOT_RUN,
        expected=f"{work.copy.user} is let in, TLS verify-full",
        observed="refused" if refused else "no answer that could be used",
        detail=str(failure),
        seconds=float(work.drill["timing"]["login_seconds"]),
    )


def recovery(work: Work, session: Session) -> Check:
    """Whether the copy is out of recovery."""
    server = session.one("server")
    recovering = server["in_recovery"]
    return Check(
        name="recovery_finished",
        check_class=CheckClass.ACCESS,
        target=work.cluster,
        status=Status.FAILED if recovering else Status.PASSED,
        expected="a writer, out of recovery",
        observed="still in recovery" if recovering else "a writer",
        detail=f"PostgreSQL {server['version']}",
    )


def locate(work: Work, session: Session) -> tuple[list[Check], bool | None]:
    """Where the restore has landed: by the markers, or by the heartbeats around that point.

    Without them nobody can tell; that is no matter of configuration unless it switched them off.
    """
    names = ["heartbeats"] if work.looks_back else ["marker_before", "marker_after"]
    manifest = work.manifest
    if manifest is None or not work.marked:
        reason = "heartbeat is off" if manifest else "the configuration has no witness"
        return [_unmeasured(work, name, f"not measured: {reason}") for name in names], None
    try:
        if work.looks_back:
            return _by_heartbeats(work, session, manifest)
        return _by_markers(work, session, manifest)
    except QueryFailed as failure:
        unknown = [unplaced(name, work.cluster, str(failure)) for name in names]
        if failure.damaged:
            unknown[0] = replace(unknown[0], status=Status.FAILED, observed="unreadable")
        return unknown, None


def _by_markers(
    work: Work, session: Session, manifest: Manifest
) -> tuple[list[Check], bool | None]:
    before, after = manifest.before or "", manifest.after or ""
    found, newest = _heartbeats(session, [before, after])

    def check(name: str, status: bool, expected: str, observed: str) -> Check:
        return Check(
            name=name,
            check_class=CheckClass.RESTORE_POINT,
            target=work.cluster,
            status=Status.PASSED if status else Status.FAILED,
            expected=expected,
            observed=observed,
            detail=_newest(newest, work.restore_time),
        )

    is_there = {name: "there" if name in found else "absent" for name in (before, after)}
    checks = [
        check("marker_before", before in found, "there", is_there[before]),
        check("marker_after", after not in found, "absent", is_there[after]),
    ]
    return checks, all(entry.status is Status.PASSED for entry in checks)


def _by_heartbeats(
    work: Work, session: Session, manifest: Manifest
) -> tuple[list[Check], bool | None]:
    known = {name: datetime.fromisoformat(at) for name, at in manifest.heartbeats or ()}
    found, newest = _heartbeats(session, list(known))
    beats = comparison.compare_beats(known, found, work.restore_time)
    if beats.wrong:
        status, at_restore_point = Status.FAILED, False
    elif beats.gap:
        status, at_restore_point = Status.NOT_RUN, None
    else:
        status, at_restore_point = Status.PASSED, True
    said = [beats.gap, str(beats), _newest(newest, work.restore_time)]
    check = Check(
        name="heartbeats",
        check_class=CheckClass.RESTORE_POINT,
        target=work.cluster,
        status=status,
        expected=f"the {beats.due} from before the restore point, none of the {beats.undue} after",
        observed=f"{beats.due - beats.missing} from before, {beats.present} from after",
        detail="; ".join(part for part in said if part),
    )
    return [check], at_restore_point


def _heartbeats(session: Session, ids: list[str]) -> tuple[frozenset[str], datetime | None]:
    """Which of the heartbeats are there, and the time of the newest one; none without a table."""
    try:
        found = frozenset(row["id"] for row in session.all("find_heartbeats", ids=ids))
        return found, session.one("newest_heartbeat")["beat_at"]
    except QueryFailed as failure:
        if failure.absent:
            return frozenset(), None
        raise


def _newest(newest: datetime | None, restore_time: datetime) -> str:
    """How far the newest heartbeat is from the restore point.

    >>> from datetime import UTC, timedelta
    >>> point = datetime(2026, 11, 2, 5, tzinfo=UTC)
    >>> _newest(point - timedelta(seconds=0.5), point), _newest(None, point)
    ('the newest heartbeat is 0.5 s before the restore point', 'there is no heartbeat')
    """
    if newest is None:
        return "there is no heartbeat"
    before = (restore_time - newest).total_seconds()
    side = "before" if before >= 0 else "after"
    return f"the newest heartbeat is {abs(before):.1f} s {side} the restore point"


def _unmeasured(work: Work, name: str, detail: str) -> Check:
    return replace(unplaced(name, work.cluster, detail), by_configuration=True)
