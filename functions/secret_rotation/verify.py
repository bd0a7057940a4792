"""What the rotation has led to, each thing over a fresh connection, and held against the witness.

Where one fault has several symptoms, the check nearest to the fault says so and the others are not
run, with the reason. Records hold names of roles, tables and versions, never a password.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from functions.errors import DrillError, LoginRefused, NotReachable, TlsFailed
from functions.evidence import Evidence
from functions.model import Answer, Check, CheckClass, Status, tally
from functions.secret_rotation import (
    credential,
    findings,
    login,
    repair,
    rollback,
    secrets,
    standing,
)
from functions.secret_rotation.credential import UnreadableSecret
from functions.secret_rotation.login import Attempt
from functions.secret_rotation.repair import Repair
from functions.secret_rotation.secrets import NoValue
from functions.secret_rotation.values import (
    CURRENT,
    PREVIOUS,
    Credential,
    Mode,
    Secret,
    Strategy,
)
from functions.secret_rotation.witness import rights
from functions.step import done

_MOST_NAMED = 5
_NEVER_CHANGED = "the labels were moved, and the password was never changed"
_ANOTHER = "another rotation came in between"


class SecretGone(DrillError):
    """When the secret that was rotated is not there any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """What `verify` was given, and the secret as it is now."""

    drill: Mapping[str, Any]
    plan: Mapping[str, Any]
    witness: Mapping[str, Any]
    exercise: Mapping[str, Any]
    evidence: Evidence
    ca_file: Path
    secret: Secret

    @property
    def name(self) -> str:
        return str(self.plan["subject"]["name"])

    @property
    def token(self) -> str:
        return str(self.plan["token"])

    @property
    def facts(self) -> Mapping[str, str]:
        return dict(self.plan["source"]["facts"])

    @property
    def strategy(self) -> Strategy:
        return Strategy(self.plan["subject"]["strategy"])

    @property
    def unrotated(self) -> str:
        """Why there is nothing to look at; empty where the rotation went through."""
        if self.exercise["rotated"]:
            return ""
        if self.exercise["asked"]:
            return "the rotation did not finish"
        return f"nothing was rotated: {self.exercise['reason']}"

    @property
    def host_is_wrong(self) -> bool:
        """Whether the source's secret leads to a host that nothing may be sent to."""
        return bool(self.plan["host_is_wrong"])

    def held(self, version: str) -> Credential:
        """The credential of a version. Raises NoValue or UnreadableSecret."""
        text = secrets.value(self.secret.arn, version=version)
        return credential.read(text, name=self.name)

    def attempt(self, version: str) -> Attempt:
        """A fresh login with the password of a version, at the proven place."""
        try:
            found = credential.at(self.held(version), self.facts)
        except (NoValue, UnreadableSecret) as failure:
            return Attempt(accepted=False, told=str(failure))
        return login.attempt(found, ca_file=self.ca_file)


def verify(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    witness: Mapping[str, Any],
    exercise: Mapping[str, Any],
    evidence: Evidence,
    ca_file: Path,
) -> Answer:
    """Every check that needs no waiting; `units` are those that do: the rollback and the probes.

    Answers `sound` (the new credential is current and opens the database), `units` and `checks`.
    Raises SecretGone, and TryAgain where a connection is lost on the way.
    """
    secret = secrets.describe(plan["subject"]["arn"])
    if secret is None:
        raise SecretGone(f"{plan['subject']['name']} is not there any more")
    work = _Work(
        drill=drill,
        plan=plan,
        witness=witness,
        exercise=exercise,
        evidence=evidence,
        ca_file=ca_file,
        secret=secret,
    )
    finished, stages = _finished(work), _stages(work)
    new, grants, old = _logins(work, undisturbed=stages.status is Status.PASSED)
    sound = stages.status is Status.PASSED and new.status is Status.PASSED
    source = _mend_source(work)
    checks = [
        *findings.checks(drill=drill, plan=plan, mend=source.state),
        _facts_kept(work),
        _source_login(work),
        _may_set_password(work),
        finished,
        stages,
        new,
        old,
        grants,
        _tls(work),
    ]
    if plan["mode"] == Mode.REHEARSAL and not sound:
        reason = work.unrotated or "the rotation is not sound: there is no way back to rehearse"
        checks.append(_not_run(work, "rollback", CheckClass.ROTATION, rollback.EXPECTED, reason))
    key = f"{plan['key']}/checks/verify.json"
    evidence.put_json(key, [check.to_document() for check in checks])
    return done(
        sound=sound,
        remedy=_remedy(work, source, checks),
        units=[
            {"unit": number} for number in range(len(units(drill=drill, plan=plan, sound=sound)))
        ],
        checks={"key": key, **tally(checks)},
    )


def units(*, drill: Mapping[str, Any], plan: Mapping[str, Any], sound: bool) -> list[str]:
    """The work that is left: `rollback` in a sound rehearsal, and each URL to ask.

    >>> units(drill={"probes": ["https://a"]}, plan={"mode": "rehearsal"}, sound=True)
    ['rollback', 'https://a']
    """
    rehearsed = plan["mode"] == Mode.REHEARSAL and sound
    return [*(["rollback"] if rehearsed else []), *drill["probes"]]


def _finished(work: _Work) -> Check:
    expected = "AWSCURRENT moves to the version that was asked for"
    name, check_class = "rotation_finished", CheckClass.ROTATION
    if not work.exercise["asked"]:
        return _not_run(work, name, check_class, expected, work.unrotated)
    if work.exercise["rotated"]:
        observed = f"on version {work.token}"
        return _check(work, name, check_class, Status.PASSED, expected, observed)
    told = _stands(work, work.secret, token=work.token).state
    reason = work.exercise["reason"]
    return _check(work, name, check_class, Status.FAILED, expected, reason, told)


def _stages(work: _Work) -> Check:
    expected = "AWSCURRENT on the new version, AWSPREVIOUS on the old one, AWSPENDING on no other"
    name, check_class = "version_stages", CheckClass.ROTATION
    if work.unrotated:
        return _not_run(work, name, check_class, expected, work.unrotated)
    secret, old = work.secret, work.exercise["from_version"]
    current = secret.version(CURRENT)
    wrong = []
    if current != work.token:
        wrong.append(f"AWSCURRENT on {current}: {_ANOTHER}")
    elif secret.version(PREVIOUS) != old:
        wrong.append(f"AWSPREVIOUS on {secret.version(PREVIOUS) or 'no version'}, not on {old}")
    if secret.pending:
        wrong.append(f"AWSPENDING on {secret.pending}")
    status = Status.FAILED if wrong else Status.PASSED
    detail = _stands(work, secret, token=work.token).state if secret.pending else ""
    return _check(work, name, check_class, status, expected, "; ".join(wrong) or "so", detail)


def _stands(work: _Work, secret: Secret, *, token: str) -> Repair:
    return standing.disagreement(secret, token=token, plan=work.plan, ca_file=work.ca_file)


def _mend_source(work: _Work) -> Repair:
    """Where a rotation of the source's secret is stuck, if one was pending when Plan looked."""
    source = work.plan["source"]
    if not source["pending"] or work.host_is_wrong:
        return Repair(state="")
    secret = secrets.describe(source["arn"])
    return _stands(work, secret, token=source["pending"]) if secret else Repair(state="")


def _remedy(work: _Work, source: Repair, checks: Sequence[Check]) -> list[str]:
    """What to do, one thing after the other: about the real secret first.

    Of a rehearsal's secret Teardown takes care: there it is the function that needs mending.
    """
    subject = work.plan["subject"]
    failed = {check.name for check in checks if check.status is Status.FAILED}
    steps = list(source.steps)
    if not failed & {"rotation_finished", "new_login", "old_credential", "version_stages"}:
        return steps
    if work.plan["mode"] == Mode.LIVE:
        found = _stands(work, work.secret, token=work.token)
        return steps or list(found.steps)
    function = subject["function"].rpartition(":")[2]
    return [
        *steps,
        "The real secret was not rotated; the drill puts its own in order by itself",
        *repair.mend_function(function, subject["log_group"]),
    ]


def _facts_kept(work: _Work) -> Check:
    """The source's host is the cluster's, and the new version leads to where the old one led."""
    name, check_class = "connection_facts", CheckClass.ROTATION
    expected = "a host of the cluster; host, port, database and engine as before"
    if work.host_is_wrong:
        blocked = work.plan["blocked"]
        return _check(work, name, check_class, Status.FAILED, expected, blocked)
    if work.unrotated:
        return _not_run(work, name, check_class, expected, work.unrotated)
    try:
        found = work.held(work.token)
    except UnreadableSecret as failure:
        return _check(work, name, check_class, Status.FAILED, expected, str(failure))
    except NoValue as failure:
        return _not_run(work, name, check_class, expected, str(failure))
    before = {**work.facts, "username": work.witness["username"]}
    after = {**found.facts(), "username": found.username}
    if work.strategy is Strategy.ALTERNATING:
        del before["username"], after["username"]
    changed = sorted(key for key in before if before[key] != after[key])
    observed = ", ".join(f"{key} {after[key]}, before {before[key]}" for key in changed)
    status = Status.FAILED if changed else Status.PASSED
    return _check(work, name, check_class, status, expected, observed or "as before")


def _source_login(work: _Work) -> Check:
    """Whether the application's own secret opens its database today, in both modes."""
    seen = work.witness["source_login"]
    name, expected = "source_login", "its password is let in, TLS verify-full"
    target = work.plan["source"]["name"]
    if seen is None:
        return _not_run(work, name, CheckClass.ACCESS, expected, work.unrotated, target=target)
    status = Status.PASSED if seen["accepted"] else Status.FAILED
    observed = "let in, encrypted and verified" if seen["accepted"] else "refused"
    return _check(
        work, name, CheckClass.ACCESS, status, expected, observed, seen["told"], target=target
    )


def _may_set_password(work: _Work) -> Check:
    """Whether the real user could be rotated as the rehearsal's is: RDS may restrict who can."""
    may, name = work.witness["may_set_password"], "may_set_password"
    expected = "the real user may set its own password"
    target, check_class = work.plan["source"]["name"], CheckClass.PRIVILEGES
    if work.strategy is Strategy.ALTERNATING:
        reason = "the superuser sets it: users alternate"
        check = _not_run(work, name, check_class, expected, reason, target=target)
        return replace(check, by_configuration=True)
    if may is None:
        reason = work.unrotated or "the real password was not let in: see source_login"
        return _not_run(work, name, check_class, expected, reason, target=target)
    status = Status.PASSED if may else Status.FAILED
    observed = "so" if may else "rds.restrict_password_commands is on"
    detail = "" if may else "GRANT rds_password TO the user"
    return _check(work, name, check_class, status, expected, observed, detail, target=target)


def _logins(work: _Work, *, undisturbed: bool) -> tuple[Check, Check, Check]:
    """The new credential, what its user may do, and the old credential."""
    let_in = "let in, TLS verify-full"
    alike = "attributes and grants as the witness saw them"
    dead = (
        f"refused with {login.WRONG_PASSWORD}"
        if work.strategy is Strategy.SINGLE
        else "still let in, as another user"
    )
    reason = work.unrotated or ("" if undisturbed else "the labels are not where they must be")
    if reason:
        return (
            _not_run(work, "new_login", CheckClass.ACCESS, let_in, reason),
            _not_run(work, "grants", CheckClass.PRIVILEGES, alike, reason),
            _not_run(work, "old_credential", CheckClass.ACCESS, dead, reason),
        )
    try:
        held = work.held(work.token)
    except (NoValue, UnreadableSecret) as failure:
        told = str(failure)
        return (
            _check(work, "new_login", CheckClass.ACCESS, Status.FAILED, let_in, "no value", told),
            _not_run(work, "grants", CheckClass.PRIVILEGES, alike, told),
            _not_run(work, "old_credential", CheckClass.ACCESS, dead, told),
        )
    try:
        with login.session(credential.at(held, work.facts), ca_file=work.ca_file) as session:
            new = _check(
                work,
                "new_login",
                CheckClass.ACCESS,
                Status.PASSED,
                let_in,
                f"let in as {held.username}, encrypted and verified",
            )
            grants = _compare_rights(work, session, alike)
    except (LoginRefused, NotReachable, TlsFailed) as failure:
        refused = isinstance(failure, LoginRefused)
        status = Status.FAILED if refused else Status.NOT_RUN
        observed = "refused" if refused else "no answer that could be used"
        new = _check(work, "new_login", CheckClass.ACCESS, status, let_in, observed, str(failure))
        grants = _not_run(work, "grants", CheckClass.PRIVILEGES, alike, "no login, see new_login")
    old = _old(work, dead, held, new_works=new.status is Status.PASSED)
    if old.detail == _NEVER_CHANGED:
        new = replace(new, observed=f"refused, and the old one is let in: {_NEVER_CHANGED}")
    return new, grants, old


def _compare_rights(work: _Work, session: login.Session, expected: str) -> Check:
    key = work.witness["manifest"]
    if not key:
        reason = "the witness was not let in"
        return _not_run(work, "grants", CheckClass.PRIVILEGES, expected, reason)
    before, after = work.evidence.get_json(key), rights(session)
    lost: list[str] = []
    gained: list[str] = []
    for kind, now in (("attributes", after.attributes), ("grants", after.grants)):
        then = set(before[kind])
        lost += sorted(then - set(now))
        gained += sorted(set(now) - then)
    told = [
        f"{verb}: {_named(lines)}" for verb, lines in (("lost", lost), ("gained", gained)) if lines
    ]
    number = len(after.attributes) + len(after.grants)
    status = Status.FAILED if told else Status.PASSED
    observed = "; ".join(told) or f"all {number} as before"
    return _check(work, "grants", CheckClass.PRIVILEGES, status, expected, observed)


def _named(lines: list[str]) -> str:
    more = len(lines) - _MOST_NAMED
    return ", ".join(lines[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _old(work: _Work, expected: str, new: Credential, *, new_works: bool) -> Check:
    """What became of the old credential: dead, or with users that alternate alive, and another."""
    name, check_class = "old_credential", CheckClass.ACCESS
    tried = work.attempt(work.exercise["from_version"])
    if not tried.accepted and not tried.refused:
        return _not_run(work, name, check_class, expected, tried.told or "no answer")
    if not new_works:
        reason = _NEVER_CHANGED if tried.accepted else "neither password is let in: see new_login"
        return _not_run(work, name, check_class, expected, reason)
    if work.strategy is Strategy.SINGLE:
        status = Status.PASSED if tried.refused else Status.FAILED
        observed = f"refused with {tried.sqlstate}" if tried.refused else "still let in"
    else:
        other = tried.accepted and tried.user != new.username
        status = Status.PASSED if other else Status.FAILED
        observed = (
            f"let in as {tried.user}, the new one as {new.username}"
            if tried.accepted
            else f"refused with {tried.sqlstate}"
        )
    return _check(work, name, check_class, status, expected, observed)


def _tls(work: _Work) -> Check:
    name, check_class = "tls_required", CheckClass.ACCESS
    expected = "a connection in the clear is refused"
    if not work.drill["require_tls"]:
        check = _not_run(work, name, check_class, expected, "require_tls is false")
        return replace(check, by_configuration=True)
    if work.host_is_wrong:
        return _not_run(work, name, check_class, expected, work.unrotated)
    user = work.witness["username"] or work.drill["rehearsal"]["role"]
    asked = login.asks_for_tls(replace(credential.of_facts(work.facts), username=user))
    before = work.witness.get("asks_for_tls")
    if asked is None:
        return _not_run(work, name, check_class, expected, "the server's answer does not tell")
    detail = "it was before the rotation" if not asked and before else ""
    observed = "refused" if asked else "a password was asked for in the clear"
    status = Status.PASSED if asked else Status.FAILED
    return _check(work, name, check_class, status, expected, observed, detail)


def _not_run(
    work: _Work,
    name: str,
    check_class: CheckClass,
    expected: str,
    reason: str,
    *,
    target: str = "",
) -> Check:
    return _check(
        work, name, check_class, Status.NOT_RUN, expected, "not run", reason, target=target
    )


def _check(
    work: _Work,
    name: str,
    check_class: CheckClass,
    status: Status,
    expected: str,
    observed: str,
    detail: str = "",
    *,
    target: str = "",
) -> Check:
    return Check(
        name=name,
        check_class=check_class,
        target=target or work.name,
        status=status,
        expected=expected,
        observed=observed,
        detail=detail,
    )
