"""Exercise and Teardown: what is seen decides what is done next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.aurora.exercise import (
    Decision,
    Move,
    Remains,
    Seen,
    kept,
    observed,
    remembered,
    restore_next,
    teardown_next,
)
from functions.aurora.values import Cluster, Instance
from functions.errors import DeadlineExceeded, NotOurs, RestoreFailed
from functions.naming import EXPIRES_TAG, tags
from tests.unit.documents import DRILL
from tests.unit.test_aurora_plan import SOURCE

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
T = datetime(2026, 11, 2, 8, 55, tzinfo=UTC)
RUN = "20261102-1a2b3c"
OURS = tags(RUN, "2026-11-03T00:00:00Z")
CLUSTER = replace(SOURCE, identifier="drill-x", tags=OURS, created_at=NOW - timedelta(minutes=3))
INSTANCE = Instance(
    identifier="drill-x-1",
    cluster="drill-x",
    arn="arn",
    status="available",
    tags=OURS,
    created_at=None,
)
PLAN = {
    "run_id": RUN,
    "names": {"cluster": "drill-x", "instance": "drill-x-1"},
    "expires": OURS[EXPIRES_TAG],
}


def look(
    *,
    cluster: Cluster | None = None,
    instance: Instance | None = None,
    latest: datetime | None = NOW,
    previous: dict[str, Any] | None = None,
) -> Decision:
    return restore_next(
        seen=Seen(latest_restorable_time=latest, cluster=cluster, instance=instance),
        waits_for=T,
        margin_seconds=60,
        plan={"run_id": RUN},
        limits=DRILL["deadlines"],
        previous=previous or {"started_at": "2026-11-02T08:55:00Z"},
        now=NOW,
    )


def test_it_waits_until_the_restore_point_is_restorable_by_a_margin() -> None:
    assert look(latest=T + timedelta(seconds=59)).move is Move.WAIT
    assert look(latest=None).move is Move.WAIT
    assert look(latest=T + timedelta(seconds=60)).move is Move.RESTORE


def test_a_restore_point_that_never_becomes_restorable_ends_the_wait() -> None:
    with pytest.raises(DeadlineExceeded, match="restore point"):
        look(latest=T, previous={"started_at": "2026-11-02T08:00:00Z"})


@pytest.mark.parametrize("status", ["creating", "migrating", "backing-up", "a-state-yet-unknown"])
def test_it_waits_for_the_cluster(status: str) -> None:
    assert look(cluster=replace(CLUSTER, status=status)).move is Move.WAIT


@pytest.mark.parametrize("status", ["failed", "incompatible-restore", "deleting"])
def test_a_hopeless_state_is_named(status: str) -> None:
    with pytest.raises(RestoreFailed, match=status):
        look(cluster=replace(CLUSTER, status=status))
    with pytest.raises(RestoreFailed, match=status):
        look(cluster=CLUSTER, instance=replace(INSTANCE, status=status))


def test_a_cluster_that_takes_too_long_is_named_with_its_status() -> None:
    with pytest.raises(DeadlineExceeded, match="the cluster is still creating"):
        look(
            cluster=replace(CLUSTER, status="creating"),
            previous={"requested_at": "2026-11-02T05:00:00Z"},
        )


def test_an_instance_is_made_once_the_cluster_is_available() -> None:
    assert look(cluster=CLUSTER).move is Move.CREATE_INSTANCE


def test_the_instance_must_be_seen_available_twice_in_a_row() -> None:
    assert look(cluster=CLUSTER, instance=INSTANCE).move is Move.WAIT
    seen = {"instance_available_at": "2026-11-02T08:59:00Z"}
    assert look(cluster=CLUSTER, instance=INSTANCE, previous=seen).move is Move.DONE


def test_an_instance_that_went_away_from_available_starts_again() -> None:
    seen = Seen(
        latest_restorable_time=NOW,
        cluster=CLUSTER,
        instance=replace(INSTANCE, status="configuring-log-exports"),
    )
    facts = observed(
        previous={"instance_available_at": "2026-11-02T08:59:00Z"},
        seen=seen,
        waits_for=T,
        margin_seconds=60,
        now=NOW,
    )
    assert facts["instance_available_at"] is None


@pytest.mark.parametrize("lacking", list(OURS)[:2])
def test_a_planned_name_without_our_tags_is_never_touched(lacking: str) -> None:
    stranger = replace(CLUSTER, tags={k: v for k, v in OURS.items() if k != lacking})
    with pytest.raises(NotOurs):
        look(cluster=stranger)
    odd = replace(INSTANCE, tags=stranger.tags)
    for remains in (
        Remains(cluster=stranger, instances=(), retained_backups=()),
        Remains(cluster=CLUSTER, instances=(odd,), retained_backups=()),
    ):
        with pytest.raises(NotOurs):
            teardown_next(remains=remains, run=RUN)


def test_a_restore_whose_answer_was_lost_counts_from_the_clusters_creation() -> None:
    seen = Seen(latest_restorable_time=NOW, cluster=CLUSTER, instance=None)
    facts = observed(previous={}, seen=seen, waits_for=T, margin_seconds=60, now=NOW)
    assert facts["requested_at"] == "2026-11-02T08:57:00Z"


def test_the_largest_lag_seen_while_waiting_is_kept() -> None:
    facts: dict[str, Any] = {}
    for lag in (100, 290, 200):
        latest = NOW - timedelta(seconds=lag)
        seen = Seen(latest_restorable_time=latest, cluster=None, instance=None)
        facts = observed(previous=facts, seen=seen, waits_for=T, margin_seconds=60, now=NOW)
    assert facts["largest_lag_seconds"] == 290


@pytest.mark.parametrize(
    ("cluster", "instance", "backups", "move"),
    [
        (CLUSTER, INSTANCE, (), Move.DELETE_INSTANCE),
        (CLUSTER, replace(INSTANCE, status="creating"), (), Move.DELETE_INSTANCE),
        (CLUSTER, replace(INSTANCE, status="deleting"), (), Move.DELETE_CLUSTER),
        (CLUSTER, None, (), Move.DELETE_CLUSTER),
        (replace(CLUSTER, status="deleting"), None, (), Move.WAIT),
        (None, replace(INSTANCE, status="deleting"), (), Move.WAIT),
        (None, None, ("cluster-ABC",), Move.DELETE_BACKUP),
        (None, None, (), Move.DONE),
    ],
)
def test_teardown_keeps_the_order_that_aws_demands(
    cluster: Cluster | None, instance: Instance | None, backups: tuple[str, ...], move: Move
) -> None:
    instances = (instance,) if instance else ()
    remains = Remains(cluster=cluster, instances=instances, retained_backups=backups)
    assert teardown_next(remains=remains, run=RUN).move is move


def test_teardown_remembers_all_that_it_has_seen() -> None:
    first = remembered({}, Remains(cluster=CLUSTER, instances=(INSTANCE,), retained_backups=()))
    nothing = Remains(cluster=None, instances=(), retained_backups=())
    assert remembered({"seen": first}, nothing) == first
    assert [e["name"] for e in first] == ["drill-x-1", "drill-x"]


def why(cluster: Cluster | None, *instances: Instance) -> tuple[str, ...]:
    remains = Remains(cluster=cluster, instances=instances, retained_backups=())
    return kept(remains=remains, plan=PLAN, now=NOW)


def until(expires: str) -> dict[str, str]:
    return {**OURS, EXPIRES_TAG: expires}


COPY = replace(CLUSTER, members=("drill-x-1",))


@pytest.mark.parametrize(
    ("cluster", "instances"),
    [
        (COPY, (INSTANCE,)),
        (COPY, ()),
        (None, (replace(INSTANCE, status="deleting"),)),
        (None, ()),
        (replace(COPY, members=()), (INSTANCE,)),
        (replace(COPY, tags=until("2026-11-02T23:00:00Z")), (INSTANCE,)),
        (replace(COPY, tags=tags(RUN, "2026-11-02T08:00:00Z")), (INSTANCE,)),
    ],
)
def test_a_copy_that_nobody_has_touched_may_go(
    cluster: Cluster | None, instances: tuple[Instance, ...]
) -> None:
    assert why(cluster, *instances) == ()


@pytest.mark.parametrize("cluster", [None, COPY])
def test_an_instance_in_another_cluster_stays_and_so_does_all(cluster: Cluster | None) -> None:
    """The copy was renamed to production: its instance keeps its own name."""
    (told,) = why(cluster, replace(INSTANCE, cluster="production"))
    assert told == "the instance drill-x-1 is in the cluster production: expected drill-x"


@pytest.mark.parametrize(
    ("members", "instances"),
    [
        (("drill-x-1", "production-1"), (INSTANCE,)),
        (
            ("drill-x-1", "drill-y-1"),
            (INSTANCE, replace(INSTANCE, identifier="drill-y-1", tags={})),
        ),
        (("drill-x-1",), (INSTANCE, replace(INSTANCE, identifier="drill-y-1", tags={}))),
        (("drill-x-1",), (replace(INSTANCE, tags={}),)),
    ],
)
def test_a_copy_with_a_member_of_somebody_else_stays(
    members: tuple[str, ...], instances: tuple[Instance, ...]
) -> None:
    (told,) = why(replace(COPY, members=members), *instances)
    assert "has a member that is not this run's" in told


def test_an_instance_that_outlives_its_cluster_stays() -> None:
    """It has another cluster by now, which AWS has not yet written down."""
    (told,) = why(None, INSTANCE)
    assert told == "the cluster drill-x is gone and its instance is not: it was renamed"


def test_a_protected_copy_stays() -> None:
    (told,) = why(replace(COPY, deletion_protection=True), INSTANCE)
    assert told == "drill-x is protected against deletion: somebody switched that on"


@pytest.mark.parametrize("expires", ["2026-11-03T00:00:01Z", "2099-01-01T00:00:00Z", "keep", ""])
def test_a_copy_whose_expiry_was_put_off_stays(expires: str) -> None:
    (told,) = why(replace(COPY, tags=until(expires)), INSTANCE)
    assert told == (
        f"drill-x bears backup-drills:expires={expires}: the run's plan said 2026-11-03T00:00:00Z"
    )
    assert why(COPY, replace(INSTANCE, tags=until(expires))) == (told,)


def test_an_instance_in_another_cluster_proves_nothing() -> None:
    with pytest.raises(NotOurs, match="is in the cluster production: expected drill-x"):
        look(cluster=CLUSTER, instance=replace(INSTANCE, cluster="production"))
