"""The rotation drill, top to bottom: what each state of the line does.

What needs the database or the secret's value runs where the rotation function runs; Plan alone
stands outside, for it asks nothing but AWS.
"""

from __future__ import annotations

from functions import clock
from functions.aurora import clusters
from functions.certificates import ca_file
from functions.claim import claim, waited_seconds
from functions.errors import Refused
from functions.evidence import Evidence
from functions.model import Answer, tally
from functions.secret_rotation import credential, lambdas, secrets
from functions.secret_rotation import plan as planning
from functions.secret_rotation.plan import Look, Surroundings
from functions.secret_rotation.values import Credential, Mode
from functions.step import Run, done, step, waiting

LAST_STEP_SECONDS = 90
"""Longer than a step of a rotation runs: one that began with the label may still set a password."""


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
    source = _look(drill["secret"])
    function = source.secret.rotation_function if source.secret else ""
    return Surroundings(
        source=source,
        rehearsal=None
        if drill["mode"] == Mode.LIVE
        else _look(drill["rehearsal"]["secret"], source=source.credential),
        # Only the configured one may be asked about; the plan compares the two names.
        function=lambdas.describe(drill["function"])
        if function.rpartition(":")[2] == drill["function"]
        else None,
        cluster=clusters.describe_cluster(drill["cluster"]) if drill["cluster"] else None,
    )


def _look(name: str, *, source: Credential | None = None) -> Look:
    """A secret, its versions and what it holds; the rehearsal's own holds a user and a password."""
    secret = secrets.describe(name)
    if secret is None or secret.deleted or secret.owner:
        return Look(secret=secret)
    held, unreadable = None, ""
    try:
        text = secrets.value(secret.arn)
        held = (
            credential.read_own(text, name=name, source=source)
            if source
            else credential.read(text, name=name)
        )
    except (secrets.NoValue, credential.UnreadableSecret) as failure:
        unreadable = str(failure)
    return Look(
        secret=secret,
        credential=held,
        unreadable=unreadable,
        versions=secrets.versions(secret.arn),
    )


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
    work = units(drill=drill, sound=run.document["verify"]["sound"])[run.unit]
    if work == "rollback":
        found = rollback.rehearse(plan=run.plan, exercise=exercised, ca_file=ca_file())
    else:
        wait = application.seconds_to_wait(drill=drill, exercise=exercised, now=run.now)
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

    A live rotation leaves nothing but the secret that it rotated. It reads the plan alone, so it
    can run after a half-finished step, after a crash, and twice.
    """
    from functions.secret_rotation import standing

    plan = run.plan
    if run.drill["mode"] == Mode.LIVE or plan["blocked"]:
        return done(proven=True, standing="", mended=[], leftovers=[])
    secret = secrets.describe(plan["subject"]["arn"])
    if secret is None:
        return done(proven=True, standing="", mended=[], leftovers=[])
    mended = run.previous.get("mended", [])
    if secret.pending:
        if _may_still_finish(run):
            return waiting(plan["poll_seconds"], "the rotation to finish", proven=False)
        secrets.take_off_pending(secret.arn, version=secret.pending)
        return waiting(
            LAST_STEP_SECONDS,
            "a step of the rotation that may still run",
            proven=False,
            mended=[*mended, standing.UNSTUCK],
        )
    stands = standing.settle(
        secret, facts=plan["source"]["facts"], ca_file=ca_file(), also=plan["token"]
    )
    # Where this run has rotated nothing, that no password gets in is not of its making.
    in_order = bool(stands.version) or plan["token"] not in secret.stages
    left = [] if in_order else [{"type": "secret", "name": secret.name, "arn": secret.arn}]
    return done(
        proven=in_order,
        standing=stands.version,
        mended=[*mended, *stands.mended],
        leftovers=left,
    )


def _may_still_finish(run: Run) -> bool:
    """Whether a rotation that nobody has watched to the end of its time may be under way."""
    exercise = run.document.get("exercise") or {}
    began = run.previous.get("started_at")
    waited = (run.now - clock.parse(began)).total_seconds() if began else 0.0
    return not exercise.get("done") and waited < run.drill["timing"]["rotation_seconds"]
