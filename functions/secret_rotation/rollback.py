"""The way back, rehearsed: labels and password to the old version, a login, and forward again.

Moving the label alone locks everybody out where one user has one password: the password must be set
back as well. Only in a rehearsal, on the drill's own secret. Each call looks where things stand, so
one that died half-way is followed by one that goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from functions.errors import LoginRefused, NotReachable, TlsFailed, TryAgain
from functions.model import Check, CheckClass, Status
from functions.secret_rotation import credential, login, secrets, standing
from functions.secret_rotation.login import StatementFailed
from functions.secret_rotation.secrets import NoValue
from functions.secret_rotation.values import CURRENT, Credential, Strategy

EXPECTED = "the old credential logs in again, then the new one"


def rehearse(*, plan: Mapping[str, Any], exercise: Mapping[str, Any], ca_file: Path) -> Check:
    """Back to the old version, a login with what is current, forward to the new one, and again.

    Raises NotARehearsal, and TryAgain where the database does not answer.
    """
    standing.own_alone(plan["subject"]["arn"])
    old, new = exercise["from_version"], plan["token"]
    try:
        _go(plan, to=old, off=new, ca_file=ca_file)
    except (LoginRefused, StatementFailed, NoValue) as failure:
        return _check(plan, Status.FAILED, "the way back failed", str(failure))
    try:
        _go(plan, to=new, off=old, ca_file=ca_file)
    except (LoginRefused, StatementFailed, NoValue) as failure:
        return _check(plan, Status.FAILED, "the way forward again failed", str(failure))
    return _check(plan, Status.PASSED, "both did")


def _go(plan: Mapping[str, Any], *, to: str, off: str, ca_file: Path) -> None:
    """Make a version current, in the database too, and prove it by a fresh login."""
    arn, facts = plan["subject"]["arn"], plan["source"]["facts"]
    wanted, other = (_held(arn, version, facts) for version in (to, off))
    try:
        if Strategy(plan["subject"]["strategy"]) is Strategy.SINGLE:
            _set_password(wanted, other, ca_file)
        found = secrets.describe(arn)
        if found is not None and found.version(CURRENT) != to:
            secrets.move_current(arn, to=to, off=found.version(CURRENT))
        current = _held(arn, "", facts)
        with login.session(current, ca_file=ca_file) as session:
            session.all("who")
    except (NotReachable, TlsFailed) as failure:
        raise TryAgain(str(failure)) from None


def _set_password(wanted: Credential, other: Credential, ca_file: Path) -> None:
    """The user sets its own password, logged in with the other one; nothing to do where it is."""
    if login.answered(wanted, ca_file=ca_file).accepted:
        return
    with login.session(other, ca_file=ca_file) as session:
        session.change_own_password(other.username, wanted.password)


def _held(arn: str, version: str, facts: Mapping[str, str]) -> Credential:
    text = secrets.value(arn, version=version)
    return credential.at(credential.read(text, name=arn), facts)


def _check(plan: Mapping[str, Any], status: Status, observed: str, detail: str = "") -> Check:
    return Check(
        name="rollback",
        check_class=CheckClass.ROTATION,
        target=plan["subject"]["name"],
        status=status,
        expected=EXPECTED,
        observed=observed,
        detail=detail,
    )
