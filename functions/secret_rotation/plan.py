"""Plan, decided: may the secret be rotated, which one is it, what is true of it now. Pure.

What is wrong with input or configuration is refused. What is wrong with the secret (a rotation that
is stuck or overdue, a host that is not the cluster's) is a finding, which Verify makes a check of:
it is what the drill is for.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from functions import clock, given, naming
from functions.aurora.values import Cluster
from functions.errors import Refused
from functions.model import CheckClass
from functions.secret_rotation.values import (
    CURRENT,
    PREVIOUS,
    Credential,
    Mode,
    RotationFunction,
    Secret,
    Strategy,
    Version,
    function_name,
)

SERVICE = "secretsmanager.amazonaws.com"

UNDER_WAY = timedelta(minutes=20)
"""How long a rotation may be under way before it counts as stuck. Plan waits that long."""

MOST_VERSIONS = 100
"""Of a secret's versions, how many of the newest travel in the plan: as many as AWS promises."""

MOST_RECENT = 5
"""Of the rotated secret's versions, how many may hold its password though no label says so."""

_TOKENS = uuid.UUID("7d7a3f0e-3b54-4d0d-9b5c-2f7d9f6a1c55")

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What the execution's input may change. `scheduled_time` is sent by the schedule alone."""

    dry_run: bool = False
    scheduled_time: str | None = None


def read_input(value: Any) -> Overrides:
    """The overrides of an execution's input.

    >>> read_input({"dry_run": True})
    Overrides(dry_run=True, scheduled_time=None)
    >>> read_input({"hold_minutes": 5})
    Traceback (most recent call last):
    ...
    functions.errors.Refused: input: hold_minutes: unknown key: expected dry_run

    Raises Refused that names the key, the value and what was expected.
    """
    found = given.known(value, offered=("dry_run",))
    return Overrides(dry_run=given.dry_run(found), scheduled_time=given.scheduled_time(found))


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A secret as Plan saw it.

    `hidden` is the error of looking at it, `unreadable` that of reading its value; empty for none.
    """

    secret: Secret | None
    credential: Credential | None = None
    hidden: str = ""
    unreadable: str = ""
    versions: Sequence[Version] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """All that Plan looks at. `rehearsal` is None in live mode, `cluster` where none is named."""

    source: Look
    rehearsal: Look | None
    function: RotationFunction | None
    cluster: Cluster | None


def subject_of(drill: Mapping[str, Any], found: Surroundings) -> Look:
    """The secret that is rotated: the drill's own, or in live mode the source."""
    if Mode(drill["mode"]) is Mode.LIVE or found.rehearsal is None:
        return found.source
    return found.rehearsal


def refusals(*, drill: Mapping[str, Any], found: Surroundings, now: datetime) -> list[str]:
    """Every reason why the drill cannot run, each a sentence that names what was expected.

    Empty when it can. Nothing was changed when these are found.
    """
    name, source = drill["secret"], found.source.secret
    if source is None:
        why = f" ({found.source.hidden})" if found.source.hidden else ""
        return [f"secret: {name}: not found{why}: expected a secret of this account and region"]
    reasons = [*_of_source(name, source), *of_key(drill, source)]
    reasons += _of_function(drill, source, found)
    if found.source.unreadable:
        reasons.append(found.source.unreadable)
    if drill["mode"] == Mode.LIVE:
        reasons += _of_window(drill, now)
    else:
        reasons += _of_rehearsal(drill, found.rehearsal)
    if drill["cluster"] and found.cluster is None:
        reasons.append(f"cluster: {drill['cluster']}: not found: expected an Aurora cluster here")
    return reasons


def _of_source(name: str, source: Secret) -> list[str]:
    reasons = []
    if source.deleted:
        reasons.append(f"secret: {name}: is scheduled for deletion: expected one in use")
    if source.owner:
        reasons.append(
            f"secret: {name}: belongs to the service {source.owner}, which rotates it by itself:"
            " expected a secret that a function rotates"
        )
    elif not source.rotation_enabled or not source.rotation_function:
        reasons.append(
            f"secret: {name}: rotation is off: expected it on (aws secretsmanager rotate-secret"
            f" --secret-id {name} --rotation-lambda-arn ... --rotation-rules"
            " AutomaticallyAfterDays=30 --no-rotate-immediately)"
        )
    return reasons


def of_key(drill: Mapping[str, Any], source: Secret) -> list[str]:
    """The steps may use the configured key alone; an alias tells nothing of the key behind it."""
    configured, found = drill["kms_key"], source.kms_key
    same = found.rpartition("/")[2] == configured.rpartition("/")[2]
    if same or ("alias/" in found and configured):
        return []
    return [
        f"kms_key: {configured or 'not set'}: the secret is encrypted with"
        f" {found or 'the key of Secrets Manager'}: {_remedy(found, source.arn)} and deploy"
    ]


def _remedy(key: str, secret: str) -> str:
    """What to write for the key that a secret names: its ARN, which stands beside the secret's.

    >>> _remedy("1a2b", "arn:aws:secretsmanager:sa-east-1:1:secret:a-AbCdEf")
    'set kms_key: arn:aws:kms:sa-east-1:1:key/1a2b'
    """
    if not key:
        return "leave kms_key away"
    if "alias/" in key:
        return f"set kms_key to the ARN of the key that {key} stands for"
    if key.startswith("arn:"):
        return f"set kms_key: {key}"
    partition, _, region, account = secret.split(":")[1:5]
    return f"set kms_key: arn:{partition}:kms:{region}:{account}:key/{key}"


def _of_function(drill: Mapping[str, Any], source: Secret, found: Surroundings) -> list[str]:
    function = found.function
    if source.owner or not source.rotation_function:
        return []
    configured = drill["function"]
    rotates, qualifier = function_name(source.rotation_function)
    if qualifier:
        return [
            f"function: {configured}: the secret names the version or alias {qualifier} of"
            f" {rotates}: expected the function itself"
        ]
    if rotates != configured:
        return [
            f"function: {configured}: the secret is rotated by {rotates}:"
            f" set function: {rotates} and deploy"
        ]
    if function is None:
        return [f"function: {configured}: not found: expected the function that the secret names"]
    reasons = []
    held = found.source.credential
    if drill["managed"] and held and held.strategy is Strategy.ALTERNATING:
        reasons.append(
            "function: managed: the secret names a masterarn: expected a secret of a single user"
        )
    reasons += faults_of(
        function, name=configured, secret=subject_of(drill, found).secret or source
    )
    return reasons + _of_network(drill, function)


def faults_of(function: RotationFunction, *, name: str, secret: Secret) -> list[str]:
    """Why Secrets Manager could not rotate a secret by a function; empty when it can."""
    reasons = []
    if function.state not in ("Active", "Inactive"):
        reasons.append(f"function: {name}: is {function.state}: expected Active")
    if function.last_update == "Failed":
        reasons.append(f"function: {name}: its last update failed: expected one that runs")
    if not any(
        invoker.service == SERVICE and fnmatchcase(secret.arn, invoker.source)
        for invoker in function.invokers
    ):
        reasons.append(
            f"function: {name}: its policy does not let {SERVICE} invoke it for {secret.name}:"
            f" expected a permission (aws lambda add-permission --function-name {name}"
            " --statement-id backup-drills --action lambda:InvokeFunction"
            f" --principal {SERVICE} --source-arn {secret.arn})"
        )
    return reasons


def _of_network(drill: Mapping[str, Any], function: RotationFunction) -> list[str]:
    """The drill's steps must stand where the function stands, or they prove another path."""
    network = drill["network"]
    if network is None:
        if function.subnets:
            return [
                f"network: none: the function is in {', '.join(function.subnets)}: expected the"
                " name of a network with these subnets and"
                f" {' or '.join(function.security_groups)}"
            ]
        return []
    strangers = sorted(set(network["subnets"]) - set(function.subnets))
    reasons = []
    if strangers:
        there = ", ".join(function.subnets) or "no VPC"
        reasons.append(
            f"network: {network['name']}: {', '.join(strangers)}: the function is in {there}:"
            " expected subnets of its own"
        )
    if network["security_group"] not in function.security_groups:
        there = ", ".join(function.security_groups) or "none"
        reasons.append(
            f"network: {network['name']}: {network['security_group']}: the function's groups are"
            f" {there}: expected one of them"
        )
    return reasons


def _of_rehearsal(drill: Mapping[str, Any], rehearsal: Look | None) -> list[str]:
    name = drill["rehearsal"]["secret"]
    own = rehearsal.secret if rehearsal else None
    if rehearsal is None or own is None:
        why = f" ({rehearsal.hidden})" if rehearsal and rehearsal.hidden else ""
        return [
            f"rehearsal: secret {name}: not found{why}: make it again by hand, as the template"
            " has it"
        ]
    reasons = []
    if own.deleted:
        reasons.append(f"rehearsal: secret {name}: is scheduled for deletion: restore it")
    if rehearsal.unreadable:
        reasons.append(rehearsal.unreadable)
    return reasons


def _of_window(drill: Mapping[str, Any], now: datetime) -> list[str]:
    window = drill["window"]
    if window is None:
        return ["window: missing: mode live rotates a real secret, and only inside a window"]
    if is_open(window, now):
        return []
    local = now.astimezone(ZoneInfo(window["timezone"]))
    days = ", ".join(window["days"])
    return [
        f"window: it is {local:%a %H:%M} in {window['timezone']}: expected {days}"
        f" {window['start']} to {window['end']}"
    ]


def is_open(window: Mapping[str, Any], now: datetime) -> bool:
    """Whether the window of a live rotation is open; one past midnight belongs to its first day.

    >>> from datetime import UTC
    >>> window = {"days": ["sun"], "start": "23:00", "end": "01:00", "timezone": "UTC"}
    >>> [is_open(window, datetime(2026, 11, day, hour, 30, tzinfo=UTC))
    ...  for day, hour in ((1, 22), (1, 23), (2, 0), (2, 1), (3, 0))]
    [False, True, True, False, False]
    """
    local = now.astimezone(ZoneInfo(window["timezone"]))
    time, start, end = f"{local:%H:%M}", window["start"], window["end"]
    today = _DAYS[local.weekday()]
    yesterday = _DAYS[(local.weekday() - 1) % len(_DAYS)]
    if start < end:
        return today in window["days"] and start <= time < end
    return (today in window["days"] and time >= start) or (
        yesterday in window["days"] and time < end
    )


def is_under_way(secret: Secret, versions: Sequence[Version]) -> bool:
    """Whether a rotation has begun, and not so long ago that it counts as stuck.

    A version that is still empty was made this moment, or never got its value: nothing tells.
    """
    if not secret.pending:
        return False
    begun = next((v.created_at for v in versions if v.id == secret.pending), None)
    return begun is None or secret.asked_at - begun < UNDER_WAY


def make(
    *,
    drill: Mapping[str, Any],
    found: Surroundings,
    execution: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    """The plan: which secret is rotated to which version id, and what was found of the source.

    Raises Refused with all reasons, when the drill cannot run.
    """
    reasons = refusals(drill=drill, found=found, now=now)
    if reasons:
        raise Refused("; ".join(reasons))
    run = naming.run_id(execution)
    source, subject = found.source, subject_of(drill, found)
    if source.secret is None or source.credential is None or subject.secret is None:
        raise Refused(f"secret: {drill['secret']}: could not be read")
    limits, timing = drill["deadlines"], drill["timing"]
    deadline = clock.render(now + timedelta(seconds=limits["verify_seconds"]))
    return {
        "run_id": run,
        "key": naming.evidence_key(drill["name"], run),
        "token": token(execution),
        "mode": drill["mode"],
        "deadline": deadline,
        "expires": clock.after(deadline, limits["teardown_seconds"]),
        "teardown_seconds": limits["teardown_seconds"],
        "hold_seconds": 0,
        "poll_seconds": timing["poll_seconds"],
        "call_budget": call_budget(drill),
        "required_classes": required_classes(),
        "blocked": blocked(drill, found),
        "host_is_wrong": bool(wrong_host(drill, found)),
        "subject": {
            "name": subject.secret.name,
            "arn": subject.secret.arn,
            "function": source.secret.rotation_function,
            "strategy": source.credential.strategy.value,
            "recent": [version.id for version in subject.versions[:MOST_RECENT]],
            "step_seconds": found.function.timeout_seconds if found.function else 0,
            "log_group": (found.function.log_group if found.function else "")
            or f"/aws/lambda/{drill['function']}",
        },
        "source": {
            **described(source.secret, source.versions),
            "facts": source.credential.facts(),
        },
        "cluster": _cluster(found.cluster),
        "clock_skew_seconds": round((now - source.secret.asked_at).total_seconds(), 3)
        if source.secret.tells_time
        else None,
    }


def token(execution: Mapping[str, str]) -> str:
    """The id that the new version will bear, from the execution alone: a retried step asks again.

    >>> token({"id": "arn:aws:states:sa-east-1:1:execution:drill-x:a"})
    '2c22e1d6-5c3f-5f06-bb96-88dda13180f9'
    """
    return str(uuid.uuid5(_TOKENS, execution["id"]))


def described(secret: Secret, versions: Sequence[Version]) -> dict[str, Any]:
    """A secret as it travels: its names, dates and labels, and when each version was made."""
    pending = secret.pending
    since = next((v.created_at for v in versions if v.id == pending), None)
    return {
        "name": secret.name,
        "arn": secret.arn,
        "schedule_days": secret.schedule_days,
        "last_rotated_at": _told(secret.last_rotated_at),
        "next_rotation_at": _told(secret.next_rotation_at),
        "asked_at": clock.render(secret.asked_at),
        "current": secret.version(CURRENT),
        "previous": secret.version(PREVIOUS),
        "pending": pending,
        "pending_since": _told(since),
        "versions": [
            {"id": v.id, "created_at": clock.render(v.created_at), "stages": list(v.stages)}
            for v in versions[:MOST_VERSIONS]
        ],
    }


def _cluster(cluster: Cluster | None) -> dict[str, Any] | None:
    if cluster is None:
        return None
    return {
        "identifier": cluster.identifier,
        "iam_authentication": cluster.iam_authentication,
        "earliest": _told(cluster.earliest_restorable_time),
        "latest": _told(cluster.latest_restorable_time),
    }


def _told(instant: datetime | None) -> str | None:
    return clock.render(instant) if instant else None


def hosts(drill: Mapping[str, Any], cluster: Cluster | None) -> list[str]:
    """The hosts that the secret may name: the configured ones, and the cluster's own endpoints."""
    own = [cluster.endpoint, cluster.reader_endpoint] if cluster else []
    return [*drill["hosts"], *(endpoint for endpoint in own if endpoint)]


def blocked(drill: Mapping[str, Any], found: Surroundings) -> str:
    """Why nothing may be rotated; empty where it may."""
    source = found.source.secret
    if wrong := wrong_host(drill, found):
        return wrong
    if drill["mode"] == Mode.LIVE and source and source.pending:
        return "a rotation of the secret is not finished"
    return ""


def wrong_host(drill: Mapping[str, Any], found: Surroundings) -> str:
    """Why no password may be sent anywhere; empty where the host is one of the cluster's.

    Whoever answers at another host would be handed the password.
    """
    credential = found.source.credential
    expected = hosts(drill, found.cluster)
    if credential and credential.host not in expected:
        return f"the secret names the host {credential.host}: expected {' or '.join(expected)}"
    return ""


def call_budget(drill: Mapping[str, Any]) -> dict[str, int]:
    """How often each step may be called. All together stay far below an execution's 25,000 events.

    >>> call_budget({"timing": {"poll_seconds": 30, "cache_seconds": 300}})["plan"]
    60
    """
    poll = max(1, int(drill["timing"]["poll_seconds"]))
    return {
        "plan": 20 + int(UNDER_WAY.total_seconds()) // poll,
        "witness": 50,
        "exercise": 50,
        "verify": 50,
        "verify_unit": 60 + -(-int(drill["timing"]["cache_seconds"]) // poll),
        "teardown": 50,
    }


def required_classes() -> list[str]:
    """The classes of which at least one check must pass."""
    required = (
        CheckClass.ACCESS,
        CheckClass.ROTATION,
        CheckClass.PRIVILEGES,
        CheckClass.OBJECTIVE,
        CheckClass.TEARDOWN,
    )
    return [each.value for each in required]
