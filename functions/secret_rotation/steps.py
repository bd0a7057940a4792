"""The rotation drill, top to bottom: what each state of the line does.

What needs the database or the secret's value runs where the rotation function runs; Plan alone
stands outside, for it asks nothing but AWS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from functions.aurora import clusters
from functions.certificates import ca_file
from functions.claim import DEAD, claim, waited_seconds
from functions.errors import Refused
from functions.evidence import Evidence
from functions.model import Answer, tally
from functions.secret_rotation import credential, lambdas, secrets
from functions.secret_rotation import plan as planning
from functions.secret_rotation.plan import Look, Surroundings
from functions.secret_rotation.values import CURRENT, Mode, function_name
from functions.step import Run, done, step, waiting

LAST_STEP_MARGIN_SECONDS = 30
"""Beyond the function's own time: a step that began with the label may still set a password."""


@step("plan")
def plan(run: Run) -> Answer:
    """Check that the drill can run, name the version that will be, claim the run.

    Raises Refused, with every reason at once. A rotation that is under way is waited for, until it
    counts as stuck: that is then for Verify to tell.
    """
    overrides = planning.read_input(run.document["input"])
    found = _look_around(run)
    if waited_seconds(run) < planning.UNDER_WAY.total_seconds():
        for look in (found.source, found.rehearsal):
            if look and look.secret and planning.is_under_way(look.secret, look.versions):
                waiting_for = f"a rotation of {look.secret.name} that is under way"
                return waiting(run.drill["timing"]["poll_seconds"], waiting_for, outcome="wait")
    made = planning.make(
        drill=run.drill, found=found, execution=run.document["execution"], now=run.now
    )
    return claim(run, made, dry_run=overrides.dry_run, scheduled_time=overrides.scheduled_time)


def _look_around(run: Run) -> Surroundings:
    drill = run.drill
    source = _look(drill, drill["secret"])
    function = source.secret.rotation_function if source.secret else ""
    return Surroundings(
        source=source,
        rehearsal=None
        if drill["mode"] == Mode.LIVE
        else _look(drill, drill["rehearsal"]["secret"], source=source),
        # Only the configured one may be asked about; the plan compares the two names.
        function=lambdas.describe(drill["function"])
        if function_name(function) == (drill["function"], "")
        else None,
        cluster=clusters.describe_cluster(drill["cluster"]) if drill["cluster"] else None,
    )


def _look(drill: Mapping[str, Any], name: str, *, source: Look | None = None) -> Look:
    """A secret, its versions and what it holds; the rehearsal's own holds a user and a password.

    Nothing is read where something else is wrong already: the key, say.
    """
    try:
        secret = secrets.describe(name)
    except secrets.NotAllowed as hidden:
        return Look(secret=None, hidden=str(hidden))
    if secret is None or secret.deleted or secret.owner:
        return Look(secret=secret)
    look = Look(secret=secret, versions=secrets.versions(secret.arn))
    if source is None and planning.of_key(drill, secret):
        return look
    if source is not None and source.credential is None:
        return look
    try:
        text = secrets.value(secret.arn)
        held = (
            credential.read_own(text, name=name, source=source.credential)
            if source and source.credential
            else credential.read(text, name=name)
        )
    except (secrets.NoValue, secrets.NotAllowed, credential.UnreadableSecret) as failure:
        return replace(look, unreadable=str(failure))
    return replace(look, credential=held)


@step("witness")
def witness(run: Run) -> Answer:
    """Write down what is true before: versions, attributes and grants, TLS, a login."""
    from functions.secret_rotation import witness as witnessing

    return witnessing.look(
        drill=run.drill,
        plan=run.plan,
        evidence=Evidence.of(run.settings),
        ca_file=ca_file(),
    )


@step("exercise")
def exercise(run: Run) -> Answer:
    """Rotate, once, and watch it with both passwords until it is over."""
    from functions.secret_rotation import exercise as exercising

    return exercising.rotate(
        drill=run.drill,
        plan_=run.plan,
        witness=run.document["witness"],
        ca_file=ca_file(),
        now=run.now,
        remaining_seconds=run.remaining_seconds,
    )


@step("verify")
def verify(run: Run) -> Answer:
    """Log in with the new credential and with the old one; compare labels, grants and TLS."""
    from functions.secret_rotation import verify as verifying

    return verifying.verify(
        drill=run.drill,
        plan=run.plan,
        witness=run.document["witness"],
        exercise=run.document["exercise"],
        evidence=Evidence.of(run.settings),
        ca_file=ca_file(),
    )


@step("verify_unit")
def verify_unit(run: Run) -> Answer:
    """Rehearse the way back, or ask the application once its cache is stale."""
    from functions.secret_rotation import application, rollback
    from functions.secret_rotation.verify import units

    if run.unit is None:
        raise Refused("unit: missing: expected the number of a unit of Verify's answer")
    drill, exercised = run.drill, run.document["exercise"]
    work = units(drill=drill, plan=run.plan, sound=run.document["verify"]["sound"])[run.unit]
    if work == "rollback":
        found = rollback.rehearse(plan=run.plan, exercise=exercised, ca_file=ca_file())
    else:
        wait = application.seconds_to_wait(
            drill=drill, plan=run.plan, exercise=exercised, now=run.now
        )
        if wait > 0:
            return waiting(wait, "the application's cache to be stale", tries=0)
        tries = run.previous.get("tries", 0) + 1
        asked = application.check(
            work, witness=run.document["witness"], last=tries >= application.MOST_TRIES
        )
        if asked is None:
            return waiting(run.plan["poll_seconds"], "the application", tries=tries)
        found = asked
    key = f"{run.plan['key']}/checks/unit-{run.unit:03}.json"
    Evidence.of(run.settings).put_json(key, [found.to_document()])
    return done(key=key, **tally([found]))


@step("teardown")
def teardown(run: Run) -> Answer:
    """Leave the rehearsal's role and secret on their standing version, proven by a login.

    A live rotation leaves nothing but the secret that it rotated: that it opens the database is
    looked at, and nothing more. It reads the plan alone, so it can run after a half-finished step,
    after a crash, and twice.
    """
    from functions.secret_rotation import standing

    plan = run.plan
    if _nothing_was_rotated(run):
        return done(proven=True, standing="", mended=[], leftovers=[], told="")
    name, facts = plan["subject"]["name"], plan["source"]["facts"]
    secret = secrets.describe(plan["subject"]["arn"])
    if secret is None:
        return _left(name, plan["subject"]["arn"], f"{name} is not there any more", [])
    if secret.pending and _may_still_finish(run):
        return waiting(plan["poll_seconds"], "the rotation to finish", proven=False)
    told = run.previous.get("told", "")
    if plan["mode"] == Mode.LIVE:
        found = standing.disagreement(secret, token=plan["token"], plan=plan, ca_file=ca_file())
        if not standing.opens(secret, facts=facts, ca_file=ca_file()):
            return _left(name, secret.arn, found.state, found.steps)
        return done(
            proven=True,
            standing=secret.version(CURRENT),
            mended=[],
            leftovers=[],
            told=found.state if secret.pending else "",
            remedy=list(found.steps) if secret.pending else [],
        )
    if secret.pending:
        found = standing.disagreement(secret, token=plan["token"], plan=plan, ca_file=ca_file())
        told = found.state
    mended = run.previous.get("mended", [])
    if secret.pending:
        standing.own_alone(secret.arn)
        secrets.take_off_pending(secret.arn, version=secret.pending)
        return waiting(
            plan["subject"]["step_seconds"] + LAST_STEP_MARGIN_SECONDS,
            "a step of the rotation that may still run",
            proven=False,
            mended=[*mended, standing.UNSTUCK],
            told=told,
        )
    stands = standing.settle(
        secret, facts=facts, ca_file=ca_file(), also=[plan["token"], *plan["subject"]["recent"]]
    )
    if not stands.version:
        role = run.drill["rehearsal"]["role"]
        return _left(
            name,
            secret.arn,
            told or f"no version of {name} opens the database",
            [
                f"Run functions/secret_rotation/sql/setup/install.sql for the role {role} with the"
                f" password that {name} holds; do not delete the secret, the real one was not"
                " touched"
            ],
        )
    return done(
        proven=True,
        standing=stands.version,
        mended=[*mended, *stands.mended],
        leftovers=[],
        told=told,
    )


def _left(name: str, arn: str, told: str, remedy: Sequence[str]) -> Answer:
    """The answer where a secret does not open the database, and nothing here can mend it."""
    return done(
        proven=False,
        standing="",
        mended=[],
        leftovers=[{"type": "secret", "name": name, "arn": arn}],
        told=told,
        remedy=list(remedy),
    )


def _nothing_was_rotated(run: Run) -> bool:
    """Whether this very run has said that it asked for nothing, or never came so far.

    Of a dead run, whose plan alone is left, nobody knows.
    """
    document = run.document
    if (document.get("error") or {}).get("Error") == DEAD:
        return False
    if not (document.get("witness") or {}).get("done"):
        return True
    exercise = document.get("exercise") or {}
    return bool(exercise.get("done")) and not exercise["asked"]


def _may_still_finish(run: Run) -> bool:
    """Whether a rotation that nobody has watched to the end of its time may be under way."""
    exercise = run.document.get("exercise") or {}
    waited = waited_seconds(run)
    return not exercise.get("done") and waited < run.drill["timing"]["rotation_seconds"]
