"""The Aurora drill, top to bottom: what each state of the line does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

from functions import clock, naming
from functions.aurora import clusters, keys
from functions.aurora import exercise as deciding
from functions.aurora import plan as planning
from functions.aurora.exercise import Move, Remains, Seen
from functions.aurora.values import Cluster, Instance, Surroundings, passes
from functions.certificates import ca_file
from functions.claim import claim, waited_seconds
from functions.errors import Refused
from functions.evidence import Evidence
from functions.model import Answer
from functions.step import Run, done, step, waiting

if TYPE_CHECKING:  # psycopg, and what needs it, is imported by the steps that log in, and no others
    from functions.aurora.database import Login

LOST_RESTORE_SECONDS = 150
"""Longer than a call of Exercise may take: by then the restore it asked for last has appeared."""


@step("plan")
def plan(run: Run) -> Answer:
    """Check that the drill can run, name everything that will exist, claim the run.

    Raises Refused, with every reason at once.
    """
    overrides = planning.read_input(run.document["input"])
    found = _look_around(run)
    is_patient = waited_seconds(run) < planning.SOURCE_PATIENCE_SECONDS
    if found.source and passes(found.source.status) and is_patient:
        waiting_for = f"the source, which is {found.source.status}"
        return waiting(run.drill["timing"]["poll_seconds"], waiting_for, outcome="wait")
    made = planning.make(
        drill=run.drill,
        overrides=overrides,
        found=found,
        execution=run.document["execution"],
        now=run.now,
    )
    return claim(run, made, dry_run=overrides.dry_run, scheduled_time=overrides.scheduled_time)


def _look_around(run: Run) -> Surroundings:
    drill = run.drill
    source = clusters.describe_cluster(drill["cluster"])
    groups = drill["parameter_groups"]
    return Surroundings(
        source=source,
        key_state=keys.key_state(source.kms_key_id) if source and source.kms_key_id else None,
        quotas=clusters.quotas(),
        subnet_zones=clusters.subnet_zones(run.settings.subnet_group),
        parameter_families={
            "cluster": clusters.cluster_parameter_family(groups["cluster"]),
            "instance": clusters.instance_parameter_family(groups["instance"]),
        },
    )


@step("witness")
def witness(run: Run) -> Answer:
    """Write down what is true now on the source, either side of the restore point, and fix T."""
    from functions.aurora import witness as witnessing
    from functions.aurora.witness_work import Source

    source = run.plan["source"]
    endpoint = run.drill["witness"]["endpoint"]
    writer = _login(run, source["endpoint"], source["port"])
    reader = _login(run, source["reader_endpoint"], source["port"])
    return witnessing.advance(
        source=None
        if endpoint == "none"
        else Source(reader=reader if endpoint == "reader" else writer, writer=writer),
        drill=run.drill,
        plan=run.plan,
        previous=run.previous,
        evidence=Evidence.of(run.settings),
        remaining_seconds=run.remaining_seconds,
    )


@step("exercise")
def exercise(run: Run) -> Answer:
    """Do what a disaster would demand: restore the cluster to the restore point, add an instance.

    Done when the instance was seen available twice in a row. It runs outside the drill network and
    cannot log in: the first login is Verify's.
    """
    drill, plan = run.drill, run.plan
    names = plan["names"]
    source = clusters.describe_cluster(plan["source"]["identifier"])
    seen = Seen(
        latest_restorable_time=source.latest_restorable_time if source else None,
        cluster=clusters.describe_cluster(names["cluster"]),
        instance=clusters.describe_instance(names["instance"]),
    )
    witness = run.document["witness"]
    restore_time = clock.parse(witness["restore_time"])
    # A heartbeat that the copy must not have proves nothing before it could be restored.
    waits_for = clock.parse(witness.get("restorable_after") or witness["restore_time"])
    margin = drill["timing"]["restorable_margin_seconds"]
    facts = deciding.observed(
        previous=run.previous,
        seen=seen,
        waits_for=waits_for,
        margin_seconds=margin,
        now=run.now,
    )
    decision = deciding.restore_next(
        seen=seen,
        waits_for=waits_for,
        margin_seconds=margin,
        plan=plan,
        limits=drill["deadlines"],
        previous=run.previous
        | facts
        | {"instance_available_at": run.previous.get("instance_available_at")},
        now=run.now,
    )
    match decision.move:
        case Move.RESTORE:
            requested_at = clock.render(datetime.now(UTC))
            accepted = clusters.restore_to_time(
                source=plan["source"]["identifier"],
                target=names["cluster"],
                restore_time=restore_time,
                subnet_group=run.settings.subnet_group,
                security_group=run.settings.security_group,
                drill=drill,
                plan=plan,
            )
            if not accepted:
                return waiting(plan["poll_seconds"], "AWS to allow the restore", **facts)
            # A cluster may stay unseen for a while after its request: the first request counts.
            facts.setdefault("requested_at", requested_at)
            facts.setdefault("accepted_at", clock.render(datetime.now(UTC)))
        case Move.CREATE_INSTANCE:
            clusters.create_instance(
                cluster=names["cluster"], identifier=names["instance"], drill=drill, plan=plan
            )
        case Move.DONE:
            return done(**facts)
        case Move.WAIT:
            pass
        case Move.DELETE_INSTANCE | Move.DELETE_CLUSTER | Move.DELETE_BACKUP:
            raise AssertionError(f"exercise was told to {decision.move}")
        case unreachable:
            assert_never(unreachable)
    return waiting(plan["poll_seconds"], decision.waiting_for, **facts)


@step("verify")
def verify(run: Run) -> Answer:
    """Open the copy: first login, where it landed, its tables. Divide the rest into units."""
    from functions.aurora import verify as verifying

    return verifying.open_copy(
        copy=_copy(run),
        drill=run.drill,
        plan=run.plan,
        witness=run.document["witness"],
        previous=run.previous,
        evidence=Evidence.of(run.settings),
        most_units=planning.MOST_UNITS,
    )


@step("verify_unit")
def verify_unit(run: Run) -> Answer:
    """Compare one unit of what came back with the witness."""
    from functions.aurora import verify_unit as unit_verifying

    if run.unit is None:
        raise Refused("unit: missing: expected the number of a unit of Verify's answer")
    return unit_verifying.run(
        copy=_copy(run),
        plan=run.plan,
        unit=run.unit,
        previous=run.previous,
        evidence=Evidence.of(run.settings),
        remaining_seconds=run.remaining_seconds,
    )


def _copy(run: Run) -> Login:
    exercise = run.document["exercise"]
    return _login(run, exercise["endpoint"], exercise["port"])


def _login(run: Run, host: str, port: int) -> Login:
    """A login as the verifier's role, which is the same on the source and on the copy."""
    from functions.aurora import database

    return database.iam_login(
        host=host,
        port=port,
        database=run.drill["database"],
        user=run.drill["roles"]["verifier"],
        ca_file=ca_file(),
    )


@step("teardown")
def teardown(run: Run) -> Answer:
    """Remove everything the plan named, and prove that it is gone.

    It reads the plan alone, so it can run after a half-finished step, after a crash, and twice.
    What somebody has made their own is left alone, and told as left behind: `kept` says why.
    """
    plan = run.plan
    remains, resource_id = _remains(run)
    seen = deciding.remembered(run.previous, remains)
    left = deciding.remembered({}, remains)
    facts: dict[str, Any] = {
        "resource_id": resource_id,
        "seen": seen,
        "leftovers": left,
        "deleted": [resource for resource in seen if resource not in left],
    }
    if why := deciding.kept(remains=remains, plan=plan, now=run.now):
        return done(proven=False, kept=list(why), **facts)
    decision = deciding.teardown_next(remains=remains, run=plan["run_id"])
    match decision.move:
        case Move.DELETE_INSTANCE:
            for instance in remains.instances:
                if instance.status != "deleting":
                    clusters.delete_instance(instance.identifier)
        case Move.DELETE_CLUSTER:
            clusters.delete_cluster(plan["names"]["cluster"])
        case Move.DELETE_BACKUP:
            for backup in remains.retained_backups:
                clusters.delete_retained_backup(backup)
        case Move.DONE:
            # A restore whose answer was lost may still appear: then nothing must be seen twice.
            lost = bool(run.document.get("error")) and not seen
            if not lost or run.previous.get("nothing_seen"):
                return done(proven=True, **facts)
            facts["nothing_seen"] = True
            return waiting(LOST_RESTORE_SECONDS, "a lost restore to appear", proven=False, **facts)
        case Move.WAIT:
            pass
        case Move.RESTORE | Move.CREATE_INSTANCE:
            raise AssertionError(f"teardown was told to {decision.move}")
        case unreachable:
            assert_never(unreachable)
    return waiting(plan["poll_seconds"], decision.waiting_for, proven=False, **facts)


def _remains(run: Run) -> tuple[Remains, str]:
    names = run.plan["names"]
    cluster = clusters.describe_cluster(names["cluster"])
    instances = _instances(cluster, names, run.plan["run_id"])
    known = run.previous.get("resource_id") or (run.document.get("exercise") or {}).get(
        "resource_id", ""
    )
    resource_id = cluster.resource_id if cluster else known
    # A backup is retained only when its cluster is gone: asked for then.
    backups = (
        clusters.retained_backups(resource_id, cluster=names["cluster"])
        if resource_id and not cluster
        else ()
    )
    return Remains(cluster=cluster, instances=instances, retained_backups=backups), resource_id


def _instances(cluster: Cluster | None, names: Mapping[str, str], run: str) -> tuple[Instance, ...]:
    """Those of the run: in its cluster, or wherever they are now, as long as they bear its tags."""
    members = cluster.members if cluster else ()
    identifiers = {names["instance"], *(m for m in members if m.startswith(naming.PREFIX))}
    found = (clusters.describe_instance(identifier) for identifier in sorted(identifiers))
    return tuple(
        each
        for each in found
        if each is not None
        and (each.cluster == names["cluster"] or naming.is_ours(each.identifier, each.tags, run))
    )
