"""The health of a cluster's backups: each thing that goes wrong is found, and nothing else is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aurora.health import SNAPSHOTS_TOLD, judge, next_snapshot_by
from functions.aurora.protection import ABSENT, Backed, Look, Snapshot, Usage
from functions.aurora.restorability import LEAST_FREE_ADDRESSES
from functions.aurora.values import Quota
from functions.health import Health, unreadable
from functions.watch import conditions

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b3c4d"
GROUP, FAMILY = "drill-aurora-postgresql15", "aurora-postgresql15"
SECOND = timedelta(seconds=1)
LAG, AGE = timedelta(seconds=900), timedelta(seconds=93600)
WANTED = {
    "restorable_lag_maximum_seconds": 900,
    "snapshot_age_maximum_seconds": 93600,
    "retention_days_minimum": 7,
    "require_encryption": True,
    "instance_classes": ["db.serverless"],
    "parameter_groups": [GROUP],
}

CLUSTER = Backed(
    identifier="prod",
    status="available",
    engine="aurora-postgresql",
    engine_version="15.8",
    encrypted=True,
    key=KEY,
    retention_days=7,
    deletion_protection=True,
    created_at=NOW - timedelta(days=400),
    earliest=NOW - timedelta(days=7),
    latest=NOW - timedelta(seconds=300),
    members=("prod-1", "prod-2"),
)


def snapshot(age: timedelta, status: str = "available") -> Snapshot:
    at = NOW - age
    return Snapshot(identifier=f"rds:prod-{at:%Y-%m-%d-%H-%M}", status=status, at=at, progress=40)


LAST = snapshot(timedelta(hours=7))
HEALTHY = Look(
    name="prod",
    cluster=CLUSTER,
    snapshots=(snapshot(timedelta(hours=31)), LAST),
    seconds={LAST.identifier: 61.5},
    manual_snapshots=3,
    key_state="Enabled",
    quotas={
        "DBClusters": Quota(used=39, limit=40),
        "DBInstances": Quota(used=39, limit=40),
        "ManualClusterSnapshots": Quota(used=79, limit=100),
        "OptionGroups": Quota(used=20, limit=20),
    },
    engine_status="available",
    zones={"db.serverless": ("sa-east-1a", "sa-east-1b", "sa-east-1c")},
    cluster_groups={GROUP: FAMILY},
    instance_groups={GROUP: FAMILY},
    subnets={"subnet-1": "sa-east-1a", "subnet-2": "sa-east-1b"},
    free={"subnet-1": LEAST_FREE_ADDRESSES, "subnet-2": LEAST_FREE_ADDRESSES},
    usage=Usage(billed=0.0, automated=5e9, manual=2e9, volume=4e9),
)


def cluster(**changes: Any) -> Look:
    return replace(HEALTHY, cluster=replace(CLUSTER, **changes))


def quota(name: str, used: int, limit: int) -> Look:
    assert HEALTHY.quotas is not None
    return replace(HEALTHY, quotas={**HEALTHY.quotas, name: Quota(used=used, limit=limit)})


def judged(look: Look, **wishes: Any) -> Health:
    return judge(look, wanted={**WANTED, **wishes}, now=NOW)


def found(look: Look, **wishes: Any) -> list[str]:
    return [finding.condition for finding in judged(look, **wishes).findings]


def gauges(look: Look) -> Mapping[str, float]:
    return {gauge.name: gauge.value for gauge in judged(look).gauges}


def test_a_healthy_cluster_has_no_finding() -> None:
    assert judged(HEALTHY).findings == ()


@pytest.mark.parametrize(
    ("look", "condition"),
    [
        (cluster(retention_days=6), "unprotected"),
        (cluster(encrypted=False, key=""), "unprotected"),
        (cluster(latest=NOW - LAG - SECOND), "backup-stale"),
        (cluster(latest=None, earliest=None), "backup-stale"),
        (cluster(status="stopped"), "backup-stale"),
        (replace(HEALTHY, snapshots=(snapshot(AGE + SECOND),)), "snapshot-stale"),
        (replace(HEALTHY, snapshots=()), "snapshot-stale"),
        (replace(HEALTHY, snapshots=(snapshot(timedelta(hours=7), "copying"),)), "snapshot-stale"),
        (
            replace(HEALTHY, snapshots=(LAST, snapshot(timedelta(hours=6) + SECOND, "creating"))),
            "snapshot-stale",
        ),
        (cluster(status="incompatible-parameters"), "not-restorable"),
        (cluster(status="inaccessible-encryption-credentials-recoverable"), "not-restorable"),
        (replace(HEALTHY, engine_status=ABSENT), "not-restorable"),
        (replace(HEALTHY, zones={"db.serverless": ()}), "not-restorable"),
        (replace(HEALTHY, zones={"db.serverless": ("sa-east-1c",)}), "not-restorable"),
        (replace(HEALTHY, cluster_groups={GROUP: ABSENT}), "not-restorable"),
        (replace(HEALTHY, instance_groups={GROUP: ABSENT}), "not-restorable"),
        (replace(HEALTHY, cluster_groups={GROUP: "aurora-postgresql14"}), "not-restorable"),
        (replace(HEALTHY, instance_groups={GROUP: "aurora-postgresql14"}), "not-restorable"),
        (replace(HEALTHY, subnets={}), "not-restorable"),
        (
            replace(HEALTHY, subnets={"subnet-1": "sa-east-1a", "subnet-2": "sa-east-1a"}),
            "not-restorable",
        ),
        (
            replace(HEALTHY, free={"subnet-1": LEAST_FREE_ADDRESSES, "subnet-2": 2}),
            "not-restorable",
        ),
        (replace(HEALTHY, free={"subnet-1": 200}), "not-restorable"),
        (quota("DBClusters", 40, 40), "not-restorable"),
        (quota("DBInstances", 41, 40), "not-restorable"),
        (cluster(deletion_protection=False), "advice"),
        (cluster(earliest=NOW - timedelta(days=7) + timedelta(hours=4) + SECOND), "advice"),
        (replace(HEALTHY, engine_status="deprecated"), "advice"),
        (quota("ManualClusterSnapshots", 80, 100), "advice"),
    ],
)
def test_one_thing_wrong_is_one_finding(look: Look, condition: str) -> None:
    assert found(look) == [condition]


@pytest.mark.parametrize(
    "look",
    [
        cluster(latest=NOW - LAG),
        cluster(latest=NOW + SECOND),
        replace(HEALTHY, snapshots=(snapshot(AGE),)),
        replace(HEALTHY, snapshots=(LAST, snapshot(timedelta(hours=6), "creating"))),
        replace(HEALTHY, snapshots=(LAST, snapshot(timedelta(hours=40), "copying"))),
        cluster(earliest=NOW - timedelta(days=7) + timedelta(hours=4)),
        cluster(earliest=None),
        cluster(created_at=NOW - timedelta(days=7), earliest=NOW - timedelta(days=6)),
        cluster(retention_days=35, created_at=NOW - timedelta(days=30)),
        cluster(key=""),
        replace(cluster(key=""), key_state=None),
        replace(HEALTHY, free={"subnet-1": 200, "subnet-2": LEAST_FREE_ADDRESSES}),
    ],
)
def test_at_the_limit_nothing_is_wrong(look: Look) -> None:
    assert found(look) == []


@pytest.mark.parametrize(
    "status",
    [
        "available",
        "backing-up",
        "modifying",
        "maintenance",
        "failing-over",
        "upgrading",
        "resetting-master-credentials",
        "starting",
        "stopping",
        "renaming",
        "some-state-that-aws-adds",
    ],
)
def test_a_state_that_passes_is_no_finding(status: str) -> None:
    assert found(cluster(status=status)) == []


def test_a_young_cluster_need_have_no_snapshot_yet() -> None:
    young = NOW - AGE
    assert found(replace(cluster(created_at=young, earliest=young), snapshots=())) == []
    older = young - SECOND
    assert found(replace(cluster(created_at=older, earliest=older), snapshots=())) == [
        "snapshot-stale"
    ]


AT_TWO, AT_SIX = "02:00-02:30", "06:00-06:30"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}Z")


def found_at(now: str, *, last: str, window: str) -> list[str]:
    """What is found of snapshots then, of a cluster whose last one was begun at another time."""
    last_one = Snapshot(identifier="rds:prod-last", status="available", at=at(last))
    look = replace(cluster(window=window, latest=at(now)), snapshots=(last_one,))
    return [each.condition for each in judge(look, wanted=WANTED, now=at(now)).findings]


@pytest.mark.parametrize(
    ("last", "window", "in_time", "too_late"),
    [
        ("02 02:10", AT_TWO, "03 04:30", "03 04:31"),
        ("02 02:00", AT_TWO, "03 04:30", "03 04:31"),
        ("02 04:30", AT_TWO, "03 06:30", "03 06:31"),
        ("02 02:10", AT_SIX, "03 08:30", "03 08:31"),
        ("02 06:10", AT_TWO, "04 04:30", "04 04:31"),
        ("02 02:10", "20:00-20:30", "03 22:30", "03 22:31"),
        ("02 20:10", AT_TWO, "04 04:30", "04 04:31"),
        ("02 23:50", "23:45-00:15", "04 02:15", "04 02:16"),
        ("03 00:10", "23:45-00:15", "04 02:15", "04 02:16"),
    ],
    ids=[
        "in its window",
        "at its beginning",
        "at the end of its grace",
        "the window moved later",
        "the window moved earlier",
        "much later",
        "much later, past midnight",
        "over midnight",
        "after midnight",
    ],
)
def test_a_snapshot_is_due_when_a_window_has_passed_without_it(
    last: str, window: str, in_time: str, too_late: str
) -> None:
    assert found_at(in_time, last=last, window=window) == []
    assert found_at(too_late, last=last, window=window) == ["snapshot-stale"]


def test_a_window_is_named_by_the_finding() -> None:
    look = replace(cluster(window="03:00-03:30"), snapshots=(snapshot(timedelta(hours=60)),))
    (finding,) = judged(look).findings
    assert finding.text.endswith(
        "26 hours ago at most, and one in its backup window of 03:00-03:30 UTC"
    )


def test_the_first_snapshot_of_a_cluster_is_due_after_a_window_too() -> None:
    made = NOW - timedelta(hours=27)
    young = replace(cluster(created_at=made, earliest=made, window="10:00-10:30"), snapshots=())
    assert found(young) == []
    assert found(replace(young, cluster=replace(CLUSTER, created_at=made, earliest=made))) == [
        "snapshot-stale"
    ]


minutes_of_a_day = st.integers(0, 24 * 60 - 1)


@given(begun=minutes_of_a_day, ends=minutes_of_a_day, length=st.integers(30, 240))
def test_wherever_a_window_is_moved_the_next_snapshot_is_due_within_two_days(
    begun: int, ends: int, length: int
) -> None:
    midnight = at("02 00:00")
    last = midnight + timedelta(minutes=begun)
    end = midnight + timedelta(minutes=ends)
    window = f"{end - timedelta(minutes=length):%H:%M}-{end:%H:%M}"
    due = next_snapshot_by(last, window, AGE)
    assert last + AGE <= due <= last + timedelta(hours=48)
    over = [end + timedelta(days=days, hours=2) for days in range(4)]
    assert due == last + AGE or due in over


@pytest.mark.parametrize("window", ["", "soon", "02:00"])
def test_where_aws_tells_no_window_the_age_alone_counts(window: str) -> None:
    assert next_snapshot_by(NOW, window, AGE) == NOW + AGE


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion", ABSENT])
def test_a_key_that_cannot_be_used_endangers_the_backups_and_prevents_the_restore(
    state: str,
) -> None:
    findings = judged(replace(HEALTHY, key_state=state)).findings
    assert [each.condition for each in findings] == ["unprotected", "not-restorable"]
    assert {each.text for each in findings} == {f"key {KEY} of prod: is {state}: expected Enabled"}


@pytest.mark.parametrize(
    "look", [Look(name="prod", cluster=ABSENT), cluster(status="deleting")], ids=["gone", "going"]
)
def test_a_cluster_that_is_gone_is_unprotected_and_cannot_be_restored(look: Look) -> None:
    assert found(look) == ["unprotected", "not-restorable"]


def test_of_a_cluster_that_is_gone_there_is_nothing_to_measure() -> None:
    health = judged(Look(name="prod", cluster=ABSENT))
    assert (health.gauges, health.facts) == ((), {"status": ABSENT})


def test_encryption_that_nobody_asked_for_need_not_be() -> None:
    assert found(cluster(encrypted=False, key=""), require_encryption=False) == []


def test_the_wishes_are_the_limits() -> None:
    assert found(HEALTHY, retention_days_minimum=8) == ["unprotected"]
    assert found(HEALTHY, restorable_lag_maximum_seconds=299) == ["backup-stale"]
    assert found(HEALTHY, snapshot_age_maximum_seconds=7 * 3600 - 1) == ["snapshot-stale"]


def test_a_major_upgrade_that_drills_yaml_does_not_know_is_told_once_for_each_group() -> None:
    findings = judged(cluster(engine_version="16.4")).findings
    assert [each.condition for each in findings] == ["not-restorable"] * 2
    assert all("expected aurora-postgresql16" in each.text for each in findings)


def test_several_things_wrong_are_all_told() -> None:
    wrong = replace(
        cluster(retention_days=1, latest=None, earliest=None, deletion_protection=False),
        snapshots=(),
        engine_status=ABSENT,
    )
    assert found(wrong) == [
        "unprotected",
        "backup-stale",
        "snapshot-stale",
        "not-restorable",
        "advice",
    ]


NOTHING = Look(name="prod", missed=(unreadable("DescribeDBClusters", TimeoutError("late")),))


def test_what_could_not_be_read_is_the_only_finding() -> None:
    health = judged(NOTHING)
    assert [each.condition for each in health.findings] == ["unreadable"]
    assert health.gauges == ()


@pytest.mark.parametrize(
    "unread",
    [
        "cluster",
        "snapshots",
        "manual_snapshots",
        "key_state",
        "quotas",
        "engine_status",
        "subnets",
        "free",
        "usage",
    ],
)
def test_what_could_not_be_read_says_nothing(unread: str) -> None:
    changed: dict[str, Any] = {unread: None}
    assert found(replace(HEALTHY, **changed)) == []


def test_the_rest_is_judged_where_the_cluster_could_not_be_read() -> None:
    wrong = replace(
        quota("DBClusters", 40, 40),
        cluster=None,
        snapshots=(snapshot(AGE + SECOND),),
        missed=NOTHING.missed,
    )
    assert found(wrong) == ["unreadable", "snapshot-stale", "not-restorable"]


def test_gauges_of_a_healthy_cluster() -> None:
    units = {gauge.name: (gauge.value, gauge.unit) for gauge in judged(HEALTHY).gauges}
    assert units == {
        "RestorableLagSeconds": (300.0, "Seconds"),
        "RestorableWindowSeconds": (7 * 86400 - 300.0, "Seconds"),
        "SnapshotAgeSeconds": (7 * 3600.0, "Seconds"),
        "SnapshotDurationSeconds": (61.5, "Seconds"),
        "BackupBytes": (0.0, "Bytes"),
        "ManualSnapshots": (3, "Count"),
    }


def test_without_a_restorable_time_the_lag_grows_since_the_cluster_was_made() -> None:
    assert gauges(cluster(latest=None, earliest=None))["RestorableLagSeconds"] == 400 * 86400
    assert "RestorableWindowSeconds" not in gauges(cluster(latest=None))
    assert "RestorableLagSeconds" not in gauges(cluster(latest=None, created_at=None))


def test_a_clock_ahead_of_ours_makes_no_negative_lag() -> None:
    assert gauges(cluster(latest=NOW + 5 * SECOND))["RestorableLagSeconds"] == 0


def test_a_snapshot_that_is_not_finished_is_not_the_last_one() -> None:
    unfinished = replace(HEALTHY, snapshots=(LAST, snapshot(timedelta(hours=1), "creating")))
    assert gauges(unfinished)["SnapshotAgeSeconds"] == 7 * 3600


def test_of_what_is_not_known_there_is_no_gauge() -> None:
    unknown = replace(HEALTHY, snapshots=(), manual_snapshots=None, usage=Usage(volume=1.0))
    assert set(gauges(unknown)) == {"RestorableLagSeconds", "RestorableWindowSeconds"}
    lost_event = replace(HEALTHY, seconds={})
    assert "SnapshotDurationSeconds" not in gauges(lost_event)


def test_facts_of_a_healthy_cluster() -> None:
    facts = judged(HEALTHY).facts
    assert json.loads(json.dumps(facts)) == facts
    assert facts["snapshots"] == [
        {
            "id": LAST.identifier,
            "time": "2026-11-02T05:00:00Z",
            "status": "available",
            "seconds": 61.5,
        },
        {
            "id": "rds:prod-2026-11-01-05-00",
            "time": "2026-11-01T05:00:00Z",
            "status": "available",
            "seconds": None,
        },
    ]
    assert {name: facts[name] for name in facts if name != "snapshots"} == {
        "status": "available",
        "engine": "aurora-postgresql",
        "engine_version": "15.8",
        "engine_status": "available",
        "members": ["prod-1", "prod-2"],
        "retention_days": 7,
        "encrypted": True,
        "key": {"id": KEY, "state": "Enabled"},
        "deletion_protection": True,
        "window": {"earliest": "2026-10-26T12:00:00Z", "latest": "2026-11-02T11:55:00Z"},
        "backup_bytes": 0.0,
        "volume_bytes": 4e9,
        "free_addresses": {"sa-east-1a": 3, "sa-east-1b": 3},
        "quotas": {
            "DBClusters": {"used": 39, "limit": 40},
            "DBInstances": {"used": 39, "limit": 40},
            "ManualClusterSnapshots": {"used": 79, "limit": 100},
        },
    }


def test_only_the_last_snapshots_are_told() -> None:
    many = tuple(snapshot(timedelta(days=days)) for days in range(35, 0, -1))
    told = judged(replace(HEALTHY, snapshots=many)).facts["snapshots"]
    assert [each["id"] for each in told] == [
        each.identifier for each in reversed(many[-SNAPSHOTS_TOLD:])
    ]


def test_what_aws_has_not_published_is_told_so() -> None:
    facts = judged(replace(HEALTHY, usage=Usage())).facts
    assert (facts["backup_bytes"], facts["volume_bytes"]) == ("not published yet",) * 2
    facts = judged(replace(HEALTHY, usage=None)).facts
    assert (facts["backup_bytes"], facts["volume_bytes"]) == (None, None)


looks = st.builds(
    Look,
    name=st.just("prod"),
    cluster=st.one_of(
        st.none(),
        st.just(ABSENT),
        st.builds(
            Backed,
            identifier=st.just("prod"),
            status=st.sampled_from(["available", "stopped", "deleting", "failed", "modifying"]),
            engine=st.sampled_from(["aurora-postgresql", "neptune"]),
            engine_version=st.sampled_from(["15.8", "16", "1.3.0.0"]),
            encrypted=st.booleans(),
            key=st.sampled_from(["", KEY]),
            retention_days=st.integers(0, 35),
            deletion_protection=st.booleans(),
            created_at=st.none() | st.just(NOW),
            earliest=st.none() | st.just(NOW),
            latest=st.none() | st.just(NOW),
            window=st.sampled_from(["", AT_TWO, "odd"]),
        ),
    ),
    snapshots=st.none() | st.just(()) | st.just((LAST,)),
    key_state=st.sampled_from([None, "Enabled", ABSENT]),
    quotas=st.none() | st.just({}),
    engine_status=st.sampled_from([None, "available", ABSENT]),
    subnets=st.none() | st.just({}) | st.just({"subnet-1": "a"}),
    free=st.none() | st.just({}),
    usage=st.none() | st.just(Usage()),
)


@given(looks)
def test_whatever_was_found_is_judged_in_conditions_of_the_kind_and_is_json(look: Look) -> None:
    health = judged(look)
    known = {condition.name for condition in conditions.OF_SOURCES["aurora"]}
    assert {finding.condition for finding in health.findings} <= known
    assert json.dumps(health.facts)
    assert max(Counter(gauge.name for gauge in health.gauges).values(), default=1) == 1
