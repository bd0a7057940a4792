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
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from lab.aws import Invocation
from lab.calls import Refusal
from lab.iam import SecretFacts
from lab.secrets_operations import OPERATIONS
from lab.secrets_records import (
    CURRENT,
    PENDING,
    PRINCIPAL,
    Request,
    RotationFailure,
    RotationStep,
    StoredSecret,
    Value,
    Version,
    now,
)

__all__ = ["PRINCIPAL", "STEPS", "RotationFailure", "SecretsManager"]

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

RETRY_SECONDS = 60.0
"""Between two attempts at a rotation, before the lab's time factor: AWS does not say how long."""

STOP_SECONDS = 5.0
"""How long a stop waits for an invocation that is under way."""


class SecretsManager:
    """The Secrets Manager of one emulator, from `start()` to `stop()`.

    `invoke` runs a function and may raise a Refusal; `function` says what is known of one, and
    `admits(function, principal, source ARN)` whether its own policy lets a service invoke it.
    `tell(secret ARN, succeeded)` hears how each attempt to rotate ended.
    """

    def __init__(
        self,
        *,
        invoke: Callable[[str, bytes], Invocation],
        function: Callable[[str], Mapping[str, Any] | None],
        admits: Callable[[str, str, str], bool],
        tell: Callable[[str, bool], None] = lambda _secret, _succeeded: None,
        time_factor: float = 1.0,
    ) -> None:
        self.attempts = 3
        self.retry_seconds = max(0.2, RETRY_SECONDS * time_factor)
        self.values: set[str] = set()
        """Every text that any version ever held, so that a test can look for leaks."""
        self.steps: list[RotationStep] = []
        self.failures: list[RotationFailure] = []
        self.lock = threading.RLock()
        self.secrets: dict[str, StoredSecret] = {}
        self.function = function
        self.admits = admits
        self._invoke = invoke
        self._tell = tell
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

    def find(self, secret_id: str) -> StoredSecret | None:
        """The secret of that name, ARN, or ARN without the six characters at its end."""
        for secret in self.secrets.values():
            if secret_id in (secret.name, secret.arn, secret.arn[:-7]):
                return secret
        return None

    def keep(self, secret: StoredSecret, token: str | None, value: Value) -> Version:
        """The version of that token, with its value, which it may have had before.

        Raises Refusal when it has another one.
        """
        version = secret.versions.get(token or "")
        if version is None:
            version = Version(id=token or str(uuid.uuid4()), created=now())
            secret.versions[version.id] = version
        if version.value is None:
            version.value, version.created = value, now()
            if isinstance(value, str):
                self.values.add(value)
        elif version.value != value:
            raise Refusal(
                "ResourceExistsException",
                f"You can't use ClientRequestToken {version.id} because that value is already in "
                f"use for a version of secret {secret.arn}.",
            )
        return version

    def rotating(self, name: str) -> bool:
        """Whether a rotation of that secret is under way, or waits for its next attempt."""
        return name in self._running

    def begin(self, secret: StoredSecret, version: Version, *, only_test: bool = False) -> None:
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
        work: Callable[[StoredSecret, Version, str], None],
        secret: StoredSecret,
        version: Version,
        function: str,
    ) -> None:
        try:
            work(secret, version, function)
        finally:
            with self.lock:
                self._running.remove(secret.name)
                self._threads.remove(threading.current_thread())
                self._ended.notify_all()

    def _rotate(self, secret: StoredSecret, version: Version, function: str) -> None:
        """All attempts; after the last one AWSPENDING stays where it is."""
        for attempt in range(self.attempts):
            if attempt and self._stopping.wait(self.retry_seconds):
                return
            if not self._wanted(secret, version):
                return
            if all(self._step(secret, step, version, function) for step in STEPS):
                self._succeed(secret, version)
                return
            self._tell(secret.arn, False)

    def _wanted(self, secret: StoredSecret, version: Version) -> bool:
        """Not when the rotation was cancelled, its label was taken off, or the secret deleted."""
        with self.lock:
            return bool(
                self.secrets.get(secret.name) is secret
                and secret.deleted is None
                and secret.rotation_enabled
                and version.labels & {PENDING, CURRENT}
            )

    def _step(self, secret: StoredSecret, step: str, version: Version, function: str) -> bool:
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

    def _succeed(self, secret: StoredSecret, version: Version) -> None:
        """The function has done its part; where AWSCURRENT has not moved, nothing is rotated."""
        with self.lock:
            if CURRENT in version.labels:
                version.labels.discard(PENDING)
                secret.rotated = secret.changed = now()
                secret.schedule(secret.rotated)
                secret.tidy()
                self._tell(secret.arn, True)

    def _test(self, secret: StoredSecret, version: Version, function: str) -> None:
        """RotateImmediately=False: testSecret alone, with a version that is gone afterwards."""
        self._step(secret, "testSecret", version, function)
        with self.lock:
            version.labels.discard(PENDING)
            if not version.labels:
                secret.versions.pop(version.id, None)

    def _known(self, secret_id: str) -> StoredSecret:
        secret = self.find(secret_id)
        if secret is None:
            known = ", ".join(sorted(self.secrets)) or "none"
            raise LookupError(f"there is no secret {secret_id!r}, only {known}")
        return secret


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
