"""A look at the secrets between drills: what they tell of themselves, never what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import DrillError
from functions.health import Finding, Health, unreadable
from functions.secret_rotation import health, lambdas, rotations, secrets
from functions.secret_rotation.health import Look
from functions.secret_rotation.values import History, RotationFunction, Secret, Version
from functions.watch.watched import Source

_NO_ANSWER = (BotoCoreError, ClientError, DrillError)


def examine(sources: Sequence[Source], *, now: datetime) -> Iterator[tuple[Source, Health]]:
    """The health of each secret, in their order; raises nothing for one that cannot be read.

    One question of Secrets Manager a secret, and a second one while a rotation is pending. Lambda,
    which answers 15 a second, is asked twice for each function, however many secrets share it.
    CloudTrail is asked once for all of them, at most eight requests; where it does not answer, only
    the rate of success is not known.
    """
    if not sources:
        return
    history, functions = _history(now), _Functions()
    for source in sources:
        look = _look(source, functions)
        yield source, health.judge(look, wanted=source.wanted, history=history, now=now)


def _history(now: datetime) -> History | str:
    """What CloudTrail knows, or why it could not be asked."""
    try:
        return rotations.history(now)
    except (BotoCoreError, ClientError) as error:
        return unreadable("LookupEvents", error).text


class _Functions:
    """The rotation functions of one collection: Lambda is asked about each once."""

    def __init__(self) -> None:
        self._found: dict[str, RotationFunction | Finding | None] = {}

    def find(self, name: str) -> RotationFunction | Finding | None:
        """The function; None for one that is not there, a finding where nobody answered."""
        if name not in self._found:
            try:
                self._found[name] = lambdas.describe(name)
            except _NO_ANSWER as error:
                self._found[name] = unreadable(f"the rotation function {name}", error)
        return self._found[name]


def _look(source: Source, functions: _Functions) -> Look:
    """A secret, as far as AWS answers."""
    try:
        secret = secrets.describe(source.name)
    except _NO_ANSWER as error:
        unread = unreadable(f"DescribeSecret of {source.name}", error)
        return Look(name=source.name, secret=None, unread=(unread,))
    if secret is None or secret.deleted:
        return Look(name=source.name, secret=secret)
    unread_too: list[Finding] = []
    versions = _versions(source, secret, unread_too)
    asked, function = _function(source, secret, functions, unread_too)
    return Look(
        name=source.name,
        secret=secret,
        versions=versions,
        asked=asked,
        function=function,
        unread=tuple(unread_too),
    )


def _versions(source: Source, secret: Secret, unread: list[Finding]) -> tuple[Version, ...]:
    """Since when a rotation is pending, its version tells."""
    if not secret.pending:
        return ()
    try:
        return tuple(secrets.versions(secret.arn))
    except _NO_ANSWER as error:
        unread.append(unreadable(f"ListSecretVersionIds of {source.name}", error))
        return ()


def _function(
    source: Source, secret: Secret, functions: _Functions, unread: list[Finding]
) -> tuple[bool, RotationFunction | None]:
    """Whether the rotation function was asked about, and what it is; None is one not there."""
    name = health.named_function(secret, source.wanted)
    if not name or not secret.rotation_enabled:
        return False, None
    found = functions.find(name)
    if isinstance(found, Finding):
        unread.append(found)
        return False, None
    return True, found
