"""Plan, decided: may the drill run, what will exist, from when is it restored. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions import clock, naming
from functions import given as given_input
from functions.aurora.values import Cluster, Surroundings
from functions.errors import Refused
from functions.model import CheckClass, Level

SOURCE_PATIENCE_SECONDS = 1800
"""How long Plan waits for a source that is backing up, being modified or maintained."""

EDGE_PATIENCE = timedelta(minutes=20)
"""How far the early edge of the window may move until the restore is asked for: the witness looks
around, and the latest heartbeat becomes restorable."""

SHORTEST_FULL_WINDOW = timedelta(hours=20)
"""The early edge moves once the window is as long as the retention, a day at least."""

LEAST_CALLS_A_UNIT = 9
"""A unit that gathers the parts of a table looks for them up to seven times."""

EVENT_BUDGET = 20_000
"""History events a run may make: Step Functions ends an execution at 25,000, and skips Teardown."""

EVENTS_A_CALL = 10
"""Wait, Task and Choice make nine events; a unit's beginning and end in the Map add their share."""

LOGIN_TRIES = 60
"""Verify knocks so often while `timing.login` lasts, or every `timing.poll`, whichever is more."""

INTEGRITY_CALL_SECONDS = 600
"""The look inside may spend as much in one statement; one that a call cut short is begun again."""

MOST_UNITS = 60
"""The Map could take a hundred; fewer and larger units leave each of them more calls."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What the execution's input may change. `scheduled_time` is sent by the schedule alone."""

    restore_time: datetime | None = None
    hold_minutes: int = 0
    dry_run: bool = False
    scheduled_time: str | None = None


def read_input(given: Any) -> Overrides:
    """The overrides of an execution's input.

    >>> read_input({})
    Overrides(restore_time=None, hold_minutes=0, dry_run=False, scheduled_time=None)
    >>> read_input({"hold_minutes": 15}).hold_minutes
    15
    >>> read_input({"restore_tim": "2026-11-02T05:00:00Z"})
    Traceback (most recent call last):
    ...
    functions.errors.Refused: input: restore_tim: unknown key: expected restore_time, \
hold_minutes, dry_run

    Raises Refused that names the key, the value and what was expected.
    """
    found = given_input.known(given, offered=("restore_time", "hold_minutes", "dry_run"))
    return Overrides(
        restore_time=_restore_time(found.get("restore_time")),
        hold_minutes=given_input.hold_minutes(found),
        dry_run=given_input.dry_run(found),
        scheduled_time=given_input.scheduled_time(found),
    )


def _restore_time(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return clock.parse(value)
    except ValueError as error:
        raise Refused(f"input: restore_time: {error}") from error


def refusals(
    *, drill: Mapping[str, Any], overrides: Overrides, found: Surroundings, now: datetime
) -> list[str]:
    """Every reason why the drill cannot run, each a sentence that names what was expected.

    Empty when it can. Nothing exists yet when these are found.
    """
    source = found.source
    if source is None:
        return [f"cluster: {drill['cluster']}: not found: expected an Aurora cluster here"]
    reasons = []
    if source.status != "available":
        reasons.append(f"cluster: {source.identifier}: is {source.status}: expected available")
    reasons += _engine_refusals(drill, source, found.parameter_families)
    if drill["require_encryption"] and not source.encrypted:
        reasons.append(f"cluster: {source.identifier}: is not encrypted: the policy expects it")
    if source.encrypted and found.key_state != "Enabled":
        state = found.key_state or "not found"
        reasons.append(f"cluster: key {source.kms_key_id}: is {state}: expected Enabled")
    least = drill["retention_days_minimum"]
    if source.retention_days < least:
        reasons.append(
            f"cluster: retention of backups is {source.retention_days} days: expected {least}"
        )
    if drill["witness"]["endpoint"] != "none" and not source.iam_authentication:
        reasons.append(
            f"cluster: {source.identifier}: IAM database authentication is off: the witness logs in"
            " with it (modify-db-cluster --enable-iam-database-authentication), or set"
            " witness.endpoint: none"
        )
    reasons += _window_refusals(drill, overrides, source, now)
    for name in ("DBClusters", "DBInstances"):
        quota = found.quotas.get(name)
        if quota is not None and quota.used >= quota.limit:
            reasons.append(f"quota: {name}: {quota.used} of {quota.limit} used: expected room")
    if found.subnet_zones is None:
        reasons.append(
            "subnet group of the drill network: not found: make it again by hand, as the template"
            " has it"
        )
    elif len(set(found.subnet_zones)) < 2:
        zones = ", ".join(found.subnet_zones) or "none"
        reasons.append(f"subnet group of the drill network: zones {zones}: expected two at least")
    return reasons


def _engine_refusals(
    drill: Mapping[str, Any], source: Cluster, parameter_families: Mapping[str, str | None]
) -> list[str]:
    reasons = []
    family = engine_family(source.engine, source.engine_version)
    if family != drill["engine_family"]:
        reasons.append(
            f"engine_family: {drill['engine_family']}: the cluster is {family}:"
            f" set engine_family: {family} and deploy"
        )
    for kind, group_family in parameter_families.items():
        group = drill["parameter_groups"][kind]
        if group_family is None:
            reasons.append(
                f"parameter_groups.{kind}: {group}: not found: make it again by hand, as the"
                " template has it"
            )
        elif group_family != family and family == drill["engine_family"]:
            reasons.append(
                f"parameter_groups.{kind}: {group}: is of family {group_family}: expected {family}"
            )
    return reasons


def engine_family(engine: str, version: str) -> str:
    """The parameter-group family of an engine version.

    >>> engine_family("aurora-postgresql", "15.8")
    'aurora-postgresql15'
    """
    return f"{engine}{version.split('.', maxsplit=1)[0]}"


def _window_refusals(
    drill: Mapping[str, Any], overrides: Overrides, source: Cluster, now: datetime
) -> list[str]:
    earliest, latest = source.earliest_restorable_time, source.latest_restorable_time
    if earliest is None or latest is None:
        return [f"cluster: {source.identifier}: no restore window: expected continuous backup"]
    if overrides.restore_time is not None:
        key, asked = "input: restore_time", overrides.restore_time
    elif drill["restore"]["at"] in ("latest", "oldest", "random"):
        return []
    else:
        key, asked = "restore.at", clock.parse(drill["restore"]["at"])
    if asked > now:
        return [f"{key}: {clock.render(asked)}: is in the future: expected before now"]
    if asked < earliest:
        return [
            f"{key}: {clock.render(asked)}: is before the restore window: expected"
            f" {clock.render(earliest)} to {clock.render(latest)}"
        ]
    return []


def choose_restore_time(
    *, at: str, earliest: datetime, latest: datetime, margin_seconds: float, run_id: str
) -> datetime | None:
    """The restore point, a whole second; None for `latest`, where the witness fixes it.

    `oldest` keeps away from the moving edge of the window: by the margin, and where the edge moves,
    by the time that passes until the restore is asked for. `random` is drawn from the run's
    id, so that a retried Plan draws the same.

    >>> from datetime import UTC
    >>> window = dict(earliest=datetime(2026, 11, 1, tzinfo=UTC),
    ...               latest=datetime(2026, 11, 8, tzinfo=UTC), margin_seconds=60, run_id="r")
    >>> choose_restore_time(at="oldest", **window)
    datetime.datetime(2026, 11, 1, 0, 21, tzinfo=datetime.timezone.utc)
    >>> choose_restore_time(at="latest", **window) is None
    True
    >>> drawn = choose_restore_time(at="random", **window)
    >>> drawn == choose_restore_time(at="random", **window)
    True
    >>> window["earliest"] < drawn < window["latest"]
    True
    """
    if at == "latest":
        return None
    moves = latest - earliest >= SHORTEST_FULL_WINDOW
    away = timedelta(seconds=margin_seconds) + (EDGE_PATIENCE if moves else timedelta())
    first = _whole_second_after(earliest + away)
    last = max(first, latest.replace(microsecond=0) - timedelta(seconds=margin_seconds))
    if at == "oldest":
        return first
    if at == "random":
        digest = hashlib.sha256(run_id.encode()).digest()
        share = int.from_bytes(digest[:8]) / 2**64
        return first + timedelta(seconds=int((last - first).total_seconds() * share))
    return clock.parse(at)


def _whole_second_after(instant: datetime) -> datetime:
    whole = instant.replace(microsecond=0)
    return whole if whole == instant else whole + timedelta(seconds=1)


def call_budget(drill: Mapping[str, Any]) -> dict[str, int]:
    """How often each step may be called, so that the history stays within its budget of events.

    Raises Refused when the deadlines cannot be kept with so short a poll.
    """
    timing, deadlines = drill["timing"], drill["deadlines"]
    poll = timing["poll_seconds"]
    budget = {
        "plan": 20 + _polls(SOURCE_PATIENCE_SECONDS, poll),
        "witness": 200,
        "exercise": 20
        + _polls(deadlines["restorable_seconds"], poll)
        + _polls(deadlines["restore_seconds"], poll)
        + _polls(deadlines["instance_seconds"], poll),
        "verify": 20 + max(LOGIN_TRIES, _polls(timing["login_seconds"], poll)),
        "teardown": 20 + _polls(deadlines["teardown_seconds"], poll),
    }
    cleared = budget["teardown"]
    left = EVENT_BUDGET // EVENTS_A_CALL - sum(budget.values()) - cleared
    a_unit = left // MOST_UNITS
    if a_unit < LEAST_CALLS_A_UNIT:
        raise Refused(
            f"timing.poll_seconds: {poll}: too short for the deadlines: the execution would reach"
            f" {EVENT_BUDGET} history events; poll less often"
        )
    seconds = drill["integrity"]["budget_seconds"]
    if a_unit < (needed := 2 + 2 * _polls(seconds, INTEGRITY_CALL_SECONDS)):
        raise Refused(
            f"integrity.budget: {seconds} s: takes {needed} calls, and a unit may make {a_unit}:"
            " choose a shorter one, or poll less often"
        )
    return {**budget, "verify_unit": a_unit}


def _polls(seconds: float, poll: float) -> int:
    return -(-int(seconds) // max(1, int(poll)))


def make(
    *,
    drill: Mapping[str, Any],
    overrides: Overrides,
    found: Surroundings,
    execution: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    """The plan: every name, deadline and tag of a run, before anything of it exists.

    Raises Refused with all reasons, when the drill cannot run.
    """
    reasons = refusals(drill=drill, overrides=overrides, found=found, now=now)
    if reasons:
        raise Refused("; ".join(reasons))
    source = found.source
    if source is None or not (source.earliest_restorable_time and source.latest_restorable_time):
        raise Refused(f"cluster: {drill['cluster']}: has no restore window")
    run = naming.run_id(execution)
    at = clock.render(overrides.restore_time) if overrides.restore_time else drill["restore"]["at"]
    chosen = choose_restore_time(
        at=at,
        earliest=source.earliest_restorable_time,
        latest=source.latest_restorable_time,
        margin_seconds=drill["timing"]["restorable_margin_seconds"],
        run_id=run,
    )
    limits = drill["deadlines"]
    # The witness reads what Verify reads, so it may take as long.
    working = 2 * limits["verify_seconds"] + sum(
        limits[f"{phase}_seconds"] for phase in ("restorable", "restore", "instance")
    )
    hold = overrides.hold_minutes * 60
    deadline = clock.render(now + timedelta(seconds=working))
    cluster = naming.cluster_name(drill["name"], run)
    expires = clock.after(deadline, hold + limits["teardown_seconds"])
    return {
        "run_id": run,
        "key": naming.evidence_key(drill["name"], run),
        "names": {"cluster": cluster, "instance": naming.instance_name(cluster)},
        "tags": naming.tags(run, expires),
        "deadline": deadline,
        "expires": expires,
        "teardown_seconds": limits["teardown_seconds"],
        "hold_seconds": hold,
        "poll_seconds": drill["timing"]["poll_seconds"],
        "call_budget": call_budget(drill),
        "required_classes": required_classes(drill),
        "restore": {
            "from": drill["restore"]["from"],
            "at": at,
            "time": clock.render(chosen) if chosen else None,
            "required_level": required_level(drill, chosen),
        },
        "source": {
            "identifier": source.identifier,
            "arn": source.arn,
            "resource_id": source.resource_id,
            "engine": source.engine,
            "engine_version": source.engine_version,
            "kms_key_id": source.kms_key_id,
            "port": source.port,
            "endpoint": source.endpoint,
            "reader_endpoint": source.reader_endpoint,
            "lifecycle_support": source.lifecycle_support,
            "storage_type": source.storage_type,
            "earliest_restorable_time": clock.render(source.earliest_restorable_time),
            "latest_restorable_time": clock.render(source.latest_restorable_time),
        },
        "lag_seconds": round((now - source.latest_restorable_time).total_seconds(), 3),
    }


def required_level(drill: Mapping[str, Any], chosen: datetime | None) -> str:
    """The level that a table must reach. Of a moment in the past no witness can exist.

    >>> required_level({"required_level": "bounded"}, None)
    'bounded'
    >>> from datetime import UTC
    >>> required_level({"required_level": "bounded"}, datetime(2026, 11, 1, tzinfo=UTC))
    'counted'
    """
    configured = Level(drill["required_level"])
    if chosen is None or Level.COUNTED.reaches(configured):
        return configured.value
    return Level.COUNTED.value


def required_classes(drill: Mapping[str, Any]) -> list[str]:
    """The classes of which at least one check must pass.

    Markers prove where T landed: what the configuration switched off cannot be required, and the
    report shows it as not measured.

    >>> required_classes({"heartbeat": False, "witness": {"endpoint": "reader"},
    ...                   "integrity": {"required": False}})
    ['access', 'schema', 'isolation', 'content', 'objective', 'teardown']
    """
    required = [
        CheckClass.ACCESS,
        CheckClass.SCHEMA,
        CheckClass.ISOLATION,
        CheckClass.CONTENT,
        CheckClass.OBJECTIVE,
        CheckClass.TEARDOWN,
    ]
    if drill["witness"]["endpoint"] != "none" and drill["heartbeat"]:
        required.append(CheckClass.RESTORE_POINT)
    if drill["integrity"]["required"]:
        required.append(CheckClass.INTEGRITY)
    return [check_class.value for check_class in required]
