"""What is true before the rotation: the versions, what the user may do, that one can get in.

Nothing is rotated yet. In a rehearsal the drill's own secret is brought to its standing version
first, and to the place that the source's secret names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.errors import DrillError, LoginRefused, NotReachable, TryAgain
from functions.evidence import Evidence
from functions.model import Answer
from functions.secret_rotation import credential, login, probe, secrets, standing
from functions.secret_rotation.values import CURRENT, Credential, Mode, Secret
from functions.step import done


class RehearsalNotSetUp(DrillError):
    """When no password that the rehearsal's secret holds opens the database."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """What a user is and may do, each as sorted lines; names only."""

    user: str
    attributes: tuple[str, ...]
    grants: tuple[str, ...]

    def to_document(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "user": self.user,
            "attributes": list(self.attributes),
            "grants": list(self.grants),
        }


def rights(session: login.Session) -> Rights:
    """Of the user that is logged in. Raises StatementFailed or TryAgain."""
    ((user,),) = session.all("who")
    return Rights(
        user=str(user),
        attributes=tuple(login.lines(session.all("attributes"))),
        grants=tuple(login.lines(session.all("grants"))),
    )


def look(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    evidence: Evidence,
    ca_file: Path,
) -> Answer:
    """Write down what is true of the secret, its user and the way in, before anything changes.

    Answers `version` (the one that is current), `username`, `manifest` (the evidence key of what
    the user may do), `source_login`, `may_set_password` (the source's user its own; None where it
    was not let in), `asks_for_tls`, `probes` and `mended`. Where Plan forbids to
    send any password (`blocked`), it looks at nothing.

    Raises TryAgain where the database does not answer, RehearsalNotSetUp, and NoValue.
    """
    if plan["blocked"]:
        return done(
            version="",
            username="",
            manifest="",
            source_login=None,
            may_set_password=None,
            probes={},
        )
    facts = plan["source"]["facts"]
    source = credential.read(secrets.value(plan["source"]["arn"]), name=plan["source"]["name"])
    real = credential.at(source, facts)
    tried = login.answered(real, ca_file=ca_file)
    mended: tuple[str, ...] = ()
    if plan["mode"] == Mode.REHEARSAL:
        mended = _prepare(plan, ca_file)
    subject = _described(plan)
    version = subject.version(CURRENT)
    own = credential.read(secrets.value(subject.arn, version=version), name=subject.name)
    key = f"{plan['key']}/witness/rights.json"
    try:
        with login.session(credential.at(own, facts), ca_file=ca_file) as session:
            seen = rights(session)
    except NotReachable as failure:
        raise TryAgain(str(failure)) from None
    except LoginRefused:
        if plan["mode"] == Mode.REHEARSAL:
            raise
        seen, key = None, ""  # the source's own login failed: the check source_login says so
    if seen is not None:
        stages = {version: list(labels) for version, labels in subject.stages.items()}
        evidence.put_json(key, {**seen.to_document(), "stages": stages})
    return done(
        version=version,
        username=own.username,
        manifest=key,
        source_login={
            "accepted": tried.accepted,
            "refused": tried.refused,
            "told": tried.told,
        },
        may_set_password=_may_set_password(real, ca_file) if tried.accepted else None,
        asks_for_tls=login.asks_for_tls(credential.at(own, facts)),
        probes={url: probe.ask(url).told for url in drill["probes"]},
        mended=list(mended),
    )


def _may_set_password(source: Credential, ca_file: Path) -> bool:
    """Whether the source's own user may set its password, as a rotation of a single user does."""
    with login.session(source, ca_file=ca_file) as session:
        ((is_restricted, is_member),) = session.all("may_set_password")
    return bool(is_member or not is_restricted)


def _described(plan: Mapping[str, Any]) -> Secret:
    found = secrets.describe(plan["subject"]["arn"])
    if found is None:
        raise secrets.NoValue(f"{plan['subject']['name']} is not there any more")
    return found


def _prepare(plan: Mapping[str, Any], ca_file: Path) -> tuple[str, ...]:
    """Bring the rehearsal's secret to its standing version, leading where the source's leads."""
    own = _described(plan)
    stands = standing.settle(
        own, facts=plan["source"]["facts"], ca_file=ca_file, also=plan["subject"]["recent"]
    )
    if not stands.version:
        raise RehearsalNotSetUp(
            f"no password of {own.name} opens the database: run"
            " functions/secret_rotation/sql/setup/install.sql with the one that is current"
        )
    return stands.mended
