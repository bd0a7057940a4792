"""The standing version of the rehearsal's secret: the one that opens the database, and is current.

Witness begins with it, so that what a dead run left half done does no harm; Teardown ends with it.
Only a secret of our own is ever touched here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions import naming
from functions.secret_rotation import credential, login, repair, secrets
from functions.secret_rotation.repair import Repair
from functions.secret_rotation.secrets import NotARehearsal, NoValue
from functions.secret_rotation.values import CURRENT, PENDING, PREVIOUS, Credential, Secret

_TOKENS = uuid.UUID("0d0c6a52-8f0e-4a86-9b0e-5d6a1c1f7e11")


UNSTUCK = "AWSPENDING was taken off a rotation that did not finish"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Which version stands; empty where none opens the database. `mended` says what was done."""

    version: str
    mended: tuple[str, ...] = ()


def settle(
    secret: Secret, *, facts: Mapping[str, str], ca_file: Path, also: Sequence[str] = ()
) -> Standing:
    """Make the version that opens the database the current one, and end what is pending.

    `facts` is where the source's secret leads: the rehearsal's must lead there too. `also` are
    versions that may have lost their label while a step still set their password. May be called at
    any time, and again. Raises NotARehearsal, TryAgain where the database does not answer, and
    TlsFailed.
    """
    own_alone(secret.arn)
    current = secret.version(CURRENT)
    candidates = [*(secret.version(stage) for stage in (CURRENT, PENDING, PREVIOUS)), *also]
    good = next((v for v in candidates if v and _opens(secret, v, facts, ca_file)), "")
    if not good:
        return Standing(version="")
    mended = []
    if good != current:
        secrets.move_current(secret.arn, to=good, off=current)
        mended.append("AWSCURRENT was moved to the version that opens the database")
    if secret.pending:
        secrets.take_off_pending(secret.arn, version=secret.pending)
        mended.append(UNSTUCK)
    text = secrets.value(secret.arn, version=good)
    if not _leads_to(text, secret.name, facts):
        good = _led(secret, text, good, facts)
        mended.append("the secret was made to lead to where the real one leads")
    return Standing(version=good, mended=tuple(mended))


def opens(secret: Secret, *, facts: Mapping[str, str], ca_file: Path) -> bool:
    """Whether AWSCURRENT opens the database: a look. Raises TryAgain and TlsFailed."""
    return _opens(secret, secret.version(CURRENT), facts, ca_file)


def own_alone(secret: str) -> None:
    """Raise NotARehearsal for a secret that is not a rehearsal's, whoever asks."""
    if not naming.is_rehearsal(secret):
        raise NotARehearsal(f"{secret} is not a rehearsal's secret: it is never written to")


def _leads_to(text: str, name: str, facts: Mapping[str, str]) -> bool:
    """Whether a value has all facts of the place; how it is written does not matter."""
    try:
        return credential.read(text, name=name).facts() == dict(facts)
    except credential.UnreadableSecret:
        return False


def _led(secret: Secret, text: str, good: str, facts: Mapping[str, str]) -> str:
    """Store the same user and password with the facts of the place; the version that is current."""
    wanted = credential.render(text, credential=_own(text, secret.name, facts))
    token = str(uuid.uuid5(_TOKENS, f"{good} {sorted(facts.items())}"))
    secrets.put(secret.arn, text=wanted, token=token)
    found = secrets.describe(secret.arn)
    if found is not None and found.version(CURRENT) != token:  # it was stored before, by then
        secrets.move_current(secret.arn, to=token, off=found.version(CURRENT))
    return token


def _own(text: str, name: str, facts: Mapping[str, str]) -> Credential:
    return credential.read_own(text, name=name, source=credential.of_facts(facts))


def _opens(secret: Secret, version: str, facts: Mapping[str, str], ca_file: Path) -> bool:
    try:
        held = _own(secrets.value(secret.arn, version=version), secret.name, facts)
    except (NoValue, credential.UnreadableSecret):
        return False
    return login.answered(held, ca_file=ca_file).accepted


def disagreement(secret: Secret, *, token: str, plan: Mapping[str, Any], ca_file: Path) -> Repair:
    """How a secret and its database stand to each other, and what mends it. A look, no more.

    `token` is the version of the rotation that is asked about.
    """
    facts, told = plan["source"]["facts"], dict[str, str | None]()
    for stage in (CURRENT, PENDING, PREVIOUS):
        told[stage] = _answer_to(secret, secret.version(stage), facts, ca_file)
    return repair.explain(
        told,
        secret=secret,
        token=token,
        function=plan["subject"]["function"].rpartition(":")[2],
        log_group=plan["subject"]["log_group"],
    )


def _answer_to(secret: Secret, version: str, facts: Mapping[str, str], ca_file: Path) -> str | None:
    """What the database says of a version's password."""
    if not version:
        return None
    try:
        held = credential.read(secrets.value(secret.arn, version=version), name=secret.name)
    except (NoValue, credential.UnreadableSecret):
        return "empty"
    tried = login.attempt(credential.at(held, facts), ca_file=ca_file)
    return "accepted" if tried.accepted else "refused" if tried.refused else "unknown"
