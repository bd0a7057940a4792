"""The sweeper chooses what bears the name, the tags and a passed expiry, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import naming
from functions.watch.expired import (
    STACK_TAG,
    Judged,
    Kind,
    Left,
    Life,
    Owner,
    Scratch,
    Standing,
    Sweep,
    decide,
    judge,
    owner_of,
)

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
PAST, FUTURE = "2026-11-02T11:59:59Z", "2026-11-02T12:00:01Z"
RUN, OTHER = "20261102-1a2b3c", "20261101-0f0f0f"
NAME = f"drill-a-{RUN}"
OWNER = Owner(drill="a", run=RUN)
SOURCES = ("production", "drill-source", "Files-Prod", "arn:aws:secretsmanager:x:1:secret:s-AbCdEf")


def scratch(kind: Kind = Kind.CLUSTER, name: str = NAME, **others: Any) -> Scratch:
    tags = {**naming.tags(RUN, PAST), **others.pop("more", {})}
    return Scratch(**{"kind": kind, "name": name, "tags": tags, **others})


def without(tag: str) -> dict[str, str]:
    return {key: value for key, value in naming.tags(RUN, PAST).items() if key != tag}


def judged(*found: Scratch) -> list[Judged]:
    return [judge(each, sources=SOURCES, now=NOW) for each in found]


def dead(*found: Scratch) -> Sweep:
    """The sweep when every run is dead."""
    everything = judged(*found)
    return decide(everything, life={each.owner: Life.DEAD for each in everything if each.owner})


def told(left: tuple[Left, ...]) -> list[tuple[str, str]]:
    return [(each.found.name, each.why) for each in left]


@pytest.mark.parametrize("kind", Kind)
def test_all_the_signs_together(kind: Kind) -> None:
    assert judge(scratch(kind), sources=SOURCES, now=NOW).standing is Standing.EXPIRED


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("tags", "standing"),
    [
        (without(naming.MANAGED_TAG), Standing.UNTAGGED),
        (without(naming.RUN_TAG), Standing.UNTAGGED),
        (without(naming.EXPIRES_TAG), Standing.UNTAGGED),
        ({**naming.tags(RUN, PAST), naming.MANAGED_TAG: "false"}, Standing.UNTAGGED),
        ({**naming.tags(RUN, PAST), naming.RUN_TAG: OTHER}, Standing.UNTAGGED),
        ({**naming.tags(RUN, PAST), naming.RUN_TAG: ""}, Standing.UNTAGGED),
        ({**naming.tags(RUN, PAST), naming.RUN_TAG: "a"}, Standing.UNTAGGED),
        (naming.tags(RUN, "yesterday"), Standing.UNTAGGED),
        (naming.tags(RUN, "2026-11-02T11:59:59"), Standing.UNTAGGED),
        (naming.tags(RUN, ""), Standing.UNTAGGED),
        ({}, Standing.UNTAGGED),
        (naming.tags(RUN, FUTURE), Standing.YOUNG),
        (naming.tags(RUN, "2026-11-02T12:00:00Z"), Standing.YOUNG),
        ({**naming.tags(RUN, PAST), STACK_TAG: "backup-drills"}, Standing.NOTHING),
        ({STACK_TAG: "backup-drills"}, Standing.NOTHING),
    ],
)
def test_one_sign_missing(kind: Kind, tags: dict[str, str], standing: Standing) -> None:
    found = judge(Scratch(kind=kind, name=NAME, tags=tags), sources=SOURCES, now=NOW)
    assert found.standing is standing
    assert found.owner is None
    assert bool(found.why) == (standing is Standing.UNTAGGED)


def test_what_has_no_sign_of_a_drill_is_nothing() -> None:
    assert judge(scratch(name="x", tags={}), sources=[], now=NOW).standing is Standing.NOTHING


@pytest.mark.parametrize("name", ["production", f"a-drill-a-{RUN}", f"Drill-a-{RUN}", f"a-{RUN}"])
def test_the_tags_without_the_name_are_refused(name: str) -> None:
    found = judge(scratch(name=name), sources=[], now=NOW)
    assert (found.standing, found.owner) == (Standing.REFUSED, None)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("as_written", [str.lower, str.upper, str])
def test_a_source_that_looks_like_a_copy_in_every_way_is_refused(
    kind: Kind, as_written: Any
) -> None:
    found = judge(scratch(kind), sources=[as_written(NAME)], now=NOW)
    assert found.standing is Standing.REFUSED
    assert "is the source" in found.why


def test_a_source_with_a_drills_name_and_no_tags_is_no_scratch_without_tags() -> None:
    source = Scratch(kind=Kind.CLUSTER, name="drill-source")
    member = Scratch(kind=Kind.INSTANCE, name="drill-source-1", cluster="drill-source")
    assert {each.standing for each in judged(source, member)} == {Standing.NOTHING}


def test_a_secret_is_a_source_by_its_arn_too() -> None:
    arn = f"arn:aws:secretsmanager:x:1:secret:{NAME}-AbCdEf"
    found = judge(scratch(Kind.SECRET, handle=arn), sources=[arn], now=NOW)
    assert found.standing is Standing.REFUSED


def test_an_instance_of_a_source_is_refused_whatever_it_bears() -> None:
    instance = scratch(Kind.INSTANCE, f"{NAME}-1", cluster="drill-source")
    assert judge(instance, sources=SOURCES, now=NOW).standing is Standing.REFUSED


def test_what_could_not_be_read_is_told() -> None:
    hidden = Scratch(kind=Kind.BUCKET, name=NAME, unreadable="AccessDenied")
    found = judge(hidden, sources=[], now=NOW)
    assert found.standing is Standing.UNTAGGED
    assert "AccessDenied" in found.why


def test_instances_go_before_clusters_and_the_rest_behind_them() -> None:
    cluster = scratch(members=(f"{NAME}-1",))
    instance = scratch(Kind.INSTANCE, f"{NAME}-1", cluster=NAME)
    logs = scratch(Kind.LOG_GROUP, f"drill-gone-{RUN}")
    secret, backup, snapshot = map(scratch, (Kind.SECRET, Kind.BACKUP, Kind.SNAPSHOT))
    bucket = scratch(Kind.BUCKET)
    sweep = dead(logs, bucket, secret, backup, snapshot, cluster, instance)
    assert sweep.delete == (instance, cluster, snapshot, backup, secret, bucket, logs)
    assert sweep.expired == 7


@pytest.mark.parametrize(
    ("cluster", "instance"),
    [("deleting", "deleting"), ("available", "deleting"), ("creating", "creating")],
)
def test_what_is_on_its_way_is_counted_and_not_asked_for_again(cluster: str, instance: str) -> None:
    copy = scratch(members=(f"{NAME}-1",), status=cluster)
    member = scratch(Kind.INSTANCE, f"{NAME}-1", cluster=NAME, status=instance)
    sweep = dead(copy, member)
    assert sweep.going == tuple(e for e in (copy, member) if e.status == "deleting")
    assert sweep.delete == tuple(e for e in (member, copy) if e.status != "deleting")
    assert sweep.expired == 2


def test_a_cluster_with_a_member_that_is_not_ours_stays() -> None:
    copy = scratch(members=(f"{NAME}-1", "production-1"))
    ours = scratch(Kind.INSTANCE, f"{NAME}-1", cluster=NAME)
    theirs = Scratch(kind=Kind.INSTANCE, name="production-1", cluster=NAME)
    sweep = dead(copy, ours, theirs)
    assert sweep.delete == ()
    why = "it has an instance that is no drill's: production-1"
    assert told(sweep.held) == [
        (NAME, why),
        (f"{NAME}-1", f"its cluster {NAME} stays: {why}"),
    ]
    assert sweep.expired == 2


def test_a_member_that_its_cluster_does_not_list_is_a_member_all_the_same() -> None:
    copy, theirs = scratch(), Scratch(kind=Kind.INSTANCE, name="production-1", cluster=NAME)
    assert dead(copy, theirs).delete == ()


def test_a_protected_cluster_stays_with_its_instances() -> None:
    copy = scratch(members=(f"{NAME}-1",), stays="it is protected")
    sweep = dead(copy, scratch(Kind.INSTANCE, f"{NAME}-1", cluster=NAME))
    assert sweep.delete == ()
    assert told(sweep.held) == [
        (NAME, "it is protected"),
        (f"{NAME}-1", f"its cluster {NAME} stays: it is protected"),
    ]


@pytest.mark.parametrize(("of_cluster", "of_instance"), [(FUTURE, PAST), (PAST, FUTURE)])
def test_a_copy_of_which_one_part_was_put_off_stays(of_cluster: str, of_instance: str) -> None:
    copy = scratch(members=(f"{NAME}-1",), tags=naming.tags(RUN, of_cluster))
    member = scratch(Kind.INSTANCE, f"{NAME}-1", cluster=NAME, tags=naming.tags(RUN, of_instance))
    sweep = dead(copy, member)
    assert sweep.delete == ()
    assert [each.found for each in sweep.held] == [copy if of_cluster == PAST else member]
    assert sweep.refused == ()


def test_what_expires_only_after_years_is_told_and_counted() -> None:
    kept = scratch(tags=naming.tags(RUN, "2099-01-01T00:00:00Z"))
    sweep = dead(kept)
    assert told(sweep.far) == [
        (NAME, "it expires only at 2099-01-01T00:00:00Z: no drill gives so much time")
    ]
    assert (sweep.counted_untagged, sweep.expired, sweep.delete) == (1, 0, ())


def test_what_a_run_that_goes_on_has_put_off_is_no_news() -> None:
    kept = scratch(tags=naming.tags(RUN, "2099-01-01T00:00:00Z"))
    assert decide(judged(kept), life={OWNER: Life.ALIVE}) == Sweep()


def test_what_is_refused_is_counted() -> None:
    sweep = dead(scratch(name="renamed"), scratch(Kind.INSTANCE, cluster="production"))
    assert (len(sweep.refused), sweep.counted_untagged) == (2, 2)


@pytest.mark.parametrize("cluster", ["", "production", f"drill-b-{RUN}", "drill-unlisted"])
def test_an_instance_outside_a_copy_is_refused(cluster: str) -> None:
    """The protection of a cluster against deletion does not cover its instances."""
    instance = scratch(Kind.INSTANCE, f"{NAME}-1", cluster=cluster)
    others = [Scratch(kind=Kind.CLUSTER, name=name) for name in ("production", f"drill-b-{RUN}")]
    sweep = dead(instance, *others)
    assert sweep.delete == ()
    assert [each.found for each in sweep.refused] == [instance]


def test_an_instance_in_a_copy_that_is_still_young_stays() -> None:
    copy = scratch(members=(f"{NAME}-1",), tags=naming.tags(RUN, FUTURE))
    sweep = dead(copy, scratch(Kind.INSTANCE, f"{NAME}-1", cluster=NAME))
    assert sweep.delete == ()


@pytest.mark.parametrize(("life", "word"), [(Life.ALIVE, "late"), (Life.UNKNOWN, "held")])
def test_a_run_that_may_go_on_keeps_what_it_made(life: Life, word: str) -> None:
    copy = scratch(members=(f"{NAME}-1",))
    instance = scratch(Kind.INSTANCE, f"{NAME}-1", cluster=NAME)
    sweep = decide(judged(copy, instance), life={OWNER: life})
    assert (sweep.delete, sweep.going) == ((), ())
    assert [each.found for each in getattr(sweep, word)] == [copy, instance]
    assert sweep.expired == 2


def test_a_run_of_which_nothing_was_asked_keeps_it_too() -> None:
    assert decide(judged(scratch()), life={}).delete == ()


@pytest.mark.parametrize("blind", [Kind.INSTANCE, Kind.CLUSTER])
def test_what_was_not_all_listed_is_not_judged_by_halves(blind: Kind) -> None:
    copy, snapshot = scratch(members=(f"{NAME}-1",)), scratch(Kind.SNAPSHOT)
    instance = scratch(Kind.INSTANCE, f"{NAME}-1", cluster=NAME)
    found = judged(*(each for each in (copy, instance, snapshot) if each.kind is not blind))
    sweep = decide(found, life={OWNER: Life.DEAD}, blind=[blind])
    assert sweep.delete == (snapshot,)
    assert len(sweep.held) == 1


def test_a_log_group_waits_for_its_cluster() -> None:
    logs = scratch(Kind.LOG_GROUP)
    assert dead(logs).delete == (logs,)
    assert told(dead(logs, scratch(status="deleting")).held) == [
        (NAME, "its cluster is still there")
    ]
    assert decide(judged(logs), life={OWNER: Life.DEAD}, blind=[Kind.CLUSTER]).delete == ()


def test_a_log_group_without_tags_is_told_once_its_cluster_is_gone() -> None:
    logs = Scratch(kind=Kind.LOG_GROUP, name=NAME, handle=f"/aws/rds/cluster/{NAME}/postgresql")
    assert [each.found for each in dead(logs).untagged] == [logs]
    assert dead(logs, Scratch(kind=Kind.CLUSTER, name=NAME)).untagged[0].found is not logs
    assert dead(logs).counted_untagged == 0


def test_what_must_stay_says_why() -> None:
    bucket = scratch(Kind.BUCKET, stays="it is not empty")
    assert told(dead(bucket).held) == [(NAME, "it is not empty")]


def test_untagged_buckets_are_told_and_not_counted() -> None:
    sweep = dead(*(Scratch(kind=kind, name=NAME) for kind in Kind if kind is not Kind.LOG_GROUP))
    assert len(sweep.untagged) == 6
    assert sweep.counted_untagged == 5
    assert sweep.expired == 0


names = st.sampled_from(
    [NAME, f"{NAME}-1", f"drill-b-{OTHER}", f"drill-b-{OTHER}-1", "production", "production-1",
     "drill-source", "drill-source-1", "drill", f"x-{NAME}", f"drill-{RUN}", "drill-rotation-a"]
)  # fmt: skip
tags = st.dictionaries(
    st.sampled_from([naming.MANAGED_TAG, naming.EXPIRES_TAG, naming.RUN_TAG, STACK_TAG, "team"]),
    st.sampled_from(["true", "false", PAST, FUTURE, "", "soon", RUN, OTHER]),
)
all_the_tags = st.sampled_from([naming.tags(RUN, PAST), naming.tags(OTHER, PAST)])
anything = st.builds(
    Scratch,
    kind=st.sampled_from(Kind),
    name=names,
    status=st.sampled_from(["available", "deleting", "creating", "stopped"]),
    tags=all_the_tags | tags,
    members=st.lists(names, max_size=3).map(tuple),
    cluster=names | st.just(""),
    stays=st.sampled_from(["", "", "a reason"]),
)
lives = st.dictionaries(
    st.sampled_from([OWNER, Owner(drill="b", run=OTHER)]), st.sampled_from(Life)
)


@given(st.lists(anything, max_size=8), st.sets(names), lives, st.sets(st.sampled_from(Kind)))
def test_whatever_there_is_nothing_else_is_ever_chosen(
    found: list[Scratch], sources: set[str], life: dict[Owner, Life], blind: set[Kind]
) -> None:
    sweep = decide(
        [judge(each, sources=sources, now=NOW) for each in found], life=life, blind=blind
    )
    for chosen in (*sweep.delete, *sweep.going):
        assert chosen.name.startswith("drill-")
        assert chosen.name not in sources
        assert chosen.cluster not in sources
        assert chosen.tags[naming.MANAGED_TAG] == "true"
        assert chosen.tags[naming.EXPIRES_TAG] == PAST
        assert STACK_TAG not in chosen.tags
        owner = owner_of(chosen.name, chosen.tags[naming.RUN_TAG])
        assert owner is not None
        assert life[owner] is Life.DEAD
        assert not chosen.stays
    copies = {each.name for each in (*sweep.delete, *sweep.going) if each.kind is Kind.INSTANCE}
    for chosen in (*sweep.delete, *sweep.going):
        if chosen.kind is Kind.CLUSTER:
            assert copies.issuperset(chosen.members)
            inside = {e.name for e in found if e.kind is Kind.INSTANCE and e.cluster == chosen.name}
            assert copies.issuperset(inside)
        if chosen.kind is Kind.INSTANCE:
            assert any(
                each.kind is Kind.CLUSTER and each.name == chosen.cluster
                for each in (*sweep.delete, *sweep.going)
            )
    assert list(sweep.delete) == sorted(sweep.delete, key=lambda each: list(Kind).index(each.kind))


@given(st.lists(anything, max_size=8), st.sets(names), lives)
def test_nothing_that_bears_a_sign_is_forgotten(
    found: list[Scratch], sources: set[str], life: dict[Owner, Life]
) -> None:
    """All is to be deleted, or told with its reason, or is young, the stack's, or a source."""
    everything = [judge(each, sources=sources, now=NOW) for each in found]
    sweep = decide(everything, life=life)
    named = [*sweep.delete, *sweep.going]
    for left in sweep.left:
        assert left.why
        named.append(left.found)
    silent = [each for each in everything if each.found not in named]
    assert all(
        each.standing in (Standing.NOTHING, Standing.YOUNG)
        or (each.standing is Standing.UNTAGGED and each.found.kind is Kind.LOG_GROUP)
        for each in silent
    )
