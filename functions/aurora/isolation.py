"""Whether the copy keeps to itself: nothing in it runs by itself, and what could reach out rests.

A restored database has the jobs, subscriptions and foreign servers of its source, and would act on
them. The drill's parameter group loads nothing that runs jobs and allows no workers to
subscriptions, its security group lets nothing out: here the server itself is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from functions.aurora.database import QueryFailed, Session
from functions.model import Check, CheckClass, Status

RUNNING = (
    "pg_cron",
    "pg_partman_bgw",
    "pg_net",
    "pg_squeeze",
    "pgactive",
    "pglogical",
    "timescaledb",
)
"""Libraries that do something by themselves once the server has loaded them."""

REACHING = (
    "aws_lambda",
    "aws_ml",
    "aws_s3",
    "dblink",
    "http",
    "mysql_fdw",
    "oracle_fdw",
    "pg_net",
    "postgres_fdw",
    "tds_fdw",
)
"""Extensions by which a database speaks to others."""

MOST_NAMES = 20


def check(session: Session, target: str) -> list[Check]:
    """The checks of isolation. Raises QueryFailed where a catalog is damaged."""
    asked: list[tuple[str, Callable[[Session, str], Check]]] = [
        ("jobs_inert", _jobs),
        ("subscriptions_inert", _subscriptions),
        ("outward_inert", _outward),
    ]
    checks = []
    for name, ask in asked:
        try:
            checks.append(ask(session, target))
        except QueryFailed as failure:
            if failure.damaged:
                raise
            checks.append(_record(name, target, Status.NOT_RUN, "an answer", "none", str(failure)))
    return checks


def _jobs(session: Session, target: str) -> Check:
    libraries = _libraries(session)
    loaded = _loads_cron(session) if libraries is None else running(libraries)
    there = [r["name"] for r in session.all("isolation/extensions", names=list(RUNNING))]
    return judge_jobs(target, loaded, there, _cron_jobs(session) if "pg_cron" in there else None)


def _libraries(session: Session) -> str | None:
    """The libraries that were loaded at the start; None where the role may not see them."""
    try:
        return str(session.one("isolation/libraries")["libraries"])
    except QueryFailed as failure:
        if failure.denied:
            return None
        raise


def running(libraries: str) -> list[str]:
    """Those of the libraries that do something by themselves.

    >>> running("pg_stat_statements, pg_cron"), running("")
    (['pg_cron'], [])
    """
    names = {name.strip().strip('"').rpartition("/")[2] for name in libraries.split(",")}
    return sorted(names & set(RUNNING))


def _loads_cron(session: Session) -> list[str]:
    try:
        loaded = session.one("isolation/cron")["database"] is not None
    except QueryFailed as failure:
        if not failure.denied:
            raise
        loaded = True
    return ["pg_cron"] if loaded else []


def _cron_jobs(session: Session) -> dict[str, Any] | None:
    try:
        return session.one("isolation/cron_jobs")
    except QueryFailed as failure:
        if failure.denied or failure.absent:
            return None
        raise


def judge_jobs(
    target: str, loaded: Sequence[str], there: Sequence[str], cron: dict[str, Any] | None
) -> Check:
    """Whether a library is loaded that runs jobs, by itself or by an extension's.

    >>> check = judge_jobs("d", ["pg_cron"], ["pg_cron"], {"jobs": 3, "active": 2})
    >>> check.status, check.observed, check.detail
    (<Status.FAILED: 'failed'>, 'pg_cron loaded', 'there: pg_cron; pg_cron has 3 jobs, 2 active')
    """
    notes = [
        *([f"there: {', '.join(there)}"] if there else []),
        *([f"pg_cron has {cron['jobs']} jobs, {cron['active']} active"] if cron else []),
    ]
    return _record(
        "jobs_inert",
        target,
        Status.FAILED if loaded else Status.PASSED,
        "nothing loaded that runs jobs",
        f"{', '.join(loaded)} loaded" if loaded else "nothing loaded",
        "; ".join(notes),
    )


def _subscriptions(session: Session, target: str) -> Check:
    found = session.all("isolation/subscriptions")
    return judge_subscriptions(target, found, session.one("isolation/workers")["workers"])


def judge_subscriptions(target: str, found: Sequence[dict[str, Any]], workers: int) -> Check:
    """Whether a subscription is at work, or may begin any moment.

    >>> enabled = {"name": "s", "enabled": True, "works": False}
    >>> [judge_subscriptions("d", [enabled], n).status.value for n in (0, 4)]
    ['passed', 'failed']
    >>> judge_subscriptions("d", [{**enabled, "enabled": False}], 4).observed
    '1 subscription, none enabled'
    """
    enabled = [entry["name"] for entry in found if entry["enabled"]]
    works = [entry["name"] for entry in found if entry["works"]]
    number = f"{len(found)} subscription{'' if len(found) == 1 else 's'}"
    return _record(
        "subscriptions_inert",
        target,
        Status.FAILED if works or (enabled and workers) else Status.PASSED,
        "no subscription that is enabled while the server allows workers",
        f"{number}, {len(works)} at work"
        if works
        else f"{number}, {len(enabled) or 'none'} enabled",
        "; ".join([f"max_logical_replication_workers is {workers}", *_names(enabled)]),
    )


def _outward(session: Session, target: str) -> Check:
    return judge_outward(target, session.all("isolation/outward", names=list(REACHING)))


def judge_outward(target: str, found: Sequence[dict[str, Any]]) -> Check:
    """What could reach out, and whether any of it does so by itself.

    >>> server = {"kind": "foreign server", "name": "old", "runs": False}
    >>> check = judge_outward("d", [server, {"kind": "event trigger", "name": "t", "runs": True}])
    >>> check.status, check.observed
    (<Status.FAILED: 'failed'>, '1 foreign server, 1 event trigger: event trigger t runs by itself')
    >>> judge_outward("d", []).observed
    'nothing that could reach out'
    """
    kinds: dict[str, int] = {}
    for entry in found:
        kinds[entry["kind"]] = kinds.get(entry["kind"], 0) + 1
    runs = [f"{entry['kind']} {entry['name']}" for entry in found if entry["runs"]]
    listed = ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in kinds.items())
    state = f"{', '.join(runs)} runs by itself" if runs else "none runs by itself"
    return _record(
        "outward_inert",
        target,
        Status.FAILED if runs else Status.PASSED,
        "nothing that reaches out by itself",
        f"{listed}: {state}" if found else "nothing that could reach out",
        "; ".join(_names([f"{entry['kind']} {entry['name']}" for entry in found])),
    )


def _names(names: Sequence[str]) -> list[str]:
    more = [f"and {len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return [*names[:MOST_NAMES], *more]


def _record(
    name: str, target: str, status: Status, expected: str, observed: str, detail: str
) -> Check:
    return Check(
        name=name,
        check_class=CheckClass.ISOLATION,
        target=target,
        status=status,
        expected=expected,
        observed=observed,
        detail=detail,
    )
