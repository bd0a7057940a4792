"""Secrets Manager for a lab: versions, their labels, and rotations by a function of the lab.

It answers in moto's place, whose labels move in other ways than AWS's and whose rotation runs in
the caller's request. A rotation is, as in AWS, a background process: four invocations of the
function, tried again from the first one when one of them fails.

Not as in AWS: a schedule gives a date, nobody rotates on it; there are no replicas, no resource
policies of secrets, no other account. Refusals bear the wire codes of botocore's model
(2017-10-17); an operation that is not in `OPERATIONS` is answered with 501.
"""

from __future__ import annotations

import base64
import json
import re
import secrets as randomness
import string
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any

from lab import aws
from lab.aws import Invocation
from lab.calls import Refusal
from lab.iam import SecretFacts

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
PRINCIPAL = "secretsmanager.amazonaws.com"
AWS_OWNED_KEY = "alias/aws/secretsmanager"

RETRY_SECONDS = 60.0
"""Between two attempts at a rotation, before the lab's time factor: AWS does not say how long."""

STOP_SECONDS = 5.0
"""How long a stop waits for an invocation that is under way."""

KEPT_VERSIONS = 100

Request = Mapping[str, Any]
Value = str | bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class RotationStep:
    """An invocation of a rotation function; `moment` is of the monotonic clock."""

    secret: str
    step: str
    version: str
    moment: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RotationFailure:
    """A step that failed: AWS tells it to CloudTrail, and to nobody else."""

    secret: str
    step: str
    error_type: str


@dataclass(eq=False, kw_only=True, slots=True)
class _Version:
    """A version; without a value it is only the place of the labels that a rotation put there."""

    id: str
    created: datetime
    value: Value | None = None
    labels: set[str] = field(default_factory=set)


@dataclass(eq=False, kw_only=True, slots=True)
class _Secret:
    """A secret, and all that DescribeSecret shows of it."""

    name: str
    arn: str
    created: datetime
    changed: datetime
    description: str | None = None
    key: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, _Version] = field(default_factory=dict)
    owner: str | None = None
    function: str | None = None
    rules: Mapping[str, Any] | None = None
    rotation_enabled: bool | None = None
    rotated: datetime | None = None
    next_rotation: datetime | None = None
    accessed: datetime | None = None
    deleted: datetime | None = None

    def holder(self, label: str) -> _Version | None:
        """The version that bears a label."""
        return next((each for each in self.versions.values() if label in each.labels), None)

    def put_label(self, label: str, version: _Version) -> None:
        """Label a version, and no other; where AWSCURRENT was, AWSPREVIOUS goes."""
        holder = self.holder(label)
        if holder is not version:
            version.labels.add(label)
            if holder is not None:
                holder.labels.discard(label)
                if label == CURRENT:
                    self.put_label(PREVIOUS, holder)

    def tidy(self) -> None:
        """Forget what bears neither label nor value, and the oldest of what bears no label."""
        bare = [version for version in self.versions.values() if not version.labels]
        deprecated = [version for version in bare if version.value is not None]
        deprecated.sort(key=lambda version: version.created)
        kept = deprecated[-KEPT_VERSIONS:]
        for version in bare:
            if version not in kept:
                del self.versions[version.id]

    def schedule(self, moment: datetime) -> None:
        """The value has changed, which counts as a rotation: the next one is due later."""
        if self.rules and self.rotation_enabled:
            self.next_rotation = next_rotation(self.rules, moment)


class SecretsManager:
    """The Secrets Manager of one emulator, from `start()` to `stop()`.

    `invoke` runs a function and may raise a Refusal; `function` says what is known of one, and
    `admits(function, principal, source ARN)` whether its own policy lets a service invoke it.
    """

    def __init__(
        self,
        *,
        invoke: Callable[[str, bytes], Invocation],
        function: Callable[[str], Mapping[str, Any] | None],
        admits: Callable[[str, str, str], bool],
        time_factor: float = 1.0,
    ) -> None:
        self.attempts = 3
        self.retry_seconds = max(0.2, RETRY_SECONDS * time_factor)
        self.values: set[str] = set()
        """Every text that any version ever held, so that a test can look for leaks."""
        self.steps: list[RotationStep] = []
        self.failures: list[RotationFailure] = []
        self.lock = threading.RLock()
        self.secrets: dict[str, _Secret] = {}
        self.function = function
        self.admits = admits
        self._invoke = invoke
        self._running: list[str] = []
        self._ended = threading.Condition(self.lock)
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def start(self) -> None:
        """Be empty, and ready to rotate."""
        self._stopping.clear()
        for seen in (self.secrets, self.values, self.steps, self.failures):
            seen.clear()

    def stop(self) -> None:
        """End the rotations, in bounded time, and forget the secrets. May be called twice.

        What was seen (`values`, `steps`, `failures`) can be read until the next start.
        """
        self._stopping.set()
        deadline = time.monotonic() + STOP_SECONDS
        with self.lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self.lock:
            self.secrets.clear()

    def answer(self, operation: str, request: Request) -> bytes | None:
        """The body that answers a request, None where moto's will do. Raises Refusal."""
        if operation == "GetRandomPassword":
            return None
        carried_out = OPERATIONS.get(operation)
        if carried_out is None:
            raise Refusal(
                "NotImplemented",
                f"the lab's Secrets Manager cannot do {operation}",
                HTTPStatus.NOT_IMPLEMENTED,
            )
        with self.lock:
            result = carried_out(self, request)
        shown = {name: value for name, value in result.items() if value is not None}
        return json.dumps(shown, default=_on_the_wire).encode()

    def wait(self, secret_id: str, seconds: float) -> None:
        """Return when no rotation of that secret runs. Raises TimeoutError after `seconds`."""
        with self.lock:
            secret = self.find(secret_id)
            name = secret.name if secret else secret_id
            if not self._ended.wait_for(lambda: name not in self._running, seconds):
                raise TimeoutError(f"{name} is still being rotated after {seconds} s")

    def facts(self, secret_id: str) -> SecretFacts | None:
        """What IAM has to know of a secret; None when there is none of that name or ARN."""
        with self.lock:
            secret = self.find(secret_id)
            if secret is None:
                return None
            return SecretFacts(
                arn=secret.arn,
                key=secret.key,
                rotation_function=secret.function,
                tags=dict(secret.tags),
            )

    def own(self, secret_id: str, service: str | None) -> None:
        """Make a secret another service's: `rds`. Raises LookupError."""
        self._known(secret_id).owner = service

    def set_next_rotation(self, secret_id: str, moment: datetime | None) -> None:
        """Set when the next rotation is due. Raises LookupError."""
        self._known(secret_id).next_rotation = moment

    def set_created(self, secret_id: str, version_id: str, moment: datetime) -> None:
        """Set when a version was created. Raises LookupError."""
        self._known(secret_id).versions[version_id].created = moment

    def find(self, secret_id: str) -> _Secret | None:
        """The secret of that name, ARN, or ARN without the six characters at its end."""
        for secret in self.secrets.values():
            if secret_id in (secret.name, secret.arn, secret.arn[:-7]):
                return secret
        return None

    def keep(self, secret: _Secret, token: str | None, value: Value) -> _Version:
        """The version of that token, with its value, which it may have had before.

        Raises Refusal when it has another one.
        """
        version = secret.versions.get(token or "")
        if version is None:
            version = _Version(id=token or str(uuid.uuid4()), created=_now())
            secret.versions[version.id] = version
        if version.value is None:
            version.value, version.created = value, _now()
            if isinstance(value, str):
                self.values.add(value)
        elif version.value != value:
            raise _refusal(
                "ResourceExistsException",
                f"You can't use ClientRequestToken {version.id} because that value is already in "
                f"use for a version of secret {secret.arn}.",
            )
        return version

    def rotating(self, name: str) -> bool:
        """Whether a rotation of that secret is under way, or waits for its next attempt."""
        return name in self._running

    def begin(self, secret: _Secret, version: _Version, *, only_test: bool = False) -> None:
        """Rotate in the background."""
        assert secret.function is not None
        work = self._test if only_test else self._rotate
        thread = threading.Thread(
            target=self._noted,
            args=(work, secret, version, secret.function),
            name=f"rotation of {secret.name}",
            daemon=True,
        )
        self._running.append(secret.name)
        self._threads.append(thread)
        thread.start()

    def _noted(
        self,
        work: Callable[[_Secret, _Version, str], None],
        secret: _Secret,
        version: _Version,
        function: str,
    ) -> None:
        try:
            work(secret, version, function)
        finally:
            with self.lock:
                self._running.remove(secret.name)
                self._threads.remove(threading.current_thread())
                self._ended.notify_all()

    def _rotate(self, secret: _Secret, version: _Version, function: str) -> None:
        """All attempts; after the last one AWSPENDING stays where it is."""
        for attempt in range(self.attempts):
            if attempt and self._stopping.wait(self.retry_seconds):
                return
            if not self._wanted(secret, version):
                return
            if all(self._step(secret, step, version, function) for step in STEPS):
                self._succeed(secret, version)
                return

    def _wanted(self, secret: _Secret, version: _Version) -> bool:
        """Not when the rotation was cancelled, its label was taken off, or the secret deleted."""
        with self.lock:
            return bool(
                self.secrets.get(secret.name) is secret
                and secret.deleted is None
                and secret.rotation_enabled
                and version.labels & {PENDING, CURRENT}
            )

    def _step(self, secret: _Secret, step: str, version: _Version, function: str) -> bool:
        """One invocation; whether it went well."""
        if self._stopping.is_set():
            return False
        event = {"Step": step, "SecretId": secret.arn, "ClientRequestToken": version.id}
        self.steps.append(
            RotationStep(secret=secret.name, step=step, version=version.id, moment=time.monotonic())
        )
        try:
            answer = self._invoke(function, json.dumps(event).encode())
            error_type = _error_type(answer)
        except Refusal as refusal:  # of a hook: Secrets Manager could not invoke the function
            error_type = refusal.code
        if error_type is not None:
            self.failures.append(
                RotationFailure(secret=secret.name, step=step, error_type=error_type)
            )
        return error_type is None

    def _succeed(self, secret: _Secret, version: _Version) -> None:
        """The function has done its part; where AWSCURRENT has not moved, nothing is rotated."""
        with self.lock:
            if CURRENT in version.labels:
                version.labels.discard(PENDING)
                secret.rotated = secret.changed = _now()
                secret.schedule(secret.rotated)
                secret.tidy()

    def _test(self, secret: _Secret, version: _Version, function: str) -> None:
        """RotateImmediately=False: testSecret alone, with a version that is gone afterwards."""
        self._step(secret, "testSecret", version, function)
        with self.lock:
            version.labels.discard(PENDING)
            if not version.labels:
                secret.versions.pop(version.id, None)

    def _known(self, secret_id: str) -> _Secret:
        secret = self.find(secret_id)
        if secret is None:
            known = ", ".join(sorted(self.secrets)) or "none"
            raise LookupError(f"there is no secret {secret_id!r}, only {known}")
        return secret


def create_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """A secret, with a first version when it has a value."""
    name, value = request["Name"], _value(request)
    if not re.fullmatch(r"[A-Za-z0-9/_+=.@!-]{1,512}", name):
        raise _refusal(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
            "following: -/_+=.@!",
        )
    if request.get("AddReplicaRegions"):
        raise Refusal("NotImplemented", "the lab has no replicas", HTTPStatus.NOT_IMPLEMENTED)
    token, secret = request.get("ClientRequestToken"), manager.secrets.get(name)
    if secret is not None:
        if secret.deleted is not None:
            raise _refusal(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already "
                "scheduled for deletion.",
            )
        if token not in secret.versions or secret.versions[token].value != value:
            raise _refusal(
                "ResourceExistsException",
                f"The operation failed because the secret {name} already exists.",
            )
        return {**_named(secret), "VersionId": token}
    now = _now()
    secret = _Secret(
        name=name,
        arn=_new_arn(name),
        created=now,
        changed=now,
        description=request.get("Description"),
        key=_key(request),
        tags=_tags(request),
    )
    manager.secrets[name] = secret
    if value is None:
        return _named(secret)
    version = manager.keep(secret, token, value)
    secret.put_label(CURRENT, version)
    return {**_named(secret), "VersionId": version.id}


def describe_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """All but the values."""
    secret = _secret(manager, request, even_deleted=True)
    return _described(secret, "VersionIdsToStages")


def get_secret_value(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """The value of the version asked for, by default of the current one."""
    secret = _secret(manager, request)
    version_id, label = request.get("VersionId"), request.get("VersionStage")
    if version_id is not None:
        version, asked = secret.versions.get(version_id), f"VersionId: {version_id}"
        if version is not None and label is not None and label not in version.labels:
            raise _refusal(
                "InvalidRequestException",
                "You provided a VersionStage that is not associated to the provided VersionId.",
            )
    else:
        version, asked = secret.holder(label or CURRENT), f"staging label: {label or CURRENT}"
    if version is None or version.value is None:
        raise _no_value(asked)
    secret.accessed = _now()
    kind = "SecretString" if isinstance(version.value, str) else "SecretBinary"
    return {
        **_named(secret),
        "VersionId": version.id,
        kind: version.value,
        "VersionStages": sorted(version.labels),
        "CreatedDate": version.created,
    }


def put_secret_value(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """A new version, or the value of one that a rotation has begun."""
    secret, value = _secret(manager, request), _value(request)
    _check_owner(secret)
    if value is None:
        raise _refusal(
            "InvalidRequestException", "You must provide either SecretString or SecretBinary."
        )
    first = all(version.value is None for version in secret.versions.values())
    labels = {*(request.get("VersionStages") or [CURRENT]), *([CURRENT] if first else [])}
    version = _put(manager, secret, request.get("ClientRequestToken"), value, labels)
    return {
        **_named(secret),
        "VersionId": version.id,
        "VersionStages": sorted(version.labels),
    }


def update_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """Another description or key; a new current version when there is a value."""
    secret, value = _secret(manager, request), _value(request)
    _check_owner(secret)
    if "Description" in request:
        secret.description = request["Description"]
    if "KmsKeyId" in request:
        secret.key = _key(request)
    secret.changed = _now()
    if value is None:
        return _named(secret)
    version = _put(manager, secret, request.get("ClientRequestToken"), value, {CURRENT})
    return {**_named(secret), "VersionId": version.id}


def update_secret_version_stage(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """Move a label, or take it off; who moves it must say where it is."""
    secret, label = _secret(manager, request), request["VersionStage"]
    _check_owner(secret)
    source, target = request.get("RemoveFromVersionId"), request.get("MoveToVersionId")
    holder = secret.holder(label)
    if source is None and target is None:
        raise _invalid("You must provide MoveToVersionId or RemoveFromVersionId.")
    if source is not None and (holder is None or holder.id != source):
        raise _invalid(f"Staging label {label} is not attached to version {source}.")
    if target is None:
        if label == CURRENT:
            raise _invalid(
                f"You can only move staging label {CURRENT} to a different secret version. It "
                "can't be completely removed."
            )
        assert holder is not None
        holder.labels.discard(label)
    else:
        version = secret.versions.get(target)
        if version is None or (label == CURRENT and version.value is None):
            raise _no_value(f"VersionId: {target}")
        if holder not in (None, version) and source is None:
            assert holder is not None
            raise _invalid(
                "The parameter RemoveFromVersionId can't be empty. Staging label "
                f"{label} is currently attached to version {holder.id}, so you must explicitly "
                "reference that version in RemoveFromVersionId."
            )
        secret.put_label(label, version)
    secret.changed = _now()
    secret.tidy()
    return _named(secret)


def list_secret_version_ids(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """The versions that have a value, and a label unless the deprecated ones are asked for."""
    secret = _secret(manager, request, even_deleted=True)
    versions = [
        {
            "VersionId": version.id,
            "CreatedDate": version.created,
            **({"VersionStages": sorted(version.labels)} if version.labels else {}),
            "KmsKeyIds": [secret.key or "DefaultEncryptionKey"],
        }
        for version in sorted(secret.versions.values(), key=lambda each: each.created)
        if version.value is not None and (version.labels or request.get("IncludeDeprecated", False))
    ]
    page, following = _page(versions, request)
    return {**_named(secret), "Versions": page, "NextToken": following}


def rotate_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """Begin a rotation: the version is there at once, and empty."""
    secret = _secret(manager, request)
    _check_owner(secret)
    token = request.get("ClientRequestToken") or str(uuid.uuid4())
    if not 32 <= len(token) <= 64:
        raise _invalid("ClientRequestToken must be 32 to 64 characters long.")
    function = request.get("RotationLambdaARN") or secret.function
    _check_function(manager, secret, function)
    pending = secret.holder(PENDING)
    if token in secret.versions and secret.versions[token].labels & {PENDING, CURRENT}:
        return {**_named(secret), "VersionId": token}
    if token in secret.versions:
        raise _refusal(
            "ResourceExistsException",
            f"You can't use ClientRequestToken {token} because that value is already in use for "
            f"a version of secret {secret.arn}.",
        )
    if pending is not None and CURRENT not in pending.labels:
        if secret.rotation_enabled and not manager.rotating(secret.name):
            manager.begin(secret, pending)
        raise _refusal(
            "InvalidRequestException",
            "A previous rotation isn't complete. That rotation will be reattempted.",
        )
    _configure(secret, function, request.get("RotationRules"))
    version = _Version(id=token, created=_now())
    secret.versions[token] = version
    secret.put_label(PENDING, version)
    only_test = not request.get("RotateImmediately", True)
    if only_test:
        # A function that tests AWSPENDING has something to test only if it holds what is current.
        current = secret.holder(CURRENT)
        version.value = current.value if current else None
    manager.begin(secret, version, only_test=only_test)
    return {**_named(secret), "VersionId": token}


def cancel_rotate_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """No rotation any more, nor another attempt at the one under way; labels stay."""
    secret = _secret(manager, request)
    _check_owner(secret)
    secret.rotation_enabled = False
    secret.changed = _now()
    pending = secret.holder(PENDING)
    return {**_named(secret), "VersionId": pending.id if pending else None}


def delete_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """The end of a secret: after a window in which it can be restored, or at once."""
    days = request.get("RecoveryWindowInDays")
    if request.get("ForceDeleteWithoutRecovery"):
        if days is not None:
            raise _invalid(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
            )
        secret = manager.find(request["SecretId"])
        if secret is None:  # which is no error
            name = request["SecretId"].rpartition(":")[2]
            return {"ARN": _new_arn(name), "Name": name, "DeletionDate": _now()}
        _check_owner(secret)
        del manager.secrets[secret.name]
        return {**_named(secret), "DeletionDate": _now()}
    secret = _secret(manager, request)
    _check_owner(secret)
    if days is not None and not 7 <= days <= 30:
        raise _invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    secret.deleted = _now() + timedelta(days=days or 30)
    return {**_named(secret), "DeletionDate": secret.deleted}


def restore_secret(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """No deletion after all."""
    secret = _secret(manager, request, even_deleted=True)
    secret.deleted = None
    return _named(secret)


def list_secrets(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """The secrets that pass every filter, the oldest first unless asked otherwise."""
    found = [
        _described(secret, "SecretVersionsToStages")
        for secret in manager.secrets.values()
        if (secret.deleted is None or request.get("IncludePlannedDeletion", False))
        and all(_passes(secret, each) for each in request.get("Filters") or [])
    ]
    if request.get("SortOrder") == "desc":
        found.reverse()
    page, following = _page(found, request)
    return {"SecretList": page, "NextToken": following}


def tag_resource(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """More tags, or other values of them."""
    secret = _secret(manager, request)
    secret.tags.update(_tags(request))
    secret.changed = _now()
    return {}


def untag_resource(manager: SecretsManager, request: Request) -> dict[str, Any]:
    """Fewer tags."""
    secret = _secret(manager, request)
    for key in request["TagKeys"]:
        secret.tags.pop(key, None)
    secret.changed = _now()
    return {}


Operation = Callable[[SecretsManager, Request], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "CancelRotateSecret": cancel_rotate_secret,
    "CreateSecret": create_secret,
    "DeleteSecret": delete_secret,
    "DescribeSecret": describe_secret,
    "GetSecretValue": get_secret_value,
    "ListSecretVersionIds": list_secret_version_ids,
    "ListSecrets": list_secrets,
    "PutSecretValue": put_secret_value,
    "RestoreSecret": restore_secret,
    "RotateSecret": rotate_secret,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "UpdateSecret": update_secret,
    "UpdateSecretVersionStage": update_secret_version_stage,
}


def next_rotation(rules: Mapping[str, Any], after: datetime) -> datetime:
    """The end of the window in which a secret is rotated next, after a rotation at that moment.

    Windows begin at midnight UTC, or when the expression says so; without a duration they last for
    the rest of the day, or an hour when the schedule is in hours. Raises Refusal.

    >>> moment = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    >>> next_rotation({"AutomaticallyAfterDays": 30}, moment).isoformat()
    '2026-12-23T23:59:59+00:00'
    >>> next_rotation({"ScheduleExpression": "rate(10 days)", "Duration": "3h"}, moment).isoformat()
    '2026-12-03T03:00:00+00:00'
    >>> next_rotation({"ScheduleExpression": "rate(12 hours)"}, moment).isoformat()
    '2026-11-24T03:00:00+00:00'
    >>> next_rotation({"ScheduleExpression": "cron(0 8 1 * ? *)"}, moment).isoformat()
    '2026-12-01T23:59:59+00:00'
    >>> next_rotation({"ScheduleExpression": "cron(0 0/8 ? * 2 *)", "Duration": "2h"}, moment)
    datetime.datetime(2026, 11, 23, 18, 0, tzinfo=datetime.timezone.utc)
    """
    expression = rules.get("ScheduleExpression") or f"rate({rules['AutomaticallyAfterDays']} days)"
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    if rate := _RATE.fullmatch(expression):
        count, in_hours = int(rate.group(1)), rate.group(2) == "hour"
        if in_hours:
            opens = after.replace(minute=0, second=0, microsecond=0) + timedelta(hours=count)
        else:
            opens = midnight + timedelta(days=count)
    else:
        opens, in_hours = _next_of_cron(expression, after), False
    if duration := rules.get("Duration"):
        return opens + timedelta(hours=int(duration.removesuffix("h")))
    if in_hours:
        return opens + timedelta(hours=1)
    return opens.replace(hour=23, minute=59, second=59)


_RATE = re.compile(r"rate\((\d+) (hour|day)s?\)")
_CRON = re.compile(r"cron\(0 (\S+) (\S+) (\S+) (\S+) \*\)")


def _next_of_cron(expression: str, after: datetime) -> datetime:
    """Hours, days of the month, months and weekdays, as numbers; the year is any."""
    fields = _CRON.fullmatch(expression)
    if fields is None:
        raise _invalid(f"Invalid ScheduleExpression: {expression}")
    hours = sorted(_numbers(fields.group(1), 0, 23))
    days, months = _numbers(fields.group(2), 1, 31), _numbers(fields.group(3), 1, 12)
    weekdays = _numbers(fields.group(4), 1, 7)

    def falls_on(day: date) -> bool:
        return day.month in months and day.day in days and (day.isoweekday() % 7 + 1) in weekdays

    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    for count in range(5 * 366):
        day = midnight + timedelta(days=count)
        if falls_on(day.date()):
            for hour in hours:
                if day + timedelta(hours=hour) > after:
                    return day + timedelta(hours=hour)
    raise _invalid(f"ScheduleExpression {expression} never comes")


def _numbers(text: str, low: int, high: int) -> set[int]:
    """What a field of a cron expression stands for. Raises Refusal.

    >>> sorted(_numbers("1-3,9", 1, 12)), sorted(_numbers("0/8", 0, 23))
    ([1, 2, 3, 9], [0, 8, 16])
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\*|\?|\d+)(?:-(\d+))?(?:/(\d+))?", part)
        if match is None:  # names, L, W and # are AWS's too
            raise Refusal(
                "NotImplemented",
                f"the lab's schedules have numbers only, not {part}",
                HTTPStatus.NOT_IMPLEMENTED,
            )
        first, last, every = match.groups()
        begin = low if first in "*?" else int(first)
        end = int(last) if last else (high if first in "*?" or every else begin)
        found.update(range(begin, end + 1, int(every or 1)))
    return found


def _put(
    manager: SecretsManager, secret: _Secret, token: str | None, value: Value, labels: set[str]
) -> _Version:
    """A version with its labels; nothing happens when there is one of that token and value."""
    before = secret.versions.get(token or "")
    if before is not None and before.value == value:
        return before
    version = manager.keep(secret, token, value)
    for label in sorted(labels):
        secret.put_label(label, version)
    secret.changed = version.created
    if CURRENT in labels:
        secret.schedule(version.created)
    secret.tidy()
    return version


def _configure(secret: _Secret, function: str | None, rules: Mapping[str, Any] | None) -> None:
    if rules:
        if ("AutomaticallyAfterDays" in rules) == ("ScheduleExpression" in rules):
            raise _invalid(
                "You must provide either AutomaticallyAfterDays or ScheduleExpression, not both."
            )
        secret.next_rotation = next_rotation(rules, _now())
        secret.rules = _with_days(rules)
    secret.function = function
    secret.rotation_enabled = True
    secret.changed = _now()


def _with_days(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The rules as they are shown: the days of a rate stand beside it."""
    rate = _RATE.fullmatch(rules.get("ScheduleExpression", ""))
    if rate and rate.group(2) == "day":
        return {"AutomaticallyAfterDays": int(rate.group(1)), **rules}
    return dict(rules)


def _check_function(manager: SecretsManager, secret: _Secret, function: str | None) -> None:
    if function is None:
        raise _refusal(
            "InvalidRequestException",
            "No Lambda rotation function ARN is associated with this secret.",
        )
    name = aws.function_name(function)
    if manager.function(name) is None:
        raise _refusal(
            "ResourceNotFoundException",
            f"Secrets Manager can't find the specified Lambda function {function}.",
        )
    if not manager.admits(name, PRINCIPAL, secret.arn):
        raise _refusal(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function "
            f"policy grants access to the principal {PRINCIPAL}.",
        )


def _secret(manager: SecretsManager, request: Request, *, even_deleted: bool = False) -> _Secret:
    secret = manager.find(request["SecretId"])
    if secret is None:
        raise _refusal(
            "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
        )
    if secret.deleted is not None and not even_deleted:
        raise _refusal(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    return secret


def _check_owner(secret: _Secret) -> None:
    if secret.owner is not None:
        raise _refusal(
            "InvalidRequestException",
            f"The secret is managed by another service ({secret.owner}), and you must use that "
            "service to update it.",
        )


def _described(secret: _Secret, versions: str) -> dict[str, Any]:
    """What is known of a secret; what it does not have is absent."""
    labelled = {each.id: sorted(each.labels) for each in secret.versions.values() if each.labels}
    accessed, scheduled = secret.accessed, secret.rotation_enabled is not False
    fields = {
        **_named(secret),
        "Description": secret.description or None,
        "KmsKeyId": secret.key,
        "RotationEnabled": secret.rotation_enabled,
        "RotationLambdaARN": secret.function,
        "RotationRules": secret.rules,
        "LastRotatedDate": secret.rotated if scheduled else None,
        "LastChangedDate": secret.changed,
        "LastAccessedDate": accessed
        and accessed.replace(hour=0, minute=0, second=0, microsecond=0),
        "DeletedDate": secret.deleted,
        "NextRotationDate": secret.next_rotation if scheduled else None,
        "Tags": [{"Key": key, "Value": value} for key, value in secret.tags.items()] or None,
        versions: labelled or None,
        "OwningService": secret.owner,
        "CreatedDate": secret.created,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _named(secret: _Secret) -> dict[str, Any]:
    return {"ARN": secret.arn, "Name": secret.name}


def _new_arn(name: str) -> str:
    ending = "".join(randomness.choice(string.ascii_letters + string.digits) for _ in range(6))
    return f"arn:aws:secretsmanager:{aws.REGION}:{aws.ACCOUNT}:secret:{name}-{ending}"


def _value(request: Request) -> Value | None:
    text, binary = request.get("SecretString"), request.get("SecretBinary")
    if text is not None and binary is not None:
        raise _invalid("You can't specify both a binary secret value and a string secret value.")
    value: Value | None = text if text is not None else binary
    return value


def _key(request: Request) -> str | None:
    """The customer's key; the one that AWS has for everybody is not shown."""
    key = request.get("KmsKeyId")
    return None if key is None or key.endswith(AWS_OWNED_KEY) else str(key)


def _tags(request: Request) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}


def _passes(secret: _Secret, condition: Mapping[str, Any]) -> bool:
    """Whether a secret passes a filter: one of its values begins something of the secret's."""
    texts = {
        "name": [secret.name],
        "description": [secret.description or ""],
        "tag-key": list(secret.tags),
        "tag-value": list(secret.tags.values()),
        "owning-service": [secret.owner or ""],
    }
    every = [text for found in texts.values() for text in found]
    return any(
        text.startswith(wanted)
        for text in texts.get(condition["Key"], every)
        for wanted in condition["Values"]
    )


def _page(items: list[dict[str, Any]], request: Request) -> tuple[list[dict[str, Any]], str | None]:
    begin, size = int(request.get("NextToken") or 0), int(request.get("MaxResults") or 100)
    end = begin + size
    return items[begin:end], str(end) if end < len(items) else None


def _error_type(answer: Invocation) -> str | None:
    """The class of the error that a function answered with; None when it did its work."""
    if not answer.error:
        return None
    return str(json.loads(answer.payload).get("errorType", "Unhandled"))


def _on_the_wire(value: object) -> object:
    """Times in seconds since 1970, of which AWS gives milliseconds; bytes in base 64."""
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value)} does not go over the wire")


def _now() -> datetime:
    return datetime.now(UTC)


def _invalid(message: str) -> Refusal:
    return _refusal("InvalidParameterException", message)


def _no_value(asked: str) -> Refusal:
    return _refusal(
        "ResourceNotFoundException",
        f"Secrets Manager can't find the specified secret value for {asked}",
    )


def _refusal(code: str, message: str) -> Refusal:
    return Refusal(code, message)
