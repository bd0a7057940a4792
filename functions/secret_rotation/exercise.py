"""The rotation itself: one call that keeps a session open, rotates, and watches until it is over.

Everywhere else a step looks once and answers; here the waiting is the measurement, for nobody else
sees the moment at which the old password dies. A call that died is followed by one that only looks
on: what could not be watched is then not measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions import aws, clock
from functions.errors import DrillError, LoginRefused, NotReachable, TlsFailed, TryAgain
from functions.model import Answer
from functions.secret_rotation import credential, lockout, login, plan, secrets
from functions.secret_rotation.prober import Prober
from functions.secret_rotation.secrets import NoValue, RotationRefused
from functions.secret_rotation.values import CURRENT, PENDING, Credential, Mode, Secret
from functions.step import done

LOOK_SECONDS = 0.25
SETTLE_SECONDS = 15.0
"""How long both passwords are still tried once AWSCURRENT has moved."""

SPARE_SECONDS = 45.0
"""What is left of the function's own time when it stops watching."""


class SourceGone(DrillError):
    """When the secret that Plan saw is not there any more."""


@dataclass(kw_only=True, slots=True)
class _Watch:
    """When what was seen, by the clock `time.monotonic`."""

    asked: float
    current: float | None = None
    wall: datetime = field(default_factory=lambda: datetime.now(UTC))

    def told(self, moment: float | None) -> str | None:
        """A moment as the document holds it."""
        if moment is None:
            return None
        return clock.after(clock.render(self.wall), moment - self.asked)


def rotate(
    *,
    drill: Mapping[str, Any],
    plan_: Mapping[str, Any],
    witness: Mapping[str, Any],
    ca_file: Path,
    now: datetime,
    remaining_seconds: Callable[[], float],
) -> Answer:
    """Rotate the plan's secret to the plan's version, once, and say what was seen of it.

    Answers `asked`, `rotated`, `reason` where it did not, `from_version`, and what was measured:
    instants (`requested_at`, `created_at`, `accepted_at`, `current_at`), `rotation_seconds`,
    `lockout_seconds` (None where it was not seen whole), `stale_seconds`, `old_session`, `logins`.
    Raises TryAgain where the database does not answer, and what AWS raises.
    """
    facts: dict[str, Any] = {
        "asked": False,
        "rotated": False,
        "reason": "",
        "interrupted": False,
        "from_version": witness.get("version", ""),
    }
    if plan_["blocked"]:
        return done(**{**facts, "reason": plan_["blocked"]})
    arn, token = plan_["subject"]["arn"], plan_["token"]
    patience = min(drill["timing"]["rotation_seconds"], remaining_seconds() - SPARE_SECONDS)
    secret, live = _secret(arn), plan_["mode"] == Mode.LIVE
    if token in secret.stages:
        return _look_on(facts, arn, token, patience)
    function = plan_["subject"]["function"]
    if live and (secret.rotation_function != function or not secret.rotation_enabled):
        return done(**{**facts, "reason": "the secret's rotation was changed since Plan looked"})
    if live and not plan.is_open(drill["window"], now):
        return done(**{**facts, "reason": "the window of live rotations has closed meanwhile"})
    old = credential.read(secrets.value(arn), name=plan_["subject"]["name"])
    place = _at(plan_)
    with ExitStack() as stack:
        try:
            established = stack.enter_context(login.session(place(old), ca_file=ca_file))
        except (NotReachable, TlsFailed) as failure:  # one that fails over hangs up, too
            raise TryAgain(str(failure)) from None
        except LoginRefused as refusal:
            return done(**{**facts, "reason": f"AWSCURRENT is refused before it: {refusal}"})
        facts["asked"] = True
        prober = stack.enter_context(
            Prober(old=place(old), new=lambda: _pending(arn, token, place), ca_file=ca_file)
        )
        _begin(prober)
        watch = _Watch(asked=time.monotonic())
        try:
            secrets.rotate(arn, token=token, function="" if live else function)
        except RotationRefused as refusal:
            return done(**{**facts, "reason": f"Secrets Manager refused: {refusal}"})
        _follow(watch, arn, token, patience)
        if watch.current is not None:
            _settle(prober, watch.current)
        facts["old_session"] = "lived on" if established.is_alive() else "was ended"
    found = lockout.measure(prober.knocks, current_at=watch.current)
    rotated = watch.current is not None
    return done(
        **{
            **facts,
            "rotated": rotated,
            "reason": ""
            if rotated
            else f"AWSCURRENT did not move within {patience:.0f} s (timing.rotation)",
            "requested_at": watch.told(watch.asked),
            "created_at": watch.told(prober.known_at),
            "accepted_at": watch.told(prober.first_accepted("new")),
            "current_at": watch.told(watch.current),
            "rotation_seconds": _span(watch.asked, watch.current),
            "lockout_seconds": None if prober.failures else _rounded(found.seconds),
            "stale_seconds": _rounded(found.stale_seconds),
            "logins": {
                which: sum(1 for knock in prober.knocks if knock.which == which)
                for which in ("old", "new")
            },
        }
    )


def _secret(arn: str) -> Secret:
    found = secrets.describe(arn)
    if found is None:
        raise SourceGone(f"{arn} is not there any more")
    return found


def _look_on(facts: dict[str, Any], arn: str, token: str, patience: float) -> Answer:
    """An earlier call of this run has asked for the rotation, and died: see it to its end."""
    watch = _Watch(asked=time.monotonic())
    _follow(watch, arn, token, patience)
    rotated = watch.current is not None
    return done(
        **{
            **facts,
            "asked": True,
            "interrupted": True,
            "rotated": rotated,
            "reason": ""
            if rotated
            else f"AWSCURRENT did not move within {patience:.0f} s (timing.rotation)",
            "current_at": watch.told(watch.current),
        }
    )


def _follow(watch: _Watch, arn: str, token: str, patience: float) -> None:
    """Look at the labels of the version that was asked for until it is current, or time is up."""
    while time.monotonic() < watch.asked + patience:
        stages = _secret(arn).stages.get(token, ())
        if CURRENT in stages or (stages and PENDING not in stages):
            watch.current = time.monotonic()
            return
        time.sleep(LOOK_SECONDS)


def _begin(prober: Prober) -> None:
    """Let the old password get in once before the rotation is asked for: it is the beginning."""
    began = time.monotonic()
    while prober.first_accepted("old") is None and time.monotonic() < began + SETTLE_SECONDS:
        time.sleep(LOOK_SECONDS / 5)


def _late(patience: float) -> str:
    return f"AWSCURRENT did not move within {patience:.0f} s (timing.rotation)"


def _settle(prober: Prober, moment: float) -> None:
    """Let both passwords be tried once more: what happens after the move is the end."""
    while time.monotonic() < moment + SETTLE_SECONDS:
        if prober.answered_since("old", moment) and prober.answered_since("new", moment):
            return
        time.sleep(LOOK_SECONDS)


def _pending(arn: str, token: str, place: Callable[[Credential], Credential]) -> Credential | None:
    """The new credential, once the function has stored it; asked again where AWS asks for it."""
    try:
        return place(credential.read(secrets.value(arn, version=token), name=arn))
    except (NoValue, credential.UnreadableSecret):
        return None
    except (ClientError, BotoCoreError) as error:
        if aws.asks_again(error):
            return None
        raise


def _at(plan_: Mapping[str, Any]) -> Callable[[Credential], Credential]:
    """Passwords go to the host that Plan has found to be the cluster's, whatever a version says."""

    def place(found: Credential) -> Credential:
        return credential.at(found, plan_["source"]["facts"])

    return place


def _span(start: float, end: float | None) -> float | None:
    return None if end is None else round(end - start, 3)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
