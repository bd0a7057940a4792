"""The drill of object versions, top to bottom: what each state of the line does."""

from __future__ import annotations

from itertools import islice

from functions import clock, owner
from functions.claim import DEAD, claim
from functions.errors import Refused
from functions.evidence import Evidence
from functions.model import Answer, tally
from functions.s3_versions import objects
from functions.s3_versions import plan as planning
from functions.s3_versions.facts import Facts, horizon
from functions.s3_versions.plan import Mode, Surroundings
from functions.step import Run, done, step


@step("plan")
def plan(run: Run) -> Answer:
    """Check that the drill can run, name where it will write, claim the run.

    Raises Refused, with every reason at once.
    """
    _expect_owner(run)
    overrides = planning.read_input(run.document["input"])
    made = planning.make(
        drill=run.drill,
        overrides=overrides,
        found=_look_around(run),
        execution=run.document["execution"],
        now=run.now,
    )
    return claim(run, made, dry_run=overrides.dry_run, scheduled_time=overrides.scheduled_time)


def _expect_owner(run: Run) -> None:
    """Every bucket must be of this account: a name that was given up may be anybody's."""
    owner.expect(objects.client(), planning.account(run.document["execution"]))


def _look_around(run: Run) -> Surroundings:
    drill = run.drill
    source = objects.bucket_facts(drill["bucket"])
    place = planning.place_of(drill)
    own = source if place == source.name else objects.bucket_facts(place)
    if drill["mode"] == Mode.CANARY:
        return Surroundings(source=source, place=own)
    most = drill["objects_maximum"]
    found = sum(1 for _ in islice(objects.current(drill["bucket"], drill["prefix"]), most + 1))
    return Surroundings(source=source, place=own, objects=found, more=found > most)


@step("witness")
def witness(run: Run) -> Answer:
    """Write a canary's objects and lose them, or list the real ones; T is fixed here."""
    from functions.s3_versions import witness as witnessing

    _expect_owner(run)
    if run.plan["blocked"]:
        return done(blocked=run.plan["blocked"])
    evidence = Evidence.of(run.settings)
    if run.plan["mode"] == Mode.CANARY:
        return witnessing.write(plan=run.plan, previous=run.previous, evidence=evidence)
    return witnessing.look(
        drill=run.drill,
        plan=run.plan,
        previous=run.previous,
        evidence=evidence,
        now=run.now,
    )


@step("exercise")
def exercise(run: Run) -> Answer:
    """Bring back what was lost: as it was at T, by the planner and the copier of every restore.

    A bucket that stops keeping versions meanwhile is for Verify to tell: nothing more is written.
    """
    from functions.s3_versions.copier import VersioningLost

    _expect_owner(run)
    if run.plan["blocked"]:
        return done(blocked=run.plan["blocked"])
    try:
        return _bring_back(run)
    except VersioningLost as lost:
        return done(blocked=str(lost))


def _bring_back(run: Run) -> Answer:
    from functions.s3_versions import exercise as exercising

    plan, witness = run.plan, run.document["witness"]
    if plan["mode"] == Mode.CANARY:
        evidence = Evidence.of(run.settings)
        return exercising.bring_back(plan=plan, witness=witness, evidence=evidence)
    facts = Facts.from_document(plan["source"])
    began = clock.parse(run.previous.get("started_at") or clock.render(run.now))
    return exercising.restore_elsewhere(
        drill=run.drill,
        plan=plan,
        witness=witness,
        previous=run.previous,
        horizon=horizon(facts, run.drill["prefix"], began),
        remaining_seconds=run.remaining_seconds,
    )


@step("verify")
def verify(run: Run) -> Answer:
    """Read back, compare, and look at the bucket's configuration once more."""
    from functions.s3_versions import verify as verifying

    _expect_owner(run)
    return verifying.verify(
        drill=run.drill,
        plan=run.plan,
        witness=run.document["witness"],
        exercise=run.document["exercise"],
        evidence=Evidence.of(run.settings),
        now=run.now,
    )


@step("verify_unit")
def verify_unit(run: Run) -> Answer:
    """Compare a range of a rehearsal's objects with the versions that they came from."""
    from functions.s3_versions import verify_unit as comparing

    _expect_owner(run)
    if run.unit is None:
        raise Refused("unit: missing: expected the number of a unit of Verify's answer")
    evidence = Evidence.of(run.settings)
    found = comparing.compare(
        drill=run.drill,
        plan=run.plan,
        witness=run.document["witness"],
        exercise=run.document["exercise"],
        unit=run.unit,
        evidence=evidence,
    )
    key = f"{run.plan['key']}/checks/unit-{run.unit:03}.json"
    evidence.put_json(key, [check.to_document() for check in found])
    return done(key=key, **tally(found))


@step("teardown")
def teardown(run: Run) -> Answer:
    """Delete what the run wrote, by id, and prove that the listing is empty.

    It reads the plan alone, so it can run after a half-finished step, after a crash, and twice.
    """
    from functions.s3_versions import teardown as removing

    _expect_owner(run)
    answer = removing.remove(
        drill=run.drill,
        plan=run.plan,
        previous=run.previous,
        remaining_seconds=run.remaining_seconds,
    )
    if (run.document.get("error") or {}).get("Error") != DEAD:
        return answer
    return removing.unless_written_since(answer, plan=run.plan, previous=run.previous)
